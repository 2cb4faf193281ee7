//! What becomes of the kernel's routes when a BIRD takes the place of one that has died.
//!
//! They forward while BIRD is away. The new one compares them with what it has learned, and removes the rest: after its
//! graceful-restart recovery, which waits for the end of each customer's announcements (RFC 4724, section 4.1). But a
//! customer's router that only *helps* others to restart (FRR as it comes) names no family in its capability, and BIRD then does not wait
//! for it. So a BIRD that takes over is started with its kernel protocols disabled, and they are enabled once all sessions
//! have been up for a moment, or after as long as the recovery may take.

use std::time::{Duration, Instant};

use linkway_domain::edge::{PeerStatus, SessionState};

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

    /// What it is after the sessions were seen, and whether it is over. `longest` is how long it may be.
    #[must_use]
    pub fn after<'a>(
        self,
        mut peers: impl Iterator<Item = &'a PeerStatus>,
        longest: Duration,
        now: Instant,
    ) -> (Self, bool) {
        let Self::Since { start, all_up } = self else { return (self, false) };
        // One that the limit has shut does not come.
        let all = peers.all(|peer| {
            matches!(peer.state, SessionState::Established | SessionState::PrefixLimit)
        });
        let all_up = all.then(|| all_up.unwrap_or(now));
        let over =
            all_up.is_some_and(|since| now >= since + ROUTES_WITHIN) || now >= start + longest;
        (Self::Since { start, all_up }, over)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use linkway_domain::net::AddressFamily;

    fn peer(state: SessionState) -> PeerStatus {
        PeerStatus {
            bgp_peer_id: None,
            address_family: AddressFamily::Ipv4,
            state,
            prefixes_accepted: 0,
            prefixes_rejected: 0,
            prefixes_advertised: 0,
            last_error: None,
        }
    }

    #[test]
    fn it_ends_a_moment_after_all_sessions_are_up_or_when_time_is_over() {
        use SessionState::{Active, Established, PrefixLimit};
        let longest = Duration::from_secs(30);
        // Seconds after the start, the sessions, whether it is over.
        let story = [
            (0, [Active, Active], false),
            (5, [Established, Active], false),
            (6, [Established, PrefixLimit], false),
            (7, [Active, PrefixLimit], false),
            (8, [Established, PrefixLimit], false),
            (10, [Established, Established], false),
            (11, [Established, Established], true),
            (31, [Active, Active], true),
        ];
        let start = Instant::now();
        let mut hold = Hold::begin(start);
        for (second, states, over) in story {
            let now = start + Duration::from_secs(second);
            let peers = states.map(peer);
            let after = hold.after(peers.iter(), longest, now);
            assert_eq!(after.1, over, "after {second} s");
            hold = after.0;
        }
    }
}
