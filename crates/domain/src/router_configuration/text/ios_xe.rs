//! Cisco IOS XE.

use ipnet::IpNet;

use super::super::{Parameters, Session};
use super::{BFD_INTERVAL, BFD_MULTIPLIER, HOLD_TIME, KEEPALIVE_TIME, Lines};
use crate::net::Prefix;

/// The customer's port: a name to be replaced.
const PORT: &str = "GigabitEthernet0/0/1";

pub(super) fn text(parameters: &Parameters<'_>) -> String {
    let mut lines = Lines::default();
    let (vlan, mtu) = (parameters.vlan, parameters.mtu.bytes());
    lines.add(format!("! The port towards the connection takes the place of {PORT}."));
    if mtu > 1500 {
        lines.extend([format!("interface {PORT}"), format!(" mtu {mtu}"), "exit".to_owned()]);
    }
    lines.extend([
        format!("interface {PORT}.{vlan}"),
        format!(" description {}", parameters.id),
        format!(" encapsulation dot1Q {vlan}"),
    ]);
    for session in &parameters.sessions {
        match session.local {
            IpNet::V4(local) => lines.extend([
                format!(" ip address {} {}", local.addr(), local.netmask()),
                format!(" ip mtu {mtu}"),
            ]),
            IpNet::V6(local) => {
                lines.extend([format!(" ipv6 address {local}"), format!(" ipv6 mtu {mtu}")]);
            }
        }
    }
    let interval = format!("{BFD_INTERVAL} min_rx {BFD_INTERVAL} multiplier {BFD_MULTIPLIER}");
    lines.extend([format!(" bfd interval {interval}"), " no shutdown".to_owned()]);
    lines.extend(["exit", "!"]);
    lines.extend([
        format!("router bgp {}", parameters.router_asn()),
        format!(" bgp router-id {}", parameters.router_id()),
        " bgp log-neighbor-changes".to_owned(),
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
    ]);
    if session.key.reveal().contains('?') {
        lines.add(" ! Before each question mark of the key: Ctrl-V, or it asks for help.");
    }
    lines.extend([
        format!(" {neighbor} password 0 {}", session.key.reveal()),
        format!(" {neighbor} timers {KEEPALIVE_TIME} {HOLD_TIME}"),
        format!(" {neighbor} fall-over bfd"),
    ]);
    if session.local_asn != parameters.router_asn() {
        lines.add(format!(" {neighbor} local-as {} no-prepend replace-as", session.local_asn));
    }
    lines.add(format!(" address-family {}", session.family.as_str()));
    lines
        .extend(parameters.prefixes(session.family).map(|prefix| format!("  {}", network(prefix))));
    lines.extend([
        "  ! What is announced: a network line for each prefix that is in the routing table."
            .to_owned(),
        format!("  {neighbor} activate"),
        " exit-address-family".to_owned(),
    ]);
}

/// The line that announces a prefix.
fn network(prefix: Prefix) -> String {
    match prefix.net() {
        IpNet::V4(net) => format!("network {} mask {}", net.addr(), net.netmask()),
        IpNet::V6(net) => format!("network {net}"),
    }
}
