//! Slows down whoever tries signatures on an access key: after some failures in a row the key is
//! locked for that source, twice as long after each further failure. Counted per access key *and*
//! source address, since a key's id is no secret and must not be enough to lock its owner out
//! (decision record 0005). Nor must it be enough from the owner's own address, which may be a NAT's or a proxy's: while a
//! source is locked some signatures a second are still judged, and a right one gets through. Held in memory only: a restart
//! forgives.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::source::place;

/// When to lock and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LockoutRules {
    /// Failures in a row that lead to the first lock; 0 turns locking off.
    pub failures: u32,
    /// Length of the first lock.
    pub first_lock: Duration,
    /// No lock is longer than this; whoever was quiet for as long after a lock is forgotten.
    pub longest_lock: Duration,
    /// Sources remembered; beyond that the one whose last failure is the oldest is forgotten.
    pub entries: usize,
    /// Wrong signatures in a second after which, while a source is locked, no more are judged; at least 1.
    pub judged_per_second: u32,
}

impl Default for LockoutRules {
    fn default() -> Self {
        Self {
            failures: 5,
            first_lock: Duration::from_secs(1),
            longest_lock: Duration::from_secs(15 * 60),
            entries: 65_536,
            judged_per_second: 200,
        }
    }
}

/// Who failed: an access key as used from one place.
type Source = (Box<str>, IpAddr);

/// The failures of all sources. Shared by all requests; lives as long as the server.
pub struct Lockout {
    rules: LockoutRules,
    /// Entries in `inner`: while there are none, requests need no lock.
    count: AtomicUsize,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    entries: HashMap<Source, Entry>,
    /// Entries by the order of their last failure.
    order: BTreeMap<u64, Source>,
    next: u64,
}

struct Entry {
    failures: u32,
    locked_until: Option<Instant>,
    last: Instant,
    order: u64,
    /// The second in which wrong signatures are counted while it is locked, and how many there were.
    second: Instant,
    wrong: u32,
}

/// What a lock lets through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lock {
    /// There is none.
    Open,
    /// There is one for this long, but this signature is judged: a right one gets through.
    Judged(Duration),
    /// There is one for this long, and enough signatures of this second were wrong.
    Shut(Duration),
}

impl Lockout {
    /// Nobody has failed yet.
    #[must_use]
    pub fn new(rules: LockoutRules) -> Self {
        Self { rules, count: AtomicUsize::new(0), inner: Mutex::default() }
    }

    /// What becomes of a signature with this key from this source. Ask before it is verified, and do not verify it where
    /// the lock is shut.
    #[must_use]
    pub fn lock_of(&self, key: &str, source: IpAddr, now: Instant) -> Lock {
        if self.count.load(Ordering::Relaxed) == 0 {
            return Lock::Open;
        }
        let mut inner = self.lock();
        let Some(entry) = inner.entries.get_mut(&(key.into(), place(source))) else {
            return Lock::Open;
        };
        let until = entry.locked_until.unwrap_or(now);
        let left = until.saturating_duration_since(now);
        if left.is_zero() {
            return Lock::Open;
        }
        if entry.wrong_within(now) >= self.rules.judged_per_second.max(1) {
            return Lock::Shut(left);
        }
        Lock::Judged(left)
    }

    /// A signature that was judged although its source is locked was wrong. The lock does not grow: whoever sends wrong
    /// ones is not the only one who is locked.
    pub fn failed_while_locked(&self, key: &str, source: IpAddr, now: Instant) {
        let mut inner = self.lock();
        if let Some(entry) = inner.entries.get_mut(&(key.into(), place(source))) {
            entry.wrong = entry.wrong_within(now) + 1;
        }
    }

    /// A signature with this key was wrong. Call it only with keys that exist. Answers how long the
    /// key is locked for this source now.
    pub fn failed(&self, key: &str, source: IpAddr, now: Instant) -> Option<Duration> {
        if self.rules.failures == 0 || self.rules.entries == 0 {
            return None;
        }
        let mut inner = self.lock();
        let source = (key.into(), place(source));
        let failures = match inner.remove(&source) {
            Some(entry) if !self.is_forgotten(&entry, now) => entry.failures.saturating_add(1),
            Some(_) | None => 1,
        };
        inner.remove_forgotten(|entry| self.is_forgotten(entry, now));
        if inner.entries.len() >= self.rules.entries {
            inner.remove_oldest();
        }
        let lock = lock_after(&self.rules, failures);
        let locked_until = lock.and_then(|lock| now.checked_add(lock));
        inner.insert(source, failures, locked_until, now);
        self.count.store(inner.entries.len(), Ordering::Relaxed);
        lock
    }

