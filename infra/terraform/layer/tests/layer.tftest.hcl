mock_provider "aws" {
  mock_resource "aws_lambda_layer_version" {
    defaults = {
      arn     = "arn:aws:lambda:eu-west-1:999988887777:layer:overtime:1"
      version = "1"
    }
  }
}

variables {
  artefacts = "tests/artefacts"
}

run "a_layer_for_each_architecture_that_stays_when_it_is_replaced" {
  assert {
    condition     = keys(aws_lambda_layer_version.extension) == ["arm64", "x86_64"]
    error_message = "There are layers for ${join(", ", keys(aws_lambda_layer_version.extension))}."
  }

  assert {
    condition     = alltrue([for it in aws_lambda_layer_version.extension : it.skip_destroy])
    error_message = "A layer goes when it is replaced."
  }

  assert {
    condition     = alltrue([for name, it in aws_lambda_layer_version.extension : it.compatible_architectures == toset([name])])
    error_message = "A layer claims another architecture than its own."
  }

  assert {
    condition     = length(aws_lambda_layer_version_permission.organization) == 0
    error_message = "It is shared with nobody in particular."
  }
}

run "it_is_shared_with_the_organisation_and_nobody_else" {
  variables {
    organization_id = "o-a1b2c3d4e5"
    architectures   = ["arm64"]
  }

  assert {
    condition     = [for it in aws_lambda_layer_version_permission.organization : it.organization_id] == ["o-a1b2c3d4e5"]
    error_message = "It is not shared with the organisation."
  }

  assert {
    condition     = keys(output.arns) == ["arm64"]
    error_message = "There are layers nobody asked for."
  }
}

run "what_was_not_built_is_asked_for" {
  command = plan

  variables {
    artefacts = "tests/nothing"
  }

  expect_failures = [aws_lambda_layer_version.extension]
}

run "what_is_no_architecture_and_no_organisation_is_refused" {
  command = plan

  variables {
    architectures   = ["arm"]
    organization_id = "acme"
  }

  expect_failures = [var.architectures, var.organization_id]
}
