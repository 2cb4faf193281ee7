//! Tests on bytes that a kernel sent, and on the bytes that it is sent.
//!
//! `recorded.txt` was taken after `ip link add vgw-a type vrf table 722400001`, `ip link add link port0 name dxvif-a type vlan
//! id 101`, both in group 7224 and up, the VLAN in the VRF with alias "lent by 1 to 2", forwarding, rp_filter 1, arp_ignore 1, no
//! send_redirects, addrgenmode none, keep_addr_on_down, 169.254.0.1/30, 2001:db8::1/126, and the routes that are tested.

use netlink_packet_core::{NetlinkMessage, NetlinkPayload};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::link::{LinkAttribute, LinkFlags};

use super::picture::{Everything, RoutesFound, picture};
use super::record::{KindRecord, LinkRecord, RouteRecord, WayRecord};
use super::reply::{self, Body, Outcome, RouteSeen, frames};
use super::request::{self, NewVlan, Request};
use super::request_route::{self, OtherKey, RouteParts, WayParts};
use super::{reply_filter, reply_link, reply_rule};
use crate::fence::Direction;
use crate::kernel::{LinkConf, LinkKind, Way};
use crate::mark::Marks;

const TABLE: u32 = 722_400_001;

const CONF: LinkConf = LinkConf {
    forwarding: true,
    rp_filter: 1,
    send_redirects: false,
    accept_redirects: true,
    arp_ignore: 1,
    link_local: false,
    keep_addresses: true,
    lenient: true,
};

fn recorded(name: &str) -> Vec<u8> {
    let text = include_str!("recorded.txt");
    let lines = text.lines().skip_while(|line| *line != format!("{name}:")).skip(1);
    let digits: String = lines.take_while(|line| line.starts_with(' ')).map(str::trim).collect();
    assert!(!digits.is_empty(), "{name} is not recorded");
    bytes(&digits)
}

