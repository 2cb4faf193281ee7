//! Junos, as `set` commands, which `load set terminal` takes too.

use super::super::{Parameters, Session};
use super::{BFD_INTERVAL, BFD_MULTIPLIER, ETHERNET_HEADER, HOLD_TIME, Lines, VLAN_TAG};
use crate::net::AddressFamily;

/// The customer's port: a name to be replaced.
const PORT: &str = "ge-0/0/1";

pub(super) fn text(parameters: &Parameters<'_>) -> String {
    let mut lines = Lines::default();
    let (vlan, mtu) = (parameters.vlan, parameters.mtu.bytes());
    let unit = format!("set interfaces {PORT} unit {vlan}");
    lines.extend([
        format!("# The port towards the connection takes the place of {PORT}."),
        format!("set interfaces {PORT} vlan-tagging"),
        format!("set interfaces {PORT} mtu {}", mtu + ETHERNET_HEADER + VLAN_TAG),
        format!("{unit} description {}", parameters.id),
        format!("{unit} vlan-id {vlan}"),
    ]);
    for session in &parameters.sessions {
        let inet = inet(session.family);
        lines.extend([
            format!("{unit} family {inet} mtu {mtu}"),
            format!("{unit} family {inet} address {}", session.local),
        ]);
    }
    lines.extend([
        format!("set routing-options router-id {}", parameters.router_id()),
        format!("set routing-options autonomous-system {}", parameters.router_asn()),
        "# What is announced: a line for each prefix, which must be in the routing table."
            .to_owned(),
        "#   set policy-options prefix-list to-direct-connect 192.0.2.0/24".to_owned(),
    ]);
    lines.extend(
        parameters
            .prefixes
            .iter()
            .map(|one| format!("set policy-options prefix-list to-direct-connect {one}")),
    );
    let policy = "set policy-options policy-statement to-direct-connect";
    lines.extend([
        "set policy-options prefix-list to-direct-connect".to_owned(),
        format!("{policy} term announced from prefix-list to-direct-connect"),
        format!("{policy} term announced then accept"),
        format!("{policy} term others then reject"),
    ]);
    parameters.sessions.iter().for_each(|session| add_session(&mut lines, parameters, session));
    lines.0
}

fn add_session(lines: &mut Lines, parameters: &Parameters<'_>, session: &Session<'_>) {
    let group = format!("set protocols bgp group {}-{}", parameters.id, session.family.as_str());
    let inet = inet(session.family);
    lines.extend([
        format!("{group} type external"),
        format!("{group} local-address {}", session.local.addr()),
        format!("{group} family {inet} unicast"),
        format!("{group} hold-time {HOLD_TIME}"),
        format!("{group} authentication-key {}", quoted(session.key.reveal())),
        format!("{group} export to-direct-connect"),
        format!("{group} peer-as {}", parameters.amazon_asn),
    ]);
    if session.local_asn != parameters.router_asn() {
        lines.add(format!("{group} local-as {} private no-prepend-global-as", session.local_asn));
    }
    lines.extend([
        format!("{group} bfd-liveness-detection minimum-interval {BFD_INTERVAL}"),
        format!("{group} bfd-liveness-detection multiplier {BFD_MULTIPLIER}"),
        format!("{group} neighbor {}", session.remote.addr()),
    ]);
}

/// The family's name.
const fn inet(family: AddressFamily) -> &'static str {
    match family {
        AddressFamily::Ipv4 => "inet",
        AddressFamily::Ipv6 => "inet6",
    }
}

/// A text in quotes.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
