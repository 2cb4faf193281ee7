//! The configuration of BIRD: what it is, and that BIRD takes it.

#![allow(clippy::unwrap_used, reason = "a test's helpers")]

mod bird_common;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use bird_common::{addresses, net, prefix, routing_domain, session, way};
use expect_test::expect_file;
use linkway_domain::Time;
use linkway_domain::edge::DrainStage;
use linkway_domain::id::RoutingDomainId;
use linkway_domain::net::{AddressFamily, AuthKey, PeerAddresses};
use linkway_edge::bird::BirdSettings;
use linkway_edge::bird::configuration::{digest, render};
use linkway_edge::bird::names::{protocol_name, session_of};
use linkway_edge::bird::render::{Surroundings, router_id, shut_in, without_keys};
use linkway_edge::bird::shut::Shut;
use linkway_edge::bird::version::Dialect;
use linkway_edge::fabric::{FabricSession, FabricSessionId};
use linkway_edge::session::{Association, RoutingDomain, Session, Sessions};
use proptest::prelude::*;

const LOG: &str = "/run/linkway/bird.log";

fn text(sessions: &Sessions, dialect: Dialect, shut: &[&str]) -> String {
    let settings = BirdSettings::default();
    let around = Surroundings { settings: &settings, log: Path::new(LOG) };
    let shut = shut.iter().map(|s| ((*s).to_owned(), Shut::PrefixLimit)).collect();
    render(sessions, around, dialect, &shut, false)
}

fn whole(domains: Vec<RoutingDomain>, sessions: Vec<Session>) -> Sessions {
    Sessions::new(domains.into_iter().map(Arc::new), sessions.into_iter().map(Arc::new))
}

/// Two families, two ways for a prefix, a reset, a session that is shut, a key that cannot be, both
/// families on one interface, a routing domain without sessions; a Direct Connect gateway with what it is associated with, of
/// which one has a session with the fabric that is down and one is a transit gateway's, and sessions that have SiteLink.
fn everything() -> Sessions {
    let mut first = routing_domain(1, &["10.0.0.0/16", "2001:db8:1::/56"]);
    first.announced = vec![
        way("10.0.0.0/16", "192.0.2.1", "fabric0.10"),
        way("10.0.0.0/16", "192.0.2.5", "fabric-1"),
        way("2001:db8:1::/56", "2001:db8::1", "fabric0.10"),
    ];
    first.reserved = ["192.0.2.0/24", "192.0.2.1/32", "2001:db8:ffff::1/128"].map(net).into();
    let second = routing_domain(2, &[]);
    let sessions = vec![
        session(1, &first, addresses("169.254.0.1/30", "169.254.0.2/30"), "0xkey-of.one_\\'#"),
        session(2, &first, PeerAddresses::unique_local(7), "key-of-two"),
        Session {
            resets: 3,
            public: None,
            drain: None,
            ..session(3, &first, addresses("10.9.0.0/31", "10.9.0.1/31"), "key-of-three")
        },
        session(4, &second, addresses("169.254.0.1/30", "169.254.0.2/30"), "key-of-four"),
        session(4, &second, PeerAddresses::unique_local(8), "key-of-the-other-four"),
        Session {
            public: Some(vec![prefix("198.51.100.0/24"), prefix("203.0.113.0/25")]),
            ..session(8, &second, addresses("203.0.113.129/30", "203.0.113.130/30"), "key-of-eight")
        },
        Session {
            public: Some(Vec::new()),
            ..session(8, &second, PeerAddresses::unique_local(9), "key-of-the-other-eight")
        },
        session(5, &second, addresses("169.254.0.5/30", "169.254.0.6/30"), "key\"of-five"),
    ];
    let mut sessions = sessions;
    let mut third = routing_domain(3, &["10.3.0.0/24"]);
    third.fabric = vec![fabric_session(&third)];
    let transit = routing_domain(6, &[]);
    let gateway = RoutingDomain {
        id: "dxgw-00000004".parse().unwrap(),
        cidrs: third.cidrs.clone(),
        reserved: vec![net("192.0.2.0/24")],
        associations: vec![
            association(&third, &["10.3.0.0/24"], vec![AddressFamily::Ipv4]),
            association(&transit, &["10.64.0.0/10", "2001:db8:6000::/40"], Vec::new()),
        ],
        ..routing_domain(4, &[])
    };
    let ends = [("169.254.0.1/30", "169.254.0.2/30"), ("169.254.0.5/30", "169.254.0.6/30")];
    for (n, (ours, theirs)) in (6..).zip(ends) {
        let one = session(n, &gateway, addresses(ours, theirs), "key-of-gateway");
        // The second one is being drained.
        let drain = (n == 7).then_some(DrainStage::Graceful);
        sessions.push(Session { site_link: true, drain, ..one });
    }
    let (linked, link) = on_the_backbone();
    sessions.extend(link);
    whole(vec![first, second, third, transit, gateway, linked], sessions)
}

