# The doors: one zip, five functions, each with a role, a log and a concurrency of its own, so that a flood at one cannot starve
# another. A door is told what it reads and nothing else.

locals {
  zip = "${var.artefacts}/overtime-${var.architecture}.zip"

  defaults = {
    ingest   = { memory_mb = 256, timeout_seconds = 10, concurrency = 100 }
    evaluate = { memory_mb = 512, timeout_seconds = 60, concurrency = 50 }
    deliver  = { memory_mb = 256, timeout_seconds = 60, concurrency = 10 }
    sweep    = { memory_mb = 256, timeout_seconds = 55, concurrency = 1 }
    console  = { memory_mb = 512, timeout_seconds = 15, concurrency = 10 }
  }
  # What is not said is the default.
  sizes = {
    for door, size in local.defaults : door => {
      memory_mb       = try(coalesce(var.sizes[door].memory_mb), size.memory_mb)
      timeout_seconds = try(coalesce(var.sizes[door].timeout_seconds), size.timeout_seconds)
      concurrency     = try(coalesce(var.sizes[door].concurrency), size.concurrency)
    }
  }

  common = merge(
    {
      OVERTIME_FACTS_TABLE = aws_dynamodb_table.facts.name
      OVERTIME_STATE_TABLE = aws_dynamodb_table.state.name
    },
    var.log == null ? {} : { OVERTIME_LOG = var.log },
    { for what, kept in var.retention : "OVERTIME_RETAIN_${upper(what)}" => kept if kept != null },
  )
  deliver_queue  = { OVERTIME_DELIVER_QUEUE_URL = aws_sqs_queue.mail["deliver"].url }
  evaluate_queue = { OVERTIME_EVALUATE_QUEUE_URL = aws_sqs_queue.mail["evaluate"].url }
  # Evaluate and sweep write messages and deliver puts them together, and the page's address goes into them.
  console_url = { OVERTIME_CONSOLE_URL = coalesce(var.console_url, aws_lambda_function_url.console.function_url) }
  webhook = var.webhook == null ? {} : {
    OVERTIME_WEBHOOK_URL    = var.webhook.url
    OVERTIME_WEBHOOK_SECRET = "secretsmanager:${var.webhook.secret_arn}"
  }
  # The others only have to know that there is a webhook.
  told    = var.webhook == null ? {} : { OVERTIME_ENVIRONMENT_CHANNEL = "on" }
  allowed = length(var.private_networks) == 0 ? {} : { OVERTIME_WEBHOOK_ALLOW = join(",", var.private_networks) }
  otlp = var.otlp == null ? {} : merge(
    { OVERTIME_OTLP_ENDPOINT = var.otlp.endpoint },
    var.otlp.headers_secret_arn == null ? {} : { OVERTIME_OTLP_HEADERS = "secretsmanager:${var.otlp.headers_secret_arn}" },
  )
  # Who finds something to tell only has to know that deliver tells it.
  telling = var.otlp == null ? {} : { OVERTIME_OTLP = "on" }
  metrics = merge(
    var.metrics == null ? {} : { OVERTIME_EMF_NAMESPACE = var.metrics.namespace },
    try(length(var.metrics.dimensions), 0) == 0 ? {} : { OVERTIME_EMF_DIMENSIONS = join(";", [for it in var.metrics.dimensions : join(",", it)]) },
  )
  # Whether the console asks people itself, so that its URL must let everybody through to it.
  asks_itself = var.sign_in.provider != null || length(var.sign_in.token_secret_arns) > 0
  grants = {
    for role, name in { viewer = "OVERTIME_VIEWERS", operator = "OVERTIME_OPERATORS", admin = "OVERTIME_ADMINS" } :
    name => join(",", var.sign_in.grants[role]) if length(lookup(var.sign_in.grants, role, [])) > 0
  }
  # Its own URL it knows from who asks; another it must be told, because people come back there.
  itself = { for name, value in {
    OVERTIME_SIGN_IN      = var.sign_in.provider == null ? "token" : "oidc"
    OVERTIME_SESSION_KEY  = try("secretsmanager:${var.sign_in.session_key_arn}", null)
    OVERTIME_TOKENS       = join(",", [for role, arn in var.sign_in.token_secret_arns : "${role}=secretsmanager:${arn}"])
    OVERTIME_SESSION_IDLE = var.sign_in.session_idle
    OVERTIME_SESSION_MAX  = var.sign_in.session_max
    OVERTIME_CONSOLE_URL  = var.console_url
    OVERTIME_OIDC_ISSUER  = try(var.sign_in.provider.issuer, null)

    OVERTIME_OIDC_CLIENT_ID     = try(var.sign_in.provider.client_id, null)
    OVERTIME_OIDC_CLIENT_SECRET = try("secretsmanager:${var.sign_in.provider.client_secret_arn}", null)
    OVERTIME_OIDC_SCOPES        = try(join(" ", var.sign_in.provider.scopes), null)
  } : name => value if local.asks_itself && try(length(value), 0) > 0 }
  sign_in = merge(
    local.grants,
    var.sign_in.roles_claim == null ? {} : { OVERTIME_ROLES_CLAIM = var.sign_in.roles_claim },
    length(var.sign_in.hosts) == 0 ? {} : { OVERTIME_HOSTS = join(",", var.sign_in.hosts) },
    local.itself,
  )
  portal = var.portal_url == null ? {} : { OVERTIME_PORTAL_URL = var.portal_url }
  settings = {
    ingest   = local.common
    evaluate = merge(local.common, local.deliver_queue, local.evaluate_queue, local.console_url, local.told, local.metrics, local.telling)
    deliver  = merge(local.common, local.deliver_queue, local.console_url, local.webhook, local.otlp, local.allowed)
    sweep    = merge(local.common, local.deliver_queue, local.console_url, local.told, local.metrics, local.telling)
  }
  # All but the console, whose address the others are told.
  others = toset(["ingest", "evaluate", "deliver", "sweep"])
  doors  = merge(aws_lambda_function.door, { console = aws_lambda_function.console })
}

