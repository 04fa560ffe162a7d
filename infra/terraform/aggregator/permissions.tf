# What each door may do, beside writing its own log. infra/README.md explains each line. No door may scan, only ingest writes facts,
# and of the state each writes its own partitions.

locals {
  facts         = [aws_dynamodb_table.facts.arn]
  state         = [aws_dynamodb_table.state.arn]
  indexes_arns  = [for name in keys(local.indexes) : "${aws_dynamodb_table.state.arn}/index/${name}"]
  deliver_mail  = [aws_sqs_queue.mail["deliver"].arn]
  evaluate_mail = [aws_sqs_queue.mail["evaluate"].arn]
  receiving     = ["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]

  # How the partitions of state begin that a door writes; it may write no others. Evaluate and sweep also evaluate what the other has
  # put off. Deliver counts what a channel gets and an OpenTelemetry receiver is told (N#), puts what does not fit into digests, and disables a channel that is gone (K#);
  # sweep writes the first configuration and the fleet's totals (T#).
  evaluated = ["A#*", "B#*", "D#*", "E#*", "G#*", "H#*", "L#*", "O#*", "P#*", "S#*", "V#*", "W#*"]
  writes = {
    ingest   = { sid = "CountRefusals", actions = ["UpdateItem"], keys = ["R#*"] }
    evaluate = { sid = "WriteState", actions = ["PutItem", "UpdateItem"], keys = local.evaluated }
    deliver  = { sid = "SettleMessages", actions = ["PutItem", "UpdateItem"], keys = ["K#*", "N#*", "O#*"] }
    sweep    = { sid = "WriteState", actions = ["PutItem", "UpdateItem"], keys = concat(local.evaluated, ["K#*", "T#*"]) }
    console  = { sid = "Configure", actions = ["DeleteItem", "PutItem", "UpdateItem"], keys = ["K#*", "O#*"] }
  }
  write = { for door, it in local.writes : door => {
    sid       = it.sid
    actions   = [for action in it.actions : "dynamodb:${action}"]
    resources = local.state
    condition = { test = "ForAllValues:StringLike", variable = "dynamodb:LeadingKeys", values = it.keys }
  } }

  read_facts = { sid = "ReadFacts", actions = ["dynamodb:Query"], resources = local.facts, condition = null }
  read_state = [
    { sid = "ReadState", actions = ["dynamodb:GetItem", "dynamodb:Query"], resources = local.state, condition = null },
    { sid = "ReadIndexes", actions = ["dynamodb:Query"], resources = local.indexes_arns, condition = null },
  ]
  ask_for_delivery = { sid = "AskForDelivery", actions = ["sqs:SendMessage"], resources = local.deliver_mail, condition = null }

  permissions = {
    ingest = [
      { sid = "RecordFacts", actions = ["dynamodb:UpdateItem"], resources = local.facts, condition = null },
      local.write.ingest,
    ]
    evaluate = concat([local.read_facts], local.read_state, [
      local.write.evaluate,
      local.ask_for_delivery,
      { sid = "WakeItself", actions = ["sqs:SendMessage"], resources = local.evaluate_mail, condition = null },
      { sid = "ReceiveMail", actions = local.receiving, resources = local.evaluate_mail, condition = null },
      {
        sid       = "FollowFacts"
        actions   = ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"]
        resources = [aws_dynamodb_table.facts.stream_arn]
        condition = null
      },
      # It cannot be limited to a resource.
      { sid = "FindStream", actions = ["dynamodb:ListStreams"], resources = ["*"], condition = null },
      { sid = "GiveUpRecords", actions = ["sqs:SendMessage"], resources = [aws_sqs_queue.dead_letters["evaluate"].arn], condition = null },
    ])
    deliver = concat(local.read_state, [
      local.write.deliver,
      { sid = "TryAgainLater", actions = ["sqs:SendMessage"], resources = local.deliver_mail, condition = null },
      { sid = "ReceiveMail", actions = local.receiving, resources = local.deliver_mail, condition = null },
    ], local.channels)
    sweep = concat([local.read_facts], local.read_state, [
      local.write.sweep,
      {
        sid       = "LeaveGroups"
        actions   = ["dynamodb:DeleteItem"]
        resources = local.state
        condition = { test = "ForAllValues:StringLike", variable = "dynamodb:LeadingKeys", values = ["G#*"] }
      },
      local.ask_for_delivery,
    ])
    console = concat(local.read_state, [
      local.ask_for_delivery,
      local.write.console,
    ], local.reading_sign_in)
  }

  # What the console lets people in by, and nothing of a channel's.
  sign_in_secrets = !local.asks_itself ? [] : compact(concat(
    [var.sign_in.session_key_arn],
    values(var.sign_in.token_secret_arns),
    [try(var.sign_in.provider.client_secret_arn, null)],
  ))
  reading_sign_in = length(local.sign_in_secrets) == 0 ? [] : [
    { sid = "ReadSignInSecrets", actions = ["secretsmanager:GetSecretValue"], resources = local.sign_in_secrets, condition = null },
  ]

  # What deliver's own settings refer to.
  setting_secrets = compact([try(var.webhook.secret_arn, null), try(var.otlp.headers_secret_arn, null)])

  # What channels may need of AWS, for as much as was asked for.
  channels = [for it in [
    { sid = "PublishToTopics", actions = ["sns:Publish"], resources = var.channels.topic_arns, condition = null },
    { sid = "PutOnBuses", actions = ["events:PutEvents"], resources = var.channels.bus_arns, condition = null },
    {
      sid       = "ReadSecrets"
      actions   = ["secretsmanager:GetSecretValue"]
      resources = concat(var.channels.secret_arns, local.setting_secrets)
      condition = null
    },
    { sid = "ReadParameters", actions = ["ssm:GetParameter"], resources = var.channels.parameter_arns, condition = null },
    # Publishing to an encrypted topic needs a data key; reading only needs to decrypt.
    {
      sid       = "UseChannelKeys"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = var.channels.key_arns
      condition = { test = "StringLike", variable = "kms:ViaService", values = ["secretsmanager.*", "sns.*", "ssm.*"] }
    },
  ] : it if length(it.resources) > 0]

  key_permission = var.kms_key_arn == null ? [] : [{
    sid       = "UseKey"
    actions   = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey"]
    resources = [var.kms_key_arn]
    condition = { test = "StringLike", variable = "kms:ViaService", values = ["dynamodb.*"] }
  }]
}

# Not by a data source: that would be read anew, and its policies be unknown until then, whenever a table or queue changes at all.
resource "aws_iam_role_policy" "door" {
  for_each = local.defaults

  name = "door"
  role = aws_iam_role.door[each.key].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [{
        Sid      = "WriteOwnLog"
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
        Resource = ["${aws_cloudwatch_log_group.door[each.key].arn}:*"]
      }],
      [for it in concat(local.permissions[each.key], local.key_permission) : merge(
        { Sid = it.sid, Effect = "Allow", Action = it.actions, Resource = it.resources },
        {
          for name, value in { Condition = try({ (it.condition.test) = { (it.condition.variable) = it.condition.values } }, null) } :
          name => value if value != null
        },
      )],
    )
  })
}
