# What each door may do, beside writing its own log. infra/README.md explains each line. No door may delete or scan; only ingest
# writes facts.

locals {
  facts         = [aws_dynamodb_table.facts.arn]
  state         = [aws_dynamodb_table.state.arn]
  indexes_arns  = [for name in keys(local.indexes) : "${aws_dynamodb_table.state.arn}/index/${name}"]
  deliver_mail  = [aws_sqs_queue.mail["deliver"].arn]
  evaluate_mail = [aws_sqs_queue.mail["evaluate"].arn]
  receiving     = ["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]

  read_facts = { sid = "ReadFacts", actions = ["dynamodb:Query"], resources = local.facts, keys = null }
  read_state = [
    { sid = "ReadState", actions = ["dynamodb:GetItem", "dynamodb:Query"], resources = local.state, keys = null },
    { sid = "ReadIndexes", actions = ["dynamodb:Query"], resources = local.indexes_arns, keys = null },
  ]
  write_state      = { sid = "WriteState", actions = ["dynamodb:PutItem", "dynamodb:UpdateItem"], resources = local.state, keys = null }
  ask_for_delivery = { sid = "AskForDelivery", actions = ["sqs:SendMessage"], resources = local.deliver_mail, keys = null }

  permissions = {
    ingest = [
      { sid = "RecordFacts", actions = ["dynamodb:UpdateItem"], resources = local.facts, keys = null },
      # The counters of what was refused, and nothing else of the state.
      { sid = "CountRefusals", actions = ["dynamodb:UpdateItem"], resources = local.state, keys = "R#*" },
    ]
    evaluate = concat([local.read_facts], local.read_state, [
      local.write_state,
      local.ask_for_delivery,
      { sid = "WakeItself", actions = ["sqs:SendMessage"], resources = local.evaluate_mail, keys = null },
      { sid = "ReceiveMail", actions = local.receiving, resources = local.evaluate_mail, keys = null },
      {
        sid       = "FollowFacts"
        actions   = ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"]
        resources = [aws_dynamodb_table.facts.stream_arn]
        keys      = null
      },
      # It cannot be limited to a resource.
      { sid = "FindStream", actions = ["dynamodb:ListStreams"], resources = ["*"], keys = null },
      { sid = "GiveUpRecords", actions = ["sqs:SendMessage"], resources = [aws_sqs_queue.dead_letters["evaluate"].arn], keys = null },
    ])
    deliver = concat(local.read_state, [
      { sid = "SettleMessages", actions = ["dynamodb:UpdateItem"], resources = local.state, keys = "O#*" },
      { sid = "TryAgainLater", actions = ["sqs:SendMessage"], resources = local.deliver_mail, keys = null },
      { sid = "ReceiveMail", actions = local.receiving, resources = local.deliver_mail, keys = null },
    ])
    sweep   = concat([local.read_facts], local.read_state, [local.write_state, local.ask_for_delivery])
    console = local.read_state
  }
  key_permission = var.kms_key_arn == null ? [] : [{
    sid       = "UseKey"
    actions   = ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"]
    resources = [var.kms_key_arn]
    keys      = null
  }]
}

data "aws_iam_policy_document" "door" {
  for_each = local.defaults

  statement {
    sid       = "WriteOwnLog"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.door[each.key].arn}:*"]
  }

  dynamic "statement" {
    for_each = concat(local.permissions[each.key], local.key_permission)
    content {
      sid       = statement.value.sid
      actions   = statement.value.actions
      resources = statement.value.resources

      dynamic "condition" {
        for_each = statement.value.keys == null ? [] : [statement.value.keys]
        content {
          test     = "ForAllValues:StringLike"
          variable = "dynamodb:LeadingKeys"
          values   = [condition.value]
        }
      }
    }
  }
}

resource "aws_iam_role_policy" "door" {
  for_each = local.defaults

  name   = "door"
  role   = aws_iam_role.door[each.key].id
  policy = data.aws_iam_policy_document.door[each.key].json
}
