//! Configurations out of few names, so that they collide.

use std::collections::BTreeSet;
use std::sync::Arc;

use ipnet::IpNet;
use linkway_domain::edge::{
    AssociationConfig, EdgeConfig, FabricAddress, FabricPeerConfig, HandoffConfig, InterfaceConfig,
    InterfaceKind, PeerConfig, PeerConfigs, PortConfig, RoutingDomainConfig,
};
use linkway_domain::id::{ConnectionId, EdgeId, PortName, RoutingDomainId, VirtualInterfaceId};
use linkway_domain::net::{AddressFamily, AuthKey, NextHop, PeerAddresses, Prefix};
use proptest::prelude::*;

use super::daemon::Customer;

pub const PORTS: [&str; 3] = ["eth1", "eth2", "eth3"];
pub const FABRIC: [&str; 3] = ["fab1", "fab2", "fab3"];
/// A link to the backbone.
pub const BACKBONE: &str = "bb1";
pub const VLANS: [u16; 3] = [10, 20, 30];
pub const DOMAINS: usize = 4;
pub const INTERFACES: usize = 6;
/// How many Direct Connect gateways there are at most.
pub const GATEWAYS: usize = 2;

pub fn domain(number: usize) -> RoutingDomainId {
    RoutingDomainId::parse(&format!("vgw-0000000{number}")).expect("an id")
}

/// A Direct Connect gateway's.
pub fn gateway(number: usize) -> RoutingDomainId {
    RoutingDomainId::parse(&format!("dxgw-0000000{number}")).expect("an id")
}

pub fn vif(number: usize) -> VirtualInterfaceId {
    VirtualInterfaceId::parse(&format!("dxvif-f000000{number}")).expect("an id")
}

fn port(name: &str) -> PortName {
    PortName::parse(name).expect("a name")
}

/// The prefixes of a routing domain: IPv4 the same for all, so that only the VRF keeps them apart.
fn cidrs(which: u8) -> Vec<Prefix> {
    let texts: &[&str] = match which % 4 {
        0 if which.is_multiple_of(16) => &[],
        0 => &["10.0.0.0/16"],
        1 => &["10.0.0.0/16", "10.8.0.0/16"],
        2 => &["10.0.0.0/16", "2001:db8:1::/56"],
        _ => &["2001:db8:1::/56"],
    };
    texts.iter().map(|text| Prefix::parse("cidr", text).expect("a prefix")).collect()
}

/// The next hop of a family behind a handoff; `other` is the other one that there may be.
pub fn next_hop(v6: bool, other: bool) -> NextHop {
    let text = match (v6, other) {
        (false, false) => "192.0.2.1",
        (false, true) => "192.0.2.9",
        (true, false) => "2001:db8:ff::1",
        (true, true) => "2001:db8:ff::9",
    };
    NextHop::parse("nextHop", text).expect("an address")
}

/// The fabric's router behind a handoff, with a key or without.
pub fn fabric_peer(v6: bool, key: bool) -> FabricPeerConfig {
    let address = next_hop(v6, false).to_string();
    FabricPeerConfig {
        address: FabricAddress::parse("address", &address).expect("an address"),
        asn: 65_010.try_into().expect("an AS number"),
        auth_key: key.then(|| AuthKey::parse("key", "fjord-Secret-2").expect("a key")),
    }
}

/// What a Direct Connect gateway announces of a domain: some of its prefixes, or of one that has none (a transit gateway's) two of
/// which one holds a customer's and the other is a customer's.
fn allowed(domain: &RoutingDomainConfig, which: u8) -> Vec<Prefix> {
    if domain.cidrs.is_empty() {
        let texts = ["10.0.8.0/21", "172.20.0.0/16", "2001:db8:1::/48"];
        let all = texts.iter().map(|text| Prefix::parse("prefix", text).expect("a prefix"));
        return all
            .enumerate()
            .filter(|(at, _)| which >> at & 1 == 0)
            .map(|(_, one)| one)
            .collect();
    }
    let some = domain.cidrs.iter().enumerate().filter(|(at, _)| which >> at & 3 != 3);
    some.map(|(_, one)| *one).collect()
}

