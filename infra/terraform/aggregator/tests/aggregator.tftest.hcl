mock_provider "aws" {
  mock_resource "aws_dynamodb_table" {
    defaults = {
      arn        = "arn:aws:dynamodb:eu-west-1:999988887777:table/mocked"
      stream_arn = "arn:aws:dynamodb:eu-west-1:999988887777:table/mocked/stream/2026-11-24T12:00:00.000"
    }
  }
  mock_resource "aws_sqs_queue" {
    defaults = {
      arn = "arn:aws:sqs:eu-west-1:999988887777:mocked"
      url = "https://sqs.eu-west-1.amazonaws.com/999988887777/mocked"
    }
  }
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::999988887777:role/mocked" }
  }
  mock_resource "aws_lambda_function" {
    defaults = { arn = "arn:aws:lambda:eu-west-1:999988887777:function:mocked" }
  }
  mock_resource "aws_lambda_function_url" {
    defaults = { function_url = "https://mocked.lambda-url.eu-west-1.on.aws/" }
  }
  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:eu-west-1:999988887777:log-group:mocked" }
  }
  mock_resource "aws_cloudwatch_event_rule" {
    defaults = { arn = "arn:aws:events:eu-west-1:999988887777:rule/mocked" }
  }
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}" }
  }
}

variables {
  artefacts       = "tests/artefacts"
  organization_id = "o-a1b2c3d4e5"
}

run "doors_are_told_what_they_read_and_nothing_else" {
  assert {
    condition = { for door, it in local.doors : door => join(" ", sort(keys(it.environment[0].variables))) } == {
      ingest   = "OVERTIME_DOOR OVERTIME_FACTS_TABLE OVERTIME_STATE_TABLE"
      evaluate = "OVERTIME_CONSOLE_URL OVERTIME_DELIVER_QUEUE_URL OVERTIME_DOOR OVERTIME_EVALUATE_QUEUE_URL OVERTIME_FACTS_TABLE OVERTIME_STATE_TABLE"
      deliver  = "OVERTIME_CONSOLE_URL OVERTIME_DELIVER_QUEUE_URL OVERTIME_DOOR OVERTIME_FACTS_TABLE OVERTIME_STATE_TABLE"
      sweep    = "OVERTIME_CONSOLE_URL OVERTIME_DELIVER_QUEUE_URL OVERTIME_DOOR OVERTIME_FACTS_TABLE OVERTIME_STATE_TABLE"
      console  = "OVERTIME_DELIVER_QUEUE_URL OVERTIME_DOOR OVERTIME_FACTS_TABLE OVERTIME_STATE_TABLE"
    }
    error_message = jsonencode({ for door, it in local.doors : door => sort(keys(it.environment[0].variables)) })
  }

  assert {
    condition     = alltrue([for door, it in local.doors : it.environment[0].variables.OVERTIME_DOOR == door])
    error_message = "A door is told that it is another."
  }

  assert {
    condition     = { for door, it in local.doors : door => [it.memory_size, it.timeout, it.reserved_concurrent_executions] } == { for door, size in local.defaults : door => [size.memory_mb, size.timeout_seconds, size.concurrency] }
    error_message = "A door has not its size."
  }

  assert {
    condition     = alltrue([for it in local.doors : it.runtime == "provided.al2023" && it.architectures == tolist(["arm64"])])
    error_message = "A door runs on something else."
  }
}

