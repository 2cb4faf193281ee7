//! What the model kernel does with a packet: the filters of the link that it comes in by, the rules in their order, the
//! filters of the link that it leaves by.

use std::net::IpAddr;

use ipnet::IpNet;
use linkway_domain::net::AddressFamily;
use linkway_edge::fence::{Action, Condition, Direction, Filter, Protocol, Transport};
use linkway_edge::kernel::{Route, RuleAction, Selector, Way};

use super::kernel::Model;

/// The main table.
pub const MAIN: u32 = 254;
/// The router's own addresses.
const LOCAL: u32 = 255;

/// A packet.
#[derive(Clone, Debug)]
pub struct Packet {
    pub link: String,
    pub from: IpAddr,
    pub to: IpAddr,
    /// What it carries; `None`: something that no filter knows.
    pub carries: Option<Transport>,
}

impl Packet {
    pub fn new(link: &str, from: IpAddr, to: IpAddr) -> Self {
        Self { link: link.to_owned(), from, to, carries: None }
    }
}

/// What becomes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    Leaves(String),
    Local,
    Dropped,
}

/// What a lookup finds.
enum Found {
    Local,
    Out(String),
    Nowhere,
}

impl Model {
    pub fn forward(&self, packet: &Packet) -> Fate {
        let Some(link) = self.links.get(&packet.link).filter(|link| link.up && link.carrier) else {
            return Fate::Dropped;
        };
        let Some(mark) = self.filter(&packet.link, Direction::Ingress, packet, 0) else {
            return Fate::Dropped;
        };
        let table = self.vrf_of(&packet.link).map(|(_, table)| table);
        // RFC 3704: strict, back to the sender by the link it came from; loose, back to it by any of the routing domain.
        // IPv6 sources are checked by a rule of its own, loosely.
        let v4 = packet.from.is_ipv4();
        let checked = if v4 { link.conf.rp_filter > 0 } else { self.checks_ipv6_sources };
        let strict = v4 && link.conf.rp_filter == 1;
        match self.route(table, 0, packet.from) {
            Some(Found::Out(out)) if strict && out != packet.link => return Fate::Dropped,
            Some(Found::Out(_)) => {}
            Some(Found::Local | Found::Nowhere) | None if checked => return Fate::Dropped,
            Some(Found::Local | Found::Nowhere) | None => {}
        }
        match self.route(table, mark, packet.to) {
            Some(Found::Out(_)) if !link.conf.forwarding => Fate::Dropped,
            Some(Found::Out(out)) => match self.filter(&out, Direction::Egress, packet, mark) {
                Some(_) => Fate::Leaves(out),
                None => Fate::Dropped,
            },
            Some(Found::Local) => Fate::Local,
            Some(Found::Nowhere) | None => Fate::Dropped,
        }
    }

    /// The mark that a packet has behind the filters of a link; `None`: they drop it. Nothing is policed here.
    fn filter(&self, link: &str, way: Direction, packet: &Packet, mark: u32) -> Option<u32> {
        let mut filters: Vec<&Filter> =
            self.filters(link).iter().filter(|filter| filter.direction == way).collect();
        filters.sort_by_key(|filter| filter.priority);
        // What is below a rate goes on to the filters behind it.
        filters.retain(|filter| !matches!(filter.action, Action::Limit(_)));
        match filters.into_iter().find(|filter| is_about(filter, packet, mark)).map(|f| f.action) {
            Some(Action::Drop) => None,
            Some(Action::Mark { bits, mask }) => Some(mark & !mask | bits),
            Some(Action::Pass | Action::Police(_) | Action::Limit(_)) | None => Some(mark),
        }
    }

