//! Moments that the configuration says, by the clock of the edge; nobody has to tell the edge that one has come.
//!
//! That clock may be set meanwhile: a moment comes no later than it would have by the clock as it was when the moment was first seen, and
//! what has come has come, even if the clock is set back.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use linkway_domain::Time;

/// When each moment comes at the latest, by what it is of and the moment that the configuration says.
#[derive(Debug)]
pub struct Moments<K> {
    ends: BTreeMap<(K, Time), Instant>,
}

impl<K> Default for Moments<K> {
    fn default() -> Self {
        Self { ends: BTreeMap::new() }
    }
}

impl<K: Ord + Clone> Moments<K> {
    /// How long it is until each of these, `longest` at most; zero: it has come. Those that are not among them are forgotten.
    pub fn left(
        &mut self,
        moments: impl IntoIterator<Item = (K, Time)>,
        longest: Duration,
        (clock, now): (Time, Instant),
    ) -> BTreeMap<K, Duration> {
        let before = std::mem::take(&mut self.ends);
        let mut all = BTreeMap::new();
        for moment in moments {
            let by_clock = moment.1.since(clock).min(longest);
            let end = before.get(&moment).copied().unwrap_or(now + by_clock);
            let left = by_clock.min(end.saturating_duration_since(now));
            all.insert(moment.0.clone(), left);
            // What is over stays over.
            self.ends.insert(moment, if left.is_zero() { now } else { end });
        }
        all
    }
}
