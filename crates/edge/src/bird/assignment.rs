//! Which BIRD has which routing domain. Pure.
//!
//! A kernel table has one owner, so a routing domain is in one process, and stays there: to move it would end its sessions. The
//! first process takes them until it is full. Routing domains that have an association exchange routes, so they are in one
//! process: a new association moves those with the fewest sessions to the others, and one that ends moves nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

use imbl::OrdMap;
use imbl::ordmap::DiffItem;
use linkway_domain::id::RoutingDomainId;

use super::gather;
use super::spare;
use crate::mark::TableRange;
use crate::session::{Session, Sessions};

/// Processes by number, from 0 on, of routing domains.
pub type Places = BTreeMap<RoutingDomainId, usize>;

/// Sessions, and the part of them that each process has.
#[derive(Clone, Debug, Default)]
pub struct Split {
    /// All of them.
    pub sessions: Sessions,
    /// The parts, by the numbers of the processes.
    pub parts: Vec<Sessions>,
    pub(super) places: OrdMap<RoutingDomainId, usize>,
}

/// What the processes may have.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    /// Routing domains of one process.
    pub routing_domains: usize,
    /// The kernel tables that there are.
    pub tables: TableRange,
}

impl Split {
    /// Other sessions. A routing domain that is there already stays where it is; one that is not goes where it is `known` to have
    /// been, else into the first process that has room. Each process also gets the kernel tables that it looks after. Takes time for
    /// what is different only.
    #[must_use]
    pub fn next(&self, sessions: &Sessions, known: &Places, room: Room) -> Self {
        let mut next = self.clone();
        let (mut added, mut other_tables) = (Vec::new(), false);
        for change in self.sessions.routing_domains.diff(&sessions.routing_domains) {
            match change {
                DiffItem::Add(id, one) => added.push((id, one)),
                DiffItem::Update { old: (_, old), new: (id, one) } => {
                    other_tables |= old.table != one.table;
                    let place = next.places[id];
                    next.parts[place].put_routing_domain(one.clone());
                }
                DiffItem::Remove(id, _) => {
                    other_tables = true;
                    if let Some(place) = next.places.remove(id) {
                        next.parts[place].routing_domains.remove(id);
                    }
                }
            }
        }
        other_tables |= !added.is_empty();
        for (id, one) in added {
            let place =
                known.get(id).copied().unwrap_or_else(|| next.first_with(room.routing_domains));
            next.parts.resize_with(next.parts.len().max(place + 1), Sessions::default);
            next.places.insert(id.clone(), place);
            next.parts[place].put_routing_domain(one.clone());
        }
        for change in self.sessions.sessions.diff(&sessions.sessions) {
            let (old, new) = match change {
                DiffItem::Add(_, new) => (None, Some(new)),
                DiffItem::Update { old: (_, old), new: (_, new) } => (Some(old), Some(new)),
                DiffItem::Remove(_, old) => (Some(old), None),
            };
            let was = old.and_then(|old| self.place_of(old));
            if let (Some(old), Some(place)) = (old, was) {
                next.parts[place].sessions.remove(&old.id);
            }
            if let Some((new, place)) = new.and_then(|new| Some((new, next.place_of(new)?))) {
                next.parts[place].put_session(new.clone());
            }
        }
        next.sessions = sessions.clone();
        let was_there =
            |id: &RoutingDomainId| self.places.contains_key(id) || known.contains_key(id);
        other_tables |= gather::gather(&mut next, was_there, room);
        if other_tables {
            next.give_tables(room);
        }
        next
    }

    /// Gives each process that has a routing domain the kernel tables that it looks after: its own, and free ones for as many
    /// routing domains as it may get. The first has the lowest: it gets the next routing domain, with the lowest table.
    fn give_tables(&mut self, room: Room) {
        fn tables(part: &Sessions) -> impl Iterator<Item = u32> {
            part.routing_domains.values().map(|one| one.table)
        }
        let used: BTreeSet<u32> = self.parts.iter().flat_map(tables).collect();
        let capacity = spare::capacity(self.sessions.routing_domains.len(), room.routing_domains);
        let mut free = spare::free(room.tables, &used);
        for part in &mut self.parts {
            let own = part.routing_domains.len();
            // What it has it keeps: a router whose size goes up and down over a step would make and drop them without end.
            let capacity = capacity.max(part.tables.len());
            let spare = if own == 0 { 0 } else { capacity.saturating_sub(own) };
            let all: BTreeSet<u32> = tables(part).chain(free.by_ref().take(spare)).collect();
            if *part.tables != all {
                part.tables = Arc::new(all);
            }
        }
    }

    /// Where each routing domain is.
    #[must_use]
    pub fn places(&self) -> Places {
        self.places.iter().map(|(id, place)| (id.clone(), *place)).collect()
    }

    fn place_of(&self, session: &Session) -> Option<usize> {
        self.places.get(&session.routing_domain).copied()
    }