/// A Direct Connect gateway that is on the backbone: by a peer that is another router of it, and by the operator's own.
fn on_the_backbone() -> (RoutingDomain, [Session; 2]) {
    let id: RoutingDomainId = "dxgw-00000005".parse().unwrap();
    let one = |family, local: &str, address: &str, asn, key: Option<&str>| FabricSession {
        id: FabricSessionId { routing_domain: id.clone(), family },
        interface: "bb0.5".to_owned(),
        local: local.parse().unwrap(),
        address: address.parse().unwrap(),
        asn,
        auth_key: key.map(|key| AuthKey::parse("authKey", key).unwrap()),
    };
    let domain = RoutingDomain {
        reserved: vec![net("198.51.100.0/30"), net("2001:db8:bb::/64")],
        fabric: vec![
            one(
                AddressFamily::Ipv4,
                "198.51.100.1",
                "198.51.100.2",
                64_512,
                Some("key-of-backbone"),
            ),
            one(AddressFamily::Ipv6, "2001:db8:bb::1", "2001:db8:bb::2", 65_020, None),
        ],
        id: id.clone(),
        ..routing_domain(5, &[])
    };
    let ends = [("169.254.0.1/30", "169.254.0.2/30"), ("169.254.0.5/30", "169.254.0.6/30")];
    let sessions =
        [(10, ends[0], true), (11, ends[1], false)].map(|(n, (ours, theirs), site_link)| {
            let one = session(n, &domain, addresses(ours, theirs), "key-of-linked");
            Session { site_link, ..one }
        });
    (domain, sessions)
}

/// The fabric's router behind the third handoff.
fn fabric_session(domain: &RoutingDomain) -> FabricSession {
    let id = FabricSessionId { routing_domain: domain.id.clone(), family: AddressFamily::Ipv4 };
    let [local, address] = ["192.0.2.2", "192.0.2.1"].map(|text| text.parse().unwrap());
    let interface = "fabric3".to_owned();
    FabricSession { id, interface, local, address, asn: 65_010, auth_key: None }
}

fn association(to: &RoutingDomain, nets: &[&str], fabric: Vec<AddressFamily>) -> Association {
    let interface = format!("fabric{}", to.table - 1000);
    Association {
        routing_domain: to.id.clone(),
        table: to.table,
        announced: nets.iter().map(|net| way(net, "192.0.2.1", &interface)).collect(),
        fabric,
    }
}

#[test]
fn whole_configurations() {
    let shut = ["dxvif_f0000004", "dxvif_f9999999", "fabric_vgw_00000003_dxgw_00000004_vpc4"];
    expect_file!["bird_data/classic.conf"].assert_eq(&text(&everything(), Dialect::Classic, &shut));
    let named = text(&everything(), Dialect::NamedAuthentication, &[]);
    let lines = named.lines().filter(|l| l.contains("authentication")).count();
    assert_eq!(lines, 3, "one for each family of customers, one for the fabric");
}

/// The program, which the tests of this crate need as much as the edge does.
fn bird() -> &'static str {
    if Path::new("/usr/sbin/bird").exists() { "/usr/sbin/bird" } else { "bird" }
}

fn judged(text: &str) -> Result<(), String> {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("bird.conf");
    fs::write(&file, text).unwrap();
    let output = Command::new(bird()).arg("-p").arg("-c").arg(&file).output();
    let output = output.expect("BIRD 2 is installed (Debian: bird2)");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() && said.is_empty() { Ok(()) } else { Err(said) }
}

#[test]
fn bird_takes_it() {
    for sessions in [Sessions::default(), everything()] {
        judged(&text(&sessions, Dialect::Classic, &["dxvif_f0000001"])).unwrap();
    }
}

