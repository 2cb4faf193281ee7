//! What is asked of the kernel about routes, as bytes (rtnetlink(7)). Pure.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};
use netlink_packet_core::{NLM_F_ACK, NLM_F_APPEND, NLM_F_CREATE, NLM_F_DUMP, NLM_F_REPLACE};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::route::{
    RouteAddress, RouteAttribute, RouteFlags, RouteMessage, RouteProtocol, RouteScope, RouteType,
    RouteVia,
};

use super::request::{Family, Request, message};

/// What a route is recognised by, and where it leads.
pub(super) struct RouteParts<'a> {
    pub(super) table: u32,
    pub(super) prefix: IpNet,
    pub(super) metric: u32,
    pub(super) protocol: u8,
    pub(super) way: WayParts<'a>,
}

/// Where it leads, the link by its index.
pub(super) enum WayParts<'a> {
    Via { next_hop: IpAddr, link: u32 },
    Dev { link: u32 },
    Unreachable,
    Other(&'a [OtherKey]),
}

/// What else it takes to name a route that the agent would never make.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct OtherKey {
    pub(super) tos: u8,
    pub(super) source: Option<IpNet>,
}

/// Which routes are dumped; the kernel heeds it on a strict socket only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Routes {
    All,
    OfProtocol(u8),
    OfTable(u32),
}

/// Routes of one family.
pub(super) fn dump_routes(family: Family, which: Routes) -> Request {
    let mut dump = RouteMessage::default();
    dump.header.address_family = family.number();
    match which {
        Routes::All => (),
        Routes::OfProtocol(protocol) => dump.header.protocol = RouteProtocol::from(protocol),
        Routes::OfTable(table) => dump.attributes.push(RouteAttribute::Table(table)),
    }
    message(RouteNetlinkMessage::GetRoute(dump), NLM_F_DUMP)
}

/// Adds a route or replaces the one with its table, prefix and metric. `None` where no such route can be.
pub(super) fn add_route(route: &RouteParts<'_>) -> Option<Request> {
    let scope = match route.way {
        WayParts::Dev { .. } => RouteScope::Link,
        WayParts::Via { .. } | WayParts::Unreachable | WayParts::Other(_) => RouteScope::Universe,
    };
    let request = route_message(route, &OtherKey::default(), scope)?;
    let flags = NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE;
    Some(message(RouteNetlinkMessage::NewRoute(request), flags))
}

/// Makes the local and the connected route of an address, as the kernel makes them with the address (`fib_add_ifaddr`): all
/// that is missing, and what is there stays.
pub(super) fn restore_routes(
    link: u32,
    table: u32,
    address: Ipv4Net,
    peer: IpAddr,
) -> Vec<Request> {
    let own = IpNet::from(IpAddr::V4(address.addr()));
    let local = kernels_route(link, table, own, address, RouteType::Local, RouteScope::Host);
    let connected = connected(IpNet::V4(address), peer);
    let connected = connected
        .map(|net| kernels_route(link, table, net, address, RouteType::Unicast, RouteScope::Link));
    // As the kernel does: beside others of the prefix, for two links may have the same subnet.
    let flags = NLM_F_ACK | NLM_F_CREATE | NLM_F_APPEND;
    let add = |route| message(RouteNetlinkMessage::NewRoute(route), flags);
    [local].into_iter().chain(connected).map(add).collect()
}

/// The prefix that an address makes reachable on its link; none for a single address.
pub(super) fn connected(address: IpNet, peer: IpAddr) -> Option<IpNet> {
    let prefix = IpNet::new(peer, address.prefix_len()).ok()?.trunc();
    let single = address.prefix_len() == address.max_prefix_len();
    (!single || peer != address.addr()).then_some(prefix)
}

/// A route that looks as one of the kernel's.
fn kernels_route(
    link: u32,
    table: u32,
    to: IpNet,
    own: Ipv4Net,
    kind: RouteType,
    scope: RouteScope,
) -> RouteMessage {
    let mut request = RouteMessage::default();
    request.header.address_family = Family::of(to.addr());
    request.header.destination_prefix_length = to.prefix_len();
    request.header.protocol = RouteProtocol::Kernel;
    (request.header.kind, request.header.scope) = (kind, scope);
    request.attributes = vec![
        RouteAttribute::Destination(to.network().into()),
        RouteAttribute::Table(table),
        RouteAttribute::Oif(link),
        RouteAttribute::PrefSource(own.addr().into()),
    ];
    request
}

/// Removes a route: several requests where several routes differ in what [`crate::kernel::Route`] leaves out.
pub(super) fn delete_route(route: &RouteParts<'_>) -> Vec<Request> {
    let usual = [OtherKey::default()];
    let keys = match route.way {
        WayParts::Other(keys) if !keys.is_empty() => keys,
        WayParts::Other(_)
        | WayParts::Via { .. }
        | WayParts::Dev { .. }
        | WayParts::Unreachable => &usual,
    };
    // RT_SCOPE_NOWHERE: of whatever scope.
    keys.iter()
        .filter_map(|key| route_message(route, key, RouteScope::NoWhere))
        .map(|request| message(RouteNetlinkMessage::DelRoute(request), NLM_F_ACK))
        .collect()
}

fn route_message(
    route: &RouteParts<'_>,
    key: &OtherKey,
    scope: RouteScope,
) -> Option<RouteMessage> {
    let mut request = RouteMessage::default();
    request.header.address_family = Family::of(route.prefix.addr());
    request.header.destination_prefix_length = route.prefix.prefix_len();
    request.header.tos = key.tos;
    request.header.protocol = RouteProtocol::from(route.protocol);
    request.header.scope = scope;
    let attributes = &mut request.attributes;
    attributes.push(RouteAttribute::Destination(route.prefix.network().into()));
    // The header has room for tables below 256; this attribute overrides it.
    attributes.push(RouteAttribute::Table(route.table));
    attributes.push(RouteAttribute::Priority(route.metric));
    if let Some(source) = key.source {
        request.header.source_prefix_length = source.prefix_len();
        attributes.push(RouteAttribute::Source(source.network().into()));
    }
    match route.way {
        WayParts::Via { next_hop, link } => {
            request.header.kind = RouteType::Unicast;
            request.header.flags = RouteFlags::Onlink;
            attributes.push(gateway(route.prefix, next_hop)?);
            attributes.push(RouteAttribute::Oif(link));
        }
        WayParts::Dev { link } => {
            request.header.kind = RouteType::Unicast;
            attributes.push(RouteAttribute::Oif(link));
        }
        WayParts::Unreachable => request.header.kind = RouteType::Unreachable,
        WayParts::Other(_) => request.header.kind = RouteType::Unspec,
    }
    Some(request)
}

/// An IPv4 prefix may have an IPv6 next hop (`RTA_VIA`), not the other way round.
fn gateway(prefix: IpNet, next_hop: IpAddr) -> Option<RouteAttribute> {
    match (prefix, next_hop) {
        (IpNet::V4(_), IpAddr::V4(_)) | (IpNet::V6(_), IpAddr::V6(_)) => {
            Some(RouteAttribute::Gateway(RouteAddress::from(next_hop)))
        }
        (IpNet::V4(_), IpAddr::V6(_)) => Some(RouteAttribute::Via(RouteVia::from(next_hop))),
        (IpNet::V6(_), IpAddr::V4(_)) => None,
    }
}
