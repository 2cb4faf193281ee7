//! Sessions that are shut: for too many prefixes, or because their routes flap.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use linkway_domain::Time;
use linkway_domain::edge::{PeerStatus, SessionState};
use linkway_edge::session::{Daemon as _, Session};

use crate::customer::{run, wait};
use crate::scenes::{change_domain, own_routes, routes};
use crate::stage::Stage;

pub fn limit(stage: &mut Stage) {
    let many = |n: u32| -> Vec<String> {
        // The first two are rejected, and count.
        let bad = ["169.254.7.0/24", "10.1.1.0/24"].map(str::to_owned);
        bad.into_iter().chain((2..n).map(|i| format!("172.20.{i}.0/24"))).collect()
    };
    stage.customers[&1].announce(&many(100));
    let full = |p: &Option<PeerStatus>| p.as_ref().is_some_and(|p| p.prefixes_accepted == 98);
    wait("a hundred", || stage.peer(1), full);
    stage.customers[&1].announce(&many(101));
    let peer = stage.wait_state(1, SessionState::PrefixLimit);
    assert!(peer.last_error.unwrap().contains("limit exceeded"));
    wait("its routes to go", || routes(1).iter().any(|r| r.contains("172.20.")), |any| !any);
    stage.customers[&1].announce(&own_routes(1));
    // Neither a new configuration, nor a new BIRD, nor both, nor time opens it.
    change_domain(stage, |one| one.cidrs.truncate(one.cidrs.len() - 1));
    stage.apply();
    stays_shut(stage, 1, 8);
    stage.apply();
    stage.kill();
    stage.apply();
    stays_shut(stage, 1, 8);
    // The reset.
    let reset = Session { resets: 1, ..stage.session(1).clone() };
    stage.sessions.put_session(reset.into());
    stage.apply();
    stage.wait_all_up();
}

/// For so many seconds.
fn stays_shut(stage: &mut Stage, n: u32, seconds: u64) {
    let began = Instant::now();
    let look = || (stage.peer(n).map(|p| p.state), began.elapsed().as_secs() >= seconds);
    let (state, _) = wait("time to pass", look, |(state, late)| {
        *late || *state != Some(SessionState::PrefixLimit)
    });
    assert_eq!(state, Some(SessionState::PrefixLimit));
}

/// More prefixes than the limit.
fn too_many() -> Vec<String> {
    (0..101).map(|i| format!("172.20.{i}.0/24")).collect()
}

pub fn limit_unseen(stage: &mut Stage) {
    let shuts = |stage: &Stage| {
        wait(
            "BIRD to shut it",
            || stage.ours("show protocols \"dxvif_f0000002*\""),
            |text| text.contains("Route limit exceeded"),
        );
    };
    // Seen by the agent, or by nobody; the agent goes on, or another one comes.
    for (seen, same) in [(true, true), (true, false), (false, true), (false, false)] {
        stage.customers[&2].announce(&too_many());
        shuts(stage);
        if seen {
            assert_eq!(stage.peer(2).unwrap().state, SessionState::PrefixLimit);
        }
        stage.kill();
        if !same {
            stage.renew(|_| ());
        }
        stage.customers[&2].announce(&own_routes(2));
        stage.apply();
        println!("seen: {seen}, the same agent: {same}");
        stays_shut(stage, 2, 5);
        let resets = stage.session(2).resets + 1;
        let reset = Session { resets, ..stage.session(2).clone() };
        stage.sessions.put_session(reset.into());
        stage.apply();
        stage.wait_all_up();
    }
}

