//! What is asked of the kernel, as bytes (rtnetlink(7)). Pure.
//!
//! This and its siblings for routes, rules and filters are the only files that name the crate with the messages' types. Links
//! are named, not numbered, wherever the kernel takes a name (`ifi_index` 0 with `IFLA_IFNAME`), so that a request can follow
//! the one that makes its link unanswered.

use std::net::IpAddr;

use ipnet::IpNet;
use netlink_packet_core::{
    DefaultNla, Emitable, NLA_F_NESTED, NLM_F_ACK, NLM_F_CREATE, NLM_F_DUMP, NLM_F_EXCL,
    NLM_F_REQUEST, NetlinkBuffer, NetlinkHeader, NetlinkMessage, NetlinkPayload,
};
use netlink_packet_route::address::{
    AddressAttribute, AddressHeaderFlags, AddressMessage, AddressScope,
};
use netlink_packet_route::link::{
    AfSpecInet, AfSpecInet6, AfSpecUnspec, In6AddrGenMode, InfoData, InfoKind, InfoVlan, InfoVrf,
    LinkAttribute, LinkExtentMask, LinkFlags, LinkInfo, LinkMessage,
};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};

use crate::kernel::LinkConf;

/// A whole message that has no sequence number yet.
pub(super) struct Request(Vec<u8>);

impl Request {
    /// The bytes, with a sequence number.
    pub(super) fn numbered(mut self, sequence: u32) -> Vec<u8> {
        NetlinkBuffer::new(&mut self.0).set_sequence_number(sequence);
        self.0
    }
}

/// A message of any type around a body that the kernel itself has written.
pub(super) fn raw(message_type: u16, flags: u16, body: &[u8]) -> Request {
    const HEADER: usize = 16;
    let mut bytes = vec![0; HEADER];
    bytes.extend_from_slice(body);
    let length = u32::try_from(bytes.len()).expect("a body of the kernel's is short");
    let mut buffer = NetlinkBuffer::new(&mut bytes);
    buffer.set_length(length);
    buffer.set_message_type(message_type);
    buffer.set_flags(NLM_F_REQUEST | flags);
    Request(bytes)
}

/// An address family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    V4,
    V6,
}

impl Family {
    pub(super) const BOTH: [Self; 2] = [Self::V4, Self::V6];

    pub(super) const fn number(self) -> AddressFamily {
        match self {
            Self::V4 => AddressFamily::Inet,
            Self::V6 => AddressFamily::Inet6,
        }
    }

    pub(super) fn of(address: IpAddr) -> AddressFamily {
        if address.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 }
    }
}

pub(super) fn message(payload: RouteNetlinkMessage, flags: u16) -> Request {
    let mut header = NetlinkHeader::default();
    header.flags = NLM_F_REQUEST | flags;
    let mut message = NetlinkMessage::new(header, NetlinkPayload::InnerMessage(payload));
    message.finalize();
    let mut bytes = vec![0; message.buffer_len()];
    message.serialize(&mut bytes);
    Request(bytes)
}

fn link(attributes: Vec<LinkAttribute>) -> LinkMessage {
    let mut message = LinkMessage::default();
    message.attributes = attributes;
    message
}

fn name(name: &str) -> LinkAttribute {
    LinkAttribute::IfName(name.to_owned())
}

pub(super) fn nest(items: &[DefaultNla]) -> Vec<u8> {
    let mut bytes = vec![0; items.buffer_len()];
    items.emit(&mut bytes);
    bytes
}

/// All links.
pub(super) fn dump_links() -> Request {
    message(RouteNetlinkMessage::GetLink(LinkMessage::default()), NLM_F_DUMP)
}

/// One link, without its counters.
pub(super) fn get_link(link_name: &str) -> Request {
    let mask = LinkAttribute::ExtMask(vec![LinkExtentMask::SkipStats]);
    message(RouteNetlinkMessage::GetLink(link(vec![name(link_name), mask])), 0)
}

/// The link with an index.
pub(super) fn get_link_at(index: u32) -> Request {
    let mut question = LinkMessage::default();
    question.header.index = index;
    message(RouteNetlinkMessage::GetLink(question), 0)
}

/// All addresses of both families, or those of one link.
pub(super) fn dump_addresses(link: Option<u32>) -> Request {
    let mut dump = AddressMessage::default();
    dump.header.index = link.unwrap_or(0);
    message(RouteNetlinkMessage::GetAddress(dump), NLM_F_DUMP)
}

/// Makes a VRF.
pub(super) fn add_vrf(link_name: &str, table: u32, group: u32) -> Request {
    let info = vec![
        LinkInfo::Kind(InfoKind::Vrf),
        LinkInfo::Data(InfoData::Vrf(vec![InfoVrf::TableId(table)])),
    ];
    create(vec![name(link_name), LinkAttribute::Group(group), LinkAttribute::LinkInfo(info)])
}

/// A VLAN subinterface to be made; links by index.
pub(super) struct NewVlan<'a> {
    pub(super) link: &'a str,
    pub(super) parent: u32,
    pub(super) vlan: u16,
    pub(super) master: u32,
    pub(super) mtu: u32,
    pub(super) group: u32,
}

/// Makes a VLAN subinterface, in its VRF and group from the start: the kernel does it under one lock.
pub(super) fn add_vlan(new: &NewVlan<'_>) -> Request {
    let info = vec![
        LinkInfo::Kind(InfoKind::Vlan),
        LinkInfo::Data(InfoData::Vlan(vec![InfoVlan::Id(new.vlan)])),
    ];
    create(vec![
        name(new.link),
        LinkAttribute::Link(new.parent),
        LinkAttribute::Mtu(new.mtu),
        LinkAttribute::Group(new.group),
        LinkAttribute::Controller(new.master),
        LinkAttribute::LinkInfo(info),
    ])
}

