//! The feed's bodies: what an answer carries, what packing keeps, and what happens to bytes that were not packed here.

use std::io::Write as _;
use std::str::FromStr as _;
use std::sync::Arc;

use linkway_domain::edge::{
    ConfigVersion, EdgeConfig, Inquiry, InterfaceConfig, PeerConfig, PortConfig, Question,
    RoutingDomainConfig, project,
};
use linkway_domain::id::EdgeId;
use linkway_wire::feed::packed::{self, BadEncoding, LARGEST, accepts, decode, encode};
use linkway_wire::feed::{
    AnswerError, AnswerHead, ConfigText, FORMAT, FormatMismatch, answer, read_answer,
};
use proptest::prelude::*;
use serde_json::json;

const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";

/// A configuration of so many interfaces, each with a key of its own.
fn config(generation: u64, interfaces: usize) -> EdgeConfig {
    let edge = EdgeId::from_str("par1-a").expect("an edge's id");
    let one = |nth: usize| -> InterfaceConfig {
        // As random as a drawn one, to whoever compresses it.
        let mut seed = nth as u64 + 1;
        let key: String = (0..24)
            .map(|_| {
                seed ^= seed << 13;
                seed ^= seed >> 7;
                seed ^= seed << 17;
                char::from(LETTERS[usize::try_from(seed >> 58).expect("6 bits")])
            })
            .collect();
        let (high, low) = (nth / 64, nth % 64 * 4);
        serde_json::from_value(json!({
            "virtualInterfaceId": format!("dxvif-{:08x}", nth.wrapping_mul(2_654_435_761) % (1 << 32)),
            "kind": "private", "interface": format!("eth{}", nth % 4), "vlan": nth % 4000 + 1,
            "mtu": 1500, "routingDomainId": format!("vgw-{:08x}", nth % 50),
            "peers": [{
                "bgpPeerId": format!("dxpeer-{nth:08x}"),
                "addresses": { "amazon": format!("172.16.{high}.{}/30", low + 1),
                               "customer": format!("172.16.{high}.{}/30", low + 2) },
                "asn": 65_000, "authKey": key,
            }],
        }))
        .expect("an interface")
    };
    let port = |nth: usize| -> PortConfig {
        let connection = format!("dxcon-{nth:08x}");
        serde_json::from_value(
            json!({ "interface": format!("eth{nth}"), "connectionId": connection }),
        )
        .expect("a port")
    };
    let domain = |nth: usize| -> RoutingDomainConfig {
        serde_json::from_value(json!({
            "routingDomainId": format!("vgw-{nth:08x}"), "amazonSideAsn": 64512, "cidrs": ["10.0.0.0/16"],
            "handoffs": [
                { "interface": format!("fabric.{nth}"), "nextHop": "192.0.2.1",
                  "fabricPeer": { "address": "192.0.2.1", "asn": 65_010, "authKey": "fjord-Secret-1" } },
                { "interface": format!("fabric.{nth}"), "nextHop": "2001:db8::1" },
            ],
        }))
        .expect("a routing domain")
    };
    EdgeConfig {
        ports: (0..4).map(port).collect(),
        routing_domains: (0..50).map(domain).map(Arc::new).collect(),
        interfaces: (0..interfaces).map(one).map(Arc::new).collect(),
        ..project(&edge, (1_790_000_000_000, generation), &[], &[], &[], &[], &[])
    }
}

/// With so many resets of its session.
fn reset(interface: &mut Arc<InterfaceConfig>, resets: u32) {
    let reset = |peer: &PeerConfig| PeerConfig { session_resets: resets, ..peer.clone() };
    let peers = interface.peers.iter().map(reset).collect();
    Arc::make_mut(interface).peers = peers;
}

fn head(text: &ConfigText) -> AnswerHead {
    let ConfigVersion { epoch, generation } = text.version();
    AnswerHead { format: FORMAT, epoch, generation, last_sequence: 7 }
}

