//! The filters of each kind of link.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::LazyLock;

use ipnet::IpNet;
use linkway_domain::net::{AddressFamily, PeerAddresses, RateLimit};

use super::{
    Action, Condition, Counter, Direction, DomainFence, Fence, Filter, Protocol, Rate, Transport,
};
use crate::mark::Marks;
use crate::martians;

/// The port of BFD for one hop (RFC 5881, section 4).
const BFD: u16 = 3784;
/// Neighbour solicitation and advertisement (RFC 4861, sections 4.3 and 4.4).
const SOLICITATION: u8 = 135;
const ADVERTISEMENT: u8 = 136;

/// ARP and neighbour discovery of the peer: Linux asks once a second at most, and a restarted router a few times.
const NEIGHBOUR: Rate = Rate { packets: 50, burst: 50 };
/// Neighbour solicitations from link-local addresses, any of which may be the peer's: each makes an entry in the neighbour
/// table, where it stays for a minute or so.
const LINK_LOCAL: Rate = Rate { packets: 1, burst: 4 };
/// BGP: a hundred prefixes are some packets; a session that starts anew sends them at once.
const BGP_RATE: Rate = Rate { packets: 500, burst: 1_000 };
/// BFD: an interval of 10 ms, and some room.
const BFD_RATE: Rate = Rate { packets: 200, burst: 200 };
/// Pings of the router, and what tells it of an error.
const ICMP_RATE: Rate = Rate { packets: 100, burst: 200 };

/// The filters of a fence.
pub(super) fn of(fence: &Fence, marks: &Marks) -> Vec<Filter> {
    let mut list = List(Vec::new());
    match fence {
        Fence::Port => port(&mut list),
        Fence::Handoff { own } => handoff(&mut list, own, marks),
        Fence::Backbone { own, peers, domain } => backbone(&mut list, own, peers, domain, marks),
        Fence::Customer { peers, limit, domain, site_link, sources } => {
            let passes = (*site_link, sources.as_deref());
            customer(&mut list, peers, *limit, domain, passes, marks);
        }
    }
    list.0
}

impl Condition {
    const fn from(net: IpNet) -> Self {
        Self::Ip { source: Some(net), destination: None, transport: None }
    }

    const fn to(net: IpNet) -> Self {
        Self::Ip { source: None, destination: Some(net), transport: None }
    }
}

/// A list of filters in the making.
struct List(Vec<Filter>);

impl List {
    fn put(
        &mut self,
        (direction, priority, protocol): (Direction, u16, Protocol),
        condition: Condition,
        action: Action,
        counter: Counter,
    ) {
        self.0.push(Filter { direction, priority, protocol, condition, action, counter });
    }
}

/// Only what has a VLAN; priority-tagged frames (VLAN 0) are untagged ones. Nothing without one goes out either.
fn port(list: &mut List) {
    use Direction::{Egress, Ingress};
    let counter = Counter::Protocol;
    list.put((Ingress, 1, Protocol::Vlan), Condition::Vlan(0), Action::Drop, counter);
    for direction in [Ingress, Egress] {
        list.put((direction, 2, Protocol::Vlan), Condition::All, Action::Pass, counter);
        list.put((direction, 3, Protocol::All), Condition::All, Action::Drop, counter);
    }
}

/// The subnet's other addresses are no business of the router's: each that is tried would make an entry in the neighbour table.
fn handoff(list: &mut List, own: &[IpNet], marks: &Marks) {
    let mask = marks.all();
    let mark = Action::Mark { bits: marks.domain_mark, mask };
    for (family, protocol, first) in
        [(AddressFamily::Ipv4, Protocol::Ipv4, 1_u16), (AddressFamily::Ipv6, Protocol::Ipv6, 4)]
    {
        let place = |offset: u16| (Direction::Ingress, first + offset, protocol);
        let own = || own.iter().filter(|address| AddressFamily::of(address.addr()) == family);
        for address in own() {
            list.put(place(0), Condition::to(host(address.addr())), mark, Counter::Router);
        }
        let subnets: BTreeSet<IpNet> = own().map(IpNet::trunc).collect();
        for subnet in subnets {
            list.put(place(1), Condition::to(subnet), Action::Drop, Counter::Router);
        }
        list.put(place(2), Condition::All, mark, Counter::Protocol);
    }
    never_from_backbone(list, marks);
    unmark(list, 3, marks);
}

