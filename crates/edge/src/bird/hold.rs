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

/// How long, in seconds, a BIRD that starts in the place of another waits for sessions before it announces anything: until every
/// session that it was started with is heard, and so long at most (RFC 4724, section 4.1). Customers that use BFD have no routes
/// meanwhile, and what is announced to one depends on no other: so it is as long as sessions take to come back, which many
/// take longer to, and no longer than the operator says.
#[must_use]
pub fn recovery_seconds(sessions: usize, longest: u16) -> u16 {
    const LEAST: usize = 5;
    const A_SECOND: usize = 100;
    u16::try_from(LEAST + sessions / A_SECOND).map_or(longest, |seconds| seconds.min(longest))
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
    fn many_sessions_are_waited_for_longer() {
        let check = |sessions, longest, expected| {
            assert_eq!(recovery_seconds(sessions, longest), expected, "{sessions}");
        };
        check(1, 30, 5);
        check(1_000, 30, 15);
        check(10_000, 30, 30);
        check(usize::MAX, 30, 30);
        check(1, 3, 3);
    }
}
