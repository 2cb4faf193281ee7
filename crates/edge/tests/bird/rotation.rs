//! A new key beside the one in use.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use linkway_domain::Time;
use linkway_domain::edge::{NewKeyConfig, SessionState};
use linkway_domain::net::AuthKey;
use linkway_edge::session::{Daemon as _, Observed, Session};

use crate::customer::wait;
use crate::scenes::own_routes;
use crate::stage::{Stage, id};

fn key(text: &str) -> AuthKey {
    AuthKey::parse("authKey", text).expect("a key")
}

fn in_seconds(seconds: u64) -> Time {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    let millis = u64::try_from(now.as_millis()).expect("not for long yet");
    Time::from_millis(millis + 1_000 * seconds)
}

/// The first session has these keys.
fn keys(stage: &mut Stage, auth_key: &str, new_key: Option<(&str, u64)>) {
    let new_key = new_key
        .map(|(text, seconds)| NewKeyConfig { auth_key: key(text), until: in_seconds(seconds) });
    let session = Session { auth_key: key(auth_key), new_key, ..stage.session(1).clone() };
    stage.sessions.put_session(session.into());
}

/// As an agent does: what BIRD has is looked at, and where it is not what it is to be, BIRD is told. What was seen.
fn round(stage: &mut Stage) -> Observed {
    let seen = stage.bird.read().expect("BIRD answers");
    if seen.loaded != Some(stage.bird.digest(&stage.sessions)) {
        stage.bird.apply(&stage.sessions).expect("BIRD takes it");
    }
    seen
}

fn is_up(seen: &Observed) -> bool {
    seen.peers.get(&id(1)).is_some_and(|peer| peer.state == SessionState::Established)
}

/// Whether the session is up with this key, which is one of two.
fn has(seen: &Observed, text: &str) -> bool {
    is_up(seen) && seen.keys.get(&id(1)).is_some_and(|key| key.reveal() == text)
}

/// The customer's router has this key from now on.
fn changes(stage: &mut Stage, text: &str) {
    let customer = stage.customers.get_mut(&1).expect("it is there");
    text.clone_into(&mut customer.key);
    customer.announce(&own_routes(1));
}

pub fn rotation(stage: &mut Stage) {
    stage.wait_all_up();
    let since = |stage: &Stage| [1, 2, 3, 4].map(|n| stage.customers[&n].up_since());
    let began = since(stage);
    keys(stage, "key-of-one", Some(("second-key", 600)));
    let digest = stage.bird.digest(&stage.sessions);
    assert_eq!(stage.bird.read().expect("BIRD answers").loaded, Some(digest), "nothing to tell");
    for _ in 0..3 {
        assert!(has(&round(stage), "key-of-one"));
    }
    assert_eq!(since(stage), began, "no session was touched");

    // The customer changes its key. Neither another agent nor the end of the rotation touches the session then.
    changes(stage, "second-key");
    wait("the new key", || round(stage), |seen| has(seen, "second-key"));
    stage.wait_all_up();
    let after = since(stage);
    assert_eq!(after[1..], began[1..], "the others were not touched");
    stage.renew(|_| ());
    stage.apply();
    assert!(has(&round(stage), "second-key"), "another agent knows it from what BIRD has");
    keys(stage, "second-key", None);
    stage.apply();
    let seen = round(stage);
    assert!(is_up(&seen) && seen.keys.is_empty());
    assert_eq!(since(stage), after);

    // It falls with the key before: both are tried, and it comes back. A BIRD that starts has that key first.
    keys(stage, "second-key", Some(("third-key", 600)));
    stage.apply();
    stage.customers[&1].ask("restart dx");
    wait("the session to fall", || round(stage), |seen| !is_up(seen));
    wait("the key before", || round(stage), |seen| has(seen, "second-key"));
    stage.wait_all_up();
    stage.kill();
    stage.apply();
    stage.wait_all_up();

    // The customer changes nothing, and the time is over: the new key is the only one, without a server.
    keys(stage, "second-key", Some(("third-key", 3)));
    wait("the new key to be given", || round(stage), |seen| !is_up(seen));
    let began = Instant::now();
    wait(
        "time to pass",
        || (round(stage), began.elapsed().as_secs()),
        |(seen, seconds)| {
            assert!(!is_up(seen), "with the key before after the end");
            *seconds >= 5
        },
    );
    changes(stage, "third-key");
    wait("the new key", || round(stage), |seen| has(seen, "third-key"));
    keys(stage, "third-key", None);
    stage.apply();
    stage.wait_all_up();

    // As it was, for those that follow.
    keys(stage, "key-of-one", None);
    stage.apply();
    changes(stage, "key-of-one");
    stage.wait_all_up();
}
