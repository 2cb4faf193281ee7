//! A model of Linux's links, addresses and routes: what `linkway_edge::kernel::Change`s do and what follows from them.
//!
//! Where Linux leaves a choice (which address of a subnet is the primary one) the model takes the worse.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;
use linkway_domain::edge::Traffic;
use linkway_domain::net::AddressFamily;
use linkway_edge::fence::{Drops, Fence, FenceDigest, Filter};
use linkway_edge::kernel::{
    Change, Kernel, Link, LinkConf, LinkKind, Route, Rule, RuleAction, Selector, Way,
};
use linkway_edge::mark::Marks;

/// The settings that a link begins with (Linux's defaults).
pub const FRESH: LinkConf = LinkConf {
    forwarding: false,
    rp_filter: 0,
    send_redirects: true,
    accept_redirects: true,
    arp_ignore: 0,
    link_local: true,
    keep_addresses: false,
    lenient: true,
};

/// A kernel. Everything, routes of the main table included.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Model {
    pub links: BTreeMap<String, Link>,
    pub routes: BTreeSet<Route>,
    pub forwards_ipv6: bool,
    /// In the order in which they are asked.
    pub rules: Vec<Rule>,
    pub checks_ipv6_sources: bool,
    /// What the fences are that links have the digests of.
    pub fences: BTreeMap<FenceDigest, Vec<Filter>>,
    /// Links whose cable is plugged in; those that run on top of others need none.
    pub plugged: BTreeSet<String>,
}

pub type Done = Result<(), String>;

/// A link that nothing was done to.
pub fn fresh(kind: LinkKind, mtu: u32) -> Link {
    Link {
        kind,
        mtu,
        up: false,
        carrier: false,
        master: None,
        group: 0,
        alias: String::new(),
        conf: FRESH,
        addresses: BTreeSet::new(),
        unrouted: BTreeSet::new(),
        fence: None,
        drops: Drops::default(),
        traffic: Traffic::default(),
    }
}

/// The kernel's own rules.
pub fn fresh_rules() -> Vec<Rule> {
    [AddressFamily::Ipv4, AddressFamily::Ipv6]
        .into_iter()
        .flat_map(|family| {
            let rule = |preference, table| Rule {
                family,
                preference,
                selector: Selector::All,
                action: RuleAction::Lookup(table),
                protocol: 2,
            };
            [rule(0, 255), rule(32_766, 254)]
        })
        .collect()
}

impl Model {
    /// What the agent's driver would see: routes of our tables and of our protocol only.
    pub fn observe(&self, marks: &Marks) -> Kernel {
        let seen = |r: &&Route| marks.owns_table(r.table) || r.protocol == marks.route_protocol;
        Kernel {
            links: self.links.clone(),
            routes: self.routes.iter().filter(seen).cloned().collect(),
            forwards_ipv6: self.forwards_ipv6,
            rules: self.rules.clone(),
            checks_ipv6_sources: self.checks_ipv6_sources,
        }
    }

    /// Carries out one change; what is already so is no error.
    pub fn change(&mut self, change: &Change) -> Done {
        let done = match change {
            Change::AddVrf { link, table, group } => self.add_vrf(link, *table, *group),
            Change::AddVlan { link, parent, vlan, master, mtu, group } => {
                self.add_vlan(link, (parent, *vlan), master, *mtu, *group)
            }
            Change::DeleteLink { link } => self.delete(link),
            Change::SetAlias { link, alias } => self.link(link).map(|l| l.alias.clone_from(alias)),
            Change::SetMtu { link, mtu } => self.set_mtu(link, *mtu),
            Change::SetMaster { link, master } => self.set_master(link, master.as_deref()),
            Change::SetConf { link, conf } => self.link(link).map(|l| {
                // A link-local address goes with every other one (`disable_ipv6`).
                if l.up && l.conf.link_local && !conf.link_local {
                    l.addresses.retain(|address| matches!(address, IpNet::V4(_)));
                }
                l.conf = *conf;
            }),
            Change::SetUp { link } => self.set_up(link),
            Change::AddAddress { link, address } => self.link(link).map(|l| {
                l.addresses.insert(*address);
            }),
            Change::DeleteAddress { link, address } => self.delete_address(link, *address),
            Change::RestoreRoutes { link, address } => self.link(link).map(|l| {
                l.unrouted.remove(address);
            }),
            Change::SetFence { link, fence } => self.set_fence(link, fence.as_deref()),
            Change::AddRule(rule) => {
                self.add_rule(*rule);
                Ok(())
            }
            Change::DeleteRule(rule) => {
                self.rules.retain(|other| other != rule);
                Ok(())
            }
            Change::CheckIpv6Sources(on) => {
                self.checks_ipv6_sources = *on;
                Ok(())
            }
            Change::AddRoute(route) => self.add_route(route),
            Change::DeleteRoute(route) => {
                self.routes.remove(route);
                Ok(())
            }
        };
        self.settle();
        done.map_err(|error| format!("{change:?}: {error}"))
    }

