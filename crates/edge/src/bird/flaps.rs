//! How much the routes of each session come and go. Pure.
//!
//! BIRD has no route flap damping (RFC 2439). Each change costs it a decision and a message to the kernel, so one customer's
//! router that withdraws and announces its prefixes without end takes a part of what all share. What RFC 2439 does for a route
//! is done here for a session, which is cheaper and cannot be got around with other prefixes: changes make a debt, time pays it off.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// What a session may do.
#[derive(Clone, Copy, Debug)]
pub struct Allowance {
    /// How many changes of routes at once.
    pub changes: u32,
    /// How long one change takes to be paid off.
    pub each: Duration,
}

/// The debts of sessions, by the names of their protocols.
#[derive(Debug, Default)]
pub struct Flaps {
    accounts: BTreeMap<String, Account>,
}

#[derive(Clone, Copy, Debug)]
struct Account {
    /// BIRD's count, which begins anew with each establishment.
    count: u64,
    debt: Duration,
    at: Instant,
}

impl Flaps {
    /// Counts how many updates and withdrawals were received of each session; the names of those that have changed more than
    /// they may. The count of a session that was not known before is where it begins: nobody knows since when it
    /// was reached.
    pub fn look<'a>(
        &mut self,
        sessions: impl IntoIterator<Item = (&'a str, u64)>,
        allowance: Allowance,
        now: Instant,
    ) -> Vec<String> {
        let mut before = std::mem::take(&mut self.accounts);
        let mut over = Vec::new();
        for (name, count) in sessions {
            let (name, mut account) = before.remove_entry(name).unwrap_or_else(|| {
                (name.to_owned(), Account { count, debt: Duration::ZERO, at: now })
            });
            let changes = count.checked_sub(account.count).unwrap_or(count);
            let made = allowance.each.saturating_mul(u32::try_from(changes).unwrap_or(u32::MAX));
            let paid = now.saturating_duration_since(account.at);
            account.debt = account.debt.saturating_add(made).saturating_sub(paid);
            (account.count, account.at) = (count, now);
            if account.debt > allowance.each.saturating_mul(allowance.changes) {
                over.push(name);
            } else {
                self.accounts.insert(name, account);
            }
        }
        over
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_changes_more_than_is_allowed_is_found() {
        let allowance = Allowance { changes: 100, each: Duration::from_secs(1) };
        // Seconds and counts; whether the last one is too much.
        let check = |story: &[(u64, u64)], expected: bool| {
            let (start, mut flaps) = (Instant::now(), Flaps::default());
            let mut last = false;
            for (second, count) in story {
                let now = start + Duration::from_secs(*second);
                last = !flaps.look([("a", *count), ("quiet", 7)], allowance, now).is_empty();
            }
            assert_eq!(last, expected, "{story:?}");
        };
        check(&[(0, 1_000_000)], false);
        check(&[(0, 0), (1, 101)], false);
        check(&[(0, 0), (1, 102)], true);
        // As much as is paid off, for ever.
        check(&[(0, 0), (100, 100), (200, 200), (300, 300), (400, 400)], false);
        check(&[(0, 0), (10, 60), (20, 120)], false);
        check(&[(0, 0), (10, 90), (20, 180)], true);
        // The session was established anew in between.
        check(&[(0, 500), (1, 100)], false);
        check(&[(0, 500), (1, 100), (2, 50)], true);
    }
}
