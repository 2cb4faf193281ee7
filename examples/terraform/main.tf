# The lender orders a connection.
resource "aws_dx_connection" "port" {
  name      = "MyConnection"
  bandwidth = "1Gbps"
  location  = var.location
}

# The lender lends an interface on it to the recipient.
resource "aws_dx_hosted_private_virtual_interface" "lent" {
  connection_id    = aws_dx_connection.port.id
  owner_account_id = var.recipient_account
  name             = "MyPrivateVirtualInterface"
  vlan             = 101
  address_family   = "ipv4"
  bgp_asn          = 65000
  bgp_auth_key     = var.bgp_key
  amazon_address   = "172.16.0.1/30"
  customer_address = "172.16.0.2/30"
}

# The recipient accepts it with a gateway of its own: from here on there is traffic.
resource "aws_dx_hosted_private_virtual_interface_accepter" "accepted" {
  provider             = aws.recipient
  virtual_interface_id = aws_dx_hosted_private_virtual_interface.lent.id
  vpn_gateway_id       = var.recipient_gateway
}

output "virtual_interface_id" {
  value = aws_dx_hosted_private_virtual_interface.lent.id
}
