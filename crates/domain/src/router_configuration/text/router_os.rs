//! MikroTik RouterOS 7, as commands of its terminal.

use super::super::{Parameters, Session};
use super::{BFD_INTERVAL, BFD_MULTIPLIER, HOLD_TIME, KEEPALIVE_TIME, Lines};
use crate::net::AddressFamily;

/// The customer's port: a name to be replaced.
const PORT: &str = "ether1";

pub(super) fn text(parameters: &Parameters<'_>) -> String {
    let mut lines = Lines::default();
    let Parameters { id, vlan, .. } = parameters;
    let mtu = parameters.mtu.bytes();
    lines.add(format!("# The port towards the connection takes the place of {PORT}."));
    if mtu > 1500 {
        lines.add(format!(
            "/interface ethernet set [find name={PORT}] l2mtu={} mtu={mtu}",
            mtu + super::VLAN_TAG
        ));
    }
    lines.add(format!("/interface vlan add name={id} interface={PORT} vlan-id={vlan} mtu={mtu}"));
    for session in &parameters.sessions {
        lines.add(match session.family {
            AddressFamily::Ipv4 => {
                format!("/ip address add address={} interface={id}", session.local)
            }
            AddressFamily::Ipv6 => {
                format!("/ipv6 address add address={} interface={id} advertise=no", session.local)
            }
        });
    }
    let interval = format!("min-rx={BFD_INTERVAL}ms min-tx={BFD_INTERVAL}ms");
    lines.add(format!(
        "/routing bfd configuration add interfaces={id} {interval} multiplier={BFD_MULTIPLIER}"
    ));
    lines.extend([
        "# What is announced: a line for each prefix, which must be in the routing table.",
        "#   /ip firewall address-list add list=to-direct-connect address=192.0.2.0/24",
    ]);
    for session in &parameters.sessions {
        let list =
            format!("{} firewall address-list add list=to-direct-connect", menu(session.family));
        lines
            .extend(parameters.prefixes(session.family).map(|one| format!("{list} address={one}")));
    }
    parameters.sessions.iter().for_each(|session| add_session(&mut lines, parameters, session));
    lines.0
}

fn add_session(lines: &mut Lines, parameters: &Parameters<'_>, session: &Session<'_>) {
    let afi = match session.family {
        AddressFamily::Ipv4 => "ip",
        AddressFamily::Ipv6 => "ipv6",
    };
    let words = [
        format!("/routing bgp connection add name={}-{}", parameters.id, session.family.as_str()),
        format!("as={} router-id={}", session.local_asn, parameters.router_id()),
        format!("local.role=ebgp local.address={}", session.local.addr()),
        format!("remote.address={} remote.as={}", session.remote.addr(), parameters.amazon_asn),
        format!("tcp-md5-key={}", quoted(session.key.reveal())),
        format!("hold-time={HOLD_TIME}s keepalive-time={KEEPALIVE_TIME}s use-bfd=yes"),
        format!("address-families={afi} output.network=to-direct-connect"),
    ];
    lines.add(words.join(" "));
}

/// The menu of a family.
const fn menu(family: AddressFamily) -> &'static str {
    match family {
        AddressFamily::Ipv4 => "/ip",
        AddressFamily::Ipv6 => "/ipv6",
    }
}

/// A text in quotes: what begins an escape, a variable or a question is escaped.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        if matches!(character, '\\' | '"' | '$' | '?') {
            quoted.push('\\');
        }
        quoted.push(character);
    }
    quoted.push('"');
    quoted
}
