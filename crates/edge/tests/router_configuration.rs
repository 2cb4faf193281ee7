//! What customers are given for their routers is taken by these routers: BIRD and FRR read every text of every kind of
//! interface, with every key. FRR's check runs where its programs are installed, as BIRD's does.

#![allow(clippy::unwrap_used, reason = "a test, its helpers included")]

use std::fs;
use std::path::Path;
use std::process::Command;

use linkway_domain::Time;
use linkway_domain::bgp_peer::{BgpPeer, PeerPhase};
use linkway_domain::id::{
    AccountId, BgpPeerId, ConnectionId, EdgeId, LocationCode, PortName, VirtualInterfaceId,
};
use linkway_domain::net::{AddressFamily, Asn, AuthKey, Mtu, PeerAddresses, Prefix, Vlan};
use linkway_domain::router_configuration::{Document, RouterType, router_configuration};
use linkway_domain::virtual_interface::{InterfaceKind, Options, Phase, VirtualInterface};
use proptest::prelude::*;

/// Every printable character that a key can have, so that each is seen by each router.
const EVERY_CHARACTER: &str =
    "!#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmno";
const THE_OTHERS: &str = "{|}~pqrstuvwxyz";

fn peer(family: AddressFamily, asn: i64, key: &str) -> BgpPeer {
    let addresses = match family {
        AddressFamily::Ipv4 => PeerAddresses::link_local(77),
        AddressFamily::Ipv6 => PeerAddresses::unique_local(0x1234_5678_9abc_def0),
    };
    BgpPeer {
        id: BgpPeerId::parse("dxpeer-ffaabbcc").unwrap(),
        asn: Asn::try_from(asn).unwrap(),
        auth_key: AuthKey::parse("authKey", key).unwrap(),
        addresses,
        phase: PeerPhase::Live,
        rotation: None,
        session_resets: 0,
    }
}

fn interface(kind: InterfaceKind, mtu: i64, peers: Vec<BgpPeer>) -> VirtualInterface {
    let account = AccountId::parse("111111111111").unwrap();
    let prefixes = match kind {
        InterfaceKind::Public => vec!["198.51.100.0/24", "2001:db8:7::/48"],
        InterfaceKind::Private | InterfaceKind::Transit => Vec::new(),
    };
    let prefixes = prefixes.into_iter().map(|one| Prefix::parse("cidr", one).unwrap()).collect();
    VirtualInterface {
        id: VirtualInterfaceId::parse("dxvif-ffaabbcc").unwrap(),
        name: "the \"Berlin\" site; } # ! $x".to_owned(),
        kind,
        lender: account.clone(),
        owner: account,
        connection: ConnectionId::parse("dxcon-ffaabbcc").unwrap(),
        location: LocationCode::parse("PAR1").unwrap(),
        edge: EdgeId::parse("par1-r1").unwrap(),
        port: PortName::parse("eth1").unwrap(),
        jumbo: true,
        simulated: false,
        vlan: Vlan::parse("vlan", 101).unwrap(),
        mtu: Mtu::parse("mtu", mtu, true).unwrap(),
        options: Options { route_filter_prefixes: prefixes, ..Options::default() },
        peers,
        attachment: None,
        phase: Phase::Confirming,
        created: Time::default(),
        expires: None,
        ended: None,
        test: None,
        moving: None,
    }
}

/// One of each: the families alone and together, of one customer AS number or two, jumbo frames, public prefixes.
fn interfaces() -> Vec<VirtualInterface> {
    let four = |asn| peer(AddressFamily::Ipv4, asn, EVERY_CHARACTER);
    let six = |asn| peer(AddressFamily::Ipv6, asn, THE_OTHERS);
    vec![
        interface(InterfaceKind::Private, 1500, vec![four(65_000)]),
        interface(InterfaceKind::Private, 9001, vec![six(4_200_000_001)]),
        interface(InterfaceKind::Transit, 8500, vec![six(65_000), four(65_000)]),
        interface(InterfaceKind::Private, 1500, vec![four(65_000), six(65_001)]),
        interface(InterfaceKind::Public, 1500, vec![four(65_000), six(65_000)]),
    ]
}

fn router(identifier: &str) -> RouterType {
    RouterType::parse("routerTypeIdentifier", Some(identifier)).unwrap()
}

