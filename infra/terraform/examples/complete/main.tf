# Overtime in one account and region, with one watched function: a place to start from.
#
#   infra/build
#   cd infra/terraform/examples/complete
#   python3 -m zipfile -c orders.zip index.mjs
#   terraform init
#   terraform apply -var organization_id=o-a1b2c3d4e5
#
# The aggregator belongs into one account and region of the organisation, the layer into each region that has functions, and
# what begins at "A team's own" into the configuration of the functions. Other accounts have the example member-account.

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
  description = "Where all of it is."
  type        = string
  default     = "eu-west-1"
}

variable "organization_id" {
  description = "The organisation whose functions may report, o-…: `aws organizations describe-organization` tells it."
  type        = string
}

variable "artefacts" {
  description = "The folder of the zips that infra/build made."
  type        = string
  default     = "../../../../target/artefacts"
}

variable "code" {
  description = "A zip with the code of the function that is watched."
  type        = string
  default     = "orders.zip"
}

variable "deletion_protection" {
  description = "Whether the tables refuse to be deleted: false only to try it, or to uninstall it."
  type        = bool
  default     = true
}

module "overtime" {
  source = "../../aggregator"

  artefacts           = var.artefacts
  organization_id     = var.organization_id
  deletion_protection = var.deletion_protection
}

module "layer" {
  source = "../../layer"

  artefacts       = var.artefacts
  organization_id = var.organization_id
}

module "report" {
  source = "../../member-account"

  ingest_arn = module.overtime.ingest_arn
}

# A team's own: a function that is watched.

module "watched" {
  source = "../../watched-function"

  url          = module.overtime.url
  layers       = module.layer.arns
  architecture = "arm64"
  role_name    = aws_iam_role.orders.name
  policy_arn   = module.report.policy_arn
  tags         = { team = "payments" }
}

resource "aws_lambda_function" "orders" {
  function_name    = "orders"
  role             = aws_iam_role.orders.arn
  filename         = var.code
  source_code_hash = filebase64sha256(var.code)
  runtime          = "nodejs22.x"
  handler          = "index.handler"
  architectures    = ["arm64"]
  timeout          = 3
  layers           = [module.watched.layer]

  environment {
    variables = module.watched.environment
  }
}

resource "aws_iam_role" "orders" {
  name = "orders"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "lambda.amazonaws.com" }
    }]
  })
}

resource "aws_iam_role_policy_attachment" "orders_log" {
  role       = aws_iam_role.orders.name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
}

output "url" {
  description = "OVERTIME_URL of watched functions."
  value       = module.overtime.url
}

output "ingest_arn" {
  description = "For the example member-account, in the other accounts."
  value       = module.overtime.ingest_arn
}

output "layers" {
  description = "The layer for each architecture."
  value       = module.layer.arns
}

output "console_url" {
  description = "The page, for signed requests."
  value       = module.overtime.console_url
}
