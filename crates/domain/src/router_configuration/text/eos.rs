//! Arista EOS.

use super::super::{Parameters, Session};
use super::{BFD_INTERVAL, BFD_MULTIPLIER, HOLD_TIME, KEEPALIVE_TIME, Lines};
use crate::net::AddressFamily;

/// The customer's port: a name to be replaced.
const PORT: &str = "Ethernet1";

pub(super) fn text(parameters: &Parameters<'_>) -> String {
    let mut lines = Lines::default();
    let (vlan, mtu) = (parameters.vlan, parameters.mtu.bytes());
    lines.extend([
        format!("! The port towards the connection takes the place of {PORT}."),
        "ip routing".to_owned(),
    ]);
    if parameters.sessions.iter().any(|session| session.family == AddressFamily::Ipv6) {
        lines.add("ipv6 unicast-routing");
    }
    lines.extend([
        format!("interface {PORT}"),
        "   no switchport".to_owned(),
        format!("interface {PORT}.{vlan}"),
        format!("   description {}", parameters.id),
        format!("   encapsulation dot1q vlan {vlan}"),
        format!("   mtu {mtu}"),
    ]);
    for session in &parameters.sessions {
        let ip = match session.family {
            AddressFamily::Ipv4 => "ip",
            AddressFamily::Ipv6 => "ipv6",
        };
        lines.add(format!("   {ip} address {}", session.local));
    }
    let interval = format!("{BFD_INTERVAL} min-rx {BFD_INTERVAL} multiplier {BFD_MULTIPLIER}");
    lines.extend([
        format!("   bfd interval {interval}"),
        "!".to_owned(),
        format!("router bgp {}", parameters.router_asn()),
        format!("   router-id {}", parameters.router_id()),
        "   no bgp default ipv4-unicast".to_owned(),
    ]);
    parameters.sessions.iter().for_each(|session| add_session(&mut lines, parameters, session));
    lines.add("!");
    lines.0
}

fn add_session(lines: &mut Lines, parameters: &Parameters<'_>, session: &Session<'_>) {
    let neighbor = format!("neighbor {}", session.remote.addr());
    lines.extend([
        format!("   {neighbor} remote-as {}", parameters.amazon_asn),
        format!("   {neighbor} description {}", parameters.id),
    ]);
    if session.key.reveal().contains('?') {
        lines.add("   ! Before each question mark of the key: Ctrl-V, or it asks for help.");
    }
    lines.extend([
        format!("   {neighbor} password 0 {}", session.key.reveal()),
        format!("   {neighbor} timers {KEEPALIVE_TIME} {HOLD_TIME}"),
        format!("   {neighbor} bfd"),
    ]);
    if session.local_asn != parameters.router_asn() {
        lines.add(format!("   {neighbor} local-as {} no-prepend replace-as", session.local_asn));
    }
    lines.add(format!("   address-family {}", session.family.as_str()));
    lines.extend(parameters.prefixes(session.family).map(|one| format!("      network {one}")));
    lines.extend([
        "      ! What is announced: a network line for each prefix that is in the routing table."
            .to_owned(),
        format!("      {neighbor} activate"),
    ]);
}
