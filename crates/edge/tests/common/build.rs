//! Configurations out of few names, so that they collide.

use std::collections::BTreeSet;
use std::sync::Arc;

use ipnet::IpNet;
use linkway_domain::edge::{EdgeConfig, GatewayConfig, HandoffConfig, InterfaceConfig, PortConfig};
use linkway_domain::id::{ConnectionId, EdgeId, PortName, VirtualGatewayId, VirtualInterfaceId};
use linkway_domain::net::{AuthKey, NextHop, PeerAddresses, Prefix};
use proptest::prelude::*;

use super::daemon::Customer;

pub const PORTS: [&str; 3] = ["eth1", "eth2", "eth3"];
pub const FABRIC: [&str; 3] = ["fab1", "fab2", "fab3"];
pub const VLANS: [u16; 3] = [10, 20, 30];
pub const GATEWAYS: usize = 4;
pub const INTERFACES: usize = 6;

pub fn vgw(number: usize) -> VirtualGatewayId {
    VirtualGatewayId::parse(&format!("vgw-0000000{number}")).expect("an id")
}

pub fn vif(number: usize) -> VirtualInterfaceId {
    VirtualInterfaceId::parse(&format!("dxvif-f000000{number}")).expect("an id")
}

fn port(name: &str) -> PortName {
    PortName::parse(name).expect("a name")
}