/// What comes from the backbone is for customers alone. The link of a handoff may become one to the backbone and the other way
/// round, so the priorities of the two fences' filters are the same where these are of one kind, and apart where they are not.
fn never_from_backbone(list: &mut List, marks: &Marks) {
    let place = (Direction::Egress, 2, Protocol::All);
    let condition = Condition::Mark(marks.backbone_mark);
    list.put(place, condition, Action::Drop, Counter::Transit);
}

/// Of what is for the router only the peer's passes. Customers of other routers have other sources than what this router has
/// behind its handoffs and on its customers' links, and go nowhere there; the peer itself tells customers of errors.
fn backbone(list: &mut List, own: &[IpNet], peers: &[IpAddr], domain: &DomainFence, marks: &Marks) {
    let bits = marks.domain_mark | marks.customer_mark | marks.site_link_mark | marks.backbone_mark;
    let mark = Action::Mark { bits, mask: marks.all() };
    for (family, protocol, first) in
        [(AddressFamily::Ipv4, Protocol::Ipv4, 11_u16), (AddressFamily::Ipv6, Protocol::Ipv6, 16)]
    {
        let place = |offset: u16| (Direction::Ingress, first + offset, protocol);
        let of_family = |net: &&IpNet| AddressFamily::of(net.addr()) == family;
        let hosts = |addresses: &[IpAddr]| -> Vec<IpNet> {
            let nets = addresses.iter().map(|address| host(*address));
            nets.filter(|net| of_family(&net)).collect()
        };
        let peers = hosts(peers);
        for (source, address) in peers
            .iter()
            .flat_map(|peer| own.iter().filter(of_family).map(move |own| (*peer, host(own.addr()))))
        {
            let (source, destination) = (Some(source), Some(address));
            let condition = Condition::Ip { source, destination, transport: None };
            list.put(place(0), condition, mark, Counter::Router);
        }
        if family == AddressFamily::Ipv6 {
            // Neighbour discovery; neither is forwarded.
            list.put(place(0), Condition::from(link_local()), mark, Counter::Router);
            list.put(place(0), Condition::to(link_multicast()), mark, Counter::Router);
        }
        let inside = || domain.inner.iter().chain(&domain.links).chain(never(family));
        let subnets = own.iter().map(IpNet::trunc).chain(hosts(&domain.own));
        let to: BTreeSet<IpNet> = subnets.chain(inside().copied()).collect();
        for destination in to.iter().filter(of_family) {
            list.put(place(1), Condition::to(*destination), Action::Drop, Counter::Router);
        }
        for peer in &peers {
            list.put(place(2), Condition::from(*peer), mark, Counter::Protocol);
        }
        let from: BTreeSet<IpNet> = inside().copied().collect();
        for source in from.iter().filter(of_family) {
            list.put(place(3), Condition::from(*source), Action::Drop, Counter::Source);
        }
        list.put(place(4), Condition::All, mark, Counter::Protocol);
    }
    never_from_backbone(list, marks);
    let out = |priority| (Direction::Egress, priority, Protocol::All);
    let clear = Action::Mark { bits: 0, mask: marks.all() };
    list.put(out(4), Condition::Mark(marks.site_link_mark), clear, Counter::Transit);
    list.put(out(5), Condition::Mark(marks.domain_mark), Action::Drop, Counter::Transit);
    unmark(list, 6, marks);
}

/// Whatever is left of a packet's mark goes with it no further.
fn unmark(list: &mut List, priority: u16, marks: &Marks) {
    let clear = Action::Mark { bits: 0, mask: marks.all() };
    list.put(
        (Direction::Egress, priority, Protocol::All),
        Condition::All,
        clear,
        Counter::Protocol,
    );
}

/// The priority of the rate limit on the way in: behind what the router takes and what the fence drops, of both families.
const LIMIT_IN: u16 = 15;
/// The same on the way out: behind what the router itself sends.
const LIMIT_OUT: u16 = 13;

