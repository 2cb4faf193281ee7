//! From records to the configuration of an edge router.
//!
//! [`project`] depends on nothing but the current records, so that a restart, a replay and a second server give the same
//! configuration.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use super::config::{
    AssociationConfig, DrainStage, EdgeConfig, FabricPeerConfig, HandoffConfig, InterfaceConfig,
    NewKeyConfig, PeerConfig, PortConfig, RoutingDomainConfig,
};
use crate::backbone::Backbone;
use crate::bgp_peer::BgpPeer;
use crate::connection::Connection;
use crate::gateway_association::Association;
use crate::id::{DirectConnectGatewayId, EdgeId, RoutingDomainId};
use crate::public_network::PublicNetwork;
use crate::transit_gateway::TransitGateway;
use crate::virtual_gateway::{Gateway, Handoff};
use crate::virtual_interface::drain::Drain;
use crate::virtual_interface::{GatewayId, Phase, VirtualInterface};

/// The configuration of an edge, from the records that its indexes name. `connections` and `interfaces` may hold more than
/// belongs there: what is not to be on the router, or lacks its gateway, is left out. `associations` are those of the Direct Connect
/// gateways that interfaces lead to, `gateways` the virtual ones that interfaces or these lead to, `transit_gateways` the transit ones
/// that these lead to. The order of the arguments' items does not matter.
#[must_use]
pub fn project(
    edge: &EdgeId,
    (epoch, generation): (u64, u64),
    connections: &[Connection],
    interfaces: &[VirtualInterface],
    gateways: &[Gateway],
    transit_gateways: &[TransitGateway],
    associations: &[Association],
) -> EdgeConfig {
    let here = |c: &&Connection| c.port.as_ref().is_some_and(|port| port.edge == *edge);
    let mut ports: Vec<PortConfig> =
        connections.iter().filter(here).filter_map(PortConfig::of).collect();
    ports.sort_by(|a, b| a.interface.cmp(&b.interface));
    let of_gateways = gateways.iter().map(|g| RoutingDomainId::of_virtual_gateway(&g.id));
    let of_transit = transit_gateways.iter().map(|g| RoutingDomainId::of_transit_gateway(&g.id));
    let of_gateways: Vec<RoutingDomainId> = of_gateways.chain(of_transit).collect();
    let direct = direct_domains(edge, interfaces, associations, &of_gateways);
    let of_gateways = of_gateways.into_iter();
    let known: HashSet<RoutingDomainId> =
        of_gateways.chain(direct.keys().cloned()).chain([RoutingDomainId::public()]).collect();
    let public = public_domain(edge, interfaces);
    let mut interfaces: Vec<Arc<InterfaceConfig>> = interfaces
        .iter()
        .filter(|i| i.edge == *edge)
        .filter_map(InterfaceConfig::of)
        .filter(|i| known.contains(&i.routing_domain_id))
        .map(Arc::new)
        .collect();
    interfaces.sort_by(|a, b| a.virtual_interface_id.cmp(&b.virtual_interface_id));
    let used = interfaces.iter().map(|i| &i.routing_domain_id);
    let reached = direct.values().flat_map(|domain| &domain.associations);
    let used: HashSet<&RoutingDomainId> =
        used.chain(reached.map(|association| &association.routing_domain_id)).collect();
    let of_transit = transit_gateways.iter().map(|g| transit_domain(edge, g));
    let of_gateways = gateways.iter().map(|g| routing_domain(edge, g)).chain(of_transit);
    let of_gateways = of_gateways.chain(public);
    let of_gateways =
        of_gateways.filter(|domain| used.contains(&domain.routing_domain_id)).collect::<Vec<_>>();
    let mut routing_domains: Vec<Arc<RoutingDomainConfig>> =
        of_gateways.into_iter().chain(direct.into_values()).map(Arc::new).collect();
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
            peers: peers.map(|peer| PeerConfig::of(peer, interface)).collect(),
            rate_limit: interface.options.rate_limit,
            site_link: interface.options.site_link,
            route_filter_prefixes: interface.options.route_filter_prefixes.clone(),
        })
    }
}

impl PeerConfig {
    fn of(peer: &BgpPeer, interface: &VirtualInterface) -> Self {
        Self {
            bgp_peer_id: Some(peer.id.clone()),
            addresses: peer.addresses,
            asn: peer.asn,
            auth_key: peer.auth_key.clone(),
            new_key: peer.rotation.as_ref().map(|rotation| NewKeyConfig {
                auth_key: rotation.key.clone(),
                until: rotation.until,
            }),
            session_resets: peer.session_resets,
            prefix_limit: interface.options.prefix_pool.of(peer.addresses.family()),
            shut_until: interface
                .test
                .as_ref()
                .filter(|test| test.peers.contains(&peer.id))
                .map(|test| test.until),
            drain: interface.options.drain.map(DrainStage::of),
        }
    }
}