run "only_deliver_may_read_the_key_of_the_webhook" {
  variables {
    webhook = {
      url        = "https://example.com/hook"
      secret_arn = "arn:aws:secretsmanager:eu-west-1:999988887777:secret:webhook-a1b2c3"
    }
  }

  assert {
    condition     = [for door, it in local.doors : door if can(it.environment[0].variables.OVERTIME_WEBHOOK_SECRET)] == ["deliver"]
    error_message = "Another door knows where it is, or none."
  }

  assert {
    condition     = aws_lambda_function.door["deliver"].environment[0].variables.OVERTIME_WEBHOOK_SECRET == "secretsmanager:arn:aws:secretsmanager:eu-west-1:999988887777:secret:webhook-a1b2c3"
    error_message = "Deliver is not told where the key is."
  }

  assert {
    condition     = join(" ", flatten([for door, statements in local.permissions : [for it in statements : concat([door], it.resources) if it.sid == "ReadSecrets"]])) == "deliver arn:aws:secretsmanager:eu-west-1:999988887777:secret:webhook-a1b2c3"
    error_message = "Another may read it, or none."
  }

  assert {
    condition     = join(" ", [for door, it in local.doors : door if can(it.environment[0].variables.OVERTIME_ENVIRONMENT_CHANNEL)]) == "console evaluate sweep"
    error_message = "The others do not know that there is a webhook."
  }
}

run "only_deliver_knows_the_receiver_and_only_those_who_find_something_know_of_it" {
  variables {
    otlp = {
      endpoint           = "https://otlp.example"
      headers_secret_arn = "arn:aws:secretsmanager:eu-west-1:999988887777:secret:otlp-a1b2c3"
    }
  }

  assert {
    condition     = [for door, it in local.doors : door if can(it.environment[0].variables.OVERTIME_OTLP_ENDPOINT)] == ["deliver"]
    error_message = "Another door knows where it is, or none."
  }

  assert {
    condition     = aws_lambda_function.door["deliver"].environment[0].variables.OVERTIME_OTLP_HEADERS == "secretsmanager:arn:aws:secretsmanager:eu-west-1:999988887777:secret:otlp-a1b2c3"
    error_message = "Deliver is not told what the receiver wants to see."
  }

  assert {
    condition     = join(" ", flatten([for door, statements in local.permissions : [for it in statements : concat([door], it.resources) if it.sid == "ReadSecrets"]])) == "deliver arn:aws:secretsmanager:eu-west-1:999988887777:secret:otlp-a1b2c3"
    error_message = "Another may read it, or none."
  }

  assert {
    condition     = join(" ", [for door, it in local.doors : door if can(it.environment[0].variables.OVERTIME_OTLP)]) == "evaluate sweep"
    error_message = "Those who find something to tell do not know that it is told."
  }
}

run "the_console_asks_people_itself_only_where_it_is_told_how" {
  variables {
    sign_in = {
      token_secret_arns = { admin = "arn:aws:secretsmanager:eu-west-1:999988887777:secret:admins-a1b2c3" }
      session_key_arn   = "arn:aws:secretsmanager:eu-west-1:999988887777:secret:session-a1b2c3"
    }
  }

  assert {
    condition     = [aws_lambda_function_url.console.authorization_type, aws_lambda_function_url.ingest.authorization_type] == ["NONE", "AWS_IAM"]
    error_message = "A URL is open that should not be, or closed."
  }

  assert {
    condition = { for name, value in aws_lambda_function.console.environment[0].variables : name => value if can(regex("SIGN_IN|SESSION|TOKENS|OIDC|CONSOLE_URL", name)) } == {
      OVERTIME_SIGN_IN     = "token"
      OVERTIME_TOKENS      = "admin=secretsmanager:arn:aws:secretsmanager:eu-west-1:999988887777:secret:admins-a1b2c3"
      OVERTIME_SESSION_KEY = "secretsmanager:arn:aws:secretsmanager:eu-west-1:999988887777:secret:session-a1b2c3"
    }
    error_message = jsonencode(aws_lambda_function.console.environment[0].variables)
  }

  assert {
    condition     = join(" ", flatten([for door, statements in local.permissions : [for it in statements : concat([door], it.resources) if it.sid == "ReadSignInSecrets"]])) == "console arn:aws:secretsmanager:eu-west-1:999988887777:secret:session-a1b2c3 arn:aws:secretsmanager:eu-west-1:999988887777:secret:admins-a1b2c3"
    error_message = "Another may read them, or none."
  }
}