fn customer(
    list: &mut List,
    peers: &[PeerAddresses],
    limit: Option<RateLimit>,
    domain: &DomainFence,
    (site_link, sources): (bool, Option<&[IpNet]>),
    marks: &Marks,
) {
    let mut bits = marks.domain_mark | marks.customer_mark;
    if site_link {
        bits |= marks.site_link_mark;
    }
    let mark = Action::Mark { bits, mask: marks.all() };
    let ingress = |priority, protocol| (Direction::Ingress, priority, protocol);
    for peer in peers {
        if let (IpAddr::V4(sender), IpAddr::V4(target)) =
            (peer.customer().addr(), peer.amazon().addr())
        {
            let condition = Condition::Arp { sender, target };
            let action = Action::Police(NEIGHBOUR);
            list.put(ingress(1, Protocol::Arp), condition, action, Counter::Neighbour);
        }
    }
    list.put(ingress(2, Protocol::Arp), Condition::All, Action::Drop, Counter::Neighbour);
    for family in [AddressFamily::Ipv4, AddressFamily::Ipv6] {
        let own: Vec<&PeerAddresses> = peers.iter().filter(|p| p.family() == family).collect();
        if !own.is_empty() {
            family_of_customer(list, family, (&own, sources), domain, mark, marks);
        }
    }
    list.put(ingress(30, Protocol::All), Condition::All, Action::Drop, Counter::Protocol);
    // A priority keeps its kind of filter from build to build: 1 and 2 were others.
    let out = |priority| (Direction::Egress, priority, Protocol::All);
    if let Some(limit) = limit {
        rate_limit(list, peers, limit, marks);
    }
    if site_link {
        let clear = Action::Mark { bits: 0, mask: marks.all() };
        let condition = Condition::Mark(marks.site_link_mark);
        list.put(out(LIMIT_OUT + 1), condition, clear, Counter::Transit);
    }
    let condition = Condition::Mark(marks.customer_mark);
    list.put(out(LIMIT_OUT + 2), condition, Action::Drop, Counter::Transit);
    unmark(list, LIMIT_OUT + 3, marks);
}

/// One policer for each way. What the router itself sends is not in it: ARP, neighbour discovery, and what goes from its address on
/// the link to the peer's, where nothing that is forwarded goes.
fn rate_limit(list: &mut List, peers: &[PeerAddresses], limit: RateLimit, marks: &Marks) {
    use Direction::{Egress, Ingress};
    let action = Action::Limit(limit);
    list.put((Ingress, LIMIT_IN, Protocol::All), Condition::All, action, Counter::PolicedIn);
    list.put((Egress, 10, Protocol::Arp), Condition::All, Action::Pass, Counter::Protocol);
    let clear = Action::Mark { bits: 0, mask: marks.all() };
    for peer in peers {
        let (source, destination) = (host(peer.amazon().addr()), host(peer.customer().addr()));
        let place = match peer.family() {
            AddressFamily::Ipv4 => (Egress, 11, Protocol::Ipv4),
            AddressFamily::Ipv6 => (Egress, 12, Protocol::Ipv6),
        };
        let (source, destination) = (Some(source), Some(destination));
        let to_peer = Condition::Ip { source, destination, transport: None };
        list.put(place, to_peer, clear, Counter::Protocol);
        if peer.family() == AddressFamily::Ipv6 {
            // Neither is forwarded.
            list.put(place, Condition::from(link_local()), clear, Counter::Protocol);
            list.put(place, Condition::to(link_multicast()), clear, Counter::Protocol);
        }
    }
    list.put((Egress, LIMIT_OUT, Protocol::All), Condition::All, action, Counter::PolicedOut);
}

/// Where neighbour discovery comes from, and where it goes (RFC 4861, section 4).
fn link_local() -> IpNet {
    "fe80::/10".parse().expect("is a prefix")
}

/// See [`link_local`].
fn link_multicast() -> IpNet {
    "ff02::/16".parse().expect("is a prefix")
}

