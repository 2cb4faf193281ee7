//! What is asked of the kernel about filters, as bytes (tc(8); linux/pkt_cls.h). Pure.

use std::time::Duration;

use ipnet::IpNet;
use linkway_domain::net::RateLimit;
use netlink_packet_core::{
    DefaultNla, NLA_F_NESTED, NLM_F_ACK, NLM_F_CREATE, NLM_F_DUMP, NLM_F_EXCL, Nla,
};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::tc::{
    TcAction, TcActionAttribute, TcActionOption, TcAttribute, TcFilterFlowerOption as Flower,
    TcFilterMatchAllOption, TcHandle, TcHeader, TcMessage, TcOption,
};

use super::reply_filter::FilterRecord;
use super::request::{Request, message, nest};
use crate::fence::{Action, Condition, Direction, Filter, Rate, Transport};

/// The queueing disciplines of all links.
pub(super) fn dump_qdiscs() -> Request {
    message(RouteNetlinkMessage::GetQueueDiscipline(TcMessage::default()), NLM_F_DUMP)
}

/// The filters of a link in a direction.
pub(super) fn dump_filters(link: u32, direction: Direction) -> Request {
    let dump = TcMessage::from_parts(header(link, direction), Vec::new());
    message(RouteNetlinkMessage::GetTrafficFilter(dump), NLM_F_DUMP)
}

/// Makes a link take filters, if it does not: refused where its place has another kind (`ingress`).
pub(super) fn add_clsact(link: u32) -> Request {
    let kind = vec![TcAttribute::Kind("clsact".to_owned())];
    let request = TcMessage::from_parts(clsact(link), kind);
    message(RouteNetlinkMessage::NewQueueDiscipline(request), NLM_F_ACK | NLM_F_CREATE)
}

/// Takes what takes filters from a link, and the filters with it.
pub(super) fn delete_clsact(link: u32) -> Request {
    let request = TcMessage::from_parts(clsact(link), Vec::new());
    message(RouteNetlinkMessage::DelQueueDiscipline(request), NLM_F_ACK)
}

fn clsact(link: u32) -> TcHeader {
    let handle = TcHandle { major: u16::MAX, minor: 0 };
    TcHeader { index: index(link), handle, parent: TcHandle::CLSACT, ..TcHeader::default() }
}

fn header(link: u32, direction: Direction) -> TcHeader {
    let minor = match direction {
        Direction::Ingress => TcHandle::MIN_INGRESS,
        Direction::Egress => TcHandle::MIN_EGRESS,
    };
    let parent = TcHandle { major: u16::MAX, minor };
    TcHeader { index: index(link), parent, ..TcHeader::default() }
}

fn index(link: u32) -> i32 {
    i32::try_from(link).expect("indexes of links are positive ints")
}

/// Adds a filter where none is of this handle.
pub(super) fn add_filter(link: u32, filter: &Filter, handle: u32) -> Request {
    let mut header = header(link, filter.direction);
    header.handle = handle.into();
    header.info = info(filter.priority, filter.protocol.number());
    let act = action(filter);
    let (kind, options) = match &filter.condition {
        Condition::All => {
            ("matchall", vec![TcOption::MatchAll(TcFilterMatchAllOption::Action(vec![act]))])
        }
        Condition::Mark(mask) => ("fw", firewall_mark(*mask, &act)),
        Condition::Vlan(_) | Condition::Arp { .. } | Condition::Ip { .. } => {
            let mut options = vec![Flower::EthType(filter.protocol.number())];
            options.extend(flower(&filter.condition));
            options.push(Flower::Actions(vec![act]));
            ("flower", options.into_iter().map(TcOption::Flower).collect())
        }
    };
    let attributes = vec![TcAttribute::Kind(kind.to_owned()), TcAttribute::Options(options)];
    let request = TcMessage::from_parts(header, attributes);
    let flags = NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
    message(RouteNetlinkMessage::NewTrafficFilter(request), flags)
}

/// Removes a filter, or all of its priority.
pub(super) fn delete_filter(link: u32, filter: &FilterRecord, whole_priority: bool) -> Request {
    let mut header = header(link, filter.trace.direction);
    header.handle = if whole_priority { 0 } else { filter.handle }.into();
    header.info = info(filter.trace.priority, filter.trace.protocol);
    let mut attributes = vec![TcAttribute::Kind(filter.kind.clone())];
    if filter.chain != 0 {
        attributes.push(TcAttribute::Chain(filter.chain));
    }
    let request = TcMessage::from_parts(header, attributes);
    message(RouteNetlinkMessage::DelTrafficFilter(request), NLM_F_ACK)
}

/// `tcm_info`: the priority, and the protocol in network order.
fn info(priority: u16, protocol: u16) -> u32 {
    u32::from(priority) << 16 | u32::from(protocol.to_be())
}