impl DrainStage {
    const fn of(drain: Drain) -> Self {
        match drain {
            Drain::Graceful { .. } => Self::Graceful,
            Drain::Withdrawn { .. } => Self::Withdrawn,
            Drain::Shut => Self::Shut,
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

/// The routing domains of the Direct Connect gateways that interfaces of the edge lead to. A gateway's record is not asked for:
/// what the domain needs of it never changes, and the interface has it.
fn direct_domains(
    edge: &EdgeId,
    interfaces: &[VirtualInterface],
    associations: &[Association],
    known: &[RoutingDomainId],
) -> BTreeMap<RoutingDomainId, RoutingDomainConfig> {
    let here = interfaces.iter().filter(|i| i.edge == *edge && i.phase == Phase::Accepted);
    let attached = here.filter_map(|interface| interface.attachment.as_ref());
    let mut domains = BTreeMap::new();
    for attachment in attached {
        let GatewayId::DirectConnect(gateway) = &attachment.gateway else { continue };
        domains.entry(attachment.routing_domain.clone()).or_insert_with(|| RoutingDomainConfig {
            routing_domain_id: attachment.routing_domain.clone(),
            alias: Some(gateway.to_string()),
            amazon_side_asn: attachment.asn,
            cidrs: Vec::new(),
            handoffs: Vec::new(),
            associations: reached(gateway, associations, known),
        });
    }
    domains
}

/// What the customers of a Direct Connect gateway reach. An association of which the gateway's domain is not known is left out.
fn reached(
    gateway: &DirectConnectGatewayId,
    associations: &[Association],
    known: &[RoutingDomainId],
) -> Vec<AssociationConfig> {
    let is_known = |association: &&Association| {
        association.gateway == *gateway
            && association.phase.is_live()
            && known.contains(&association.associated.routing_domain())
    };
    let mut reached: Vec<AssociationConfig> = associations
        .iter()
        .filter(is_known)
        .map(|association| AssociationConfig {
            routing_domain_id: association.associated.routing_domain(),
            prefixes: association.reached(),
        })
        .collect();
    reached.sort_by(|a, b| a.routing_domain_id.cmp(&b.routing_domain_id));
    reached
}

/// The domain of the public network, as bare as without one: the operator's AS number that the interfaces were made with.
fn public_domain(edge: &EdgeId, interfaces: &[VirtualInterface]) -> Option<RoutingDomainConfig> {
    let here = interfaces.iter().filter(|one| one.edge == *edge && one.phase == Phase::Accepted);
    let public = here.filter_map(|one| Some((&one.id, one.attachment.as_ref()?)));
    let public = public.filter(|(_, attached)| attached.gateway == GatewayId::Public);
    let (_, attached) = public.min_by_key(|(id, _)| *id)?;
    Some(RoutingDomainConfig {
        routing_domain_id: attached.routing_domain.clone(),
        alias: None,
        amazon_side_asn: attached.asn,
        cidrs: Vec::new(),
        handoffs: Vec::new(),
        associations: Vec::new(),
    })
}

impl EdgeConfig {
    /// With the operator's public network where an interface leads to it.
    #[must_use]
    pub fn with_public_network(mut self, network: &PublicNetwork) -> Self {
        let public = RoutingDomainId::public();
        let at = self.routing_domains.binary_search_by(|d| d.routing_domain_id.cmp(&public));
        if let Ok(at) = at {
            let domain = Arc::make_mut(&mut self.routing_domains[at]);
            domain.cidrs.clone_from(&network.prefixes);
            domain.handoffs = network.handoffs.iter().map(HandoffConfig::of).collect();
        }
        self
    }

    /// With the operator's backbone for the Direct Connect gateways of which an interface has SiteLink: no other interface has
    /// anything to do with it.
    #[must_use]
    pub fn with_backbones(mut self, backbones: &[Backbone]) -> Self {
        for backbone in backbones {
            let id = &backbone.routing_domain;
            let mut own = self.interfaces.iter().filter(|one| one.routing_domain_id == *id);
            let at = self.routing_domains.binary_search_by(|d| d.routing_domain_id.cmp(id));
            let (Ok(at), true) = (at, own.any(|one| one.site_link)) else { continue };
            let here = backbone.handoffs.iter().filter(|handoff| handoff.edge == self.edge_id);
            let domain = Arc::make_mut(&mut self.routing_domains[at]);
            domain.handoffs = here.map(HandoffConfig::of).collect();
        }
        self
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
        associations: Vec::new(),
    }
}

/// A transit gateway has no prefixes of its own: what is announced is what its associations allow.
fn transit_domain(edge: &EdgeId, gateway: &TransitGateway) -> RoutingDomainConfig {
    let handoffs = gateway.handoffs.iter().filter(|handoff| handoff.edge == *edge);
    RoutingDomainConfig {
        routing_domain_id: RoutingDomainId::of_transit_gateway(&gateway.id),
        alias: None,
        amazon_side_asn: gateway.asn,
        cidrs: Vec::new(),
        handoffs: handoffs.map(HandoffConfig::of).collect(),
        associations: Vec::new(),
    }
}
