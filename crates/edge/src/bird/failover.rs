//! The sessions that are shut for a BGP failover test, and until when.
//!
//! The configuration says the moment, by the clock of the edge; nobody has to tell the edge that it has come. That clock may be set
//! while a test runs: a session is shut for no longer than it would have been by the clock at the moment when its test was first
//! seen, and never for longer than a test can take.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use linkway_domain::Time;
use linkway_domain::failover_test::decide::LONGEST;

use super::names::protocol_name;
use crate::session::Sessions;

/// The error of a session that is shut for a test begins so.
pub const TESTED: &str = "shut for a BGP failover test";

/// When each test is over at the latest, by the names of the sessions' protocols and the moment that the configuration says.
#[derive(Debug, Default)]
pub struct Failover {
    ends: BTreeMap<(String, Time), Instant>,
}

impl Failover {
    /// The sessions that are shut at this moment, and for how long.
    pub fn shut(
        &mut self,
        sessions: &Sessions,
        (clock, now): (Time, Instant),
    ) -> BTreeMap<String, Duration> {
        let before = std::mem::take(&mut self.ends);
        let mut shut = BTreeMap::new();
        for session in sessions.sessions.values() {
            let Some(until) = session.shut_until else { continue };
            let name = protocol_name(session);
            let by_clock = until.since(clock).min(LONGEST);
            let test = (name.clone(), until);
            let end = before.get(&test).copied().unwrap_or(now + by_clock);
            let left = by_clock.min(end.saturating_duration_since(now));
            // What is over stays over: a clock that is set back shuts nothing again.
            let end = if left.is_zero() { now } else { end };
            self.ends.insert(test, end);
            if !left.is_zero() {
                shut.insert(name, left);
            }
        }
        shut
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use linkway_domain::net::{AddressFamily, AuthKey, PeerAddresses};

    use super::*;
    use crate::session::{Session, SessionId};

    fn sessions(until: Option<u64>) -> Sessions {
        let session = Session {
            id: SessionId {
                interface: "dxvif-f0000001".parse().expect("an id"),
                family: AddressFamily::Ipv4,
            },
            routing_domain: "vgw-00000001".parse().expect("an id"),
            addresses: PeerAddresses::link_local(1),
            asn: 65_000,
            auth_key: AuthKey::parse("authKey", "fjord-Secret-1").expect("a key"),
            resets: 0,
            site_link: false,
            prefix_limit: None,
            drain: None,
            public: None,
            shut_until: until.map(|seconds| Time::from_millis(seconds * 1_000)),
        };
        Sessions::new([], [Arc::new(session)])
    }

    #[test]
    fn a_session_is_shut_until_the_moment_and_a_clock_that_is_set_makes_it_no_longer() {
        // The clock and the time since the start, in seconds; how long the session is still shut.
        let check = |until: Option<u64>, story: &[(u64, u64, u64)]| {
            let (start, mut failover) = (Instant::now(), Failover::default());
            for (clock, since, left) in story {
                let at = (Time::from_millis(clock * 1_000), start + Duration::from_secs(*since));
                let shut = failover.shut(&sessions(until), at);
                let expected =
                    (*left > 0).then(|| ("dxvif_f0000001".to_owned(), Duration::from_secs(*left)));
                assert_eq!(shut, expected.into_iter().collect(), "{until:?} {clock} {since}");
            }
        };
        check(None, &[(1_000, 0, 0)]);
        check(Some(1_060), &[(1_000, 0, 60), (1_059, 59, 1), (1_060, 60, 0), (1_061, 61, 0)]);
        check(Some(1_060), &[(1_070, 0, 0)]);
        // Set back: as long as it was to be, and not again after its end.
        check(Some(1_060), &[(1_000, 0, 60), (500, 30, 30), (530, 60, 0), (531, 61, 0)]);
        check(Some(1_060), &[(1_000, 0, 60), (1_060, 60, 0), (500, 61, 0)]);
        // Set forward: over.
        check(Some(1_060), &[(1_000, 0, 60), (2_000, 10, 0), (1_020, 20, 0)]);
        // A moment that no test can have.
        let longest = LONGEST.as_secs();
        check(Some(9_000_000), &[(1_000, 0, longest), (1_001, 1, longest - 1)]);
    }
}
