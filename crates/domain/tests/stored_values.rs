//! What is read back, from a store or from the feed, went through the same constructors as what a caller gave: a value that
//! breaks a rule is refused, and the refusal never shows a key.

use linkway_domain::id::{AccountId, EdgeId, PortName, VirtualInterfaceId};
use linkway_domain::net::{Asn, AuthKey, GatewayAsn, Mtu, NextHop, PeerAddresses, Prefix, Vlan};
use serde::de::DeserializeOwned;

fn refused<T: DeserializeOwned + std::fmt::Debug>(json: &str) -> String {
    let found: Result<T, _> = serde_json::from_str(json);
    found.expect_err(json).to_string()
}

fn taken<T: DeserializeOwned + serde::Serialize>(json: &str) {
    let value: T = serde_json::from_str(json).expect(json);
    assert_eq!(serde_json::to_string(&value).expect("serialises"), json);
}

#[test]
fn values_that_break_a_rule_are_refused_when_read_back() {
    taken::<Vlan>("4094");
    taken::<Asn>("4294967294");
    taken::<GatewayAsn>("64512");
    taken::<GatewayAsn>("7224");
    taken::<Mtu>("9001");
    taken::<AuthKey>("\"tgyn26example\"");
    taken::<Prefix>("\"10.0.0.0/16\"");
    taken::<NextHop>("\"10.9.0.1\"");
    taken::<AccountId>("\"003333333333\"");
    taken::<VirtualInterfaceId>("\"dxvif-f0000000\"");
    taken::<PeerAddresses>(r#"{"amazon":"172.16.0.1/30","customer":"172.16.0.2/30"}"#);

    // Refused in requests today, and possible in what earlier versions stored.
    taken::<Prefix>("\"127.0.0.0/8\"");
    taken::<NextHop>("\"240.0.0.1\"");
    taken::<PortName>("\"default\"");

    refused::<Vlan>("4095");
    refused::<Asn>("23456");
    refused::<GatewayAsn>("65535");
    refused::<Mtu>("1501");
    refused::<Prefix>("\"10.0.0.1/16\"");
    refused::<NextHop>("\"127.0.0.1\"");
    refused::<AccountId>("\"3333\"");
    refused::<EdgeId>("\"r1\\n\"");
    refused::<PortName>("\"eth0;reboot\"");
    refused::<PeerAddresses>(r#"{"amazon":"172.16.0.1/30","customer":"172.16.0.6/30"}"#);
    refused::<PeerAddresses>(r#"{"amazon":"172.16.0.1/24","customer":"172.16.0.2/24"}"#);
}

#[test]
fn a_key_with_a_line_break_is_refused_without_being_shown() {
    let text = refused::<AuthKey>("\"sup3r\\ns3cret\"");
    assert!(!text.contains("sup3r") && text.contains("not shown"), "{text}");
}
