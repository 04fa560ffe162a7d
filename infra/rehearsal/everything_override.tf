# What the rehearsal asks for in place of the example's defaults: the same as `everything` in infra/cdk/test/fixture.ts.

module "overtime" {
  accounts     = ["111122223333"]
  architecture = "x86_64"
  sizes = {
    evaluate = { memory_mb = 1024, timeout_seconds = 120 }
    deliver  = { concurrency = -1 }
  }
  webhook = {
    url        = "https://example.com/hook"
    secret_arn = "arn:aws:secretsmanager:eu-west-1:999988887777:secret:overtime/hook-a1b2c3"
  }
  channels = {
    topic_arns     = ["arn:aws:sns:eu-west-1:999988887777:timeouts"]
    bus_arns       = ["arn:aws:events:eu-west-1:999988887777:event-bus/timeouts"]
    secret_arns    = ["arn:aws:secretsmanager:eu-west-1:999988887777:secret:overtime/slack-??????"]
    parameter_arns = ["arn:aws:ssm:eu-west-1:999988887777:parameter/overtime/*"]
    key_arns       = ["arn:aws:kms:eu-west-1:999988887777:key/11111111-2222-3333-4444-555555555555"]
  }
  private_networks = ["10.1.0.0/16", "10.2.0.0/16"]
  console_url      = "https://overtime.example/"
  sign_in = {
    provider = {
      issuer            = "https://login.example/tenant"
      client_id         = "overtime"
      client_secret_arn = "arn:aws:secretsmanager:eu-west-1:999988887777:secret:overtime/oidc-a1b2c3"
      scopes            = ["openid", "email", "groups"]
    }
    token_secret_arns = {
      admin  = "arn:aws:secretsmanager:eu-west-1:999988887777:secret:overtime/admins-a1b2c3"
      viewer = "arn:aws:secretsmanager:eu-west-1:999988887777:secret:overtime/viewers-a1b2c3"
    }
    session_key_arn = "arn:aws:secretsmanager:eu-west-1:999988887777:secret:overtime/session-a1b2c3"
    session_idle    = "1800s"
    session_max     = "28800s"
    roles_claim     = "groups"
    grants          = { admin = ["platform"], operator = ["on-call"], viewer = ["*"] }
    hosts           = ["overtime.internal.example"]
  }
  portal_url = "https://example.awsapps.com/start/#/console?account_id={account}&destination={destination}"
  otlp = {
    endpoint           = "https://otlp.example"
    headers_secret_arn = "arn:aws:secretsmanager:eu-west-1:999988887777:secret:overtime/otlp-a1b2c3"
  }
  metrics = {
    namespace  = "Overtime"
    dimensions = [["account", "region", "function"], ["account"]]
  }
  retention = {
    facts     = "96h"
    blocks    = "480h"
    hours     = "19200h"
    timeouts  = "4320h"
    log_tails = "168h"
    messages  = "336h"
  }
  log_retention_days = 90
  log                = "info,overtime=debug"
  alarm_topic_arn    = "arn:aws:sns:eu-west-1:999988887777:alarms"
  kms_key_arn        = "arn:aws:kms:eu-west-1:999988887777:key/66666666-7777-8888-9999-000000000000"
}

module "watched" {
  tags           = { team = "payments", tier = "1" }
  near_timeout   = 0.9
  log_tail       = 20
  redact_logs    = false
  flush_interval = "30s"
  signing_region = "eu-central-1"
  logs           = { bucket = "example-logs", prefix = "overtime", types = ["function", "platform"] }
}
