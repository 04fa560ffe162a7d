output "layer" {
  description = "The layer for the function's architecture, for its layers."
  value       = lookup(var.layers, var.architecture, null)

  precondition {
    condition     = contains(keys(var.layers), var.architecture)
    error_message = "There is no layer for ${var.architecture} in layers."
  }
}

output "environment" {
  description = "Variables for the function's environment."
  value       = { for name, value in local.told : name => value if value != null }
}
