//! FRRouting, as `vtysh -f` reads it. The VLAN is the operating system's, so it is a command in a comment.

use super::super::{Parameters, Session};
use super::{BFD_INTERVAL, BFD_MULTIPLIER, HOLD_TIME, KEEPALIVE_TIME, Lines, linux_port};
use crate::net::AddressFamily;

/// The customer's port: a name to be replaced.
const PORT: &str = "eth1";

pub(super) fn text(parameters: &Parameters<'_>) -> String {
    let mut lines = Lines::default();
    let (vlan, mtu) = (parameters.vlan, parameters.mtu.bytes());
    lines.extend([
        format!("! On the router, with its port towards the connection in the place of {PORT}:"),
        format!("!   ip link set {PORT} {}", linux_port(parameters)),
        format!("!   ip link add link {PORT} name {PORT}.{vlan} type vlan id {vlan}"),
        format!("!   ip link set {PORT}.{vlan} mtu {mtu} up"),
        "! bgpd and bfdd must be on in /etc/frr/daemons.".to_owned(),
        "!".to_owned(),
        format!("interface {PORT}.{vlan}"),
        format!(" description {}", parameters.id),
    ]);
    for session in &parameters.sessions {
        let ip = if session.family == AddressFamily::Ipv4 { "ip" } else { "ipv6" };
        lines.add(format!(" {ip} address {}", session.local));
    }
    lines.extend(["exit", "!", "route-map FROM-DIRECT-CONNECT permit 10", "exit", "!"]);
    lines.extend(["bfd", " profile direct-connect"]);
    lines.extend([
        format!("  detect-multiplier {BFD_MULTIPLIER}"),
        format!("  receive-interval {BFD_INTERVAL}"),
        format!("  transmit-interval {BFD_INTERVAL}"),
    ]);
    lines.extend([" exit", "exit", "!"]);
    for session in &parameters.sessions {
        let words = words_of(session.family);
        let announced = parameters.prefixes(session.family);
        lines.extend(
            announced.map(|one| format!("{words} prefix-list TO-DIRECT-CONNECT permit {one}")),
        );
        lines.add(format!(
            "! What may be announced: a line for each, as in \"{words} prefix-list TO-DIRECT-CONNECT permit {}\".",
            example(session.family)
        ));
    }
    lines.extend([
        "route-map TO-DIRECT-CONNECT permit 10",
        " match ip address prefix-list TO-DIRECT-CONNECT",
    ]);
    lines.extend(["exit", "route-map TO-DIRECT-CONNECT permit 20"]);
    lines.extend([" match ipv6 address prefix-list TO-DIRECT-CONNECT", "exit", "!"]);
    lines.extend([
        format!("router bgp {}", parameters.router_asn()),
        format!(" bgp router-id {}", parameters.router_id()),
        " no bgp default ipv4-unicast".to_owned(),
    ]);
    parameters.sessions.iter().for_each(|session| add_session(&mut lines, parameters, session));
    lines.extend(["exit", "!"]);
    lines.0
}

fn add_session(lines: &mut Lines, parameters: &Parameters<'_>, session: &Session<'_>) {
    let neighbor = format!("neighbor {}", session.remote.addr());
    lines.extend([
        format!(" {neighbor} remote-as {}", parameters.amazon_asn),
        format!(" {neighbor} description {}", parameters.id),
        format!(" {neighbor} password {}", session.key.reveal()),
        format!(" {neighbor} timers {KEEPALIVE_TIME} {HOLD_TIME}"),
        format!(" {neighbor} bfd profile direct-connect"),
    ]);
    if session.local_asn != parameters.router_asn() {
        lines.add(format!(" {neighbor} local-as {} no-prepend replace-as", session.local_asn));
    }
    lines.add(format!(" address-family {} unicast", session.family.as_str()));
    lines.extend(parameters.prefixes(session.family).map(|one| format!("  network {one}")));
    lines.extend([
        format!(
            "  ! What is announced must be in the routing table: as in \"network {}\".",
            example(session.family)
        ),
        format!("  {neighbor} activate"),
        format!("  {neighbor} route-map FROM-DIRECT-CONNECT in"),
        format!("  {neighbor} route-map TO-DIRECT-CONNECT out"),
        " exit-address-family".to_owned(),
    ]);
}

/// How lines about addresses of a family begin.
const fn words_of(family: AddressFamily) -> &'static str {
    match family {
        AddressFamily::Ipv4 => "ip",
        AddressFamily::Ipv6 => "ipv6",
    }
}

/// A prefix for examples (RFC 5737, RFC 3849).
const fn example(family: AddressFamily) -> &'static str {
    match family {
        AddressFamily::Ipv4 => "192.0.2.0/24",
        AddressFamily::Ipv6 => "2001:db8::/32",
    }
}
