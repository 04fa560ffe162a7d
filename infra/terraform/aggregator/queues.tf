# The queues between doors, and those of what could not be worked on after several attempts.

locals {
  mailboxes = toset(["evaluate", "deliver"])
  attempts  = 5
}

resource "aws_sqs_queue" "dead_letters" {
  for_each = local.mailboxes

  name                      = "${var.name}-${each.key}-dead-letters"
  message_retention_seconds = 14 * 24 * 3600
  sqs_managed_sse_enabled   = true
}

resource "aws_sqs_queue" "mail" {
  for_each = local.mailboxes

  name                    = "${var.name}-${each.key}"
  sqs_managed_sse_enabled = true
  # Six times the reader's timeout, as Lambda's documentation asks: throttled attempts must not make a message visible.
  visibility_timeout_seconds = 6 * local.sizes[each.key].timeout_seconds

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead_letters[each.key].arn
    maxReceiveCount     = local.attempts
  })
}

data "aws_iam_policy_document" "tls_only" {
  for_each = merge(
    { for name, it in aws_sqs_queue.mail : name => it },
    { for name, it in aws_sqs_queue.dead_letters : "${name}-dead-letters" => it },
  )

  statement {
    sid       = "TlsOnly"
    effect    = "Deny"
    actions   = ["sqs:*"]
    resources = [each.value.arn]

    principals {
      type        = "AWS"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

resource "aws_sqs_queue_policy" "mail" {
  for_each = aws_sqs_queue.mail

  queue_url = each.value.url
  policy    = data.aws_iam_policy_document.tls_only[each.key].json
}

resource "aws_sqs_queue_policy" "dead_letters" {
  for_each = aws_sqs_queue.dead_letters

  queue_url = each.value.url
  policy    = data.aws_iam_policy_document.tls_only["${each.key}-dead-letters"].json
}
