//! What the model kernel does with a packet.
//!
//! A packet that comes in on a link of a VRF is looked up in the VRF's table (l3mdev rule); a route that says unreachable
//! ends the search, *no* route lets it go on to the main table. A router's own addresses are taken to be local to the
//! domain of their link.

use std::net::IpAddr;

use linkway_edge::kernel::{Route, Way};

use super::kernel::Model;

/// The main table.
pub const MAIN: u32 = 254;

/// A packet.
#[derive(Clone, Debug)]
pub struct Packet {
    pub link: String,
    pub from: IpAddr,
    pub to: IpAddr,
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
        let tables = match self.vrf_of(&packet.link) {
            Some((_, table)) => vec![table, MAIN],
            None => vec![MAIN],
        };
        // RFC 3704, strict: back to the sender by the link it came from.
        let back = self.lookup(&tables, packet.from);
        let strict = link.conf.rp_filter == 1 && packet.from.is_ipv4();
        if strict && !matches!(back, Some(Found::Out(ref out)) if *out == packet.link) {
            return Fate::Dropped;
        }
        match self.lookup(&tables, packet.to) {
            Some(Found::Out(_)) if !link.conf.forwarding => Fate::Dropped,
            Some(Found::Out(out)) => Fate::Leaves(out),
            Some(Found::Local) => Fate::Local,
            Some(Found::Nowhere) | None => Fate::Dropped,
        }
    }

    fn lookup(&self, tables: &[u32], to: IpAddr) -> Option<Found> {
        tables.iter().find_map(|table| self.lookup_in(*table, to))
    }

    /// The longest prefix, then the lowest metric; addresses of links count as connected routes.
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
            for own in link.addresses.iter().filter(|own| own.contains(&to)) {
                let longest = if own.addr().is_ipv4() { 33 } else { 129 };
                let local = own.addr() == to;
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
                Way::Via { link, .. } if self.links.get(link).is_some_and(|link| link.up) => {
                    offer(prefix.prefix_len(), *metric, Found::Out(link.clone()));
                }
                Way::Via { .. } => {}
                Way::Unreachable | Way::Other => {
                    offer(prefix.prefix_len(), *metric, Found::Nowhere);
                }
            }
        }
        best.map(|(_, found)| found)
    }
}