#[test]
fn every_character_of_a_key_is_taken_or_refused_by_name() {
    let domain = routing_domain(1, &[]);
    for byte in b'!'..=b'~' {
        let character = char::from(byte);
        let key = format!("ab{character}cd{character}");
        let peer = addresses("169.254.0.1/30", "169.254.0.2/30");
        let sessions = vec![session(1, &domain, peer, &key)];
        let text = text(&whole(vec![domain.clone()], sessions), Dialect::Classic, &[]);
        judged(&text).unwrap_or_else(|said| panic!("{character:?}: {said}"));
        let line = format!("  password \"{key}\";");
        assert_eq!(text.lines().any(|l| l == line), character != '"', "{character:?}");
        assert_eq!(text.contains("refused: the key"), character == '"', "{character:?}");
    }
}

#[test]
fn the_digest_is_of_the_sessions_only() {
    let settings = BirdSettings::default();
    let around = Surroundings { settings: &settings, log: Path::new(LOG) };
    let all = everything();
    let marker = format!("linkway_{}_", digest(&all, around));
    for (dialect, letter) in [(Dialect::Classic, 'c'), (Dialect::NamedAuthentication, 'n')] {
        for shut in [&[][..], &["dxvif_f0000004"]] {
            let expected = format!("protocol static {marker}{letter} {{");
            assert!(text(&all, dialect, shut).contains(&expected), "{dialect:?} {shut:?}");
        }
    }
    let mut other = all.clone();
    let first = Session::clone(all.sessions.values().next().unwrap());
    let auth_key = AuthKey::parse("authKey", "another").unwrap();
    other.put_session(Session { auth_key, ..first }.into());
    assert_ne!(digest(&all, around), digest(&other, around), "a key");
    let changed = BirdSettings { prefix_limit: 101, ..BirdSettings::default() };
    let changed = Surroundings { settings: &changed, ..around };
    assert_ne!(digest(&all, around), digest(&all, changed), "a setting");
}

/// What BIRD must be told is in the digest: another limit, and that a session is shut for a time.
#[test]
fn a_limit_and_a_test_are_the_sessions_own() {
    let settings = BirdSettings::default();
    let around = Surroundings { settings: &settings, log: Path::new(LOG) };
    let all = everything();
    let first = Session::clone(all.sessions.values().next().unwrap());
    let with = |prefix_limit, shut_until| {
        let mut other = all.clone();
        other.put_session(Session { prefix_limit, shut_until, ..first.clone() }.into());
        judged(&text(&other, Dialect::Classic, &[])).unwrap();
        (digest(&other, around), text(&other, Dialect::Classic, &[]))
    };
    let (plain, limited) = (with(None, None), with(Some(300), None));
    let tested = with(None, Some(Time::from_millis(1_000)));
    assert_eq!(plain.0, digest(&all, around));
    assert!(plain.0 != limited.0 && plain.0 != tested.0 && limited.0 != tested.0);
    assert!(limited.1.contains("receive limit 300 action disable;"));
    assert!(judged(&with(Some(0), None).1).is_ok());
}

#[test]
fn names_lead_back_to_sessions() {
    let domain = routing_domain(1, &[]);
    let four = addresses("169.254.0.1/30", "169.254.0.2/30");
    let mut seen = BTreeSet::new();
    for peer in [four, PeerAddresses::unique_local(1)] {
        let mut one = session(1, &domain, peer, "secret");
        for resets in [0, 1, u32::MAX] {
            one.resets = resets;
            let name = protocol_name(&one);
            assert_eq!(session_of(&name), Some((one.id.clone(), resets)), "{name}");
            assert!(seen.insert(name));
        }
    }
    // An upgrade of the agent leaves an IPv4 session what it was.
    assert_eq!(seen.first().map(String::as_str), Some("dxvif_f0000001"));
    for foreign in [
        "dxvif",
        "dxvif_x",
        "dxvif_f0000001_a",
        "dxvif_f0000001_1_2",
        "dxvif_f0000001_v4",
        "dxvif_f0000001_v6_x",
        "dxvif_f0000001_v6_1_2",
        "vgw_00000001_v6",
    ] {
        assert_eq!(session_of(foreign), None, "{foreign}");
    }
}

#[test]
fn identifiers_are_of_the_link_unless_chosen() {
    let settings = BirdSettings::default();
    let check = |address: &str, expected: &str| {
        let id = router_id(&settings, address.parse().unwrap());
        assert_eq!(id.to_string(), expected, "{address}");
    };
    check("169.254.0.1", "169.254.0.1");
    check("fd6c:696e:6b77::1", "10.77.15.34");
    let chosen = BirdSettings { router_id: Some([192, 0, 2, 7].into()), ..settings.clone() };
    assert_eq!(router_id(&chosen, "169.254.0.1".parse().unwrap()).to_string(), "192.0.2.7");
}

