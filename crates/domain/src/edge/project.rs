//! From records to the configuration of an edge router.
//!
//! [`project`] depends on nothing but the current records, so that a restart, a replay and a second server give the same
//! configuration.

use std::collections::HashSet;
use std::sync::Arc;

use super::config::{
    EdgeConfig, FabricPeerConfig, HandoffConfig, InterfaceConfig, PeerConfig, PortConfig,
    RoutingDomainConfig,
};
use crate::bgp_peer::BgpPeer;
use crate::connection::Connection;
use crate::id::{EdgeId, RoutingDomainId};
use crate::virtual_gateway::{Gateway, Handoff};
use crate::virtual_interface::{Phase, VirtualInterface};

/// The configuration of an edge, from the records that its indexes name. `connections` and `interfaces` may hold more than
/// belongs there: what is not to be on the router, or lacks its gateway, is left out. The order of the arguments' items
/// does not matter.
#[must_use]
pub fn project(
    edge: &EdgeId,
    (epoch, generation): (u64, u64),
    connections: &[Connection],
    interfaces: &[VirtualInterface],
    gateways: &[Gateway],
) -> EdgeConfig {
    let here = |c: &&Connection| c.port.as_ref().is_some_and(|port| port.edge == *edge);
    let mut ports: Vec<PortConfig> =
        connections.iter().filter(here).filter_map(PortConfig::of).collect();
    ports.sort_by(|a, b| a.interface.cmp(&b.interface));
    let known: HashSet<RoutingDomainId> =
        gateways.iter().map(|g| RoutingDomainId::of_virtual_gateway(&g.id)).collect();
    let mut interfaces: Vec<Arc<InterfaceConfig>> = interfaces
        .iter()
        .filter(|i| i.edge == *edge)
        .filter_map(InterfaceConfig::of)
        .filter(|i| known.contains(&i.routing_domain_id))
        .map(Arc::new)
        .collect();
    interfaces.sort_by(|a, b| a.virtual_interface_id.cmp(&b.virtual_interface_id));
    let used: HashSet<&RoutingDomainId> = interfaces.iter().map(|i| &i.routing_domain_id).collect();
    let mut routing_domains: Vec<Arc<RoutingDomainConfig>> = gateways
        .iter()
        .map(|g| routing_domain(edge, g))
        .filter(|domain| used.contains(&domain.routing_domain_id))
        .map(Arc::new)
        .collect();
    routing_domains.sort_by(|a, b| a.routing_domain_id.cmp(&b.routing_domain_id));
    EdgeConfig { edge_id: edge.clone(), epoch, generation, ports, routing_domains, interfaces }
}

impl PortConfig {
    /// What a connection puts on the router that has its port; `None` if nothing.
    #[must_use]
    pub fn of(connection: &Connection) -> Option<Self> {
        let port = connection.port.as_ref().filter(|_| connection.phase.is_on_edge())?;
        Some(Self { interface: port.name.clone(), connection_id: connection.id.clone() })
    }
}

impl InterfaceConfig {
    /// What an interface puts on its router; `None` unless it was accepted.
    #[must_use]
    pub fn of(interface: &VirtualInterface) -> Option<Self> {
        let attachment =
            interface.attachment.as_ref().filter(|_| interface.phase == Phase::Accepted)?;
        let peers = interface.peers.iter().filter(|peer| peer.is_live());
        Some(Self {
            virtual_interface_id: interface.id.clone(),
            kind: interface.kind,
            interface: interface.port.clone(),
            vlan: interface.vlan,
            mtu: interface.mtu,
            routing_domain_id: attachment.routing_domain.clone(),
            peers: peers.map(PeerConfig::of).collect(),
        })
    }
}

impl PeerConfig {
    fn of(peer: &BgpPeer) -> Self {
        Self {
            bgp_peer_id: Some(peer.id.clone()),
            addresses: peer.addresses,
            asn: peer.asn,
            auth_key: peer.auth_key.clone(),
            session_resets: peer.session_resets,
        }
    }
}

impl HandoffConfig {
    fn of(handoff: &Handoff) -> Self {
        let peer = handoff.fabric_peer.as_ref();
        Self {
            interface: handoff.interface.clone(),
            next_hop: handoff.next_hop,
            fabric_peer: peer.map(|peer| FabricPeerConfig {
                address: peer.address,
                asn: peer.asn,
                auth_key: peer.auth_key.clone(),
            }),
        }
    }
}

fn routing_domain(edge: &EdgeId, gateway: &Gateway) -> RoutingDomainConfig {
    let handoffs = gateway.handoffs.iter().filter(|handoff| handoff.edge == *edge);
    RoutingDomainConfig {
        routing_domain_id: RoutingDomainId::of_virtual_gateway(&gateway.id),
        alias: None,
        amazon_side_asn: gateway.asn,
        cidrs: gateway.cidrs.clone(),
        handoffs: handoffs.map(HandoffConfig::of).collect(),
    }
}
