//! The picture by name that links, addresses, routes and rules make. Pure.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use ipnet::IpNet;

use super::record::{
    AddressRecord, AddressRoutes, Index, KernelRoute, KindRecord, LinkRecord, Links, RouteRecord,
    WayRecord,
};
use super::reply_filter::Filters;
use super::reply_rule::RuleRecord;
use super::request_route::connected;
use crate::kernel::{Kernel, Link, LinkKind, Route, Way};
use crate::mark::Marks;

/// All that there is.
#[derive(Default)]
pub(super) struct Everything {
    pub(super) links: Vec<LinkRecord>,
    pub(super) addresses: Vec<AddressRecord>,
    pub(super) routes: RoutesFound,
    pub(super) rules: Vec<RuleRecord>,
    pub(super) filters: HashMap<u32, Filters>,
    pub(super) forwards_ipv6: bool,
    pub(super) checks_ipv6_sources: bool,
}

/// Routes that were read.
#[derive(Debug, Default)]
pub(super) struct RoutesFound {
    pub(super) routes: Vec<RouteRecord>,
    /// Those of the kernel's own, in our tables.
    pub(super) kernels: HashSet<KernelRoute>,
    /// How many are none of ours.
    pub(super) foreign: usize,
}

/// The picture, and what it leaves out. Addresses and routes of links that have come since the links were read are left
/// out: they are no older than the news of the link, which lets the agent look again.
pub(super) fn picture(everything: Everything, marks: &Marks) -> (Kernel, Index) {
    let Everything { links, addresses, routes, rules, filters, .. } = everything;
    let mut kernel = Kernel {
        rules: rules.iter().map(|record| record.rule).collect(),
        forwards_ipv6: everything.forwards_ipv6,
        checks_ipv6_sources: everything.checks_ipv6_sources,
        ..Kernel::default()
    };
    let mut by_link: HashMap<u32, Vec<AddressRecord>> = HashMap::new();
    for address in addresses {
        by_link.entry(address.index).or_default().push(address);
    }
    let links = links.into_iter().collect();
    let mut index = Index { links, addresses: by_link, filters, rules, ..Index::default() };
    let links = index.links.iter().map(|record| {
        let link = named(record, &index, marks, &routes.kernels);
        (record.name.clone(), link)
    });
    kernel.links = links.collect();
    add_routes(&mut kernel, &mut index, routes.routes);
    (kernel, index)
}

/// What was found of some links and tables.
pub(super) struct Found {
    /// Each link that was looked for, with its addresses; `None` if there is none of this name.
    pub(super) links: BTreeMap<String, Option<(LinkRecord, Vec<AddressRecord>)>>,
    /// The tables that were looked at.
    pub(super) tables: BTreeSet<u32>,
    /// All routes in them.
    pub(super) routes: RoutesFound,
}

/// Puts what was found of some links and tables in the place of what the picture had of them.
pub(super) fn patch(kernel: &mut Kernel, index: &mut Index, found: Found, marks: &Marks) {
    let Found { links, tables, routes } = found;
    let mut gone = Vec::new();
    let mut counters = HashMap::new();
    for (name, link) in &links {
        let shown = kernel.links.remove(name);
        if let Some(old) = index.links.remove(name) {
            index.addresses.remove(&old.index);
            counters.extend(shown.map(|shown| (old.index, shown.traffic)));
        }
        match link {
            Some((record, addresses)) => {
                let mut record = record.clone();
                // Its counters may not have been asked for.
                record.traffic = counters.remove(&record.index).unwrap_or_default();
                index.addresses.insert(record.index, addresses.clone());
                index.links.insert(record);
            }
            None => gone.push(name.as_str()),
        }
    }
    let looked = links.keys().filter_map(|name| index.links.get(name));
    let beside = tables.iter().flat_map(|table| index.links.in_table(*table));
    for record in looked.chain(beside) {
        let link = named(record, index, marks, &routes.kernels);
        kernel.links.insert(record.name.clone(), link);
    }
    for table in &tables {
        let old: Vec<Route> = kernel.routes_of(*table).cloned().collect();
        for route in old {
            kernel.routes.remove(&route);
        }
    }
    // With a link go the routes over it, wherever they are.
    let goes = |route: &Route| gone.iter().any(|link| route.way.link() == Some(link));
    if !gone.is_empty() {
        kernel.routes.retain(|route| !goes(route));
    }
    index.odd_routes.retain(|route, _| !tables.contains(&route.table) && !goes(route));
    add_routes(kernel, index, routes.routes);
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

/// A link. The kernel's routes are those of its VRF's table at least.
fn named(record: &LinkRecord, index: &Index, marks: &Marks, routes: &HashSet<KernelRoute>) -> Link {
    let name = |number: Option<u32>| index.links.name_of(number?).map(str::to_owned);
    let addresses = index.addresses.get(&record.index).map(Vec::as_slice).unwrap_or_default();
    let filters = index.filters.get(&record.index).copied().unwrap_or_default();
    let table = index.table_of(record).filter(|table| record.up && marks.owns_table(*table));
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
        addresses: addresses.iter().map(|known| known.address).collect(),
        unrouted: table.map(|table| unrouted(addresses, table, routes)).unwrap_or_default(),
        fence: filters.fence,
        drops: filters.drops,
        traffic: record.traffic,
    }
}

