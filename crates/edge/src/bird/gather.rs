//! Routing domains with associations in one process. Pure.

use std::collections::{BTreeMap, BTreeSet};

use linkway_domain::id::RoutingDomainId;

use super::assignment::{Room, Split};
use crate::session::Sessions;

/// Brings routing domains that have associations, directly or through others, into one process of `next`; whether any was
/// moved. `was_there`: whether one is in its process already.
pub(super) fn gather(
    next: &mut Split,
    was_there: impl Fn(&RoutingDomainId) -> bool,
    room: Room,
) -> bool {
    let mut moved = false;
    for group in groups(next) {
        let target = target(next, &was_there, &group, room);
        next.parts.resize_with(next.parts.len().max(target + 1), Sessions::default);
        for id in group {
            moved |= move_to(next, &id, target);
        }
    }
    moved
}

/// The groups that are not in one process.
fn groups(split: &Split) -> Vec<BTreeSet<RoutingDomainId>> {
    let pairs = || {
        let domains = split.sessions.routing_domains.values();
        domains.flat_map(|one| one.associations.iter().map(|two| (&one.id, &two.routing_domain)))
    };
    let place = |id: &RoutingDomainId| split.places.get(id);
    let is_apart = |(one, two): &(&RoutingDomainId, &RoutingDomainId)| {
        place(one).is_some_and(|one| place(two).is_some_and(|two| one != two))
    };
    let apart: Vec<&RoutingDomainId> = pairs().filter(is_apart).map(|(one, _)| one).collect();
    if apart.is_empty() {
        return Vec::new();
    }
    let mut edges: BTreeMap<&RoutingDomainId, Vec<&RoutingDomainId>> = BTreeMap::new();
    for (one, two) in pairs().filter(|(one, two)| place(one).and(place(two)).is_some()) {
        edges.entry(one).or_default().push(two);
        edges.entry(two).or_default().push(one);
    }
    let mut found: Vec<BTreeSet<RoutingDomainId>> = Vec::new();
    for id in apart {
        if found.iter().any(|group| group.contains(id)) {
            continue;
        }
        let (mut group, mut pending) = (BTreeSet::from([id.clone()]), vec![id]);
        while let Some(id) = pending.pop() {
            for other in edges.get(id).into_iter().flatten() {
                if group.insert((*other).clone()) {
                    pending.push(other);
                }
            }
        }
        found.push(group);
    }
    found
}

/// Where a group is to be: with those of its sessions that would be lost elsewhere, else where there is room for all of it.
fn target(
    next: &Split,
    was_there: impl Fn(&RoutingDomainId) -> bool,
    group: &BTreeSet<RoutingDomainId>,
    room: Room,
) -> usize {
    let mut weights: BTreeMap<usize, (usize, usize)> = BTreeMap::new();
    for id in group {
        // One that is new can be anywhere.
        if !was_there(id) {
            continue;
        }
        let place = next.places[id];
        let weight = weights.entry(place).or_default();
        let sessions = next.parts[place].sessions.values().filter(|one| one.routing_domain == *id);
        weight.0 += sessions.count();
        weight.1 += 1;
    }
    let heaviest = weights.iter().max_by_key(|(place, weight)| (**weight, usize::MAX - **place));
    if let Some((place, _)) = heaviest {
        return *place;
    }
    let others = |place: usize| {
        let there = next.parts[place].routing_domains.keys();
        there.filter(|id| !group.contains(*id)).count()
    };
    let fits = |place: &usize| others(*place) + group.len() <= room.routing_domains.max(1);
    // More than a process may have are in one that has nothing else.
    let empty = || (0..next.parts.len()).find(|place| others(*place) == 0);
    (0..next.parts.len()).find(fits).or_else(empty).unwrap_or(next.parts.len())
}

