//! Which key each session has while a new one waits beside the one in use.
//!
//! BIRD has one password for a session and restarts it when that changes, so a session that is up is left alone. When it falls, its
//! customer may have changed the key: both are tried in turns, the new one first, until the session is up or the window is over; from then
//! on the new one is the only one, by the edge's clock, whether or not there is a server.
//!
//! What BIRD was last given is in its configuration, so an agent that begins knows which key is in use ([`on_disk`]). Turns end together:
//! each end is a reconfiguration of BIRD, however many sessions are down.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use linkway_domain::Time;
use linkway_domain::bgp_peer::rotation::LONGEST;
use linkway_domain::edge::SessionState;
use linkway_domain::net::AuthKey;

use super::moments::Moments;
use super::names::session_of;
use super::parse::{self, Protocol};
use super::process::{FRAGMENTS, Files};
use super::render;
use crate::session::{Session, SessionId, Sessions};

/// How long a key is tried. Our side connects after a second and then every five, so this is two attempts at least.
const TURN: Duration = Duration::from_secs(12);
/// The part of a turn that has to be left of the one that has begun, for it to count as a key's.
const LEAST: Duration = Duration::from_secs(9);

/// The key that a session has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// The one before the new one.
    Old,
    /// The new one.
    New,
    /// One that was new before that was replaced.
    Other,
}

/// What is seen of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// It is established.
    Up,
    /// There is a TCP connection, so both sides have the same key.
    Opening,
    /// It tries to get one.
    Trying,
    /// It waits to try again, or has just fallen.
    Waiting,
    /// It is shut, or the way is gone: whatever happens has nothing to do with the key.
    Stopped,
}

/// How far the turn of the key in use is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// None has begun: the session was up when it was last looked at.
    None,
    /// It runs.
    Runs,
    /// It is over.
    Over,
}

/// What becomes of a session's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// The session is up with it.
    Settle,
    /// It is tried on.
    Keep,
    /// Its turn begins.
    Begin,
    /// The turn of this one begins.
    Switch(Which),
}

/// What becomes of the key in use; `is_over` is whether the window is.
#[must_use]
pub const fn next(key: Which, seen: Seen, turn: Turn, is_over: bool) -> Next {
    match (is_over, key, seen, turn) {
        (true, Which::New, ..) => Next::Keep,
        (true, Which::Old | Which::Other, ..) => Next::Switch(Which::New),
        (false, _, Seen::Up, _) => Next::Settle,
        (false, _, Seen::Stopped, _) => Next::Begin,
        // It has fallen. Up with the new key, the server hears of it yet.
        (false, Which::New, _, Turn::None) | (false, _, Seen::Opening, Turn::None) => Next::Begin,
        (false, Which::Old | Which::Other, _, Turn::None) => Next::Switch(Which::New),
        (false, _, Seen::Waiting, Turn::Runs | Turn::Over) => Next::Begin,
        (false, _, Seen::Opening | Seen::Trying, Turn::Runs) => Next::Keep,
        (false, _, Seen::Opening, Turn::Over) => Next::Begin,
        (false, Which::New, Seen::Trying, Turn::Over) => Next::Switch(Which::Old),
        (false, Which::Old | Which::Other, Seen::Trying, Turn::Over) => Next::Switch(Which::New),
    }
}

impl Seen {
    /// As BIRD has it; `None`: it is between two states.
    #[must_use]
    pub fn of(protocol: Option<&Protocol>) -> Option<Self> {
        let Some(protocol) = protocol else { return Some(Self::Stopped) };
        let lost =
            |error: &String| ["Link down", "Neighbor lost"].iter().any(|it| error.contains(it));
        match (parse::session_state(protocol), protocol.state.as_str()) {
            (SessionState::Established, _) => Some(Self::Up),
            (SessionState::OpenSent | SessionState::OpenConfirm, _) => Some(Self::Opening),
            (SessionState::Connect | SessionState::Active, _) => Some(Self::Trying),
            (SessionState::PrefixLimit, _) | (SessionState::Idle, "down") => Some(Self::Stopped),
            (SessionState::Idle, "stop" | "flush") => None,
            (SessionState::Idle, _) if protocol.last_error.as_ref().is_some_and(lost) => {
                Some(Self::Stopped)
            }
            (SessionState::Idle, _) => Some(Self::Waiting),
        }
    }
}

/// The sessions for which a new key waits.
#[derive(Debug)]
pub struct Keys {
    /// Turns end at multiples of [`TURN`] after this.
    origin: Instant,
    windows: Moments<SessionId>,
    trials: BTreeMap<SessionId, Trial>,
    /// Whether BIRD has yet to be given keys.
    is_pending: bool,
}

/// The key that a session is to have now.
#[derive(Debug)]
struct Trial {
    key: AuthKey,
    /// When its turn ends; `None`: the session was up when it was last looked at.
    ends: Option<Instant>,
}

