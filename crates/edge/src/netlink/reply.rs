//! What the kernel answers, out of bytes (rtnetlink(7)). Pure.
//!
//! A walk over the attributes that keeps what is needed. The full parse of netlink-packet-route makes some forty values
//! of each link, most of them vectors, and fails a whole dump for one attribute whose form it does not know; this one
//! skips what it does not ask for.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use netlink_packet_core::{
    NLM_F_ACK_TLVS, NLM_F_CAPPED, NLM_F_DUMP_INTR, NLMSG_DONE, NLMSG_ERROR, NetlinkBuffer,
    NlasIterator,
};

use super::record::{AddressRecord, AddressRoutes, KernelRoute, RouteRecord, WayRecord};
use super::request_route::OtherKey;

/// Bytes that are not what rtnetlink(7) says, and where.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Garbled(pub(super) String);

pub(super) type Parsed<T> = Result<T, Garbled>;

/// `RTM_…` (linux/rtnetlink.h).
pub(super) mod rtm {
    pub(in super::super) const NEWLINK: u16 = 16;
    pub(in super::super) const DELLINK: u16 = 17;
    pub(in super::super) const NEWADDR: u16 = 20;
    pub(in super::super) const DELADDR: u16 = 21;
    pub(in super::super) const NEWROUTE: u16 = 24;
    pub(in super::super) const DELROUTE: u16 = 25;
    pub(in super::super) const NEWRULE: u16 = 32;
    pub(in super::super) const DELRULE: u16 = 33;
    pub(in super::super) const NEWQDISC: u16 = 36;
    pub(in super::super) const DELQDISC: u16 = 37;
    pub(in super::super) const NEWTFILTER: u16 = 44;
    pub(in super::super) const DELTFILTER: u16 = 45;
    pub(in super::super) const NEWNETCONF: u16 = 80;
    pub(in super::super) const DELNETCONF: u16 = 81;
}

/// `RTA_…` (linux/rtnetlink.h).
mod rta {
    pub(super) const DST: u16 = 1;
    pub(super) const SRC: u16 = 2;
    pub(super) const OIF: u16 = 4;
    pub(super) const GATEWAY: u16 = 5;
    pub(super) const PRIORITY: u16 = 6;
    pub(super) const MULTIPATH: u16 = 9;
    pub(super) const TABLE: u16 = 15;
    pub(super) const VIA: u16 = 18;
    pub(super) const ENCAP: u16 = 22;
    pub(super) const NH_ID: u16 = 30;
}

/// One message of a datagram.
#[derive(Debug)]
pub(super) struct Frame<'a> {
    pub(super) sequence: u32,
    /// What is told (`RTM_…`).
    pub(super) message_type: u16,
    /// The netlink port of who asked for what is told; 0 is the kernel itself.
    pub(super) port: u32,
    /// `NLM_F_…`.
    pub(super) flags: u16,
    /// The dump that it is part of was interrupted by a change.
    pub(super) interrupted: bool,
    pub(super) body: Body<'a>,
}

