//! The pieces of BIRD's configuration as text. Pure.
//!
//! Per kernel table and family there is a table of BIRD's and a kernel protocol that carries what customers announce into the VRF:
//! also of tables that no VRF has yet (`spare.rs`). Per routing domain and family there is
//! a static protocol that holds what is announced to them; per session one BGP protocol. BFD is one instance for all. Routes of
//! two routing domains never share a table, so no filter stands between tenants. What all have in common stands once, in
//! templates: BIRD reads half as much.
//!
//! Sections named below are those of the BIRD 2.0 user's guide.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Arc;

use ipnet::IpNet;
use linkway_domain::edge::DrainStage;
use linkway_domain::net::{AddressFamily, AuthKey};
use sha2::{Digest as _, Sha256};

use super::backbone;
use super::fabric;
use super::hold::recovery_seconds;
use super::import;
use super::leak;
use super::names::{bird_table, kernel_protocol, number, protocol_name, symbol};
use super::settings::{Bfd, BirdSettings};
use super::shut::Shut;
use super::version::Dialect;
use crate::limits::scan_interval;
use crate::session::{Announced, Digest, RoutingDomain, Session, Sessions};

/// The name of the marker's protocol begins so; the digest and the dialect's letter follow.
pub const MARKER: &str = "linkway_";
/// A description that begins so says why a session is in the configuration but cannot be run.
pub const REFUSED: &str = "refused: ";
/// The line that names the sessions that the limit had shut, for the next start of BIRD.
const SHUT_LINE: &str = "# shut by the prefix limit:";

/// How many prefixes a customer may announce on a public interface (Direct Connect user guide, "Quotas").
const PUBLIC_LIMIT: u16 = 1000;
/// Which routes are announced to a customer.
const ANNOUNCED: &str = "source = RTS_STATIC";

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

/// Whether BIRD looks at the links from its start on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Device {
    /// It does.
    On,
    /// Only when it is told to.
    Off,
}

