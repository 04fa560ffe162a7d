variable "ingest_arn" {
  description = "The ARN of the aggregator's ingest function."
  type        = string

  validation {
    condition     = can(regex("^arn:[a-z-]+:lambda:[a-z0-9-]+:[0-9]{12}:function:[A-Za-z0-9_-]+$", var.ingest_arn))
    error_message = "ingest_arn is the ARN of a function without a version: arn:aws:lambda:REGION:ACCOUNT:function:NAME."
  }
}

variable "policy_name" {
  description = "What the policy is called."
  type        = string
  default     = "OvertimeReport"
}

variable "tags" {
  description = "Tags of the policy."
  type        = map(string)
  default     = {}
}
