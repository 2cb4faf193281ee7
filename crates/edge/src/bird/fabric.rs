//! BIRD's sessions with the fabric: their names and their text. Pure.
//!
//! BIRD has no condition on another protocol's state. So the routes that stand for "the VPC can be reached" are a static
//! protocol of their own beside each session, which is enabled while the session is up ([`super::reachable`]).

use std::fmt::Write as _;

use linkway_domain::id::RoutingDomainId;
use linkway_domain::net::AddressFamily;

use super::names::{bird_table, number, symbol};
use super::render::{Ends, next_hop_words, put, render_ends, render_timers};
use super::settings::BirdSettings;
use super::version::Dialect;
use crate::fabric::{FabricSession, FabricSessionId};
use crate::session::RoutingDomain;

/// The names of the sessions' protocols, and of those that hold what is announced while they are up.
pub const PROTOCOLS: &str = "fabric_*";
/// How many prefixes of the fabric's router are taken at most. They are all within the gateway's own, but a fabric that
/// announces each host of a large VPC would fill the router's tables.
const MOST_PREFIXES: u32 = 1000;

/// The name of a session's protocol.
#[must_use]
pub fn session_name(id: &FabricSessionId) -> String {
    format!("fabric_{}_bgp{}", symbol(id.routing_domain.as_str()), number(id.family))
}

/// The name of the protocol that holds what is announced to the customers of a routing domain while the session is up: of the
/// session's own, or of a Direct Connect gateway's.
#[must_use]
pub fn announced_name(id: &FabricSessionId, to: &RoutingDomainId) -> String {
    let mut name = format!("fabric_{}_", symbol(id.routing_domain.as_str()));
    if *to != id.routing_domain {
        name.extend([&symbol(to.as_str()), "_"]);
    }
    name.extend(["vpc", number(id.family).encode_utf8(&mut [0; 4])]);
    name
}

/// What a protocol is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Named {
    /// A session.
    Session(FabricSessionId),
    /// What is announced while a session is up.
    Announced {
        /// The session.
        id: FabricSessionId,
        /// The routing domain to whose customers it is announced.
        to: RoutingDomainId,
    },
}

/// What the name of a protocol says.
pub(super) fn named(name: &str) -> Option<Named> {
    let (domains, kind) = name.strip_prefix("fabric_")?.rsplit_once('_')?;
    // A symbol of an id has one underscore.
    let (own, to) = match domains.match_indices('_').map(|(at, _)| at).collect::<Vec<_>>()[..] {
        [_] => (domains, None),
        [_, between, _] => (&domains[..between], Some(&domains[between + 1..])),
        _ => return None,
    };
    let parse = |symbol: &str| RoutingDomainId::parse(&symbol.replace('_', "-")).ok();
    let routing_domain = parse(own)?;
    let (kind, family) = kind.split_at_checked(3)?;
    let family = match family {
        "4" => AddressFamily::Ipv4,
        "6" => AddressFamily::Ipv6,
        _ => return None,
    };
    let id = FabricSessionId { routing_domain, family };
    match (kind, to) {
        ("bgp", None) => Some(Named::Session(id)),
        ("vpc", None) => Some(Named::Announced { to: id.routing_domain.clone(), id }),
        ("vpc", Some(to)) => Some(Named::Announced { id, to: parse(to)? }),
        _ => None,
    }
}

/// The routing domain among whose protocols one of this name is.
pub(super) fn domain_of(name: &str) -> Option<RoutingDomainId> {
    match named(name)? {
        Named::Session(id) => Some(id.routing_domain),
        Named::Announced { to, .. } => Some(to),
    }
}

