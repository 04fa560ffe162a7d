# Who may report: the organisation, or accounts, through ingest's URL and only through it.
#
# Two permissions are needed for that: one to use the URL, and one to invoke the function. The second is conditioned on the URL,
# because whoever could invoke the function directly could write any account into the request context that ingest believes in.

locals {
  callers = merge(
    { for it in var.accounts : it => { principal = it, organization = null } },
    var.organization_id == null ? {} : { organization = { principal = "*", organization = var.organization_id } },
  )
}

resource "aws_lambda_permission" "url" {
  for_each = local.callers

  statement_id           = "${each.key}-url"
  action                 = "lambda:InvokeFunctionUrl"
  function_name          = aws_lambda_function.door["ingest"].function_name
  principal              = each.value.principal
  principal_org_id       = each.value.organization
  function_url_auth_type = "AWS_IAM"

  lifecycle {
    precondition {
      condition     = length(local.callers) > 0
      error_message = "Nobody could call ingest: give organization_id, or accounts, or both."
    }
  }
}

# Everybody, where the console asks them itself who they are.
resource "aws_lambda_permission" "console" {
  count = local.asks_itself ? 1 : 0

  statement_id           = "everybody-url"
  action                 = "lambda:InvokeFunctionUrl"
  function_name          = aws_lambda_function.console.function_name
  principal              = "*"
  function_url_auth_type = "NONE"
}

resource "aws_cloudformation_stack" "console" {
  count = local.asks_itself ? 1 : 0

  name = "${var.name}-console"

  template_body = jsonencode({
    Description = "Overtime: who may invoke the console through its URL"
    Resources = {
      Everybody = {
        Type = "AWS::Lambda::Permission"
        Properties = {
          Action                = "lambda:InvokeFunction"
          FunctionName          = aws_lambda_function.console.arn
          Principal             = "*"
          InvokedViaFunctionUrl = true
        }
      }
    }
  })
}

# The provider's aws_lambda_permission cannot say InvokedViaFunctionUrl (versions 5 have no argument for it), and without that the
# permission would let a caller forge its account. CloudFormation can say it, so these permissions are its.
resource "aws_cloudformation_stack" "callers" {
  name = "${var.name}-callers"

  template_body = jsonencode({
    Description = "Overtime: who may invoke ingest through its URL"
    Resources = {
      for name, it in local.callers : "Caller${title(name)}" => {
        Type = "AWS::Lambda::Permission"
        Properties = merge(
          {
            Action                = "lambda:InvokeFunction"
            FunctionName          = aws_lambda_function.door["ingest"].arn
            Principal             = it.principal
            InvokedViaFunctionUrl = true
          },
          it.organization == null ? {} : { PrincipalOrgID = it.organization },
        )
      }
    }
  })

  lifecycle {
    precondition {
      condition     = length(local.callers) > 0
      error_message = "Nobody could call ingest: give organization_id, or accounts, or both."
    }
  }
}