run "roles_alone_open_nothing" {
  variables {
    sign_in = { grants = { admin = ["*:assumed-role/Platform/*"] } }
  }

  assert {
    condition     = aws_lambda_function_url.console.authorization_type == "AWS_IAM" && aws_lambda_function.console.environment[0].variables.OVERTIME_ADMINS == "*:assumed-role/Platform/*" && length(local.reading_sign_in) == 0
    error_message = jsonencode(aws_lambda_function.console.environment[0].variables)
  }
}

run "no_door_may_delete_scan_or_do_everything" {
  assert {
    condition = alltrue(flatten([
      for door, statements in local.permissions : [
        for it in statements : [
          for action in it.actions : !strcontains(action, "*") && !strcontains(action, "Scan") && (contains(["console", "sweep"], door) || !startswith(action, "dynamodb:Delete"))
        ]
      ]
    ]))
    error_message = jsonencode(local.permissions)
  }

  assert {
    condition     = join(" ", flatten([for door, statements in local.permissions : [for it in statements : it.actions if contains(it.resources, "*")]])) == "dynamodb:ListStreams"
    error_message = "Something else is allowed on everything."
  }

  assert {
    condition = alltrue(flatten([
      for door, statements in local.permissions : [
        for it in statements : it.condition != null
        if it.sid != "RecordFacts" && length([for action in it.actions : action if can(regex("Item$", action)) && !endswith(action, "GetItem")]) > 0
      ]
    ]))
    error_message = "A door may write all of the state."
  }

  assert {
    condition     = length(local.channels) == 0
    error_message = "Deliver reaches something that nobody named."
  }
}

run "deliver_reaches_what_it_was_told_of" {
  variables {
    channels = {
      topic_arns = ["arn:aws:sns:eu-west-1:999988887777:timeouts"]
      key_arns   = ["arn:aws:kms:eu-west-1:999988887777:key/11111111-2222-3333-4444-555555555555"]
    }
  }

  assert {
    condition     = join(" ", flatten([for it in local.channels : concat(it.actions, it.resources)])) == "sns:Publish arn:aws:sns:eu-west-1:999988887777:timeouts kms:Decrypt kms:GenerateDataKey arn:aws:kms:eu-west-1:999988887777:key/11111111-2222-3333-4444-555555555555"
    error_message = jsonencode(local.channels)
  }
}

run "callers_come_through_the_url_only" {
  variables {
    accounts = ["111122223333"]
  }

  assert {
    condition = jsonencode({ for name, it in aws_lambda_permission.url : name => [it.action, it.principal, it.principal_org_id, it.function_url_auth_type] }) == jsonencode({
      "111122223333" = ["lambda:InvokeFunctionUrl", "111122223333", null, "AWS_IAM"]
      organization   = ["lambda:InvokeFunctionUrl", "*", "o-a1b2c3d4e5", "AWS_IAM"]
    })
    error_message = "Others may use the URL."
  }

  assert {
    condition = jsondecode(aws_cloudformation_stack.callers.template_body).Resources == {
      Caller111122223333 = {
        Type = "AWS::Lambda::Permission"
        Properties = {
          Action                = "lambda:InvokeFunction"
          FunctionName          = aws_lambda_function.door["ingest"].arn
          Principal             = "111122223333"
          InvokedViaFunctionUrl = true
        }
      }
      CallerOrganization = {
        Type = "AWS::Lambda::Permission"
        Properties = {
          Action                = "lambda:InvokeFunction"
          FunctionName          = aws_lambda_function.door["ingest"].arn
          Principal             = "*"
          PrincipalOrgID        = "o-a1b2c3d4e5"
          InvokedViaFunctionUrl = true
        }
      }
    }
    error_message = aws_cloudformation_stack.callers.template_body
  }

  assert {
    condition     = alltrue([for it in [aws_lambda_function_url.ingest, aws_lambda_function_url.console] : it.authorization_type == "AWS_IAM"])
    error_message = "A URL is open."
  }
}