    fn first_with(&self, room: usize) -> usize {
        let has_room = |part: &Sessions| part.routing_domains.len() < room.max(1);
        self.parts.iter().position(has_room).unwrap_or(self.parts.len())
    }
}

/// As a file's text: a line for each. Empty where it would be the same without a file: all are in the first process, which has
/// room for them.
#[must_use]
pub fn write(places: &Places, room: usize) -> String {
    let mut text = String::new();
    if places.len() <= room && places.values().all(|place| *place == 0) {
        return text;
    }
    for (id, place) in places {
        writeln!(text, "{id} {place}").expect("writing into a string");
    }
    text
}

/// From such a text; what is no line of one is passed over.
#[must_use]
pub fn read(text: &str) -> Places {
    let line = |line: &str| {
        let (id, place) = line.split_once(' ')?;
        Some((RoutingDomainId::parse(id).ok()?, place.parse().ok().filter(|place| *place < 1000)?))
    };
    text.lines().filter_map(line).collect()
}

#[cfg(test)]
mod tests {
    use linkway_domain::net::{AuthKey, PeerAddresses};
    use proptest::prelude::*;

    use super::*;
    use crate::session::{RoutingDomain, SessionId};

    /// Each routing domain has the table of its number, so that some are free between them.
    const FIRST: u32 = 1000;

    fn sessions(domains: &BTreeSet<u8>) -> Sessions {
        let id = |n: u8| RoutingDomainId::parse(&format!("vgw-000000{n:02x}")).unwrap();
        let domain = |n: &u8| {
            Arc::new(RoutingDomain {
                id: id(*n),
                table: FIRST + u32::from(*n),
                asn: 1,
                announced: Vec::new(),
                cidrs: Vec::new(),
                reserved: Vec::new(),
                fabric: Vec::new(),
                associations: Vec::new(),
            })
        };
        let session = |n: &u8| {
            let addresses = PeerAddresses::link_local(u64::from(*n));
            Arc::new(Session {
                id: SessionId {
                    interface: format!("dxvif-f00000{n:02x}").parse().unwrap(),
                    family: addresses.family(),
                },
                routing_domain: id(*n),
                addresses,
                asn: 65_000,
                auth_key: AuthKey::parse("authKey", "fjord-Secret-1").unwrap(),
                resets: 0,
                public: None,
                prefix_limit: None,
                new_key: None,
                shut_until: None,
                drain: None,
                site_link: false,
            })
        };
        Sessions::new(domains.iter().map(domain), domains.iter().map(session))
    }

    /// A process looks after the tables of its own routing domains, and after no other's, nor after what is not ours.
    fn tables_have_one_owner(split: &Split, range: TableRange) -> Result<(), TestCaseError> {
        let mut owned = BTreeSet::new();
        for part in &split.parts {
            let own: BTreeSet<u32> = part.routing_domains.values().map(|one| one.table).collect();
            prop_assert!(own.is_subset(&part.tables));
            prop_assert_eq!(own.is_empty(), part.tables.is_empty());
            for table in &*part.tables {
                prop_assert!(owned.insert(*table), "{} has two owners", table);
                let is_ours = (range.first..range.first + range.count).contains(table);
                prop_assert!(own.contains(table) || is_ours, "{}", table);
            }
        }
        Ok(())
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// Whatever comes and goes, also with an agent that knows no more than its file: each routing domain and its sessions are in
        /// one part, and one that stays is where it was.
        #[test]
        fn a_routing_domain_is_in_one_process_and_stays_there(
            steps in prop::collection::vec((prop::collection::btree_set(0..20_u8, 0..20), any::<bool>()), 1..8),
            room in 1..8_usize, count in 0..40_u32,
        ) {
            let tables = TableRange { first: FIRST, count };
            let limits = Room { routing_domains: room, tables };
            let mut split = Split::default();
            for (domains, new_agent) in steps {
                let before = split.places();
                let wanted = sessions(&domains);
                if new_agent {
                    let known = read(&write(&before, room));
                    let there = split.sessions.clone();
                    split = Split::default().next(&there, &known, limits);
                    prop_assert_eq!(split.places(), before.clone());
                }
                split = split.next(&wanted, &Places::new(), limits);
                let after = split.places();
                for (id, place) in &before {
                    prop_assert!(after.get(id).is_none_or(|now| now == place), "{id}");
                }
                let mut all = Sessions::default();
                for part in &split.parts {
                    for one in part.routing_domains.values() {
                        prop_assert!(!all.routing_domains.contains_key(&one.id));
                        all.put_routing_domain(Arc::clone(one));
                    }
                    for one in part.sessions.values() {
                        prop_assert!(part.routing_domains.contains_key(&one.routing_domain));
                        prop_assert!(!all.sessions.contains_key(&one.id));
                        all.put_session(Arc::clone(one));
                    }
                    prop_assert!(part.routing_domains.len() <= room);
                }
                prop_assert_eq!(all, wanted);
                tables_have_one_owner(&split, tables)?;
            }
        }
    }
}