impl Keys {
    /// None yet.
    #[must_use]
    pub fn new(now: Instant) -> Self {
        Self {
            origin: now,
            windows: Moments::default(),
            trials: BTreeMap::new(),
            is_pending: false,
        }
    }

    /// The sessions, each with the key that it is to have now. `has` is the one that BIRD has for a session.
    pub fn chosen(
        &mut self,
        sessions: &Sessions,
        mut has: impl FnMut(&SessionId) -> Option<AuthKey>,
        now: Instant,
    ) -> Sessions {
        let rotating: Vec<&Arc<Session>> =
            sessions.sessions.values().filter(|session| session.new_key.is_some()).collect();
        let mut before = std::mem::take(&mut self.trials);
        let mut chosen = sessions.clone();
        for session in rotating {
            let ends = Some(turn_end(self.origin, now));
            let trial = before.remove(&session.id).unwrap_or_else(|| Trial {
                key: has(&session.id).unwrap_or_else(|| session.auth_key.clone()),
                ends,
            });
            let key = trial.key.clone();
            chosen.put_session(Arc::new(Session {
                auth_key: key,
                new_key: None,
                ..(**session).clone()
            }));
            self.trials.insert(session.id.clone(), trial);
        }
        chosen
    }

    /// What was seen of the sessions decides which keys they are to have; whether one is to have another than before.
    pub fn look(
        &mut self,
        sessions: &Sessions,
        seen: impl Fn(&Session) -> Option<Seen>,
        (clock, now): (Time, Instant),
    ) -> bool {
        let of = |id: &SessionId| sessions.sessions.get(id);
        let until = |id: &SessionId| Some((id.clone(), of(id)?.new_key.as_ref()?.until));
        let windows = self.trials.keys().filter_map(until);
        let left = self.windows.left(windows, LONGEST, (clock, now));
        let end = turn_end(self.origin, now);
        let mut changed = false;
        for (id, trial) in &mut self.trials {
            let Some(session) = of(id) else { continue };
            let Some(new) = &session.new_key else { continue };
            let which = match &trial.key {
                key if *key == new.auth_key => Which::New,
                key if *key == session.auth_key => Which::Old,
                _ => Which::Other,
            };
            // One that BIRD cannot be given cannot be tried.
            let is_over = left.get(id).is_some_and(Duration::is_zero)
                || render::obstacle(&session.auth_key).is_some();
            let seen = match seen(session) {
                Some(seen) => seen,
                None if is_over => Seen::Stopped,
                None => continue,
            };
            let turn = match trial.ends {
                None => Turn::None,
                Some(ends) if now >= ends => Turn::Over,
                Some(_) => Turn::Runs,
            };
            match next(which, seen, turn, is_over) {
                Next::Settle => trial.ends = None,
                Next::Keep => {}
                Next::Begin => trial.ends = Some(end),
                Next::Switch(which) => {
                    tracing::info!(session = %id, key = ?which, "another BGP key is tried");
                    let key = if which == Which::New { &new.auth_key } else { &session.auth_key };
                    *trial = Trial { key: key.clone(), ends: Some(end) };
                    changed = true;
                }
            }
        }
        self.is_pending |= changed;
        changed
    }

    /// BIRD has the keys. The turns of these sessions begin: it may have started them anew.
    pub fn given(&mut self, sessions: impl IntoIterator<Item = SessionId>, now: Instant) {
        self.is_pending = false;
        let end = turn_end(self.origin, now);
        for id in sessions {
            if let Some(trial) = self.trials.get_mut(&id) {
                trial.ends = Some(end);
            }
        }
    }

    /// The same for a BIRD that was started with them.
    pub fn started(&mut self, now: Instant) {
        let all: Vec<SessionId> = self.trials.keys().cloned().collect();
        self.given(all, now);
    }

    /// Whether BIRD has yet to be given keys.
    #[must_use]
    pub const fn is_pending(&self) -> bool {
        self.is_pending
    }

    /// The key of each session for which a new one waits.
    #[must_use]
    pub fn in_use(&self) -> BTreeMap<SessionId, AuthKey> {
        self.trials.iter().map(|(id, trial)| (id.clone(), trial.key.clone())).collect()
    }
}

/// The end of a turn that begins now: the first multiple of [`TURN`] after `origin` that leaves it [`LEAST`].
fn turn_end(origin: Instant, now: Instant) -> Instant {
    let least = (now + LEAST).saturating_duration_since(origin).as_millis();
    let turns = least.div_ceil(TURN.as_millis());
    origin + TURN * u32::try_from(turns).unwrap_or(u32::MAX)
}