/// A handoff to the backbone: mostly by a link of its own, now and then by one that others have too, or that is missing.
fn backbone_handoff() -> impl Strategy<Value = HandoffConfig> {
    let name = prop_oneof![
        6 => Just(BACKBONE), 1 => Just(FABRIC[2]), 1 => Just(PORTS[2]), 1 => Just("gone1"),
    ];
    (name, any::<[bool; 2]>()).prop_map(|(name, [v6, key])| HandoffConfig {
        interface: port(name),
        next_hop: next_hop(v6, false),
        fabric_peer: Some(fabric_peer(v6, key)),
    })
}

/// A Direct Connect gateway with associations of which [`associate`] says what they are.
fn direct_connect_gateway() -> impl Strategy<Value = RoutingDomainConfig> {
    let associations = prop::collection::btree_set(0..DOMAINS, 0..=3);
    let handoffs = prop::collection::vec(backbone_handoff(), 0..=2);
    let all = (0..GATEWAYS, associations, handoffs);
    all.prop_map(|(number, associations, handoffs)| RoutingDomainConfig {
        routing_domain_id: gateway(number),
        alias: None,
        amazon_side_asn: linkway_domain::net::GatewayAsn::DEFAULT,
        cidrs: Vec::new(),
        handoffs,
        associations: associations
            .into_iter()
            .map(|one| AssociationConfig { routing_domain_id: domain(one), prefixes: Vec::new() })
            .collect(),
    })
}

/// Gives associations their prefixes, out of those of the domains; without a domain there is none.
fn associate(config: &mut EdgeConfig, which: u8) {
    let domains = config.routing_domains.clone();
    let find = |id: &RoutingDomainId| domains.iter().find(|one| one.routing_domain_id == *id);
    for one in config.routing_domains.iter_mut().filter(|one| !one.associations.is_empty()) {
        let gateway = Arc::make_mut(one);
        gateway.associations.retain(|one| find(&one.routing_domain_id).is_some());
        for (one, at) in gateway.associations.iter_mut().zip(0..) {
            let domain = find(&one.routing_domain_id).expect("is there");
            one.prefixes = allowed(domain, which.rotate_right(at));
        }
    }
}

/// A peer's addresses; IPv4 few, so that different routing domains use the same ones.
pub fn addresses(family: AddressFamily, which: u8) -> PeerAddresses {
    match family {
        AddressFamily::Ipv6 => PeerAddresses::unique_local(u64::from(which)),
        AddressFamily::Ipv4 => PeerAddresses::link_local(u64::from(which % 3)),
    }
}

fn peer(family: AddressFamily) -> impl Strategy<Value = PeerConfig> {
    (any::<u8>(), 0..3_u32).prop_map(move |(which, resets)| PeerConfig {
        bgp_peer_id: None,
        addresses: addresses(family, which),
        asn: 65_000.try_into().expect("an AS number"),
        auth_key: AuthKey::parse("key", "fjord-Secret-1").expect("a key"),
        session_resets: resets,
        prefix_limit: None,
        new_key: None,
        shut_until: None,
        drain: None,
    })
}

/// Mostly one peer, IPv4 more often than IPv6; some interfaces have both, or none.
fn peers() -> impl Strategy<Value = PeerConfigs> {
    let families = prop_oneof![
        6 => Just((true, false)),
        2 => Just((false, true)),
        3 => Just((true, true)),
        1 => Just((false, false)),
    ];
    (families, peer(AddressFamily::Ipv4), peer(AddressFamily::Ipv6)).prop_map(
        |((four, six), v4, v6)| {
            [four.then_some(v4), six.then_some(v6)].into_iter().flatten().collect()
        },
    )
}

