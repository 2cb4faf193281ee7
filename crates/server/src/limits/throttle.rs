//! Token buckets per access key and per account. A bucket is one number, the moment at which it
//! would be full again ("virtual scheduling", ITU-T I.371's GCRA), in sharded maps that forget full
//! buckets: a full bucket and no bucket say the same. governor's keyed limiter was considered: it
//! forgets only when told to walk the whole map, it cannot take from two buckets at once or from
//! neither, and has no bound.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Rates; 0 a second turns a limit off.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rates {
    /// Requests a second of one access key.
    pub key_per_second: f64,
    /// Requests of one access key at once after a pause.
    pub key_burst: u32,
    /// Requests a second of one account.
    pub account_per_second: f64,
    /// Requests of one account at once after a pause.
    pub account_burst: u32,
}

/// Which limit refused a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// That of the access key.
    Key,
    /// That of the account.
    Account,
    /// What the account may have in flight ([`super::in_flight`]).
    InFlight,
}

impl Scope {
    /// The word for metrics.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Account => "account",
            Self::InFlight => "in_flight",
        }
    }
}

/// A request is refused for now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Throttled {
    /// By which limit.
    pub scope: Scope,
    /// When there will be room for one.
    pub retry_after: Duration,
}

const SHARDS: usize = 16;
/// Buckets per shard; one that is needed beyond this replaces another one, which thereby becomes
/// full.
const SHARD_CAPACITY: usize = 64 * 1024;
/// Shards are not swept below this size.
const FIRST_SWEEP: usize = 64;

/// All buckets. Shared by all requests; lives as long as the server.
pub struct Throttle {
    start: Instant,
    keys: Option<Buckets>,
    accounts: Option<Buckets>,
}

impl Throttle {
    /// Empty maps: every bucket is full. `start` is any moment before those given later.
    #[must_use]
    pub fn new(rates: Rates, start: Instant) -> Self {
        Self {
            start,
            keys: Buckets::new(rates.key_per_second, rates.key_burst),
            accounts: Buckets::new(rates.account_per_second, rates.account_burst),
        }
    }

    /// Takes a token from both buckets, or from neither. Call it only with keys that exist, so that
    /// strangers cannot fill the maps.
    pub fn admit(&self, key: &str, account: &str, now: Instant) -> Result<(), Throttled> {
        let now = nanos(now.saturating_duration_since(self.start));
        // Always in this order, so that two requests never wait for each other.
        charge(&self.keys, Scope::Key, key, now, || {
            charge(&self.accounts, Scope::Account, account, now, || Ok(()))
        })
    }

    /// Takes more tokens from both buckets for a request that was admitted and cost more than one, even if there are none
    /// left: the next requests wait for them.
    pub fn charge(&self, key: &str, account: &str, tokens: u32, now: Instant) {
        let now = nanos(now.saturating_duration_since(self.start));
        for (buckets, name) in [(&self.keys, key), (&self.accounts, account)] {
            let Some(buckets) = buckets else { continue };
            let cost = buckets.interval.saturating_mul(u64::from(tokens));
            let mut shard = buckets.shard(name);
            let full_at = shard.full_at.get(name).copied().unwrap_or(0);
            let after = full_at.max(now).saturating_add(cost);
            shard.insert(name, after, now);
        }
    }

    /// Number of buckets held.
    #[must_use]
    pub fn len(&self) -> usize {
        let count = |buckets: &Option<Buckets>| {
            buckets.iter().flat_map(|buckets| &buckets.shards).map(|s| lock(s).full_at.len()).sum()
        };
        let (keys, accounts): (usize, usize) = (count(&self.keys), count(&self.accounts));
        keys + accounts
    }

