# A managed policy with which the role of a function may report: the two actions on the one function, through its URL. Attach it
# to the roles that exist already, with aws_iam_role_policy_attachment or in their own templates.

data "aws_iam_policy_document" "report" {
  statement {
    sid       = "UseUrl"
    actions   = ["lambda:InvokeFunctionUrl"]
    resources = [var.ingest_arn]

    condition {
      test     = "StringEquals"
      variable = "lambda:FunctionUrlAuthType"
      values   = ["AWS_IAM"]
    }
  }

  # Function URLs need this action, too. Without the condition it would allow to invoke the function directly, where the caller
  # may write whatever account it likes.
  statement {
    sid       = "InvokeThroughUrlOnly"
    actions   = ["lambda:InvokeFunction"]
    resources = [var.ingest_arn]

    condition {
      test     = "Bool"
      variable = "lambda:InvokedViaFunctionUrl"
      values   = ["true"]
    }
  }
}

resource "aws_iam_policy" "report" {
  name        = var.policy_name
  description = "Lets a function report its timeouts to Overtime"
  policy      = data.aws_iam_policy_document.report.json
  tags        = var.tags
}
