//! Which of many like calls are written down in full, and how many were not: so that whoever repeats one neither fills a
//! disk nor leaves no trace. Pure: the time is an argument.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::{Duration, Instant};

/// How many calls are kept.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// Calls of one kind within this time belong together.
    pub window: Duration,
    /// So many of them are written down, the others are counted.
    pub first: u64,
    /// Most kinds of one group at a time; what else there is counts as one more kind.
    pub kinds: usize,
    /// Most groups at a time; what else there is counts as one more group.
    pub groups: usize,
}

/// The calls of the windows that have not ended. `K` is what makes calls alike within a group `G`; `T` stands for those that
/// are only counted.
#[derive(Debug)]
pub struct Tally<G, K, T> {
    rules: Rules,
    groups: HashMap<Option<G>, HashMap<Option<K>, Seen<T>>>,
}

#[derive(Debug)]
struct Seen<T> {
    began: Instant,
    written: u64,
    left_out: u64,
    /// The first one that was left out.
    example: Option<T>,
}

impl<G: Eq + Hash, K: Eq + Hash, T> Tally<G, K, T> {
    /// Without any calls.
    #[must_use]
    pub fn new(rules: Rules) -> Self {
        Self { rules, groups: HashMap::new() }
    }

    /// Counts a call; whether it is to be written down. `example` makes what stands for those that are not.
    pub fn note(&mut self, group: G, kind: K, now: Instant, example: impl FnOnce() -> T) -> bool {
        let group = Some(group);
        let is_room = self.groups.contains_key(&group) || self.groups.len() < self.rules.groups;
        let kinds = self.groups.entry(group.filter(|_| is_room)).or_default();
        let kind = Some(kind);
        let is_room = kinds.contains_key(&kind) || kinds.len() < self.rules.kinds;
        let seen = kinds.entry(kind.filter(|_| is_room)).or_insert_with(|| Seen {
            began: now,
            written: 0,
            left_out: 0,
            example: None,
        });
        if seen.written < self.rules.first {
            seen.written += 1;
            return true;
        }
        seen.left_out += 1;
        seen.example.get_or_insert_with(example);
        false
    }

    /// Forgets the windows that have ended, or all of them: the first call that each left out, and how many it stands for,
    /// itself included.
    pub fn ended(&mut self, now: Instant, all: bool) -> Vec<(T, u64)> {
        let mut counts = Vec::new();
        let window = self.rules.window;
        for kinds in self.groups.values_mut() {
            kinds.retain(|_, seen| {
                let is_open = !all && now.saturating_duration_since(seen.began) < window;
                if !is_open {
                    counts.extend(seen.example.take().map(|call| (call, seen.left_out)));
                }
                is_open
            });
        }
        self.groups.retain(|_, kinds| !kinds.is_empty());
        counts
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RULES: Rules = Rules { window: Duration::from_secs(60), first: 2, kinds: 3, groups: 2 };

    #[test]
    fn the_first_are_written_and_the_others_counted_until_the_window_ends() {
        let mut tally = Tally::new(RULES);
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let written: Vec<bool> = (0..5).map(|n| tally.note("a", "x", after(n), || n)).collect();
        assert_eq!(written, [true, true, false, false, false]);
        assert_eq!(tally.ended(after(59), false), []);
        assert_eq!(tally.ended(after(60), false), [(2, 3)]);
        assert!(tally.note("a", "x", after(61), || 0));
        assert_eq!(tally.ended(after(62), true), [], "nothing was left out");
    }

    proptest! {
        /// Whatever is called: every call is written or counted, and no more is written than the rules say.
        #[test]
        fn nothing_is_lost_and_the_written_ones_are_bounded(
            calls in proptest::collection::vec((0..9_u8, 0..9_u8, 0..3_u64), 0..400)
        ) {
            let mut tally = Tally::new(RULES);
            let mut now = Instant::now();
            let (began, total) = (now, calls.len() as u64);
            let (mut written, mut counted) = (0_u64, 0_u64);
            for (group, kind, seconds) in calls {
                now += Duration::from_secs(seconds);
                counted += tally.ended(now, false).iter().map(|(_, count)| count).sum::<u64>();
                written += u64::from(tally.note(group, kind, now, || ()));
            }
            let windows = (now - began).as_secs() / RULES.window.as_secs() + 1;
            counted += tally.ended(now, true).iter().map(|(_, count)| count).sum::<u64>();
            prop_assert_eq!(written + counted, total);
            // Each group has the kinds of the rules and one for all others; so has the group of all other groups.
            prop_assert!(written <= windows * 2 * 2 * 4 * 3);
        }
    }
}