fn create(attributes: Vec<LinkAttribute>) -> Request {
    message(RouteNetlinkMessage::NewLink(link(attributes)), NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL)
}

/// Removes a link. By index alone: a name could mean another one by now, and a group all of its links.
pub(super) fn delete_link(index: u32) -> Request {
    let mut request = LinkMessage::default();
    request.header.index = index;
    message(RouteNetlinkMessage::DelLink(request), NLM_F_ACK)
}

/// Changes a link by name.
fn set_link(link_name: &str, attribute: LinkAttribute) -> Request {
    message(RouteNetlinkMessage::SetLink(link(vec![name(link_name), attribute])), NLM_F_ACK)
}

/// Sets or (empty) removes an alias. Not by the crate's type, whose text ends in a zero byte that the kernel would keep.
pub(super) fn set_alias(link_name: &str, alias: &str) -> Request {
    const IFLA_IFALIAS: u16 = 20;
    set_link(link_name, LinkAttribute::Other(DefaultNla::new(IFLA_IFALIAS, alias.into())))
}

/// Sets the MTU.
pub(super) fn set_mtu(link_name: &str, mtu: u32) -> Request {
    set_link(link_name, LinkAttribute::Mtu(mtu))
}

/// Puts a link into a VRF, or (`None`) takes it out.
pub(super) fn set_master(link_name: &str, master: Option<u32>) -> Request {
    set_link(link_name, LinkAttribute::Controller(master.unwrap_or(0)))
}

/// Sets a link up.
pub(super) fn set_up(link_name: &str) -> Request {
    let mut request = link(vec![name(link_name)]);
    request.header.flags = LinkFlags::Up;
    request.header.change_mask = LinkFlags::Up;
    message(RouteNetlinkMessage::SetLink(request), NLM_F_ACK)
}

/// The IPv4 settings but forwarding; the lenient ones are turned off or left alone. Not by the crate's type, which leaves out settings that are 0.
pub(super) fn set_conf_v4(link_name: &str, conf: LinkConf) -> Request {
    const IFLA_INET_CONF: u16 = 1;
    let settings = [
        (devconf::ACCEPT_REDIRECTS, u32::from(conf.accept_redirects)),
        (devconf::SEND_REDIRECTS, u32::from(conf.send_redirects)),
        (devconf::RP_FILTER, u32::from(conf.rp_filter)),
        (devconf::ARP_IGNORE, u32::from(conf.arp_ignore)),
    ];
    let lenient = devconf::LENIENT_V4.into_iter().filter(|_| !conf.lenient);
    let settings: Vec<DefaultNla> = settings
        .into_iter()
        .chain(lenient.map(|setting| (setting, 0)))
        .map(|(setting, value)| DefaultNla::new(setting, value.to_ne_bytes().to_vec()))
        .collect();
    let inet = AfSpecInet::Other(DefaultNla::new(IFLA_INET_CONF | NLA_F_NESTED, nest(&settings)));
    set_link(link_name, LinkAttribute::AfSpecUnspec(vec![AfSpecUnspec::Inet(vec![inet])]))
}

/// Keeps the kernel from making link-local addresses.
pub(super) fn set_no_link_local(link_name: &str) -> Request {
    let inet6 = AfSpecInet6::AddrGenMode(In6AddrGenMode::None);
    set_link(link_name, LinkAttribute::AfSpecUnspec(vec![AfSpecUnspec::Inet6(vec![inet6])]))
}

/// Numbers of `IPV4_DEVCONF_…` (linux/ip.h); in a dump, setting N is the word N - 1. Those of `DEVCONF_…` (linux/ipv6.h) are the
/// words themselves.
pub(super) mod devconf {
    /// `proxy_arp`, `accept_source_route`, `arp_accept`, `accept_local`, `route_localnet`.
    pub(in super::super) const LENIENT_V4: [u16; 5] = [3, 9, 21, 23, 26];
    /// `accept_ra`, `accept_redirects`, `proxy_ndp`.
    pub(in super::super) const LENIENT_V6: [u16; 3] = [3, 4, 22];
    pub(in super::super) const FORWARDING: u16 = 1;
    pub(in super::super) const ACCEPT_REDIRECTS: u16 = 4;
    pub(in super::super) const SEND_REDIRECTS: u16 = 6;
    pub(in super::super) const RP_FILTER: u16 = 8;
    pub(in super::super) const ARP_IGNORE: u16 = 19;
    /// `DEVCONF_KEEP_ADDR_ON_DOWN`.
    pub(in super::super) const KEEP_ADDR_ON_DOWN: u16 = 42;
}

/// Adds an address, without a broadcast address or duplicate address detection.
pub(super) fn add_address(link: u32, address: IpNet) -> Request {
    let mut request = address_message(link, address, address.addr());
    if address.addr().is_ipv6() {
        request.header.flags = AddressHeaderFlags::Nodad;
    }
    let flags = NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
    message(RouteNetlinkMessage::NewAddress(request), flags)
}

/// Removes an address; `peer` is its other end, itself for all but point-to-point addresses.
pub(super) fn delete_address(link: u32, address: IpNet, peer: IpAddr) -> Request {
    let request = address_message(link, address, peer);
    message(RouteNetlinkMessage::DelAddress(request), NLM_F_ACK)
}

fn address_message(link: u32, address: IpNet, peer: IpAddr) -> AddressMessage {
    let mut request = AddressMessage::default();
    request.header.family = Family::of(address.addr());
    request.header.prefix_len = address.prefix_len();
    request.header.scope = AddressScope::Universe;
    request.header.index = link;
    request.attributes =
        vec![AddressAttribute::Local(address.addr()), AddressAttribute::Address(peer)];
    request
}
