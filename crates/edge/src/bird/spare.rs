//! Kernel tables that a BIRD looks after before a routing domain has them. Pure.
//!
//! Where a kernel protocol starts BIRD looks at all links, which takes it seconds where there are thousands
//! ([`crate::limits::link_scan`]). So they are made while there are few links, or before BIRD knows of the links, and wait: one
//! more routing domain starts none. A spare one takes some 15 KB.

use std::collections::BTreeSet;

use crate::mark::TableRange;

/// What one process has at most, however many routing domains it may have.
const MOST: usize = 4096;

/// How many tables a process looks after, which may have `room` routing domains, where there are so many on the router. The
/// last step is taken while a look at the links takes some hundredth of a second.
#[must_use]
pub fn capacity(domains: usize, room: usize) -> usize {
    let capacity = match domains {
        0..=64 => 64,
        65..=256 => 256,
        257.. => MOST,
    };
    capacity.min(room)
}

/// The tables of a range that are none of these, from the lowest on: in the order in which a plan gives them.
pub fn free(range: TableRange, used: &BTreeSet<u32>) -> impl Iterator<Item = u32> {
    let end = range.first.saturating_add(range.count);
    let mut used = used.range(range.first..end).peekable();
    (range.first..end).filter(move |table| used.next_if_eq(&table).is_none())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_larger_router_has_more_in_store() {
        let check = |domains, room, expected| assert_eq!(capacity(domains, room), expected);
        check(0, 4096, 64);
        check(64, 4096, 64);
        check(65, 4096, 256);
        check(257, 4096, 4096);
        check(10_000, 4096, 4096);
        check(10_000, 100_000, 4096);
        check(10_000, 7, 7);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn free_is_what_nobody_uses(
            used in prop::collection::btree_set(0..40_u32, 0..30), first in 0..20_u32, count in 0..20_u32
        ) {
            let found: Vec<u32> = free(TableRange { first, count }, &used).collect();
            let expected: Vec<u32> = (first..first + count).filter(|table| !used.contains(table)).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
