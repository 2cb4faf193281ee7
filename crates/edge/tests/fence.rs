//! What the fences let through and what not, packet by packet, on the model kernel.

mod common;

use std::sync::Arc;

use common::daemon::{BIRD, digest};
use common::dirt::{UPLINK, clean};
use common::forward::{Fate, Packet};
use common::router::{Handle, Router};
use linkway_domain::edge::{EdgeConfig, InterfaceKind};
use linkway_domain::net::Prefix;
use linkway_edge::fence::{Action, Condition, Direction, Fence, Protocol, Transport};
use linkway_edge::kernel::{Route, Way};
use linkway_edge::mark::Marks;
use linkway_edge::plan::plan;
use serde_json::json;

/// Two interfaces of one gateway and one of another, which has the same prefixes and addresses.
fn config() -> EdgeConfig {
    let peer = |amazon: &str, customer: &str| {
        json!({
            "addresses": { "amazon": amazon, "customer": customer },
            "asn": 65_000, "authKey": "fjord-Secret-1",
        })
    };
    let first = [
        peer("169.254.0.1/30", "169.254.0.2/30"),
        peer("fd6c:696e:6b77::1/125", "fd6c:696e:6b77::2/125"),
    ];
    let second = [peer("169.254.0.5/30", "169.254.0.6/30")];
    let interface = |number: u8,
                     port: &str,
                     vlan: u16,
                     domain: &str,
                     peers: &[serde_json::Value]| {
        json!({
            "virtualInterfaceId": format!("dxvif-f000000{number}"), "kind": "private",
            "interface": port, "vlan": vlan, "mtu": 1500, "routingDomainId": domain, "peers": peers,
            // One of them has a rate limit, which changes nothing of where packets may go.
            "rateLimit": (number == 1).then_some(50),
        })
    };
    let domain = |id: &str, handoff: &str| {
        json!({
            "routingDomainId": id, "amazonSideAsn": 64_512, "cidrs": ["10.0.0.0/16", "2001:db8:1::/56"],
            "handoffs": [
                { "interface": handoff, "nextHop": "192.0.2.1" },
                { "interface": handoff, "nextHop": "2001:db8:ff::1" },
            ],
        })
    };
    let config = json!({
        "edgeId": "r1", "epoch": 1, "generation": 1,
        "ports": [
            { "interface": "eth1", "connectionId": "dxcon-f0000001" },
            { "interface": "eth2", "connectionId": "dxcon-f0000002" },
        ],
        "routingDomains": [domain("vgw-00000001", "fab1"), domain("vgw-00000002", "fab2")],
        "interfaces": [
            interface(1, "eth1", 10, "vgw-00000001", &first),
            interface(2, "eth1", 20, "vgw-00000001", &second),
            interface(3, "eth2", 10, "vgw-00000002", &first),
        ],
    });
    serde_json::from_value(config).expect("a configuration")
}

/// The router with that configuration; each customer announces a prefix of each family that it has.
fn router() -> Router {
    router_with(config())
}

fn router_with(config: EdgeConfig) -> Router {
    let handle = Handle::new(Router { kernel: clean(), ..Router::default() });
    let round = handle.agent(Some(config)).converge();
    assert_eq!(round.failed, []);
    let mut router = handle.snapshot();
    for (link, prefix, next_hop) in [
        ("dxvif-f0000001", "172.20.0.0/16", "169.254.0.2"),
        ("dxvif-f0000001", "2001:db8:c::/48", "fd6c:696e:6b77::2"),
        ("dxvif-f0000002", "172.21.0.0/16", "169.254.0.6"),
        ("dxvif-f0000003", "172.22.0.0/16", "169.254.0.2"),
    ] {
        let (_, table) = router.kernel.vrf_of(link).expect("is in a VRF");
        let way =
            Way::Via { next_hop: next_hop.parse().expect("an address"), link: link.to_owned() };
        let prefix = prefix.parse().expect("a prefix");
        let route = Route { table, prefix, metric: 32, protocol: BIRD, way };
        router.kernel.add_route(&route).expect("the link is up");
    }
    router
}

