//! The plan of a change to a router on which everything is as it shall be.
//!
//! What such a change is about is small: the gateways and interfaces that differ, and what of the kernel bears their names,
//! or those of the links that they use. Planning that alone gives what planning everything would; a property holds the two
//! against each other. Where something else is in the way there is no such plan, and everything is planned. What finds
//! out is made ready when the router settles, so that the time for a change does not depend on what else there is.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use linkway_domain::edge::{EdgeConfig, GatewayConfig, InterfaceConfig};
use linkway_domain::id::{VirtualGatewayId, VirtualInterfaceId};

use super::changes::changes;
use super::settled::Settled;
use super::{Aim, Plan, Planned, aim, moved, told};
use crate::difference::{Change, differing, find};
use crate::kernel::{Kernel, LinkKind};
use crate::mark::Marks;
use crate::session::{Digest, Observed, Sessions};

/// How many gateways or interfaces may differ; from there on it is quicker to plan everything.
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
    let part = scope.of_kernel(settled, kernel, marks)?;
    let aim = aim(&scope.config(config), &part, marks, &settled.tables);
    let wanted = scope.sessions(settled, &aim);
    let moved = moved(&aim, &part);
    let steps = changes(&aim, &part, marks);
    let (withdraw, sessions) = told(&wanted, observed, &moved, digest, || {
        // The daemon has the sessions of before, so none but of these can have to go.
        let stays = |id: &VirtualInterfaceId| {
            aim.sessions.iter().any(|one| one.id == *id && !moved.contains(&one.gateway))
        };
        scope.interfaces.keys().any(|id| observed.peers.contains_key(*id) && !stays(id))
    });
    let plan = Plan { withdraw, steps, sessions };
    Some(Planned { plan, problems: aim.problems, wanted })
}

/// What a change is about.
struct Scope<'a> {
    /// The gateways that differ.
    gateways: BTreeMap<&'a VirtualGatewayId, Change<'a, GatewayConfig>>,
    /// Those that do not, but have an interface that does.
    needed: BTreeMap<&'a VirtualGatewayId, &'a Arc<GatewayConfig>>,
    /// The interfaces that differ, or whose gateway does.
    interfaces: BTreeMap<&'a VirtualInterfaceId, Change<'a, InterfaceConfig>>,
}

impl<'a> Scope<'a> {
    /// `None`: too much differs, or what is to come is in use by what stays.
    fn find(settled: &'a Settled, next: &'a EdgeConfig) -> Option<Self> {
        let held = &*settled.config;
        if (&held.edge_id, &held.ports) != (&next.edge_id, &next.ports) {
            return None;
        }
        let gateways = changed(&held.gateways, &next.gateways, |one| &one.virtual_gateway_id)?;
        let mut interfaces =
            changed(&held.interfaces, &next.interfaces, |one| &one.virtual_interface_id)?;
        for id in gateways.keys().flat_map(|id| settled.interfaces_of(id)) {
            if !interfaces.contains_key(id) {
                let one = find(&held.interfaces, id, |one| &one.virtual_interface_id)?;
                interfaces.insert(id, (Some(one), Some(one)));
            }
        }
        let mut needed = BTreeMap::new();
        for one in interfaces.values().flat_map(both) {
            let id = &one.virtual_gateway_id;
            if !gateways.contains_key(id) && !needed.contains_key(id) {
                needed.insert(id, find(&next.gateways, id, |one| &one.virtual_gateway_id)?);
            }
        }
        let scope = Self { gateways, needed, interfaces };
        (!scope.is_hindered(settled)).then_some(scope)
    }

    /// Whether what is to come needs something that what stays has.
    fn is_hindered(&self, settled: &Settled) -> bool {
        let lent_to_other = |name: &str| {
            settled.lent_to(name).is_some_and(|gateway| !self.gateways.contains_key(gateway))
        };
        let taken = |one: &InterfaceConfig| {
            let other = settled.at_place(one);
            lent_to_other(one.interface.as_str())
                || other.is_some_and(|other| !self.interfaces.contains_key(other))
        };
        let interfaces = self.interfaces.values().filter_map(|(_, next)| *next);
        let gateways = self.gateways.values().filter_map(|(_, next)| *next);
        let mut links = gateways.flat_map(|one| handoffs(one));
        interfaces.into_iter().any(|one| taken(one))
            || links.any(|name| lent_to_other(name) || settled.is_port(name))
    }