#[test]
fn an_answer_is_read_as_it_was_written_to_the_byte() {
    let text = ConfigText::render(config(12, 3));
    let body = answer(head(&text), &[], Some(&text));
    let read = read_answer(body, None).expect("our own");
    assert_eq!((read.head, read.config), (head(&text), Some(text.clone())));
    // Another build's text is kept as it is too: members unknown here, other spaces.
    let odd = string(&text).replacen("{\"edgeId\"", "{ \"later\": [1],\n \"edgeId\"", 1);
    let body = format!(
        "{{\"config\": {odd}, \"generation\":12,\"epoch\":1790000000000,\"format\":{FORMAT}}}"
    );
    let read = read_answer(body.into_bytes(), None).expect("JSON").config.expect("there");
    assert_eq!((&read.text()[..], read.config()), (odd.as_bytes(), text.config()));
    assert_ne!(read.digest(), text.digest());
    assert_eq!(ConfigText::parse(odd).expect("a configuration"), read);
    let none = format!(r#"{{"format":{FORMAT},"epoch":1,"generation":2,"lastSequence":3}}"#);
    let read = read_answer(none.clone().into_bytes(), None).expect("an answer");
    let head = AnswerHead { format: FORMAT, epoch: 1, generation: 2, last_sequence: 3 };
    assert_eq!((read.head, read.config), (head, None));
    assert_eq!(answer(head, &[], None), none.into_bytes());
}

#[test]
fn inquiries_travel_with_and_without_a_configuration() {
    let text = ConfigText::render(config(12, 3));
    let virtual_interface_id = "dxvif-ffaabbcc".parse().expect("an id");
    let inquiries = [Inquiry { number: 7, question: Question::Routes { virtual_interface_id } }];
    for config in [None, Some(&text)] {
        let read = read_answer(answer(head(&text), &inquiries, config), None).expect("our own");
        assert_eq!((read.head, &read.inquiries[..]), (head(&text), &inquiries[..]));
        assert_eq!(read.config.as_ref(), config);
    }
}

/// The answers of a server of format 1 and of one that is ahead, with a configuration and without.
#[test]
fn an_answer_of_another_format_is_refused_with_the_side_to_upgrade() {
    let old = r#"{"epoch":1,"generation":2,"lastSequence":3,"config":{"edgeId":"par1-a","epoch":1,"generation":2,"ports":[],"gateways":[],"interfaces":[]}}"#;
    let quiet = r#"{"epoch":1,"generation":2,"lastSequence":3}"#;
    let config = ConfigText::render(config(12, 3));
    let ahead = AnswerHead { format: FORMAT + 1, ..head(&config) };
    let ahead = String::from_utf8(answer(ahead, &[], Some(&config))).expect("text");
    for (body, server) in [(old, 1), (quiet, 1), (&ahead, FORMAT + 1)] {
        let refused = read_answer(body.as_bytes().to_vec(), None);
        let mismatch = FormatMismatch { agent: FORMAT, server };
        assert_eq!(refused, Err(AnswerError::Format(mismatch)), "{body}");
    }
    let text = |agent, server| FormatMismatch { agent, server }.to_string();
    assert_eq!(
        text(2, 1),
        "the edge's agent has format 2 of the feed and the server has format 1: upgrade linkway on the server"
    );
    assert!(text(1, 2).ends_with("upgrade linkway on the edge router"));
}

#[test]
fn a_bad_answer_is_refused_without_showing_a_key() {
    let text = ConfigText::render(config(12, 3));
    let key = text.config().interfaces[0].peers[0].auth_key.reveal().to_owned();
    let body = String::from_utf8(answer(head(&text), &[], Some(&text))).expect("text");
    let table = [
        body.replacen("\"vlan\":1,", "\"vlan\":5000,", 1),
        body.replacen("\"authKey\":\"", "\"authKey\":\" ", 1),
        body.replacen("\"asn\":65000", "\"asn\":\"x\"", 1),
        body[..body.len() - 9].to_owned(),
        body.replacen("\"generation\":12", "\"generation\":13", 1),
        "[]".to_owned(),
        String::new(),
    ];
    let mut table: Vec<Vec<u8>> = table.map(String::into_bytes).into();
    table.push([body.as_bytes(), b"\xff"].concat());
    for bad in table {
        let begins = String::from_utf8_lossy(&bad[..bad.len().min(80)]).into_owned();
        let error = read_answer(bad, None).expect_err(&begins);
        assert!(!error.to_string().contains(&key), "{error}");
    }
    assert!(!format!("{text:?}").contains(&key));
}

/// What the feed costs at 1,000 interfaces: printed by `cargo test -p linkway-wire --test feed -- --nocapture`.
#[test]
fn a_change_of_one_interface_among_a_thousand_costs_few_bytes() {
    let before = ConfigText::render(config(1000, 1000));
    let mut more = config(1001, 1001);
    let added = more.interfaces.pop().expect("one more");
    more.interfaces.insert(417, added);
    let mut less = config(1001, 1000);
    less.interfaces.remove(300);
    let mut again = config(1001, 1000);
    reset(&mut again.interfaces[999], 1);
    for (what, after, most) in [("added", more, 400), ("removed", less, 250), ("reset", again, 250)]
    {
        let after = ConfigText::render(after);
        let body = answer(head(&after), &[], Some(&after));
        let (whole, change) = (encode(&body, None), encode(&body, Some(before.text())));
        let (json, alone, beside) = (body.len(), whole.len(), change.len());
        let sizes = format!("{what}: {json} B as JSON, {alone} B packed, {beside} B with a base");
        assert!(beside < most && alone < json / 4, "{sizes}");
        let held = Some((before.digest(), &before.text()[..]));
        let unpacked = packed::answer(change, Some("zstd"), Some(before.digest()), held);
        assert_eq!(unpacked.as_ref(), Ok(&body));
        assert_eq!(packed::answer(whole, Some("zstd"), None, held), unpacked);
        assert_eq!(packed::answer(body, None, None, held), unpacked);
    }
}

#[test]
fn headers_that_do_not_fit_are_errors() {
    let packed_body = encode(b"{}", None);
    let with_base = encode(b"{}{}{}{}", Some(b"{}{}{}{}"));
    let answer = packed::answer;
    assert_eq!(answer(packed_body.clone(), Some("gzip"), None, None), Err(BadEncoding::Unknown));
    assert_eq!(
        answer(packed_body, None, Some("d"), Some(("d", &b"t"[..]))),
        Err(BadEncoding::Unknown)
    );
    for held in [None, Some(("other", &b"{}{}{}{}"[..]))] {
        let refused = answer(with_base.clone(), Some("zstd"), Some("d"), held);
        assert_eq!(refused, Err(BadEncoding::NoBase));
    }
}

#[test]
fn another_base_is_noticed() {
    let (old, new) = (ConfigText::render(config(1, 200)), ConfigText::render(config(2, 201)));
    let change = encode(new.text(), Some(old.text()));
    let other = string(&old).replacen("65000", "65001", 40);
    for base in [None, Some(other.as_bytes()), Some(&new.text()[1..])] {
        assert_eq!(decode(&change, base, LARGEST), Err(BadEncoding::Damaged));
    }
}

#[test]
fn what_unpacks_to_too_much_is_refused_before_it_is_all_there() {
    let bomb = encode(&vec![b' '; 50 << 20], None);
    assert!(bomb.len() < 10_000);
    assert_eq!(decode(&bomb, None, 1 << 20), Err(BadEncoding::TooLarge(1 << 20)));
    // One that does not say how much it is is none of ours.
    let mut silent = zstd::stream::Encoder::new(Vec::new(), 3).expect("an encoder");
    silent.write_all(&vec![b' '; 50 << 20]).expect("into memory");
    let silent = silent.finish().expect("into memory");
    assert_eq!(decode(&silent, None, 1 << 20), Err(BadEncoding::Damaged));
    let small = encode(&vec![b' '; 4_000_000], None);
    assert_eq!(decode(&small, None, 3_000_000), Err(BadEncoding::TooLarge(3_000_000)));
    // Exactly at the limit, and one byte over it.
    let text = vec![b'x'; 4096];
    assert_eq!(decode(&encode(&text, None), None, 4096), Ok(text.clone()));
    assert_eq!(decode(&encode(&text, None), None, 4095), Err(BadEncoding::TooLarge(4095)));
    let twice = [encode(b"a", None), encode(b"b", None)].concat();
    assert_eq!(decode(&twice, None, 4096), Err(BadEncoding::Trailing));
    for cut in 0..twice.len() / 2 {
        assert_eq!(decode(&twice[..cut], None, 4096), Err(BadEncoding::Damaged), "{cut}");
    }
}

#[test]
fn a_header_allows_zstd_or_not() {
    let table = [
        ("zstd", true),
        ("gzip, ZSTD;q=0.5", true),
        ("zstd; q=1", true),
        ("zstd;q=0", false),
        ("zstd; q=0.0, gzip", false),
        ("gzip, deflate, br", false),
        ("identity", false),
        ("", false),
        ("zstdx", false),
    ];
    for (header, expected) in table {
        assert_eq!(accepts(header), expected, "{header}");
    }
}

/// Configurations of few interfaces, any of which may be there, be changed or not.
fn any_config() -> impl Strategy<Value = EdgeConfig> {
    let kept = prop::collection::vec((prop::bool::weighted(0.8), 0..2_u32), 12);
    (0..9_u64, kept, 0..50_usize, 0..4_usize).prop_map(|(generation, kept, domains, ports)| {
        let mut config = config(generation, kept.len());
        config.interfaces.sort_by(|a, b| a.virtual_interface_id.cmp(&b.virtual_interface_id));
        for (interface, (_, resets)) in config.interfaces.iter_mut().zip(&kept) {
            reset(interface, *resets);
        }
        let mut kept = kept.into_iter();
        config.interfaces.retain(|_| kept.next().is_some_and(|(kept, _)| kept));
        config.routing_domains.truncate(domains);
        config.ports.truncate(ports);
        config
    })
}

fn string(config: &ConfigText) -> String {
    String::from_utf8(config.text().to_vec()).expect("UTF-8")
}

/// What of a text is another build's, or wrong.
fn altered(text: &str, how: usize) -> String {
    match how {
        0 => text.replacen(",\"interfaces\":[", ", \"interfaces\":[ ", 1),
        1 => text.replacen("{\"edgeId\"", "{\"later\":\",\\\"routingDomains\\\":[\",\"edgeId\"", 1),
        2 => text.replacen("\"vlan\":3,", "\"vlan\":3,\"later\":[{}],", 1),
        3 => text.replacen("},{", "}, {", 2),
        4 => text.replacen("\"vlan\":", "\"vlan\":9", 1),
        5 => text.replacen("}]", "},]", 1),
        6 => format!("{text} "),
        7 => text.replacen("{\"edgeId\"", "{\"interfaces\":[],\"edgeId\"", 1),
        _ => text.to_owned(),
    }
}

proptest! {
    /// What is taken over from the held configuration is what would be read.
    #[test]
    fn an_answer_is_read_the_same_whatever_is_held(
        before in any_config(), next in any_config(), how in 0..16_usize, held_how in 0..16_usize
    ) {
        let held = ConfigText::parse(altered(&string(&ConfigText::render(before)), held_how)).ok();
        let rendered = ConfigText::render(next);
        let head = serde_json::to_string(&head(&rendered)).expect("text");
        let text = altered(&string(&rendered), how);
        let body = format!("{},\"config\":{text}}}", head.strip_suffix('}').expect("an object"));
        let whole: Result<EdgeConfig, _> = serde_json::from_str(&text);
        let read = read_answer(body.into_bytes(), held.as_ref());
        prop_assert_eq!(read.is_ok(), whole.is_ok());
        if let (Ok(read), Ok(whole)) = (read, whole) {
            let read = read.config.expect("there");
            prop_assert_eq!(&**read.config(), &whole);
            prop_assert_eq!(read.text().trim_ascii(), text.trim().as_bytes());
            // Also by the next one, and with what is shared shared.
            let again = ConfigText::render(whole);
            let body = answer(self::head(&again), &[], Some(&again));
            let once = read_answer(body.clone(), Some(&read)).expect("our own").config.expect("there");
            prop_assert_eq!(once.config(), read.config());
            let twice = read_answer(body, Some(&once)).expect("our own").config.expect("there");
            let pairs = twice.config().interfaces.iter().zip(&once.config().interfaces);
            prop_assert!(pairs.into_iter().all(|(a, b)| Arc::ptr_eq(a, b)));
        }
    }

    #[test]
    fn what_was_packed_unpacks_to_the_same(
        text in prop::collection::vec(any::<u8>(), 0..3000),
        base in prop::option::of(prop::collection::vec(any::<u8>(), 0..3000)),
    ) {
        let packed = encode(&text, base.as_deref());
        prop_assert_eq!(decode(&packed, base.as_deref(), 3000), Ok(text));
    }

    #[test]
    fn whatever_arrives_unpacks_within_bounds_or_not_at_all(
        bytes in prop::collection::vec(any::<u8>(), 0..600),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
        base in prop::option::of(prop::collection::vec(any::<u8>(), 0..600)),
    ) {
        let _ = decode(&bytes, base.as_deref(), 100);
        let mut damaged = encode(&bytes, base.as_deref());
        for (at, value) in flips {
            let at = at.index(damaged.len());
            damaged[at] = value;
        }
        if let Ok(text) = decode(&damaged, base.as_deref(), 1000) {
            prop_assert!(text.len() <= 1000);
        }
    }
}
