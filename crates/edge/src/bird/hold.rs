//! What becomes of the kernel's routes when a BIRD takes the place of one that has died.
//!
//! They forward while BIRD is away. The new one compares them with what it has learned, and removes the rest: after its
//! graceful-restart recovery, which waits for the end of each customer's announcements (RFC 4724, section 4.1). But a
//! customer's router that only *helps* others to restart (FRR as it comes) names no family in its capability, and BIRD then does not wait
//! for it. So a BIRD that takes over is started with its kernel protocols disabled, and they are enabled once all sessions
//! have been up for a moment, or after as long as the recovery may take.

use std::time::{Duration, Instant};

use super::parse::Protocol;

/// How long sessions have been up when their routes can be expected to be there.
const ROUTES_WITHIN: Duration = Duration::from_secs(3);

/// How long after the last session has come up the others are not waited for. Ours tries each second at first.
const STRAGGLERS: Duration = Duration::from_secs(4);

/// For how long one look speaks.
const PACE: Duration = Duration::from_millis(1500);

/// Whether the kernel's routes are held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// It was not looked yet: an agent before this one may have begun it.
    Unknown,
    /// They are not.
    No,
    /// They are.
    Since {
        /// From when on, as far as this agent knows.
        start: Instant,
        /// From when on all sessions have been up.
        all_up: Option<Instant>,
    },
}

impl Hold {
    /// It begins.
    #[must_use]
    pub const fn begin(now: Instant) -> Self {
        Self::Since { start: now, all_up: None }
    }

    /// Whether it is on.
    #[must_use]
    pub const fn is_on(self) -> bool {
        matches!(self, Self::Since { .. })
    }

    /// As the daemon's kernel protocols have it.
    #[must_use]
    pub fn found(protocols: &[Protocol], now: Instant) -> Self {
        match protocols.iter().any(|protocol| protocol.state == "down") {
            true => Self::begin(now),
            false => Self::No,
        }
    }

    /// What it is after the sessions were seen, and whether it is over: `all` is whether all that are expected are up, `longest` how
    /// long it may be.
    #[must_use]
    pub fn after(self, all: bool, longest: Duration, now: Instant) -> (Self, bool) {
        let Self::Since { start, all_up } = self else { return (self, false) };
        let all_up = all.then(|| all_up.unwrap_or(now));
        let over =
            all_up.is_some_and(|since| now >= since + ROUTES_WITHIN) || now >= start + longest;
        (Self::Since { start, all_up }, over)
    }
}

/// BIRD's recovery after a graceful restart, which holds back what is announced until every session that was started with it is
/// heard (RFC 4724, section 4.1). Customers that use BFD have no routes meanwhile; what is announced to one
/// does not depend on what another says; so those that stay away are waited for only while others still come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recovery {
    /// There is none to be waited for.
    Over,
    /// It goes on.
    Waiting {
        /// How many sessions are up.
        up: usize,
        /// For how long it is not more. A look counts for [`PACE`] at most: a BIRD that is too busy to answer is too busy for
        /// sessions too.
        quiet: Duration,
        /// When it was looked.
        at: Instant,
    },
}

impl Recovery {
    /// It begins.
    #[must_use]
    pub const fn begin(now: Instant) -> Self {
        Self::Waiting { up: 0, quiet: Duration::ZERO, at: now }
    }

    /// What it is when so many sessions are up, and whether that has ended it. While none is up nobody misses anything.
    #[must_use]
    pub fn after(self, now_up: usize, now: Instant) -> (Self, bool) {
        let Self::Waiting { up, quiet, at } = self else { return (Self::Over, false) };
        if now_up == 0 || now_up > up {
            return (Self::Waiting { up: now_up, quiet: Duration::ZERO, at: now }, false);
        }
        let quiet = quiet + now.saturating_duration_since(at).min(PACE);
        match quiet >= STRAGGLERS {
            true => (Self::Over, true),
            false => (Self::Waiting { up, quiet, at: now }, false),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_ends_a_moment_after_all_sessions_are_up_or_when_time_is_over() {
        let longest = Duration::from_secs(30);
        // Seconds after the start, whether all are up, whether it is over.
        let story = [
            (0, false, false),
            (6, true, false),
            (7, false, false),
            (10, true, false),
            (12, true, false),
            (13, true, true),
            (20, false, false),
            (31, false, true),
        ];
        let start = Instant::now();
        let mut hold = Hold::begin(start);
        for (second, all, over) in story {
            let now = start + Duration::from_secs(second);
            let after = hold.after(all, longest, now);
            assert_eq!(after.1, over, "after {second} s");
            hold = after.0;
        }
    }

    #[test]
    fn those_that_stay_away_are_waited_for_while_others_come() {
        // Seconds after the start, how many are up, whether that ends it.
        let story = [
            (0, 0, false),
            (30, 1, false),
            (31, 2, false),
            (32, 2, false),
            (52, 1, false),
            (53, 2, false),
            (54, 2, true),
            (60, 2, false),
        ];
        let start = Instant::now();
        let mut recovery = Recovery::begin(start);
        for (second, up, over) in story {
            let after = recovery.after(up, start + Duration::from_secs(second));
            assert_eq!(after.1, over, "after {second} s");
            recovery = after.0;
        }
    }
}
