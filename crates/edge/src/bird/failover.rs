//! The sessions that are shut for a BGP failover test, and until when. However the clock is set, a session is shut for no longer than its
//! test was to be, and never for longer than a test can take.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use linkway_domain::Time;
use linkway_domain::failover_test::decide::LONGEST;

use super::moments::Moments;
use super::names::protocol_name;
use crate::session::Sessions;

/// The error of a session that is shut for a test begins so.
pub const TESTED: &str = "shut for a BGP failover test";

/// When each test is over, by the names of the sessions' protocols.
#[derive(Debug, Default)]
pub struct Failover {
    ends: Moments<String>,
}

impl Failover {
    /// The sessions that are shut at this moment, and for how long.
    pub fn shut(&mut self, sessions: &Sessions, at: (Time, Instant)) -> BTreeMap<String, Duration> {
        let tests = sessions.sessions.values().filter_map(|session| {
            let until = session.shut_until?;
            Some((protocol_name(session), until))
        });
        let mut left = self.ends.left(tests, LONGEST, at);
        left.retain(|_, left| !left.is_zero());
        left
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
            new_key: None,
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