#[test]
fn no_key_survives_in_what_is_said() {
    let domain = routing_domain(1, &[]);
    let peer = addresses("169.254.0.1/30", "169.254.0.2/30");
    let sessions =
        [(1, "secret"), (2, "secret-and-more")].map(|(n, key)| session(n, &domain, peer, key));
    let sessions = whole(vec![domain], sessions.into());
    assert_eq!(
        without_keys("at \"secret-and-more\" and secret", &sessions),
        "at \"[PROTECTED]\" and [PROTECTED]"
    );
}

#[test]
fn settings_are_read_and_typos_refused() {
    let read = |text: &str| serde_json::from_str::<BirdSettings>(text);
    assert_eq!(read("{}").unwrap(), BirdSettings::default());
    // What a file of an earlier version says.
    assert_eq!(read(r#"{"bfd": "per_gateway"}"#).unwrap(), BirdSettings::default());
    let given = read(r#"{"router_id": "192.0.2.1", "prefix_limit": 10, "spawn": false}"#).unwrap();
    assert_eq!((given.prefix_limit, given.spawn), (10, false));
    assert!(read(r#"{"prefix-limit": 10}"#).is_err());
}

#[test]
fn the_guide_has_each_setting_by_its_name() {
    let guide = include_str!("../../../docs/edge.md");
    let (_, table) = guide.split_once("In the table `bird`:").unwrap();
    let rows = table.lines().skip_while(|line| !line.starts_with('|')).skip(2);
    let first = |row: &str| row.split('|').nth(1).unwrap_or_default().to_owned();
    let cells: Vec<String> = rows.take_while(|row| row.starts_with('|')).map(first).collect();
    let mut told: Vec<&str> =
        cells.iter().flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect();
    told.sort_unstable();
    let settings = serde_json::to_value(BirdSettings::default()).unwrap();
    let mut there: Vec<&String> = settings.as_object().unwrap().keys().collect();
    there.sort_unstable();
    assert_eq!(told, there);
    // As in the agent's other tables.
    assert!(!told.concat().contains('-'), "{told:?}");
}

prop_compose! {
    fn any_sessions()(
        gateways in prop::collection::vec((0..3_usize, 0..3_usize, any::<u32>(), any::<u64>()), 0..4),
        sessions in prop::collection::vec((0..8_usize, any::<u16>(), "[!-~]{6,80}", 1..u32::MAX, 0..3_u32, any::<bool>()), 0..6),
    ) -> Sessions {
        let made: Vec<_> = gateways.iter().zip(0_u32..).map(|(&(cidrs, ways, number, _), n)| {
            let mut made = routing_domain(n, &[]);
            made.asn = number.max(1);
            for i in 0..cidrs {
                let [_, a, b, c] = (number >> i).to_be_bytes();
                made.cidrs.push(prefix(&format!("10.{a}.{b}.{c}/32")));
                made.cidrs.push(prefix(&format!("2001:db8:{a:x}:{b:x}{c:02x}::/64")));
            }
            for cidr in made.cidrs.clone() {
                made.announced.extend((0..ways).map(|i| {
                    way(&cidr.to_string(), ["192.0.2.1", "2001:db8::1"][i % 2], ["e.1-_", "bgp", "8x"][i])
                }));
            }
            made
        }).collect();
        let sessions = sessions.into_iter().zip(0_u32..).filter_map(|((at, block, key, asn, resets, six), n)| {
            let domain = made.get(at)?;
            let addresses = if six {
                PeerAddresses::unique_local(u64::from(block))
            } else {
                PeerAddresses::link_local(u64::from(block))
            };
            Some(Session { asn, resets, ..session(n / 2, domain, addresses, &key) })
        }).collect();
        whole(made, sessions)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// BIRD takes whatever sessions there may be, and which of them are shut is found again.
    #[test]
    fn bird_takes_any_sessions(sessions in any_sessions(), mask in any::<u8>()) {
        let names = sessions.sessions.values().map(|session| protocol_name(session));
        let shut: BTreeSet<String> =
            names.enumerate().filter(|(i, _)| mask >> i & 1 == 1).map(|(_, name)| name).collect();
        let list: Vec<&str> = shut.iter().map(String::as_str).collect();
        let text = text(&sessions, Dialect::Classic, &list);
        prop_assert_eq!(judged(&text), Ok(()), "{}", text);
        prop_assert_eq!(shut_in(&text), shut);
    }
}
