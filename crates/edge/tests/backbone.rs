//! A Direct Connect gateway on the operator's backbone: what is on the router for it, and what passes.

mod common;

use common::daemon::{BIRD, digest};
use common::dirt::clean;
use common::forward::{Fate, Packet};
use common::router::{Handle, Router};
use linkway_domain::edge::EdgeConfig;
use linkway_domain::id::RoutingDomainId;
use linkway_edge::fence::{Action, Condition, Fence, Transport};
use linkway_edge::kernel::{Route, Way};
use linkway_edge::mark::Marks;
use linkway_edge::plan::{Item, Plan, plan};
use serde_json::{Value, json};

const LINKED: &str = "dxvif-f0000001";
const BESIDE: &str = "dxvif-f0000002";
const OTHER: &str = "dxvif-f0000003";

fn interface(number: usize, vlan: u16, domain: &str, site_link: bool) -> Value {
    json!({
        "virtualInterfaceId": format!("dxvif-f000000{number}"), "kind": "private", "interface": "eth1", "vlan": vlan,
        "mtu": 1500, "routingDomainId": domain, "siteLink": site_link,
        "peers": [
            { "addresses": { "amazon": format!("169.254.{number}.1/30"), "customer": format!("169.254.{number}.2/30") },
              "asn": 65_000, "authKey": "fjord-Secret-1" },
            { "addresses": { "amazon": format!("fd6c:696e:6b77:{number}::1/125"), "customer": format!("fd6c:696e:6b77:{number}::2/125") },
              "asn": 65_000, "authKey": "fjord-Secret-1" },
        ],
    })
}

/// Two gateways, each with an interface that has SiteLink and a link to the backbone (the second by the third link of the fabric's);
/// the first has an interface without SiteLink too, and a VPC that is associated.
fn scene(handoffs: &Value) -> EdgeConfig {
    serde_json::from_value(json!({
        "edgeId": "r1", "epoch": 1, "generation": 1,
        "ports": [{ "interface": "eth1", "connectionId": "dxcon-f0000001" }],
        "routingDomains": [
            { "routingDomainId": "dxgw-00000001", "amazonSideAsn": 64_600, "cidrs": [], "handoffs": handoffs,
              "associations": [{ "routingDomainId": "vgw-00000001", "prefixes": ["10.1.0.0/16"] }] },
            { "routingDomainId": "dxgw-00000002", "amazonSideAsn": 64_600, "cidrs": [], "handoffs": [handoff("fab3", "192.0.2.1")] },
            { "routingDomainId": "vgw-00000001", "amazonSideAsn": 64_512, "cidrs": ["10.1.0.0/16", "10.3.0.0/16"],
              "handoffs": [{ "interface": "fab1", "nextHop": "192.0.2.1" }] },
        ],
        "interfaces": [
            interface(1, 10, "dxgw-00000001", true),
            interface(2, 20, "dxgw-00000001", false),
            interface(3, 30, "dxgw-00000002", true),
        ],
    }))
    .expect("a configuration")
}

fn handoff(link: &str, peer: &str) -> Value {
    json!({ "interface": link, "nextHop": peer, "fabricPeer": { "address": peer, "asn": 64_600, "authKey": "fjord-Secret-9" } })
}

fn both_families() -> Value {
    json!([handoff("bb1", "192.0.2.1"), handoff("bb1", "2001:db8:ff::1")])
}

fn converged(config: &EdgeConfig, router: Router) -> Router {
    let handle = Handle::new(router);
    let round = handle.agent(Some(config.clone())).converge();
    assert_eq!(round.failed, []);
    handle.snapshot()
}

/// The router; the customers of its interfaces announce 172.20.N.0/24 and 2001:db8:c:N::/64.
fn router() -> Router {
    let mut router =
        converged(&scene(&both_families()), Router { kernel: clean(), ..Router::default() });
    for (number, link) in [(1, LINKED), (2, BESIDE), (3, OTHER)] {
        let (_, table) = router.kernel.vrf_of(link).expect("is in a VRF");
        for (prefix, next_hop) in [
            (format!("172.20.{number}.0/24"), format!("169.254.{number}.2")),
            (format!("2001:db8:c:{number}::/64"), format!("fd6c:696e:6b77:{number}::2")),
        ] {
            let next_hop = next_hop.parse().expect("an address");
            let way = Way::Via { next_hop, link: link.to_owned() };
            let prefix = prefix.parse().expect("a prefix");
            let route = Route { table, prefix, metric: 32, protocol: BIRD, way };
            router.kernel.add_route(&route).expect("the link is up");
        }
    }
    router
}

