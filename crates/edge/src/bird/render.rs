//! The pieces of BIRD's configuration as text. Pure.
//!
//! Everything is per routing domain and family: a table, a kernel protocol that carries what customers announce into the VRF,
//! a static protocol that holds what is announced to them, an import filter; per routing domain BFD; per session one BGP
//! protocol. Routes of two routing domains never share a table, so no filter stands between tenants. What all have in
//! common stands once, in templates: BIRD reads half as much.
//!
//! Sections named below are those of the BIRD 2.0 user's guide.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Arc;

use ipnet::IpNet;
use linkway_domain::net::AddressFamily;
use sha2::{Digest as _, Sha256};

use super::fabric;
use super::names::{protocol_name, symbol};
use super::settings::{Bfd, BirdSettings};
use super::version::Dialect;
use crate::session::{Announced, Digest, RoutingDomain, Session, Sessions};

/// The name of the marker's protocol begins so; the digest and the dialect's letter follow.
pub const MARKER: &str = "linkway_";
/// A description that begins so says why a session is in the configuration but cannot be run.
pub const REFUSED: &str = "refused: ";
/// The description of a session that the limit had shut when the configuration was written.
pub const SHUT: &str = "shut: prefix limit";
/// The line that names the sessions that the limit had shut, for the next start of BIRD.
const SHUT_LINE: &str = "# shut by the prefix limit:";

/// Bytes that a routing domain or a session takes, more or less.
const ROOM: usize = 512;

/// What there is to know of a configuration beside the sessions.
#[derive(Clone, Copy, Debug)]
pub struct Surroundings<'a> {
    /// The operator's settings.
    pub settings: &'a BirdSettings,
    /// BIRD's log.
    pub log: &'a Path,
}

/// What goes before everything else.
pub(super) fn title(
    digest: Digest,
    dialect: Dialect,
    shut: impl IntoIterator<Item = String>,
) -> String {
    let list: String = shut.into_iter().map(|name| format!(" {name}")).collect();
    let marker = marker(digest, dialect);
    format!(
        "# Written by the Linkway agent, which replaces it. It holds the sessions' keys.\n\
         {SHUT_LINE}{list}\n\
         protocol static {marker} {{ ipv4; }}\n"
    )
}

/// The name of the marker's protocol.
#[must_use]
pub fn marker(digest: Digest, dialect: Dialect) -> String {
    format!("{MARKER}{digest}_{}", dialect.letter())
}

/// The sessions that a text's author knew to be shut by the limit.
#[must_use]
pub fn shut_in(text: &str) -> BTreeSet<String> {
    let line = text.lines().take(5).find_map(|line| line.strip_prefix(SHUT_LINE));
    line.into_iter().flat_map(str::split_whitespace).map(str::to_owned).collect()
}

/// The BGP identifier of a session: the operator's choice, else our address on the session's link, else (IPv6) an address
/// of 10.0.0.0/8 made from it. An identifier has to differ between the two ends and between the routers that one
/// customer has sessions with, which addresses of links do; a router's VRFs having each its own is what routers do.
#[must_use]
pub fn router_id(settings: &BirdSettings, ours: IpAddr) -> Ipv4Addr {
    match (settings.router_id, ours) {
        (Some(id), _) => id,
        (None, IpAddr::V4(address)) => address,
        (None, IpAddr::V6(address)) => {
            let hash = Sha256::digest(address.octets());
            Ipv4Addr::new(10, hash[0], hash[1], hash[2])
        }
    }
}

/// What of a text is a key gives way to a word that says so.
#[must_use]
pub fn without_keys(text: &str, sessions: &Sessions) -> String {
    let mut keys: Vec<&str> = sessions.sessions.values().map(|s| s.auth_key.reveal()).collect();
    // The longest first: one key may be the beginning of another.
    let fabric = sessions.routing_domains.values().flat_map(|domain| &domain.fabric);
    keys.extend(fabric.filter_map(|session| Some(session.auth_key.as_ref()?.reveal())));
    keys.sort_by_key(|key| Reverse(key.len()));
    keys.iter().fold(text.to_owned(), |text, key| text.replace(key, "[PROTECTED]"))
}

