//! BIRD 2. VLAN and addresses are the operating system's, so they are commands in comments.

use super::super::{Parameters, Session};
use super::{BFD_INTERVAL, BFD_MULTIPLIER, HOLD_TIME, KEEPALIVE_TIME, Lines, linux_port};

/// The customer's port: a name to be replaced.
const PORT: &str = "eth1";

pub(super) fn text(parameters: &Parameters<'_>) -> String {
    let mut lines = Lines::default();
    let (vlan, mtu) = (parameters.vlan, parameters.mtu.bytes());
    lines.extend([
        format!("# On the router, with its port towards the connection in the place of {PORT}:"),
        format!("#   ip link set {PORT} {}", linux_port(parameters)),
        format!("#   ip link add link {PORT} name {PORT}.{vlan} type vlan id {vlan}"),
        format!("#   ip link set {PORT}.{vlan} mtu {mtu} up"),
    ]);
    for session in &parameters.sessions {
        lines.add(format!("#   ip address add {} dev {PORT}.{vlan}", session.local));
    }
    lines.extend([
        format!("router id {};", parameters.router_id()),
        "protocol device { }".to_owned(),
        "protocol bfd {".to_owned(),
        "  interface \"*\" {".to_owned(),
        format!("    min rx interval {BFD_INTERVAL} ms; min tx interval {BFD_INTERVAL} ms;"),
        format!("    multiplier {BFD_MULTIPLIER};"),
        "  };".to_owned(),
        "}".to_owned(),
    ]);
    for session in &parameters.sessions {
        add_session(&mut lines, parameters, session);
    }
    lines.0
}

fn add_session(lines: &mut Lines, parameters: &Parameters<'_>, session: &Session<'_>) {
    let family = session.family.as_str();
    let name = format!("{}_{family}", parameters.id.as_str().replace('-', "_"));
    lines.extend([
        format!("protocol kernel kernel_{family} {{"),
        format!("  {family} {{ import none; export where source = RTS_BGP; }};"),
        "}".to_owned(),
        "# What is announced: a line for each prefix, as in \"route 192.0.2.0/24 unreachable;\"."
            .to_owned(),
        format!("protocol static announced_{family} {{"),
        format!("  {family};"),
    ]);
    lines.extend(
        parameters.prefixes(session.family).map(|one| format!("  route {one} unreachable;")),
    );
    lines.extend([
        "}".to_owned(),
        format!("protocol bgp {name} {{"),
        format!("  local {} as {};", session.local.addr(), session.local_asn),
        format!("  neighbor {} as {};", session.remote.addr(), parameters.amazon_asn),
        // A key has no double quote, which is all that BIRD cannot have in a text.
        format!("  password \"{}\";", session.key.reveal()),
        format!("  hold time {HOLD_TIME};"),
        format!("  keepalive time {KEEPALIVE_TIME};"),
        "  bfd yes;".to_owned(),
        format!("  {family} {{"),
        "    import all;".to_owned(),
        format!("    export where proto = \"announced_{family}\";"),
        "  };".to_owned(),
        "}".to_owned(),
    ]);
}
