//! What is on a router for the associations of Direct Connect gateways, and what a change of them leaves alone.

mod common;

use std::collections::BTreeSet;

use common::build::{INTERFACES, association_changes, customer, vif};
use common::daemon::{BIRD, digest};
use common::dirt::clean;
use common::forward::{Fate, Packet};
use common::kernel::Model;
use common::router::{Handle, Router};
use linkway_domain::edge::EdgeConfig;
use linkway_edge::kernel::{Change, LinkKind, Way};
use linkway_edge::plan::{Plan, plan};
use proptest::prelude::*;
use serde_json::{Value, json};

fn router() -> Router {
    let mut router = Router { kernel: clean(), ..Router::default() };
    router.bgp.customers = (0..INTERFACES).map(|number| (vif(number), customer())).collect();
    router
}

fn converged(config: &EdgeConfig, router: Router) -> Router {
    let handle = Handle::new(router);
    handle.agent(Some(config.clone())).converge();
    handle.snapshot()
}

fn planned(config: &EdgeConfig, router: &Router) -> Plan {
    let kernel = router.kernel.observe(&router.marks);
    plan(config, &kernel, &router.bgp.observe(), &router.marks, digest).plan
}

/// The routes of VRFs over links, as a person would say them.
fn routes(model: &Model) -> BTreeSet<String> {
    let vrf = |table: u32| {
        let has = |link: &LinkKind| *link == LinkKind::Vrf { table };
        model.links.iter().find(|(_, link)| has(&link.kind)).map(|(name, _)| name.as_str())
    };
    let text = |route: &linkway_edge::kernel::Route| {
        let vrf = vrf(route.table)?;
        let by = if route.protocol == BIRD { " by the daemon" } else { "" };
        match &route.way {
            Way::Via { link, .. } => Some(format!("{vrf}: {} over {link}{by}", route.prefix)),
            Way::Dev { .. } | Way::Unreachable | Way::Other => None,
        }
    };
    model.routes.iter().filter_map(text).collect()
}

fn interface(number: usize, port: &str, domain: &str, site_link: bool) -> Value {
    json!({
        "virtualInterfaceId": vif(number), "kind": "private", "interface": port, "vlan": 10, "mtu": 1500,
        "routingDomainId": domain, "siteLink": site_link,
        "peers": [{
            "addresses": { "amazon": format!("169.254.{number}.1/30"), "customer": format!("169.254.{number}.2/30") },
            "asn": 65_000, "authKey": "fjord-Secret-1",
        }],
    })
}

/// A Direct Connect gateway with a virtual gateway, of whose prefixes one is allowed and which has a customer of its own, and with a
/// transit gateway.
fn scene(site_link: bool) -> EdgeConfig {
    let handoff = |link: &str| json!([{ "interface": link, "nextHop": "192.0.2.1" }]);
    serde_json::from_value(json!({
        "edgeId": "r1", "epoch": 1, "generation": 1,
        "ports": [
            { "interface": "eth1", "connectionId": "dxcon-f0000001" },
            { "interface": "eth2", "connectionId": "dxcon-f0000002" },
            { "interface": "eth3", "connectionId": "dxcon-f0000003" },
        ],
        "routingDomains": [
            { "routingDomainId": "dxgw-00000001", "amazonSideAsn": 64_600, "cidrs": [], "handoffs": [], "associations": [
                { "routingDomainId": "tgw-00000002", "prefixes": ["172.16.0.0/12"] },
                { "routingDomainId": "vgw-00000001", "prefixes": ["10.1.0.0/16"] },
            ] },
            { "routingDomainId": "tgw-00000002", "amazonSideAsn": 64_512, "cidrs": [], "handoffs": handoff("fab2") },
            { "routingDomainId": "vgw-00000001", "amazonSideAsn": 64_512, "cidrs": ["10.1.0.0/16", "10.3.0.0/16"], "handoffs": handoff("fab1") },
        ],
        "interfaces": [
            interface(0, "eth1", "dxgw-00000001", site_link),
            interface(1, "eth2", "dxgw-00000001", site_link),
            interface(2, "eth3", "vgw-00000001", false),
        ],
    }))
    .expect("a configuration")
}

/// The scene with customers who announce 192.168.N.0/24 each.
fn with_customers(config: &EdgeConfig) -> Router {
    let mut router = router();
    for number in 0..3 {
        let prefixes = vec![format!("192.168.{number}.0/24").parse().expect("a prefix")];
        let customer = router.bgp.customers.get_mut(&vif(number)).expect("is there");
        customer.prefixes = prefixes;
    }
    converged(config, router)
}