/// A routing domain with its sessions. Of `shut` (names of protocols), sessions are kept shut: BIRD itself would start them at
/// every reconfiguration. While it is `held` BIRD leaves the kernel's routes as they are ([`super::hold`]).
pub(super) fn routing_domain(
    domain: &RoutingDomain,
    own: &[Arc<Session>],
    settings: &BirdSettings,
    shut: &BTreeSet<String>,
    held: bool,
) -> String {
    let mut out = String::with_capacity(ROOM * (1 + own.len()));
    render_domain(&mut out, domain, own, settings, shut, held);
    for session in own {
        let shut = !shut.is_empty() && shut.contains(&protocol_name(session));
        render_session(&mut out, domain, session, settings, shut);
    }
    out
}

/// Writes formatted text into a string, which cannot fail.
macro_rules! put {
    ($out:expr, $($arg:tt)*) => {
        writeln!($out, $($arg)*).expect("writing into a string")
    };
}

/// What is once for the whole daemon. The log is bounded: two files of 4 MB. The identifier here is never sent (it is
/// RFC 7600's dummy address): each session has its own.
pub(super) fn head(around: Surroundings<'_>, dialect: Dialect) -> String {
    let settings = around.settings;
    let log = around.log.display();
    let mut out = String::new();
    put!(
        out,
        "log \"{log}\" 4000000 \"{log}.1\" {{ info, remote, warning, error, auth, fatal, bug }};"
    );
    put!(out, "router id 192.0.0.8;");
    put!(out, "graceful restart wait {};", settings.graceful_restart_wait);
    put!(out, "watchdog warning 5 s;");
    put!(out, "protocol device {{ scan time 10; }}");
    // Never from a customer: "this network" but not the default route, loopback, link-local, multicast, broadcast
    // (RFC 6890); for IPv6 also everything that embeds IPv4 addresses.
    put!(
        out,
        "define MARTIANS4 = [ 0.0.0.0/8+, 127.0.0.0/8+, 169.254.0.0/16+, 224.0.0.0/4+, 255.255.255.255/32 ];"
    );
    put!(out, "define MARTIANS6 = [ ::/8+, fe80::/10+, ff00::/8+ ];");
    render_preference(&mut out, settings);
    for family in [AddressFamily::Ipv4, AddressFamily::Ipv6] {
        render_templates(&mut out, family, settings, dialect);
    }
    fabric::render_templates(&mut out, settings, dialect);
    if settings.bfd == Bfd::Shared {
        render_bfd(&mut out, "all_bfd", None, settings);
    }
    out
}

/// The preferences are those of AWS (Direct Connect user guide, "Routing policies and BGP communities"); of several communities the highest wins.
fn render_preference(out: &mut String, settings: &BirdSettings) {
    put!(out, "function linkway_preference()");
    put!(out, "{{");
    put!(out, "  bgp_local_pref = {};", settings.local_preference_medium);
    for (community, preference) in [
        (7100, settings.local_preference_low),
        (7200, settings.local_preference_medium),
        (7300, settings.local_preference_high),
    ] {
        put!(out, "  if (7224, {community}) ~ bgp_community then bgp_local_pref = {preference};");
    }
    put!(out, "}}");
}

/// What all gateways and all sessions of a family have in common. The comments say which of BIRD's defaults would not do.
fn render_templates(
    out: &mut String,
    family: AddressFamily,
    settings: &BirdSettings,
    dialect: Dialect,
) {
    let (word, n) = (family.as_str(), number(family));
    // "persist" and "graceful restart": the kernel's routes outlive BIRD and are compared, not replaced, when it comes
    // back. The buffer is the netlink socket's: when the notices of thousands of routes overflow it, sessions stay
    // down. Nothing is learned: what else is in the VRF's table is not ours to announce.
    put!(out, "template kernel linkway_kernel{n} {{");
    put!(out, "  persist; graceful restart on; merge paths on; netlink rx buffer 67108864;");
    put!(out, "  {word} {{ import none; export where source = RTS_BGP; }};");
    put!(out, "}}");
    put!(out, "template bgp linkway_customer{n} {{");
    match dialect {
        Dialect::Classic => {}
        Dialect::NamedAuthentication => put!(out, "  authentication md5;"),
    }
    // One hop, TTL 1 ("direct" is what BIRD calls it), and down with the carrier.
    put!(out, "  direct; check link on;");
    put!(out, "  enforce first as on;");
    put!(out, "  hold time {}; min hold time 3;", settings.hold_time);
    put!(out, "  keepalive time {};", settings.keepalive_time);
    put!(out, "  graceful restart on; graceful restart time {};", settings.graceful_restart_time);
    put!(out, "  long lived graceful restart off;");
    match settings.bfd {
        Bfd::PerGateway | Bfd::Shared => put!(out, "  bfd on;"),
        Bfd::Off => {}
    }
    // Ours is the quick side: a customer's router may wait two minutes between its attempts.
    put!(out, "  connect delay time 1; connect retry time 5; error wait time 5, 30;");
    put!(out, "  {word} {{");
    // The table of what came in is what the limit counts, rejected routes included, and what a changed filter is applied
    // to without asking the customer's router.
    put!(out, "    import table on; import keep filtered on;");
    put!(out, "    export where source = RTS_STATIC;");
    put!(out, "    receive limit {} action disable;", settings.prefix_limit);
    put!(out, "    next hop self;{}", next_hop_words(family));
    put!(out, "  }};");
    put!(out, "}}");
}

