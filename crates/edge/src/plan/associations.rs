//! What the associations of Direct Connect gateways add to the desired state (docs/adr/0031-leaked-routes.md).
//!
//! A Direct Connect gateway's interfaces are in a VRF of its own, and each gateway that is associated with it keeps its VRF. The
//! associated prefixes have routes in the first that lead over the handoffs of the others; the customers' prefixes, which the
//! daemon makes, have routes in the others that lead over the interfaces of the first. So what two associated gateways have
//! in common is no route of either to the other.

use std::collections::{BTreeSet, HashMap};

use ipnet::IpNet;
use linkway_domain::edge::{AssociationConfig, EdgeConfig, RoutingDomainConfig};
use linkway_domain::id::RoutingDomainId;
use linkway_domain::net::AddressFamily;

use super::Item;
use super::desired::{DesiredState, Problem, announced, discard, handoff_of, reserved, vpc_route};
use crate::fabric;
use crate::kernel::Kernel;
use crate::mark::Marks;
use crate::session::Association;

/// The associations of a configuration.
pub(super) struct Associations<'a> {
    domains: HashMap<&'a RoutingDomainId, &'a RoutingDomainConfig>,
    /// What Direct Connect gateways announce of a domain that is not its own: all that a transit gateway has.
    originated: HashMap<&'a RoutingDomainId, BTreeSet<IpNet>>,
}

impl<'a> Associations<'a> {
    pub(super) fn of(config: &'a EdgeConfig) -> Self {
        let domains: HashMap<_, &RoutingDomainConfig> =
            config.routing_domains.iter().map(|one| (&one.routing_domain_id, &**one)).collect();
        let mut originated: HashMap<_, BTreeSet<IpNet>> = HashMap::new();
        for association in config.routing_domains.iter().flat_map(|one| &one.associations) {
            let id = &association.routing_domain_id;
            let Some(domain) = domains.get(id) else { continue };
            let others = association.prefixes.iter().filter(|one| !domain.cidrs.contains(one));
            originated.entry(id).or_default().extend(others.map(|prefix| prefix.net()));
        }
        Self { domains, originated }
    }

    /// The routing domain of an id.
    pub(super) fn domain(&self, id: &RoutingDomainId) -> Option<&'a RoutingDomainConfig> {
        self.domains.get(id).copied()
    }

    /// The prefixes of a family that a domain's handoffs lead to.
    pub(super) fn behind(
        &self,
        domain: &'a RoutingDomainConfig,
        family: AddressFamily,
    ) -> impl Iterator<Item = IpNet> {
        let originated = self.originated.get(&domain.routing_domain_id);
        let own = domain.cidrs.iter().map(|cidr| cidr.net());
        let all = own.chain(originated.into_iter().flatten().copied());
        all.filter(move |net| AddressFamily::of(net.addr()) == family)
    }

    /// What a domain is associated with and has on this router.
    pub(super) fn reached(
        &self,
        domain: &'a RoutingDomainConfig,
    ) -> impl Iterator<Item = (&'a AssociationConfig, &'a RoutingDomainConfig)> {
        domain
            .associations
            .iter()
            .filter_map(|one| Some((one, self.domain(&one.routing_domain_id)?)))
    }

    /// A domain and what it is associated with.
    pub(super) fn with_reached(
        &self,
        domain: &'a RoutingDomainConfig,
    ) -> impl Iterator<Item = &'a RoutingDomainConfig> {
        std::iter::once(domain).chain(self.reached(domain).map(|(_, reached)| reached))
    }
}

/// The routes of a Direct Connect gateway's VRF, once the handoffs of all domains are known; what is in their way is in the
/// way of its interfaces too.
pub(super) fn routes(
    domain: &RoutingDomainConfig,
    all: &Associations<'_>,
    marks: &Marks,
    desired: &mut DesiredState,
) {
    let id = &domain.routing_domain_id;
    let Some(table) = desired.vrfs.get(id.as_str()).map(|vrf| vrf.table) else { return };
    let mut taken: BTreeSet<IpNet> = domain.cidrs.iter().map(|cidr| cidr.net()).collect();
    let mut missing = Vec::new();
    for association in &domain.associations {
        let other = &association.routing_domain_id;
        let Some(reached) = all.domain(other) else {
            missing.push(format!("{other} is not in the configuration"));
            continue;
        };
        let problem = desired.problems.get(&Item::RoutingDomain(other.clone()));
        missing.extend(problem.map(|problem| problem.text.clone()));
        for prefix in association.prefixes.iter().map(|prefix| prefix.net()) {
            if !taken.insert(prefix) {
                missing.push(format!("{prefix} of {other} is another association's too"));
                continue;
            }
            desired.routes.insert(discard(table, prefix, marks), id.clone());
            let handoff = handoff_of(reached, AddressFamily::of(prefix.addr()));
            let is_used =
                |name: &str| desired.handoffs.get(name).is_some_and(|one| one.id == *other);
            if let Some(handoff) = handoff.filter(|one| is_used(one.interface.as_str())) {
                desired.routes.insert(vpc_route(handoff, table, prefix, marks), id.clone());
            }
        }
    }
    if !missing.is_empty() {
        missing.dedup();
        let text = missing.join("; ");
        let problem = desired.problems.entry(Item::RoutingDomain(id.clone()));
        let problem = problem.or_insert_with(|| Problem { text: id.to_string(), absent: false });
        problem.text = format!("{}: {text}", problem.text);
    }
}