    /// A signature with this key was right: forget its failures from this source.
    pub fn succeeded(&self, key: &str, source: IpAddr) {
        if self.count.load(Ordering::Relaxed) == 0 {
            return;
        }
        let mut inner = self.lock();
        inner.remove(&(key.into(), place(source)));
        self.count.store(inner.entries.len(), Ordering::Relaxed);
    }

    /// Sources remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// Whether no source is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn is_forgotten(&self, entry: &Entry, now: Instant) -> bool {
        let quiet_since = entry.locked_until.unwrap_or(entry.last);
        now.saturating_duration_since(quiet_since) >= self.rules.longest_lock
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    /// Wrong signatures of the current second, which may begin with this call.
    fn wrong_within(&mut self, now: Instant) -> u32 {
        if now.saturating_duration_since(self.second) >= Duration::from_secs(1) {
            (self.second, self.wrong) = (now, 0);
        }
        self.wrong
    }
}

impl Inner {
    fn insert(&mut self, source: Source, failures: u32, until: Option<Instant>, now: Instant) {
        let order = self.next;
        self.next += 1;
        self.order.insert(order, source.clone());
        let entry =
            Entry { failures, locked_until: until, last: now, order, second: now, wrong: 0 };
        self.entries.insert(source, entry);
    }

    fn remove(&mut self, source: &Source) -> Option<Entry> {
        let entry = self.entries.remove(source)?;
        self.order.remove(&entry.order);
        Some(entry)
    }

    /// Some of the oldest, if their time is over: so that the map empties once the attempts end.
    fn remove_forgotten(&mut self, is_forgotten: impl Fn(&Entry) -> bool) {
        for _ in 0..4 {
            let oldest = self.order.values().next();
            match oldest.and_then(|source| self.entries.get(source)) {
                Some(entry) if is_forgotten(entry) => self.remove_oldest(),
                Some(_) | None => return,
            }
        }
    }

    fn remove_oldest(&mut self) {
        if let Some((_, source)) = self.order.pop_first() {
            self.entries.remove(&source);
        }
    }
}

/// The lock that follows this many failures in a row.
fn lock_after(rules: &LockoutRules, failures: u32) -> Option<Duration> {
    let doublings = failures.checked_sub(rules.failures)?;
    let factor = 1_u32.checked_shl(doublings).unwrap_or(u32::MAX);
    Some(rules.first_lock.saturating_mul(factor).min(rules.longest_lock))
}

#[cfg(test)]
mod tests {
    use super::*;

    enum Step {
        /// A wrong signature; the lock that follows, in seconds.
        Fail(u64),
        /// A right one.
        Succeed,
        /// The lock that is left, in seconds.
        Left(u64),
    }
    use Step::{Fail, Left, Succeed};

    const OWNER: &str = "192.0.2.1";
    const STRANGER: &str = "198.51.100.7";

    fn check(name: &str, steps: &[(u64, &str, Step)]) {
        let start = Instant::now();
        let lockout = Lockout::new(LockoutRules::default());
        for (index, (second, source, step)) in steps.iter().enumerate() {
            let (now, ip) = (start + Duration::from_secs(*second), source.parse().unwrap());
            let seconds = |lock: Option<Duration>| lock.map_or(0, |lock| lock.as_secs());
            match step {
                Fail(expected) => {
                    let lock = seconds(lockout.failed("AK", ip, now));
                    assert_eq!(lock, *expected, "{name}: step {index}");
                }
                Left(expected) => {
                    let lock = match lockout.lock_of("AK", ip, now) {
                        Lock::Open => 0,
                        Lock::Judged(left) | Lock::Shut(left) => left.as_secs(),
                    };
                    assert_eq!(lock, *expected, "{name}: step {index}");
                }
                Succeed => lockout.succeeded("AK", ip),
            }
        }
    }