/// The number that names carry.
pub(super) const fn number(family: AddressFamily) -> char {
    match family {
        AddressFamily::Ipv4 => '4',
        AddressFamily::Ipv6 => '6',
    }
}

const fn family_of(net: &IpNet) -> AddressFamily {
    match net {
        IpNet::V4(_) => AddressFamily::Ipv4,
        IpNet::V6(_) => AddressFamily::Ipv6,
    }
}

/// What a routing domain's sessions share, for the families that have a session, with customers or with the fabric.
fn render_domain(
    out: &mut String,
    domain: &RoutingDomain,
    own: &[Arc<Session>],
    settings: &BirdSettings,
    shut: &BTreeSet<String>,
    held: bool,
) {
    let (name, vrf) = (symbol(domain.id.as_str()), domain.id.as_str());
    put!(out, "\n# {vrf}");
    let families = [AddressFamily::Ipv4, AddressFamily::Ipv6];
    let used = |family: &AddressFamily| {
        own.iter().any(|s| s.addresses.family() == *family)
            || fabric::of_family(domain, *family).is_some()
    };
    for family in families.into_iter().filter(used) {
        let (word, n) = (family.as_str(), number(family));
        let table = format!("{name}_v{n}");
        put!(out, "{word} table {table};");
        render_import_filter(out, &format!("{name}_in{n}"), domain, own, family);
        put!(out, "protocol kernel {name}_kernel{n} from linkway_kernel{n} {{");
        let held = if held { " disabled;" } else { "" };
        put!(out, "  vrf \"{vrf}\"; kernel table {};{held}", domain.table);
        put!(out, "  {word} {{ table {table}; }};");
        put!(out, "}}");
        // The agent makes these routes in the kernel itself; here they stand for "the VPC can be reached": without the
        // handoff's carrier, or with the handoff outside the VRF, they are not announced. An interface is all that takes;
        // BIRD 2.0 has a next hop's interface as a symbol, which cannot be one of the many keywords.
        // With a session with the fabric, that decides too.
        let session = fabric::of_family(domain, family);
        let protocol = match session {
            Some(session) => fabric::announced_name(&session.id),
            None => format!("{name}_vpc{n}"),
        };
        let disabled = if shut.contains(&protocol) { " disabled;" } else { "" };
        put!(out, "protocol static {protocol} {{{disabled}");
        put!(out, "  vrf \"{vrf}\"; check link on; {word} {{ table {table}; }};");
        for (prefix, ways) in by_prefix(&domain.announced, family) {
            let ways: String = ways.iter().map(|way| format!(" via \"{way}\"")).collect();
            put!(out, "  route {prefix}{ways};");
        }
        put!(out, "}}");
        if let Some(session) = session {
            fabric::render(out, domain, session, settings);
        }
    }
    if settings.bfd == Bfd::PerGateway && !own.is_empty() {
        render_bfd(out, &format!("{name}_bfd"), Some(vrf), settings);
    }
}