    /// What of the kernel it is about; `None`: something else of it would be changed, or is in the way.
    fn of_kernel(&self, settled: &Settled, kernel: &Kernel, marks: &Marks) -> Option<Kernel> {
        let own = |name: &str| {
            self.interfaces.keys().any(|id| id.as_str() == name)
                || self.gateways.keys().any(|id| id.as_str() == name)
                || self.needed.keys().any(|id| id.as_str() == name)
        };
        let lent: HashSet<&str> =
            self.gateways.values().flat_map(both).flat_map(|one| handoffs(one)).collect();
        // What is on them goes down with them when they are moved.
        let moves = lent.iter().any(|name| settled.has_vlans(name));
        let mut places = self.interfaces.values().filter_map(|(_, next)| *next);
        let taken = places.any(|one| settled.link_at(one).is_some_and(|name| !own(name)));
        if moves || taken {
            return None;
        }
        let mut names: Vec<&str> = lent.into_iter().collect();
        names.extend(self.gateways.keys().map(|id| id.as_str()));
        names.extend(self.needed.keys().map(|id| id.as_str()));
        names.extend(self.needed.values().flat_map(|one| handoffs(one)));
        names.extend(self.interfaces.keys().map(|id| id.as_str()));
        names.extend(self.interfaces.values().flat_map(both).map(|one| one.interface.as_str()));
        let mut part = Kernel { forwards_ipv6: kernel.forwards_ipv6, ..Kernel::default() };
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
        let gateways = self.gateways.values().filter_map(|(_, next)| *next);
        let mut gateways: Vec<_> = gateways.chain(self.needed.values().copied()).cloned().collect();
        gateways.sort_by(|a, b| a.virtual_gateway_id.cmp(&b.virtual_gateway_id));
        let interfaces = self.interfaces.values().filter_map(|(_, next)| *next).cloned().collect();
        let (edge_id, ports) = (next.edge_id.clone(), next.ports.clone());
        let (epoch, generation) = (next.epoch, next.generation);
        EdgeConfig { edge_id, epoch, generation, ports, gateways, interfaces }
    }

    /// All sessions, with those that it is about as they shall be.
    fn sessions(&self, settled: &Settled, aim: &Aim) -> Sessions {
        let Sessions { mut gateways, mut sessions } = settled.wanted.clone();
        for id in self.interfaces.keys() {
            sessions.remove(id);
        }
        aim.sessions.iter().for_each(|one| sessions.put(Arc::clone(one)));
        for id in self.gateways.keys().chain(self.needed.keys()) {
            gateways.remove(id);
        }
        let remain = |id: &VirtualInterfaceId| !self.interfaces.contains_key(id);
        for one in &aim.instances {
            let used = aim.sessions.iter().any(|session| session.gateway == one.id)
                || settled.interfaces_of(&one.id).iter().any(remain);
            if used {
                gateways.put(Arc::clone(one));
            }
        }
        Sessions { gateways, sessions }
    }
}

/// What is not the same in both, by its id; `None`: they are many, or out of order.
fn changed<'a, T: Eq, I: Ord + 'a>(
    held: &'a [Arc<T>],
    next: &'a [Arc<T>],
    id: impl Fn(&'a T) -> &'a I,
) -> Option<BTreeMap<&'a I, Change<'a, T>>> {
    let changes = differing(held, next, &id);
    let many = changes.len();
    let by_id = |change: Change<'a, T>| Some((id(change.0.or(change.1)?), change));
    let by_id: BTreeMap<_, _> = changes.into_iter().filter_map(by_id).collect();
    (many <= MOST && by_id.len() == many).then_some(by_id)
}

/// Before and after, whichever there is.
fn both<'a, T>((was, is): &Change<'a, T>) -> impl Iterator<Item = &'a Arc<T>> + use<'a, T> {
    let (was, is) = (*was, *is);
    was.into_iter().chain(is)
}

fn handoffs(gateway: &GatewayConfig) -> impl Iterator<Item = &str> {
    gateway.handoffs.iter().map(|handoff| handoff.interface.as_str())
}
