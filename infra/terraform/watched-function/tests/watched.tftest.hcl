mock_provider "aws" {
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
}

variables {
  url        = "https://abcdefghijklmnopqrstuvwxyz012345.lambda-url.eu-west-1.on.aws/"
  policy_arn = "arn:aws:iam::111122223333:policy/OvertimeReport"
  layers = {
    arm64  = "arn:aws:lambda:eu-west-1:999988887777:layer:overtime-arm64:1"
    x86_64 = "arn:aws:lambda:eu-west-1:999988887777:layer:overtime-x86_64:1"
  }
}

run "defaults_are_left_to_the_extension" {
  assert {
    condition     = output.environment == { OVERTIME_URL = var.url }
    error_message = "It sets ${join(", ", keys(output.environment))}."
  }

  assert {
    condition     = output.layer == var.layers.x86_64
    error_message = "It is the layer of another architecture."
  }

  assert {
    condition     = length(aws_iam_role_policy_attachment.report) + length(aws_iam_role_policy.logs) == 0
    error_message = "A role was changed that was not named."
  }
}

run "what_is_set_is_said_as_the_extension_reads_it" {
  variables {
    architecture   = "arm64"
    role_name      = "orders"
    tags           = { team = "payments", tier = "1" }
    near_timeout   = 0.9
    log_tail       = 20
    redact_logs    = false
    flush_interval = "30s"
    signing_region = "eu-central-1"
    logs           = { bucket = "example-logs", prefix = "overtime", types = ["function", "platform"] }
  }

  assert {
    condition = output.environment == {
      OVERTIME_URL            = var.url
      OVERTIME_TAGS           = "team=payments,tier=1"
      OVERTIME_NEAR_TIMEOUT   = "0.9"
      OVERTIME_LOG_TAIL       = "20"
      OVERTIME_LOG_REDACT     = "off"
      OVERTIME_FLUSH_INTERVAL = "30s"
      OVERTIME_SIGNING_REGION = "eu-central-1"
      OVERTIME_LOGS           = "function,platform"
      OVERTIME_LOGS_S3        = "s3://example-logs/overtime"
    }
    error_message = jsonencode(output.environment)
  }

  assert {
    condition     = output.layer == var.layers.arm64
    error_message = "It is the layer of another architecture."
  }

  assert {
    condition     = aws_iam_role_policy_attachment.report[0].role == "orders" && aws_iam_role_policy_attachment.report[0].policy_arn == var.policy_arn
    error_message = "The role may not report."
  }

  assert {
    condition = jsondecode(aws_iam_role_policy.logs[0].policy).Statement == [{
      Effect   = "Allow"
      Action   = "s3:PutObject"
      Resource = "arn:aws:s3:::example-logs/overtime/*"
    }]
    error_message = "The role may do something else with the bucket."
  }
}

run "a_bucket_needs_no_prefix" {
  variables {
    role_name = "orders"
    logs      = { bucket = "example-logs" }
  }

  assert {
    condition     = output.environment.OVERTIME_LOGS_S3 == "s3://example-logs" && output.environment.OVERTIME_LOGS == "function"
    error_message = jsonencode(output.environment)
  }

  assert {
    condition     = jsondecode(aws_iam_role_policy.logs[0].policy).Statement[0].Resource == "arn:aws:s3:::example-logs/*"
    error_message = "The role may put objects elsewhere."
  }
}

run "a_role_without_a_policy_is_no_use" {
  command = plan

  variables {
    role_name  = "orders"
    policy_arn = null
  }

  expect_failures = [aws_iam_role_policy_attachment.report]
}

run "an_architecture_without_a_layer_is_named" {
  command = plan

  variables {
    layers = {}
  }

  expect_failures = [output.layer]
}

run "shares_and_lines_have_bounds" {
  command = plan

  variables {
    near_timeout = 1.5
    log_tail     = 1000
    url          = "http://overtime.example"
    logs         = { bucket = "example-logs", prefix = "/overtime", types = ["everything"] }
  }

  expect_failures = [var.near_timeout, var.log_tail, var.url, var.logs]
}
