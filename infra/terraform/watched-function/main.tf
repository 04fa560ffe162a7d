# What a function needs to be watched. Terraform cannot add to a function that is declared elsewhere, so this gives what belongs
# into its declaration, and lets its role report:
#
#   resource "aws_lambda_function" "orders" {
#     layers = [module.watched.layer]
#     environment { variables = merge({ … }, module.watched.environment) }
#   }

locals {
  stored = var.logs == null ? null : trimsuffix(join("/", [var.logs.bucket, var.logs.prefix]), "/")

  told = {
    OVERTIME_URL            = var.url
    OVERTIME_NEAR_TIMEOUT   = var.near_timeout == null ? null : tostring(var.near_timeout)
    OVERTIME_LOG_REDACT     = var.redact_logs ? null : "off"
    OVERTIME_FLUSH_INTERVAL = var.flush_interval
    OVERTIME_SIGNING_REGION = var.signing_region
    OVERTIME_LOG_TAIL       = var.log_tail == null ? null : tostring(var.log_tail)
    OVERTIME_LOGS           = var.logs == null ? null : join(",", var.logs.types)
    OVERTIME_LOGS_S3        = local.stored == null ? null : "s3://${local.stored}"
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

# Objects are put below the prefix, and never read, listed or deleted.
resource "aws_iam_role_policy" "logs" {
  count = var.logs == null || var.role_name == null ? 0 : 1

  name = "OvertimeLogs"
  role = var.role_name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = "s3:PutObject"
      Resource = "arn:${data.aws_partition.here.partition}:s3:::${local.stored}/*"
    }]
  })
}

data "aws_partition" "here" {}
