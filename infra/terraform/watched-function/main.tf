# What a function needs to be watched. Terraform cannot add to a function that is declared elsewhere, so this gives what belongs
# into its declaration, and lets its role report:
#
#   resource "aws_lambda_function" "orders" {
#     layers = [module.watched.layer]
#     environment { variables = merge({ … }, module.watched.environment) }
#   }

locals {
  told = {
    OVERTIME_URL            = var.url
    OVERTIME_NEAR_TIMEOUT   = var.near_timeout == null ? null : tostring(var.near_timeout)
    OVERTIME_LOG_REDACT     = var.redact_logs ? null : "off"
    OVERTIME_FLUSH_INTERVAL = var.flush_interval
    OVERTIME_SIGNING_REGION = var.signing_region
    OVERTIME_LOG_TAIL       = var.log_tail == null ? null : tostring(var.log_tail)
    OVERTIME_TAGS           = length(var.tags) == 0 ? null : join(",", [for name, value in var.tags : "${name}=${value}"])
  }
}

resource "aws_iam_role_policy_attachment" "report" {
  count = var.role_name == null ? 0 : 1

  role       = var.role_name
  policy_arn = var.policy_arn

  lifecycle {
    precondition {
      condition     = var.policy_arn != null
      error_message = "policy_arn is needed with role_name: policy_arn of the module member-account."
    }
  }
}
