//! Numbers and keys of a session, ports, prefixes.

use std::time::Duration;

use expect_test::expect;
use linkway_domain::net::{Asn, AuthKey, Bandwidth, GatewayAsn, Mtu, NextHop, Prefix, Vlan};
use linkway_domain::seed::Seed;
use linkway_domain::settings::Settings;

use super::table;

#[test]
fn vlans() {
    table(
        [1, 2, 101, 4093, 4094, 0, 4095, 4096, -1, i64::MAX, i64::MIN],
        |number| Vlan::parse("new.vlan", *number),
        expect![[r#"
            1 -> 1
            2 -> 2
            101 -> 101
            4093 -> 4093
            4094 -> 4094
            new.vlan "0" must be from 1 to 4094: 0 marks a frame that carries only a priority (IEEE 802.1Q).
            new.vlan "4095" must be from 1 to 4094: 4095 is reserved (IEEE 802.1Q).
            new.vlan "4096" must be from 1 to 4094: a VLAN identifier has 12 bits, so 4096 does not exist (IEEE 802.1Q).
            new.vlan "-1" must be from 1 to 4094 (IEEE 802.1Q).
            new.vlan "9223372036854775807" must be from 1 to 4094 (IEEE 802.1Q).
            new.vlan "-9223372036854775808" must be from 1 to 4094 (IEEE 802.1Q).
        "#]],
    );
}

#[test]
fn as_numbers() {
    let numbers = [
        1,
        23_455,
        23_456,
        23_457,
        64_512,
        65_534,
        65_535,
        65_536,
        2_147_483_646,
        2_147_483_647,
        4_294_967_294,
        4_294_967_295,
        4_294_967_296,
        0,
        -1,
    ];
    let read_back = |asn: Asn| format!("{asn} (asn {}, asnLong {})", asn.in_asn(), asn.number());
    table(
        numbers,
        |number| Asn::parse("new", None, Some(*number)).map(read_back),
        expect![[r#"
            1 -> 1 (asn 1, asnLong 1)
            23455 -> 23455 (asn 23455, asnLong 23455)
            new.asnLong "23456" must not be AS_TRANS, which stands for a 4-byte number (RFC 6793).
            23457 -> 23457 (asn 23457, asnLong 23457)
            64512 -> 64512 (asn 64512, asnLong 64512)
            65534 -> 65534 (asn 65534, asnLong 65534)
            new.asnLong "65535" must be from 1 to 4294967294 and is reserved (RFC 7300).
            65536 -> 65536 (asn 65536, asnLong 65536)
            2147483646 -> 2147483646 (asn 2147483646, asnLong 2147483646)
            2147483647 -> 2147483647 (asn 0, asnLong 2147483647)
            4294967294 -> 4294967294 (asn 0, asnLong 4294967294)
            new.asnLong "4294967295" must be from 1 to 4294967294 and is reserved (RFC 7300).
            new.asnLong "4294967296" must be from 1 to 4294967294.
            new.asnLong "0" must be from 1 to 4294967294.
            new.asnLong "-1" must be from 1 to 4294967294.
        "#]],
    );
    // What `asn` takes, `asn` gives back: a client that knows no other member never loses the number.
    table(
        numbers,
        |number| Asn::parse("new", Some(*number), None).map(read_back),
        expect![[r#"
            1 -> 1 (asn 1, asnLong 1)
            23455 -> 23455 (asn 23455, asnLong 23455)
            new.asn "23456" must not be AS_TRANS, which stands for a 4-byte number (RFC 6793).
            23457 -> 23457 (asn 23457, asnLong 23457)
            64512 -> 64512 (asn 64512, asnLong 64512)
            65534 -> 65534 (asn 65534, asnLong 65534)
            new.asn "65535" must be from 1 to 2147483646 and is reserved (RFC 7300).
            65536 -> 65536 (asn 65536, asnLong 65536)
            2147483646 -> 2147483646 (asn 2147483646, asnLong 2147483646)
            new.asn "2147483647" must be from 1 to 2147483646: give a greater number in asnLong.
            new.asn "4294967294" must be from 1 to 2147483646: give a greater number in asnLong.
            new.asn "4294967295" must be from 1 to 2147483646 and is reserved (RFC 7300).
            new.asn "4294967296" must be from 1 to 2147483646.
            new.asn "0" must be from 1 to 2147483646.
            new.asn "-1" must be from 1 to 2147483646.
        "#]],
    );
    table(
        [
            "none",
            "asn 7",
            "asnLong 8",
            "asn 7 and asnLong 8",
            "asn 0 and asnLong 8",
            "asn 7 and asnLong 0",
        ],
        |given| {
            let number = |name: &str| {
                given.split(" and ").find_map(|part| part.strip_prefix(name)?.trim().parse().ok())
            };
            Asn::parse("new", number("asn "), number("asnLong "))
        },
        expect![[r#"
            new.asn is required: give asn, from 1 to 2147483646, or asnLong, from 1 to 4294967294.
            asn 7 -> 7
            asnLong 8 -> 8
            asn 7 and asnLong 8 -> 8
            asn 0 and asnLong 8 -> 8
            new.asnLong "0" must be from 1 to 4294967294.
        "#]],
    );
}

#[test]
fn as_numbers_of_gateways() {
    let numbers = [
        64_511,
        64_512,
        65_534,
        65_535,
        4_199_999_999,
        4_200_000_000,
        4_294_967_294,
        4_294_967_295,
        7224,
        0,
        -1,
    ];
    table(
        numbers,
        |number| GatewayAsn::parse("amazonSideAsn", *number),
        expect![[r#"
        amazonSideAsn "64511" must be a private AS number: 64512 to 65534 or 4200000000 to 4294967294 (RFC 6996).
        64512 -> 64512
        65534 -> 65534
        amazonSideAsn "65535" must be a private AS number: 64512 to 65534 or 4200000000 to 4294967294 (RFC 6996).
        amazonSideAsn "4199999999" must be a private AS number: 64512 to 65534 or 4200000000 to 4294967294 (RFC 6996).
        4200000000 -> 4200000000
        4294967294 -> 4294967294
        amazonSideAsn "4294967295" must be a private AS number: 64512 to 65534 or 4200000000 to 4294967294 (RFC 6996).
        amazonSideAsn "7224" must be a private AS number: 64512 to 65534 or 4200000000 to 4294967294 (RFC 6996).
        amazonSideAsn "0" must be a private AS number: 64512 to 65534 or 4200000000 to 4294967294 (RFC 6996).
        amazonSideAsn "-1" must be a private AS number: 64512 to 65534 or 4200000000 to 4294967294 (RFC 6996).
    "#]],
    );
    assert_eq!(GatewayAsn::DEFAULT.number(), 64_512);
}

#[test]
fn bgp_keys() {
    let (most, too_many) = ("k".repeat(80), "k".repeat(81));
    let lines = [
        "secre",
        "secret",
        "tgyn26example",
        &most,
        &too_many,
        "",
        "with space",
        "tab\tkey",
        "clé-secrète",
        "!#$%&'()*+,-./:;<=>?@[\\]^_`{|}~",
        "double\"quote",
        "line\nbreak",
        "delete\u{7f}",
    ]
    .map(|text| match AuthKey::parse("new.authKey", text) {
        Ok(key) => format!("{} characters: taken", key.reveal().len()),
        Err(fault) => fault.to_string(),
    });
    expect![[r#"
        new.authKey (not shown) must have 6 to 80 characters, not 5.
        6 characters: taken
        13 characters: taken
        80 characters: taken
        new.authKey (not shown) must have 6 to 80 characters, not 81.
        new.authKey (not shown) must have 6 to 80 characters, not 0.
        new.authKey (not shown) must consist of printable ASCII characters without spaces.
        new.authKey (not shown) must consist of printable ASCII characters without spaces.
        new.authKey (not shown) must consist of printable ASCII characters without spaces.
        31 characters: taken
        new.authKey (not shown) must not contain a double quote.
        new.authKey (not shown) must consist of printable ASCII characters without spaces.
        new.authKey (not shown) must consist of printable ASCII characters without spaces."#]]
    .assert_eq(&lines.join("\n"));
    let drawn = AuthKey::draw(&mut Seed::from_number(1).draws());
    assert_eq!(AuthKey::parse("authKey", drawn.reveal()).as_ref(), Ok(&drawn));
    assert_eq!((drawn.reveal().len(), &drawn.reveal()[..2]), (24, "0x"));
}

#[test]
fn mtus() {
    table(
        [1500, 8500, 9001, 1501, 9000, 0, -1],
        |number| Mtu::parse("new.mtu", *number, true).map(Mtu::bytes),
        expect![[r#"
            1500 -> 1500
            8500 -> 8500
            9001 -> 9001
            new.mtu "1501" must be 1500, 8500 or 9001.
            new.mtu "9000" must be 1500, 8500 or 9001.
            new.mtu "0" must be 1500, 8500 or 9001.
            new.mtu "-1" must be 1500, 8500 or 9001.
        "#]],
    );
    table(
        [1500, 8500, 9001, 1501],
        |number| Mtu::parse("new.mtu", *number, false).map(Mtu::bytes),
        expect![[r#"
            1500 -> 1500
            new.mtu "8500" needs a connection whose jumboFrameCapable is true; this one takes 1500.
            new.mtu "9001" needs a connection whose jumboFrameCapable is true; this one takes 1500.
            new.mtu "1501" must be 1500, 8500 or 9001.
        "#]],
    );
    assert_eq!(Mtu::DEFAULT.bytes(), 1500);
}

#[test]
fn bandwidths() {
    table(
        ["1Gbps", "10Gbps", "100Gbps", "400Gbps", "10gbps", "10G", "2Gbps", "50Mbps", ""],
        |text| Bandwidth::parse("bandwidth", text).map(|b| format!("{b}, port {}", b.port_speed())),
        expect![[r#"
            1Gbps -> 1Gbps, port 1G
            10Gbps -> 10Gbps, port 10G
            100Gbps -> 100Gbps, port 100G
            400Gbps -> 400Gbps, port 400G
            bandwidth "10gbps" must be one of 1Gbps, 10Gbps, 100Gbps, 400Gbps.
            bandwidth "10G" must be one of 1Gbps, 10Gbps, 100Gbps, 400Gbps.
            bandwidth "2Gbps" must be one of 1Gbps, 10Gbps, 100Gbps, 400Gbps.
            bandwidth "50Mbps" must be one of 1Gbps, 10Gbps, 100Gbps, 400Gbps.
            bandwidth "" must be one of 1Gbps, 10Gbps, 100Gbps, 400Gbps.
        "#]],
    );
}

#[test]
fn prefixes() {
    table(
        [
            "10.0.0.0/16",
            "10.1.2.3/32",
            "192.0.2.0/24",
            "64.0.0.0/3",
            "2001:db8::/56",
            "fd00::/8",
            "64:ff9b::/96",
            "0.0.0.0/1",
            "0.1.0.0/16",
            "127.0.0.0/8",
            "127.1.2.0/24",
            "169.254.0.0/16",
            "169.254.169.254/32",
            "160.0.0.0/4",
            "224.0.0.0/4",
            "239.1.1.0/24",
            "240.0.0.0/4",
            "255.255.255.255/32",
            "::/1",
            "::/128",
            "::1/128",
            "::ffff:10.0.0.0/104",
            "fe80::/64",
            "ff02::/16",
            "10.0.0.1/16",
            "2001:db8::1/56",
            "0.0.0.0/0",
            "::/0",
            "10.0.0.0",
            "10.0.0.0/33",
            "2001:db8::/129",
            "010.0.0.0/16",
            "10.0/16",
            "",
        ],
        |text| Prefix::parse("cidrs[0]", text),
        expect![[r#"
            10.0.0.0/16 -> 10.0.0.0/16
            10.1.2.3/32 -> 10.1.2.3/32
            192.0.2.0/24 -> 192.0.2.0/24
            64.0.0.0/3 -> 64.0.0.0/3
            2001:db8::/56 -> 2001:db8::/56
            fd00::/8 -> fd00::/8
            64:ff9b::/96 -> 64:ff9b::/96
            cidrs[0] "0.0.0.0/1" must not overlap 0.0.0.0/8, which is "this network" (RFC 1122).
            cidrs[0] "0.1.0.0/16" must not overlap 0.0.0.0/8, which is "this network" (RFC 1122).
            cidrs[0] "127.0.0.0/8" must not overlap 127.0.0.0/8, which is loopback (RFC 1122).
            cidrs[0] "127.1.2.0/24" must not overlap 127.0.0.0/8, which is loopback (RFC 1122).
            cidrs[0] "169.254.0.0/16" must not overlap 169.254.0.0/16, which is link-local (RFC 3927).
            cidrs[0] "169.254.169.254/32" must not overlap 169.254.0.0/16, which is link-local (RFC 3927).
            cidrs[0] "160.0.0.0/4" must not overlap 169.254.0.0/16, which is link-local (RFC 3927).
            cidrs[0] "224.0.0.0/4" must not overlap 224.0.0.0/4, which is multicast (RFC 5771).
            cidrs[0] "239.1.1.0/24" must not overlap 224.0.0.0/4, which is multicast (RFC 5771).
            cidrs[0] "240.0.0.0/4" must not overlap 240.0.0.0/4, which is reserved, with the broadcast address (RFC 1112).
            cidrs[0] "255.255.255.255/32" must not overlap 240.0.0.0/4, which is reserved, with the broadcast address (RFC 1112).
            cidrs[0] "::/1" must not overlap ::/128, which is the unspecified address (RFC 4291).
            cidrs[0] "::/128" must not overlap ::/128, which is the unspecified address (RFC 4291).
            cidrs[0] "::1/128" must not overlap ::1/128, which is loopback (RFC 4291).
            cidrs[0] "::ffff:10.0.0.0/104" must not overlap ::ffff:0.0.0.0/96, which is IPv4-mapped addresses (RFC 4291).
            cidrs[0] "fe80::/64" must not overlap fe80::/10, which is link-local (RFC 4291).
            cidrs[0] "ff02::/16" must not overlap ff00::/8, which is multicast (RFC 4291).
            cidrs[0] "10.0.0.1/16" has host bits set; the prefix is 10.0.0.0/16.
            cidrs[0] "2001:db8::1/56" has host bits set; the prefix is 2001:db8::/56.
            cidrs[0] "0.0.0.0/0" must not be a default route.
            cidrs[0] "::/0" must not be a default route.
            cidrs[0] "10.0.0.0" is not a prefix: it must look like 10.0.0.0/16 or 2001:db8::/56.
            cidrs[0] "10.0.0.0/33" is not a prefix: it must look like 10.0.0.0/16 or 2001:db8::/56.
            cidrs[0] "2001:db8::/129" is not a prefix: it must look like 10.0.0.0/16 or 2001:db8::/56.
            cidrs[0] "010.0.0.0/16" is not a prefix: it must look like 10.0.0.0/16 or 2001:db8::/56.
            cidrs[0] "10.0/16" is not a prefix: it must look like 10.0.0.0/16 or 2001:db8::/56.
            cidrs[0] "" is not a prefix: it must look like 10.0.0.0/16 or 2001:db8::/56.
        "#]],
    );
    let prefix = |text| Prefix::parse("cidr", text).expect("a prefix");
    for (one, other, overlap) in [
        ("10.0.0.0/16", "10.0.0.0/16", true),
        ("10.0.0.0/8", "10.255.0.0/16", true),
        ("10.0.0.0/16", "10.1.0.0/16", false),
        ("2001:db8::/32", "2001:db8:1::/48", true),
        ("10.0.0.0/8", "2001:db8::/32", false),
    ] {
        assert_eq!(prefix(one).overlaps(prefix(other)), overlap, "{one} {other}");
        assert_eq!(prefix(other).overlaps(prefix(one)), overlap, "{other} {one}");
    }
}

#[test]
fn next_hops() {
    table(
        [
            "10.0.0.1",
            "2001:db8::1",
            "fe80::1",
            "0.0.0.0",
            "::",
            "224.0.0.1",
            "ff02::1",
            "255.255.255.255",
            "127.0.0.1",
            "::1",
            "169.254.1.1",
            "0.1.2.3",
            "240.0.0.1",
            "::ffff:10.0.0.1",
            "10.0.0.1/24",
            "router",
            "",
        ],
        |text| NextHop::parse("handoffs[0].nextHop", text),
        expect![[r#"
            10.0.0.1 -> 10.0.0.1
            2001:db8::1 -> 2001:db8::1
            fe80::1 -> fe80::1
            handoffs[0].nextHop "0.0.0.0" is not the address of a next hop: it must be a unicast IPv4 or IPv6 address of another host.
            handoffs[0].nextHop "::" is not the address of a next hop: it must be a unicast IPv4 or IPv6 address of another host.
            handoffs[0].nextHop "224.0.0.1" is not the address of a next hop: it must be a unicast IPv4 or IPv6 address of another host.
            handoffs[0].nextHop "ff02::1" is not the address of a next hop: it must be a unicast IPv4 or IPv6 address of another host.
            handoffs[0].nextHop "255.255.255.255" is not the address of a next hop: it must be a unicast IPv4 or IPv6 address of another host.
            handoffs[0].nextHop "127.0.0.1" is not the address of a next hop: it must be a unicast IPv4 or IPv6 address of another host.
            handoffs[0].nextHop "::1" is not the address of a next hop: it must be a unicast IPv4 or IPv6 address of another host.
            169.254.1.1 -> 169.254.1.1
            handoffs[0].nextHop "0.1.2.3" is not the address of a next hop: it must be a unicast IPv4 or IPv6 address of another host.
            handoffs[0].nextHop "240.0.0.1" is not the address of a next hop: it must be a unicast IPv4 or IPv6 address of another host.
            handoffs[0].nextHop "::ffff:10.0.0.1" is not the address of a next hop: it must be a unicast IPv4 or IPv6 address of another host.
            handoffs[0].nextHop "10.0.0.1/24" is not the address of a next hop: it must be a unicast IPv4 or IPv6 address of another host.
            handoffs[0].nextHop "router" is not the address of a next hop: it must be a unicast IPv4 or IPv6 address of another host.
            handoffs[0].nextHop "" is not the address of a next hop: it must be a unicast IPv4 or IPv6 address of another host.
        "#]],
    );
}

#[test]
fn settings_are_what_the_documents_say() {
    let settings = Settings::default();
    assert_eq!(settings.confirmation_window, Duration::from_secs(7 * 24 * 3_600));
    let seconds = (settings.visibility.as_secs(), settings.silence.as_secs());
    assert_eq!(seconds, (900, 90));
}
