//! Links, addresses and routes as the kernel numbers them, and the picture by name that they make. Pure.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

use ipnet::IpNet;
use linkway_domain::edge::Traffic;

use super::request::OtherKey;
use crate::kernel::{Kernel, Link, LinkConf, LinkKind, Route, Way};

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
    Unreachable,
    Other,
}

/// What the picture leaves out and a change needs: numbers, and what names the odd address and route.
#[derive(Default)]
pub(super) struct Index {
    /// The links.
    pub(super) links: Links,
    /// The other ends of point-to-point addresses.
    pub(super) peers: HashMap<(u32, IpNet), IpAddr>,
    /// What else names routes that the agent would never make.
    pub(super) odd_routes: HashMap<Route, Vec<OtherKey>>,
}

/// Links by name and by index.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Links {
    by_name: HashMap<String, LinkRecord>,
    names: HashMap<u32, String>,
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
        self.by_name.insert(link.name.clone(), link);
    }

    pub(super) fn remove(&mut self, name: &str) -> Option<LinkRecord> {
        let link = self.by_name.remove(name)?;
        // It may have another name by now.
        if self.name_of(link.index) == Some(name) {
            self.names.remove(&link.index);
        }
        Some(link)
    }

    pub(super) fn name_of(&self, index: u32) -> Option<&str> {
        self.names.get(&index).map(String::as_str)
    }
}

impl FromIterator<LinkRecord> for Links {
    fn from_iter<I: IntoIterator<Item = LinkRecord>>(links: I) -> Self {
        let mut all = Self::default();
        links.into_iter().for_each(|link| all.insert(link));
        all
    }
}

/// The picture, and what it leaves out. Addresses and routes of links that have come since the links were read are left
/// out: they are no older than the news of the link, which lets the agent look again.
pub(super) fn picture(
    links: Vec<LinkRecord>,
    addresses: Vec<AddressRecord>,
    routes: Vec<RouteRecord>,
    forwards_ipv6: bool,
) -> (Kernel, Index) {
    let mut kernel = Kernel { forwards_ipv6, ..Kernel::default() };
    let mut index = Index { links: links.into_iter().collect(), ..Index::default() };
    let mut by_link: HashMap<u32, BTreeSet<IpNet>> = HashMap::new();
    for AddressRecord { index: link, address, peer } in addresses {
        by_link.entry(link).or_default().insert(address);
        if let Some(peer) = peer {
            index.peers.insert((link, address), peer);
        }
    }
    let links = index.links.by_name.iter().map(|(name, record)| {
        let addresses = by_link.remove(&record.index).unwrap_or_default();
        (name.clone(), named(record, addresses, &index.links))
    });
    kernel.links = links.collect();
    add_routes(&mut kernel, &mut index, routes);
    (kernel, index)
}

/// What was found of some links and tables.
pub(super) struct Found {
    /// Each link that was looked for, with its addresses; `None` if there is none of this name.
    pub(super) links: BTreeMap<String, Option<(LinkRecord, Vec<AddressRecord>)>>,
    /// The tables that were looked at.
    pub(super) tables: BTreeSet<u32>,
    /// All routes in them.
    pub(super) routes: Vec<RouteRecord>,
}

/// Puts what was found of some links and tables in the place of what the picture had of them.
pub(super) fn patch(kernel: &mut Kernel, index: &mut Index, found: Found) {
    let Found { links, tables, routes } = found;
    let mut gone = Vec::new();
    for (name, link) in &links {
        if let Some(old) = index.links.remove(name) {
            index.peers.retain(|(at, _), _| *at != old.index);
        }
        kernel.links.remove(name);
        match link {
            Some((record, _)) => index.links.insert(record.clone()),
            None => gone.push(name.as_str()),
        }
    }
    for (name, link) in &links {
        let Some((record, addresses)) = link else { continue };
        let own = addresses.iter().map(|address| address.address).collect();
        let peers = addresses.iter().filter_map(|a| Some(((a.index, a.address), a.peer?)));
        index.peers.extend(peers);
        kernel.links.insert(name.clone(), named(record, own, &index.links));
    }
    for table in &tables {
        let old: Vec<Route> = kernel.routes_of(*table).cloned().collect();
        for route in old {
            kernel.routes.remove(&route);
        }
    }
    // With a link go the routes over it, wherever they are.
    let goes = |route: &Route| gone.iter().any(|link| is_over(&route.way, link));
    if !gone.is_empty() {
        kernel.routes.retain(|route| !goes(route));
    }
    index.odd_routes.retain(|route, _| !tables.contains(&route.table) && !goes(route));
    add_routes(kernel, index, routes);
}

/// Whether a route leads over a link.
fn is_over(way: &Way, link: &str) -> bool {
    matches!(way, Way::Via { link: over, .. } if over == link)
}

