//! The plan of a change to a router on which everything is as configured.
//!
//! What such a change is about is small: the routing domains and interfaces that differ, and what of the kernel bears their
//! names, or those of the links that they use. Planning that alone gives what planning everything would; a property holds
//! the two against each other. Where something else is in the way there is no such plan, and everything is planned. What
//! finds out is made ready when the router settles, so that the time for a change does not depend on what else there is.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use linkway_domain::edge::{EdgeConfig, InterfaceConfig, RoutingDomainConfig};
use linkway_domain::id::{RoutingDomainId, VirtualInterfaceId};
use linkway_domain::net::AddressFamily;

use super::changes::changes;
use super::settled::Settled;
use super::{DesiredState, Plan, Planned, backbone_ends, desired_state, is_on, made_anew, told};
use crate::kernel::{Kernel, LinkKind};
use crate::mark::Marks;
use crate::session::{Digest, Observed, RoutingDomain, Session, SessionId, Sessions};

/// How many routing domains or interfaces may differ; from there on it is quicker to plan everything.
const MOST: usize = 64;

/// As [`super::plan`], for a router whose kernel is as it was when that was empty; `None`: everything has to be looked at.
#[must_use]
pub fn plan_change(
    settled: &Settled,
    config: &EdgeConfig,
    kernel: &Kernel,
    observed: &Observed,
    marks: &Marks,
    digest: impl Fn(&Sessions) -> Digest,
) -> Option<Planned> {
    if observed.loaded != settled.loaded {
        return None;
    }
    let scope = Scope::find(settled, config)?;
    let kernel = scope.of_kernel(settled, kernel, marks)?;
    let mut desired = desired_state(&scope.config(config), &kernel, marks, &settled.tables);
    // The rest has routing domains, whatever becomes of these.
    desired.serves = true;
    let wanted = scope.sessions(settled, &desired);
    let steps = changes(&desired, &kernel, marks);
    let moved = made_anew(&steps);
    let (withdraw, sessions) = told(&wanted, observed, &moved, digest, || {
        // The daemon has the sessions of before, so none but of these can have to go.
        let stays = |one: &Arc<Session>| !is_on(one, &moved);
        let before = scope.sessions_before(settled);
        before.into_iter().any(|id| {
            observed.peers.contains_key(id) && !wanted.sessions.get(id).is_some_and(stays)
        }) || backbone_ends(&wanted, observed, &steps, &kernel)
    });
    let plan = Plan { withdraw, steps, sessions };
    Some(Planned { plan, problems: desired.problems, wanted })
}

/// Something before and after; one of them at least is there.
type Change<'a, T> = (Option<&'a Arc<T>>, Option<&'a Arc<T>>);

/// What a change is about.
struct Scope<'a> {
    /// The routing domains that differ, and those that have associations with them, or with one that has an interface that does:
    /// routes, fences and sessions of each depend on the others.
    domains: BTreeMap<&'a RoutingDomainId, Change<'a, RoutingDomainConfig>>,
    /// Those that do not, but have an interface that does.
    needed: BTreeMap<&'a RoutingDomainId, &'a Arc<RoutingDomainConfig>>,
    /// The interfaces that differ, or whose routing domain does.
    interfaces: BTreeMap<&'a VirtualInterfaceId, Change<'a, InterfaceConfig>>,
}

impl<'a> Scope<'a> {
    /// `None`: too much differs, or what is to come is in use by what stays.
    fn find(settled: &'a Settled, next: &'a EdgeConfig) -> Option<Self> {
        let held = &*settled.config;
        let serves = |config: &EdgeConfig| !config.routing_domains.is_empty();
        if (&held.edge_id, &held.ports) != (&next.edge_id, &next.ports)
            || !(serves(held) && serves(next))
        {
            return None;
        }
        let mut domains =
            changed(&held.routing_domains, &next.routing_domains, |one| &one.routing_domain_id)?;
        let mut interfaces =
            changed(&held.interfaces, &next.interfaces, |one| &one.virtual_interface_id)?;
        for id in associated(settled, &domains, &interfaces) {
            if let Some(one) = find(&held.routing_domains, id, |one| &one.routing_domain_id) {
                domains.entry(id).or_insert((Some(one), Some(one)));
            }
        }
        if domains.len() > MOST {
            return None;
        }
        for id in domains.keys().flat_map(|id| settled.interfaces_of(id)) {
            if !interfaces.contains_key(id) {
                let one = find(&held.interfaces, id, |one| &one.virtual_interface_id)?;
                interfaces.insert(id, (Some(one), Some(one)));
            }
        }
        // A fence names the subnets of all interfaces of its routing domain.
        let changed: Vec<&RoutingDomainId> = interfaces
            .values()
            .flat_map(both)
            .map(|one| &one.routing_domain_id)
            .filter(|id| !domains.contains_key(*id))
            .collect();
        for id in changed.into_iter().flat_map(|id| settled.interfaces_of(id)) {
            if !interfaces.contains_key(id) {
                let one = find(&held.interfaces, id, |one| &one.virtual_interface_id)?;
                interfaces.insert(id, (Some(one), Some(one)));
            }
        }
        let mut needed = BTreeMap::new();
        for one in interfaces.values().flat_map(both) {
            let id = &one.routing_domain_id;
            if !domains.contains_key(id) && !needed.contains_key(id) {
                let one = find(&next.routing_domains, id, |one| &one.routing_domain_id)?;
                needed.insert(id, one);
            }
        }
        let scope = Self { domains, needed, interfaces };
        (!scope.conflicts(settled)).then_some(scope)
    }

