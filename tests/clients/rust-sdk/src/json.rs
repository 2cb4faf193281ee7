//! The SDK's types as JSON with the wire's member names; absent members are left out.

use aws_sdk_directconnect::operation::allocate_private_virtual_interface::AllocatePrivateVirtualInterfaceOutput;
use aws_sdk_directconnect::operation::create_connection::CreateConnectionOutput;
use aws_sdk_directconnect::types::{
    BgpPeer, Connection, Location, Tag, VirtualGateway, VirtualInterface,
};
use serde_json::{Value, json};

pub fn location(location: &Location) -> Value {
    compact(json!({
        "locationCode": location.location_code(),
        "locationName": location.location_name(),
        "region": location.region(),
        "availablePortSpeeds": location.available_port_speeds,
    }))
}

pub fn gateway(gateway: &VirtualGateway) -> Value {
    compact(json!({
        "virtualGatewayId": gateway.virtual_gateway_id(),
        "virtualGatewayState": gateway.virtual_gateway_state(),
    }))
}

pub fn connection(connection: &Connection) -> Value {
    compact(json!({
        "ownerAccount": connection.owner_account(),
        "connectionId": connection.connection_id(),
        "connectionName": connection.connection_name(),
        "connectionState": connection.connection_state().map(|state| state.as_str()),
        "region": connection.region(),
        "location": connection.location(),
        "bandwidth": connection.bandwidth(),
        "jumboFrameCapable": connection.jumbo_frame_capable(),
        "awsDeviceV2": connection.aws_device_v2(),
        "awsLogicalDeviceId": connection.aws_logical_device_id(),
        "hasLogicalRedundancy": connection.has_logical_redundancy().map(|known| known.as_str()),
    }))
}

pub fn interface(interface: &VirtualInterface) -> Value {
    compact(json!({
        "ownerAccount": interface.owner_account(),
        "virtualInterfaceId": interface.virtual_interface_id(),
        "location": interface.location(),
        "connectionId": interface.connection_id(),
        "virtualInterfaceType": interface.virtual_interface_type(),
        "virtualInterfaceName": interface.virtual_interface_name(),
        "vlan": interface.vlan(),
        "asn": interface.asn(),
        "asnLong": interface.asn_long(),
        "amazonSideAsn": interface.amazon_side_asn(),
        "authKey": interface.auth_key(),
        "amazonAddress": interface.amazon_address(),
        "customerAddress": interface.customer_address(),
        "addressFamily": interface.address_family().map(|family| family.as_str()),
        "virtualInterfaceState": interface.virtual_interface_state().map(|state| state.as_str()),
        "customerRouterConfig": interface.customer_router_config(),
        "mtu": interface.mtu(),
        "jumboFrameCapable": interface.jumbo_frame_capable(),
        "virtualGatewayId": interface.virtual_gateway_id(),
        "directConnectGatewayId": interface.direct_connect_gateway_id(),
        "bgpPeers": interface.bgp_peers.as_ref().map(|peers| peers.iter().map(peer).collect::<Vec<_>>()),
        "region": interface.region(),
        "awsDeviceV2": interface.aws_device_v2(),
        "awsLogicalDeviceId": interface.aws_logical_device_id(),
        "tags": interface.tags.as_ref().map(|tags| tags.iter().map(tag).collect::<Vec<_>>()),
    }))
}

fn peer(peer: &BgpPeer) -> Value {
    compact(json!({
        "bgpPeerId": peer.bgp_peer_id(),
        "asn": peer.asn(),
        "asnLong": peer.asn_long(),
        "authKey": peer.auth_key(),
        "addressFamily": peer.address_family().map(|family| family.as_str()),
        "amazonAddress": peer.amazon_address(),
        "customerAddress": peer.customer_address(),
        "bgpPeerState": peer.bgp_peer_state().map(|state| state.as_str()),
        "bgpStatus": peer.bgp_status().map(|status| status.as_str()),
    }))
}

fn tag(tag: &Tag) -> Value {
    compact(json!({"key": tag.key(), "value": tag.value()}))
}

/// The answer of an order as the type that Describe gives; the SDK generates two.
pub fn created(order: &CreateConnectionOutput) -> Connection {
    Connection::builder()
        .set_owner_account(order.owner_account.clone())
        .set_connection_id(order.connection_id.clone())
        .set_connection_name(order.connection_name.clone())
        .set_connection_state(order.connection_state.clone())
        .set_region(order.region.clone())
        .set_location(order.location.clone())
        .set_bandwidth(order.bandwidth.clone())
        .set_jumbo_frame_capable(order.jumbo_frame_capable)
        .set_aws_device_v2(order.aws_device_v2.clone())
        .set_aws_logical_device_id(order.aws_logical_device_id.clone())
        .set_has_logical_redundancy(order.has_logical_redundancy.clone())
        .build()
}

/// The answer of an allocation as the type that Describe gives; the SDK generates two.
pub fn allocated(lent: &AllocatePrivateVirtualInterfaceOutput) -> VirtualInterface {
    VirtualInterface::builder()
        .set_owner_account(lent.owner_account.clone())
        .set_virtual_interface_id(lent.virtual_interface_id.clone())
        .set_location(lent.location.clone())
        .set_connection_id(lent.connection_id.clone())
        .set_virtual_interface_type(lent.virtual_interface_type.clone())
        .set_virtual_interface_name(lent.virtual_interface_name.clone())
        .vlan(lent.vlan)
        .asn(lent.asn)
        .set_asn_long(lent.asn_long)
        .set_amazon_side_asn(lent.amazon_side_asn)
        .set_auth_key(lent.auth_key.clone())
        .set_amazon_address(lent.amazon_address.clone())
        .set_customer_address(lent.customer_address.clone())
        .set_address_family(lent.address_family.clone())
        .set_virtual_interface_state(lent.virtual_interface_state.clone())
        .set_customer_router_config(lent.customer_router_config.clone())
        .set_mtu(lent.mtu)
        .set_jumbo_frame_capable(lent.jumbo_frame_capable)
        .set_virtual_gateway_id(lent.virtual_gateway_id.clone())
        .set_direct_connect_gateway_id(lent.direct_connect_gateway_id.clone())
        .set_bgp_peers(lent.bgp_peers.clone())
        .set_region(lent.region.clone())
        .set_aws_device_v2(lent.aws_device_v2.clone())
        .set_aws_logical_device_id(lent.aws_logical_device_id.clone())
        .set_tags(lent.tags.clone())
        .build()
}

/// Without the members that are null: on the wire they would not be there.
fn compact(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            members.into_iter().filter(|(_, member)| !member.is_null()).collect()
        }
        other => other,
    }
}
