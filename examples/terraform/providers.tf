terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

# The two accounts: who lends, and who accepts. Linkway has neither STS nor IAM nor instance metadata, so the provider must
# not ask them for the account or the credentials.
provider "aws" {
  region                      = var.region
  access_key                  = var.lender.access_key_id
  secret_key                  = var.lender.secret_access_key
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_region_validation      = true
  skip_requesting_account_id  = true

  endpoints {
    directconnect = var.endpoint
  }
}

provider "aws" {
  alias                       = "recipient"
  region                      = var.region
  access_key                  = var.recipient.access_key_id
  secret_key                  = var.recipient.secret_access_key
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_region_validation      = true
  skip_requesting_account_id  = true

  endpoints {
    directconnect = var.endpoint
  }
}
