//! What an edge router must make true, and what it says of it.
//!
//! [`project`] depends on nothing but the current records, so that a restart, a replay and a second server give the same
//! configuration. The types here are the feed's own form on the wire (JSON, camelCase).

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use crate::connection::Connection;
use crate::gateway::Gateway;
use crate::id::{ConnectionId, EdgeId, PortName, VirtualGatewayId, VirtualInterfaceId};
use crate::net::{Asn, AuthKey, GatewayAsn, Mtu, NextHop, PeerAddresses, Prefix, Vlan};
use crate::virtual_interface::{Phase, Reported, VirtualInterface};

/// The whole desired configuration of one edge router.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EdgeConfig {
    /// Which router.
    pub edge_id: EdgeId,
    /// The version of this configuration; an edge refuses one older than it has.
    pub generation: u64,
    /// The ports in use, by connection.
    pub ports: Vec<PortConfig>,
    /// The gateways, a VRF each.
    pub gateways: Vec<GatewayConfig>,
    /// The interfaces.
    pub interfaces: Vec<InterfaceConfig>,
}

/// A port in use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PortConfig {
    /// The router's interface.
    pub interface: PortName,
    /// The connection that has it.
    pub connection_id: ConnectionId,
}

/// A gateway with an interface on this router.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GatewayConfig {
    /// The gateway.
    pub virtual_gateway_id: VirtualGatewayId,
    /// Our AS number.
    pub amazon_side_asn: GatewayAsn,
    /// What is announced.
    pub cidrs: Vec<Prefix>,
    /// Where the VPC is reached from this router.
    pub handoffs: Vec<HandoffConfig>,
}

/// A way from this router into the cloud's fabric.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HandoffConfig {
    /// The router's interface towards the fabric.
    pub interface: PortName,
    /// The next hop of the VPC's prefixes.
    pub next_hop: NextHop,
}

/// An accepted interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InterfaceConfig {
    /// The interface.
    pub virtual_interface_id: VirtualInterfaceId,
    /// The port it is on.
    pub interface: PortName,
    /// Its VLAN there.
    pub vlan: Vlan,
    /// Its MTU.
    pub mtu: Mtu,
    /// The gateway it leads to.
    pub virtual_gateway_id: VirtualGatewayId,
    /// The session's addresses.
    pub addresses: PeerAddresses,
    /// The customer's AS number.
    pub asn: Asn,
    /// The session's key.
    pub auth_key: AuthKey,
}

/// What an edge says: the whole of it, each time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EdgeStatus {
    /// The generation of the configuration that this is about.
    pub generation: u64,
    /// The report's number: higher than in every earlier report of this edge (its clock's milliseconds will do).
    pub sequence: u64,
    /// Each port of the configuration.
    pub ports: Vec<PortStatus>,
    /// Each interface that is, or shall be, on the router.
    pub interfaces: Vec<InterfaceStatus>,
}

/// A port as the edge sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PortStatus {
    /// The connection.
    pub connection_id: ConnectionId,
    /// Whether the link is up.
    pub carrier: bool,
}

/// An interface as the edge sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InterfaceStatus {
    /// The interface.
    pub virtual_interface_id: VirtualInterfaceId,
    /// What there is of it.
    #[serde(flatten)]
    pub reported: Reported,
}

/// The configuration of an edge, from the records that its indexes name. `connections` and `interfaces` may hold more than
/// belongs there: what is not to be on the router, or lacks its gateway, is left out. The order of the arguments' items
/// does not matter.
#[must_use]
pub fn project(
    edge: &EdgeId,
    generation: u64,
    connections: &[Connection],
    interfaces: &[VirtualInterface],
    gateways: &[Gateway],
) -> EdgeConfig {
    let mut ports: Vec<PortConfig> = connections.iter().filter_map(|c| port(edge, c)).collect();
    ports.sort_by(|a, b| a.interface.cmp(&b.interface));
    let known: HashSet<&VirtualGatewayId> = gateways.iter().map(|g| &g.id).collect();
    let mut interfaces: Vec<InterfaceConfig> = interfaces
        .iter()
        .filter(|i| i.edge == *edge)
        .filter_map(interface)
        .filter(|i| known.contains(&i.virtual_gateway_id))
        .collect();
    interfaces.sort_by(|a, b| a.virtual_interface_id.cmp(&b.virtual_interface_id));
    let used: HashSet<&VirtualGatewayId> =
        interfaces.iter().map(|i| &i.virtual_gateway_id).collect();
    let mut gateways: Vec<GatewayConfig> =
        gateways.iter().filter(|g| used.contains(&g.id)).map(|g| gateway(edge, g)).collect();
    gateways.sort_by(|a, b| a.virtual_gateway_id.cmp(&b.virtual_gateway_id));
    EdgeConfig { edge_id: edge.clone(), generation, ports, gateways, interfaces }
}

fn port(edge: &EdgeId, connection: &Connection) -> Option<PortConfig> {
    let port = connection.port.as_ref().filter(|port| port.edge == *edge)?;
    connection
        .phase
        .is_on_edge()
        .then(|| PortConfig { interface: port.name.clone(), connection_id: connection.id.clone() })
}

fn interface(interface: &VirtualInterface) -> Option<InterfaceConfig> {
    if interface.phase != Phase::Accepted {
        return None;
    }
    Some(InterfaceConfig {
        virtual_interface_id: interface.id.clone(),
        interface: interface.port.clone(),
        vlan: interface.vlan,
        mtu: interface.mtu,
        virtual_gateway_id: interface.gateway.as_ref()?.id.clone(),
        addresses: interface.addresses,
        asn: interface.asn,
        auth_key: interface.auth_key.clone(),
    })
}

fn gateway(edge: &EdgeId, gateway: &Gateway) -> GatewayConfig {
    let handoffs = gateway.handoffs.iter().filter(|handoff| handoff.edge == *edge);
    GatewayConfig {
        virtual_gateway_id: gateway.id.clone(),
        amazon_side_asn: gateway.asn,
        cidrs: gateway.cidrs.clone(),
        handoffs: handoffs
            .map(|h| HandoffConfig { interface: h.interface.clone(), next_hop: h.next_hop })
            .collect(),
    }
}