/// The links of other VRFs over which the daemon's routes lead: the customers' of a Direct Connect gateway out of the VRFs of
/// what it is associated with, and the handoffs of those out of its own. By the number of the table and the link's name.
pub(super) fn across(
    config: &EdgeConfig,
    all: &Associations<'_>,
    desired: &DesiredState,
) -> BTreeSet<(u32, String)> {
    let mut found = BTreeSet::new();
    let table = |id: &RoutingDomainId| Some(desired.vrfs.get(id.as_str())?.table);
    let mut associated: HashMap<&str, BTreeSet<u32>> = HashMap::new();
    for domain in &config.routing_domains {
        let Some(own) = table(&domain.routing_domain_id) else { continue };
        for (association, reached) in all.reached(domain) {
            let other = &association.routing_domain_id;
            let Some(other_table) = table(other) else { continue };
            associated.entry(domain.routing_domain_id.as_str()).or_default().insert(other_table);
            let links = reached.handoffs.iter().map(|handoff| handoff.interface.as_str());
            let used = links
                .filter(|name| desired.handoffs.get(*name).is_some_and(|one| one.id == *other));
            found.extend(used.map(|name| (own, name.to_owned())));
        }
    }
    if associated.is_empty() {
        return found;
    }
    for (name, vlan) in &desired.vlans {
        let tables = associated.get(vlan.vrf.as_str()).into_iter().flatten();
        found.extend(tables.map(|table| (*table, name.clone())));
    }
    found
}

/// The associations of a domain as the daemon has them.
pub(super) fn of_instance(
    domain: &RoutingDomainConfig,
    all: &Associations<'_>,
    desired: &DesiredState,
    kernel: &Kernel,
) -> Vec<Association> {
    let one = |(association, reached): (&AssociationConfig, &RoutingDomainConfig)| {
        let id = &association.routing_domain_id;
        let has_session = |family: &AddressFamily| {
            let handoff = handoff_of(reached, *family);
            let used = handoff.filter(|one| {
                desired.handoffs.get(one.interface.as_str()).is_some_and(|used| used.id == *id)
            });
            used.is_some_and(|one| matches!(fabric::session(reached, one, kernel), Ok(Some(_))))
        };
        let families = [AddressFamily::Ipv4, AddressFamily::Ipv6];
        Some(Association {
            routing_domain: id.clone(),
            table: desired.vrfs.get(id.as_str())?.table,
            announced: announced(reached, &association.prefixes, desired, kernel),
            fabric: families.into_iter().filter(has_session).collect(),
        })
    };
    let mut found: Vec<Association> = all.reached(domain).filter_map(one).collect();
    let mut taken: BTreeSet<IpNet> = domain.cidrs.iter().map(|cidr| cidr.net()).collect();
    for association in &mut found {
        association.announced.retain(|one| taken.insert(one.prefix.net()));
    }
    found
}

/// What a domain's customers must not announce of what it is associated with: see [`RoutingDomain::reserved`](crate::session::RoutingDomain::reserved).
pub(super) fn reserved_of_reached(
    domain: &RoutingDomainConfig,
    all: &Associations<'_>,
    desired: &DesiredState,
    kernel: &Kernel,
) -> BTreeSet<IpNet> {
    let reached: Vec<&RoutingDomainConfig> = all.reached(domain).map(|(_, one)| one).collect();
    if reached.is_empty() {
        return BTreeSet::new();
    }
    let ids: BTreeSet<&str> = reached.iter().map(|one| one.routing_domain_id.as_str()).collect();
    let vlans = desired.vlans.values().filter(|vlan| ids.contains(vlan.vrf.as_str()));
    let links = vlans.flat_map(|vlan| vlan.addresses.iter().map(IpNet::trunc));
    reached.iter().flat_map(|one| reserved(one, desired, kernel)).chain(links).collect()
}
