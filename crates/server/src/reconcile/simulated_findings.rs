//! What a simulated edge answers to inquiries: that everything is as it should be. Pure.

use ipnet::IpNet;
use linkway_domain::Time;
use linkway_domain::edge::{
    AsPathSegment, BgpRoute, EdgeConfig, Finding, HandoffSeen, InterfaceConfig, LinkSeen,
    NeighborSeen, Observations, PeerConfig, PeerSeen, Question, RouteDirection, RouteTable,
    RoutingDomainConfig, SegmentKind, SegmentsSeen, SessionSeen, SessionState,
};
use linkway_domain::id::VirtualInterfaceId;
use linkway_domain::net::AddressFamily;

/// The prefix limit of an edge whose settings do not say another.
const PREFIX_LIMIT: u32 = 100;

/// The finding, of this moment.
pub(super) fn finding(config: &EdgeConfig, question: &Question, now: Time) -> Finding {
    let failed = |reason: &str| Finding::Failed { reason: reason.to_owned() };
    let absent = || failed("the interface is not on this router");
    match question {
        Question::Routes { virtual_interface_id } => interface(config, virtual_interface_id)
            .map_or_else(absent, |(interface, domain)| {
                Finding::Routes(routes(interface, domain).bounded())
            }),
        Question::Observe { virtual_interface_id } => interface(config, virtual_interface_id)
            .map_or_else(absent, |(interface, domain)| {
                Finding::Observations(Box::new(observations(interface, domain, now)))
            }),
        Question::Unknown => failed("this router does not know the question"),
    }
}

fn interface<'a>(
    config: &'a EdgeConfig,
    id: &VirtualInterfaceId,
) -> Option<(&'a InterfaceConfig, &'a RoutingDomainConfig)> {
    let interface = config.interfaces.iter().find(|one| one.virtual_interface_id == *id)?;
    let of = |one: &&std::sync::Arc<RoutingDomainConfig>| {
        one.routing_domain_id == interface.routing_domain_id
    };
    Some((interface, config.routing_domains.iter().find(of)?))
}

/// The customer's router announces nothing.
fn routes(interface: &InterfaceConfig, domain: &RoutingDomainConfig) -> RouteTable {
    let associated = domain.associations.iter().flat_map(|one| &one.prefixes);
    let prefixes: Vec<IpNet> =
        domain.cidrs.iter().chain(associated).map(|prefix| prefix.net()).collect();
    let has = |prefix: &&IpNet| interface.peers.of(AddressFamily::of(prefix.addr())).is_some();
    let path = vec![domain.amazon_side_asn.number()];
    let route = |prefix: &IpNet| BgpRoute {
        direction: RouteDirection::Advertised,
        prefix: *prefix,
        as_path: vec![AsPathSegment { kind: SegmentKind::Seq, path: path.clone() }],
        communities: Vec::new(),
        installed_at: None,
    };
    RouteTable { routes: prefixes.iter().filter(has).map(route).collect(), truncated: false }
}

fn observations(
    interface: &InterfaceConfig,
    domain: &RoutingDomainConfig,
    now: Time,
) -> Observations {
    let link = LinkSeen { carrier: true, received: 1, received_meanwhile: 1 };
    let peer = |peer: &PeerConfig| PeerSeen {
        family: peer.addresses.family(),
        neighbor: NeighborSeen { answered: Some(true), pinged: true, ..NeighborSeen::default() },
        segments: SegmentsSeen::default(),
        session: SessionSeen {
            state: Some(SessionState::Established),
            last_error: None,
            last_log: None,
            logged_at: None,
            accepted: 0,
            rejected: 0,
            advertised: u32::try_from(routes(interface, domain).routes.len()).unwrap_or(u32::MAX),
            prefix_limit: peer.prefix_limit.map_or(PREFIX_LIMIT, u32::from),
            bfd_up: None,
        },
    };
    let mut handoffs: Vec<HandoffSeen> = domain
        .handoffs
        .iter()
        .map(|handoff| HandoffSeen {
            interface: handoff.interface.clone(),
            carrier: true,
            reachable: handoff.fabric_peer.is_some().then_some(true),
        })
        .collect();
    // A simulated fabric needs none.
    if handoffs.is_empty() {
        let interface = interface.interface.clone();
        handoffs.push(HandoffSeen { interface, carrier: true, reachable: None });
    }
    Observations {
        at: now,
        milliseconds: 0,
        port: link,
        vlan: Some(link),
        peers: interface.peers.iter().map(peer).collect(),
        handoffs,
        errors: Vec::new(),
    }
}