#[test]
fn packets_pass_between_the_backbone_and_customers_with_site_link() {
    let router = router();
    let check = |link: &str, from: &str, to: &str, carries: Option<Transport>, expected: Fate| {
        let [source, target] = [from, to].map(|text| text.parse().expect("an address"));
        let packet = Packet { carries, ..Packet::new(link, source, target) };
        assert_eq!(router.kernel.forward(&packet), expected, "{link}: {from} to {to}, {carries:?}");
    };
    let leaves = |link: &str| Fate::Leaves(link.to_owned());
    let tcp = Some(Transport::TcpTo(179));
    for (link, from, to, expected) in [
        (LINKED, "172.20.1.5", "172.30.0.5", leaves("bb1")),
        (LINKED, "2001:db8:c:1::5", "2001:db8:d::5", leaves("bb1")),
        ("bb1", "172.30.0.5", "172.20.1.5", leaves(LINKED)),
        ("bb1", "2001:db8:d::5", "2001:db8:c:1::5", leaves(LINKED)),
        // A customer of two routers may use both; the peer tells of errors.
        ("bb1", "172.20.1.9", "172.20.1.5", leaves(LINKED)),
        ("bb1", "192.0.2.1", "172.20.1.5", leaves(LINKED)),
        // The second gateway's goes by its own link.
        (OTHER, "172.20.3.5", "172.30.0.5", leaves("fab3")),
        ("fab3", "172.30.0.5", "172.20.3.5", leaves(OTHER)),
        ("fab3", "172.30.0.5", "172.20.1.5", Fate::Dropped),
        ("bb1", "172.30.0.5", "172.20.3.5", Fate::Dropped),
        // Without SiteLink, both ways.
        (BESIDE, "172.20.2.5", "172.30.0.5", Fate::Dropped),
        ("bb1", "172.30.0.5", "172.20.2.5", Fate::Dropped),
        // The VPC, whether allowed or not, both ways; a source of it by the backbone; back to where it came from.
        ("bb1", "172.30.0.5", "10.1.0.5", Fate::Dropped),
        ("bb1", "172.30.0.5", "10.3.0.5", Fate::Dropped),
        ("bb1", "10.1.0.5", "172.20.1.5", Fate::Dropped),
        ("fab1", "10.1.0.5", "172.30.0.5", Fate::Dropped),
        ("bb1", "172.30.0.5", "172.30.0.6", Fate::Dropped),
        // What nobody is known to be.
        ("bb1", "203.0.113.5", "172.20.1.5", Fate::Dropped),
        ("bb1", "169.254.1.2", "172.20.1.5", Fate::Dropped),
        // Of the backbone's subnet customers see nothing.
        (LINKED, "172.20.1.5", "192.0.2.1", Fate::Dropped),
        (LINKED, "172.20.1.5", "192.0.2.77", Fate::Dropped),
        (LINKED, "192.0.2.1", "172.30.0.5", Fate::Dropped),
        ("bb1", "172.30.0.5", "192.0.2.77", Fate::Dropped),
        ("bb1", "172.30.0.5", "169.254.1.2", Fate::Dropped),
    ] {
        check(link, from, to, None, expected);
    }
    // The router itself: its peer's BGP, nobody else's.
    check("bb1", "192.0.2.1", "192.0.2.2", tcp, Fate::Local);
    check("bb1", "2001:db8:ff::1", "2001:db8:ff::2", tcp, Fate::Local);
    check("bb1", "172.30.0.5", "192.0.2.2", tcp, Fate::Dropped);
    check("bb1", "192.0.2.7", "192.0.2.2", tcp, Fate::Dropped);
    check("bb1", "172.30.0.5", "169.254.1.1", tcp, Fate::Dropped);
    check(LINKED, "172.20.1.5", "192.0.2.2", tcp, Fate::Dropped);
    // Neighbour discovery comes from link-local addresses, of which the model kernel has no routes.
    let of_neighbours = Some("fe80::/10".parse().expect("a prefix"));
    assert!(router.kernel.filters("bb1").iter().any(|filter| {
        let Condition::Ip { source, destination: None, .. } = filter.condition else {
            return false;
        };
        source == of_neighbours && matches!(filter.action, Action::Mark { .. })
    }));
}

/// The routes keep a VPC and the backbone apart even where all filters are gone, and the filters where a route leads wrongly.
#[test]
fn a_vpc_and_the_backbone_are_apart_twice() {
    let forward = |router: &Router, link: &str, from: &str, to: &str| {
        let [from, to] = [from, to].map(|text| text.parse().expect("an address"));
        router.kernel.forward(&Packet::new(link, from, to))
    };
    let mut open = router();
    open.kernel.links.values_mut().for_each(|link| link.fence = None);
    assert_eq!(forward(&open, "fab1", "10.1.0.5", "172.30.0.5"), Fate::Dropped);
    let mut led = router();
    let (_, table) = led.kernel.vrf_of("fab1").expect("is in a VRF");
    let next_hop = "192.0.2.1".parse().expect("an address");
    let way = Way::Via { next_hop, link: "bb1".to_owned() };
    let prefix = "172.30.0.0/16".parse().expect("a prefix");
    let route = Route { table, prefix, metric: 5, protocol: 3, way };
    led.kernel.add_route(&route).expect("the link is up");
    assert_eq!(forward(&led, "fab1", "10.1.0.5", "172.30.0.5"), Fate::Dropped);
}