pub fn flapping(stage: &mut Stage) {
    stage.renew(|settings| {
        settings.flap_limit = 400;
        settings.flap_penalty = 6;
    });
    stage.apply();
    stage.wait_all_up();
    let others: Vec<i64> = [1, 3, 4].map(|n| stage.customers[&n].up_since().unwrap()).into();
    let many: Vec<String> = (0..90).map(|i| format!("172.20.{i}.0/24")).collect();
    // Once is no flap.
    stage.customers[&2].announce(&many);
    let has = |p: &Option<PeerStatus>| p.as_ref().is_some_and(|p| p.prefixes_accepted == 90);
    wait("all of them", || stage.peer(2), has);
    stage.customers[&2].announce(&own_routes(2));
    stage.wait_all_up();
    let mut rounds = 0;
    let error = loop {
        for routes in [&many, &own_routes(2)] {
            stage.customers[&2].announce(routes);
            run("sleep 0.1");
        }
        let peer = stage.peer(2).unwrap();
        if peer.state == SessionState::Idle {
            break peer.last_error.unwrap();
        }
        rounds += 1;
        assert!(rounds < 10, "{peer:?}");
    };
    assert!(error.contains("announces and withdraws its routes too often"), "{error}");
    wait("its routes to go", || routes(2), Vec::is_empty);
    // As the agent does when what is loaded is not what is wanted; and a BIRD that dies changes nothing.
    assert_eq!(stage.bird.read().unwrap().loaded, None);
    stage.apply();
    stage.kill();
    stage.apply();
    assert_eq!(stage.peer(2).unwrap().state, SessionState::Idle);
    let loaded = || stage.bird.read().unwrap().loaded;
    wait("the time to be over", loaded, Option::is_none);
    stage.apply();
    stage.wait_all_up();
    stage.renew(|_| ());
    drop(others);
}

pub fn other_limit(stage: &mut Stage) {
    let many = |n: u32| -> Vec<String> { (0..n).map(|i| format!("172.20.{i}.0/24")).collect() };
    let limited = |stage: &mut Stage, prefix_limit| {
        let session = Session { prefix_limit, ..stage.session(1).clone() };
        stage.sessions.put_session(session.into());
        stage.apply();
    };
    stage.wait_all_up();
    let since = stage.customers[&1].up_since();
    limited(stage, Some(130));
    stage.customers[&1].announce(&many(120));
    let all = |stage: &mut Stage, n: u32| {
        let has = |p: &Option<PeerStatus>| {
            let is =
                |p: &PeerStatus| p.state == SessionState::Established && p.prefixes_accepted == n;
            p.as_ref().is_some_and(is)
        };
        wait("all of them", || stage.peer(1), has);
    };
    all(stage, 120);
    for other in [Some(1_000), Some(121)] {
        limited(stage, other);
        all(stage, 120);
        assert_eq!(stage.customers[&1].up_since(), since, "the session goes on: {other:?}");
    }
    stage.customers[&1].announce(&many(122));
    stage.wait_state(1, SessionState::PrefixLimit);
    limited(stage, Some(150));
    all(stage, 122);
    stage.customers[&1].announce(&own_routes(1));
    stage.wait_all_up();
    limited(stage, None);
    stage.wait_all_up();
}

pub fn failover(stage: &mut Stage) {
    let tested = |stage: &mut Stage, shut_until| {
        let session = Session { shut_until, ..stage.session(1).clone() };
        stage.sessions.put_session(session.into());
        stage.apply();
    };
    let in_seconds = |seconds: u64| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
        let millis = u64::try_from(now.as_millis()).expect("not for long yet");
        Some(Time::from_millis(millis + 1_000 * seconds))
    };
    stage.wait_all_up();
    let others = [2, 3, 4].map(|n| stage.customers[&n].up_since());
    tested(stage, in_seconds(10));
    let peer = stage.peer(1).expect("it is there");
    assert_eq!(peer.state, SessionState::Idle);
    assert!(peer.last_error.expect("why").starts_with("shut for a BGP failover test"));
    let said = stage.customers[&1].ask("show protocols all");
    assert!(said.contains("dministrative shutdown"), "{said}");
    assert_eq!([2, 3, 4].map(|n| stage.customers[&n].up_since()), others);
    assert!(stage.bird.read().expect("BIRD answers").loaded.is_some(), "as it is to be");
    // Neither another agent nor another BIRD starts it early.
    stage.renew(|_| ());
    stage.apply();
    stage.kill();
    stage.apply();
    assert_eq!(stage.peer(1).map(|peer| peer.state), Some(SessionState::Idle));
    // It is the daemon that tells that its time is over: the configuration is the same.
    wait(
        "the time to be over",
        || stage.bird.read().expect("BIRD answers").loaded,
        Option::is_none,
    );
    stage.apply();
    stage.wait_all_up();
    let since = stage.customers[&1].up_since();
    tested(stage, None);
    stage.wait_all_up();
    assert_eq!(stage.customers[&1].up_since(), since, "the end of the test is no interruption");
    // Stopped before its time.
    tested(stage, in_seconds(600));
    stage.wait_state(1, SessionState::Idle);
    tested(stage, None);
    stage.wait_all_up();
}