fn fate(router: &Router, link: &str, from: &str, to: &str, carries: Option<Transport>) -> Fate {
    let (from, to) = (from.parse().expect("an address"), to.parse().expect("an address"));
    router.kernel.forward(&Packet { carries, ..Packet::new(link, from, to) })
}

#[test]
fn packets_of_customers() {
    let router = router();
    let (one, two) = ("dxvif-f0000001", "dxvif-f0000002");
    let leaves = |link: &str| Fate::Leaves(link.to_owned());
    let (local, dropped) = (|| Fate::Local, || Fate::Dropped);
    let tcp = |port| Some(Transport::TcpTo(port));
    let cases = [
        // To the VPC, from what the customer announces, here or on another interface of the gateway, and from its router.
        (one, "172.20.0.5", "10.0.0.5", None, leaves("fab1")),
        (one, "172.21.0.5", "10.0.0.5", None, leaves("fab1")),
        (two, "172.20.0.5", "10.0.0.5", None, leaves("fab1")),
        (one, "169.254.0.2", "10.0.0.5", None, leaves("fab1")),
        (one, "2001:db8:c::5", "2001:db8:1::5", None, leaves("fab1")),
        // From nobody, from the VPC, from the handoff's subnet, from another gateway's customer, from what is no source.
        (one, "203.0.113.5", "10.0.0.5", None, dropped()),
        (one, "172.22.0.5", "10.0.0.5", None, dropped()),
        (one, "10.0.0.9", "10.0.0.5", None, dropped()),
        (one, "192.0.2.1", "10.0.0.5", None, dropped()),
        (one, "192.0.2.2", "10.0.0.5", None, dropped()),
        (one, "127.0.0.1", "10.0.0.5", None, dropped()),
        (one, "2001:db8:dead::5", "2001:db8:1::5", None, dropped()),
        (one, "2001:db8:1::9", "2001:db8:1::5", None, dropped()),
        (one, "2001:db8:ff::1", "2001:db8:1::5", None, dropped()),
        // Customer to customer, to the other's router and to ours on its link.
        (one, "172.20.0.5", "172.21.0.5", None, dropped()),
        (two, "172.21.0.5", "172.20.0.5", None, dropped()),
        (one, "172.20.0.5", "169.254.0.6", None, dropped()),
        (one, "172.20.0.5", "169.254.0.5", Some(Transport::Icmp), dropped()),
        (one, "169.254.0.6", "169.254.0.5", tcp(179), dropped()),
        // To the router: BGP, BFD and ICMP of the peer, nothing else and of nobody else.
        (one, "169.254.0.2", "169.254.0.1", tcp(179), local()),
        (one, "169.254.0.2", "169.254.0.1", Some(Transport::TcpFrom(179)), local()),
        (one, "169.254.0.2", "169.254.0.1", Some(Transport::UdpTo(3784)), local()),
        (one, "169.254.0.2", "169.254.0.1", Some(Transport::Icmp), local()),
        (one, "fd6c:696e:6b77::2", "fd6c:696e:6b77::1", tcp(179), local()),
        (
            one,
            "fd6c:696e:6b77::2",
            "fd6c:696e:6b77::1",
            Some(Transport::Icmpv6(Some(128))),
            local(),
        ),
        (one, "169.254.0.2", "169.254.0.1", tcp(22), dropped()),
        (one, "169.254.0.2", "169.254.0.1", None, dropped()),
        (one, "172.20.0.5", "169.254.0.1", tcp(179), dropped()),
        (one, "172.20.0.5", "169.254.0.1", Some(Transport::Icmp), dropped()),
        (one, "fd6c:696e:6b77::2", "fd6c:696e:6b77::1", tcp(22), dropped()),
        (one, "172.20.0.5", "192.0.2.2", tcp(22), dropped()),
        (one, "172.20.0.5", "198.51.100.2", tcp(22), dropped()),
        (one, "172.20.0.5", "224.0.0.5", None, dropped()),
        (one, "172.20.0.5", "255.255.255.255", None, dropped()),
        (one, "fd6c:696e:6b77::2", "ff02::1", None, dropped()),
        // Out of the routing domain.
        (one, "172.20.0.5", "8.8.8.8", None, dropped()),
        (one, "2001:db8:c::5", "2001:db8:beef::5", None, dropped()),
        // A family without a peer.
        (two, "2001:db8:c::5", "2001:db8:1::5", None, dropped()),
        // The VPC reaches customers, and nothing else.
        ("fab1", "10.0.0.5", "172.20.0.5", None, leaves(one)),
        ("fab1", "10.0.0.5", "172.21.0.5", None, leaves(two)),
        ("fab1", "10.0.0.5", "172.22.0.5", None, dropped()),
        ("fab1", "10.0.0.5", "8.8.8.8", None, dropped()),
    ];
    for (link, from, to, carries, expected) in cases {
        let found = fate(&router, link, from, to, carries);
        assert_eq!(found, expected, "{from} to {to} by {link}, {carries:?}");
    }
}