#[test]
fn routes_lead_along_associations_and_nowhere_else() {
    let router = with_customers(&scene(false));
    assert_eq!(planned(&scene(false), &router), Plan::default());
    let mut expected = vec![
        "dxgw-00000001: 10.1.0.0/16 over fab1".to_owned(),
        "dxgw-00000001: 172.16.0.0/12 over fab2".to_owned(),
        // What its handoff checks sources by.
        "tgw-00000002: 172.16.0.0/12 over fab2".to_owned(),
        "vgw-00000001: 10.1.0.0/16 over fab1".to_owned(),
        "vgw-00000001: 10.3.0.0/16 over fab1".to_owned(),
        "vgw-00000001: 192.168.2.0/24 over dxvif-f0000002 by the daemon".to_owned(),
    ];
    for vrf in ["dxgw-00000001", "tgw-00000002", "vgw-00000001"] {
        let of_customer =
            |n: u8| format!("{vrf}: 192.168.{n}.0/24 over dxvif-f000000{n} by the daemon");
        expected.extend([0, 1].map(of_customer));
    }
    assert_eq!(routes(&router.kernel), expected.into_iter().collect());
}

#[test]
fn packets_pass_along_associations_and_nowhere_else() {
    let check = |site_link: bool, link: &str, from: &str, to: &str, expected: Option<&str>| {
        let router = with_customers(&scene(site_link));
        let [source, target] = [from, to].map(|text| text.parse().expect("an address"));
        let fate = router.kernel.forward(&Packet::new(link, source, target));
        let wanted = expected.map_or(Fate::Dropped, |out| Fate::Leaves(out.to_owned()));
        assert_eq!(fate, wanted, "{link}: {from} to {to}, SiteLink {site_link}");
    };
    let (one, two, other) = ("dxvif-f0000000", "dxvif-f0000001", "dxvif-f0000002");
    for (link, from) in [(one, "192.168.0.5"), (two, "192.168.1.5")] {
        for site_link in [false, true] {
            check(site_link, link, from, "10.1.0.5", Some("fab1"));
            check(site_link, link, from, "172.20.0.5", Some("fab2"));
            // Not allowed; the subnets of handoffs; a customer of the virtual gateway's own.
            check(site_link, link, from, "10.3.0.5", None);
            check(site_link, link, from, "192.0.2.77", None);
            check(site_link, link, from, "192.168.2.5", None);
            // Sources of the VPC, allowed or not, and what nobody announced.
            check(site_link, link, "10.1.0.9", "10.1.0.5", None);
            check(site_link, link, "10.3.0.9", "10.1.0.5", None);
            check(site_link, link, "192.168.9.5", "10.1.0.5", None);
        }
    }
    check(false, one, "192.168.0.5", "192.168.1.5", None);
    check(true, one, "192.168.0.5", "192.168.1.5", Some(two));
    check(true, two, "192.168.1.5", "192.168.0.5", Some(one));
    check(true, other, "192.168.2.5", "192.168.0.5", None);
    check(false, other, "192.168.2.5", "10.3.0.5", Some("fab1"));
    check(false, other, "192.168.2.5", "172.20.0.5", None);
    for (link, from) in [("fab1", "10.1.0.5"), ("fab2", "172.20.0.5")] {
        check(false, link, from, "192.168.0.5", Some(one));
        check(false, link, from, "192.168.1.5", Some(two));
    }
    check(false, "fab1", "10.1.0.5", "172.20.0.5", None);
    check(false, "fab2", "172.20.0.5", "10.1.0.5", None);
    check(false, "fab2", "172.20.0.5", "192.168.2.5", None);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Other prefixes, an association more or less: no link is made anew, no session begins anew, and what is routed before and
    /// after is routed all the time.
    #[test]
    fn a_change_leaves_alone_what_stays((held, next) in association_changes()) {
        let mut before = converged(&held, router());
        before.trace = Some(Vec::new());
        let plan = planned(&next, &before);
        let remade = |change: &Change| matches!(
            change,
            Change::DeleteLink { link } | Change::AddVlan { link, .. } if link.starts_with("dxvif-")
        );
        prop_assert!(!plan.steps.iter().any(|step| remade(&step.change)), "{:?}", plan.steps);
        let after = converged(&next, before.clone());
        prop_assert_eq!(planned(&next, &after), Plan::default());
        prop_assert_eq!(&after.bgp.starts, &before.bgp.starts);
        let (was, is) = (routes(&before.kernel), routes(&after.kernel));
        for (step, kernel) in after.trace.as_ref().expect("is kept") {
            let now = routes(kernel);
            let gone: Vec<_> = was.intersection(&is).filter(|route| !now.contains(*route)).collect();
            prop_assert!(gone.is_empty(), "{gone:?} after {step}");
        }
    }
}