/// The prefixes of a gateway's VPC: IPv4 the same for all, so that only the VRF keeps them apart.
fn cidrs(which: u8) -> Vec<Prefix> {
    let texts: &[&str] = match which % 4 {
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

/// An interface's addresses; IPv4 few, so that different gateways use the same ones.
pub fn addresses(which: u8) -> PeerAddresses {
    match which % 4 {
        3 => PeerAddresses::unique_local(u64::from(which)),
        some => PeerAddresses::link_local(u64::from(some)),
    }
}

fn gateway() -> impl Strategy<Value = GatewayConfig> {
    let names = [FABRIC[0], FABRIC[1], FABRIC[2], PORTS[2], "gone0"];
    let handoff = (0..names.len(), any::<bool>(), prop::bool::weighted(0.2)).prop_map(
        move |(name, v6, other)| HandoffConfig {
            interface: port(names[name]),
            next_hop: next_hop(v6, other),
        },
    );
    (0..GATEWAYS, any::<u8>(), prop::collection::vec(handoff, 0..3)).prop_map(
        |(number, which, handoffs)| GatewayConfig {
            virtual_gateway_id: vgw(number),
            amazon_side_asn: linkway_domain::net::GatewayAsn::DEFAULT,
            cidrs: cidrs(which),
            handoffs,
        },
    )
}

fn interface() -> impl Strategy<Value = InterfaceConfig> {
    let place = (0..INTERFACES, 0..PORTS.len(), 0..VLANS.len());
    let mtu = prop_oneof![3 => Just(1500_i64), 1 => Just(8500), 1 => Just(9001)];
    (place, mtu, 0..GATEWAYS, any::<u8>(), 0..3_u32).prop_map(
        |((number, on, vlan), mtu, gateway, which, resets)| InterfaceConfig {
            virtual_interface_id: vif(number),
            interface: port(PORTS[on]),
            vlan: i64::from(VLANS[vlan]).try_into().expect("a VLAN"),
            mtu: mtu.try_into().expect("an MTU"),
            virtual_gateway_id: vgw(gateway),
            addresses: addresses(which),
            asn: 65_000.try_into().expect("an AS number"),
            auth_key: AuthKey::parse("key", "fjord-Secret-1").expect("a key"),
            session_resets: resets,
        },
    )
}

/// Any configuration of the test's router. Ids are unique; everything else may collide.
pub fn config() -> impl Strategy<Value = EdgeConfig> {
    let gateways = prop::collection::vec(gateway(), 0..=GATEWAYS);
    let interfaces = prop::collection::vec(interface(), 0..=INTERFACES);
    (gateways, interfaces, 1..=3_usize).prop_map(|(mut gateways, mut interfaces, ports)| {
        gateways.sort_by(|a, b| a.virtual_gateway_id.cmp(&b.virtual_gateway_id));
        gateways.dedup_by(|a, b| a.virtual_gateway_id == b.virtual_gateway_id);
        interfaces.sort_by(|a, b| a.virtual_interface_id.cmp(&b.virtual_interface_id));
        interfaces.dedup_by(|a, b| a.virtual_interface_id == b.virtual_interface_id);
        // No two of a gateway with the same addresses: the server has a claim for it.
        let mut subnets = BTreeSet::new();
        interfaces.retain(|i| subnets.insert((i.virtual_gateway_id.clone(), i.addresses.amazon())));
        let used = |number: usize| PortConfig {
            interface: port(PORTS[number]),
            connection_id: ConnectionId::parse(&format!("dxcon-f000000{number}")).expect("an id"),
        };
        EdgeConfig {
            edge_id: EdgeId::parse("r1").expect("an id"),
            epoch: 1,
            generation: 1,
            ports: (0..ports).map(used).collect(),
            gateways: gateways.into_iter().map(Arc::new).collect(),
            interfaces: interfaces.into_iter().map(Arc::new).collect(),
        }
    })
}

/// A configuration, and another that differs from it in little. Less collides than in [`config`], so that there is something
/// that can be settled.
pub fn change() -> impl Strategy<Value = (EdgeConfig, EdgeConfig)> {
    let edits = prop::collection::vec(edit(), 1..4);
    (config(), prop::bool::weighted(0.7), edits).prop_map(|(mut held, tidy, edits)| {
        if tidy {
            tidied(&mut held);
        }
        let mut next = held.clone();
        next.generation += 1;
        for edit in edits {
            edit.make(&mut next);
        }
        (held, next)
    })
}

/// Leaves out what collides.
fn tidied(config: &mut EdgeConfig) {
    let (mut fabric, mut places) = (BTreeSet::new(), BTreeSet::new());
    for gateway in &mut config.gateways {
        let gateway = Arc::make_mut(gateway);
        gateway.handoffs.retain(|one| fabric.insert(one.interface.to_string()));
        let mut families: Vec<bool> =
            gateway.handoffs.iter().map(|one| one.next_hop.address().is_ipv4()).collect();
        families.dedup();
        gateway.cidrs.retain(|cidr| families.contains(&cidr.net().addr().is_ipv4()));
    }
    let there: BTreeSet<_> =
        config.gateways.iter().map(|one| one.virtual_gateway_id.clone()).collect();
    config.interfaces.retain(|one| {
        there.contains(&one.virtual_gateway_id)
            && !fabric.contains(one.interface.as_str())
            && places.insert((one.interface.clone(), one.vlan.number()))
    });
}

/// A change of a configuration.
#[derive(Clone, Debug)]
enum Edit {
    Gateway(GatewayConfig),
    NoGateway(usize),
    Interface(InterfaceConfig),
    NoInterface(usize),
    NoPort,
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        3 => gateway().prop_map(Edit::Gateway),
        2 => (0..GATEWAYS).prop_map(Edit::NoGateway),
        4 => interface().prop_map(Edit::Interface),
        2 => (0..INTERFACES).prop_map(Edit::NoInterface),
        1 => Just(Edit::NoPort),
    ]
}

impl Edit {
    fn make(self, config: &mut EdgeConfig) {
        match self {
            Self::Gateway(one) => {
                config.gateways.retain(|other| other.virtual_gateway_id != one.virtual_gateway_id);
                config.gateways.push(Arc::new(one));
            }
            Self::NoGateway(number) => {
                config.gateways.retain(|other| other.virtual_gateway_id != vgw(number));
            }
            Self::Interface(one) => {
                let same = |other: &InterfaceConfig| {
                    let addresses = other.addresses.amazon() == one.addresses.amazon();
                    other.virtual_interface_id == one.virtual_interface_id
                        || (other.virtual_gateway_id == one.virtual_gateway_id && addresses)
                };
                config.interfaces.retain(|other| !same(other));
                config.interfaces.push(Arc::new(one));
            }
            Self::NoInterface(number) => {
                config.interfaces.retain(|other| other.virtual_interface_id != vif(number));
            }
            Self::NoPort => drop(config.ports.pop()),
        }
        config.gateways.sort_by(|a, b| a.virtual_gateway_id.cmp(&b.virtual_gateway_id));
        config.interfaces.sort_by(|a, b| a.virtual_interface_id.cmp(&b.virtual_interface_id));
    }
}

/// A customer's router: each announces the same, a default route among it.
pub fn customer() -> Customer {
    let net = |text: &str| text.parse::<IpNet>().expect("a prefix");
    let prefixes =
        vec![net("0.0.0.0/0"), net("172.20.0.0/16"), net("10.0.9.0/24"), net("2001:db8:c::/48")];
    Customer { prefixes, more: 0 }
}
