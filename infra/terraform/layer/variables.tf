variable "artefacts" {
  description = "The folder of the zips that infra/build made."
  type        = string
}

variable "architectures" {
  description = "Which architectures there is to be a layer for."
  type        = set(string)
  default     = ["arm64", "x86_64"]

  validation {
    condition     = length(var.architectures) > 0 && length(setsubtract(var.architectures, ["arm64", "x86_64"])) == 0
    error_message = "architectures are arm64, x86_64, or both."
  }
}

variable "organization_id" {
  description = "The organisation whose accounts may use the layer, o-…. Without it only this account may."
  type        = string
  default     = null

  validation {
    condition     = var.organization_id == null || can(regex("^o-[a-z0-9]{10,32}$", var.organization_id))
    error_message = "organization_id looks like o-a1b2c3d4e5."
  }
}

variable "name" {
  description = "What the layers are called; the architecture follows."
  type        = string
  default     = "overtime"
}