fn routing_domain() -> impl Strategy<Value = RoutingDomainConfig> {
    let names = [FABRIC[0], FABRIC[1], FABRIC[2], PORTS[2], "gone0"];
    let session = prop::option::weighted(0.4, any::<bool>());
    let handoff = (0..names.len(), any::<bool>(), prop::bool::weighted(0.2), session).prop_map(
        move |(name, v6, other, session)| HandoffConfig {
            interface: port(names[name]),
            next_hop: next_hop(v6, other),
            fabric_peer: session.map(|key| fabric_peer(v6, key)),
        },
    );
    (0..DOMAINS, any::<u8>(), prop::collection::vec(handoff, 0..3)).prop_map(
        |(number, which, handoffs)| RoutingDomainConfig {
            routing_domain_id: domain(number),
            alias: which.is_multiple_of(5).then(|| "a Direct Connect gateway".to_owned()),
            amazon_side_asn: linkway_domain::net::GatewayAsn::DEFAULT,
            cidrs: cidrs(which),
            handoffs,
            associations: Vec::new(),
        },
    )
}

fn interface() -> impl Strategy<Value = InterfaceConfig> {
    let place = (0..INTERFACES, 0..PORTS.len(), 0..VLANS.len());
    let mtu = prop_oneof![3 => Just(1500_i64), 1 => Just(8500), 1 => Just(9001)];
    let limit = prop::option::weighted(0.3, prop::sample::select(vec![50_u32, 1_200, 1_600_000]));
    let limit = limit.prop_map(|megabits| megabits.map(|m| m.try_into().expect("a rate limit")));
    let domain = prop_oneof![
        3 => (0..DOMAINS).prop_map(domain),
        2 => (0..GATEWAYS).prop_map(gateway),
    ];
    let all = (place, mtu, domain, peers(), any::<bool>(), limit);
    all.prop_map(|((number, on, vlan), mtu, in_domain, peers, site_link, limit)| InterfaceConfig {
        virtual_interface_id: vif(number),
        kind: InterfaceKind::Private,
        interface: port(PORTS[on]),
        vlan: i64::from(VLANS[vlan]).try_into().expect("a VLAN"),
        mtu: mtu.try_into().expect("an MTU"),
        routing_domain_id: in_domain,
        peers,
        rate_limit: limit,
        site_link,
        route_filter_prefixes: Vec::new(),
    })
}

/// Whether two interfaces have an address in common, which the server has a claim against within a routing domain.
fn collide(a: &InterfaceConfig, b: &InterfaceConfig) -> bool {
    let has = |other: &PeerConfig| {
        a.peers.iter().any(|peer| peer.addresses.amazon() == other.addresses.amazon())
    };
    a.routing_domain_id == b.routing_domain_id && b.peers.iter().any(has)
}

/// Any configuration of the test's router. Ids are unique; everything else may collide.
pub fn config() -> impl Strategy<Value = EdgeConfig> {
    let domains = prop::collection::vec(routing_domain(), 0..=DOMAINS);
    let interfaces = prop::collection::vec(interface(), 0..=INTERFACES);
    let gateways = prop::collection::vec(direct_connect_gateway(), 0..=GATEWAYS);
    let all = (domains, gateways, interfaces, 1..=3_usize, any::<u8>());
    all.prop_map(|(mut domains, gateways, mut interfaces, ports, which)| {
        domains.extend(gateways);
        domains.sort_by(|a, b| a.routing_domain_id.cmp(&b.routing_domain_id));
        domains.dedup_by(|a, b| a.routing_domain_id == b.routing_domain_id);
        interfaces.sort_by(|a, b| a.virtual_interface_id.cmp(&b.virtual_interface_id));
        interfaces.dedup_by(|a, b| a.virtual_interface_id == b.virtual_interface_id);
        let mut kept: Vec<InterfaceConfig> = Vec::new();
        for one in interfaces {
            if !kept.iter().any(|other| collide(other, &one)) {
                kept.push(one);
            }
        }
        let used = |number: usize| PortConfig {
            interface: port(PORTS[number]),
            connection_id: ConnectionId::parse(&format!("dxcon-f000000{number}")).expect("an id"),
        };
        let mut config = EdgeConfig {
            edge_id: EdgeId::parse("r1").expect("an id"),
            epoch: 1,
            generation: 1,
            ports: (0..ports).map(used).collect(),
            routing_domains: domains.into_iter().map(Arc::new).collect(),
            interfaces: kept.into_iter().map(Arc::new).collect(),
        };
        associate(&mut config, which);
        config
    })
}

