//! What must not be done once something before it has failed.
//!
//! A step that fails stops neither other items nor what is harmless. But a subinterface must not enter a VRF without its
//! unreachable default routes, nor be set up without its settings; a route must not lead over an interface that is not in the VRF; a VRF must
//! not go from under a subinterface that could not be removed, which would fall into the main table; a link gets no customer
//! without its fence, and the kernel's rule for the router's own addresses does not go before another is there. So a plan is applied
//! in batches, each cut off before a step that depends on something in the same batch.

use std::collections::{BTreeMap, BTreeSet};

use linkway_domain::net::AddressFamily;

use super::{Item, Step};
use crate::kernel::{Change, Kernel, LinkKind, Rule, Way};

/// What depends on what, by names of links, and what has failed.
pub struct Guard {
    /// Who is at the beginning in a VRF that goes, by its name.
    slaves: BTreeMap<String, Vec<String>>,
    /// The VRFs of a table from which a route goes, those that the plan makes included.
    vrfs: BTreeMap<u32, Vec<String>>,
    failed: BTreeSet<String>,
}

impl Guard {
    /// For a plan on a kernel.
    #[must_use]
    pub fn new(steps: &[Step], kernel: &Kernel) -> Self {
        let (mut slaves, mut vrfs): (BTreeMap<_, Vec<_>>, BTreeMap<_, Vec<_>>) = Default::default();
        for step in steps {
            match &step.change {
                Change::DeleteLink { link } => drop(slaves.insert(link.clone(), Vec::new())),
                Change::DeleteRoute(route) => drop(vrfs.insert(route.table, Vec::new())),
                _ => {}
            }
        }
        if slaves.is_empty() && vrfs.is_empty() {
            return Self { slaves, vrfs, failed: BTreeSet::new() };
        }
        for (name, link) in &kernel.links {
            if let Some(inside) = link.master.as_ref().and_then(|master| slaves.get_mut(master)) {
                inside.push(name.clone());
            }
            if let LinkKind::Vrf { table } = link.kind
                && let Some(there) = vrfs.get_mut(&table)
            {
                there.push(name.clone());
            }
        }
        for step in steps {
            if let Change::AddVrf { link, table, .. } = &step.change
                && let Some(there) = vrfs.get_mut(table)
            {
                there.push(link.clone());
            }
        }
        Self { slaves, vrfs, failed: BTreeSet::new() }
    }

    /// The steps in batches: within one, nothing that matters depends on another's success.
    #[must_use]
    pub fn batches<'a>(&self, steps: &'a [Step]) -> Vec<&'a [Step]> {
        let (mut batches, mut start) = (Vec::new(), 0);
        let mut pending: BTreeSet<&str> = BTreeSet::new();
        for (at, step) in steps.iter().enumerate() {
            if matters(step) && self.needs(step).iter().any(|name| pending.contains(name)) {
                batches.push(&steps[start..at]);
                start = at;
                pending.clear();
            }
            pending.extend(subject(step));
        }
        if start < steps.len() {
            batches.push(&steps[start..]);
        }
        batches
    }

    /// Whether a step may still be made. One that may not counts as failed itself.
    pub fn allows(&mut self, step: &Step) -> bool {
        let allowed = !self.needs(step).iter().any(|name| self.failed.contains(*name));
        if !allowed {
            self.fail(step);
        }
        allowed
    }

    /// A step failed.
    pub fn fail(&mut self, step: &Step) {
        self.failed.extend(subject(step).map(str::to_owned));
    }

    /// The links that must be as planned before this step.
    fn needs<'a>(&'a self, step: &'a Step) -> Vec<&'a str> {
        let members =
            |names: Option<&'a Vec<String>>| names.into_iter().flatten().map(String::as_str);
        match &step.change {
            // A port without its fence gets no customers.
            Change::AddVlan { link, parent, master, .. } => vec![link, parent, master],
            Change::SetMaster { link, master } => {
                std::iter::once(link.as_str()).chain(master.as_deref()).collect()
            }
            Change::DeleteLink { link } => members(self.slaves.get(link)).collect(),
            Change::AddRoute(route) => match &route.way {
                Way::Via { link, .. } | Way::Dev { link } => {
                    vrf(step).chain([link.as_str()]).collect()
                }
                Way::Unreachable | Way::Other => vrf(step).collect(),
            },
            Change::DeleteRoute(route) => match &route.way {
                Way::Unreachable | Way::Other => members(self.vrfs.get(&route.table)).collect(),
                Way::Via { .. } | Way::Dev { .. } => Vec::new(),
            },
            // What takes its place has to be there.
            Change::DeleteRule(rule) => vec![rules_of(rule)],
            Change::AddRule(_) | Change::CheckIpv6Sources(_) => Vec::new(),
            Change::AddVrf { link, .. }
            | Change::SetAlias { link, .. }
            | Change::SetMtu { link, .. }
            | Change::SetConf { link, .. }
            | Change::SetUp { link }
            | Change::SetFence { link, .. }
            | Change::RestoreRoutes { link, .. }
            | Change::AddAddress { link, .. }
            | Change::DeleteAddress { link, .. } => vec![link],
        }
    }
}