    /// Whether no bucket is held: nobody sent anything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Takes a token if the rest of the charge succeeds too.
fn charge(
    buckets: &Option<Buckets>,
    scope: Scope,
    name: &str,
    now: u64,
    rest: impl FnOnce() -> Result<(), Throttled>,
) -> Result<(), Throttled> {
    let Some(buckets) = buckets else { return rest() };
    let take = |full_at| {
        buckets.take(full_at, now).map_err(|nanos| {
            let retry_after = Duration::from_nanos(nanos);
            Throttled { scope, retry_after }
        })
    };
    let mut shard = buckets.shard(name);
    if let Some(full_at) = shard.full_at.get_mut(name) {
        let after = take(*full_at)?;
        rest()?;
        *full_at = after;
    } else {
        let after = take(0)?;
        rest()?;
        shard.insert(name, after, now);
    }
    Ok(())
}

struct Buckets {
    /// Nanoseconds in which one token comes back.
    interval: u64,
    /// Nanoseconds in which an empty bucket is full.
    tolerance: u64,
    shards: Vec<Mutex<Shard>>,
}

struct Shard {
    full_at: HashMap<Box<str>, u64>,
    next_sweep: usize,
}

impl Buckets {
    fn new(per_second: f64, burst: u32) -> Option<Self> {
        if per_second <= 0.0 {
            return None;
        }
        let interval = nanos(Duration::from_secs_f64(1.0 / per_second)).max(1);
        let shard = || Mutex::new(Shard { full_at: HashMap::new(), next_sweep: FIRST_SWEEP });
        Some(Self {
            interval,
            tolerance: interval.saturating_mul(u64::from(burst.max(1))),
            shards: (0..SHARDS).map(|_| shard()).collect(),
        })
    }

    fn shard(&self, name: &str) -> MutexGuard<'_, Shard> {
        // Names are given out at random by this server: anything that spreads them will do.
        let spread = |sum: usize, byte: u8| sum.wrapping_mul(31).wrapping_add(usize::from(byte));
        lock(&self.shards[name.bytes().fold(0, spread) % SHARDS])
    }

    /// When the bucket is full again once a token was taken, or how long until there is one.
    fn take(&self, full_at: u64, now: u64) -> Result<u64, u64> {
        let after = full_at.max(now).saturating_add(self.interval);
        let limit = now.saturating_add(self.tolerance);
        if after <= limit { Ok(after) } else { Err(after - limit) }
    }
}

