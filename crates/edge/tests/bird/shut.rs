//! Sessions that are shut: for too many prefixes, or because their routes flap.

use std::time::Instant;

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