/// What comes in by a public interface is from its verified prefixes, also where another customer announces what it claims to
/// be from.
#[test]
fn a_public_interface_has_its_own_sources() {
    let mut config = config();
    for interface in &mut config.interfaces {
        let interface = Arc::make_mut(interface);
        let prefixes = match interface.virtual_interface_id.as_str() {
            "dxvif-f0000001" => &["172.20.0.0/24", "2001:db8:c::/48"][..],
            "dxvif-f0000002" => &["172.21.0.0/16"],
            _ => continue,
        };
        interface.kind = InterfaceKind::Public;
        let parse = |text: &&str| Prefix::parse("cidr", text).expect("a prefix");
        interface.route_filter_prefixes = prefixes.iter().map(parse).collect();
    }
    let router = router_with(config);
    let (one, two) = ("dxvif-f0000001", "dxvif-f0000002");
    let leaves = |link: &str| Fate::Leaves(link.to_owned());
    let tcp = |port| Some(Transport::TcpTo(port));
    let cases = [
        (one, "172.20.0.5", "10.0.0.5", None, leaves("fab1")),
        (one, "2001:db8:c::5", "2001:db8:1::5", None, leaves("fab1")),
        (one, "169.254.0.2", "169.254.0.1", tcp(179), Fate::Local),
        // Announced and not verified; another's; nobody's; its router's.
        (one, "172.20.1.5", "10.0.0.5", None, Fate::Dropped),
        (one, "172.21.0.5", "10.0.0.5", None, Fate::Dropped),
        (one, "203.0.113.5", "10.0.0.5", None, Fate::Dropped),
        (one, "169.254.0.2", "10.0.0.5", None, Fate::Dropped),
        (one, "2001:db8:d::5", "2001:db8:1::5", None, Fate::Dropped),
        (one, "172.21.0.5", "192.0.2.1", None, Fate::Dropped),
        (two, "172.20.0.5", "10.0.0.5", None, Fate::Dropped),
        // From customer to customer.
        (one, "172.20.0.5", "172.21.0.5", None, Fate::Dropped),
        ("fab1", "10.0.0.5", "172.20.0.5", None, leaves(one)),
    ];
    for (link, from, to, carries, expected) in cases {
        let found = fate(&router, link, from, to, carries);
        assert_eq!(found, expected, "{from} to {to} by {link}, {carries:?}");
    }
}

/// A lost handoff loses the VPC's packets, whatever a customer announces.
#[test]
fn without_its_handoff_nothing_for_the_vpc_leaves_elsewhere() {
    let mut router = router();
    let (_, table) = router.kernel.vrf_of("dxvif-f0000002").expect("is in a VRF");
    let next_hop = "169.254.0.6".parse().expect("an address");
    let way = Way::Via { next_hop, link: "dxvif-f0000002".to_owned() };
    let prefix = "10.0.0.0/8".parse().expect("a prefix");
    let route = Route { table, prefix, metric: 32, protocol: BIRD, way };
    router.kernel.add_route(&route).expect("the link is up");
    router.kernel.set_down("fab1");
    router.kernel.links.values_mut().for_each(|link| link.fence = None);
    let found = fate(&router, "dxvif-f0000001", "172.20.0.5", "10.0.0.5", None);
    assert_eq!(found, Fate::Dropped);
    let found = fate(&router, "dxvif-f0000001", "172.20.0.5", "10.1.0.5", None);
    assert_eq!(found, Fate::Leaves("dxvif-f0000002".to_owned()));
}