#[test]
fn the_link_comes_goes_and_changes_with_the_configuration() {
    let marks = Marks::default();
    let at = |router: &Router, link: &str| router.kernel.links[link].master.clone();
    let first = router();
    assert_eq!(at(&first, "bb1").as_deref(), Some("dxgw-00000001"));
    assert_eq!(first.kernel.links["bb1"].conf.rp_filter, 2);
    assert_eq!(first.kernel.links["fab1"].conf.rp_filter, 1);
    let loaded = first.bgp.loaded.as_ref().expect("it runs");
    let sessions: Vec<String> = loaded
        .routing_domains
        .values()
        .flat_map(|one| &one.fabric)
        .map(|one| format!("{} over {} AS {}", one.id, one.interface, one.asn))
        .collect();
    assert_eq!(
        sessions,
        [
            "dxgw-00000001 ipv4 over bb1 AS 64600",
            "dxgw-00000001 ipv6 over bb1 AS 64600",
            "dxgw-00000002 ipv4 over fab3 AS 64600",
        ]
    );
    // The other gateway's link takes its place, and the VPC's handoff becomes one to the backbone: no filter of before is left.
    for handoffs in [json!([handoff("fab2", "192.0.2.1")]), both_families(), json!([])] {
        let config = scene(&handoffs);
        let next = converged(&config, first.clone());
        let kernel = next.kernel.observe(&next.marks);
        let again = plan(&config, &kernel, &next.bgp.observe(), &marks, digest).plan;
        assert_eq!(again, Plan::default());
        let is_there = handoffs[0]["interface"] == "bb1";
        assert_eq!(at(&next, "bb1").is_some(), is_there);
        assert_eq!(next.kernel.links["bb1"].fence.is_some(), is_there);
        assert_eq!(at(&next, "fab2").is_some(), handoffs[0]["interface"] == "fab2");
    }
}

/// The other router hears that a session ends before its link is out of the VRF: without SiteLink, and by another link.
#[test]
fn a_session_ends_before_its_link_leaves() {
    let before = router();
    let kernel = before.kernel.observe(&before.marks);
    for handoffs in [json!([]), json!([handoff("fab2", "192.0.2.1")])] {
        let planned =
            plan(&scene(&handoffs), &kernel, &before.bgp.observe(), &before.marks, digest).plan;
        let stays = planned.withdraw.expect("the session ends first");
        let id: RoutingDomainId = "dxgw-00000001".parse().expect("an id");
        let gateway = &stays.routing_domains[&id];
        assert!(gateway.fabric.iter().all(|session| session.interface != "bb1"));
        assert_eq!(stays.sessions.len(), 6, "customers' sessions go on");
    }
}

#[test]
fn what_is_missing_is_told() {
    let start = Router { kernel: clean(), ..Router::default() };
    let check = |handoffs: Value, expected: &str| {
        let config = scene(&handoffs);
        let kernel = start.kernel.observe(&start.marks);
        let planned = plan(&config, &kernel, &start.bgp.observe(), &start.marks, digest);
        let item = Item::RoutingDomain("dxgw-00000001".parse().expect("an id"));
        let text = planned.problems.get(&item).map(|problem| problem.text.as_str());
        assert_eq!(text, Some(expected));
    };
    check(
        json!([handoff("bb9", "192.0.2.1")]),
        "dxgw-00000001: handoff bb9 does not exist on this router",
    );
    check(
        json!([handoff("bb1", "203.0.113.1")]),
        "dxgw-00000001: handoff bb1 has no address of a subnet with its backbone peer 203.0.113.1",
    );
}

/// The link of a handoff may become one to the backbone: filters of a priority are of one kind in both fences.
#[test]
fn fences_of_handoffs_share_no_priority_of_another_kind() {
    let router = router();
    let kind = |condition: &Condition| match condition {
        Condition::All => "matchall",
        Condition::Mark(_) => "fw",
        Condition::Vlan(_) | Condition::Arp { .. } | Condition::Ip { .. } => "flower",
    };
    let both = router.kernel.filters("bb1").iter().chain(router.kernel.filters("fab1"));
    let all: Vec<_> = both.collect();
    for (at, one) in all.iter().enumerate() {
        for other in &all[at + 1..] {
            if (one.direction, one.priority) == (other.direction, other.priority) {
                assert_eq!(one.protocol, other.protocol);
                assert_eq!(kind(&one.condition), kind(&other.condition), "{one:?} {other:?}");
            }
        }
        let beside = router.kernel.filters("bb1").iter();
        assert!(beside.filter(|two| two.cookie() == one.cookie()).count() <= 1, "{one:?}");
    }
    let handoff = Fence::Handoff { own: Vec::new() };
    assert!(
        handoff
            .filters(&Marks::default())
            .iter()
            .any(|filter| { filter.condition == Condition::Mark(Marks::default().backbone_mark) })
    );
}
