output "policy_arn" {
  description = "The policy to attach to the functions' roles."
  value       = aws_iam_policy.report.arn
}

output "policy_json" {
  description = "The same as a document, for roles that take no managed policy."
  value       = data.aws_iam_policy_document.report.json
}
