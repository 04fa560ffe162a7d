# What Overtime says about itself, by way of CloudWatch, which does not depend on it.

locals {
  queue_alarms = merge(
    {
      for name, it in aws_sqs_queue.dead_letters : "${name}-dead-letters" => {
        metric    = "ApproximateNumberOfMessagesVisible", queue = it.name, threshold = 1, periods = 1
        statement = "What ${name} could not work on lies in its dead-letter queue. Facts are not lost: see the log for why."
      }
    },
    {
      for name, it in aws_sqs_queue.mail : "${name}-late" => {
        metric    = "ApproximateAgeOfOldestMessage", queue = it.name, threshold = 1800, periods = 5
        statement = "Messages for ${name} have waited for half an hour, twice as long as any delay that is meant."
      }
    },
  )
  door_alarms = merge(
    {
      for door in keys(local.defaults) : "${door}-errors" => {
        door      = door, metric = "Errors", statistic = "Sum", period = 300, threshold = 1, periods = 3
        statement = "${door} has failed in each of three periods of five minutes."
      }
    },
    {
      for door in keys(local.defaults) : "${door}-throttles" => {
        door      = door, metric = "Throttles", statistic = "Sum", period = 300, threshold = 1, periods = 3
        statement = "${door} has wanted more than its reserved concurrency for a quarter of an hour."
      }
    },
    {
      stream-age = {
        door      = "evaluate", metric = "IteratorAge", statistic = "Maximum", period = 60, threshold = 300000, periods = 5
        statement = "Facts wait for more than five minutes to be evaluated: what the page shows and alerts say is old."
      }
      refused = {
        door      = "ingest", metric = "Url4xxCount", statistic = "Sum", period = 300, threshold = 1, periods = 3
        statement = "Ingest refuses batches: somebody lacks the permission, or claims another account than its own."
      }
      unavailable = {
        door      = "ingest", metric = "Url5xxCount", statistic = "Sum", period = 300, threshold = 1, periods = 3
        statement = "Ingest has answered with errors for a quarter of an hour. Extensions keep timeouts and send them again."
      }
      # Ingest says it itself, in its log: to Lambda, a batch whose facts are refused one by one is an accepted one.
      late-facts = {
        door      = "ingest", metric = "LateFacts", statistic = "Sum", period = 300, threshold = 1, periods = 3
        statement = "For a quarter of an hour facts come too late, or from clocks that are wrong: they are refused, counted and not shown."
        namespace = "Overtime"
      }
    },
  )
  alarm_actions = var.alarm_topic_arn == null ? [] : [var.alarm_topic_arn]
}

resource "aws_cloudwatch_metric_alarm" "queue" {
  for_each = local.queue_alarms

  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = each.value.statement
  namespace           = "AWS/SQS"
  metric_name         = each.value.metric
  dimensions          = { QueueName = each.value.queue }
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = each.value.periods
  threshold           = each.value.threshold
  comparison_operator = "GreaterThanOrEqualToThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.alarm_actions
}

resource "aws_cloudwatch_metric_alarm" "door" {
  for_each = local.door_alarms

  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = each.value.statement
  namespace           = try(each.value.namespace, "AWS/Lambda")
  metric_name         = each.value.metric
  dimensions          = { FunctionName = local.doors[each.value.door].function_name }
  statistic           = each.value.statistic
  period              = each.value.period
  evaluation_periods  = each.value.periods
  threshold           = each.value.threshold
  comparison_operator = "GreaterThanOrEqualToThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.alarm_actions
}

resource "aws_cloudwatch_metric_alarm" "sweep_missing" {
  alarm_name          = "${var.name}-sweep-missing"
  alarm_description   = "Sweep has not run for ten minutes: nothing recovers, expires, or is delivered late."
  namespace           = "AWS/Lambda"
  metric_name         = "Invocations"
  dimensions          = { FunctionName = aws_lambda_function.door["sweep"].function_name }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 2
  threshold           = 1
  comparison_operator = "LessThanThreshold"
  treat_missing_data  = "breaching"
  alarm_actions       = local.alarm_actions
}
