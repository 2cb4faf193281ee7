//! BIRD's configuration of sessions with the fabric: what it says, and that BIRD takes it.

#![allow(clippy::unwrap_used, reason = "a test's helpers")]

mod bird_common;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use bird_common::{addresses, net, routing_domain, session, way};
use linkway_domain::net::{AddressFamily, AuthKey};
use linkway_edge::bird::configuration::{digest, render};
use linkway_edge::bird::render::{Surroundings, without_keys};
use linkway_edge::bird::shut::Shut;
use linkway_edge::bird::version::Dialect;
use linkway_edge::bird::{Bfd, BirdSettings};
use linkway_edge::fabric::{FabricSession, FabricSessionId};
use linkway_edge::session::{RoutingDomain, Sessions};

const KEY: &str = "fjord-Secret-9";

fn fabric(domain: &RoutingDomain, local: &str, address: &str, key: Option<&str>) -> FabricSession {
    let [local, address] = [local, address].map(|text| text.parse().unwrap());
    FabricSession {
        id: FabricSessionId {
            routing_domain: domain.id.clone(),
            family: AddressFamily::of(address),
        },
        interface: "vpc0.7".to_owned(),
        local,
        address,
        asn: 65_010,
        auth_key: key.map(|key| AuthKey::parse("authKey", key).unwrap()),
    }
}

/// Sessions of both families, one with a key; a routing domain with one whose family has no customer and no prefix.
fn sessions() -> Sessions {
    let mut one = routing_domain(1, &["10.1.0.0/16", "2001:db8:1::/56"]);
    one.announced = vec![
        way("10.1.0.0/16", "192.0.2.1", "vpc0.7"),
        way("2001:db8:1::/56", "2001:db8::1", "vpc0.7"),
    ];
    one.reserved = vec![net("192.0.2.0/24"), net("2001:db8::/64")];
    one.fabric = vec![
        fabric(&one, "192.0.2.2", "192.0.2.1", Some(KEY)),
        fabric(&one, "2001:db8::2", "2001:db8::1", None),
    ];
    let mut two = routing_domain(2, &["10.2.0.0/16"]);
    two.fabric = vec![fabric(&two, "2001:db8::2", "2001:db8::1", None)];
    let peer = addresses("169.254.0.1/30", "169.254.0.2/30");
    let own = [session(1, &one, peer, "key-of-one"), session(2, &two, peer, "key-of-two")];
    Sessions::new([one, two].map(Arc::new), own.map(Arc::new))
}

fn text(settings: &BirdSettings, dialect: Dialect, disabled: &[&str]) -> String {
    let around = Surroundings { settings, log: Path::new("/run/bird.log") };
    let disabled = disabled.iter().map(|name| ((*name).to_owned(), Shut::Unreachable)).collect();
    render(&sessions(), around, dialect, &disabled, false)
}

fn judge(text: &str) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("bird.conf");
    fs::write(&file, text).unwrap();
    let program = if Path::new("/usr/sbin/bird").exists() { "/usr/sbin/bird" } else { "bird" };
    let output = Command::new(program).arg("-p").arg("-c").arg(&file).output();
    let output = output.expect("BIRD 2 is installed (Debian: bird2)");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && said.is_empty(), "{said}");
}

#[test]
fn bird_takes_it() {
    for bfd in [Bfd::Shared, Bfd::Off] {
        let settings = BirdSettings { bfd, ..BirdSettings::default() };
        judge(&text(&settings, Dialect::Classic, &[]));
        judge(&text(&settings, Dialect::Classic, &["fabric_vgw_00000001_vpc4"]));
    }
}

