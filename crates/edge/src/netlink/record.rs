//! Links, addresses and routes as the kernel numbers them. Pure.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;

use ipnet::IpNet;
use linkway_domain::edge::Traffic;

use super::reply_filter::Filters;
use super::reply_rule::RuleRecord;
use super::request_route::OtherKey;
use crate::kernel::{LinkConf, Route};

/// A link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LinkRecord {
    pub(super) index: u32,
    pub(super) name: String,
    pub(super) kind: KindRecord,
    pub(super) mtu: u32,
    pub(super) up: bool,
    pub(super) carrier: bool,
    pub(super) master: Option<u32>,
    /// The link under it, if that is in this namespace.
    pub(super) parent: Option<u32>,
    pub(super) group: u32,
    pub(super) alias: String,
    pub(super) conf: LinkConf,
    pub(super) traffic: Traffic,
}

impl Default for LinkRecord {
    fn default() -> Self {
        Self {
            index: 0,
            name: String::new(),
            kind: KindRecord::Other,
            mtu: 0,
            up: false,
            carrier: false,
            master: None,
            parent: None,
            group: 0,
            alias: String::new(),
            // A link without IPv4 or IPv6 does nothing with it; and it loses no addresses.
            conf: LinkConf {
                forwarding: false,
                rp_filter: 0,
                send_redirects: false,
                accept_redirects: false,
                arp_ignore: 0,
                link_local: false,
                keep_addresses: true,
                lenient: false,
            },
            traffic: Traffic::default(),
        }
    }
}

/// What sort of link it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KindRecord {
    Vlan { vlan: u16 },
    Vrf { table: u32 },
    Other,
}

/// An address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct AddressRecord {
    pub(super) index: u32,
    pub(super) address: IpNet,
    /// The other end of a point-to-point address.
    pub(super) peer: Option<IpAddr>,
    /// The routes that the kernel makes with it while its link is up.
    pub(super) routes: AddressRoutes,
}

/// Routes that come with an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AddressRoutes {
    /// The one to itself and the one to its subnet.
    Both,
    /// The one to itself.
    Local,
    None,
}

/// A route that the kernel made with an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct KernelRoute {
    pub(super) table: u32,
    pub(super) prefix: IpNet,
    pub(super) link: u32,
    /// To the router itself; otherwise to the link.
    pub(super) local: bool,
}

/// A route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RouteRecord {
    pub(super) table: u32,
    pub(super) prefix: IpNet,
    pub(super) metric: u32,
    pub(super) protocol: u8,
    pub(super) way: WayRecord,
    pub(super) key: OtherKey,
}

/// Where a route leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum WayRecord {
    Via { next_hop: IpAddr, link: u32 },
    Dev { link: u32 },
    Unreachable,
    Other,
}

/// What the picture leaves out and a change needs: numbers, and what names the odd address and route.
#[derive(Default)]
pub(super) struct Index {
    /// The links.
    pub(super) links: Links,
    /// The addresses of each link.
    pub(super) addresses: HashMap<u32, Vec<AddressRecord>>,
    /// What was last told of each link's filters; nothing of those that have none.
    pub(super) filters: HashMap<u32, Filters>,
    /// The rules.
    pub(super) rules: Vec<RuleRecord>,
    /// What else names routes that the agent would never make.
    pub(super) odd_routes: HashMap<Route, Vec<OtherKey>>,
}

impl Index {
    /// The other end of an address, itself for all but point-to-point ones.
    pub(super) fn peer(&self, link: u32, address: IpNet) -> IpAddr {
        let addresses = self.addresses.get(&link).into_iter().flatten();
        let known = addresses.filter(|known| known.address == address).find_map(|known| known.peer);
        known.unwrap_or(address.addr())
    }

    /// The table of the VRF that a link is in.
    pub(super) fn table_of(&self, link: &LinkRecord) -> Option<u32> {
        let master = self.links.get(self.links.name_of(link.master?)?)?;
        match master.kind {
            KindRecord::Vrf { table } => Some(table),
            KindRecord::Vlan { .. } | KindRecord::Other => None,
        }
    }
}

/// Links by name, by index, and by the link that they are enslaved to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Links {
    by_name: HashMap<String, LinkRecord>,
    names: HashMap<u32, String>,
    members: HashMap<u32, BTreeSet<String>>,
    vrfs: HashMap<u32, BTreeSet<String>>,
}

impl Links {
    pub(super) fn get(&self, name: &str) -> Option<&LinkRecord> {
        self.by_name.get(name)
    }

    pub(super) fn conf_mut(&mut self, name: &str) -> Option<&mut LinkConf> {
        self.by_name.get_mut(name).map(|link| &mut link.conf)
    }

    pub(super) fn insert(&mut self, link: LinkRecord) {
        self.remove(&link.name);
        self.names.insert(link.index, link.name.clone());
        if let Some(master) = link.master {
            self.members.entry(master).or_default().insert(link.name.clone());
        }
        if let KindRecord::Vrf { table } = link.kind {
            self.vrfs.entry(table).or_default().insert(link.name.clone());
        }
        self.by_name.insert(link.name.clone(), link);
    }

    pub(super) fn remove(&mut self, name: &str) -> Option<LinkRecord> {
        let link = self.by_name.remove(name)?;
        // It may have another name by now.
        if self.name_of(link.index) == Some(name) {
            self.names.remove(&link.index);
        }
        if let Some(master) = link.master {
            take(&mut self.members, master, name);
        }
        if let KindRecord::Vrf { table } = link.kind {
            take(&mut self.vrfs, table, name);
        }
        Some(link)
    }

    pub(super) fn name_of(&self, index: u32) -> Option<&str> {
        self.names.get(&index).map(String::as_str)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &LinkRecord> {
        self.by_name.values()
    }

    /// The links in the VRFs with a table.
    pub(super) fn in_table(&self, table: u32) -> impl Iterator<Item = &LinkRecord> {
        let vrfs = self.vrfs.get(&table).into_iter().flatten();
        let masters = vrfs.filter_map(|name| self.get(name)).map(|vrf| vrf.index);
        masters
            .filter_map(|master| self.members.get(&master))
            .flatten()
            .filter_map(|name| self.get(name))
    }
}

fn take(sets: &mut HashMap<u32, BTreeSet<String>>, key: u32, name: &str) {
    if let Some(set) = sets.get_mut(&key) {
        set.remove(name);
        if set.is_empty() {
            sets.remove(&key);
        }
    }
}

impl FromIterator<LinkRecord> for Links {
    fn from_iter<I: IntoIterator<Item = LinkRecord>>(links: I) -> Self {
        let mut all = Self::default();
        links.into_iter().for_each(|link| all.insert(link));
        all
    }
}
