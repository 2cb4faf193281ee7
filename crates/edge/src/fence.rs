//! What keeps a tenant's packets where they may be: the tc filters of a link (tc(8); clsact, so both ways).
//!
//! * A *port* carries 802.1Q frames and nothing else, so that nobody reaches the router by the bare port.
//! * On a *customer's* link, ARP and neighbour discovery count only for the peer, and only BGP, BFD and ICMP of the peer
//!   reach the router, all of it policed. A source cannot be of the VPC or of the handoff's subnet. What passes is
//!   marked, and what has a customer's mark does not leave on a customer's link; between links that have SiteLink another
//!   mark lets it. A rate limit is on what is forwarded, each way for itself: what the router and the customer's router say to
//!   each other is not in it, so that a full link loses no session.
//! * What comes from a *handoff* is marked as being of a routing domain, unless it is for the handoff's own subnet.
//! * What comes from the *backbone*, where the customers of other routers are, has a customer's mark with SiteLink and one of its own:
//!   it leaves by links that have SiteLink, neither by a handoff nor by the backbone again. By the backbone leaves what has the SiteLink
//!   mark and what the router itself says.
//! * Where a packet leaves as it should, its mark goes, so that a tunnel that carries it is nothing special.
//!
//! A rule of the kernel's drops what has a mark and no route in its VRF ([`crate::plan::rules`]). The marks and the VRF's
//! unreachable default route are two barriers, each of which holds without the other.
//!
//! Pure: [`Fence::filters`] says which filters a link has; the netlink driver makes them and recognises them by the digest
//! that each carries as its action's cookie.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher as _};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, LazyLock};

use ipnet::IpNet;
use linkway_domain::net::{AddressFamily, PeerAddresses, RateLimit};

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

/// The fence of a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fence {
    /// A port.
    Port,
    /// A handoff.
    Handoff {
        /// The router's addresses on it, with their subnets.
        own: Vec<IpNet>,
    },
    /// A Direct Connect gateway's handoff to the operator's backbone.
    Backbone {
        /// The router's addresses on it, with their subnets.
        own: Vec<IpNet>,
        /// The routers that it has BGP sessions with there.
        peers: Vec<IpAddr>,
        /// What the links of the gateway's customers have in common.
        domain: Arc<DomainFence>,
    },
    /// A customer's link.
    Customer {
        /// The ends of its sessions.
        peers: Vec<PeerAddresses>,
        /// What passes each way at most.
        limit: Option<RateLimit>,
        /// What it has in common with the other links of its routing domain.
        domain: Arc<DomainFence>,
        /// Whether what comes from customers whose links have this too may leave by it.
        site_link: bool,
        /// Of a public interface: the only sources of what passes. `None`: any that is not of the routing domain itself.
        sources: Option<Vec<IpNet>>,
    },
}

/// What the fences of a routing domain's customers have in common.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DomainFence {
    /// The VPC's prefixes and the handoffs' subnets: no customer's packet comes from there.
    pub inner: Vec<IpNet>,
    /// The router's addresses on handoffs.
    pub own: Vec<IpAddr>,
    /// The next hops on handoffs.
    pub next_hops: Vec<IpAddr>,
    /// The handoffs' subnets outside of the VPC's prefixes: of them a customer has to do with the next hops only, and each
    /// other address that somebody tries makes an entry in the neighbour table.
    pub transit: Vec<IpNet>,
    /// The subnets of the sessions of all interfaces: no customer's packet goes there, but for the one to its own end.
    pub links: Vec<IpNet>,
}

/// Recognises the filters of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FenceDigest(pub u64);