/// A family in which the interface has a peer: what reaches the router, what does not, which sources are refused, the mark.
fn family_of_customer(
    list: &mut List,
    family: AddressFamily,
    (own, sources): (&[&PeerAddresses], Option<&[IpNet]>),
    domain: &DomainFence,
    pass: Action,
    marks: &Marks,
) {
    let never = never(family);
    // What passes is behind the rate limit.
    let (protocol, first, behind_limit) = match family {
        AddressFamily::Ipv4 => (Protocol::Ipv4, 3_u16, 18_u16),
        AddressFamily::Ipv6 => (Protocol::Ipv6, 9, 21),
    };
    let place = |offset: u16| {
        let priority = if offset < 3 { first + offset } else { behind_limit + offset };
        (Direction::Ingress, priority, protocol)
    };
    let of_family = |net: &&IpNet| AddressFamily::of(net.addr()) == family;
    for peer in own {
        let (source, destination) = (host(peer.customer().addr()), host(peer.amazon().addr()));
        let mut police = |source, destination, transport, rate, counter| {
            let condition = Condition::Ip { source, destination, transport: Some(transport) };
            list.put(place(0), condition, Action::Police(rate), counter);
        };
        let ends = (Some(source), Some(destination));
        if family == AddressFamily::Ipv6 {
            let (ask, tell) =
                (Transport::Icmpv6(Some(SOLICITATION)), Transport::Icmpv6(Some(ADVERTISEMENT)));
            let link_local = Some(link_local());
            police(ends.0, None, ask, NEIGHBOUR, Counter::Neighbour);
            police(ends.0, None, tell, NEIGHBOUR, Counter::Neighbour);
            police(link_local, None, ask, LINK_LOCAL, Counter::Neighbour);
            police(link_local, None, tell, NEIGHBOUR, Counter::Neighbour);
        }
        let icmp = match family {
            AddressFamily::Ipv4 => Transport::Icmp,
            AddressFamily::Ipv6 => Transport::Icmpv6(None),
        };
        police(ends.0, ends.1, Transport::TcpTo(marks.bgp_port), BGP_RATE, Counter::Router);
        police(ends.0, ends.1, Transport::TcpFrom(marks.bgp_port), BGP_RATE, Counter::Router);
        police(ends.0, ends.1, Transport::UdpTo(BFD), BFD_RATE, Counter::Router);
        police(ends.0, ends.1, icmp, ICMP_RATE, Counter::Router);
    }
    let hosts = domain.own.iter().map(|address| host(*address));
    let to: Vec<IpNet> =
        domain.links.iter().copied().chain(hosts).chain(never.iter().copied()).collect();
    for destination in to.iter().filter(of_family) {
        list.put(place(1), Condition::to(*destination), Action::Drop, Counter::Router);
    }
    for source in domain.inner.iter().chain(never).filter(of_family) {
        list.put(place(2), Condition::from(*source), Action::Drop, Counter::Source);
    }
    for next_hop in
        domain.next_hops.iter().map(|address| host(*address)).filter(|net| of_family(&net))
    {
        let (destination, transport) = (Some(next_hop), None);
        match sources {
            None => list.put(place(3), Condition::to(next_hop), pass, Counter::Protocol),
            Some(sources) => {
                for net in sources.iter().filter(of_family) {
                    let condition = Condition::Ip { source: Some(*net), destination, transport };
                    list.put(place(3), condition, pass, Counter::Protocol);
                }
            }
        }
    }
    for transit in domain.transit.iter().filter(of_family) {
        list.put(place(4), Condition::to(*transit), Action::Drop, Counter::Router);
    }
    let Some(sources) = sources else {
        list.put(place(5), Condition::All, pass, Counter::Protocol);
        return;
    };
    for source in sources.iter().filter(of_family) {
        list.put(place(5), Condition::from(*source), pass, Counter::Protocol);
    }
    // Behind those of both families.
    let last = match family {
        AddressFamily::Ipv4 => 27,
        AddressFamily::Ipv6 => 28,
    };
    let place = (Direction::Ingress, last, protocol);
    list.put(place, Condition::All, Action::Drop, Counter::Source);
}

/// Neither sources nor destinations of what is forwarded. Sessions use IPv4's link-local range.
fn never(family: AddressFamily) -> &'static [IpNet] {
    static IPV4: LazyLock<Vec<IpNet>> = LazyLock::new(|| {
        nets(martians::IPV4.into_iter().filter(|net| *net != martians::LINK_LOCAL_IPV4))
    });
    static IPV6: LazyLock<Vec<IpNet>> = LazyLock::new(|| nets(martians::IPV6));
    match family {
        AddressFamily::Ipv4 => &IPV4,
        AddressFamily::Ipv6 => &IPV6,
    }
}

fn nets(texts: impl IntoIterator<Item = &'static str>) -> Vec<IpNet> {
    texts.into_iter().map(|text| text.parse().expect("is a prefix")).collect()
}

fn host(address: IpAddr) -> IpNet {
    IpNet::from(address)
}
