# The document is the provider's own data source, so it is rendered by the provider and not by a mock.
provider "aws" {
  region                      = "eu-west-1"
  access_key                  = "mock"
  secret_key                  = "mock"
  skip_credentials_validation = true
  skip_requesting_account_id  = true
  skip_metadata_api_check     = true
}

variables {
  ingest_arn = "arn:aws:lambda:eu-west-1:999988887777:function:overtime-ingest"
}

run "two_actions_on_one_function_through_its_url" {
  command = plan

  assert {
    condition     = aws_iam_policy.report.name == "OvertimeReport"
    error_message = "The policy is called ${aws_iam_policy.report.name}."
  }

  assert {
    condition = jsondecode(aws_iam_policy.report.policy).Statement == [
      {
        Sid       = "UseUrl"
        Effect    = "Allow"
        Action    = "lambda:InvokeFunctionUrl"
        Resource  = var.ingest_arn
        Condition = { StringEquals = { "lambda:FunctionUrlAuthType" = "AWS_IAM" } }
      },
      {
        Sid       = "InvokeThroughUrlOnly"
        Effect    = "Allow"
        Action    = "lambda:InvokeFunction"
        Resource  = var.ingest_arn
        Condition = { Bool = { "lambda:InvokedViaFunctionUrl" = "true" } }
      },
    ]
    error_message = "It allows something else: ${aws_iam_policy.report.policy}"
  }
}

run "what_is_no_function_is_refused" {
  command = plan

  variables {
    ingest_arn = "arn:aws:lambda:eu-west-1:999988887777:function:*"
  }

  expect_failures = [var.ingest_arn]
}