/// What the fences of a link have dropped, in packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Drops {
    /// ARP and neighbour discovery that is not the peer's, or too much of it.
    pub neighbour: u64,
    /// To the router: what is not BGP, BFD or ICMP of the peer, or too much of it.
    pub router: u64,
    /// Sources that no customer has.
    pub source: u64,
    /// From a customer to a customer.
    pub transit: u64,
    /// Other protocols than ARP, IPv4 and IPv6, and the family in which the interface has no peer; on a port, what has no VLAN.
    pub protocol: u64,
    /// From the customer, above the rate limit. No fence's: it is the customer's own traffic.
    pub policed_in: u64,
    /// To the customer, above the rate limit.
    pub policed_out: u64,
}

/// What a filter's drops count as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Counter {
    /// See [`Drops::neighbour`].
    Neighbour,
    /// See [`Drops::router`].
    Router,
    /// See [`Drops::source`].
    Source,
    /// See [`Drops::transit`].
    Transit,
    /// See [`Drops::protocol`].
    Protocol,
    /// See [`Drops::policed_in`].
    PolicedIn,
    /// See [`Drops::policed_out`].
    PolicedOut,
}

impl Drops {
    /// The counters of fences with their names.
    #[must_use]
    pub const fn by_fence(&self) -> [(&'static str, u64); 5] {
        let Self { neighbour, router, source, transit, protocol, .. } = *self;
        [
            ("neighbour", neighbour),
            ("router", router),
            ("source", source),
            ("transit", transit),
            ("protocol", protocol),
        ]
    }

    /// Adds what a filter has dropped.
    pub const fn add(&mut self, counter: Counter, packets: u64) {
        let sum = match counter {
            Counter::Neighbour => &mut self.neighbour,
            Counter::Router => &mut self.router,
            Counter::Source => &mut self.source,
            Counter::Transit => &mut self.transit,
            Counter::Protocol => &mut self.protocol,
            Counter::PolicedIn => &mut self.policed_in,
            Counter::PolicedOut => &mut self.policed_out,
        };
        *sum = sum.saturating_add(packets);
    }
}

/// Which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Direction {
    /// What comes in by the link.
    Ingress,
    /// What goes out by it.
    Egress,
}

/// The protocol of a frame that a filter looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Protocol {
    /// Any (`ETH_P_ALL`).
    All,
    /// ARP.
    Arp,
    /// IPv4.
    Ipv4,
    /// IPv6.
    Ipv6,
    /// 802.1Q.
    Vlan,
}

impl Protocol {
    /// Its Ethertype.
    #[must_use]
    pub const fn number(self) -> u16 {
        match self {
            Self::All => 0x0003,
            Self::Arp => 0x0806,
            Self::Ipv4 => 0x0800,
            Self::Ipv6 => 0x86dd,
            Self::Vlan => 0x8100,
        }
    }
}

/// Packets a second, with a burst of packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rate {
    /// Packets a second.
    pub packets: u32,
    /// Packets at once.
    pub burst: u32,
}

/// A filter of a link.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Filter {
    /// Which way.
    pub direction: Direction,
    /// Its priority: the lower ones come first. Filters of a priority are of one protocol and one kind, and their order among
    /// themselves does not matter.
    pub priority: u16,
    /// The frames that it looks at.
    pub protocol: Protocol,
    /// Which of those it is about.
    pub condition: Condition,
    /// What becomes of them.
    pub action: Action,
    /// What those that it drops count as.
    pub counter: Counter,
}

/// Which packets a filter is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Condition {
    /// All (`matchall`).
    All,
    /// Those with these bits of the mark (`fw`; the mark is the filter's handle).
    Mark(u32),
    /// Frames of a VLAN (`flower`).
    Vlan(u16),
    /// ARP from this address about that one (`flower`).
    Arp {
        /// The sender's address.
        sender: Ipv4Addr,
        /// The address that it is about.
        target: Ipv4Addr,
    },
    /// IP packets (`flower`).
    Ip {
        /// Where from.
        source: Option<IpNet>,
        /// Where to.
        destination: Option<IpNet>,
        /// What they carry.
        transport: Option<Transport>,
    },
}

