# The extension as a layer, one for each architecture. A layer belongs to a region: apply this once in each region that has
# functions. Versions that are replaced stay, because functions that use them could not be updated any more.

locals {
  zips = { for it in var.architectures : it => "${var.artefacts}/overtime-extension-${it}.zip" }
}

resource "aws_lambda_layer_version" "extension" {
  for_each = local.zips

  layer_name               = "${var.name}-${each.key}"
  description              = "Overtime: the extension for ${each.key}"
  license_info             = "Apache-2.0"
  filename                 = each.value
  source_code_hash         = fileexists(each.value) ? filebase64sha256(each.value) : null
  compatible_architectures = [each.key]
  skip_destroy             = true

  lifecycle {
    precondition {
      condition     = fileexists(each.value)
      error_message = "There is no ${each.value}: run infra/build first."
    }
  }
}

resource "aws_lambda_layer_version_permission" "organization" {
  for_each = var.organization_id == null ? {} : aws_lambda_layer_version.extension

  layer_name      = each.value.layer_name
  version_number  = each.value.version
  statement_id    = "organization"
  action          = "lambda:GetLayerVersion"
  principal       = "*"
  organization_id = var.organization_id
  skip_destroy    = true
}