fn move_to(split: &mut Split, id: &RoutingDomainId, target: usize) -> bool {
    let place = split.places[id];
    if place == target {
        return false;
    }
    if let Some(domain) = split.parts[place].routing_domains.remove(id) {
        split.parts[target].put_routing_domain(domain);
    }
    let sessions = &split.parts[place].sessions;
    let own: Vec<_> = sessions.values().filter(|one| one.routing_domain == *id).cloned().collect();
    for session in own {
        split.parts[place].sessions.remove(&session.id);
        split.parts[target].put_session(session);
    }
    split.places.insert(id.clone(), target);
    true
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use linkway_domain::net::{AuthKey, PeerAddresses};
    use proptest::prelude::*;

    use super::super::assignment::{Places, read, write};
    use super::*;
    use crate::mark::TableRange;
    use crate::session::{Association, RoutingDomain, Session, SessionId};

    const FIRST: u32 = 1000;

    fn id(n: u8) -> RoutingDomainId {
        RoutingDomainId::parse(&format!("dxgw-000000{n:02x}")).expect("an id")
    }

    /// Domains, each of which may have a session, and associations between them.
    fn sessions(domains: &BTreeMap<u8, bool>, associations: &BTreeSet<(u8, u8)>) -> Sessions {
        let association = |to: u8| Association {
            routing_domain: id(to),
            table: FIRST + u32::from(to),
            announced: Vec::new(),
            fabric: Vec::new(),
        };
        let domain = |n: u8| RoutingDomain {
            id: id(n),
            table: FIRST + u32::from(n),
            asn: 1,
            announced: Vec::new(),
            cidrs: Vec::new(),
            reserved: Vec::new(),
            fabric: Vec::new(),
            associations: associations
                .iter()
                .filter(|(from, to)| *from == n && from != to)
                .map(|(_, to)| association(*to))
                .collect(),
        };
        let session = |n: u8| {
            let addresses = PeerAddresses::link_local(u64::from(n));
            let interface = format!("dxvif-f00000{n:02x}").parse().expect("an id");
            Session {
                id: SessionId { interface, family: addresses.family() },
                routing_domain: id(n),
                addresses,
                asn: 65_000,
                auth_key: AuthKey::parse("authKey", "fjord-Secret-1").expect("a key"),
                resets: 0,
                site_link: false,
                drain: None,
                prefix_limit: None,
                new_key: None,
                shut_until: None,
                public: None,
            }
        };
        let with_session = domains.iter().filter(|(_, has)| **has).map(|(n, _)| *n);
        Sessions::new(
            domains.keys().map(|n| Arc::new(domain(*n))),
            with_session.map(|n| Arc::new(session(n))),
        )
    }

    /// Those that are one group, directly or through others, as names of one of them.
    fn group_of(n: u8, domains: &BTreeMap<u8, bool>, all: &BTreeSet<(u8, u8)>) -> BTreeSet<u8> {
        let mut group = BTreeSet::from([n]);
        loop {
            let there: Vec<u8> = all
                .iter()
                .filter(|(a, b)| domains.contains_key(a) && domains.contains_key(b))
                .filter(|(a, b)| group.contains(a) != group.contains(b))
                .flat_map(|(a, b)| [*a, *b])
                .collect();
            if there.is_empty() {
                return group;
            }
            group.extend(there);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// Whatever comes and goes, also with an agent that knows no more than its file: a group is in one process with all its
        /// sessions, what has no new association is where it was, and of a group that has come together those with the
        /// most sessions are.
        #[test]
        fn what_is_associated_is_in_one_process(
            steps in prop::collection::vec((
                prop::collection::btree_map(0..12_u8, any::<bool>(), 0..12),
                prop::collection::btree_set((0..12_u8, 0..12_u8), 0..5),
                any::<bool>(),
            ), 1..6),
            room in 1..6_usize,
        ) {
            let limits = Room { routing_domains: room, tables: TableRange { first: FIRST, count: 40 } };
            let mut split = Split::default();
            for (domains, associations, new_agent) in steps {
                let before = split.places();
                let wanted = sessions(&domains, &associations);
                let (from, known) = match new_agent {
                    true => (Split::default(), read(&write(&before, room))),
                    false => (split.clone(), Places::new()),
                };
                // A file says nothing where all are in the first process.
                let known = if known.is_empty() && new_agent { before.clone() } else { known };
                let next = from.next(&wanted, &known, limits);
                let after = next.places();
                for n in domains.keys() {
                    let group = group_of(*n, &domains, &associations);
                    let now: BTreeSet<usize> = group.iter().map(|one| after[&id(*one)]).collect();
                    prop_assert_eq!(now.len(), 1, "{:?} is in {:?}", group, now);
                    let was: BTreeSet<usize> =
                        group.iter().filter_map(|one| before.get(&id(*one)).copied()).collect();
                    prop_assert!(was.is_empty() || was.is_superset(&now), "{:?}: {:?} {:?}", group, was, now);
                    let lost = |place: usize| group.iter().filter(|one| {
                        domains[one] && before.get(&id(**one)).is_some_and(|was| *was != place)
                    }).count();
                    let place = *now.first().expect("one");
                    prop_assert!(was.iter().all(|other| lost(place) <= lost(*other)), "{group:?}");
                }
                let mut all = Sessions::default();
                for part in &next.parts {
                    part.routing_domains.values().for_each(|one| all.put_routing_domain(Arc::clone(one)));
                    for one in part.sessions.values() {
                        prop_assert!(part.routing_domains.contains_key(&one.routing_domain));
                        all.put_session(Arc::clone(one));
                    }
                    let own = part.routing_domains.values().all(|one| part.tables.contains(&one.table));
                    prop_assert!(own, "each has the tables of its own");
                }
                prop_assert_eq!(all, wanted);
                split = next;
            }
        }
    }
}
