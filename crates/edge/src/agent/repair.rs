//! The daemon's routes that the kernel does not have as the daemon has them. Pure.
//!
//! The daemon does not look for them by itself: before it reads a table it reads all links, which takes it seconds where there are
//! thousands. So the agent tells it which tables to repair: those in which the kernel has told of somebody else's change, and
//! those in which the number of routes is not the daemon's, twice with the same numbers, since routes come and go between two looks.

use std::collections::{BTreeMap, BTreeSet};

use linkway_domain::net::AddressFamily;

use crate::kernel::{Meddling, RouteCounts};

/// What is to be repaired.
#[derive(Debug, Default)]
pub struct Repair {
    /// Tables.
    due: BTreeSet<u32>,
    /// Where the numbers differed at the last audit: the kernel's and the daemon's.
    differed: BTreeMap<(u32, AddressFamily), (u32, u32)>,
    /// The same for those that were repaired and may still differ: the kernel refuses a route perhaps, which is not tried without end.
    tried: BTreeMap<(u32, AddressFamily), (u32, u32)>,
    /// Whether news were lost that only an audit can make up for.
    lost: bool,
}

impl Repair {
    /// Somebody else has changed routes.
    pub fn hear(&mut self, meddling: Meddling) {
        self.due.extend(meddling.tables);
        self.lost |= meddling.lost;
    }

    /// Whether numbers should be compared soon.
    #[must_use]
    pub fn wants_audit(&self) -> bool {
        self.lost || !self.differed.is_empty()
    }

    /// The kernel's numbers and the daemon's, which has those only of the tables that it looks after.
    pub fn audit(&mut self, kernel: &RouteCounts, daemon: &RouteCounts) {
        let numbers = daemon.iter().map(|(table, exported)| {
            (*table, (kernel.get(table).copied().unwrap_or_default(), *exported))
        });
        let mut differ: BTreeMap<_, _> = numbers.filter(|(_, (has, wants))| has != wants).collect();
        self.tried.retain(|table, numbers| differ.get(table) == Some(numbers));
        differ.retain(|table, _| !self.tried.contains_key(table));
        let twice = |table: &_, now: &_| self.differed.get(table) == Some(now);
        let (again, once): (BTreeMap<_, _>, _) =
            differ.into_iter().partition(|(table, now)| twice(table, now));
        self.due.extend(again.keys().map(|(table, _)| *table));
        self.tried.extend(again);
        self.differed = once;
        self.lost = false;
    }

    /// The next tables to be repaired, at most so many.
    #[must_use]
    pub fn next(&self, at_most: usize) -> BTreeSet<u32> {
        self.due.iter().take(at_most).copied().collect()
    }

    /// The daemon repairs these.
    pub fn done(&mut self, tables: &BTreeSet<u32>) {
        self.due.retain(|table| !tables.contains(table));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOUR: AddressFamily = AddressFamily::Ipv4;
    const SIX: AddressFamily = AddressFamily::Ipv6;

    #[test]
    fn what_others_changed_is_repaired_a_part_at_a_time() {
        let mut repair = Repair::default();
        repair.hear(Meddling { tables: [7, 1, 5].into(), lost: false });
        assert!(!repair.wants_audit());
        let first = repair.next(2);
        assert_eq!(first, [1, 5].into());
        // A failure leaves them due.
        assert_eq!(repair.next(2), first);
        repair.done(&first);
        repair.hear(Meddling { tables: [5].into(), lost: true });
        assert_eq!(repair.next(9), [5, 7].into());
        assert!(repair.wants_audit());
    }

    #[test]
    fn numbers_that_differ_twice_in_the_same_way_are_repaired() {
        /// The numbers of table 1 for IPv4 in the kernel and the daemon at each audit; whether it is repaired after the last.
        fn check(story: &[(u32, u32)], expected: bool) {
            let mut repair = Repair::default();
            for (kernel, daemon) in story {
                let kernel = [((1, FOUR), *kernel), ((1, SIX), 2), ((9, FOUR), 4)].into();
                repair.audit(&kernel, &[((1, FOUR), *daemon), ((1, SIX), 2)].into());
            }
            assert_eq!(repair.next(9).contains(&1), expected, "{story:?}");
        }
        check(&[(3, 3), (3, 3)], false);
        check(&[(2, 3)], false);
        check(&[(2, 3), (2, 3)], true);
        check(&[(0, 1), (0, 1)], true);
        check(&[(4, 3), (4, 3)], true);
        check(&[(2, 3), (2, 3), (3, 3)], true);
        // They come and go.
        check(&[(2, 3), (3, 4), (4, 5)], false);
        check(&[(2, 3), (3, 3), (2, 3)], false);
    }

    #[test]
    fn what_stays_different_after_a_repair_is_not_repaired_again() {
        let mut repair = Repair::default();
        let mut audit = |kernel: u32, daemon: u32| {
            repair.audit(&[((1, FOUR), kernel)].into(), &[((1, FOUR), daemon)].into());
            let due = repair.next(9);
            repair.done(&due);
            (!due.is_empty(), repair.wants_audit())
        };
        assert_eq!(audit(2, 3), (false, true));
        assert_eq!(audit(2, 3), (true, false));
        assert_eq!(audit(2, 3), (false, false));
        assert_eq!(audit(2, 3), (false, false));
        // Other numbers, or the same after it was right.
        assert_eq!(audit(1, 3), (false, true));
        assert_eq!(audit(1, 3), (true, false));
        assert_eq!(audit(3, 3), (false, false));
        assert_eq!(audit(1, 3), (false, true));
        assert_eq!(audit(1, 3), (true, false));
    }

    #[test]
    fn lost_news_are_made_up_for_by_an_audit() {
        let mut repair = Repair::default();
        repair.hear(Meddling { tables: BTreeSet::new(), lost: true });
        assert!(repair.wants_audit());
        repair.audit(&[((1, FOUR), 1)].into(), &[((1, FOUR), 1)].into());
        assert!(!repair.wants_audit());
    }
}
