//! Names, tags, resource names and identifiers.

use std::time::Duration;

use std::fmt::Display;

use expect_test::expect;
use linkway_domain::Fault;
use linkway_domain::arn::Arn;
use linkway_domain::fault::ResourceKind;
use linkway_domain::id::{
    AccessKeyId, AccountId, BgpPeerId, ConnectionId, EdgeId, LocationCode, PortName, SPAN_MILLIS,
    VirtualGatewayId, VirtualInterfaceId, VpcId, pad_account,
};
use linkway_domain::net::{AddressFamily, PeerAddresses, Prefix};
use linkway_domain::quota::Quotas;
use linkway_domain::seed::Seed;
use linkway_domain::tag::Tags;
use linkway_domain::text;
use linkway_domain::time::Time;
use proptest::prelude::*;

use super::table;

#[test]
fn names() {
    let long = "é".repeat(100);
    let too_long = "é".repeat(101);
    table(
        [
            "a",
            "MyPrivateVirtualInterface",
            "prod (Paris) #1 / \"x\"",
            "Zürich-東京-Ελλάδα-42",
            &long,
            &too_long,
            "",
            " a",
            "a ",
            "a\tb",
            "a\u{200b}b",
            "a\u{202e}b",
            "a\u{a0}b",
            "rocket 🚀",
            // Letters that nobody sees.
            "a\u{3164}b",
            "\u{115f}",
            "a\u{1160}",
            "\u{ffa0}a",
            "a\u{ad}b",
            "a\u{feff}b",
            "a\u{2066}b",
            "a\u{e0061}b",
            // One of these letters is Cyrillic, or Greek.
            "\u{430}cme",
            "Acme p\u{430}ypal-2",
            "\u{391}cme",
            // Words of one script each, and scripts that go together.
            "Ελλάδα acme Москва",
            "東京Tokyoタワー",
            "서울Seoul",
            "10µs",
            "e\u{301}",
            "line\nbreak",
            "nul\0",
        ],
        |text| text::name("virtualInterfaceName", text).map(|name| name.chars().count()),
        expect![[r#"
            a -> 1
            MyPrivateVirtualInterface -> 25
            prod (Paris) #1 / "x" -> 21
            Zürich-東京-Ελλάδα-42 -> 19
            éééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééé -> 100
            virtualInterfaceName "éééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééé…" must have 1 to 100 characters, not 101.
            virtualInterfaceName "" must have 1 to 100 characters, not 0.
            virtualInterfaceName " a" must not begin or end with a space.
            virtualInterfaceName "a " must not begin or end with a space.
            virtualInterfaceName "a\tb" must consist of letters, digits and printable ASCII characters; U+0009 is none of them.
            virtualInterfaceName "a\u{200b}b" must consist of letters, digits and printable ASCII characters; U+200B is none of them.
            virtualInterfaceName "a\u{202e}b" must consist of letters, digits and printable ASCII characters; U+202E is none of them.
            virtualInterfaceName "a\u{a0}b" must consist of letters, digits and printable ASCII characters; U+00A0 is none of them.
            virtualInterfaceName "rocket 🚀" must consist of letters, digits and printable ASCII characters; U+1F680 is none of them.
            virtualInterfaceName "a\u{3164}b" must consist of letters, digits and printable ASCII characters; U+3164 is none of them.
            virtualInterfaceName "\u{115f}" must consist of letters, digits and printable ASCII characters; U+115F is none of them.
            virtualInterfaceName "a\u{1160}" must consist of letters, digits and printable ASCII characters; U+1160 is none of them.
            virtualInterfaceName "\u{ffa0}a" must consist of letters, digits and printable ASCII characters; U+FFA0 is none of them.
            virtualInterfaceName "a\u{ad}b" must consist of letters, digits and printable ASCII characters; U+00AD is none of them.
            virtualInterfaceName "a\u{feff}b" must consist of letters, digits and printable ASCII characters; U+FEFF is none of them.
            virtualInterfaceName "a\u{2066}b" must consist of letters, digits and printable ASCII characters; U+2066 is none of them.
            virtualInterfaceName "a\u{e0061}b" must consist of letters, digits and printable ASCII characters; U+E0061 is none of them.
            virtualInterfaceName "аcme" must not have letters of several scripts in one word, as in "аcme".
            virtualInterfaceName "Acme pаypal-2" must not have letters of several scripts in one word, as in "pаypal".
            virtualInterfaceName "Αcme" must not have letters of several scripts in one word, as in "Αcme".
            Ελλάδα acme Москва -> 18
            東京Tokyoタワー -> 10
            서울Seoul -> 7
            10µs -> 4
            virtualInterfaceName "e\u{301}" must consist of letters, digits and printable ASCII characters; U+0301 is none of them.
            virtualInterfaceName "line\nbreak" must consist of letters, digits and printable ASCII characters; U+000A is none of them.
            virtualInterfaceName "nul\u{0}" must consist of letters, digits and printable ASCII characters; U+0000 is none of them.
        "#]],
    );
}

#[test]
fn names_of_ports_and_handoffs() {
    table(
        [
            "eth0",
            "bond0",
            "vlan101",
            "sim-f0000000",
            "LO",
            "lo0",
            "all1",
            "lo",
            "all",
            "default",
            "vgw-87654321",
            "vgw-x",
            "dxvif-f0000000",
            "dxgw-1",
            "eth/0",
        ],
        |text| PortName::parse_new("handoffs[0].interface", text),
        expect![[r#"
            eth0 -> eth0
            bond0 -> bond0
            vlan101 -> vlan101
            sim-f0000000 -> sim-f0000000
            LO -> LO
            lo0 -> lo0
            all1 -> all1
            handoffs[0].interface "lo" must not be lo, all or default: the kernel has those names for itself.
            handoffs[0].interface "all" must not be lo, all or default: the kernel has those names for itself.
            handoffs[0].interface "default" must not be lo, all or default: the kernel has those names for itself.
            handoffs[0].interface "vgw-87654321" must not begin with vgw-: the edge names links of its own so.
            handoffs[0].interface "vgw-x" must not begin with vgw-: the edge names links of its own so.
            handoffs[0].interface "dxvif-f0000000" must not begin with dxvif-: the edge names links of its own so.
            handoffs[0].interface "dxgw-1" must not begin with dxgw-: the edge names links of its own so.
            handoffs[0].interface "eth/0" is not an interface name: it must have 1 to 15 letters, digits, hyphens, dots or underscores and begin with a letter or digit.
        "#]],
    );
}

#[test]
fn tags() {
    let pairs = |text: &str| -> Vec<(String, Option<String>)> {
        let pair = |part: &str| match part.split_once('=') {
            Some((key, value)) => (key.to_owned(), Some(value.to_owned())),
            None => (part.to_owned(), None),
        };
        text.split(';').filter(|part| !part.is_empty()).map(pair).collect()
    };
    let long = |key: usize, value: usize| format!("{}={}", "k".repeat(key), "é".repeat(value));
    let many = |count: usize| (0..count).map(|n| format!("k{n}")).collect::<Vec<_>>().join(";");
    table(
        [
            "",
            "team=net",
            "team",
            "team=",
            "=x",
            "Équipe=Zürich 東京",
            "a_.:/+-@=ok",
            "k=a=b",
            "k=50%",
            "k!=x",
            "k=a\tb",
            "aws:k=x",
            "AWS:k=x",
            "awsome=x",
            "a=1;a=2",
            "a=1;A=2",
            &long(128, 256),
            &long(129, 0),
            &long(1, 257),
            &many(50),
            &many(51),
        ]
        .map(str::to_owned),
        |text| {
            Tags::parse("tags", &pairs(text), &Quotas::default()).map(|tags| tags.iter().count())
        },
        expect![[r#"
             -> 0
            team=net -> 1
            team -> 1
            team= -> 1
            tags[0].key "" must have 1 to 128 characters, not 0.
            Équipe=Zürich 東京 -> 1
            a_.:/+-@=ok -> 1
            k=a=b -> 1
            tags[0].value "50%" must consist of letters, digits, spaces and the characters _ . : / = + - @.
            tags[0].key "k!" must consist of letters, digits, spaces and the characters _ . : / = + - @.
            tags[0].value "a\tb" must consist of letters, digits, spaces and the characters _ . : / = + - @.
            tags[0].key "aws:k" must not begin with aws:, which is reserved.
            tags[0].key "AWS:k" must not begin with aws:, which is reserved.
            awsome=x -> 1
            tags[1].key "a" is given more than once; tag keys must be unique.
            a=1;A=2 -> 2
            kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk=éééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééé -> 1
            tags[0].key "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk…" must have 1 to 128 characters, not 129.
            tags[0].value "éééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééé…" must have 0 to 256 characters, not 257.
            k0;k1;k2;k3;k4;k5;k6;k7;k8;k9;k10;k11;k12;k13;k14;k15;k16;k17;k18;k19;k20;k21;k22;k23;k24;k25;k26;k27;k28;k29;k30;k31;k32;k33;k34;k35;k36;k37;k38;k39;k40;k41;k42;k43;k44;k45;k46;k47;k48;k49 -> 50
            tags would give the resource 51 tags; it may carry 50.
        "#]],
    );
    let tags =
        |text: &str| Tags::parse("tags", &pairs(text), &Quotas::default()).expect("good tags");
    let merged = tags("a=1;b=2").merged("tags", &tags("b=3;c"), &Quotas::default()).expect("few");
    assert_eq!(merged, tags("a=1;b=3;c"));
    assert_eq!(merged.without(&["a".to_owned(), "x".to_owned()]), tags("b=3;c"));
    assert_eq!(
        tags(&many(50))
            .merged("tags", &tags("k7=new"), &Quotas::default())
            .map(|t| t.iter().count()),
        Ok(50)
    );
    let fault =
        tags(&many(50)).merged("tags", &tags("new"), &Quotas::default()).expect_err("too many");
    assert_eq!(fault.to_string(), "tags would give the resource 51 tags; it may carry 50.");
}

#[test]
fn resource_names() {
    let account = AccountId::parse("012345678901").expect("an account id");
    table(
        [
            "arn:aws:directconnect:eu-west-2:012345678901:dxcon/dxcon-12345678",
            "arn:aws:directconnect:eu-west-2:012345678901:dxvif/dxvif-12345678",
            "arn:linkway:directconnect:eu-west-2:012345678901:dxvif/anything",
            "arn:aws:directconnect:eu-west-2::dxvif/dxvif-12345678",
            "arn:aws:directconnect:eu-west-2:999999999999:dxcon/dxcon-12345678",
            "arn:aws:directconnect:us-east-1:012345678901:dxcon/dxcon-12345678",
            "arn:aws:directconnect:eu-west-2:012345678901:dxlag/dxlag-12345678",
            "arn:aws:directconnect:eu-west-2:012345678901:dx-gateway/1",
            "arn:aws:directconnect::012345678901:dx-gateway/1",
            "arn:aws:directconnect::012345678901:dxcon/dxcon-12345678",
            "arn:aws:directconnect:eu-west-2:012345678901:vpc/vpc-1",
            "arn:aws:directconnect:eu-west-2:012345678901:dxcon",
            "arn:aws:directconnect:eu-west-2:12345678901:dxcon/dxcon-12345678",
            "arn:aws:ec2:eu-west-2:012345678901:dxcon/dxcon-12345678",
            "urn:aws:directconnect:eu-west-2:012345678901:dxcon/dxcon-12345678",
            "dxcon-12345678",
            "",
        ],
        |arn| Arn::parse("resourceArn", arn, "eu-west-2", &account).map(|arn| arn.to_string()),
        expect![[r#"
            arn:aws:directconnect:eu-west-2:012345678901:dxcon/dxcon-12345678 -> arn:aws:directconnect:eu-west-2:012345678901:dxcon/dxcon-12345678
            arn:aws:directconnect:eu-west-2:012345678901:dxvif/dxvif-12345678 -> arn:aws:directconnect:eu-west-2:012345678901:dxvif/dxvif-12345678
            arn:linkway:directconnect:eu-west-2:012345678901:dxvif/anything -> arn:aws:directconnect:eu-west-2:012345678901:dxvif/anything
            arn:aws:directconnect:eu-west-2::dxvif/dxvif-12345678 -> arn:aws:directconnect:eu-west-2:012345678901:dxvif/dxvif-12345678
            The resource arn:aws:directconnect:eu-west-2:999999999999:dxcon/dxcon-12345678 does not exist.
            The resource arn:aws:directconnect:us-east-1:012345678901:dxcon/dxcon-12345678 does not exist.
            arn:aws:directconnect:eu-west-2:012345678901:dxlag/dxlag-12345678 -> arn:aws:directconnect:eu-west-2:012345678901:dxlag/dxlag-12345678
            The resource arn:aws:directconnect:eu-west-2:012345678901:dx-gateway/1 does not exist.
            arn:aws:directconnect::012345678901:dx-gateway/1 -> arn:aws:directconnect::012345678901:dx-gateway/1
            The resource arn:aws:directconnect::012345678901:dxcon/dxcon-12345678 does not exist.
            resourceArn "arn:aws:directconnect:eu-west-2:012345678901:vpc/vpc-1" is not an ARN of this service: it must look like arn:aws:directconnect:eu-west-2:012345678901:dxcon/dxcon-….
            resourceArn "arn:aws:directconnect:eu-west-2:012345678901:dxcon" is not an ARN of this service: it must look like arn:aws:directconnect:eu-west-2:012345678901:dxcon/dxcon-….
            resourceArn "arn:aws:directconnect:eu-west-2:12345678901:dxcon/dxcon-12345678" is not an ARN of this service: it must look like arn:aws:directconnect:eu-west-2:012345678901:dxcon/dxcon-….
            resourceArn "arn:aws:ec2:eu-west-2:012345678901:dxcon/dxcon-12345678" is not an ARN of this service: it must look like arn:aws:directconnect:eu-west-2:012345678901:dxcon/dxcon-….
            resourceArn "urn:aws:directconnect:eu-west-2:012345678901:dxcon/dxcon-12345678" is not an ARN of this service: it must look like arn:aws:directconnect:eu-west-2:012345678901:dxcon/dxcon-….
            resourceArn "dxcon-12345678" is not an ARN of this service: it must look like arn:aws:directconnect:eu-west-2:012345678901:dxcon/dxcon-….
            resourceArn "" is not an ARN of this service: it must look like arn:aws:directconnect:eu-west-2:012345678901:dxcon/dxcon-….
        "#]],
    );
}

#[test]
fn identifiers() {
    fn both<T: Display>(
        parse: impl Fn(&str) -> Result<T, Fault>,
        good: &[&str],
        bad: &[&str],
        out: &mut String,
    ) {
        for text in good.iter().chain(bad) {
            let line = match parse(text) {
                Ok(id) => format!("{text} -> {id}\n"),
                Err(fault) => format!("{fault}\n"),
            };
            out.push_str(&line);
        }
    }
    let (x33, x64) = ("x".repeat(33), "x".repeat(64));
    let mut out = String::new();
    both(
        AccountId::parse,
        &["000000000001"],
        &["12345678901", "1234567890123", "12345678901a", "١٢٣٤٥٦٧٨٩٠١٢", ""],
        &mut out,
    );
    both(
        AccessKeyId::parse,
        &["LKWY0123456789ABCDEF"],
        &["LKWY0123456789ABCDE", "lkwy0123456789abcdef"],
        &mut out,
    );
    both(
        ConnectionId::parse,
        &["dxcon-fgzcsn9l"],
        &["dxcon-fgzcsn9", "dxcon-FGZCSN9L", "dxvif-fgzcsn9l", "dxcon-fgzcsn9/"],
        &mut out,
    );
    both(
        VirtualInterfaceId::parse,
        &["dxvif-56781234"],
        &["dxvif-567812345", "vif-56781234"],
        &mut out,
    );
    both(BgpPeerId::parse, &["dxpeer-fgzcsn9l"], &["dxpeer-"], &mut out);
    both(
        VirtualGatewayId::parse,
        &["vgw-87654321", "vgw-abcdef01"],
        &["vgw-8765432g", "vgw-8765432", "vgw-ABCDEF01"],
        &mut out,
    );
    both(VpcId::parse, &["vpc-1", "vpc-0a-b"], &["vpc-", "vpc--a", "net-1", "vpc-a/b"], &mut out);
    both(
        LocationCode::parse,
        &["PAR1", "EqDC2", "a-b"],
        &["", "-PAR", "PAR 1", "PAR/1", &x33],
        &mut out,
    );
    both(EdgeId::parse, &["par1-r1.example_net"], &["", ".r1", "r/1", "r 1", &x64], &mut out);
    both(
        PortName::parse,
        &["eth0", "enp1s0f0.100"],
        &["", "eth/0", "eth 0", "-eth0", "sixteen-letters-"],
        &mut out,
    );
    expect![[r#"
        000000000001 -> 000000000001
        accountId "12345678901" is not an account id: it must have exactly 12 digits.
        accountId "1234567890123" is not an account id: it must have exactly 12 digits.
        accountId "12345678901a" is not an account id: it must have exactly 12 digits.
        accountId "١٢٣٤٥٦٧٨٩٠١٢" is not an account id: it must have exactly 12 digits.
        accountId "" is not an account id: it must have exactly 12 digits.
        LKWY0123456789ABCDEF -> LKWY0123456789ABCDEF
        accessKeyId "LKWY0123456789ABCDE" is not an access key id: it must have 20 characters of A-Z and 0-9.
        accessKeyId "lkwy0123456789abcdef" is not an access key id: it must have 20 characters of A-Z and 0-9.
        dxcon-fgzcsn9l -> dxcon-fgzcsn9l
        connectionId "dxcon-fgzcsn9" is not a connection id: it must be dxcon- followed by 8 characters of a-z and 0-9.
        connectionId "dxcon-FGZCSN9L" is not a connection id: it must be dxcon- followed by 8 characters of a-z and 0-9.
        connectionId "dxvif-fgzcsn9l" is not a connection id: it must be dxcon- followed by 8 characters of a-z and 0-9.
        connectionId "dxcon-fgzcsn9/" is not a connection id: it must be dxcon- followed by 8 characters of a-z and 0-9.
        dxvif-56781234 -> dxvif-56781234
        virtualInterfaceId "dxvif-567812345" is not a virtual interface id: it must be dxvif- followed by 8 characters of a-z and 0-9.
        virtualInterfaceId "vif-56781234" is not a virtual interface id: it must be dxvif- followed by 8 characters of a-z and 0-9.
        dxpeer-fgzcsn9l -> dxpeer-fgzcsn9l
        bgpPeerId "dxpeer-" is not a BGP peer id: it must be dxpeer- followed by 8 characters of a-z and 0-9.
        vgw-87654321 -> vgw-87654321
        vgw-abcdef01 -> vgw-abcdef01
        virtualGatewayId "vgw-8765432g" is not a virtual gateway id: it must be vgw- followed by 8 hexadecimal digits.
        virtualGatewayId "vgw-8765432" is not a virtual gateway id: it must be vgw- followed by 8 hexadecimal digits.
        virtualGatewayId "vgw-ABCDEF01" is not a virtual gateway id: it must be vgw- followed by 8 hexadecimal digits.
        vpc-1 -> vpc-1
        vpc-0a-b -> vpc-0a-b
        vpcId "vpc-" is not a VPC id: it must be vpc- followed by 1 to 32 letters, digits or hyphens.
        vpcId "vpc--a" is not a VPC id: it must be vpc- followed by 1 to 32 letters, digits or hyphens.
        vpcId "net-1" is not a VPC id: it must be vpc- followed by 1 to 32 letters, digits or hyphens.
        vpcId "vpc-a/b" is not a VPC id: it must be vpc- followed by 1 to 32 letters, digits or hyphens.
        PAR1 -> PAR1
        EqDC2 -> EqDC2
        a-b -> a-b
        locationCode "" is not a location code: it must have 1 to 32 letters, digits or hyphens and begin with a letter or digit.
        locationCode "-PAR" is not a location code: it must have 1 to 32 letters, digits or hyphens and begin with a letter or digit.
        locationCode "PAR 1" is not a location code: it must have 1 to 32 letters, digits or hyphens and begin with a letter or digit.
        locationCode "PAR/1" is not a location code: it must have 1 to 32 letters, digits or hyphens and begin with a letter or digit.
        locationCode "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" is not a location code: it must have 1 to 32 letters, digits or hyphens and begin with a letter or digit.
        par1-r1.example_net -> par1-r1.example_net
        edgeId "" is not an edge id: it must have 1 to 63 letters, digits, hyphens, dots or underscores and begin with a letter or digit.
        edgeId ".r1" is not an edge id: it must have 1 to 63 letters, digits, hyphens, dots or underscores and begin with a letter or digit.
        edgeId "r/1" is not an edge id: it must have 1 to 63 letters, digits, hyphens, dots or underscores and begin with a letter or digit.
        edgeId "r 1" is not an edge id: it must have 1 to 63 letters, digits, hyphens, dots or underscores and begin with a letter or digit.
        edgeId "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" is not an edge id: it must have 1 to 63 letters, digits, hyphens, dots or underscores and begin with a letter or digit.
        eth0 -> eth0
        enp1s0f0.100 -> enp1s0f0.100
        interface "" is not an interface name: it must have 1 to 15 letters, digits, hyphens, dots or underscores and begin with a letter or digit.
        interface "eth/0" is not an interface name: it must have 1 to 15 letters, digits, hyphens, dots or underscores and begin with a letter or digit.
        interface "eth 0" is not an interface name: it must have 1 to 15 letters, digits, hyphens, dots or underscores and begin with a letter or digit.
        interface "-eth0" is not an interface name: it must have 1 to 15 letters, digits, hyphens, dots or underscores and begin with a letter or digit.
        interface "sixteen-letters-" is not an interface name: it must have 1 to 15 letters, digits, hyphens, dots or underscores and begin with a letter or digit.
    "#]].assert_eq(&out);
    assert_eq!(pad_account(1_234), "000000001234");
    assert_eq!(pad_account(123_456_789_012), "123456789012");
}

#[test]
fn what_a_fault_shows_of_a_value() {
    let long = "x".repeat(101);
    table(
        ["plain", "quote\"back\\slash", "nul\0tab\tnew\nline\u{1b}[31m", "é東", &long],
        |text| Err::<u8, _>(Fault::not_found(ResourceKind::VirtualGateway, text)),
        expect![[r#"
            The VirtualGateway plain does not exist.
            The VirtualGateway quote\"back\\slash does not exist.
            The VirtualGateway nul\u{0}tab\tnew\nline\u{1b}[31m does not exist.
            The VirtualGateway é東 does not exist.
            The VirtualGateway xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx… does not exist.
        "#]],
    );
}

proptest! {
    #[test]
    fn drawn_ids_have_their_form_and_the_seed_decides_them(number in any::<u64>(), at in any::<u64>()) {
        let draws = || Seed::from_number(number).draws();
        let connection = ConnectionId::draw(&mut draws());
        prop_assert_eq!(ConnectionId::parse(connection.as_str()), Ok(connection.clone()));
        prop_assert_eq!(ConnectionId::draw(&mut draws()), connection.clone());
        let port = PortName::simulated(&connection);
        prop_assert_eq!(PortName::parse(port.as_str()), Ok(port));
        let interface = VirtualInterfaceId::draw(&mut draws(), Time::from_millis(at));
        prop_assert_eq!(VirtualInterfaceId::parse(interface.as_str()), Ok(interface.clone()));
        let others = Seed::from_number(!number).draws();
        let later = Time::from_millis(at - at % SPAN_MILLIS).plus(Duration::from_millis(SPAN_MILLIS - 1));
        let neighbour = VirtualInterfaceId::draw(&mut { others }, later);
        prop_assert_eq!(&neighbour.as_str()[..9], &interface.as_str()[..9]);
        prop_assert_ne!(neighbour, interface);
        let peer = BgpPeerId::draw(&mut draws());
        prop_assert_eq!(BgpPeerId::parse(peer.as_str()), Ok(peer));
        let gateway = VirtualGatewayId::draw(&mut draws());
        prop_assert_eq!(VirtualGatewayId::parse(gateway.as_str()), Ok(gateway));
        let key = AccessKeyId::draw(&mut draws());
        prop_assert_eq!(AccessKeyId::parse(key.as_str()), Ok(key));
    }

    #[test]
    fn whatever_the_text_a_rule_answers_in_bounded_printable_text(text in any::<String>()) {
        let faults = [
            ConnectionId::parse(&text).err(),
            text::name("name", &text).err(),
            Prefix::parse("cidr", &text).err(),
            addresses_fault(&text),
            Tags::parse("tags", &[(text.clone(), Some(text.clone()))], &Quotas::default()).err(),
        ];
        for fault in faults.into_iter().flatten() {
            let text = fault.to_string();
            prop_assert!(text.len() < 2_000);
            prop_assert!(!text.chars().any(char::is_control), "{text:?}");
        }
    }
}

fn addresses_fault(text: &str) -> Option<Fault> {
    PeerAddresses::parse("new", AddressFamily::Ipv4, Some(text), Some(text)).err()
}
