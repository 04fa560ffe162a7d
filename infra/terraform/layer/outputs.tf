output "arns" {
  description = "The ARN of the layer for each architecture, with its version."
  value       = { for architecture, it in aws_lambda_layer_version.extension : architecture => it.arn }
}
