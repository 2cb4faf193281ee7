//! Which routing tables are whose.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use linkway_domain::edge::RoutingDomainConfig;

use crate::kernel::{Kernel, LinkKind};
use crate::mark::Marks;

/// Numbers of tables, kept as ranges: they are given one after the other, so that few ranges hold them all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableSet {
    /// The last number of each range, by its first. No two touch.
    ranges: BTreeMap<u32, u32>,
}

impl TableSet {
    fn insert(&mut self, table: u32) {
        let before = self.ranges.range(..=table).next_back().map(|(first, last)| (*first, *last));
        let first = match before {
            Some((_, last)) if last >= table => return,
            Some((first, last)) if last + 1 == table => first,
            Some(_) | None => table,
        };
        let last = table.checked_add(1).and_then(|behind| self.ranges.remove(&behind));
        self.ranges.insert(first, last.unwrap_or(table));
    }

    /// The first number from this on that is not in it; `u32::MAX` may be.
    fn behind(&self, from: u32) -> u32 {
        let range = self.ranges.range(..=from).next_back().filter(|(_, last)| **last >= from);
        range.map_or(from, |(_, last)| last.saturating_add(1))
    }
}

impl Extend<u32> for TableSet {
    fn extend<T: IntoIterator<Item = u32>>(&mut self, tables: T) {
        tables.into_iter().for_each(|table| self.insert(table));
    }
}

/// See the module. A routing domain keeps the table that its VRF has; a newcomer gets the lowest of our range
/// that neither a VRF nor a route uses.
pub(super) struct Tables<'a> {
    marks: &'a Marks,
    /// Ours, by the VRF's name.
    ours: BTreeMap<&'a str, u32>,
    used: TableSet,
    /// In use by what is not in the kernel's picture here.
    others: &'a TableSet,
    /// Below it none of our range is free: tables are given, never taken back.
    next: u32,
}

impl<'a> Tables<'a> {
    pub(super) fn new(
        kernel: &'a Kernel,
        marks: &'a Marks,
        wanted: &'a [Arc<RoutingDomainConfig>],
        others: &'a TableSet,
    ) -> Self {
        let (mut used, mut foreign) = (TableSet::default(), BTreeSet::new());
        for (name, link) in &kernel.links {
            let LinkKind::Vrf { table } = link.kind else { continue };
            used.insert(table);
            if !marks.owns_link(name, link) || !marks.owns_table(table) {
                foreign.insert(table);
            }
        }
        // Two VRFs on one table would be one: the first by name of those that stay keeps it.
        let mut names: Vec<&str> =
            wanted.iter().map(|one| one.routing_domain_id.as_str()).collect();
        names.sort_unstable();
        let (mut ours, mut kept) = (BTreeMap::new(), foreign);
        for name in names {
            let Some(link) = kernel.links.get(name) else { continue };
            let LinkKind::Vrf { table } = link.kind else { continue };
            if kept.insert(table) {
                ours.insert(name, table);
            }
        }
        used.extend(kernel.routes.iter().map(|route| route.table));
        Self { marks, ours, used, others, next: marks.first_table }
    }

    fn of(&self, domain: &RoutingDomainConfig) -> Option<u32> {
        self.ours.get(domain.routing_domain_id.as_str()).copied()
    }

    /// The table of a routing domain; `None`: no table is free.
    pub(super) fn give(&mut self, domain: &RoutingDomainConfig) -> Option<u32> {
        if let Some(table) = self.of(domain) {
            return Some(table);
        }
        let end = self.marks.first_table.checked_add(self.marks.tables)?;
        let mut free = self.next;
        while let after = self.others.behind(self.used.behind(free))
            && after != free
        {
            free = after;
        }
        if free >= end {
            return None;
        }
        self.used.insert(free);
        self.next = free;
        Some(free)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Numbers that touch one another, some at the end of all.
    fn number() -> impl Strategy<Value = u32> {
        prop_oneof![0..24_u32, u32::MAX - 4..=u32::MAX]
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn ranges_hold_what_a_set_would(tables in prop::collection::vec(number(), 0..30), from in number()) {
            let mut set = TableSet::default();
            set.extend(tables.iter().copied());
            let free = (from..=u32::MAX).find(|number| !tables.contains(number)).unwrap_or(u32::MAX);
            prop_assert_eq!(set.behind(from), free);
            let held: BTreeSet<u32> = set.ranges.iter().flat_map(|(first, last)| *first..=*last).collect();
            prop_assert_eq!(held, tables.into_iter().collect::<BTreeSet<_>>());
            let ends = set.ranges.values().zip(set.ranges.keys().skip(1));
            prop_assert!(ends.into_iter().all(|(last, next)| last + 1 < *next), "{:?}", set);
        }
    }
}