/// A configuration, and another that differs from it in little. Less collides than in [`config`], so that there is something
/// that can be settled.
pub fn change() -> impl Strategy<Value = (EdgeConfig, EdgeConfig)> {
    let edits = prop::collection::vec(edit(), 1..4);
    let all = (config(), prop::bool::weighted(0.7), edits, any::<[u8; 2]>());
    all.prop_map(|(mut held, tidy, edits, [before, after])| {
        if tidy {
            tidied(&mut held, before);
        }
        let mut next = held.clone();
        next.generation += 1;
        for edit in edits {
            edit.make(&mut next);
        }
        if after.is_multiple_of(2) {
            associate(&mut next, after);
        }
        (held, next)
    })
}

/// A configuration with Direct Connect gateways, and one that differs from it in nothing but what these have associated.
pub fn association_changes() -> impl Strategy<Value = (EdgeConfig, EdgeConfig)> {
    let gateways = || prop::collection::vec(direct_connect_gateway(), 1..=GATEWAYS);
    let all = (config(), gateways(), gateways(), any::<[u8; 2]>());
    all.prop_map(|(mut held, before, after, [first, second])| {
        for one in before {
            Edit::Domain(one).make(&mut held);
        }
        tidied(&mut held, first);
        let mut next = held.clone();
        next.generation += 1;
        for one in after {
            let there = |other: &&mut Arc<RoutingDomainConfig>| {
                other.routing_domain_id == one.routing_domain_id
            };
            if let Some(there) = next.routing_domains.iter_mut().find(there) {
                Arc::make_mut(there).associations.clone_from(&one.associations);
            }
        }
        tidied(&mut next, second);
        (held, next)
    })
}

/// A configuration, and one that differs from it in nothing but MTUs and peers.
pub fn peer_changes() -> impl Strategy<Value = (EdgeConfig, EdgeConfig)> {
    let mtu = prop_oneof![Just(1500_i64), Just(8500), Just(9001)];
    let edits = prop::collection::vec((0..INTERFACES, mtu, any::<[bool; 2]>(), peers()), 1..5);
    (config(), edits).prop_map(|(mut held, edits)| {
        tidied(&mut held, 0);
        let mut next = held.clone();
        next.generation += 1;
        for (number, mtu, [four, six], peers) in edits {
            let Some(at) =
                next.interfaces.iter().position(|i| i.virtual_interface_id == vif(number))
            else {
                continue;
            };
            let was = &next.interfaces[at];
            // Of each family the peer of before, or another one, or none.
            let pick = |same: bool, family| match same {
                true => was.peers.of(family).cloned(),
                false => peers.of(family).cloned(),
            };
            let both = [pick(four, AddressFamily::Ipv4), pick(six, AddressFamily::Ipv6)];
            let one = InterfaceConfig {
                mtu: mtu.try_into().expect("an MTU"),
                peers: both.into_iter().flatten().collect(),
                ..InterfaceConfig::clone(was)
            };
            let others = next.interfaces.iter().enumerate().filter(|(other, _)| *other != at);
            if !others.into_iter().any(|(_, other)| collide(other, &one)) {
                next.interfaces[at] = Arc::new(one);
            }
        }
        (held, next)
    })
}

