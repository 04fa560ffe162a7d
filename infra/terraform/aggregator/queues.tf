# The queues between doors, and those of what could not be worked on after several attempts.

locals {
  mailboxes = toset(["evaluate", "deliver"])
  attempts  = 5
  tls_only = {
    Sid       = "TlsOnly"
    Effect    = "Deny"
    Principal = { AWS = "*" }
    Action    = "sqs:*"
    Condition = { Bool = { "aws:SecureTransport" = "false" } }
  }
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

resource "aws_sqs_queue_policy" "mail" {
  for_each = aws_sqs_queue.mail

  queue_url = each.value.url
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [merge(local.tls_only, { Resource = each.value.arn })]
  })
}

resource "aws_sqs_queue_policy" "dead_letters" {
  for_each = aws_sqs_queue.dead_letters

  queue_url = each.value.url
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [merge(local.tls_only, { Resource = each.value.arn })]
  })
}