/// Whether a program takes a configuration, and what it says.
fn check(text: &str, words: impl Fn(&Path) -> Command) -> Result<(), String> {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("configuration");
    fs::write(&file, text).unwrap();
    let done = words(&file).output().map_err(|error| error.to_string())?;
    let said = [done.stdout, done.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    // vtysh goes on after a line that it does not know.
    match done.status.success() && !said.contains("%") {
        true => Ok(()),
        false => Err(format!("{said}\n{text}")),
    }
}

fn bird(text: &str) -> Result<(), String> {
    check(text, |file| {
        let mut bird = Command::new("bird");
        bird.arg("-p").arg("-c").arg(file);
        bird
    })
}

fn frr(text: &str) -> Result<(), String> {
    check(text, |file| {
        let mut vtysh = Command::new("vtysh");
        vtysh.arg("-C").arg("-f").arg(file);
        vtysh
    })
}

#[test]
fn bird_reads_every_text() {
    for interface in interfaces() {
        let text = router_configuration(&interface, router("CZNIC-BIRD-BIRD2"));
        bird(&text).unwrap();
    }
    bird("protocol nothing { }\n").expect_err("the check finds what is wrong");
}

#[test]
fn frr_reads_every_text() {
    for interface in interfaces() {
        let text = router_configuration(&interface, router("FRRouting-FRR-FRR8"));
        frr(&text).unwrap();
    }
    frr("router bgp nothing\n").expect_err("the check finds what is wrong");
}

/// What every text must say, whatever the router.
#[test]
fn every_text_says_all_of_it() {
    for interface in interfaces() {
        for router in RouterType::all() {
            let text = router_configuration(&interface, router);
            let name = router.identifier();
            for peer in &interface.peers {
                for address in [peer.addresses.customer().addr(), peer.addresses.amazon().addr()] {
                    assert!(text.contains(&address.to_string()), "{name}: {address}\n{text}");
                }
                assert!(text.contains(&peer.asn.to_string()), "{name}\n{text}");
            }
            let ours = interface.amazon_asn().to_string();
            assert!(text.contains("101") && text.contains(&ours), "{name}\n{text}");
            assert!(text.contains("dxvif-ffaabbcc"), "{name}\n{text}");
            let is_document = text.starts_with("<?xml");
            assert_eq!(is_document, !router.xslt().is_empty(), "{name}");
            for prefix in interface.options.route_filter_prefixes.iter().filter(|_| !is_document) {
                let address = prefix.net().addr().to_string();
                assert!(text.contains(&address), "{name}: {prefix}\n{text}");
            }
        }
    }
}

#[test]
fn the_document_is_the_apis() {
    let peers = vec![
        peer(AddressFamily::Ipv6, 65_001, "<six>&'1"),
        peer(AddressFamily::Ipv4, 65_000, "0xfjord"),
    ];
    let interface = interface(InterfaceKind::Private, 1500, peers);
    let [four, six] = [&interface.peers[1].addresses, &interface.peers[0].addresses];
    let expected = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<logical_connection id=\"dxvif-ffaabbcc\">\n  <vlan>101</vlan>\n  \
         <customer_address>{}</customer_address>\n  <amazon_address>{}</amazon_address>\n  \
         <bgp_asn>65000</bgp_asn>\n  <bgp_auth_key>0xfjord</bgp_auth_key>\n  \
         <ipv6_customer_address>{}</ipv6_customer_address>\n  <ipv6_amazon_address>{}</ipv6_amazon_address>\n  \
         <ipv6_bgp_asn>65001</ipv6_bgp_asn>\n  <ipv6_bgp_auth_key>&lt;six&gt;&amp;&apos;1</ipv6_bgp_auth_key>\n  \
         <amazon_bgp_asn>64512</amazon_bgp_asn>\n  <connection_type>private</connection_type>\n</logical_connection>\n",
        four.customer(),
        four.amazon(),
        six.customer(),
        six.amazon()
    );
    assert_eq!(Document::of(&interface).to_string(), expected);
}

#[test]
fn an_unknown_router_is_refused_with_the_known_ones() {
    let fault = RouterType::parse("routerTypeIdentifier", Some("Acme-1")).unwrap_err().to_string();
    assert!(fault.starts_with("routerTypeIdentifier \"Acme-1\" is not a router type"), "{fault}");
    for router in RouterType::all() {
        assert!(fault.contains(router.identifier()), "{fault}");
    }
    let default = RouterType::parse("routerTypeIdentifier", None).unwrap();
    assert_eq!(default.identifier(), "CiscoSystemsInc-2900SeriesRouters-IOS124");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// No key ends the line, the text or the comment that it is in.
    #[test]
    fn routers_read_every_key(key in "[!#-~]{6,80}") {
        let keyed = interface(InterfaceKind::Private, 1500, vec![peer(AddressFamily::Ipv4, 65_000, &key)]);
        prop_assert_eq!(bird(&router_configuration(&keyed, router("CZNIC-BIRD-BIRD2"))), Ok(()));
        prop_assert_eq!(frr(&router_configuration(&keyed, router("FRRouting-FRR-FRR8"))), Ok(()));
    }
}
