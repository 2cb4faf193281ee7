//! BIRD's sessions with the operator's backbone, by which the routers of a Direct Connect gateway tell one another of the customers
//! that have SiteLink. Pure.
//!
//! A route goes from a customer's session to the backbone, and from the backbone to customers' sessions; never from the backbone to
//! it again, so that there is no loop whatever the routers between are. On the way each router of the gateway puts the gateway's AS
//! number into the path once. So the path of what comes back from the backbone holds our own number, once: a second time is a loop.

use std::fmt::Write as _;

use linkway_domain::net::AddressFamily;

use super::fabric::session_name;
use super::names::{bird_table, number};
use super::render::{Ends, next_hop_words, put, render_ends};
use super::settings::BirdSettings;
use crate::fabric::FabricSession;
use crate::session::RoutingDomain;

/// How many prefixes of a backbone's router are taken at most: those of a hundred customers with a hundred each.
const MOST_PREFIXES: u32 = 10_000;

/// What all sessions have in common. How a customer wants to be reached goes with the route, by the communities that customers use
/// themselves. Here a router's own customer is preferred to an equal one elsewhere, and never shares packets with it: what came
/// over the backbone could not leave by it again.
pub(super) fn render_functions(out: &mut String, settings: &BirdSettings) {
    let (low, high) = (settings.local_preference_low, settings.local_preference_high);
    put!(out, "function linkway_to_backbone(int own_asn)");
    put!(out, "{{");
    put!(out, "  if ! (proto ~ \"dxvif_*\") then return false;");
    put!(out, "  if ! defined(linkway_site) then return false;");
    put!(out, "  bgp_community.delete([ (7224, *) ]);");
    put!(out, "  if bgp_local_pref = {high} then bgp_community.add((7224, 7300));");
    put!(out, "  if bgp_local_pref <= {low} then bgp_community.add((7224, 7100));");
    put!(out, "  unset(bgp_med);");
    put!(out, "  if own_asn > 0 then bgp_path.prepend(own_asn);");
    put!(out, "  return true;");
    put!(out, "}}");
    for family in [AddressFamily::Ipv4, AddressFamily::Ipv6] {
        let n = number(family);
        put!(out, "function linkway_from_backbone{n}(prefix set own)");
        put!(out, "{{");
        put!(out, "  if net ~ MARTIANS{n} then return false;");
        put!(out, "  if net ~ own then return false;");
        put!(out, "  if bgp_path ~ [ 0 ] then return false;");
        put!(out, "  linkway_preference();");
        put!(out, "  if bgp_local_pref > 0 then bgp_local_pref = bgp_local_pref - 1;");
        put!(out, "  linkway_site = 1;");
        put!(out, "  return true;");
        put!(out, "}}");
    }
}

/// A session; `prefixes` are those inside which nothing is accepted. It is an internal one where its peer is another router of the
/// gateway itself: BGP puts no AS number into the path there, so the filter does (RFC 4271, section 5.1.2).
pub(super) fn render(
    out: &mut String,
    domain: &RoutingDomain,
    session: &FabricSession,
    settings: &BirdSettings,
    prefixes: &str,
) {
    let family = session.id.family;
    let (word, table, n) = (family.as_str(), bird_table(domain.table, family), number(family));
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
    put!(out, "  allow local as 1;");
    let own_asn = if session.asn == domain.asn { domain.asn } else { 0 };
    put!(out, "  {word} {{ table {table}; import where linkway_from_backbone{n}({prefixes});");
    put!(out, "    import limit {MOST_PREFIXES} action block;");
    put!(
        out,
        "    export where linkway_to_backbone({own_asn}); next hop self;{} }};",
        next_hop_words(family)
    );
    put!(out, "}}");
}