resource "aws_cloudwatch_log_group" "door" {
  for_each = local.defaults

  name              = "/aws/lambda/${var.name}-${each.key}"
  retention_in_days = var.log_retention_days
}

data "aws_iam_policy_document" "assumed_by_lambda" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "door" {
  for_each = local.defaults

  name               = "${var.name}-${each.key}"
  description        = "Overtime: ${each.key}"
  assume_role_policy = data.aws_iam_policy_document.assumed_by_lambda.json
}

resource "aws_lambda_function" "door" {
  for_each = local.others

  function_name                  = "${var.name}-${each.key}"
  description                    = "Overtime: ${each.key}"
  role                           = aws_iam_role.door[each.key].arn
  filename                       = local.zip
  source_code_hash               = fileexists(local.zip) ? filebase64sha256(local.zip) : null
  runtime                        = "provided.al2023"
  handler                        = "bootstrap"
  architectures                  = [var.architecture]
  memory_size                    = local.sizes[each.key].memory_mb
  timeout                        = local.sizes[each.key].timeout_seconds
  reserved_concurrent_executions = local.sizes[each.key].concurrency

  environment {
    variables = merge(local.settings[each.key], { OVERTIME_DOOR = each.key })
  }

  logging_config {
    log_format = "JSON"
    log_group  = aws_cloudwatch_log_group.door[each.key].name
  }

  lifecycle {
    precondition {
      condition     = fileexists(local.zip)
      error_message = "There is no ${local.zip}: run infra/build first."
    }
  }

  depends_on = [aws_iam_role_policy.door]
}

resource "aws_lambda_function" "console" {
  function_name                  = "${var.name}-console"
  description                    = "Overtime: console"
  role                           = aws_iam_role.door["console"].arn
  filename                       = local.zip
  source_code_hash               = fileexists(local.zip) ? filebase64sha256(local.zip) : null
  runtime                        = "provided.al2023"
  handler                        = "bootstrap"
  architectures                  = [var.architecture]
  memory_size                    = local.sizes.console.memory_mb
  timeout                        = local.sizes.console.timeout_seconds
  reserved_concurrent_executions = local.sizes.console.concurrency

  environment {
    variables = merge(local.common, local.deliver_queue, local.told, local.sign_in, local.portal, { OVERTIME_DOOR = "console" })
  }

  logging_config {
    log_format = "JSON"
    log_group  = aws_cloudwatch_log_group.door["console"].name
  }

  lifecycle {
    precondition {
      condition     = fileexists(local.zip)
      error_message = "There is no ${local.zip}: run infra/build first."
    }
  }

  depends_on = [aws_iam_role_policy.door]
}

resource "aws_lambda_function_url" "ingest" {
  function_name      = aws_lambda_function.door["ingest"].function_name
  authorization_type = "AWS_IAM"
}

resource "aws_lambda_function_url" "console" {
  function_name      = aws_lambda_function.console.function_name
  authorization_type = local.asks_itself ? "NONE" : "AWS_IAM"
}
