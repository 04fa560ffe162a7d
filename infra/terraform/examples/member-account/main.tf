# What an account needs whose functions report to an aggregator in another: the policy, attached to roles that exist already.
#
#   terraform init
#   terraform apply -var ingest_arn=arn:aws:lambda:eu-west-1:999988887777:function:overtime-ingest -var 'roles=["orders"]'

terraform {
  required_version = ">= 1.9"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.80"
    }
  }
}

provider "aws" {
  region = var.region
}

variable "region" {
  description = "Any: policies have none."
  type        = string
  default     = "eu-west-1"
}

variable "ingest_arn" {
  description = "The aggregator's output of that name."
  type        = string
}

variable "roles" {
  description = "Names of functions' roles."
  type        = set(string)
  default     = []
}

module "report" {
  source = "../../member-account"

  ingest_arn = var.ingest_arn
}

resource "aws_iam_role_policy_attachment" "report" {
  for_each = var.roles

  role       = each.key
  policy_arn = module.report.policy_arn
}

output "policy_arn" {
  description = "The policy, for roles that are declared elsewhere."
  value       = module.report.policy_arn
}