fn add_routes(kernel: &mut Kernel, index: &mut Index, routes: Vec<RouteRecord>) {
    for record in routes {
        let key = record.key.clone();
        let Some(route) = route(record, &index.links) else { continue };
        if route.way == Way::Other {
            index.odd_routes.entry(route.clone()).or_default().push(key);
        }
        kernel.routes.insert(route);
    }
}

fn named(record: &LinkRecord, addresses: BTreeSet<IpNet>, links: &Links) -> Link {
    let name = |index: Option<u32>| links.name_of(index?).map(str::to_owned);
    Link {
        kind: match record.kind {
            KindRecord::Vlan { vlan } => LinkKind::Vlan { parent: name(record.parent), vlan },
            KindRecord::Vrf { table } => LinkKind::Vrf { table },
            KindRecord::Other => LinkKind::Other,
        },
        mtu: record.mtu,
        up: record.up,
        carrier: record.carrier,
        master: name(record.master),
        group: record.group,
        alias: record.alias.clone(),
        conf: record.conf,
        addresses,
        traffic: record.traffic,
    }
}

fn route(record: RouteRecord, links: &Links) -> Option<Route> {
    let way = match record.way {
        WayRecord::Via { next_hop, link } => {
            Way::Via { next_hop, link: links.name_of(link)?.to_owned() }
        }
        WayRecord::Unreachable => Way::Unreachable,
        WayRecord::Other => Way::Other,
    };
    let RouteRecord { table, prefix, metric, protocol, .. } = record;
    Some(Route { table, prefix, metric, protocol, way })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(index: u32, name: &str, kind: KindRecord, master: Option<u32>) -> LinkRecord {
        LinkRecord { index, name: name.to_owned(), kind, master, ..LinkRecord::default() }
    }

    fn address(index: u32, text: &str) -> AddressRecord {
        AddressRecord { index, address: text.parse().unwrap(), peer: None }
    }

    fn route(table: u32, prefix: &str, way: WayRecord) -> RouteRecord {
        let key = OtherKey { tos: 0, source: None };
        RouteRecord { table, prefix: prefix.parse().unwrap(), metric: 1, protocol: 172, way, key }
    }

    fn via(link: u32) -> WayRecord {
        WayRecord::Via { next_hop: "192.0.2.2".parse().unwrap(), link }
    }

    #[test]
    fn a_link_is_found_by_its_index_under_its_latest_name() {
        let other = KindRecord::Other;
        let mut links: Links =
            [link(1, "a", other, None), link(2, "b", other, None)].into_iter().collect();
        links.insert(link(1, "c", other, None));
        links.remove("a");
        links.insert(link(3, "b", other, None));
        let names = [1, 2, 3].map(|index| links.name_of(index));
        assert_eq!(names, [Some("c"), None, Some("b")]);
        assert_eq!(links.get("b").map(|link| link.index), Some(3));
    }

    /// A picture that is brought up to date is the one that a look at everything finds.
    #[test]
    fn a_patched_picture_is_a_new_one() {
        let (vrf, other) = (KindRecord::Vrf { table: 7 }, KindRecord::Vrf { table: 8 });
        let vlan = KindRecord::Vlan { vlan: 101 };
        let stays = [link(1, "eth1", KindRecord::Other, None), link(2, "vgw-b", other, None)];
        let kept = route(8, "10.0.0.0/16", WayRecord::Unreachable);
        let before =
            [&stays[..], &[link(3, "vgw-a", vrf, None), link(4, "dxvif-old", vlan, Some(3))]]
                .concat();
        let gone = [route(7, "10.1.0.0/16", via(4)), route(8, "10.2.0.0/16", via(4))];
        let old_routes = [vec![kept.clone()], gone.into()].concat();
        let (mut kernel, mut index) =
            picture(before, vec![address(4, "169.254.0.1/30")], old_routes, true);

        let new = link(5, "dxvif-new", vlan, Some(3));
        let new_route = route(7, "10.3.0.0/16", via(5));
        let links = BTreeMap::from([
            ("dxvif-old".to_owned(), None),
            ("dxvif-new".to_owned(), Some((new.clone(), vec![address(5, "169.254.0.5/30")]))),
            ("vgw-a".to_owned(), Some((link(3, "vgw-a", vrf, None), Vec::new()))),
        ]);
        let found = Found { links, tables: [7].into(), routes: vec![new_route.clone()] };
        patch(&mut kernel, &mut index, found);

        let after = [&stays[..], &[link(3, "vgw-a", vrf, None), new]].concat();
        let addresses = vec![address(5, "169.254.0.5/30")];
        let (expected, expected_index) = picture(after, addresses, vec![kept, new_route], true);
        assert_eq!(kernel, expected);
        assert_eq!(index.links, expected_index.links);
    }
}
