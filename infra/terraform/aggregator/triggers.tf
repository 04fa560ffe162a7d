# What invokes the doors, beside the two URLs.

locals {
  # Verdicts are evaluated at once; tallies are gathered, so that ten thousand sandboxes are not ten thousand readings.
  mappings = {
    verdicts = { prefix = "V#", batch_size = 100, window_seconds = 0 }
    tallies  = { prefix = "T#", batch_size = 1000, window_seconds = 60 }
  }
}

resource "aws_lambda_event_source_mapping" "facts" {
  for_each = local.mappings

  function_name                      = aws_lambda_function.door["evaluate"].arn
  event_source_arn                   = aws_dynamodb_table.facts.stream_arn
  starting_position                  = "TRIM_HORIZON"
  batch_size                         = each.value.batch_size
  maximum_batching_window_in_seconds = each.value.window_seconds
  function_response_types            = ["ReportBatchItemFailures"]
  bisect_batch_on_function_error     = true
  maximum_retry_attempts             = 10

  # What expires leaves the table through the stream, too, and is nothing new.
  filter_criteria {
    filter {
      pattern = jsonencode({
        eventName = ["INSERT", "MODIFY"]
        dynamodb  = { Keys = { sk = { S = [{ prefix = each.value.prefix }] } } }
      })
    }
  }

  destination_config {
    on_failure {
      destination_arn = aws_sqs_queue.dead_letters["evaluate"].arn
    }
  }

  depends_on = [aws_iam_role_policy.door]
}

resource "aws_lambda_event_source_mapping" "mail" {
  for_each = aws_sqs_queue.mail

  function_name           = aws_lambda_function.door[each.key].arn
  event_source_arn        = each.value.arn
  batch_size              = 10
  function_response_types = ["ReportBatchItemFailures"]

  # Never more than there are: a reader that is throttled uses up attempts. Lambda asks for at least two.
  dynamic "scaling_config" {
    for_each = local.sizes[each.key].concurrency < 0 ? [] : [local.sizes[each.key].concurrency]
    content {
      maximum_concurrency = max(2, floor(scaling_config.value / 2))
    }
  }

  depends_on = [aws_iam_role_policy.door]
}

# A sweep that failed or was missed is made up for by the next one.
resource "aws_lambda_function_event_invoke_config" "sweep" {
  function_name                = aws_lambda_function.door["sweep"].function_name
  maximum_retry_attempts       = 0
  maximum_event_age_in_seconds = 60
}

resource "aws_cloudwatch_event_rule" "every_minute" {
  name                = "${var.name}-every-minute"
  description         = "Overtime: a minute has passed"
  schedule_expression = "rate(1 minute)"
}

resource "aws_cloudwatch_event_target" "sweep" {
  rule = aws_cloudwatch_event_rule.every_minute.name
  arn  = aws_lambda_function.door["sweep"].arn

  retry_policy {
    maximum_retry_attempts       = 0
    maximum_event_age_in_seconds = 60
  }
}

resource "aws_lambda_permission" "sweep" {
  statement_id  = "every-minute"
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.door["sweep"].function_name
  principal     = "events.amazonaws.com"
  source_arn    = aws_cloudwatch_event_rule.every_minute.arn
}