/// The addresses that lack a route which the kernel makes with them.
fn unrouted(
    addresses: &[AddressRecord],
    table: u32,
    routes: &HashSet<KernelRoute>,
) -> BTreeSet<IpNet> {
    let lacks = |known: &AddressRecord| {
        let AddressRecord { index: link, address, peer, .. } = *known;
        let lacks = |prefix, local| !routes.contains(&KernelRoute { table, prefix, link, local });
        let local = || lacks(IpNet::from(address.addr()), true);
        let subnet = || connected(address, peer.unwrap_or(address.addr()));
        match known.routes {
            AddressRoutes::Both => local() || subnet().is_some_and(|subnet| lacks(subnet, false)),
            AddressRoutes::Local => local(),
            AddressRoutes::None => false,
        }
    };
    addresses.iter().filter(|known| lacks(known)).map(|known| known.address).collect()
}

fn route(record: RouteRecord, links: &Links) -> Option<Route> {
    let name = |link| links.name_of(link).map(str::to_owned);
    let way = match record.way {
        WayRecord::Via { next_hop, link } => Way::Via { next_hop, link: name(link)? },
        WayRecord::Dev { link } => Way::Dev { link: name(link)? },
        WayRecord::Unreachable => Way::Unreachable,
        WayRecord::Other => Way::Other,
    };
    let RouteRecord { table, prefix, metric, protocol, .. } = record;
    Some(Route { table, prefix, metric, protocol, way })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::request_route::OtherKey;

    fn link(index: u32, name: &str, kind: KindRecord, master: Option<u32>) -> LinkRecord {
        LinkRecord { index, name: name.to_owned(), kind, master, ..LinkRecord::default() }
    }

    fn address(index: u32, text: &str) -> AddressRecord {
        AddressRecord {
            index,
            address: text.parse().unwrap(),
            peer: None,
            routes: AddressRoutes::Both,
        }
    }

    fn route(table: u32, prefix: &str, way: WayRecord) -> RouteRecord {
        let key = OtherKey { tos: 0, source: None };
        RouteRecord { table, prefix: prefix.parse().unwrap(), metric: 1, protocol: 172, way, key }
    }

    fn via(link: u32) -> WayRecord {
        WayRecord::Via { next_hop: "192.0.2.2".parse().unwrap(), link }
    }

    fn found(routes: Vec<RouteRecord>) -> RoutesFound {
        RoutesFound { routes, ..RoutesFound::default() }
    }

    fn all(
        links: Vec<LinkRecord>,
        addresses: Vec<AddressRecord>,
        routes: Vec<RouteRecord>,
    ) -> (Kernel, Index) {
        let routes = found(routes);
        picture(Everything { links, addresses, routes, ..Everything::default() }, &Marks::default())
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
        let (mut kernel, mut index) = all(before, vec![address(4, "169.254.0.1/30")], old_routes);

        let new = link(5, "dxvif-new", vlan, Some(3));
        let new_route = route(7, "10.3.0.0/16", via(5));
        let links = BTreeMap::from([
            ("dxvif-old".to_owned(), None),
            ("dxvif-new".to_owned(), Some((new.clone(), vec![address(5, "169.254.0.5/30")]))),
            ("vgw-a".to_owned(), Some((link(3, "vgw-a", vrf, None), Vec::new()))),
        ]);
        let found = Found { links, tables: [7].into(), routes: found(vec![new_route.clone()]) };
        patch(&mut kernel, &mut index, found, &Marks::default());

        let after = [&stays[..], &[link(3, "vgw-a", vrf, None), new]].concat();
        let addresses = vec![address(5, "169.254.0.5/30")];
        let (expected, expected_index) = all(after, addresses, vec![kept, new_route]);
        assert_eq!(kernel, expected);
        assert_eq!(index.links, expected_index.links);
    }
}
