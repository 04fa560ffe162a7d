variable "url" {
  description = "The aggregator's URL, as its module or stack put it out."
  type        = string

  validation {
    condition     = startswith(var.url, "https://")
    error_message = "url begins with https://."
  }
}

variable "layers" {
  description = "ARNs of the layers, with their version, by architecture: arns of the module layer."
  type        = map(string)
}

variable "architecture" {
  description = "The function's: arm64 or x86_64."
  type        = string
  default     = "x86_64"

  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "architecture is arm64 or x86_64."
  }
}

variable "role_name" {
  description = "The name of the function's role, to which the policy is attached. Null: it has the policy already."
  type        = string
  default     = null
}

variable "policy_arn" {
  description = "The managed policy that lets a role report: policy_arn of the module member-account."
  type        = string
  default     = null
}

variable "tags" {
  description = "Shown with the function and usable in alerts; they become OVERTIME_TAGS, not tags of the function."
  type        = map(string)
  default     = {}
}

variable "near_timeout" {
  description = "From which share of its timeout a successful invocation counts as near to it. Null: the extension's default, 0.8."
  type        = number
  default     = null

  validation {
    condition     = var.near_timeout == null ? true : var.near_timeout > 0 && var.near_timeout <= 1
    error_message = "near_timeout is a share: more than 0, at most 1."
  }
}

variable "log_tail" {
  description = "How many of the last lines of a timed-out request's log are sent with it. Null: none. Read about privacy first."
  type        = number
  default     = null

  validation {
    condition     = var.log_tail == null ? true : var.log_tail >= 0 && var.log_tail <= 100
    error_message = "log_tail is at most 100."
  }
}

variable "redact_logs" {
  description = "Whether secrets in those lines are replaced by stars before they leave the function."
  type        = bool
  default     = true
}

variable "flush_interval" {
  description = "How often ordinary counts are sent at most, such as 60s. Null: the extension's default, a minute. Timeouts never wait."
  type        = string
  default     = null
}

variable "signing_region" {
  description = "The region to sign requests for, where the host of url does not say it."
  type        = string
  default     = null
}

variable "logs" {
  description = "A bucket that the extension stores logs in, and whose: function, extension, platform. With role_name, the role may put objects below the prefix. Null: none."
  type = object({
    bucket = string
    prefix = optional(string, "")
    types  = optional(list(string), ["function"])
  })
  default = null

  validation {
    condition     = var.logs == null ? true : length(var.logs.types) > 0 && length(setsubtract(var.logs.types, ["function", "extension", "platform"])) == 0
    error_message = "logs.types has function, extension and platform, at least one of them."
  }

  validation {
    condition     = var.logs == null ? true : var.logs.prefix == trim(var.logs.prefix, "/")
    error_message = "logs.prefix neither begins nor ends with a slash."
  }
}