/// The keys that BIRD was last given, by session, as the files have them.
#[must_use]
pub fn on_disk(files: &Files) -> BTreeMap<SessionId, AuthKey> {
    let mut keys = BTreeMap::new();
    let head = fs::read_to_string(&files.config).unwrap_or_default();
    for name in head.lines().filter_map(included) {
        // One that cannot be read is another agent's problem too: BIRD's session then has the key before the new one first.
        let text = fs::read_to_string(files.fragments.join(name)).unwrap_or_default();
        keys.extend(keys_in(&text));
    }
    keys
}

fn included(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("include \"")?.strip_prefix(FRAGMENTS)?;
    rest.strip_prefix('/')?.strip_suffix("\";")
}

/// The keys in a fragment's text, by session.
fn keys_in(text: &str) -> BTreeMap<SessionId, AuthKey> {
    let mut keys = BTreeMap::new();
    let mut session = None;
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("protocol ") {
            let name = rest.strip_prefix("bgp ").and_then(|rest| rest.split(' ').next());
            session = name.and_then(session_of).map(|(id, _)| id);
        } else if let Some(text) =
            line.strip_prefix("  password \"").and_then(|rest| rest.strip_suffix("\";"))
            && let (Some(id), Ok(key)) = (session.take(), AuthKey::parse("password", text))
        {
            keys.insert(id, key);
        }
    }
    keys
}

#[cfg(test)]
mod tests {
    use linkway_domain::edge::NewKeyConfig;
    use linkway_domain::net::{AddressFamily, PeerAddresses};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_session_that_is_up_is_left_alone_and_one_that_fell_tries_both_keys() {
        use Next::{Begin, Keep, Settle, Switch};
        use Seen::{Opening, Stopped, Trying, Up, Waiting};
        use Which::{New, Old, Other};
        // For each key in use and what is seen: without a turn, in one, after one.
        let table = [
            (Old, Up, [Settle, Settle, Settle]),
            (Old, Opening, [Begin, Keep, Begin]),
            (Old, Trying, [Switch(New), Keep, Switch(New)]),
            (Old, Waiting, [Switch(New), Begin, Begin]),
            (Old, Stopped, [Begin, Begin, Begin]),
            (New, Up, [Settle, Settle, Settle]),
            (New, Opening, [Begin, Keep, Begin]),
            (New, Trying, [Begin, Keep, Switch(Old)]),
            (New, Waiting, [Begin, Begin, Begin]),
            (New, Stopped, [Begin, Begin, Begin]),
            (Other, Up, [Settle, Settle, Settle]),
            (Other, Opening, [Begin, Keep, Begin]),
            (Other, Trying, [Switch(New), Keep, Switch(New)]),
            (Other, Waiting, [Switch(New), Begin, Begin]),
            (Other, Stopped, [Begin, Begin, Begin]),
        ];
        for (key, seen, expected) in table {
            let turns = [Turn::None, Turn::Runs, Turn::Over];
            assert_eq!(
                turns.map(|turn| next(key, seen, turn, false)),
                expected,
                "{key:?} {seen:?}"
            );
            let over = if key == New { Keep } else { Switch(New) };
            assert_eq!(
                turns.map(|turn| next(key, seen, turn, true)),
                [over; 3],
                "{key:?} {seen:?}"
            );
        }
    }

    #[test]
    fn what_is_seen_follows_from_what_bird_says() {
        let check = |line: &str, error: Option<&str>, expected: Option<Seen>| {
            let mut protocol = parse::protocols([line]).remove(0);
            protocol.last_error = error.map(str::to_owned);
            assert_eq!(Seen::of(Some(&protocol)), expected, "{line} {error:?}");
        };
        let name = "dxvif_f0000001 BGP --- ";
        check(&format!("{name} up 10:00 Established"), None, Some(Seen::Up));
        check(&format!("{name} start 10:00 OpenSent"), None, Some(Seen::Opening));
        check(
            &format!("{name} start 10:00 Active Socket: Connection closed"),
            None,
            Some(Seen::Trying),
        );
        check(
            &format!("{name} start 10:00 Idle"),
            Some("Received: Other configuration change"),
            Some(Seen::Waiting),
        );
        check(&format!("{name} start 10:00 Idle"), Some("Link down"), Some(Seen::Stopped));
        check(&format!("{name} start 10:00 Idle"), Some("Neighbor lost"), Some(Seen::Stopped));
        check(&format!("{name} stop 10:00 Close"), None, None);
        check(&format!("{name} down 10:00"), None, Some(Seen::Stopped));
        assert_eq!(Seen::of(None), Some(Seen::Stopped));
    }

