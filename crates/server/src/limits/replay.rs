//! Requests that were answered before: whoever heard one on its way may send the same bytes again while its date is good.
//! Their signatures are remembered for as long. Pure: the time is an argument.

use std::collections::{BTreeMap, HashSet};

/// What is remembered of a signed request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signed {
    /// When it says that it was signed, in seconds of Unix time.
    pub at: i64,
    /// The signature.
    pub signature: [u8; 32],
}

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replayed {
    /// It was there before.
    Again,
    /// It is from before what is remembered.
    Unknown,
}

/// The signatures of a window.
#[derive(Debug)]
pub struct Replay {
    /// How long a request's date is good, in seconds, to both sides.
    window: i64,
    /// Most signatures.
    most: usize,
    /// What was signed up to here is no longer remembered, or never was.
    forgotten: i64,
    /// By the second of their signing.
    seen: BTreeMap<i64, HashSet<[u8; 32]>>,
    count: usize,
}

impl Replay {
    /// Knows nothing of what was signed before the second `start`.
    #[must_use]
    pub fn new(start: i64, window: i64, most: usize) -> Self {
        Self { window, most, forgotten: start - 1, seen: BTreeMap::new(), count: 0 }
    }

    /// Takes a request, and remembers it.
    ///
    /// # Errors
    ///
    /// If it was there before, or if that cannot be known.
    pub fn take(&mut self, signed: Signed, now: i64) -> Result<(), Replayed> {
        self.forget_before(now - self.window);
        if signed.at <= self.forgotten {
            return Err(Replayed::Unknown);
        }
        if !self.seen.entry(signed.at).or_default().insert(signed.signature) {
            return Err(Replayed::Again);
        }
        self.count += 1;
        while self.count > self.most {
            // Rather a late request refused than one taken twice.
            let Some((at, signatures)) = self.seen.pop_first() else { break };
            self.count -= signatures.len();
            self.forgotten = self.forgotten.max(at);
        }
        Ok(())
    }

    /// Whatever was signed before is refused for its date.
    fn forget_before(&mut self, at: i64) {
        let kept = self.seen.split_off(&at);
        let gone = std::mem::replace(&mut self.seen, kept);
        self.count -= gone.values().map(HashSet::len).sum::<usize>();
        self.forgotten = self.forgotten.max(at - 1);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn signed(at: i64, number: u8) -> Signed {
        Signed { at, signature: [number; 32] }
    }

    #[test]
    fn the_same_request_is_taken_once() {
        let mut replay = Replay::new(1000, 300, 100);
        let table = [
            (signed(1000, 1), 1000, Ok(())),
            (signed(1000, 1), 1000, Err(Replayed::Again)),
            (signed(1000, 2), 1000, Ok(())),
            (signed(1001, 1), 1001, Ok(())),
            (signed(1000, 1), 1300, Err(Replayed::Again)),
            (signed(1000, 1), 1301, Err(Replayed::Unknown)),
            // From before the start.
            (signed(999, 3), 1301, Err(Replayed::Unknown)),
            // A clock that is ahead.
            (signed(1600, 4), 1301, Ok(())),
            (signed(1600, 4), 1900, Err(Replayed::Again)),
        ];
        for (request, now, expected) in table {
            assert_eq!(replay.take(request, now), expected, "{request:?} at {now}");
        }
    }

    proptest! {
        /// However many there are, in whatever order: none is taken twice, and memory is bounded.
        #[test]
        fn none_is_taken_twice(
            requests in proptest::collection::vec((0..20_i64, 0..8_u8, 0..2_i64), 0..400),
        ) {
            let mut replay = Replay::new(0, 10, 16);
            let (mut taken, mut now) = (HashSet::new(), 0);
            for (late, number, passed) in requests {
                now += passed;
                let at = now + 10 - late;
                if replay.take(signed(at, number), now).is_ok() {
                    prop_assert!(taken.insert((at, number)), "{at} {number} at {now}");
                }
                let kept: usize = replay.seen.values().map(HashSet::len).sum();
                prop_assert!(kept == replay.count && kept <= 16);
            }
        }
    }
}
