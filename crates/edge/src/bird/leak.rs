//! What a Direct Connect gateway's routing domain exchanges with those that are associated with it, as text of BIRD's. Pure.
//!
//! For each association and family a static protocol holds what is announced to the customers, as the routing domain's own does
//! (`render.rs`), and a pipe brings the customers' routes into the other table: BIRD's pipes pass all routes, so that equal paths
//! stay equal there. The other way the pipe takes what the fabric's router has announced, within what is associated.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use ipnet::IpNet;
use linkway_domain::net::AddressFamily;

use super::fabric;
use super::names::{bird_table, number, symbol};
use super::render::{put, render_announced};
use super::shut::Shut;
use crate::fabric::FabricSessionId;
use crate::session::{Association, RoutingDomain};

/// What all pipes have in common.
pub(super) fn render_functions(out: &mut String) {
    put!(out, "function linkway_of_customer() {{ return proto ~ \"dxvif_*\"; }}");
    put!(
        out,
        "function linkway_of_fabric(prefix set some) {{ return proto ~ \"fabric_*\" && net ~ some; }}"
    );
}

/// The name of the protocol that holds what is announced of an association; it is another one where a session with the fabric
/// decides ([`fabric::announced_name`]).
#[must_use]
pub fn announced_name(
    domain: &RoutingDomain,
    association: &Association,
    family: AddressFamily,
) -> String {
    let other = &association.routing_domain;
    match association.fabric.contains(&family) {
        true => {
            let id = FabricSessionId { routing_domain: other.clone(), family };
            fabric::announced_name(&id, &domain.id)
        }
        false => format!(
            "{}_{}_vpc{}",
            symbol(domain.id.as_str()),
            symbol(other.as_str()),
            number(family)
        ),
    }
}

/// The associations of a routing domain in a family.
pub(super) fn render(
    out: &mut String,
    domain: &RoutingDomain,
    family: AddressFamily,
    shut: &BTreeMap<String, Shut>,
) {
    let own = bird_table(domain.table, family);
    for association in &domain.associations {
        let (id, other) = (&association.routing_domain, bird_table(association.table, family));
        let name = announced_name(domain, association, family);
        let is_disabled = shut.contains_key(&name);
        // The handoffs are in the other VRF.
        let place = (id.as_str(), own.as_str());
        render_announced(out, &name, is_disabled, place, &association.announced, family);
        let prefixes: Vec<IpNet> = association.prefixes(family).collect();
        let import = match prefixes.is_empty() || !association.fabric.contains(&family) {
            true => "import none;".to_owned(),
            false => {
                let set: Vec<String> = prefixes.iter().map(|net| format!("{net}+")).collect();
                format!("import where linkway_of_fabric([ {} ]);", set.join(", "))
            }
        };
        let pipe = pipe_name(domain, association, family);
        put!(out, "protocol pipe {pipe} {{ table {own}; peer table {other};");
        put!(out, "  export where linkway_of_customer(); {import}");
        put!(out, "}}");
    }
}

/// The name of a pipe.
fn pipe_name(domain: &RoutingDomain, association: &Association, family: AddressFamily) -> String {
    let (from, to) = (symbol(domain.id.as_str()), symbol(association.routing_domain.as_str()));
    format!("pipe{}_{from}_{to}", number(family))
}