impl Shard {
    fn insert(&mut self, name: &str, full_at: u64, now: u64) {
        if self.full_at.len() >= self.next_sweep {
            self.full_at.retain(|_, full_at| *full_at > now);
            // Twice what is left: a sweep is paid for by as many insertions.
            self.next_sweep = (self.full_at.len() * 2).clamp(FIRST_SWEEP, SHARD_CAPACITY);
        }
        if self.full_at.len() >= SHARD_CAPACITY {
            let any = self.full_at.keys().next().cloned();
            any.map(|name| self.full_at.remove(&name));
        }
        self.full_at.insert(name.into(), full_at);
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    // A panic cannot leave a number half-written.
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFF: Rates =
        Rates { key_per_second: 0.0, key_burst: 1, account_per_second: 0.0, account_burst: 1 };

    fn keys(per_second: f64, burst: u32) -> Rates {
        Rates { key_per_second: per_second, key_burst: burst, ..OFF }
    }

    /// Requests as (milliseconds, key, account); the answer of each, `-` for admitted.
    fn check(rates: Rates, requests: &[(u64, &str, &str)], expected: &[&str]) {
        let start = Instant::now();
        let throttle = Throttle::new(rates, start);
        for (index, ((millis, key, account), expected)) in requests.iter().zip(expected).enumerate()
        {
            let now = start + Duration::from_millis(*millis);
            let answer = match throttle.admit(key, account, now) {
                Ok(()) => "-".to_owned(),
                Err(refused) => {
                    format!("{} {}", refused.scope.label(), refused.retry_after.as_millis())
                }
            };
            assert_eq!(&answer, expected, "request {index} of {requests:?}");
        }
        assert_eq!(requests.len(), expected.len());
    }

    #[test]
    fn buckets_empty_and_fill() {
        check(OFF, &[(0, "k", "a"); 50], &["-"; 50]);
        check(
            keys(10.0, 2),
            &[(0, "k", "a"), (0, "k", "a"), (0, "k", "a"), (99, "k", "a"), (100, "k", "a")],
            &["-", "-", "key 100", "key 1", "-"],
        );
        check(
            keys(10.0, 1),
            &[(0, "k", "a"), (0, "l", "a"), (0, "k", "a")],
            &["-", "-", "key 100"],
        );
        check(
            keys(0.5, 1),
            &[(0, "k", "a"), (1000, "k", "a"), (2000, "k", "a"), (90_000, "k", "a")],
            &["-", "key 1000", "-", "-"],
        );
        check(keys(10.0, 0), &[(0, "k", "a"), (0, "k", "a")], &["-", "key 100"]);
    }

    #[test]
    fn a_refusal_by_the_account_costs_the_key_nothing() {
        let rates =
            Rates { key_per_second: 1.0, key_burst: 2, account_per_second: 10.0, account_burst: 1 };
        check(
            rates,
            &[(0, "k", "a"), (0, "k", "a"), (0, "l", "a"), (100, "k", "a"), (200, "k", "a")],
            &["-", "account 100", "account 100", "-", "key 800"],
        );
    }

    #[test]
    fn what_a_request_cost_beyond_one_token_is_taken_afterwards() {
        let start = Instant::now();
        let rates =
            Rates { key_per_second: 10.0, key_burst: 2, account_per_second: 5.0, account_burst: 9 };
        let throttle = Throttle::new(rates, start);
        throttle.charge("k", "a", 4, start);
        let refused = throttle.admit("k", "a", start).unwrap_err();
        assert_eq!((refused.scope, refused.retry_after.as_millis()), (Scope::Key, 300));
        assert_eq!(throttle.admit("k", "a", start + Duration::from_millis(300)), Ok(()));
        throttle.charge("k", "a", 0, start);
        throttle.charge("other", "a", 9, start);
        let refused = throttle.admit("third", "a", start + Duration::from_millis(300)).unwrap_err();
        assert_eq!(refused.scope, Scope::Account);
        assert_eq!(throttle.admit("k", "b", start + Duration::from_millis(400)), Ok(()));
    }

    #[test]
    fn idle_buckets_are_forgotten_and_memory_is_bounded() {
        let start = Instant::now();
        let throttle = Throttle::new(keys(1.0, 1), start);
        for index in 0..100_000_u64 {
            let now = start + Duration::from_millis(index * 100);
            assert_eq!(throttle.admit(&format!("key {index}"), "a", now), Ok(()));
        }
        assert!(throttle.len() <= SHARDS * FIRST_SWEEP, "{} buckets", throttle.len());
    }

    #[test]
    fn a_full_shard_takes_a_new_bucket_in_place_of_another() {
        let mut shard = Shard { full_at: HashMap::new(), next_sweep: FIRST_SWEEP };
        for index in 0..=SHARD_CAPACITY {
            shard.insert(&index.to_string(), u64::MAX, 0);
        }
        assert_eq!(shard.full_at.len(), SHARD_CAPACITY);
        assert_eq!(shard.full_at[&*SHARD_CAPACITY.to_string()], u64::MAX);
    }

    #[test]
    fn concurrent_requests_never_get_more_than_the_burst() {
        let start = Instant::now();
        let throttle = Throttle::new(keys(0.001, 1000), start);
        let admitted: usize = std::thread::scope(|scope| {
            let worker = || (0..1000).filter(|_| throttle.admit("k", "a", start).is_ok()).count();
            let workers: Vec<_> = (0..4).map(|_| scope.spawn(worker)).collect();
            workers.into_iter().map(|worker| worker.join().unwrap()).sum()
        });
        assert_eq!(admitted, 1000);
    }
}