    #[test]
    fn the_keys_in_use_are_read_from_what_bird_was_given() {
        let text = "\n# vgw-00000001\nprotocol static vgw_00000001_vpc4 {\n}\n\
            protocol bgp dxvif_f0000001 from linkway_customer4 {\n  vrf \"x\";\n  password \"fjord-Secret-1\";\n}\n\
            protocol static dxvif_f0000002 {\n  disabled; description \"refused: x\";\n}\n\
            protocol bgp dxvif_f0000003_v6_2 from linkway_customer6 {\n  disabled;\n  password \"!#$%&'()*+,-./:;\";\n}\n\
            protocol bgp fabric_vgw_00000001_bgp4 from linkway_fabric_md5 {\n  password \"of-the-fabric\";\n}\n";
        let found: Vec<String> =
            keys_in(text).iter().map(|(id, key)| format!("{id} {}", key.reveal())).collect();
        assert_eq!(
            found,
            ["dxvif-f0000001 ipv4 fjord-Secret-1", "dxvif-f0000003 ipv6 !#$%&'()*+,-./:;"]
        );
        assert_eq!(included("include \"bird.d/0a.conf\";"), Some("0a.conf"));
        assert_eq!(included("log \"/run/bird.log\";"), None);
    }

    fn key(text: &str) -> AuthKey {
        AuthKey::parse("authKey", text).expect("a key")
    }

    fn rotating(until: u64) -> Sessions {
        let id = SessionId {
            interface: "dxvif-f0000001".parse().expect("an id"),
            family: AddressFamily::Ipv4,
        };
        let session = Session {
            id,
            routing_domain: "vgw-00000001".parse().expect("an id"),
            addresses: PeerAddresses::link_local(1),
            asn: 65_000,
            auth_key: key("the-old-one"),
            new_key: Some(NewKeyConfig {
                auth_key: key("the-new-one"),
                until: Time::from_millis(until * 1000),
            }),
            resets: 0,
            site_link: false,
            prefix_limit: None,
            drain: None,
            public: None,
            shut_until: None,
        };
        Sessions::new([], [Arc::new(session)])
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// A look a second: nothing is touched while the session is up, each key has its turns while it is down, and from the end of the
        /// window on the new one is the only one. Another agent, which knows no more than what BIRD has, changes nothing by itself.
        #[test]
        fn both_keys_are_tried_until_the_window_is_over(
            states in prop::collection::vec((0..5_u8, 1..40_u64), 1..12), until in 30..300_u64, fresh in any::<u8>(),
        ) {
            let sessions = rotating(until);
            let id = sessions.sessions.keys().next().expect("one").clone();
            let seen_as = [Seen::Up, Seen::Opening, Seen::Trying, Seen::Waiting, Seen::Stopped];
            let start = Instant::now();
            let mut keys = Keys::new(start);
            let mut has = key("the-old-one");
            // Seconds since the key's turn began, and for how many of them there was no answer at all.
            let (mut second, mut turn, mut tried, mut was_up) = (0_u64, 0_u64, 0_u64, false);
            for (state, seconds) in states {
                let seen = seen_as[usize::from(state)];
                for _ in 0..seconds {
                    let now = start + Duration::from_secs(second);
                    if second % 64 == u64::from(fresh) {
                        keys = Keys::new(now);
                        (turn, tried, was_up) = (0, 0, false);
                    }
                    let of = |keys: &mut Keys| {
                        let bird = has.clone();
                        let chosen = keys.chosen(&sessions, |_| Some(bird.clone()), now);
                        chosen.sessions[&id].auth_key.clone()
                    };
                    prop_assert_eq!(of(&mut keys), has.clone(), "chosen without a look");
                    let changed = keys.look(&sessions, |_| Some(seen), (Time::from_millis(second * 1000), now));
                    let after = of(&mut keys);
                    prop_assert_eq!(changed, after != has);
                    let is_over = second >= until;
                    if is_over {
                        prop_assert_eq!(after.reveal(), "the-new-one");
                    } else if changed {
                        prop_assert!(matches!(seen, Seen::Trying | Seen::Waiting), "{:?}", seen);
                        prop_assert!(was_up && after.reveal() == "the-new-one" || turn >= 8, "after {} s", turn);
                    }
                    if !is_over && seen == Seen::Trying && was_up {
                        prop_assert_eq!(after.reveal(), "the-new-one", "first after a fall");
                    }
                    let runs = !changed && !matches!(seen, Seen::Up | Seen::Waiting | Seen::Stopped);
                    turn = if runs { turn + 1 } else { 0 };
                    tried = if runs && seen == Seen::Trying { tried + 1 } else { 0 };
                    prop_assert!(tried <= 22 || is_over, "{} s with one key", tried);
                    was_up = seen == Seen::Up;
                    if changed {
                        prop_assert!(keys.is_pending());
                        keys.given([id.clone()], now);
                    }
                    has = after;
                    let in_use = keys.in_use();
                    prop_assert_eq!(in_use.get(&id), Some(&has));
                    second += 1;
                }
            }
        }
    }
}