    /// Asks the rules in their order.
    fn route(&self, vrf: Option<u32>, mark: u32, to: IpAddr) -> Option<Found> {
        let family = if to.is_ipv4() { AddressFamily::Ipv4 } else { AddressFamily::Ipv6 };
        let applies = |selector| match selector {
            Selector::All => true,
            Selector::Mark(bits) => mark & bits == bits,
            Selector::Other => false,
        };
        let rules = self.rules.iter().filter(|rule| rule.family == family);
        rules.filter(|rule| applies(rule.selector)).find_map(|rule| match rule.action {
            RuleAction::L3mdev => self.lookup_in(vrf?, to),
            RuleAction::Lookup(LOCAL) => self.own_address(to),
            RuleAction::Lookup(table) => self.lookup_in(table, to),
            RuleAction::Blackhole => Some(Found::Nowhere),
            RuleAction::Other => None,
        })
    }

    /// The addresses of links that are in no VRF.
    fn own_address(&self, to: IpAddr) -> Option<Found> {
        let own = self.links.iter().any(|(name, link)| {
            let there = link.up && link.addresses.iter().any(|own| own.addr() == to);
            there && self.vrf_of(name).is_none()
        });
        own.then_some(Found::Local)
    }

    /// The longest prefix, then the lowest metric; addresses of links count as local and connected routes.
    fn lookup_in(&self, table: u32, to: IpAddr) -> Option<Found> {
        let mut best: Option<((u8, u32), Found)> = None;
        let mut offer = |length: u8, metric: u32, found: Found| {
            let rank = (length, u32::MAX - metric);
            if best.as_ref().is_none_or(|(known, _)| rank > *known) {
                best = Some((rank, found));
            }
        };
        for (name, link) in self.links.iter().filter(|(_, link)| link.up) {
            if self.vrf_of(name).map_or(MAIN, |(_, table)| table) != table {
                continue;
            }
            let routed = |own: &&IpNet| !link.unrouted.contains(*own);
            for own in link.addresses.iter().filter(routed).filter(|own| own.contains(&to)) {
                let longest = if own.addr().is_ipv4() { 33 } else { 129 };
                // Those of the main table are in the table `local`.
                let local = own.addr() == to && table != MAIN;
                let found = if local { Found::Local } else { Found::Out(name.clone()) };
                offer(if local { longest } else { own.prefix_len() }, 0, found);
            }
        }
        for route in self.routes.iter().filter(|route| route.table == table) {
            let Route { prefix, metric, way, .. } = route;
            if !prefix.contains(&to) {
                continue;
            }
            match way {
                Way::Via { link, .. } | Way::Dev { link }
                    if self.links.get(link).is_some_and(|link| link.up) =>
                {
                    offer(prefix.prefix_len(), *metric, Found::Out(link.clone()));
                }
                Way::Via { .. } | Way::Dev { .. } => {}
                Way::Unreachable | Way::Other => {
                    offer(prefix.prefix_len(), *metric, Found::Nowhere);
                }
            }
        }
        best.map(|(_, found)| found)
    }
}

/// Whether a filter is about a packet with a mark; all packets here have no VLAN by the time that they are filtered.
fn is_about(filter: &Filter, packet: &Packet, mark: u32) -> bool {
    let protocol = match filter.protocol {
        Protocol::All => true,
        Protocol::Ipv4 => packet.from.is_ipv4(),
        Protocol::Ipv6 => packet.from.is_ipv6(),
        Protocol::Arp | Protocol::Vlan => false,
    };
    protocol
        && match filter.condition {
            Condition::All => true,
            Condition::Mark(bits) => mark & bits == bits,
            Condition::Vlan(_) | Condition::Arp { .. } => false,
            Condition::Ip { source, destination, transport } => {
                source.is_none_or(|net| net.contains(&packet.from))
                    && destination.is_none_or(|net| net.contains(&packet.to))
                    && transport.is_none_or(|wanted| {
                        packet.carries == Some(wanted)
                            || wanted == Transport::Icmpv6(None)
                                && matches!(packet.carries, Some(Transport::Icmpv6(_)))
                    })
            }
        }
}