#[test]
fn a_session_takes_parts_of_the_vpc_only_and_says_nothing_but_customers_routes() {
    let text = text(&BirdSettings::default(), Dialect::Classic, &[]);
    let protocol = |name: &str| {
        let (_, rest) = text.split_once(&format!("protocol {name} ")).expect(name);
        rest.split_once("\n}").expect(name).0.to_owned()
    };
    let four = protocol("bgp fabric_vgw_00000001_bgp4");
    for line in [
        "import where linkway_of_vpc([ 10.1.0.0/16+ ]);",
        "export filter linkway_to_fabric;",
        "vrf \"vgw-00000001\"; interface \"vpc0.7\";",
        "router id 192.0.2.2; local 192.0.2.2 port 179 as 64512;",
        "neighbor 192.0.2.1 port 179 as 65010;",
        "table table4_1001;",
    ] {
        assert!(four.contains(line), "{line} in {four}");
    }
    let six = protocol("bgp fabric_vgw_00000001_bgp6");
    assert!(six.contains("import where linkway_of_vpc([ 2001:db8:1::/56+ ]);"), "{six}");
    assert!(!six.contains("password"), "{six}");
    // An empty set would be everything to nobody, and an error to BIRD.
    assert!(protocol("bgp fabric_vgw_00000002_bgp6").contains("import none;"));
    // What stands for "the VPC is reached": beside a session a protocol that can be disabled.
    assert!(
        protocol("static fabric_vgw_00000001_vpc4").contains("route 10.1.0.0/16 via \"vpc0.7\";")
    );
    assert!(protocol("static fabric_vgw_00000001_vpc6").contains("route 2001:db8:1::/56"));
    assert!(
        text.contains("protocol static vgw_00000002_vpc4 {"),
        "without a session it is as ever"
    );
}

/// How far a public prefix may go is for the network to see to; no other community of a customer's gets there.
#[test]
fn the_fabric_is_told_how_far_a_public_prefix_may_go() {
    let text = text(&BirdSettings::default(), Dialect::Classic, &[]);
    let (_, rest) = text.split_once("filter linkway_to_fabric {").expect("the filter");
    let filter = rest.split_once("\n}").expect("its end").0;
    let kept = "bgp_community.filter([ (7224, 9100), (7224, 9200), (7224, 9300) ]);";
    assert!(filter.contains(kept), "{filter}");
    let (_, rest) = text.split_once("function linkway_preference()").expect("the function");
    let private = rest.split_once("\n}").expect("its end").0;
    assert!(private.contains("(7224, 7301..65535)"), "{private}");
}

#[test]
fn what_is_not_reached_is_disabled_and_changes_no_digest() {
    let settings = BirdSettings::default();
    let around = Surroundings { settings: &settings, log: Path::new("/run/bird.log") };
    let marker = format!("protocol static linkway_{}_c", digest(&sessions(), around));
    for (disabled, count) in [(&[][..], 0), (&["fabric_vgw_00000001_vpc4"], 1)] {
        let text = text(&settings, Dialect::Classic, disabled);
        assert!(text.contains(&marker));
        assert_eq!(
            text.matches("protocol static fabric_vgw_00000001_vpc4 { disabled;").count(),
            count
        );
        assert_eq!(text.matches(" disabled;").count(), count);
    }
    let mut other = sessions();
    let domain = other.routing_domains.values().next().unwrap().clone();
    let mut changed = RoutingDomain::clone(&domain);
    changed.fabric[0].auth_key = None;
    other.put_routing_domain(Arc::new(changed));
    assert_ne!(digest(&other, around), digest(&sessions(), around));
}

#[test]
fn a_key_is_where_bird_reads_it_and_in_nothing_that_is_said() {
    let text = text(&BirdSettings::default(), Dialect::NamedAuthentication, &[]);
    assert_eq!(text.matches(KEY).count(), 1);
    let (_, md5) = text.split_once("template bgp linkway_fabric_md5").unwrap();
    assert!(md5.split_once('}').unwrap().0.contains("authentication md5;"));
    assert!(text.contains("protocol bgp fabric_vgw_00000001_bgp4 from linkway_fabric_md5 {"));
    assert!(text.contains("protocol bgp fabric_vgw_00000001_bgp6 from linkway_fabric {"));
    let said = format!("{:?} {}", sessions(), without_keys(&text, &sessions()));
    assert!(!said.contains(KEY) && said.contains("[PROTECTED]"));
}
