variable "artefacts" {
  description = "The folder of the zips that infra/build made."
  type        = string
}

variable "organization_id" {
  description = "The organisation whose functions may report, o-…. At least one of this and accounts is needed."
  type        = string
  default     = null

  validation {
    condition     = var.organization_id == null || can(regex("^o-[a-z0-9]{10,32}$", var.organization_id))
    error_message = "organization_id looks like o-a1b2c3d4e5."
  }
}

variable "accounts" {
  description = "Accounts whose functions may report, in the organisation or not."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for it in var.accounts : can(regex("^[0-9]{12}$", it))])
    error_message = "An account has 12 digits."
  }
}

variable "name" {
  description = "How the names of everything here begin."
  type        = string
  default     = "overtime"

  validation {
    condition     = can(regex("^[a-zA-Z0-9-]{1,32}$", var.name))
    error_message = "name has at most 32 letters, digits and hyphens."
  }
}

variable "architecture" {
  description = "What the doors run on: arm64, which costs a fifth less, or x86_64."
  type        = string
  default     = "arm64"

  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "architecture is arm64 or x86_64."
  }
}

variable "sizes" {
  description = "Memory, timeout and reserved concurrency of doors, where they are not to be the defaults. A concurrency of -1 reserves nothing."
  type = map(object({
    memory_mb       = optional(number)
    timeout_seconds = optional(number)
    concurrency     = optional(number)
  }))
  default = {}

  validation {
    condition     = length(setsubtract(keys(var.sizes), ["ingest", "evaluate", "deliver", "sweep", "console"])) == 0
    error_message = "The doors are ingest, evaluate, deliver, sweep and console."
  }
}

variable "webhook" {
  description = "Where every timeout is posted, beside what subscriptions say, and the Secrets Manager secret with the key that signs messages, whsec_…. Deliver reads it for each message, and no other door may. secret_arn ends in the six characters that Secrets Manager adds."
  type = object({
    url        = string
    secret_arn = string
  })
  default = null
}

variable "otlp" {
  description = "An OpenTelemetry receiver that is told what functions did (OTLP over HTTP, protobuf): its base URL, and the Secrets Manager secret with what stands in the head of each request, name=value,name=value. Deliver reads it for each, and no other door may. headers_secret_arn ends in the six characters that Secrets Manager adds."
  type = object({
    endpoint           = string
    headers_secret_arn = optional(string)
  })
  default = null
}

variable "channels" {
  description = "What of AWS deliver may reach for the channels that subscriptions name: SNS topics, EventBridge buses, secrets and parameters that they refer to, and the keys that those are encrypted with. Nothing else, so that whoever may change the configuration cannot have it publish or read what was never meant for it. An ARN of a secret ends in six characters, or -??????; one of a parameter may end in /*."
  type = object({
    topic_arns     = optional(list(string), [])
    bus_arns       = optional(list(string), [])
    secret_arns    = optional(list(string), [])
    parameter_arns = optional(list(string), [])
    key_arns       = optional(list(string), [])
  })
  default = {}

  validation {
    condition     = alltrue(flatten([for arns in values(var.channels) : [for it in arns : can(regex("^arn:[a-z-]+:[a-z]+:[a-z0-9-]*:[0-9]{12}:.+$", it))]]))
    error_message = "channels has ARNs of one account's resources."
  }
}

variable "private_networks" {
  description = "Private networks that channels may post to, also over plain HTTP: 10.1.0.0/16."
  type        = list(string)
  default     = []
}

variable "console_url" {
  description = "Where links in messages lead, and people come back to from their provider. Null: the console's URL."
  type        = string
  default     = null
}

variable "portal_url" {
  description = "How people get into functions' accounts, for links into the AWS console: an address with the places {account}, {region} and {destination}, as IAM Identity Center has it. Null: links open in whichever account the browser holds."
  type        = string
  default     = null
}

variable "sign_in" {
  description = "Who may come into the console, and as what. With provider (an OpenID provider that people sign in at) or token_secret_arns (secrets with hashes of tokens, as `overtime token` prints them, by role) its URL is open to browsers and it asks them itself; session_key_arn, a secret with 32 bytes in base64, is needed then. Without, it answers signed requests only, and who may sign is a matter of IAM. grants: values of the claim roles_claim, or ARNs of IAM, by role: viewer, operator or admin; without any, whoever IAM lets in is an admin. hosts: what else than its address it may be asked for by."
  type = object({
    provider = optional(object({
      issuer            = string
      client_id         = string
      client_secret_arn = optional(string)
      scopes            = optional(list(string), [])
    }))
    token_secret_arns = optional(map(string), {})
    session_key_arn   = optional(string)
    session_idle      = optional(string)
    session_max       = optional(string)
    roles_claim       = optional(string)
    grants            = optional(map(list(string)), {})
    hosts             = optional(list(string), [])
  })
  default = {}

  validation {
    condition     = length(setsubtract(concat(keys(var.sign_in.token_secret_arns), keys(var.sign_in.grants)), ["viewer", "operator", "admin"])) == 0
    error_message = "The roles are viewer, operator and admin."
  }

  validation {
    condition     = var.sign_in.session_key_arn != null || (var.sign_in.provider == null && length(var.sign_in.token_secret_arns) == 0)
    error_message = "sign_in has token_secret_arns or a provider, and no session_key_arn."
  }

  validation {
    condition     = var.sign_in.provider == null || length(var.sign_in.grants) > 0
    error_message = "sign_in has a provider, and grants nobody anything."
  }
}

variable "metrics" {
  description = "Where functions' counts are written as CloudWatch metrics, which cost money for each function: a namespace that is not AWS's own, and sets of dimensions (of account, region and function), each of which is metrics of its own. Null: nowhere."
  type = object({
    namespace  = string
    dimensions = optional(list(list(string)), [])
  })
  default = null
}

variable "retention" {
  description = "How long things are kept, where that is not to be the default, as 96h: raw facts (72h), counts by the minute (15 days), counts by the hour and functions that are no longer heard of (400 days), the list of timeouts (90 days), the ends of logs that came with them (14 days), messages (7 days)."
  type = object({
    facts     = optional(string)
    blocks    = optional(string)
    hours     = optional(string)
    timeouts  = optional(string)
    log_tails = optional(string)
    messages  = optional(string)
  })
  default = {}

  validation {
    condition     = alltrue([for it in values(var.retention) : it == null || can(regex("^[0-9]+[hd]$", it))])
    error_message = "retention has times such as 96h or 30d."
  }
}

variable "log_retention_days" {
  description = "How long the doors' logs are kept."
  type        = number
  default     = 30
}

variable "log" {
  description = "What the doors log: a level or a filter, see OVERTIME_LOG. Null: info."
  type        = string
  default     = null
}

variable "alarm_topic_arn" {
  description = "Where alarms about Overtime itself are announced. Null: they only show in CloudWatch."
  type        = string
  default     = null
}

variable "kms_key_arn" {
  description = "A key of your own for the tables. Null: DynamoDB's own encryption, which costs nothing."
  type        = string
  default     = null
}

variable "deletion_protection" {
  description = "Whether the tables refuse to be deleted."
  type        = bool
  default     = true
}