/// What goes before everything else, and depends on how many sessions and kernel tables there are.
pub(super) fn title(
    digest: Digest,
    dialect: Dialect,
    shut: impl IntoIterator<Item = String>,
    (sessions, tables): (usize, usize),
    settings: &BirdSettings,
    device: Device,
) -> String {
    let list: String = shut.into_iter().map(|name| format!(" {name}")).collect();
    let marker = marker(digest, dialect);
    let recovery = recovery_seconds(sessions, settings.graceful_restart_wait);
    let scan = scan_interval(sessions, tables).as_secs();
    let device = match device {
        Device::On => "",
        Device::Off => " disabled;",
    };
    format!(
        "# Written by the Linkway agent, which replaces it. It holds the sessions' keys.\n\
         {SHUT_LINE}{list}\n\
         protocol static {marker} {{ ipv4; }}\n\
         graceful restart wait {recovery};\n\
         protocol device {{{device} scan time {scan}; }}\n"
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
    let new = sessions.sessions.values().filter_map(|session| session.new_key.as_ref());
    keys.extend(new.map(|new| new.auth_key.reveal()));
    let fabric = sessions.routing_domains.values().flat_map(|domain| &domain.fabric);
    keys.extend(fabric.filter_map(|session| Some(session.auth_key.as_ref()?.reveal())));
    // The longest first: one key may be the beginning of another.
    keys.sort_by_key(|key| Reverse(key.len()));
    keys.iter().fold(text.to_owned(), |text, key| text.replace(key, "[PROTECTED]"))
}

/// A routing domain with its sessions. Of `shut` (names of protocols), sessions are kept shut: BIRD itself would start them at
/// every reconfiguration.
pub(super) fn routing_domain(
    domain: &RoutingDomain,
    own: &[Arc<Session>],
    settings: &BirdSettings,
    shut: &BTreeMap<String, Shut>,
) -> String {
    let mut out = String::with_capacity(ROOM * (1 + own.len()));
    render_domain(&mut out, domain, own, settings, shut);
    for session in own {
        let family = session.addresses.family();
        let prefixes = prefixes_of_family(domain, own, family);
        let shut = shut.get(&protocol_name(session)).copied();
        render_session(&mut out, domain, session, settings, &prefixes, shut);
    }
    out
}

/// The prefixes inside which nothing is accepted in a family, as a set or by the name of one.
fn prefixes_of_family(
    domain: &RoutingDomain,
    own: &[Arc<Session>],
    family: AddressFamily,
) -> String {
    let of_family = own.iter().filter(|one| one.addresses.family() == family);
    match of_family.clone().count() {
        0 | 1 => import::own_prefixes(domain, of_family.map(|one| &**one), family),
        _ => own_set(domain, family),
    }
}

/// The kernel tables that BIRD looks after, each with a table of BIRD's for either family. Of tables that are `held` BIRD leaves the
/// kernel's routes as they are ([`super::hold`]), and then the others have no part in its recovery: they would wait for its end.
pub(super) fn tables(
    tables: &BTreeSet<u32>,
    held: Option<&BTreeSet<(u32, AddressFamily)>>,
) -> String {
    let mut out = String::with_capacity(ROOM * tables.len());
    for table in tables {
        for family in [AddressFamily::Ipv4, AddressFamily::Ipv6] {
            let (word, n) = (family.as_str(), number(family));
            let (kernel, own) = (kernel_protocol(*table, family), bird_table(*table, family));
            let held = match held {
                None => "",
                Some(held) if held.contains(&(*table, family)) => " disabled;",
                Some(_) => " graceful restart off;",
            };
            put!(out, "{word} table {own};");
            put!(out, "protocol kernel {kernel} from linkway_kernel{n} {{");
            put!(out, "  kernel table {table};{held} {word} {{ table {own}; }};");
            put!(out, "}}");
        }
    }
    out
}

/// The name of the set of a routing domain's own prefixes. Only where several sessions share it: a constant costs BIRD more
/// than it saves one session.
fn own_set(domain: &RoutingDomain, family: AddressFamily) -> String {
    format!("{}_own{}", symbol(domain.id.as_str()), number(family))
}

/// Writes a line into a string, which cannot fail.
macro_rules! put {
    ($out:expr, $($arg:tt)*) => {
        writeln!($out, $($arg)*).expect("writing into a string")
    };
}
pub(super) use put;

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
    // Seconds of Unix time, which `show route` is read for: other forms are of the machine's time zone.
    put!(out, "timeformat route \"%s\";");
    put!(out, "watchdog warning 5 s;");
    import::render(&mut out, settings);
    for family in [AddressFamily::Ipv4, AddressFamily::Ipv6] {
        render_templates(&mut out, family, settings, dialect);
    }
    leak::render_functions(&mut out);
    fabric::render_templates(&mut out, settings, dialect);
    backbone::render_functions(&mut out, settings);
    if settings.bfd == Bfd::Shared {
        render_bfd(&mut out, settings);
    }
    out
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
    // Scanned at the start and on "reload out" only: before each scan BIRD looks at all links, which takes it seconds where
    // there are thousands. The agent hears of what a scan would find and has BIRD repair it.
    put!(out, "  scan time 0;");
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
    render_timers(out, settings);
    put!(out, "  {word} {{");
    // The table of what came in is what the limit counts, rejected routes included, and what a changed filter is applied
    // to without asking the customer's router.
    put!(out, "    import table on; import keep filtered on;");
    put!(out, "    export where {ANNOUNCED};");
    put!(out, "    receive limit {} action disable;", settings.prefix_limit);
    put!(out, "    next hop self;{}", next_hop_words(family));
    put!(out, "  }};");
    put!(out, "}}");
}

/// What the sessions with customers and those with the fabric have in common.
pub(super) fn render_timers(out: &mut String, settings: &BirdSettings) {
    put!(out, "  hold time {}; min hold time 3;", settings.hold_time);
    put!(out, "  keepalive time {};", settings.keepalive_time);
    put!(out, "  graceful restart on; graceful restart time {};", settings.graceful_restart_time);
    put!(out, "  long lived graceful restart off;");
    match settings.bfd {
        Bfd::Shared => put!(out, "  bfd on;"),
        Bfd::Off => {}
    }
    // Ours is the quick side: the other router may wait two minutes between its attempts.
    put!(out, "  connect delay time 1; connect retry time 5; error wait time 5, 30;");
}