    fn four_failures() -> Vec<(u64, &'static str, Step)> {
        (0..4).map(|_| (0, OWNER, Fail(0))).collect()
    }

    fn after_four(
        more: impl IntoIterator<Item = (u64, &'static str, Step)>,
    ) -> Vec<(u64, &'static str, Step)> {
        four_failures().into_iter().chain(more).collect()
    }

    #[test]
    fn locks_grow_and_end() {
        check("four are free", &after_four([(0, OWNER, Left(0))]));
        check(
            "the fifth locks, each further one twice as long",
            &after_four([
                (0, OWNER, Fail(1)),
                (0, OWNER, Left(1)),
                (1, OWNER, Left(0)),
                (1, OWNER, Fail(2)),
                (2, OWNER, Left(1)),
                (3, OWNER, Fail(4)),
                (7, OWNER, Fail(8)),
            ]),
        );
        let twenty = (0..20).map(|doubling| (0, OWNER, Fail((1 << doubling).min(900))));
        check("never longer than 15 minutes", &after_four(twenty));
        check(
            "no overflow",
            &after_four((0..80).map(|n| (0, OWNER, Fail((1 << n.min(10)).min(900))))),
        );
        check(
            "success resets",
            &after_four([(0, OWNER, Fail(1)), (2, OWNER, Succeed), (2, OWNER, Fail(0))]),
        );
        check(
            "only for the source that failed",
            &after_four([(0, OWNER, Fail(1)), (0, STRANGER, Left(0)), (0, STRANGER, Fail(0))]),
        );
        check(
            "someone else's success resets nothing",
            &after_four([(0, STRANGER, Succeed), (0, OWNER, Fail(1))]),
        );
        check("forgotten after a quiet time", &after_four([(900, OWNER, Fail(0))]));
        check("not forgotten before", &after_four([(899, OWNER, Fail(1))]));
    }

    #[test]
    fn the_map_is_bounded_and_drops_the_oldest() {
        let rules = LockoutRules { failures: 1, entries: 100, ..LockoutRules::default() };
        let (lockout, now) = (Lockout::new(rules), Instant::now());
        let ip = OWNER.parse().unwrap();
        for index in 0..100 {
            lockout.failed(&index.to_string(), ip, now);
        }
        // The first one fails again and is the youngest now.
        lockout.failed("0", ip, now);
        for index in 100..150 {
            lockout.failed(&index.to_string(), ip, now);
        }
        assert_eq!(lockout.len(), 100);
        let locked = |index: i32| lockout.lock_of(&index.to_string(), ip, now) != Lock::Open;
        let kept: Vec<_> = (0..150).filter(|index| locked(*index)).collect();
        let expected: Vec<_> = [0].into_iter().chain(51..150).collect();
        assert_eq!(kept, expected);
        assert_eq!(lockout.lock().order.len(), 100);
    }

    #[test]
    fn while_it_is_locked_so_many_wrong_signatures_are_judged_in_a_second() {
        let rules = LockoutRules { failures: 1, judged_per_second: 3, ..LockoutRules::default() };
        let (lockout, start) = (Lockout::new(rules), Instant::now());
        let ip = OWNER.parse().unwrap();
        // Locks of 1, 2, 4 and 8 seconds.
        for _ in 0..4 {
            lockout.failed("AK", ip, start);
        }
        for second in 0..7 {
            for number in 0..5 {
                let now = start + Duration::from_secs(second) + Duration::from_millis(number);
                // Any number of right ones.
                for _ in 0..10 {
                    let lock = lockout.lock_of("AK", ip, now);
                    assert_eq!(matches!(lock, Lock::Judged(_)), number < 3, "{second} {number}");
                    assert_ne!(lock, Lock::Open);
                }
                lockout.failed_while_locked("AK", ip, now);
            }
        }
        assert_eq!(lockout.lock_of("AK", ip, start + Duration::from_secs(8)), Lock::Open);
    }

    #[test]
    fn zero_failures_turn_it_off() {
        let lockout = Lockout::new(LockoutRules { failures: 0, ..LockoutRules::default() });
        let ip = OWNER.parse().unwrap();
        assert_eq!(lockout.failed("AK", ip, Instant::now()), None);
        assert!(lockout.is_empty());
    }
}