/// What it says.
#[derive(Debug)]
pub(super) enum Body<'a> {
    /// Done, or an error (`NLMSG_ERROR`).
    Outcome(Outcome),
    /// The end of a dump, which may be an error as well.
    End(Outcome),
    Link(&'a [u8]),
    Address(&'a [u8]),
    Route(&'a [u8]),
    Rule(&'a [u8]),
    Filter(&'a [u8]),
    Qdisc(&'a [u8]),
    /// Of settings: only as news.
    Netconf(&'a [u8]),
    Something,
}

/// How a request ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    /// 0 or the number of an error, errno(3).
    pub(super) errno: i32,
    /// What the kernel adds.
    pub(super) text: String,
}

/// The messages of a datagram.
pub(super) fn frames(mut datagram: &[u8]) -> Parsed<Vec<Frame<'_>>> {
    let mut frames = Vec::new();
    while !datagram.is_empty() {
        let buffer = NetlinkBuffer::new_checked(datagram).map_err(|e| Garbled(e.to_string()))?;
        frames.push(frame(&buffer)?);
        let length = (buffer.length() as usize).next_multiple_of(4);
        datagram = datagram.get(length..).unwrap_or_default();
    }
    Ok(frames)
}

fn frame<'a>(buffer: &NetlinkBuffer<&'a [u8]>) -> Parsed<Frame<'a>> {
    let body = buffer.payload();
    // Removals only come as news.
    let body = match buffer.message_type() {
        NLMSG_ERROR => Body::Outcome(outcome(body, buffer.flags(), true)?),
        NLMSG_DONE => Body::End(outcome(body, buffer.flags(), false)?),
        rtm::NEWLINK | rtm::DELLINK => Body::Link(body),
        rtm::NEWADDR | rtm::DELADDR => Body::Address(body),
        rtm::NEWROUTE | rtm::DELROUTE => Body::Route(body),
        rtm::NEWRULE | rtm::DELRULE => Body::Rule(body),
        rtm::NEWQDISC | rtm::DELQDISC => Body::Qdisc(body),
        rtm::NEWTFILTER | rtm::DELTFILTER => Body::Filter(body),
        rtm::NEWNETCONF | rtm::DELNETCONF => Body::Netconf(body),
        _ => Body::Something,
    };
    Ok(Frame {
        sequence: buffer.sequence_number(),
        message_type: buffer.message_type(),
        port: buffer.port_number(),
        flags: buffer.flags(),
        interrupted: buffer.flags() & NLM_F_DUMP_INTR != 0,
        body,
    })
}

/// An error's number is followed by the request's header, by the rest of the request unless it was cut off, and by the
/// kernel's text (`netlink_ack`); the end of a dump has no request in it.
fn outcome(body: &[u8], flags: u16, with_request: bool) -> Parsed<Outcome> {
    const HEADER: usize = 16;
    const NLMSGERR_ATTR_MSG: u16 = 1;
    // The end of a dump may come without a number.
    let number = if body.is_empty() && !with_request { 0 } else { i32_at(body, 0)? };
    let mut outcome = Outcome { errno: number.saturating_neg(), text: String::new() };
    if flags & NLM_F_ACK_TLVS == 0 {
        return Ok(outcome);
    }
    let request = match (with_request, flags & NLM_F_CAPPED != 0) {
        (false, _) => 0,
        (true, true) => HEADER,
        (true, false) => (u32_at(body, 4)? as usize).next_multiple_of(4),
    };
    for attribute in attributes(body.get(4 + request..).unwrap_or_default()) {
        if let (NLMSGERR_ATTR_MSG, value) = attribute? {
            outcome.text = text(value);
        }
    }
    Ok(outcome)
}

/// An address; `None` for one of another family than IPv4 and IPv6, and for link-local IPv6 ones.
pub(super) fn address(body: &[u8]) -> Parsed<Option<AddressRecord>> {
    const HEADER: usize = 8;
    const ADDRESS: u16 = 1;
    const LOCAL: u16 = 2;
    const FLAGS: u16 = 8;
    let (length, index) = (u8_at(body, 1)?, u32_at(body, 4)?);
    let (mut peer, mut local) = (None, None);
    let mut flags = u32::from(u8_at(body, 2)?);
    for attribute in attributes(body.get(HEADER..).unwrap_or_default()) {
        match attribute? {
            (ADDRESS, value) => peer = ip(value),
            (LOCAL, value) => local = ip(value),
            // With those that the header has no room for.
            (FLAGS, value) => flags = u32_at(value, 0)?,
            _ => (),
        }
    }
    // IPv6 has the local one only where there is another end.
    let Some(own) = local.or(peer) else { return Ok(None) };
    if matches!(own, IpAddr::V6(own) if own.is_unicast_link_local()) {
        return Ok(None);
    }
    let address = IpNet::new(own, length).map_err(|_| garbled("an address", body))?;
    let peer = peer.filter(|peer| *peer != own);
    Ok(Some(AddressRecord { index, address, peer, routes: routes_of(flags, own) }))
}

/// `ifi_index`.
pub(super) fn link_of_link(body: &[u8]) -> Parsed<u32> {
    u32_at(body, 4)
}

/// `ifa_index`.
pub(super) fn link_of_address(body: &[u8]) -> Parsed<u32> {
    u32_at(body, 4)
}

/// `NETCONFA_IFINDEX`; `None` for the settings of all links, or of those to come.
pub(super) fn link_of_netconf(body: &[u8]) -> Parsed<Option<u32>> {
    const HEADER: usize = 4;
    const NETCONFA_IFINDEX: u16 = 1;
    for attribute in attributes(body.get(HEADER..).unwrap_or_default()) {
        if let (NETCONFA_IFINDEX, value) = attribute? {
            return Ok(u32::try_from(i32_at(value, 0)?).ok());
        }
    }
    Ok(None)
}

/// Which routes the kernel makes with an address (`IFA_F_…`, linux/if_addr.h): an IPv6 address that is not known to be its own
/// yet, or known not to be, has none.
fn routes_of(flags: u32, own: IpAddr) -> AddressRoutes {
    const DADFAILED: u32 = 0x08;
    const TENTATIVE: u32 = 0x40;
    const NOPREFIXROUTE: u32 = 0x200;
    if own.is_ipv6() && flags & (DADFAILED | TENTATIVE) != 0 {
        AddressRoutes::None
    } else if flags & NOPREFIXROUTE != 0 {
        AddressRoutes::Local
    } else {
        AddressRoutes::Both
    }
}

/// Who made a route.
pub(super) fn protocol_of(route: &[u8]) -> Parsed<u8> {
    u8_at(route, 5)
}

/// The table of a route.
pub(super) fn table_of(route: &[u8]) -> Parsed<u32> {
    let table = u32::from(u8_at(route, 4)?);
    for attribute in attributes(route.get(12..).unwrap_or_default()) {
        if let (rta::TABLE, value) = attribute? {
            return u32_at(value, 0);
        }
    }
    Ok(table)
}

/// A route, or what stands in its place.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum RouteSeen {
    /// One that `wanted` asked for.
    Wanted(RouteRecord),
    /// The same, but made by the kernel with an address.
    Kernels(KernelRoute),
    /// Somebody else's.
    Foreign,
    /// Not one of a table: a copy in a cache, or of another family.
    Nothing,
}

/// A route, if `wanted` says so of its table and protocol.
pub(super) fn route(body: &[u8], wanted: impl Fn(u32, u8) -> bool) -> Parsed<RouteSeen> {
    const RT_TABLE_COMPAT: u8 = 252;
    const RTM_F_CLONED: u32 = 0x200;
    const RTPROT_KERNEL: u8 = 2;
    let [family, length, source_length, tos, table, protocol, _scope, kind] = array(body, 0)?;
    let Some(default) = any(family) else { return Ok(RouteSeen::Nothing) };
    if u32_at(body, 8)? & RTM_F_CLONED != 0 {
        return Ok(RouteSeen::Nothing);
    }
    // Most of a large main table ends here, without a look at its attributes.
    if table != RT_TABLE_COMPAT && !wanted(u32::from(table), protocol) {
        return Ok(RouteSeen::Foreign);
    }
    let parts = route_parts(body.get(12..).unwrap_or_default(), u32::from(table))?;
    if !wanted(parts.table, protocol) {
        return Ok(RouteSeen::Foreign);
    }
    let net = |address: Option<IpAddr>, length| {
        IpNet::new(address.unwrap_or(default), length).map_err(|_| garbled("a route", body))
    };
    let source = if source_length == 0 { None } else { Some(net(parts.source, source_length)?) };
    if protocol == RTPROT_KERNEL {
        let to = net(parts.destination, length)?;
        return Ok(parts.kernels(kind, to).map_or(RouteSeen::Nothing, RouteSeen::Kernels));
    }
    let key = OtherKey { tos, source };
    Ok(RouteSeen::Wanted(RouteRecord {
        table: parts.table,
        prefix: net(parts.destination, length)?,
        metric: parts.metric,
        protocol,
        way: parts.way(kind, &key),
        key,
    }))
}

#[derive(Default)]
struct RouteAttributes {
    table: u32,
    metric: u32,
    destination: Option<IpAddr>,
    source: Option<IpAddr>,
    gateway: Option<IpAddr>,
    link: Option<u32>,
    /// Several next hops, an encapsulation, a next hop object, …
    special: bool,
}

const RTN_UNICAST: u8 = 1;

impl RouteAttributes {
    /// A local or connected route.
    fn kernels(&self, kind: u8, prefix: IpNet) -> Option<KernelRoute> {
        const RTN_LOCAL: u8 = 2;
        let (table, link) = (self.table, self.link?);
        let local = match kind {
            RTN_LOCAL => true,
            RTN_UNICAST if self.gateway.is_none() => false,
            _ => return None,
        };
        Some(KernelRoute { table, prefix, link, local })
    }

    fn way(&self, kind: u8, key: &OtherKey) -> WayRecord {
        const RTN_UNREACHABLE: u8 = 7;
        let special = self.special || *key != OtherKey::default();
        match (kind, self.gateway, self.link) {
            (RTN_UNICAST, Some(next_hop), Some(link)) if !special => {
                WayRecord::Via { next_hop, link }
            }
            (RTN_UNICAST, None, Some(link)) if !special => WayRecord::Dev { link },
            (RTN_UNREACHABLE, ..) if !special => WayRecord::Unreachable,
            _ => WayRecord::Other,
        }
    }
}

fn route_parts(bytes: &[u8], table: u32) -> Parsed<RouteAttributes> {
    let mut parts = RouteAttributes { table, ..RouteAttributes::default() };
    for attribute in attributes(bytes) {
        let (kind, value) = attribute?;
        match kind {
            rta::DST => parts.destination = ip(value),
            rta::SRC => parts.source = ip(value),
            rta::OIF => parts.link = Some(u32_at(value, 0)?),
            rta::GATEWAY => parts.gateway = ip(value),
            rta::PRIORITY => parts.metric = u32_at(value, 0)?,
            rta::TABLE => parts.table = u32_at(value, 0)?,
            // A family before the address.
            rta::VIA => parts.gateway = ip(value.get(2..).unwrap_or_default()),
            rta::MULTIPATH | rta::ENCAP | rta::NH_ID => parts.special = true,
            _ => (),
        }
    }
    Ok(parts)
}

/// The attributes of a nest, their types without the flags in them.
pub(super) fn attributes(bytes: &[u8]) -> impl Iterator<Item = Parsed<(u16, &[u8])>> {
    NlasIterator::new(bytes).map(|attribute| {
        let attribute = attribute.map_err(|e| Garbled(e.to_string()))?;
        let (kind, length) = (attribute.kind(), usize::from(attribute.length()));
        // The iterator has checked the length.
        Ok((kind, attribute.into_inner().get(4..length).unwrap_or_default()))
    })
}

pub(super) fn array<const N: usize>(bytes: &[u8], at: usize) -> Parsed<[u8; N]> {
    bytes
        .get(at..at + N)
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or_else(|| garbled("a number", bytes))
}

pub(super) fn u8_at(bytes: &[u8], at: usize) -> Parsed<u8> {
    array(bytes, at).map(|[byte]| byte)
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> Parsed<u32> {
    array(bytes, at).map(u32::from_ne_bytes)
}

pub(super) fn i32_at(bytes: &[u8], at: usize) -> Parsed<i32> {
    array(bytes, at).map(i32::from_ne_bytes)
}

pub(super) fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

fn ip(bytes: &[u8]) -> Option<IpAddr> {
    <[u8; 4]>::try_from(bytes)
        .map(IpAddr::from)
        .or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from))
        .ok()
}

/// The address of no length of a family.
fn any(family: u8) -> Option<IpAddr> {
    const AF_INET: u8 = 2;
    const AF_INET6: u8 = 10;
    match family {
        AF_INET => Some(Ipv4Addr::UNSPECIFIED.into()),
        AF_INET6 => Some(Ipv6Addr::UNSPECIFIED.into()),
        _ => None,
    }
}

fn garbled(what: &str, bytes: &[u8]) -> Garbled {
    Garbled(format!("{what} in {} bytes", bytes.len()))
}
