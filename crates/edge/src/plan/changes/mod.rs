//! The kernel's changes from what is there to the desired state.

mod links;
mod routes;

use std::collections::{BTreeMap, BTreeSet};

use super::desired::{self, DesiredState};
use super::{Item, Step, rules};
use crate::kernel::{Change, Kernel, Link, LinkConf, LinkKind, Route, Way};
use crate::mark::Marks;

/// The kernel's settings of a link that was just made are unknown until it is observed; this is what no kernel has, so that
/// all of them are set.
const UNKNOWN: LinkConf = LinkConf {
    forwarding: false,
    rp_filter: u8::MAX,
    send_redirects: true,
    accept_redirects: true,
    arp_ignore: u8::MAX,
    link_local: true,
    keep_addresses: false,
    lenient: true,
};

/// The changes, in the order in which they are to be made.
#[must_use]
pub fn changes(desired: &DesiredState, kernel: &Kernel, marks: &Marks) -> Vec<Step> {
    let ours: BTreeMap<&str, &Link> = kernel
        .links
        .iter()
        .filter(|(name, link)| marks.owns_link(name, link))
        .map(|(name, link)| (name.as_str(), link))
        .collect();
    let mut going: BTreeSet<&str> = ours
        .iter()
        .filter(|(name, link)| !stays(name, link, desired))
        .map(|(name, _)| *name)
        .collect();
    // What is in a VRF that is made anew would be in the main table until then.
    let inside = |link: &Link| link.master.as_deref().is_some_and(|vrf| going.contains(vrf));
    let inside: Vec<&str> =
        ours.iter().filter(|(_, link)| inside(link)).map(|(name, _)| *name).collect();
    going.extend(inside);
    let mut unreachable: BTreeMap<u32, Vec<&Route>> = BTreeMap::new();
    for route in desired.routes.keys().filter(|route| route.way == Way::Unreachable) {
        unreachable.entry(route.table).or_default().push(route);
    }
    let mut now =
        Difference { desired, kernel, marks, unreachable, going, flapping: BTreeSet::new() };
    now.flapping = now.flaps();
    let mut steps = Vec::new();
    if desired.serves {
        now.rules(&mut steps);
    }
    now.close(&mut steps);
    now.remove_routes(&mut steps);
    now.remove_links(&ours, &mut steps);
    now.ports(&mut steps);
    for (name, vrf) in &desired.vrfs {
        now.vrf(name, vrf, &mut steps);
    }
    now.remove_unreachable_routes(&mut steps);
    now.handoffs(&mut steps);
    for (name, vlan) in &desired.vlans {
        now.vlan(name, vlan, &mut steps);
    }
    for (name, vlan) in &desired.vlans {
        now.vlan_up(name, vlan, &mut steps);
    }
    if !desired.serves {
        now.rules(&mut steps);
    }
    steps
}

/// Whether a link of ours can stay: it is wanted, and what cannot be changed of it is right.
fn stays(name: &str, link: &Link, desired: &DesiredState) -> bool {
    match &link.kind {
        LinkKind::Vrf { table } => desired.vrfs.get(name).is_some_and(|vrf| vrf.table == *table),
        LinkKind::Vlan { parent, vlan } => desired.vlans.get(name).is_some_and(|wanted| {
            parent.as_deref() == Some(&wanted.parent)
                && *vlan == wanted.vlan
                // It never changes from one customer's VRF to another's: it is made anew, with nothing left of before.
                && link.master.as_deref() == Some(&wanted.vrf)
        }),
        LinkKind::Other => false,
    }
}

struct Difference<'a> {
    desired: &'a DesiredState,
    kernel: &'a Kernel,
    marks: &'a Marks,
    /// The unreachable default routes, by table.
    unreachable: BTreeMap<u32, Vec<&'a Route>>,
    /// Links of ours that are removed, to be made anew or not.
    going: BTreeSet<&'a str>,
    /// Links that go down and up again because they, or what is under them, change their VRF: the kernel drops the routes
    /// over them, and IPv6 addresses unless told to keep them.
    flapping: BTreeSet<&'a str>,
}

impl<'a> Difference<'a> {
    /// See the field.
    fn flaps(&self) -> BTreeSet<&'a str> {
        let mut found: BTreeSet<&str> = BTreeSet::new();
        loop {
            let more: Vec<&str> = self
                .kernel
                .links
                .iter()
                .filter(|(name, link)| !found.contains(name.as_str()) && self.moves(name, link)
                    || matches!(&link.kind, LinkKind::Vlan { parent: Some(parent), .. } if found.contains(parent.as_str())))
                .map(|(name, _)| name.as_str())
                .filter(|name| !found.contains(name))
                .collect();
            if more.is_empty() {
                return found;
            }
            found.extend(more);
        }
    }

    /// Whether a link of another's is put into a VRF or taken out of one.
    fn moves(&self, name: &str, link: &Link) -> bool {
        let wanted = self.desired.handoffs.get(name).map(|handoff| handoff.vrf.as_str());
        let master = link.master.as_deref();
        if self.marks.owns_link(name, link) {
            return false;
        }
        match wanted {
            Some(vrf) => master != Some(vrf) || self.going.contains(vrf),
            None => master.is_some_and(|master| self.is_vrf_of_ours(master)),
        }
    }

    fn is_vrf_of_ours(&self, name: &str) -> bool {
        self.kernel.links.get(name).is_some_and(|link| {
            matches!(link.kind, LinkKind::Vrf { .. }) && self.marks.owns_link(name, link)
        })
    }

    /// The rules, and the check of IPv6 sources.
    fn rules(&self, steps: &mut Vec<Step>) {
        let changes = rules::changes(self.kernel, self.marks, self.desired.serves);
        steps.extend(changes.into_iter().map(|change| Step { item: Item::Rules, change }));
        let checks = self.kernel.checks_ipv6_sources;
        // While there is a routing domain it stays: nothing is gained by its going.
        let wanted = self.desired.checks_ipv6_sources || checks && self.desired.serves;
        if wanted != checks {
            push(steps, &Item::Ipv6Sources, Change::CheckIpv6Sources(wanted));
        }
    }

    /// The fences of ports; those of ports and handoffs that are none any more go.
    fn ports(&self, steps: &mut Vec<Step>) {
        for name in &self.desired.ports {
            self.fence(&Item::Port(name.clone()), name, self.kernel.links.get(name), steps);
        }
        let wanted = |name: &String| self.desired.fences.contains_key(name);
        for (name, link) in &self.kernel.links {
            if link.fence.is_some() && !wanted(name) && !self.marks.owns_link(name, link) {
                steps.push(left(Change::SetFence { link: name.clone(), fence: None }));
            }
        }
    }
}

fn push(steps: &mut Vec<Step>, item: &Item, change: Change) {
    steps.push(Step { item: item.clone(), change });
}

fn left(change: Change) -> Step {
    Step { item: Item::Leftover, change }
}