/// `fw`: the mark is the filter's handle.
fn firewall_mark(mask: u32, act: &TcAction) -> Vec<TcOption> {
    const TCA_FW_ACT: u16 = 4;
    const TCA_FW_MASK: u16 = 5;
    let mut bytes = vec![0; act.value_len()];
    act.emit_value(&mut bytes);
    let actions = nest(&[DefaultNla::new(act.kind() | NLA_F_NESTED, bytes)]);
    vec![
        TcOption::Other(DefaultNla::new(TCA_FW_ACT | NLA_F_NESTED, actions)),
        TcOption::Other(DefaultNla::new(TCA_FW_MASK, mask.to_ne_bytes().to_vec())),
    ]
}

/// What `flower` looks for. A value without a mask is looked for as a whole.
fn flower(condition: &Condition) -> Vec<Flower> {
    match condition {
        Condition::All | Condition::Mark(_) => Vec::new(),
        Condition::Vlan(vlan) => vec![Flower::VlanId(*vlan)],
        Condition::Arp { sender, target } => {
            let all = u32::MAX.into();
            vec![
                Flower::ArpSip(*sender),
                Flower::ArpSipMask(all),
                Flower::ArpTip(*target),
                Flower::ArpTipMask(all),
            ]
        }
        Condition::Ip { source, destination, transport } => {
            let mut options = transport.map(carries).unwrap_or_default();
            options.extend(source.iter().flat_map(|net| match net {
                IpNet::V4(net) => {
                    [Flower::Ipv4Src(net.network()), Flower::Ipv4SrcMask(net.netmask())]
                }
                IpNet::V6(net) => {
                    [Flower::Ipv6Src(net.network()), Flower::Ipv6SrcMask(net.netmask())]
                }
            }));
            options.extend(destination.iter().flat_map(|net| match net {
                IpNet::V4(net) => {
                    [Flower::Ipv4Dst(net.network()), Flower::Ipv4DstMask(net.netmask())]
                }
                IpNet::V6(net) => {
                    [Flower::Ipv6Dst(net.network()), Flower::Ipv6DstMask(net.netmask())]
                }
            }));
            options
        }
    }
}

fn carries(transport: Transport) -> Vec<Flower> {
    const ICMP: u8 = 1;
    const TCP: u8 = 6;
    const UDP: u8 = 17;
    const ICMPV6: u8 = 58;
    match transport {
        Transport::TcpFrom(port) => vec![Flower::IpProto(TCP), Flower::TcpSrc(port)],
        Transport::TcpTo(port) => vec![Flower::IpProto(TCP), Flower::TcpDst(port)],
        Transport::UdpTo(port) => vec![Flower::IpProto(UDP), Flower::UdpDst(port)],
        Transport::Icmp => vec![Flower::IpProto(ICMP)],
        Transport::Icmpv6(None) => vec![Flower::IpProto(ICMPV6)],
        Transport::Icmpv6(Some(kind)) => vec![Flower::IpProto(ICMPV6), Flower::Icmpv6Type(kind)],
    }
}

/// The filters behind this one decide.
const TC_ACT_UNSPEC: u32 = u32::MAX;
const TC_ACT_OK: u32 = 0;
const TC_ACT_SHOT: u32 = 2;

fn action(filter: &Filter) -> TcAction {
    let (kind, options) = match filter.action {
        Action::Pass => ("gact", verdict(TC_ACT_OK)),
        Action::Drop => ("gact", verdict(TC_ACT_SHOT)),
        Action::Police(rate) => ("police", police(rate)),
        Action::Limit(limit) => ("police", limited(limit)),
        Action::Mark { bits, mask } => ("skbedit", mark(bits, mask)),
    };
    let mut action = TcAction::default();
    action.attributes = vec![
        TcActionAttribute::Kind(kind.to_owned()),
        TcActionAttribute::Options(options.into_iter().map(TcActionOption::Other).collect()),
        TcActionAttribute::Cookie(filter.cookie().to_vec()),
    ];
    action
}

/// The `tc_gen` that most actions begin with: an index of the kernel's choice, and what follows.
fn general(control: u32) -> Vec<u8> {
    [0, 0, control, 0, 0].into_iter().flat_map(u32::to_ne_bytes).collect()
}

fn verdict(control: u32) -> Vec<DefaultNla> {
    const TCA_GACT_PARMS: u16 = 2;
    vec![DefaultNla::new(TCA_GACT_PARMS, general(control))]
}