fn bytes(digits: &str) -> Vec<u8> {
    let digits: Vec<char> = digits.chars().filter(|c| !c.is_whitespace()).collect();
    let byte = |pair: &[char]| u8::from_str_radix(&pair.iter().collect::<String>(), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

fn link(datagram: &[u8]) -> LinkRecord {
    match frames(datagram).unwrap().remove(0).body {
        Body::Link(body) => reply_link::link(body).unwrap().unwrap(),
        other => panic!("{other:?}"),
    }
}

fn routes(datagram: &[u8]) -> Vec<RouteRecord> {
    let ours = |table, protocol| table == TABLE && protocol != 2;
    let seen = frames(datagram).unwrap().into_iter().filter_map(|frame| match frame.body {
        Body::Route(body) => Some(reply::route(body, ours).unwrap()),
        _ => None,
    });
    seen.filter_map(|seen| match seen {
        RouteSeen::Wanted(route) => Some(route),
        RouteSeen::Kernels(_) | RouteSeen::Foreign | RouteSeen::Nothing => None,
    })
    .collect()
}

#[test]
fn a_vlan() {
    let seen = link(&recorded("vlan"));
    assert_eq!(seen.name, "dxvif-a");
    assert_eq!(seen.kind, KindRecord::Vlan { vlan: 101 });
    assert_eq!((seen.mtu, seen.up, seen.carrier, seen.group), (1500, true, true, 7224));
    assert_eq!(seen.alias, "lent by 1 to 2");
    assert_eq!(seen.conf, CONF);
    let vrf = link(&recorded("vrf"));
    assert_eq!(vrf.kind, KindRecord::Vrf { table: TABLE });
    assert_eq!((vrf.master, seen.master), (None, Some(vrf.index)));
    assert!(seen.parent.is_some() && seen.traffic.packets_out > 0);
}

/// The walk finds what the crate's full parse finds.
#[test]
fn the_walk_agrees_with_the_full_parse() {
    for name in ["vlan", "vrf"] {
        let datagram = recorded(name);
        let walked = link(&datagram);
        let message = NetlinkMessage::<RouteNetlinkMessage>::deserialize(&datagram).unwrap();
        let NetlinkPayload::InnerMessage(RouteNetlinkMessage::NewLink(full)) = message.payload
        else {
            panic!("{name} is no link");
        };
        assert_eq!(full.header.index, walked.index);
        assert_eq!(full.header.flags.contains(LinkFlags::LowerUp), walked.carrier);
        for attribute in full.attributes {
            match attribute {
                LinkAttribute::IfName(value) => assert_eq!(value, walked.name),
                LinkAttribute::Mtu(value) => assert_eq!(value, walked.mtu),
                LinkAttribute::Link(value) => assert_eq!(Some(value), walked.parent),
                LinkAttribute::Controller(value) => assert_eq!(Some(value), walked.master),
                LinkAttribute::Group(value) => assert_eq!(value, walked.group),
                LinkAttribute::IfAlias(value) => assert_eq!(value, walked.alias),
                LinkAttribute::Stats64(value) => {
                    assert_eq!(value.rx_packets, walked.traffic.packets_in);
                    assert_eq!(value.tx_bytes, walked.traffic.bytes_out);
                }
                _ => (),
            }
        }
    }
}

#[test]
fn the_picture() {
    let links = vec![link(&recorded("vlan")), link(&recorded("vrf"))];
    let datagram = recorded("addresses");
    let bodies = frames(&datagram).unwrap().into_iter().filter_map(|frame| match frame.body {
        Body::Address(body) => reply::address(body).unwrap(),
        _ => None,
    });
    let addresses = bodies.collect();
    let routes = RoutesFound { routes: routes(&recorded("routes")), ..RoutesFound::default() };
    let everything = Everything { links, addresses, routes, ..Everything::default() };
    let (kernel, index) = picture(everything, &Marks::default());
    let vlan = &kernel.links["dxvif-a"];
    assert_eq!(vlan.master.as_deref(), Some("vgw-a"));
    // port0 is not recorded.
    assert_eq!(vlan.kind, LinkKind::Vlan { parent: None, vlan: 101 });
    let addresses: Vec<String> = vlan.addresses.iter().map(ToString::to_string).collect();
    assert_eq!(addresses, ["169.254.0.1/30", "2001:db8::1/126"]);
    let via = |next_hop: &str| Way::Via {
        next_hop: next_hop.parse().unwrap(),
        link: "dxvif-a".to_owned(),
    };
    let seen: Vec<(String, u32, u8, Way)> = kernel
        .routes
        .into_iter()
        .map(|route| (route.prefix.to_string(), route.metric, route.protocol, route.way))
        .collect();
    let expected = [
        ("0.0.0.0/0", 4_278_198_272, 172, Way::Unreachable),
        ("10.1.0.0/16", 20, 172, via("169.254.0.2")),
        ("10.3.0.0/16", 20, 172, via("2001:db8::2")),
        ("10.9.0.0/16", 0, 77, Way::Other),
        ("2001:db8:1::/48", 20, 172, via("2001:db8::2")),
    ];
    let expected = expected.map(|(prefix, metric, by, way)| (prefix.to_owned(), metric, by, way));
    assert_eq!(seen, expected);
    assert_eq!(index.odd_routes.values().collect::<Vec<_>>(), [&vec![OtherKey::default()]]);
}

#[test]
fn errors_with_the_kernels_words() {
    let check = |name: &str, errno: i32, text: &str| {
        let datagram = recorded(name);
        match &frames(&datagram).unwrap()[0].body {
            Body::Outcome(outcome) => {
                assert_eq!(*outcome, Outcome { errno, text: text.to_owned() });
            }
            other => panic!("{other:?}"),
        }
    };
    check("no-link", 19, "");
    check("vlan-taken", 17, "8021q: VLAN device already exists");
}

/// Bytes that are cut off or changed are an error or another value, never a panic.
#[test]
fn nothing_panics_on_damaged_bytes() {
    let read = |datagram: &[u8]| {
        for frame in frames(datagram).unwrap_or_default() {
            match frame.body {
                Body::Link(body) => drop(reply_link::link(body)),
                Body::Address(body) => drop(reply::address(body)),
                Body::Route(body) => {
                    drop(reply::route(body, |_, _| true));
                    drop(reply::table_of(body));
                }
                Body::Rule(body) => drop(reply_rule::rule(body)),
                Body::Filter(body) => drop(reply_filter::filter(body, Direction::Ingress)),
                Body::Qdisc(body) => drop(reply_filter::place(body)),
                Body::Netconf(body) => drop(reply::link_of_netconf(body)),
                Body::Outcome(_) | Body::End(_) | Body::Something => (),
            }
        }
    };
    for name in ["vlan", "vrf", "addresses", "routes", "no-link", "vlan-taken"] {
        let whole = recorded(name);
        for at in 0..whole.len() {
            read(&whole[..at]);
            for damage in [0x00, 0x01, 0x80, 0xff] {
                let mut damaged = whole.clone();
                damaged[at] ^= damage;
                read(&damaged);
                damaged[at] = damage;
                read(&damaged);
            }
        }
    }
}

fn check_request(request: Request, expected: &str) {
    let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
    assert_eq!(hex(&request.numbered(7)), hex(&bytes(expected)));
}

#[cfg(target_endian = "little")]
#[test]
fn requests() {
    // Header, interface, then one attribute a line.
    check_request(
        request::add_vlan(&NewVlan {
            link: "dxvif-a",
            parent: 5,
            vlan: 101,
            master: 7,
            mtu: 1500,
            group: 7224,
        }),
        "68000000 1000 0506 07000000 00000000  00000000 00000000 00000000 00000000
         0c00 0300 64787669662d6100  0800 0500 05000000  0800 0400 dc050000
         0800 1b00 381c0000          0800 0a00 07000000
         1c00 1200  0900 0100 766c616e00000000  0c00 0200  0600 0100 65000000",
    );
    check_request(
        request::delete_link(9),
        "20000000 1100 0500 07000000 00000000  00000000 09000000 00000000 00000000",
    );
    check_request(
        request::set_alias("a", "é"),
        "30000000 1300 0500 07000000 00000000  00000000 00000000 00000000 00000000
         0600 0300 61000000  0600 1400 c3a90000",
    );
    check_request(
        request::set_conf_v4("a", CONF),
        "54000000 1300 0500 07000000 00000000  00000000 00000000 00000000 00000000
         0600 0300 61000000  2c00 1a00  2800 0200  2400 0180
         0800 0400 01000000  0800 0600 00000000  0800 0800 01000000  0800 1300 01000000",
    );
    check_request(
        request::add_address(3, "2001:db8::1/126".parse().unwrap()),
        "40000000 1400 0506 07000000 00000000  0a 7e 02 00 03000000
         1400 0200 20010db8000000000000000000000001  1400 0100 20010db8000000000000000000000001",
    );
    let via = WayParts::Via { next_hop: "10.0.0.2".parse().unwrap(), link: 3 };
    let prefix = "10.1.0.9/16".parse().unwrap();
    let route = RouteParts { table: TABLE, prefix, metric: 20, protocol: 172, way: via };
    check_request(
        request_route::add_route(&route).unwrap(),
        "44000000 1800 0505 07000000 00000000  02 10 00 00 00 ac 00 01 04000000
         0800 0100 0a010000  0800 0f00 01f30e2b  0800 0600 14000000
         0800 0500 0a000002  0800 0400 03000000",
    );
    check_request(
        request_route::delete_route(&RouteParts { way: WayParts::Other(&[]), ..route }).remove(0),
        "34000000 1900 0500 07000000 00000000  02 10 00 00 00 ac ff 00 00000000
         0800 0100 0a010000  0800 0f00 01f30e2b  0800 0600 14000000",
    );
}

#[test]
fn an_unknown_way_is_recognised_by_what_it_leaves_out() {
    let datagram = recorded("routes");
    let several = routes(&datagram).into_iter().filter(|route| route.way == WayRecord::Other);
    assert_eq!(several.count(), 1);
}