    fn set_fence(&mut self, name: &str, fence: Option<&Fence>) -> Done {
        let marks = Marks::default();
        let known = fence.map(|fence| (fence.digest(&marks), fence.filters(&marks)));
        self.link(name)?.fence = known.as_ref().map(|(digest, _)| *digest);
        self.fences.extend(known);
        Ok(())
    }

    /// Behind those of its family and preference; the families' lists come one after the other.
    pub fn add_rule(&mut self, rule: Rule) {
        if self.rules.contains(&rule) {
            return;
        }
        let place = |other: &Rule| (other.family.as_str(), other.preference);
        let at = self.rules.partition_point(|other| place(other) <= place(&rule));
        self.rules.insert(at, rule);
    }

    /// The filters of a link.
    pub fn filters(&self, name: &str) -> &[Filter] {
        let digest = self.links.get(name).and_then(|link| link.fence);
        digest.and_then(|digest| self.fences.get(&digest)).map_or(&[], Vec::as_slice)
    }

    fn link(&mut self, name: &str) -> Result<&mut Link, String> {
        self.links.get_mut(name).ok_or_else(|| format!("{name}: ENODEV"))
    }

    fn add_vrf(&mut self, name: &str, table: u32, group: u32) -> Done {
        let kind = LinkKind::Vrf { table };
        if let Some(there) = self.links.get(name) {
            let same = there.kind == kind && there.group == group;
            return if same { Ok(()) } else { Err("EEXIST".to_owned()) };
        }
        // The kernel's own rule comes with its first VRF (vrf_newlink).
        if !self.links.values().any(|link| matches!(link.kind, LinkKind::Vrf { .. })) {
            for family in [AddressFamily::Ipv4, AddressFamily::Ipv6] {
                let (selector, action) = (Selector::All, RuleAction::L3mdev);
                self.add_rule(Rule { family, preference: 1_000, selector, action, protocol: 2 });
            }
        }
        self.links.insert(name.to_owned(), Link { group, ..fresh(kind, 65_575) });
        Ok(())
    }

    fn add_vlan(
        &mut self,
        name: &str,
        (parent, vlan): (&str, u16),
        master: &str,
        mtu: u32,
        group: u32,
    ) -> Done {
        let kind = LinkKind::Vlan { parent: Some(parent.to_owned()), vlan };
        let under = self.links.get(parent).ok_or("the link under it: ENODEV")?;
        if matches!(under.kind, LinkKind::Vrf { .. }) {
            return Err("a VRF carries no VLANs: EOPNOTSUPP".to_owned());
        }
        if mtu > under.mtu {
            return Err("more than the link under it has: ERANGE".to_owned());
        }
        let over = self.links.get(master).ok_or("the VRF: ENODEV")?;
        if !matches!(over.kind, LinkKind::Vrf { .. }) {
            return Err("not a VRF: EINVAL".to_owned());
        }
        if let Some(there) = self.links.get(name) {
            let same = there.kind == kind && there.master.as_deref() == Some(master);
            return if same && there.group == group { Ok(()) } else { Err("EEXIST".to_owned()) };
        }
        if self.links.values().any(|link| link.kind == kind) {
            return Err("the VLAN is taken: EEXIST".to_owned());
        }
        let link = Link { group, master: Some(master.to_owned()), ..fresh(kind, mtu) };
        self.links.insert(name.to_owned(), link);
        Ok(())
    }

    /// Removes a link, what is on top of it, its routes; what is in a VRF comes out of it.
    pub fn delete(&mut self, name: &str) -> Done {
        let Some(link) = self.links.get(name) else { return Ok(()) };
        if matches!(link.kind, LinkKind::Other) {
            return Err("EOPNOTSUPP".to_owned());
        }
        for child in self.vlans_on(name) {
            self.delete(&child)?;
        }
        let slaves = self.links.iter().filter(|(_, link)| link.master.as_deref() == Some(name));
        let slaves: Vec<String> = slaves.map(|(name, _)| name.clone()).collect();
        for slave in slaves {
            self.set_master(&slave, None)?;
        }
        self.flush(name);
        self.links.remove(name);
        Ok(())
    }

    fn vlans_on(&self, name: &str) -> Vec<String> {
        let on = |link: &Link| matches!(&link.kind, LinkKind::Vlan { parent: Some(parent), .. } if parent == name);
        self.links.iter().filter(|(_, link)| on(link)).map(|(name, _)| name.clone()).collect()
    }

    /// Sets an MTU; VLANs above it shrink with it (vlan_device_event, NETDEV_CHANGEMTU).
    pub fn set_mtu(&mut self, name: &str, mtu: u32) -> Done {
        let kind = self.link(name)?.kind.clone();
        if let LinkKind::Vlan { parent: Some(parent), .. } = &kind
            && self.links.get(parent).is_some_and(|parent| parent.mtu < mtu)
        {
            return Err("more than the link under it has: ERANGE".to_owned());
        }
        self.link(name)?.mtu = mtu;
        for child in self.vlans_on(name) {
            if self.links[&child].mtu > mtu {
                self.set_mtu(&child, mtu)?;
            }
        }
        Ok(())
    }

