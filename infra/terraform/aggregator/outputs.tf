output "url" {
  description = "OVERTIME_URL of watched functions."
  value       = aws_lambda_function_url.ingest.function_url
}

output "ingest_arn" {
  description = "The function that they may call: ingest_arn of the module member-account."
  value       = aws_lambda_function.door["ingest"].arn
}

output "console_url" {
  description = "The page: for signed requests, unless sign_in has it ask people itself."
  value       = aws_lambda_function_url.console.function_url
}

output "console_arn" {
  description = "The console's function: whoever may call it through its URL reads the page and the API."
  value       = aws_lambda_function.console.arn
}
