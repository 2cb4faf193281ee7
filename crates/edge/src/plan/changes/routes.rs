//! Routes: those that close a VRF come first and go last.

use std::collections::BTreeSet;

use linkway_domain::net::AddressFamily;

use super::{Difference, desired, left, push};
use crate::kernel::{Change, DAEMON_PROTOCOL, Kernel, LinkKind, Route, Way};
use crate::plan::desired::Vrf;
use crate::plan::{Item, Step};

impl<'a> Difference<'a> {
    /// Gives our VRFs the unreachable default routes that they lack, before anything else: they are open to the main table.
    /// So are those that go, until the last link has left them.
    pub(super) fn close(&self, steps: &mut Vec<Step>) {
        for (name, vrf) in &self.desired.vrfs {
            if self.present(name).is_some() {
                self.unreachable_routes(&Item::RoutingDomain(vrf.id.clone()), vrf, steps);
            }
        }
        steps.extend(self.lacking().map(|route| left(Change::AddRoute(route))));
    }

    /// The unreachable default routes that VRFs which go lack, unless somebody else has put a route in their place.
    pub(super) fn lacking(&self) -> impl Iterator<Item = Route> {
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

    pub(super) fn unreachable_routes(&self, item: &Item, vrf: &Vrf, steps: &mut Vec<Step>) {
        let wanted = self.unreachable.get(&vrf.table).into_iter().flatten();
        for route in wanted.filter(|route| !self.kernel.routes.contains(**route)) {
            push(steps, item, Change::AddRoute((*route).clone()));
        }
    }

    /// Our routes that are not wanted, unless the one that takes their place replaces them: that leaves no moment without a
    /// route. One that leads out of its VRF goes at once, whoever made it, or what enters the VRF would go there. Those
    /// that are unreachable come last (see `remove_unreachable_routes`).
    pub(super) fn remove_routes(&self, steps: &mut Vec<Step>) {
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

    /// Routes of others in the tables of our VRFs that lead out of them, where those of the daemon need not.
    pub(super) fn leading_out(&self) -> impl Iterator<Item = &'a Route> {
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
        let crosses = |route: &Route| {
            route.protocol == DAEMON_PROTOCOL && crosses(&self.desired.across, route)
        };
        routes.filter(move |route| {
            route.protocol != foreign && !is_inside(kernel, route) && !crosses(route)
        })
    }

    /// Whether a route leads over a link of the VRF that has its table, or of one that an association lets it lead into.
    pub(super) fn is_inside(&self, route: &Route) -> bool {
        is_inside(self.kernel, route) || crosses(&self.desired.across, route)
    }

    pub(super) fn unwanted(&self) -> impl Iterator<Item = &'a Route> {
        self.kernel.routes.iter().filter(|route| {
            route.protocol == self.marks.route_protocol
                && self.marks.owns_table(route.table)
                && !self.desired.routes.contains_key(*route)
        })
    }

    /// Unreachable routes that are not wanted: only when nothing is left in their VRFs, or these have new ones.
    pub(super) fn remove_unreachable_routes(&self, steps: &mut Vec<Step>) {
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
    pub(super) fn possible(&self, route: &Route) -> bool {
        match &route.way {
            Way::Via { link, .. } | Way::Dev { link } => {
                self.kernel.links.get(link).is_some_and(|link| link.up)
            }
            Way::Unreachable | Way::Other => true,
        }
    }
}

/// Whether a route leads over one of these links, out of its table.
fn crosses(across: &BTreeSet<(u32, String)>, route: &Route) -> bool {
    let link = route.way.link().map(str::to_owned);
    link.is_some_and(|link| across.contains(&(route.table, link)))
}

/// Whether a route leads over a link of the VRF that has its table, or over none.
fn is_inside(kernel: &Kernel, route: &Route) -> bool {
    let Some(link) = route.way.link() else { return true };
    let master = kernel.links.get(link).and_then(|link| link.master.as_deref());
    let vrf = master.and_then(|master| kernel.links.get(master));
    vrf.is_some_and(|vrf| vrf.kind == LinkKind::Vrf { table: route.table })
}