/// What an IP packet carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// TCP from this port.
    TcpFrom(u16),
    /// TCP to this port.
    TcpTo(u16),
    /// UDP to this port.
    UdpTo(u16),
    /// ICMP.
    Icmp,
    /// ICMPv6, of one type or any.
    Icmpv6(Option<u8>),
}

/// What becomes of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// It passes.
    Pass,
    /// It does not.
    Drop,
    /// As many as this pass.
    Police(Rate),
    /// What is above the rate is dropped; the filters that follow decide about the rest.
    Limit(RateLimit),
    /// It passes and has these bits of the mask set in its mark, the others of it cleared.
    Mark {
        /// The bits.
        bits: u32,
        /// The mask.
        mask: u32,
    },
}

impl Condition {
    const fn from(net: IpNet) -> Self {
        Self::Ip { source: Some(net), destination: None, transport: None }
    }

    const fn to(net: IpNet) -> Self {
        Self::Ip { source: None, destination: Some(net), transport: None }
    }
}

impl Fence {
    /// The filters.
    #[must_use]
    pub fn filters(&self, marks: &Marks) -> Vec<Filter> {
        let mut list = List(Vec::new());
        match self {
            Self::Port => port(&mut list),
            Self::Handoff { own } => handoff(&mut list, own, marks),
            Self::Backbone { own, peers, domain } => {
                backbone(&mut list, own, peers, domain, marks);
            }
            Self::Customer { peers, limit, domain, site_link, sources } => {
                let passes = (*site_link, sources.as_deref());
                customer(&mut list, peers, *limit, domain, passes, marks);
            }
        }
        list.0
    }

    /// What recognises it where it is complete and there is nothing else.
    #[must_use]
    pub fn digest(&self, marks: &Marks) -> FenceDigest {
        digest(self.filters(marks).iter().map(Filter::trace))
    }
}

/// What is seen of a filter of ours: place and cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Trace {
    /// Which way.
    pub direction: Direction,
    /// Its priority.
    pub priority: u16,
    /// Its protocol's number.
    pub protocol: u16,
    /// Its action's cookie; all zeros if there is none.
    pub cookie: Cookie,
}

/// What an action of ours carries: [`COOKIE`], the filter's counter, then a digest of the filter.
pub type Cookie = [u8; 16];

/// Cookies of ours begin so.
pub const COOKIE: [u8; 4] = *b"lnkw";

/// The digest of a link's filters, in whatever order.
pub fn digest(traces: impl Iterator<Item = Trace>) -> FenceDigest {
    let mut traces: Vec<Trace> = traces.collect();
    traces.sort_unstable();
    FenceDigest(hash(&traces))
}

/// The same in every run of a build. Another build may have another one: then its agent replaces each filter by the same.
fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

impl Filter {
    /// What is seen of it when it is there.
    #[must_use]
    pub fn trace(&self) -> Trace {
        let Self { direction, priority, protocol, .. } = *self;
        Trace { direction, priority, protocol: protocol.number(), cookie: self.cookie() }
    }

    /// The cookie of its action. It tells what the filter is, so that one with other contents in the same place is seen.
    #[must_use]
    pub fn cookie(&self) -> Cookie {
        let mut cookie = [0; 16];
        cookie[..4].copy_from_slice(&COOKIE);
        cookie[4] = self.counter as u8;
        cookie[8..].copy_from_slice(&hash(self).to_be_bytes());
        cookie
    }
}

/// What the drops of a filter with this cookie count as; `None` if it is not ours.
#[must_use]
pub fn counter_of(cookie: &Cookie) -> Option<Counter> {
    let all = [
        Counter::Neighbour,
        Counter::Router,
        Counter::Source,
        Counter::Transit,
        Counter::Protocol,
        Counter::PolicedIn,
        Counter::PolicedOut,
    ];
    let number = *cookie.strip_prefix(&COOKIE)?.first()?;
    all.into_iter().find(|counter| *counter as u8 == number)
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