    /// Enslaves or frees; either takes a link that is up down and up again (vrf.c, cycle_netdev).
    pub fn set_master(&mut self, name: &str, master: Option<&str>) -> Done {
        let now = self.link(name)?.master.clone();
        if now.as_deref() == master {
            return Ok(());
        }
        let is_vrf =
            |name: &str| self.links.get(name).map(|link| matches!(link.kind, LinkKind::Vrf { .. }));
        if let Some(master) = master {
            match is_vrf(master) {
                None => return Err("the VRF: ENODEV".to_owned()),
                Some(false) => return Err("not a VRF: EINVAL".to_owned()),
                Some(true) if is_vrf(name) == Some(true) => {
                    return Err("a VRF in a VRF: EINVAL".to_owned());
                }
                Some(true) => {}
            }
        }
        let was_up = self.links[name].up;
        if was_up {
            self.set_down(name);
        }
        self.link(name)?.master = master.map(str::to_owned);
        if was_up { self.set_up(name) } else { Ok(()) }
    }

    /// Sets a link up, and with it all VLANs on it (vlan_device_event, NETDEV_UP).
    pub fn set_up(&mut self, name: &str) -> Done {
        if let LinkKind::Vlan { parent, .. } = self.link(name)?.kind.clone() {
            let under = parent.and_then(|parent| self.links.get(&parent).map(|link| link.up));
            if under != Some(true) {
                return Err("the link under it is down: ENETDOWN".to_owned());
            }
        }
        self.link(name)?.up = true;
        for child in self.vlans_on(name) {
            self.set_up(&child)?;
        }
        self.settle();
        Ok(())
    }

    /// Sets a link down, and all VLANs on it: routes over it go, and IPv6 addresses that are not to be kept.
    pub fn set_down(&mut self, name: &str) {
        for child in self.vlans_on(name) {
            self.set_down(&child);
        }
        self.flush(name);
        if let Some(link) = self.links.get_mut(name) {
            link.up = false;
            if !link.conf.keep_addresses {
                link.addresses.retain(|address| matches!(address, IpNet::V4(_)));
            }
        }
        self.settle();
    }

    fn flush(&mut self, name: &str) {
        self.routes.retain(|route| route.way.link() != Some(name));
        // Addresses get their routes anew when the link comes up.
        if let Some(link) = self.links.get_mut(name) {
            link.unrouted.clear();
        }
    }

    /// With a primary address go the secondary ones of its subnet (`promote_secondaries` is off by default).
    fn delete_address(&mut self, name: &str, address: IpNet) -> Done {
        let link = self.link(name)?;
        if link.addresses.remove(&address) && matches!(address, IpNet::V4(_)) {
            link.addresses.retain(|other| other.trunc() != address.trunc());
        }
        let left = link.addresses.clone();
        link.unrouted.retain(|address| left.contains(address));
        Ok(())
    }

    pub fn add_route(&mut self, route: &Route) -> Done {
        match &route.way {
            Way::Via { next_hop, link } => {
                let out = self.links.get(link).ok_or("the link: ENODEV")?;
                if !out.up {
                    return Err("the link is down: ENETDOWN".to_owned());
                }
                if out.addresses.iter().any(|own| own.addr() == *next_hop)
                    || next_hop.is_ipv4() != matches!(route.prefix, IpNet::V4(_))
                {
                    return Err("not a gateway's address: EINVAL".to_owned());
                }
            }
            Way::Dev { link } => {
                self.links.get(link).filter(|out| out.up).ok_or("the link: ENODEV or ENETDOWN")?;
            }
            Way::Unreachable | Way::Other => {}
        }
        let place = |route: &Route| (route.table, route.prefix, route.metric);
        self.routes.retain(|other| place(other) != place(route));
        self.routes.insert(route.clone());
        Ok(())
    }

    /// Carriers follow: of a VRF with itself, of a VLAN with what is under it, of a port with its cable.
    pub fn settle(&mut self) {
        let names: Vec<String> = self.links.keys().cloned().collect();
        for name in names {
            let carrier = self.has_carrier(&name);
            self.links.get_mut(&name).expect("is listed").carrier = carrier;
        }
    }

    fn has_carrier(&self, name: &str) -> bool {
        let Some(link) = self.links.get(name).filter(|link| link.up) else { return false };
        match &link.kind {
            LinkKind::Vrf { .. } => true,
            LinkKind::Other => self.plugged.contains(name),
            LinkKind::Vlan { parent, .. } => {
                parent.as_ref().is_some_and(|parent| self.has_carrier(parent))
            }
        }
    }

    /// The VRF that a link is in, and its table.
    pub fn vrf_of(&self, name: &str) -> Option<(&str, u32)> {
        let master = self.links.get(name)?.master.as_deref()?;
        match self.links.get(master)?.kind {
            LinkKind::Vrf { table } => Some((master, table)),
            LinkKind::Vlan { .. } | LinkKind::Other => None,
        }
    }

    /// Whether an address is one of a link's own.
    pub fn is_local(&self, address: IpAddr) -> bool {
        self.links.values().any(|link| link.addresses.iter().any(|own| own.addr() == address))
    }
}
