//! What is accepted from a customer, as text of BIRD's: one function for each family, which every session calls with the prefixes
//! that are its routing domain's own. A filter for each routing domain would make the time that BIRD takes to read its
//! configuration grow with the square of their number.
//!
//! The rules are those of RFC 7454 as far as they fit a private interface, where private addresses, long prefixes and a default
//! route are what is expected.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use ipnet::IpNet;
use linkway_domain::net::{AddressFamily, Prefix};

use super::names::number;
use super::settings::BirdSettings;
use crate::martians;
use crate::session::{RoutingDomain, Session};

/// Of routes of customers whose interfaces have SiteLink, which are announced to the other such customers of their routing domain:
/// with their communities but for those of AS 7224, which are between a customer and us. Only the best route to a prefix is
/// announced, so that a packet is not sent here for a link that it may not leave by.
const SITE_LINK: &str = "attribute int linkway_site;\n\
    function linkway_site_out()\n{\n  \
      if source = RTS_STATIC then return true;\n  \
      if ! defined(linkway_site) then return false;\n  \
      bgp_community.delete([ (7224, *) ]);\n  \
      return true;\n}\n";

/// The functions.
pub(super) fn render(out: &mut String, settings: &BirdSettings) {
    *out += &preference(settings);
    *out += &public_functions(settings);
    *out += SITE_LINK;
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
               return true;\n}}\n\
             function linkway_site_in{n}(prefix set own)\n{{\n  \
               if ! linkway_in{n}(own) then return false;\n  \
               linkway_site = 1;\n  \
               return true;\n}}\n\
             function linkway_public_in{n}(prefix set own)\n{{\n  \
               if net ~ MARTIANS{n} then return false;\n  \
               if net ~ own then return false;\n  \
               if bgp_next_hop != from then return false;\n  \
               if bgp_path ~ [ 0 ] then return false;\n  \
               linkway_public();\n  \
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

/// What holds for public interfaces alone (Direct Connect user guide, "Routing policies and BGP communities"): where a route may
/// go to, which the operator's fabric decides by 7224:9100, 9200 and 9300; private AS numbers, for which ours stands outside; and that
/// what customers are told is of this region and goes no further.
fn public_functions(settings: &BirdSettings) -> String {
    let medium = settings.local_preference_medium;
    format!(
        "function linkway_public()\n{{\n  \
           bgp_local_pref = {medium};\n  \
           bgp_community.delete([ (7224, 0..9099), (7224, 9101..9199), (7224, 9201..9299), (7224, 9301..65535) ]);\n  \
           bgp_path.delete([ 64512..65534, 4200000000..4294967294 ]);\n}}\n\
         function linkway_public_out()\n{{\n  \
           if source != RTS_STATIC then return false;\n  \
           bgp_community.add((65535, 65281));\n  \
           bgp_community.add((7224, 8100));\n  \
           return true;\n}}\n"
    )
}

/// The rule of what is accepted on a public interface: the verified prefixes and parts of them.
pub(super) fn public(accepted: &[Prefix], own: &str, n: char) -> String {
    if accepted.is_empty() {
        return "false".to_owned();
    }
    let set: Vec<String> = accepted.iter().map(|prefix| format!("{prefix}+")).collect();
    format!("(net ~ [ {} ] && linkway_public_in{n}({own}))", set.join(", "))
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
    let mut set: Vec<String> = nets.iter().map(|net| format!("{net}+")).collect();
    // What a transit gateway's customers are told of may hold networks of their own, but is not theirs itself.
    let announced: BTreeSet<IpNet> =
        domain.associations.iter().flat_map(|one| one.prefixes(family)).collect();
    let within = |net: &IpNet| domain.cidrs.iter().any(|cidr| cidr.net().contains(net));
    set.extend(announced.iter().filter(|net| !within(net)).map(IpNet::to_string));
    format!("[ {} ]", set.join(", "))
}