/// Passive: it waits for the customer to turn BFD on, and a session without BFD is none the worse.
fn render_bfd(out: &mut String, name: &str, vrf: Option<&str>, settings: &BirdSettings) {
    let (interval, multiplier) = (settings.bfd_interval, settings.bfd_multiplier);
    put!(out, "protocol bfd {name} {{");
    if let Some(vrf) = vrf {
        put!(out, "  vrf \"{vrf}\";");
    }
    put!(out, "  accept direct;");
    // Customers' links and handoffs: what a session is on.
    put!(out, "  interface \"*\" {{");
    put!(
        out,
        "    passive on; min rx interval {interval} ms; min tx interval {interval} ms; multiplier {multiplier};"
    );
    put!(out, "  }};");
    put!(out, "}}");
}

/// Each prefix with the handoffs towards it.
fn by_prefix(announced: &[Announced], family: AddressFamily) -> BTreeMap<IpNet, BTreeSet<&str>> {
    let mut found: BTreeMap<IpNet, BTreeSet<&str>> = BTreeMap::new();
    for way in announced.iter().filter(|a| family_of(&a.prefix.net()) == family) {
        found.entry(way.prefix.net()).or_default().insert(&way.interface);
    }
    found
}

/// What a customer's route has to be: outside the routing domain's own prefixes and the subnets of its sessions (a host route to
/// the other end of a session would take it), no martian, with its own router as the next hop.
fn render_import_filter(
    out: &mut String,
    name: &str,
    domain: &RoutingDomain,
    own: &[Arc<Session>],
    family: AddressFamily,
) {
    let links = own.iter().map(|s| s.addresses.amazon().trunc());
    let nets: BTreeSet<IpNet> = domain.cidrs.iter().map(|c| c.net()).chain(links).collect();
    let set: Vec<String> =
        nets.iter().filter(|n| family_of(n) == family).map(|n| format!("{n}+")).collect();
    put!(out, "filter {name} {{");
    put!(out, "  if net ~ MARTIANS{} then reject;", number(family));
    if !set.is_empty() {
        put!(out, "  if net ~ [ {} ] then reject;", set.join(", "));
    }
    put!(out, "  if bgp_next_hop != from then reject;");
    put!(out, "  linkway_preference(); accept;");
    put!(out, "}}");
}

/// BIRD's strings end at the first `"` and know no escape (sections 3.1 and 5.2; `password` takes no bytes).
fn obstacle(session: &Session) -> Option<&'static str> {
    session
        .auth_key
        .reveal()
        .contains('"')
        .then_some("the key (not shown) has a double quote, which BIRD cannot be given")
}

/// A session.
fn render_session(
    out: &mut String,
    domain: &RoutingDomain,
    session: &Session,
    settings: &BirdSettings,
    shut: bool,
) {
    let (name, link) = (protocol_name(session), session.id.interface.as_str());
    let prefix = symbol(domain.id.as_str());
    let (ours, theirs) = (session.addresses.amazon().addr(), session.addresses.customer().addr());
    let family = session.addresses.family();
    let (word, n) = (family.as_str(), number(family));
    if let Some(why) = obstacle(session) {
        // In its place stands something that never runs and says why, so that it can be reported.
        put!(out, "protocol static {name} {{");
        put!(out, "  disabled; description \"{REFUSED}{why}\";");
        put!(out, "  {word} {{ table {prefix}_v{n}; }};");
        put!(out, "}}");
        return;
    }
    put!(out, "protocol bgp {name} from linkway_customer{n} {{");
    if shut {
        put!(out, "  disabled; description \"{SHUT}\";");
    }
    let (port, asn) = (settings.port, domain.asn);
    put!(out, "  vrf \"{}\"; interface \"{link}\";", domain.id);
    put!(out, "  router id {}; local {ours} port {port} as {asn};", router_id(settings, ours));
    put!(out, "  neighbor {theirs} port {port} as {};", session.asn);
    put!(out, "  password \"{}\";", session.auth_key.reveal());
    put!(out, "  {word} {{ table {prefix}_v{n}; import filter {prefix}_in{n}; }};");
    put!(out, "}}");
}

/// An IPv6 router sends its link-local address along; routes have to go to the address that the API gave it.
const fn next_hop_words(family: AddressFamily) -> &'static str {
    match family {
        AddressFamily::Ipv4 => "",
        AddressFamily::Ipv6 => " next hop prefer global;",
    }
}
