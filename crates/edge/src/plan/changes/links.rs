//! Links with what is on them: VRFs, handoffs, VLAN subinterfaces.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ipnet::IpNet;

use super::{Difference, UNKNOWN, desired, left, push};
use crate::kernel::{Change, Link, LinkConf, LinkKind, Way};
use crate::plan::desired::{VlanLink, Vrf};
use crate::plan::{Item, Step};

impl Difference<'_> {
    /// Our links that are not wanted as they are: VLANs first, then handoffs leave their VRFs, then VRFs go.
    pub(super) fn remove_links(&self, ours: &BTreeMap<&str, &Link>, steps: &mut Vec<Step>) {
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
            let conf = LinkConf {
                // It is the operator's: it must come out with the addresses that it went in with.
                keep_addresses: link.conf.keep_addresses || link.up && six,
                // In no VRF, what comes by it would find its way by the router's own routes.
                forwarding: link.conf.forwarding && self.desired.handoffs.contains_key(name),
                ..link.conf
            };
            if conf != link.conf {
                steps.push(left(Change::SetConf { link: name.clone(), conf }));
            }
            steps.push(left(Change::SetMaster { link: name.clone(), master: None }));
        }
        steps.extend(go(true));
    }

    /// The link of ours that stays.
    pub(super) fn present(&self, name: &str) -> Option<&Link> {
        self.kernel.links.get(name).filter(|_| !self.going.contains(name))
    }

    /// A VRF, its unreachable default routes before anything can be in it.
    pub(super) fn vrf(&self, name: &str, vrf: &Vrf, steps: &mut Vec<Step>) {
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
    pub(super) fn handoffs(&self, steps: &mut Vec<Step>) {
        // Before any is moved: their IPv6 addresses have to live through that.
        for (name, handoff) in &self.desired.handoffs {
            let item = Item::RoutingDomain(handoff.id.clone());
            let now = self.kernel.links.get(name);
            self.fence(&item, name, now, steps);
            self.conf(&item, name, now, |now| handoff.conf(now), steps);
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
    pub(super) fn vlan(&self, name: &str, vlan: &VlanLink, steps: &mut Vec<Step>) {
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
        self.fence(&item, name, now, steps);
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
    pub(super) fn vlan_up(&self, name: &str, vlan: &VlanLink, steps: &mut Vec<Step>) {
        let (item, now) = (Item::Interface(vlan.id.clone()), self.present(name));
        // The kernel sets no subinterface up on a port that is down.
        let can = self.kernel.links.get(&vlan.parent).is_some_and(|parent| parent.up);
        if can && now.is_none_or(|now| !now.up) {
            push(steps, &item, Change::SetUp { link: name.to_owned() });
        }
    }

    pub(super) fn conf(
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

    pub(super) fn alias(
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

    /// The fence of a link.
    pub(super) fn fence(&self, item: &Item, name: &str, now: Option<&Link>, steps: &mut Vec<Step>) {
        let Some(fence) = self.desired.fences.get(name) else { return };
        if now.is_none_or(|now| now.fence != Some(fence.digest(self.marks))) {
            let (link, fence) = (name.to_owned(), Some(Arc::new(fence.clone())));
            push(steps, item, Change::SetFence { link, fence });
        }
    }

    /// The routes of a link's addresses that somebody has removed.
    pub(super) fn restore(
        &self,
        item: &Item,
        name: &str,
        wanted: impl Fn(&IpNet) -> bool,
        steps: &mut Vec<Step>,
    ) {
        let Some(now) = self.present(name).filter(|now| now.up) else { return };
        for address in now.unrouted.iter().filter(|address| wanted(address)) {
            let (link, address) = (name.to_owned(), *address);
            push(steps, item, Change::RestoreRoutes { link, address });
        }
    }
}