/// Leaves out what collides.
fn tidied(config: &mut EdgeConfig, which: u8) {
    let (mut fabric, mut places) = (BTreeSet::new(), BTreeSet::new());
    for domain in &mut config.routing_domains {
        let domain = Arc::make_mut(domain);
        domain.handoffs.retain(|one| fabric.insert(one.interface.to_string()));
        let mut families: Vec<bool> =
            domain.handoffs.iter().map(|one| one.next_hop.address().is_ipv4()).collect();
        families.dedup();
        domain.cidrs.retain(|cidr| families.contains(&cidr.net().addr().is_ipv4()));
    }
    associate(config, which);
    let mut taken = BTreeSet::new();
    let of = |config: &EdgeConfig, id: &RoutingDomainId| -> Vec<bool> {
        let domain = config.routing_domains.iter().find(|one| one.routing_domain_id == *id);
        let handoffs = domain.into_iter().flat_map(|one| &one.handoffs);
        handoffs.map(|one| one.next_hop.address().is_ipv4()).collect()
    };
    let held = config.clone();
    for one in config.routing_domains.iter_mut().filter(|one| !one.associations.is_empty()) {
        let gateway = Arc::make_mut(one);
        let id = gateway.routing_domain_id.clone();
        for one in &mut gateway.associations {
            let families = of(&held, &one.routing_domain_id);
            one.prefixes.retain(|prefix| {
                families.contains(&prefix.net().addr().is_ipv4())
                    && taken.insert((id.clone(), prefix.net()))
            });
        }
    }
    let there: BTreeSet<_> =
        config.routing_domains.iter().map(|one| one.routing_domain_id.clone()).collect();
    config.interfaces.retain(|one| {
        there.contains(&one.routing_domain_id)
            && !fabric.contains(one.interface.as_str())
            && places.insert((one.interface.clone(), one.vlan.number()))
    });
}

/// A change of a configuration.
#[derive(Clone, Debug)]
enum Edit {
    Domain(RoutingDomainConfig),
    NoDomain(usize),
    NoGateway(usize),
    Interface(InterfaceConfig),
    NoInterface(usize),
    /// Other peers of an interface that stays what it is.
    Peers(usize, PeerConfigs),
    NoPort,
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        3 => routing_domain().prop_map(Edit::Domain),
        2 => direct_connect_gateway().prop_map(Edit::Domain),
        1 => (0..GATEWAYS).prop_map(Edit::NoGateway),
        2 => (0..DOMAINS).prop_map(Edit::NoDomain),
        4 => interface().prop_map(Edit::Interface),
        2 => (0..INTERFACES).prop_map(Edit::NoInterface),
        3 => (0..INTERFACES, peers()).prop_map(|(number, peers)| Edit::Peers(number, peers)),
        1 => Just(Edit::NoPort),
    ]
}

impl Edit {
    fn make(self, config: &mut EdgeConfig) {
        match self {
            Self::Domain(one) => {
                let other =
                    |two: &Arc<RoutingDomainConfig>| two.routing_domain_id != one.routing_domain_id;
                config.routing_domains.retain(other);
                config.routing_domains.push(Arc::new(one));
            }
            Self::NoDomain(number) => {
                config.routing_domains.retain(|other| other.routing_domain_id != domain(number));
            }
            Self::NoGateway(number) => {
                config.routing_domains.retain(|other| other.routing_domain_id != gateway(number));
            }
            Self::Interface(one) => put(config, one),
            Self::NoInterface(number) => {
                config.interfaces.retain(|other| other.virtual_interface_id != vif(number));
            }
            Self::Peers(number, peers) => {
                let same = |one: &&Arc<InterfaceConfig>| one.virtual_interface_id == vif(number);
                if let Some(one) = config.interfaces.iter().find(same) {
                    let one = InterfaceConfig { peers, ..InterfaceConfig::clone(one) };
                    put(config, one);
                }
            }
            Self::NoPort => drop(config.ports.pop()),
        }
        config.routing_domains.sort_by(|a, b| a.routing_domain_id.cmp(&b.routing_domain_id));
        config.interfaces.sort_by(|a, b| a.virtual_interface_id.cmp(&b.virtual_interface_id));
    }
}

/// Adds an interface, in the place of those that cannot be beside it.
fn put(config: &mut EdgeConfig, one: InterfaceConfig) {
    config.interfaces.retain(|other| {
        other.virtual_interface_id != one.virtual_interface_id && !collide(other, &one)
    });
    config.interfaces.push(Arc::new(one));
}

/// A customer's router: each announces the same, a default route among it.
pub fn customer() -> Customer {
    let net = |text: &str| text.parse::<IpNet>().expect("a prefix");
    let prefixes =
        vec![net("0.0.0.0/0"), net("172.20.0.0/16"), net("10.0.9.0/24"), net("2001:db8:c::/48")];
    Customer { prefixes, more: 0 }
}
