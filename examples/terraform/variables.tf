variable "endpoint" {
  description = "Where the server is; a certificate of an authority of your own is trusted with AWS_CA_BUNDLE"
  type        = string
  default     = "http://127.0.0.1:8580"
}

variable "region" {
  description = "The server's region, which signatures are made for"
  type        = string
  default     = "eu-west-2"
}

variable "lender" {
  description = "An access key of the account that lends: linkway admin access-key create"
  type        = object({ access_key_id = string, secret_access_key = string })
  sensitive   = true
}

variable "recipient" {
  description = "An access key of the account that accepts"
  type        = object({ access_key_id = string, secret_access_key = string })
  sensitive   = true
}

variable "recipient_account" {
  description = "The account that accepts, 12 digits"
  type        = string
  default     = "123456789000"
}

variable "recipient_gateway" {
  description = "A virtual gateway of that account: linkway admin gateway create"
  type        = string
}

variable "location" {
  description = "Code of the location that the connection is ordered at"
  type        = string
  default     = "PAR1"
}

variable "bgp_key" {
  description = "The MD5 key of the BGP session, 6 to 80 characters"
  type        = string
  sensitive   = true
}