    /// Whether what is to come needs something that what stays has.
    fn conflicts(&self, settled: &Settled) -> bool {
        let anothers_handoff = |name: &str| {
            settled.handoff_of(name).is_some_and(|domain| !self.domains.contains_key(domain))
        };
        let taken = |one: &InterfaceConfig| {
            let other = settled.at_place(one);
            anothers_handoff(one.interface.as_str())
                || other.is_some_and(|other| !self.interfaces.contains_key(other))
        };
        let interfaces = self.interfaces.values().filter_map(|(_, next)| *next);
        let domains = self.domains.values().filter_map(|(_, next)| *next);
        let mut links = domains.flat_map(|one| handoffs(one));
        interfaces.into_iter().any(|one| taken(one))
            || links.any(|name| anothers_handoff(name) || settled.is_port(name))
    }

    /// What of the kernel it is about; `None`: something else of it would be changed, or is in the way.
    fn of_kernel(&self, settled: &Settled, kernel: &Kernel, marks: &Marks) -> Option<Kernel> {
        let own = |name: &str| {
            self.interfaces.keys().any(|id| id.as_str() == name)
                || self.domains.keys().any(|id| id.as_str() == name)
                || self.needed.keys().any(|id| id.as_str() == name)
        };
        let used: HashSet<&str> =
            self.domains.values().flat_map(both).flat_map(|one| handoffs(one)).collect();
        // What is on them goes down with them when they are moved.
        let moves = used.iter().any(|name| settled.has_vlans(name));
        let mut places = self.interfaces.values().filter_map(|(_, next)| *next);
        let taken = places.any(|one| settled.link_at(one).is_some_and(|name| !own(name)));
        if moves || taken {
            return None;
        }
        let mut names: Vec<&str> = used.into_iter().collect();
        names.extend(self.domains.keys().map(|id| id.as_str()));
        names.extend(self.needed.keys().map(|id| id.as_str()));
        names.extend(self.needed.values().flat_map(|one| handoffs(one)));
        names.extend(self.interfaces.keys().map(|id| id.as_str()));
        names.extend(self.interfaces.values().flat_map(both).map(|one| one.interface.as_str()));
        let mut part = Kernel {
            rules: kernel.rules.clone(),
            forwards_ipv6: kernel.forwards_ipv6,
            checks_ipv6_sources: kernel.checks_ipv6_sources,
            ..Kernel::default()
        };
        while let Some(name) = names.pop() {
            let Some((key, link)) = kernel.links.get_key_value(name) else { continue };
            if part.links.contains_key(key) {
                continue;
            }
            if marks.owns_link(name, link) && !own(name) {
                return None;
            }
            part.links.insert(key.clone(), link.clone());
            names.extend(link.master.as_deref());
            if let LinkKind::Vrf { table } = link.kind {
                part.routes.extend(kernel.routes_of(table).cloned());
            }
        }
        Some(part)
    }

    /// What of the configuration it is about.
    fn config(&self, next: &EdgeConfig) -> EdgeConfig {
        let domains = self.domains.values().filter_map(|(_, next)| *next);
        let mut routing_domains: Vec<_> =
            domains.chain(self.needed.values().copied()).cloned().collect();
        routing_domains.sort_by(|a, b| a.routing_domain_id.cmp(&b.routing_domain_id));
        let interfaces = self.interfaces.values().filter_map(|(_, next)| *next).cloned().collect();
        let (edge_id, ports) = (next.edge_id.clone(), next.ports.clone());
        let (epoch, generation) = (next.epoch, next.generation);
        EdgeConfig { edge_id, epoch, generation, ports, routing_domains, interfaces }
    }

