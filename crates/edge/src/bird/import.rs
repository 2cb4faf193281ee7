//! What is accepted from a customer, as text of BIRD's: one function for each family, which every session calls with the prefixes
//! that are its routing domain's own. A filter for each routing domain would make the time that BIRD takes to read its
//! configuration grow with the square of their number.
//!
//! The rules are those of RFC 7454 as far as they fit a private interface, where private addresses, long prefixes and a default
//! route are what is expected.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use ipnet::IpNet;
use linkway_domain::net::AddressFamily;

use super::names::number;
use super::settings::BirdSettings;
use crate::martians;
use crate::session::{RoutingDomain, Session};

/// The functions.
pub(super) fn render(out: &mut String, settings: &BirdSettings) {
    *out += &preference(settings);
    let families =
        [(AddressFamily::Ipv4, &martians::IPV4[..]), (AddressFamily::Ipv6, &martians::IPV6[..])];
    for (family, martians) in families {
        let n = number(family);
        let martians: Vec<String> = martians.iter().map(|net| format!("{net}+")).collect();
        let martians = martians.join(", ");
        // A next hop that is not the customer's router could be another customer's, or the fabric's. AS 0 makes an update
        // malformed (RFC 7607). Our own AS number is the loop check's of BGP.
        let lines = format!(
            "define MARTIANS{n} = [ {martians} ];\n\
             function linkway_in{n}(prefix set own)\n{{\n  \
               if net ~ MARTIANS{n} then return false;\n  \
               if net ~ own then return false;\n  \
               if bgp_next_hop != from then return false;\n  \
               if bgp_path ~ [ 0 ] then return false;\n  \
               linkway_preference();\n  \
               return true;\n}}\n"
        );
        *out += &lines;
    }
}

/// The preferences are those of AWS (Direct Connect user guide, "Routing policies and BGP communities"); of several communities
/// the highest wins. The other communities of AS 7224 are ours to set, not a customer's (RFC 7454, section 11).
fn preference(settings: &BirdSettings) -> String {
    let mut out = format!(
        "function linkway_preference()\n{{\n  bgp_local_pref = {};\n",
        settings.local_preference_medium
    );
    for (community, preference) in [
        (7100, settings.local_preference_low),
        (7200, settings.local_preference_medium),
        (7300, settings.local_preference_high),
    ] {
        let line =
            format!("  if (7224, {community}) ~ bgp_community then bgp_local_pref = {preference};");
        writeln!(out, "{line}").expect("writing into a string");
    }
    out + "  bgp_community.delete([ (7224, 0..7099), (7224, 7101..7199), (7224, 7201..7299), (7224, 7301..65535) ]);\n}\n"
}

/// The prefixes inside which nothing is accepted, as a set of BIRD's: the routing domain's own, what is reserved in it, and the
/// subnets of its sessions, where a host route to the other end of a session would take it. Never empty for a family that
/// has a session.
pub(super) fn own_prefixes<'a>(
    domain: &RoutingDomain,
    sessions: impl IntoIterator<Item = &'a Session>,
    family: AddressFamily,
) -> String {
    let links = sessions.into_iter().map(|session| session.addresses.amazon().trunc());
    let all = domain.cidrs.iter().map(|cidr| cidr.net()).chain(domain.reserved.iter().copied());
    let nets: BTreeSet<IpNet> =
        all.chain(links).filter(|net| AddressFamily::of(net.addr()) == family).collect();
    let set: Vec<String> = nets.iter().map(|net| format!("{net}+")).collect();
    format!("[ {} ]", set.join(", "))
}