/// Stands for the rules of a family; no link can have such a name.
const fn rules_of(rule: &Rule) -> &'static str {
    match rule.family {
        AddressFamily::Ipv4 => "rules/ipv4",
        AddressFamily::Ipv6 => "rules/ipv6",
    }
}

/// Whether the step does harm when what it needs has failed; others then only fail too.
fn matters(step: &Step) -> bool {
    match &step.change {
        Change::AddVlan { .. }
        | Change::SetMaster { .. }
        | Change::DeleteLink { .. }
        | Change::DeleteRule(_) => true,
        Change::AddRoute(route) => route.way.link().is_some(),
        Change::DeleteRoute(route) => route.way.link().is_none(),
        Change::SetUp { .. } => matches!(step.item, Item::Interface(_)),
        Change::AddVrf { .. }
        | Change::SetAlias { .. }
        | Change::SetMtu { .. }
        | Change::SetConf { .. }
        | Change::SetFence { .. }
        | Change::RestoreRoutes { .. }
        | Change::AddRule(_)
        | Change::CheckIpv6Sources(_)
        | Change::AddAddress { .. }
        | Change::DeleteAddress { .. } => false,
    }
}

/// The link that is not as planned when the step fails.
fn subject(step: &Step) -> Option<&str> {
    match &step.change {
        // For people only.
        Change::SetAlias { .. } => None,
        // The VRF is open without its unreachable default routes; another route is missed by itself.
        Change::AddRoute(route) => match route.way {
            Way::Unreachable => vrf(step).next(),
            Way::Via { .. } | Way::Dev { .. } | Way::Other => None,
        },
        Change::AddRule(rule) => Some(rules_of(rule)),
        Change::DeleteRoute(_)
        | Change::DeleteRule(_)
        | Change::CheckIpv6Sources(_)
        | Change::RestoreRoutes { .. }
        // A fence that stays where it was is no more than that.
        | Change::SetFence { fence: None, .. } => None,
        Change::AddVrf { link, .. }
        | Change::AddVlan { link, .. }
        | Change::DeleteLink { link }
        | Change::SetMtu { link, .. }
        | Change::SetMaster { link, .. }
        | Change::SetConf { link, .. }
        | Change::SetUp { link }
        | Change::SetFence { link, .. }
        | Change::AddAddress { link, .. }
        | Change::DeleteAddress { link, .. } => Some(link),
    }
}

/// The VRF of the routing domain that a step is for, by its name.
fn vrf(step: &Step) -> impl Iterator<Item = &str> {
    let id = match &step.item {
        Item::RoutingDomain(id) => Some(id.as_str()),
        Item::Interface(_) | Item::Port(_) | Item::Rules | Item::Ipv6Sources | Item::Leftover => {
            None
        }
    };
    id.into_iter()
}