    /// The sessions of before of the interfaces that it is about.
    fn sessions_before<'b>(&self, settled: &'b Settled) -> Vec<&'b SessionId> {
        let sessions = &settled.wanted.sessions;
        let of = |id: &&VirtualInterfaceId| {
            let of_family = |family| SessionId { interface: (*id).clone(), family };
            [AddressFamily::Ipv4, AddressFamily::Ipv6]
                .map(of_family)
                .map(|id| sessions.get_key_value(&id).map(|(id, _)| id))
        };
        self.interfaces.keys().flat_map(of).flatten().collect()
    }

    /// All sessions, with those that it is about as they are to be.
    fn sessions(&self, settled: &Settled, desired: &DesiredState) -> Sessions {
        let mut wanted = settled.wanted.clone();
        for id in self.sessions_before(settled) {
            wanted.sessions.remove(id);
        }
        desired.sessions.iter().for_each(|one| wanted.put_session(Arc::clone(one)));
        for id in self.domains.keys().chain(self.needed.keys()) {
            wanted.routing_domains.remove(*id);
        }
        let stays =
            |id: &VirtualInterfaceId| !self.interfaces.contains_key(id) && settled.has_session(id);
        let has_session = |one: &&Arc<RoutingDomain>| {
            desired.sessions.iter().any(|session| session.routing_domain == one.id)
                || settled.interfaces_of(&one.id).iter().any(stays)
        };
        let with_session: Vec<&Arc<RoutingDomain>> =
            desired.instances.iter().filter(has_session).collect();
        let mut used: HashSet<&RoutingDomainId> = with_session.iter().map(|one| &one.id).collect();
        let associations = with_session.iter().flat_map(|one| &one.associations);
        used.extend(associations.map(|one| &one.routing_domain));
        let instances = desired.instances.iter().filter(|one| used.contains(&one.id));
        instances.for_each(|one| wanted.put_routing_domain(Arc::clone(one)));
        wanted
    }
}

/// The routing domains that have associations, directly or through others, with those that differ or have an interface that does.
fn associated<'a>(
    settled: &'a Settled,
    domains: &BTreeMap<&'a RoutingDomainId, Change<'a, RoutingDomainConfig>>,
    interfaces: &BTreeMap<&'a VirtualInterfaceId, Change<'a, InterfaceConfig>>,
) -> BTreeSet<&'a RoutingDomainId> {
    let mut next: BTreeMap<&RoutingDomainId, Vec<&'a RoutingDomainId>> = BTreeMap::new();
    for one in domains.values().filter_map(|(_, next)| *next) {
        for other in one.associations.iter().map(|one| &one.routing_domain_id) {
            next.entry(&one.routing_domain_id).or_default().push(other);
            next.entry(other).or_default().push(&one.routing_domain_id);
        }
    }
    let mut pending: Vec<&RoutingDomainId> = domains.keys().copied().collect();
    pending.extend(interfaces.values().flat_map(both).map(|one| &one.routing_domain_id));
    let mut found = BTreeSet::new();
    while let Some(id) = pending.pop() {
        let neighbours = settled.associated_with(id).iter();
        for other in neighbours.chain(next.get(id).into_iter().flatten().copied()) {
            if found.insert(other) {
                pending.push(other);
            }
        }
    }
    found
}

/// What is not the same in two lists in the order of ids, by its id; `None`: they are many, or out of order. Items that are the
/// very same are not looked at.
fn changed<'a, T: Eq, I: Ord + 'a>(
    held: &'a [Arc<T>],
    next: &'a [Arc<T>],
    id: impl Fn(&'a T) -> &'a I,
) -> Option<BTreeMap<&'a I, Change<'a, T>>> {
    let (mut changes, mut many) = (BTreeMap::new(), 0);
    let (mut held, mut next) = (held.iter().peekable(), next.iter().peekable());
    loop {
        let order = match (held.peek(), next.peek()) {
            (Some(was), Some(is)) if Arc::ptr_eq(was, is) => Ordering::Equal,
            (Some(was), Some(is)) => id(was).cmp(id(is)),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => return (changes.len() == many).then_some(changes),
        };
        let change = match order {
            Ordering::Less => (held.next(), None),
            Ordering::Equal => (held.next(), next.next()),
            Ordering::Greater => (None, next.next()),
        };
        if change.0 != change.1 {
            changes.insert(id(change.0.or(change.1)?), change);
            many += 1;
        }
        if many > MOST {
            return None;
        }
    }
}

/// The item of an id, in a list in their order.
fn find<'a, T, I: Ord + ?Sized>(
    list: &'a [Arc<T>],
    wanted: &I,
    id: impl Fn(&T) -> &I,
) -> Option<&'a Arc<T>> {
    list.binary_search_by(|one| id(one).cmp(wanted)).ok().map(|at| &list[at])
}

/// Before and after, whichever there is.
fn both<'a, T>((was, is): &Change<'a, T>) -> impl Iterator<Item = &'a Arc<T>> + use<'a, T> {
    let (was, is) = (*was, *is);
    was.into_iter().chain(is)
}

fn handoffs(domain: &RoutingDomainConfig) -> impl Iterator<Item = &str> {
    domain.handoffs.iter().map(|handoff| handoff.interface.as_str())
}