run "facts_are_followed_in_two_ways_and_partial_failures_are_heard" {
  assert {
    condition = { for name, it in aws_lambda_event_source_mapping.facts : name => [it.batch_size, it.maximum_batching_window_in_seconds, jsondecode(one(it.filter_criteria[0].filter).pattern).dynamodb.Keys.sk.S[0].prefix] } == {
      verdicts = [100, 0, "V#"]
      tallies  = [1000, 60, "T#"]
    }
    error_message = "The mappings are others."
  }

  assert {
    condition     = alltrue([for it in concat(values(aws_lambda_event_source_mapping.facts), values(aws_lambda_event_source_mapping.mail)) : it.function_response_types == toset(["ReportBatchItemFailures"])])
    error_message = "A mapping takes one failure for the failure of all."
  }

  assert {
    condition     = { for name, it in aws_sqs_queue.mail : name => it.visibility_timeout_seconds } == { evaluate = 360, deliver = 360 }
    error_message = "A message becomes visible while it is worked on."
  }

  assert {
    condition     = aws_cloudwatch_event_rule.every_minute.schedule_expression == "rate(1 minute)"
    error_message = "The sweep comes at other times."
  }
}

run "tables_are_kept_and_keyed_as_the_code_expects" {
  assert {
    condition     = alltrue([for it in [aws_dynamodb_table.facts, aws_dynamodb_table.state] : it.hash_key == "pk" && it.range_key == "sk" && it.ttl[0].attribute_name == "x" && it.point_in_time_recovery[0].enabled && it.deletion_protection_enabled && it.billing_mode == "PAY_PER_REQUEST"])
    error_message = "A table is another."
  }

  assert {
    condition     = aws_dynamodb_table.facts.stream_view_type == "KEYS_ONLY"
    error_message = "The stream carries more than keys, or less."
  }

  assert {
    condition = { for it in aws_dynamodb_table.state.global_secondary_index : it.name => [it.hash_key, it.range_key, it.projection_type] } == {
      by_deadline = ["day", "at", "ALL"]
      by_function = ["fday", "at", "ALL"]
      by_due      = ["queue", "due", "KEYS_ONLY"]
    }
    error_message = "The indexes are others."
  }
}

run "sizes_can_be_changed_one_by_one" {
  variables {
    sizes = { evaluate = { timeout_seconds = 120, concurrency = -1 } }
  }

  assert {
    condition     = [aws_lambda_function.door["evaluate"].memory_size, aws_lambda_function.door["evaluate"].timeout, aws_lambda_function.door["evaluate"].reserved_concurrent_executions] == [512, 120, -1]
    error_message = "Evaluate has another size."
  }

  assert {
    condition     = aws_sqs_queue.mail["evaluate"].visibility_timeout_seconds == 720 && length(aws_lambda_event_source_mapping.mail["evaluate"].scaling_config) == 0
    error_message = "Its queue does not know."
  }
}

run "nobody_can_call_is_said" {
  command = plan

  variables {
    organization_id = null
  }

  expect_failures = [aws_cloudformation_stack.callers]
}

run "what_was_not_built_is_asked_for" {
  command = plan

  variables {
    artefacts = "tests/nothing"
  }

  # The others would be told the console's address, so it is the first to be missed.
  expect_failures = [aws_lambda_function.console]
}

run "what_is_none_is_refused_by_name" {
  command = plan

  variables {
    accounts     = ["acme"]
    architecture = "arm"
    sizes        = { front = {} }
    name         = "Over time"
    channels     = { bus_arns = ["*"] }
    retention    = { facts = "long" }
    sign_in      = { token_secret_arns = { root = "arn:aws:secretsmanager:eu-west-1:999988887777:secret:admins-a1b2c3" } }
  }

  expect_failures = [var.accounts, var.architecture, var.sizes, var.name, var.channels, var.retention, var.sign_in]
}