/// What a routing domain's sessions share, for the families that have a session, with customers or with the fabric. One without
/// sessions of its own is there for those of a Direct Connect gateway, whichever those are.
fn render_domain(
    out: &mut String,
    domain: &RoutingDomain,
    own: &[Arc<Session>],
    settings: &BirdSettings,
    shut: &BTreeMap<String, Shut>,
) {
    let (name, vrf) = (symbol(domain.id.as_str()), domain.id.as_str());
    put!(out, "\n# {vrf}");
    let families = [AddressFamily::Ipv4, AddressFamily::Ipv6];
    let used = |family: &AddressFamily| {
        own.iter().any(|s| s.addresses.family() == *family)
            || fabric::of_family(domain, *family).is_some()
            || own.is_empty()
    };
    for family in families.into_iter().filter(used) {
        let n = number(family);
        let table = bird_table(domain.table, family);
        let of_family = own.iter().filter(|one| one.addresses.family() == family);
        if of_family.clone().count() > 1 {
            let prefixes = import::own_prefixes(domain, of_family.map(|one| &**one), family);
            put!(out, "define {} = {prefixes};", own_set(domain, family));
        }
        // The agent makes these routes in the kernel itself; here they stand for "the VPC can be reached": without the
        // handoff's carrier, or with the handoff outside the VRF, they are not announced. An interface is all that takes;
        // BIRD 2.0 has a next hop's interface as a symbol, which cannot be one of the many keywords.
        // With a session with the fabric, that decides too. One with the backbone has nothing to do with a VPC.
        let session = fabric::of_family(domain, family);
        let protocol = match session.filter(|session| !session.id.is_backbone()) {
            Some(session) => fabric::announced_name(&session.id, &domain.id),
            None => format!("{name}_vpc{n}"),
        };
        let is_disabled = shut.contains_key(&protocol);
        render_announced(out, &protocol, is_disabled, (vrf, &table), &domain.announced, family);
        leak::render(out, domain, family, shut);
        match session {
            Some(session) if session.id.is_backbone() => {
                let prefixes = prefixes_of_family(domain, own, family);
                backbone::render(out, domain, session, settings, &prefixes);
            }
            Some(session) => fabric::render(out, domain, session, settings),
            None => {}
        }
    }
}

/// A protocol that holds what is announced to customers: prefixes over handoffs, which are in a VRF, in a table of BIRD's.
pub(super) fn render_announced(
    out: &mut String,
    protocol: &str,
    is_disabled: bool,
    (vrf, table): (&str, &str),
    announced: &[Announced],
    family: AddressFamily,
) {
    let word = family.as_str();
    let disabled = if is_disabled { " disabled;" } else { "" };
    put!(out, "protocol static {protocol} {{{disabled}");
    put!(out, "  vrf \"{vrf}\"; check link on; {word} {{ table {table}; }};");
    for (prefix, ways) in by_prefix(announced, family) {
        let ways: String = ways.iter().map(|way| format!(" via \"{way}\"")).collect();
        put!(out, "  route {prefix}{ways};");
    }
    put!(out, "}}");
}

/// One instance for all VRFs. "Strict bind" gives each session a socket of its own that is bound to the session's address and link:
/// so equal addresses in two VRFs are told apart, a packet of another link reaches no session, the kernel needs no
/// `udp_l3mdev_accept`, and several BIRDs have the port together. Passive: it waits for the customer to turn BFD on, and a
/// session without BFD is none the worse.
fn render_bfd(out: &mut String, settings: &BirdSettings) {
    let (interval, multiplier) = (settings.bfd_interval, settings.bfd_multiplier);
    put!(out, "protocol bfd all_bfd {{");
    put!(out, "  strict bind yes;");
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
    for way in announced.iter().filter(|a| AddressFamily::of(a.prefix.net().addr()) == family) {
        found.entry(way.prefix.net()).or_default().insert(&way.interface);
    }
    found
}

/// BIRD's strings end at the first `"` and know no escape (sections 3.1 and 5.2; `password` takes no bytes).
pub(super) fn obstacle(key: &AuthKey) -> Option<&'static str> {
    key.reveal()
        .contains('"')
        .then_some("the key (not shown) has a double quote, which BIRD cannot be given")
}