/// A route that somebody puts into a VRF's table and that leads out of it goes.
#[test]
fn a_route_out_of_a_vrf_is_removed() {
    let mut router = router();
    let (_, table) = router.kernel.vrf_of("dxvif-f0000001").expect("is in a VRF");
    let dev = Way::Dev { link: UPLINK.to_owned() };
    let next_hop = "198.51.100.1".parse().expect("an address");
    let via = Way::Via { next_hop, link: UPLINK.to_owned() };
    for (prefix, way) in [("8.8.8.0/24", via), ("0.0.0.0/0", dev)] {
        let prefix = prefix.parse().expect("a prefix");
        let route = Route { table, prefix, metric: 5, protocol: 3, way };
        router.kernel.add_route(&route).expect("the link is up");
    }
    let before = fate(&router, "dxvif-f0000001", "172.20.0.5", "8.8.8.8", None);
    assert_eq!(before, Fate::Leaves(UPLINK.to_owned()));
    let handle = Handle::new(router);
    handle.agent(Some(config())).converge();
    let router = handle.snapshot();
    let after = fate(&router, "dxvif-f0000001", "172.20.0.5", "8.8.8.8", None);
    assert_eq!(after, Fate::Dropped);
    let kernel = router.kernel.observe(&router.marks);
    let again = plan(&config(), &kernel, &router.bgp.observe(), &router.marks, digest).plan;
    assert!(again.steps.is_empty(), "{:?}", again.steps);
}

/// ARP counts only for the peer, and an IPv4 interface has nothing to do with IPv6.
#[test]
fn only_the_peer_is_a_neighbour() {
    let router = router();
    let of = |link: &str, protocol| {
        let filters = router.kernel.filters(link).iter();
        let own = filters.filter(move |filter| {
            filter.direction == Direction::Ingress && filter.protocol == protocol
        });
        own.map(|filter| (filter.condition.clone(), filter.action)).collect::<Vec<_>>()
    };
    let arp = of("dxvif-f0000002", Protocol::Arp);
    let [(Condition::Arp { sender, target }, Action::Police(_)), (Condition::All, Action::Drop)] =
        arp.as_slice()
    else {
        panic!("{arp:?}");
    };
    assert_eq!(
        (sender.to_string(), target.to_string()),
        ("169.254.0.6".into(), "169.254.0.5".into())
    );
    assert_eq!(of("dxvif-f0000002", Protocol::Ipv6), []);
    assert_eq!(of("dxvif-f0000002", Protocol::All), [(Condition::All, Action::Drop)]);
}

/// Filters of a priority are of one protocol and one kind, as tc(8) has it; a different filter has a different cookie.
#[test]
fn filters_have_places_and_cookies_of_their_own() {
    let router = router();
    let marks = Marks::default();
    for link in ["dxvif-f0000001", "dxvif-f0000002", "eth1", "fab1"] {
        let filters = router.kernel.filters(link);
        assert!(!filters.is_empty(), "{link}");
        for (at, one) in filters.iter().enumerate() {
            for other in &filters[at + 1..] {
                assert_ne!(one.cookie(), other.cookie(), "{one:?} {other:?}");
                if (one.direction, one.priority) == (other.direction, other.priority) {
                    assert_eq!(one.protocol, other.protocol);
                    let kind = |condition: &Condition| match condition {
                        Condition::All => "matchall",
                        Condition::Mark(_) => "fw",
                        Condition::Vlan(_) | Condition::Arp { .. } | Condition::Ip { .. } => {
                            "flower"
                        }
                    };
                    assert_eq!(kind(&one.condition), kind(&other.condition));
                }
            }
        }
    }
    assert_ne!(Fence::Port.digest(&marks), Fence::Handoff { own: Vec::new() }.digest(&marks));
}
