//! What is asked of BIRD beside the agent's own work.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use linkway_domain::edge::{BgpRoute, EdgeConfig, RouteDirection, SessionState};
use linkway_edge::bird::questions::Questions;
use serde_json::json;

use crate::customer::wait;
use crate::scenes::own_routes;
use crate::stage::{DIR, Stage};

/// A configuration that has a session's interface, as far as questions need it.
fn config(stage: &Stage, n: u32) -> EdgeConfig {
    let session = stage.session(n);
    let addresses = &session.addresses;
    let domain = stage.domain(session);
    serde_json::from_value(json!({
        "edgeId": "e", "epoch": 1, "generation": 1, "ports": [],
        "routingDomains": [{
            "routingDomainId": domain.id, "amazonSideAsn": domain.asn, "cidrs": [], "handoffs": [],
        }],
        "interfaces": [{
            "virtualInterfaceId": session.id.interface, "kind": "private", "interface": "eth1", "vlan": 101, "mtu": 1500,
            "routingDomainId": domain.id,
            "peers": [{
                "addresses": { "amazon": addresses.amazon(), "customer": addresses.customer() },
                "asn": session.asn, "authKey": session.auth_key.reveal(),
            }],
        }],
    }))
    .expect("a configuration")
}

fn asked(stage: &Stage, n: u32) -> Vec<BgpRoute> {
    let config = config(stage, n);
    let table = Questions::of(Path::new(DIR)).routes(&config, &config.interfaces[0]).unwrap();
    assert!(!table.truncated);
    table.routes
}

/// What a session exchanges, and nothing of the others in its routing domain.
pub fn routes(stage: &mut Stage) {
    let own = "192.168.1.0/24 bgp_community.add((7224,7100)); bgp_large_community.add((65000,1,2)); bgp_path.prepend(65010);";
    // One that is turned away, which is not told.
    stage.customers[&1].announce(&[own.into(), "10.1.7.0/24".into()]);
    let has = |routes: &Vec<BgpRoute>| routes.first().is_some_and(|one| one.communities.len() == 2);
    let found = wait("the attributes", || asked(stage, 1), has);
    let text = |route: &BgpRoute| {
        let path: Vec<String> =
            route.as_path.iter().flat_map(|one| one.path.iter().map(ToString::to_string)).collect();
        let communities: Vec<String> = route.communities.iter().map(ToString::to_string).collect();
        (route.direction, route.prefix.to_string(), path.join(" "), communities.join(" "))
    };
    let theirs = stage.session(1).asn;
    let ours = stage.domain(stage.session(1)).asn;
    let expected = [
        (
            RouteDirection::Accepted,
            "192.168.1.0/24".into(),
            format!("{theirs} 65010"),
            "7224:7100 65000:1:2".into(),
        ),
        (RouteDirection::Advertised, "10.1.0.0/16".into(), ours.to_string(), String::new()),
    ];
    assert_eq!(found.iter().map(text).collect::<Vec<_>>(), expected);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    for route in &found {
        let since = route.installed_at.expect("it is told").millis() / 1000;
        assert!(since <= now && now - since < 600, "{since} and it is {now}");
    }
    stage.customers[&1].announce(&own_routes(1));
    // Of IPv6, and what BIRD says of the session.
    let six = asked(stage, 3);
    assert_eq!(
        six.iter().map(|route| route.prefix.to_string()).collect::<Vec<_>>(),
        ["2001:db8:ff03::/48", "2001:db8:1::/56"]
    );
    let config = config(stage, 1);
    let interface = &config.interfaces[0];
    let session =
        Questions::of(Path::new(DIR)).session(interface, &interface.peers[0], 100).unwrap();
    assert_eq!(
        (session.state, session.advertised, session.prefix_limit),
        (Some(SessionState::Established), 1, 100)
    );
    stage.wait_all_up();
}
