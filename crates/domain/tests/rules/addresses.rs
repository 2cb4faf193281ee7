//! The two addresses of a session.

use std::collections::BTreeSet;

use expect_test::expect;
use linkway_domain::Fault;
use linkway_domain::net::{AddressFamily, PeerAddresses};
use proptest::prelude::*;

use super::table;

/// `amazon customer`, a hyphen standing for none; with `ipv6` before them for the other family.
fn addresses(text: &str) -> Result<String, Fault> {
    let (family, text) = match text.strip_prefix("ipv6 ") {
        Some(rest) => (AddressFamily::Ipv6, rest),
        None => (AddressFamily::Ipv4, text),
    };
    let (amazon, customer) = text.split_once(' ').expect("two words");
    let given = |text| Some(text).filter(|text| *text != "-");
    let parsed = PeerAddresses::parse("new", family, given(amazon), given(customer))?;
    Ok(parsed.map_or("the service chooses".to_owned(), |a| {
        format!("{} {} in {}", a.amazon(), a.customer(), a.pieces().join(" "))
    }))
}

#[test]
fn addresses_that_are_taken() {
    table(
        [
            "172.16.0.1/30 172.16.0.2/30",
            "172.16.0.2/30 172.16.0.1/30",
            "172.16.0.0/31 172.16.0.1/31",
            "172.16.0.3/31 172.16.0.2/31",
            "169.254.0.1/30 169.254.0.2/30",
            "8.8.8.9/30 8.8.8.10/30",
            "223.255.255.253/30 223.255.255.254/30",
            "1.0.0.0/31 1.0.0.1/31",
            "- -",
            "ipv6 - -",
        ],
        |text| addresses(text),
        expect![[r#"
            172.16.0.1/30 172.16.0.2/30 -> 172.16.0.1/30 172.16.0.2/30 in ac100000 ac100002
            172.16.0.2/30 172.16.0.1/30 -> 172.16.0.2/30 172.16.0.1/30 in ac100000 ac100002
            172.16.0.0/31 172.16.0.1/31 -> 172.16.0.0/31 172.16.0.1/31 in ac100000
            172.16.0.3/31 172.16.0.2/31 -> 172.16.0.3/31 172.16.0.2/31 in ac100002
            169.254.0.1/30 169.254.0.2/30 -> 169.254.0.1/30 169.254.0.2/30 in a9fe0000 a9fe0002
            8.8.8.9/30 8.8.8.10/30 -> 8.8.8.9/30 8.8.8.10/30 in 08080808 0808080a
            223.255.255.253/30 223.255.255.254/30 -> 223.255.255.253/30 223.255.255.254/30 in dffffffc dffffffe
            1.0.0.0/31 1.0.0.1/31 -> 1.0.0.0/31 1.0.0.1/31 in 01000000
            - - -> the service chooses
            ipv6 - - -> the service chooses
        "#]],
    );
}

#[test]
fn addresses_that_are_refused() {
    table(
        [
            "172.16.0.1/30 172.16.0.2/30)",
            "172.16.0.1/30 172.16.0.010/30",
            "172.16.0.1 172.16.0.2",
            "172.16.0.1/30 172.16.0.2",
            "172.16.0.256/30 172.16.0.2/30",
            "172.16.0.01/30 172.16.0.2/30",
            "172.16.0.1/33 172.16.0.2/33",
            "172.16.0.1/030 172.16.0.2/30",
            "172.16.0.1/-30 172.16.0.2/30",
            "2001:db8::1/125 2001:db8::2/125",
            "::ffff:172.16.0.1/126 172.16.0.2/30",
            "172.16.0.1/29 172.16.0.2/29",
            "172.16.0.1/32 172.16.0.2/32",
            "172.16.0.1/30 172.16.0.2/31",
            "172.16.0.2/31 172.16.0.1/30",
            "172.16.0.0/30 172.16.0.1/30",
            "172.16.0.1/30 172.16.0.0/30",
            "172.16.0.3/30 172.16.0.2/30",
            "172.16.0.1/30 172.16.0.3/30",
            "172.16.0.1/30 172.16.0.5/30",
            "172.16.0.1/31 172.16.0.2/31",
            "172.16.0.1/30 172.16.0.1/30",
            "172.16.0.1/31 172.16.0.1/31",
            "172.16.0.1/30 -",
            "- 172.16.0.2/30",
            "127.0.0.1/30 127.0.0.2/30",
            "224.0.0.1/30 224.0.0.2/30",
            "240.0.0.1/30 240.0.0.2/30",
            "255.255.255.254/31 255.255.255.255/31",
            "0.0.0.0/31 0.0.0.1/31",
            "ipv6 172.16.0.1/30 172.16.0.2/30",
            "ipv6 2001:db8::1/125 2001:db8::2/125",
            "ipv6 2001:db8::1/125 -",
        ],
        |text| addresses(text),
        expect![[r#"
            new.customerAddress "172.16.0.2/30)" is not an IPv4 address with a prefix length: it must look like 172.16.0.1/30.
            new.customerAddress "172.16.0.010/30" is not an IPv4 address with a prefix length: it must look like 172.16.0.1/30.
            new.amazonAddress "172.16.0.1" is not an IPv4 address with a prefix length: it must look like 172.16.0.1/30.
            new.customerAddress "172.16.0.2" is not an IPv4 address with a prefix length: it must look like 172.16.0.1/30.
            new.amazonAddress "172.16.0.256/30" is not an IPv4 address with a prefix length: it must look like 172.16.0.1/30.
            new.amazonAddress "172.16.0.01/30" is not an IPv4 address with a prefix length: it must look like 172.16.0.1/30.
            new.amazonAddress "172.16.0.1/33" is not an IPv4 address with a prefix length: it must look like 172.16.0.1/30.
            new.amazonAddress "172.16.0.1/030" is not an IPv4 address with a prefix length: it must look like 172.16.0.1/30.
            new.amazonAddress "172.16.0.1/-30" is not an IPv4 address with a prefix length: it must look like 172.16.0.1/30.
            new.amazonAddress "2001:db8::1/125" is not an IPv4 address with a prefix length: it must look like 172.16.0.1/30.
            new.amazonAddress "::ffff:172.16.0.1/126" is not an IPv4 address with a prefix length: it must look like 172.16.0.1/30.
            new.amazonAddress "172.16.0.1/29" must be in a subnet of prefix length /30 or /31.
            new.amazonAddress "172.16.0.1/32" must be in a subnet of prefix length /30 or /31.
            new.customerAddress "172.16.0.2/31" must have the same prefix length as amazonAddress 172.16.0.1/30.
            new.customerAddress "172.16.0.1/30" must have the same prefix length as amazonAddress 172.16.0.2/31.
            new.amazonAddress "172.16.0.0/30" is address 0 on its subnet: the network address cannot be a host.
            new.customerAddress "172.16.0.0/30" is address 0 on its subnet: the network address cannot be a host.
            new.amazonAddress "172.16.0.3/30" is the broadcast address on its subnet and cannot be a host.
            new.customerAddress "172.16.0.3/30" is the broadcast address on its subnet and cannot be a host.
            new.customerAddress "172.16.0.5/30" must be in the same subnet as amazonAddress: 172.16.0.0/30.
            new.customerAddress "172.16.0.2/31" must be in the same subnet as amazonAddress: 172.16.0.0/31.
            new.customerAddress "172.16.0.1/30" must differ from amazonAddress.
            new.customerAddress "172.16.0.1/31" must differ from amazonAddress.
            new.amazonAddress "172.16.0.1/30" is given without customerAddress: give both addresses or none.
            new.customerAddress "172.16.0.2/30" is given without amazonAddress: give both addresses or none.
            new.amazonAddress "127.0.0.1/30" must be a unicast address that a router can have.
            new.amazonAddress "224.0.0.1/30" must be a unicast address that a router can have.
            new.amazonAddress "240.0.0.1/30" must be a unicast address that a router can have.
            new.amazonAddress "255.255.255.254/31" must be a unicast address that a router can have.
            new.amazonAddress "0.0.0.0/31" must be a unicast address that a router can have.
            new.amazonAddress "172.16.0.1/30" must be absent: the service assigns IPv6 peer addresses (a /125) itself.
            new.amazonAddress "2001:db8::1/125" must be absent: the service assigns IPv6 peer addresses (a /125) itself.
            new.amazonAddress "2001:db8::1/125" is given without customerAddress: give both addresses or none.
        "#]],
    );
}

#[test]
fn address_families() {
    table(
        ["", "ipv4", "ipv6", "IPv4", "ipv5"],
        |text| {
            let given = Some(*text).filter(|text| !text.is_empty());
            AddressFamily::parse("new.addressFamily", given).map(AddressFamily::as_str)
        },
        expect![[r#"
             -> ipv4
            ipv4 -> ipv4
            ipv6 -> ipv6
            new.addressFamily "IPv4" must be ipv4 or ipv6.
            new.addressFamily "ipv5" must be ipv4 or ipv6.
        "#]],
    );
}

#[test]
fn the_services_own_subnets() {
    let subnets: BTreeSet<_> =
        (0..16_384).map(|index| PeerAddresses::link_local(index).amazon().trunc()).collect();
    assert_eq!(subnets.len(), 16_384, "each /30 of 169.254.0.0/16 once");
    table(
        [0, 1, 16_383, 16_384, u64::MAX],
        |index| {
            let a = PeerAddresses::link_local(*index);
            addresses(&format!("{} {}", a.amazon(), a.customer()))
        },
        expect![[r#"
            0 -> 169.254.0.1/30 169.254.0.2/30 in a9fe0000 a9fe0002
            1 -> 169.254.0.5/30 169.254.0.6/30 in a9fe0004 a9fe0006
            16383 -> 169.254.255.253/30 169.254.255.254/30 in a9fefffc a9fefffe
            16384 -> 169.254.0.1/30 169.254.0.2/30 in a9fe0000 a9fe0002
            18446744073709551615 -> 169.254.255.253/30 169.254.255.254/30 in a9fefffc a9fefffe
        "#]],
    );
    table(
        [0, 1, u64::MAX],
        |draw| {
            let a = PeerAddresses::unique_local(*draw);
            Ok(format!(
                "{} {} in {} {}",
                a.amazon(),
                a.customer(),
                a.pieces().join(" "),
                a.family().as_str()
            ))
        },
        expect![[r#"
            0 -> fd6c:696e:6b77::1/125 fd6c:696e:6b77::2/125 in fd6c696e6b7700000000000000000000 ipv6
            1 -> fd6c:696e:6b77::9/125 fd6c:696e:6b77::a/125 in fd6c696e6b7700000000000000000008 ipv6
            18446744073709551615 -> fd6c:696e:6b77:7:ffff:ffff:ffff:fff9/125 fd6c:696e:6b77:7:ffff:ffff:ffff:fffa/125 in fd6c696e6b770007fffffffffffffff8 ipv6
        "#]],
    );
}

proptest! {
    #[test]
    fn two_subnets_share_a_piece_exactly_if_they_overlap(
        (one, other) in (0..64_u32, 0..64_u32),
        (long, other_long) in (any::<bool>(), any::<bool>()),
    ) {
        let subnet = |offset: u32, long: bool| {
            let (first, length) = if long { (offset * 2, 31) } else { (offset / 2 * 4 + 1, 30) };
            let [amazon, customer] = [first, first + 1].map(|host| {
                let address = std::net::Ipv4Addr::from(0xac10_0000 + host);
                format!("{address}/{length}")
            });
            PeerAddresses::parse("new", AddressFamily::Ipv4, Some(&amazon), Some(&customer))
                .expect("usable hosts").expect("are given")
        };
        let (one, other) = (subnet(one, long), subnet(other, other_long));
        let (net, other_net) = (one.amazon().trunc(), other.amazon().trunc());
        let overlap = net.contains(&other_net) || other_net.contains(&net);
        let shared = one.pieces().iter().any(|piece| other.pieces().contains(piece));
        prop_assert_eq!(overlap, shared, "{} {}", net, other_net);
    }
}
