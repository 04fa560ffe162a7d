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
  description = "Where alerts are posted, and the Secrets Manager secret with the key that signs them. Without it they show on the page and go nowhere. Terraform reads the key at apply, so it stands in its state and in deliver's environment."
  type = object({
    url        = string
    secret_arn = string
  })
  default = null
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