/// The mark is set, and the filter's word is the last.
fn mark(bits: u32, mask: u32) -> Vec<DefaultNla> {
    const TCA_SKBEDIT_PARMS: u16 = 2;
    const TCA_SKBEDIT_MARK: u16 = 5;
    const TCA_SKBEDIT_MASK: u16 = 8;
    vec![
        DefaultNla::new(TCA_SKBEDIT_PARMS, general(TC_ACT_OK)),
        DefaultNla::new(TCA_SKBEDIT_MARK, bits.to_ne_bytes().to_vec()),
        DefaultNla::new(TCA_SKBEDIT_MASK, mask.to_ne_bytes().to_vec()),
    ]
}

const TCA_POLICE_TBF: u16 = 1;
const TCA_POLICE_RESULT: u16 = 5;
/// The size of `struct tc_police`.
const POLICE_LENGTH: usize = 56;
/// What may pass at once after a pause, as a time at the rate. A packet of the kernel's own making has up to 64 KiB (GSO), and TCP
/// sends a window at a time: with 100 ms a sender gets half of the rate, with this all of it.
const BURST: Duration = Duration::from_millis(250);
/// The least burst in bytes: the largest packet that there is.
const LEAST_BURST: u64 = 64 << 10;

/// `struct tc_police` with a rate in bytes: `index`, `action`, `limit`, `burst`, `mtu`, then `struct tc_ratespec`. The kernel
/// computes with the rate itself and not with the table, but refuses a rate without one.
fn limited(limit: RateLimit) -> Vec<DefaultNla> {
    const TCA_POLICE_RATE: u16 = 2;
    const TCA_POLICE_RATE64: u16 = 8;
    const TABLE: usize = 1024;
    const CELL_LOG: u8 = 8;
    const ETHERNET: u8 = 1;
    let rate = limit.bits_per_second() / 8;
    let word = u32::try_from(rate).unwrap_or(u32::MAX);
    let mut parameters = vec![0; POLICE_LENGTH];
    parameters[4..8].copy_from_slice(&TC_ACT_SHOT.to_ne_bytes());
    parameters[12..16].copy_from_slice(&burst_ticks(rate).to_ne_bytes());
    // No packet is too long.
    parameters[16..20].copy_from_slice(&i32::MAX.to_ne_bytes());
    (parameters[20], parameters[21]) = (CELL_LOG, ETHERNET);
    parameters[28..32].copy_from_slice(&word.to_ne_bytes());
    let mut options = vec![
        DefaultNla::new(TCA_POLICE_TBF, parameters),
        DefaultNla::new(TCA_POLICE_RATE, vec![0; TABLE]),
        DefaultNla::new(TCA_POLICE_RESULT, TC_ACT_UNSPEC.to_ne_bytes().to_vec()),
    ];
    if u64::from(word) < rate {
        options.push(DefaultNla::new(TCA_POLICE_RATE64, rate.to_ne_bytes().to_vec()));
    }
    options
}

/// How long the burst of a rate in bytes a second takes, in the packet scheduler's ticks.
fn burst_ticks(rate: u64) -> u32 {
    let nanoseconds = |bytes: u64| u128::from(bytes) * 1_000_000_000 / u128::from(rate.max(1));
    let burst = BURST.as_nanos().max(nanoseconds(LEAST_BURST));
    u32::try_from(burst / TICK_NANOSECONDS)
        .expect("the lowest rate takes 10 ms for the largest packet")
}

/// `struct tc_police` without a rate in bytes, whose `action` is for what exceeds; the result is for what conforms.
fn police(rate: Rate) -> Vec<DefaultNla> {
    const TCA_POLICE_PKTRATE64: u16 = 10;
    const TCA_POLICE_PKTBURST64: u16 = 11;
    let mut parameters = vec![0; POLICE_LENGTH];
    parameters[4..8].copy_from_slice(&TC_ACT_SHOT.to_ne_bytes());
    vec![
        DefaultNla::new(TCA_POLICE_TBF, parameters),
        DefaultNla::new(TCA_POLICE_RESULT, TC_ACT_OK.to_ne_bytes().to_vec()),
        DefaultNla::new(TCA_POLICE_PKTRATE64, u64::from(rate.packets).to_ne_bytes().to_vec()),
        DefaultNla::new(TCA_POLICE_PKTBURST64, ticks(rate).to_ne_bytes().to_vec()),
    ]
}

/// The packet scheduler's tick (`PSCHED_SHIFT`).
const TICK_NANOSECONDS: u128 = 64;

/// How long the burst takes at the rate, in the packet scheduler's ticks of 64 ns (`PSCHED_SHIFT`), which is how the
/// kernel is told it.
fn ticks(rate: Rate) -> u64 {
    const TICKS_A_SECOND: u64 = 1_000_000_000 / TICK_NANOSECONDS as u64;
    u64::from(rate.burst) * TICKS_A_SECOND / u64::from(rate.packets.max(1))
}