/// A session.
fn render_session(
    out: &mut String,
    domain: &RoutingDomain,
    session: &Session,
    settings: &BirdSettings,
    prefixes: &str,
    shut: Option<Shut>,
) {
    let (name, link) = (protocol_name(session), session.id.interface.as_str());
    let (ours, theirs) = (session.addresses.amazon().addr(), session.addresses.customer().addr());
    let family = session.addresses.family();
    let (word, n) = (family.as_str(), number(family));
    let table = bird_table(domain.table, family);
    if let Some(why) = obstacle(&session.auth_key) {
        // In its place stands something that never runs and says why, so that it can be reported.
        put!(out, "protocol static {name} {{");
        put!(out, "  disabled; description \"{REFUSED}{why}\";");
        put!(out, "  {word} {{ table {table}; }};");
        put!(out, "}}");
        return;
    }
    put!(out, "protocol bgp {name} from linkway_customer{n} {{");
    let shut = shut.or((session.drain == Some(DrainStage::Shut)).then_some(Shut::Drained));
    if let Some(why) = shut {
        put!(out, "  disabled; description \"{}\";", why.description());
    }
    let ends = Ends { link, ours, theirs, asn: session.asn, auth_key: Some(&session.auth_key) };
    render_ends(out, domain, &ends, settings);
    if let Some(until) = session.shut_until {
        // For the digest: BIRD is given another configuration when a test begins, and when the server says that it is over.
        put!(out, "  # failover test until {}", until.millis());
    }
    let limit = session.prefix_limit.or_else(|| session.public.as_ref().map(|_| PUBLIC_LIMIT));
    let limit = limit.map(|limit| format!(" receive limit {limit} action disable;"));
    let limit = limit.unwrap_or_default();
    let (import, export) = match (&session.public, session.site_link) {
        (Some(accepted), _) => {
            (import::public(accepted, prefixes, n), Some("linkway_public_out()"))
        }
        (None, true) => (format!("linkway_site_in{n}({prefixes})"), Some("linkway_site_out()")),
        (None, false) => (format!("linkway_in{n}({prefixes})"), None),
    };
    let policy = policy(session.drain, &import, export);
    put!(out, "  {word} {{ table {table};{limit} {policy} }};");
    put!(out, "}}");
}

/// What is accepted, by this rule, and what is announced: by the other, or as in the template. A session that is drained has the lowest
/// preference both ways (RFC 8326, section 4); only such a session has filters of its own.
fn policy(drain: Option<DrainStage>, accepted: &str, announced: Option<&str>) -> String {
    let last =
        format!("import filter {{ if ! {accepted} then reject; bgp_local_pref = 0; accept; }};");
    match drain {
        None => {
            let export = announced.map(|announced| format!(" export where {announced};"));
            format!("import where {accepted};{}", export.unwrap_or_default())
        }
        Some(DrainStage::Graceful) => {
            let announced = announced.unwrap_or(ANNOUNCED);
            format!(
                "{last} export filter {{ if ! ({announced}) then reject; bgp_community.add((65535, 0)); accept; }};"
            )
        }
        Some(DrainStage::Withdrawn | DrainStage::Shut) => format!("{last} export none;"),
    }
}

/// Both ends of a session.
pub(super) struct Ends<'a> {
    /// The link that it is on.
    pub link: &'a str,
    /// Our address.
    pub ours: IpAddr,
    /// The other router's address.
    pub theirs: IpAddr,
    /// The other router's AS number.
    pub asn: u32,
    /// The key, if it has one.
    pub auth_key: Option<&'a AuthKey>,
}

pub(super) fn render_ends(
    out: &mut String,
    domain: &RoutingDomain,
    ends: &Ends<'_>,
    settings: &BirdSettings,
) {
    let Ends { link, ours, theirs, asn, auth_key } = *ends;
    let (port, own_asn) = (settings.port, domain.asn);
    put!(out, "  vrf \"{}\"; interface \"{link}\";", domain.id);
    put!(out, "  router id {}; local {ours} port {port} as {own_asn};", router_id(settings, ours));
    put!(out, "  neighbor {theirs} port {port} as {asn};");
    if let Some(key) = auth_key {
        put!(out, "  password \"{}\";", key.reveal());
    }
}

/// An IPv6 router sends its link-local address along; routes have to go to the address that the API gave it.
pub(super) const fn next_hop_words(family: AddressFamily) -> &'static str {
    match family {
        AddressFamily::Ipv4 => "",
        AddressFamily::Ipv6 => " next hop prefer global;",
    }
}
