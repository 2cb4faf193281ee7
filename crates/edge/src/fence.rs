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

mod filters;

use std::hash::{DefaultHasher, Hash, Hasher as _};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use ipnet::IpNet;
use linkway_domain::net::{PeerAddresses, RateLimit};

use crate::mark::Marks;

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

impl Fence {
    /// The filters.
    #[must_use]
    pub fn filters(&self, marks: &Marks) -> Vec<Filter> {
        filters::of(self, marks)
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
