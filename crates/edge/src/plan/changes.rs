//! The kernel's changes from what is there to the desired state.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ipnet::IpNet;
use linkway_domain::net::AddressFamily;

use super::desired::{self, DesiredState, VlanLink, Vrf};
use super::{Item, Step, rules};
use crate::fence::Fence;
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
        for (name, fence) in &self.desired.ports {
            let now = self.kernel.links.get(name);
            self.fence(&Item::Port(name.clone()), name, now, fence, steps);
        }
        let wanted = |name: &String| {
            self.desired.ports.contains_key(name) || self.desired.handoffs.contains_key(name)
        };
        for (name, link) in &self.kernel.links {
            if link.fence.is_some() && !wanted(name) && !self.marks.owns_link(name, link) {
                steps.push(left(Change::SetFence { link: name.clone(), fence: None }));
            }
        }
    }

    /// The fence of a link.
    fn fence(
        &self,
        item: &Item,
        name: &str,
        now: Option<&Link>,
        fence: &Arc<Fence>,
        steps: &mut Vec<Step>,
    ) {
        let digest = fence.digest(self.marks);
        if now.is_none_or(|now| now.fence != Some(digest)) {
            let (link, fence) = (name.to_owned(), Some(Arc::clone(fence)));
            push(steps, item, Change::SetFence { link, fence });
        }
    }

    /// The routes of a link's addresses that somebody has removed.
    fn restore(
        &self,
        item: &Item,
        name: &str,
        wanted: impl Fn(&IpNet) -> bool,
        steps: &mut Vec<Step>,
    ) {
        let Some(now) = self.present(name).filter(|now| now.up) else { return };
        for address in now.unrouted.iter().filter(|address| wanted(address)) {
            let link = name.to_owned();
            push(steps, item, Change::RestoreRoutes { link, address: *address });
        }
    }

    /// Our routes that are not wanted, unless the one that takes their place replaces them: that leaves no moment without a
    /// route. One that leads out of its VRF goes at once, whoever made it, or what enters the VRF would go there. Those
    /// that are unreachable come last (see `remove_unreachable_routes`).
    fn remove_routes(&self, steps: &mut Vec<Step>) {
        let place = |route: &Route| (route.table, route.prefix, route.metric);
        let coming: BTreeSet<_> =
            self.desired.routes.keys().filter(|route| self.possible(route)).map(place).collect();
        let (inside, outside): (Vec<&Route>, Vec<&Route>) = self
            .unwanted()
            .filter(|route| route.way.link().is_some())
            .chain(self.leading_out())
            .partition(|route| self.is_inside(route));
        let has_to_go = |route: &&&Route| {
            // With its link goes the route.
            let goes = route.way.link().is_some_and(|link| self.going.contains(link));
            !goes && !coming.contains(&place(route))
        };
        // Those that lead out first: behind another one of the same prefix they do no harm yet.
        let delete = outside.iter().chain(inside.iter().filter(has_to_go));
        steps.extend(delete.map(|route| left(Change::DeleteRoute((*route).clone()))));
    }

    /// Whether a route leads over a link of the VRF that has its table.
    fn is_inside(&self, route: &Route) -> bool {
        is_inside(self.kernel, route)
    }

    /// Routes of others in the tables of our VRFs that lead out of them.
    fn leading_out(&self) -> impl Iterator<Item = &'a Route> {
        let tables: BTreeSet<u32> = self
            .kernel
            .links
            .iter()
            .filter(|(name, link)| self.marks.owns_link(name, link))
            .filter_map(|(_, link)| match link.kind {
                LinkKind::Vrf { table } => {
                    Some(table).filter(|table| self.marks.owns_table(*table))
                }
                LinkKind::Vlan { .. } | LinkKind::Other => None,
            })
            .collect();
        let kernel = self.kernel;
        let foreign = self.marks.route_protocol;
        let routes = tables.into_iter().flat_map(move |table| kernel.routes_of(table));
        routes.filter(move |route| route.protocol != foreign && !is_inside(kernel, route))
    }

    fn unwanted(&self) -> impl Iterator<Item = &'a Route> {
        self.kernel.routes.iter().filter(|route| {
            route.protocol == self.marks.route_protocol
                && self.marks.owns_table(route.table)
                && !self.desired.routes.contains_key(*route)
        })
    }

    /// Unreachable routes that are not wanted: only when nothing is left in their VRFs, or these have new ones.
    fn remove_unreachable_routes(&self, steps: &mut Vec<Step>) {
        let place = |route: &Route| (route.table, route.prefix, route.metric);
        let coming: BTreeSet<_> =
            self.desired.routes.keys().filter(|r| self.possible(r)).map(place).collect();
        for route in self.unwanted().filter(|route| route.way.link().is_none()) {
            if !coming.contains(&place(route)) {
                steps.push(left(Change::DeleteRoute(route.clone())));
            }
        }
        steps.extend(self.lacking().map(|route| left(Change::DeleteRoute(route))));
    }

    /// Whether the kernel takes a route now: none over a link that is down, and it drops those that it had.
    fn possible(&self, route: &Route) -> bool {
        match &route.way {
            Way::Via { link, .. } | Way::Dev { link } => {
                self.kernel.links.get(link).is_some_and(|link| link.up)
            }
            Way::Unreachable | Way::Other => true,
        }
    }

    /// Our links that are not wanted as they are: VLANs first, then handoffs leave their VRFs, then VRFs go.
    fn remove_links(&self, ours: &BTreeMap<&str, &Link>, steps: &mut Vec<Step>) {
        let is_vrf = |link: &Link| matches!(link.kind, LinkKind::Vrf { .. });
        let go = |vrfs: bool| {
            self.going
                .iter()
                .filter(move |name| is_vrf(ours[**name]) == vrfs)
                .map(|name| left(Change::DeleteLink { link: (*name).to_owned() }))
        };
        steps.extend(go(false));
        for (name, link) in &self.kernel.links {
            let Some(master) = link.master.as_deref() else { continue };
            let handoff = self.is_vrf_of_ours(master) && !ours.contains_key(name.as_str());
            if !handoff || !self.moves(name, link) {
                continue;
            }
            let six = link.addresses.iter().any(|address| matches!(address, IpNet::V6(_)));
            if link.up && six && !link.conf.keep_addresses {
                // It is the operator's: it must come out with the addresses that it went in with.
                let conf = LinkConf { keep_addresses: true, ..link.conf };
                steps.push(left(Change::SetConf { link: name.clone(), conf }));
            }
            steps.push(left(Change::SetMaster { link: name.clone(), master: None }));
        }
        steps.extend(go(true));
    }

    /// The link of ours that stays.
    fn present(&self, name: &str) -> Option<&Link> {
        self.kernel.links.get(name).filter(|_| !self.going.contains(name))
    }

    /// Gives our VRFs the unreachable default routes that they lack, before anything else: they are open to the main table.
    /// So are those that go, until the last link has left them.
    fn close(&self, steps: &mut Vec<Step>) {
        for (name, vrf) in &self.desired.vrfs {
            if self.present(name).is_some() {
                self.unreachable_routes(&Item::RoutingDomain(vrf.id.clone()), vrf, steps);
            }
        }
        steps.extend(self.lacking().map(|route| left(Change::AddRoute(route))));
    }

    /// The unreachable default routes that VRFs which go lack, unless somebody else has put a route in their place.
    fn lacking(&self) -> impl Iterator<Item = Route> {
        let going = self.going.iter().filter_map(|name| match self.kernel.links.get(*name)?.kind {
            LinkKind::Vrf { table } => Some(table).filter(|table| self.marks.owns_table(*table)),
            LinkKind::Vlan { .. } | LinkKind::Other => None,
        });
        let tables: BTreeSet<u32> = going.collect();
        let families = [AddressFamily::Ipv4, AddressFamily::Ipv6];
        let routes = tables.into_iter().flat_map(move |table| {
            families.map(|family| desired::unreachable_default(table, family, self.marks))
        });
        let place = |route: &Route| (route.table, route.prefix, route.metric);
        let others: BTreeSet<_> = self
            .kernel
            .routes
            .iter()
            .filter(|r| r.protocol != self.marks.route_protocol)
            .map(place)
            .collect();
        routes.filter(move |route| {
            !self.kernel.routes.contains(route)
                && !self.desired.routes.contains_key(route)
                && !others.contains(&place(route))
        })
    }

    fn unreachable_routes(&self, item: &Item, vrf: &Vrf, steps: &mut Vec<Step>) {
        let wanted = self.unreachable.get(&vrf.table).into_iter().flatten();
        for route in wanted.filter(|route| !self.kernel.routes.contains(**route)) {
            push(steps, item, Change::AddRoute((*route).clone()));
        }
    }

    /// A VRF, its unreachable default routes before anything can be in it.
    fn vrf(&self, name: &str, vrf: &Vrf, steps: &mut Vec<Step>) {
        let item = Item::RoutingDomain(vrf.id.clone());
        let link = name.to_owned();
        let now = self.present(name);
        if now.is_none() {
            let (table, group) = (vrf.table, self.marks.link_group);
            push(steps, &item, Change::AddVrf { link: link.clone(), table, group });
        }
        if now.is_none() {
            self.unreachable_routes(&item, vrf, steps);
        }
        self.conf(&item, name, now, |_| desired::VRF_CONF, steps);
        self.alias(&item, name, now, &vrf.alias, steps);
        // It has none: every customer of the VRF could reach it.
        for address in now.iter().flat_map(|now| &now.addresses) {
            push(steps, &item, Change::DeleteAddress { link: link.clone(), address: *address });
        }
        if now.is_none_or(|now| !now.up) {
            push(steps, &item, Change::SetUp { link });
        }
    }

    /// The operator's interfaces towards VPCs, and the routes over them.
    fn handoffs(&self, steps: &mut Vec<Step>) {
        // Before any is moved: their IPv6 addresses have to live through that.
        for (name, handoff) in &self.desired.handoffs {
            let item = Item::RoutingDomain(handoff.id.clone());
            let now = self.kernel.links.get(name);
            self.fence(&item, name, now, &handoff.fence, steps);
            self.conf(&item, name, now, desired::handoff_conf, steps);
        }
        for (name, handoff) in &self.desired.handoffs {
            let item = Item::RoutingDomain(handoff.id.clone());
            let now = self.kernel.links.get(name);
            let there = now.and_then(|now| now.master.as_deref()) == Some(&handoff.vrf)
                && !self.going.contains(handoff.vrf.as_str());
            if !there {
                let master = Some(handoff.vrf.clone());
                push(steps, &item, Change::SetMaster { link: name.clone(), master });
            } else {
                self.restore(&item, name, |_| true, steps);
            }
        }
        for (route, id) in &self.desired.routes {
            let Way::Via { link, .. } = &route.way else { continue };
            let dropped = self.flapping.contains(link.as_str());
            if self.possible(route) && (dropped || !self.kernel.routes.contains(route)) {
                push(steps, &Item::RoutingDomain(id.clone()), Change::AddRoute(route.clone()));
            }
        }
    }

    /// A VLAN subinterface; complete before it is set up.
    fn vlan(&self, name: &str, vlan: &VlanLink, steps: &mut Vec<Step>) {
        let item = Item::Interface(vlan.id.clone());
        let link = name.to_owned();
        let now = self.present(name);
        match now {
            None => push(
                steps,
                &item,
                Change::AddVlan {
                    link: link.clone(),
                    parent: vlan.parent.clone(),
                    vlan: vlan.vlan,
                    master: vlan.vrf.clone(),
                    mtu: vlan.mtu,
                    group: self.marks.link_group,
                },
            ),
            Some(now) if now.mtu != vlan.mtu => {
                push(steps, &item, Change::SetMtu { link: link.clone(), mtu: vlan.mtu });
            }
            Some(_) => {}
        }
        self.conf(&item, name, now, |_| vlan.conf(), steps);
        self.fence(&item, name, now, &vlan.fence, steps);
        self.restore(&item, name, |address| vlan.addresses.contains(address), steps);
        self.alias(&item, name, now, &format!("linkway {name}"), steps);
        let none = BTreeSet::new();
        let present: &BTreeSet<IpNet> = now.map_or(&none, |now| &now.addresses);
        let removed: Vec<&IpNet> = present.difference(&vlan.addresses).collect();
        for address in &removed {
            push(steps, &item, Change::DeleteAddress { link: link.clone(), address: **address });
        }
        for address in &vlan.addresses {
            // With another address the kernel may take the secondary ones of its subnet.
            let beside = removed.iter().any(|other| other.trunc() == address.trunc());
            if beside || self.flapping.contains(name) || !present.contains(address) {
                push(steps, &item, Change::AddAddress { link: link.clone(), address: *address });
            }
        }
    }

    /// Sets a complete VLAN subinterface up.
    fn vlan_up(&self, name: &str, vlan: &VlanLink, steps: &mut Vec<Step>) {
        let (item, now) = (Item::Interface(vlan.id.clone()), self.present(name));
        // The kernel sets no subinterface up on a port that is down.
        let can = self.kernel.links.get(&vlan.parent).is_some_and(|parent| parent.up);
        if can && now.is_none_or(|now| !now.up) {
            push(steps, &item, Change::SetUp { link: name.to_owned() });
        }
    }

    fn conf(
        &self,
        item: &Item,
        name: &str,
        now: Option<&Link>,
        wanted: impl Fn(LinkConf) -> LinkConf,
        steps: &mut Vec<Step>,
    ) {
        let now = now.map_or(UNKNOWN, |now| now.conf);
        let conf = wanted(now);
        if conf != now {
            push(steps, item, Change::SetConf { link: name.to_owned(), conf });
        }
    }

    fn alias(
        &self,
        item: &Item,
        name: &str,
        now: Option<&Link>,
        alias: &str,
        steps: &mut Vec<Step>,
    ) {
        if now.is_none_or(|now| now.alias != alias) {
            let change = Change::SetAlias { link: name.to_owned(), alias: alias.to_owned() };
            push(steps, item, change);
        }
    }
}

/// Whether a route leads over a link of the VRF that has its table, or over none.
fn is_inside(kernel: &Kernel, route: &Route) -> bool {
    let Some(link) = route.way.link() else { return true };
    let master = kernel.links.get(link).and_then(|link| link.master.as_deref());
    let vrf = master.and_then(|master| kernel.links.get(master));
    vrf.is_some_and(|vrf| vrf.kind == LinkKind::Vrf { table: route.table })
}

fn push(steps: &mut Vec<Step>, item: &Item, change: Change) {
    steps.push(Step { item: item.clone(), change });
}

fn left(change: Change) -> Step {
    Step { item: Item::Leftover, change }
}