/// What all sessions have in common.
///
/// The communities and the MED say how the customer wants to be reached (its own 7224:7100, 7224:7200, 7224:7300, which the local
/// preference has come from); the lowest MED is preferred (RFC 4271, section 9.1.2.2). Whatever else the customer
/// attached means nothing to the fabric, which is on our side of the customer's NO_EXPORT; but for how far a public prefix may go
/// (7224:9100, 7224:9200, 7224:9300), which is for the public network to see to. On private and transit interfaces the import has
/// removed those.
pub(super) fn render_templates(out: &mut String, settings: &BirdSettings, dialect: Dialect) {
    put!(out, "function linkway_of_vpc(prefix set own) {{ return net ~ own; }}");
    put!(out, "filter linkway_to_fabric {{");
    put!(out, "  if ! (proto ~ \"dxvif_*\") then reject;");
    put!(out, "  bgp_community.filter([ (7224, 9100), (7224, 9200), (7224, 9300) ]);");
    put!(out, "  unset(bgp_ext_community); unset(bgp_large_community);");
    let (low, high) = (settings.local_preference_low, settings.local_preference_high);
    put!(out, "  if bgp_local_pref = {high} then {{");
    put!(out, "    bgp_community.add((7224, 7300)); bgp_med = 100; accept;");
    put!(out, "  }}");
    put!(out, "  if bgp_local_pref <= {low} then {{");
    put!(out, "    bgp_community.add((7224, 7100)); bgp_med = 300; accept;");
    put!(out, "  }}");
    put!(out, "  bgp_community.add((7224, 7200)); bgp_med = 200; accept;");
    put!(out, "}}");
    put!(out, "template bgp linkway_fabric {{");
    put!(out, "  direct; check link on; interpret communities off;");
    render_timers(out, settings);
    put!(out, "}}");
    put!(out, "template bgp linkway_fabric_md5 from linkway_fabric {{");
    match dialect {
        Dialect::Classic => {}
        Dialect::NamedAuthentication => put!(out, "  authentication md5;"),
    }
    put!(out, "}}");
}

/// A session.
pub(super) fn render(
    out: &mut String,
    domain: &RoutingDomain,
    session: &FabricSession,
    settings: &BirdSettings,
) {
    let family = session.id.family;
    let (word, table) = (family.as_str(), bird_table(domain.table, family));
    let template = if session.auth_key.is_some() { "linkway_fabric_md5" } else { "linkway_fabric" };
    put!(out, "protocol bgp {} from {template} {{", session_name(&session.id));
    let ends = Ends {
        link: &session.interface,
        ours: session.local,
        theirs: session.address,
        asn: session.asn,
        auth_key: session.auth_key.as_ref(),
    };
    render_ends(out, domain, &ends, settings);
    let own: Vec<String> = domain
        .cidrs
        .iter()
        .map(|cidr| cidr.net())
        .filter(|net| AddressFamily::of(net.addr()) == session.id.family)
        .map(|net| format!("{net}+"))
        .collect();
    let import = match own.is_empty() {
        true => "import none;".to_owned(),
        false => format!("import where linkway_of_vpc([ {} ]);", own.join(", ")),
    };
    put!(out, "  {word} {{ table {table}; {import}");
    put!(out, "    import limit {MOST_PREFIXES} action block;");
    put!(
        out,
        "    export filter linkway_to_fabric; next hop self;{} }};",
        next_hop_words(session.id.family)
    );
    put!(out, "}}");
}

/// The session of a family.
#[must_use]
pub(super) fn of_family(domain: &RoutingDomain, family: AddressFamily) -> Option<&FabricSession> {
    domain.fabric.iter().find(|session| session.id.family == family)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u32, family: AddressFamily) -> FabricSessionId {
        let routing_domain = RoutingDomainId::parse(&format!("vgw-{n:08x}")).expect("an id");
        FabricSessionId { routing_domain, family }
    }

    #[test]
    fn names_say_whose_they_are() {
        for id in [id(1, AddressFamily::Ipv4), id(0xabc, AddressFamily::Ipv6)] {
            assert_eq!(named(&session_name(&id)), Some(Named::Session(id.clone())));
            assert_eq!(domain_of(&session_name(&id)), Some(id.routing_domain.clone()));
            let gateway = RoutingDomainId::parse("dxgw-00000007").expect("an id");
            for to in [gateway, id.routing_domain.clone()] {
                let name = announced_name(&id, &to);
                let expected = Named::Announced { id: id.clone(), to: to.clone() };
                assert_eq!(named(&name), Some(expected), "{name}");
                assert_eq!(domain_of(&name), Some(to), "{name}");
            }
        }
        for other in [
            "dxvif_f0000001",
            "vgw_00000001_vpc4",
            "fabric_vgw_00000001_vpc5",
            "fabric_vgw_00000001_dxgw_vpc4",
            "fabric_vgw_00000001_dxgw_00000007_bgp4",
            "fabric_",
            "",
        ] {
            assert_eq!(named(other), None, "{other}");
        }
    }
}
