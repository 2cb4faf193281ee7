//! BIRD dies, cannot be reached, refuses, or loses its files.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use linkway_domain::edge::SessionState;
use linkway_edge::session::{Daemon as _, DaemonError, Observed};

use crate::customer::wait;
use crate::scenes::{WITH_BFD, change_domain, own_routes, routes};
use crate::stage::{self, DIR, Stage};

pub fn killed_with_one_down(stage: &mut Stage) {
    let customer = stage.customers.get_mut(&4).unwrap();
    (customer.protocols, customer.words) = (WITH_BFD, "bfd on;");
    customer.announce(&own_routes(4));
    stage.wait_all_up();
    let up = |text: &String| text.contains(" Up ");
    // One that is down all the time; one that goes down together with BIRD.
    for known in [true, false] {
        stage.customers[&1].ask("disable dx");
        if known {
            wait(
                "it to be down",
                || stage.peer(1).unwrap().state,
                |s| *s != SessionState::Established,
            );
        }
        wait("BFD to be up", || stage.ours("show bfd sessions"), up);
        stage.kill();
        wait("the customer to notice", || stage.customers[&4].learned(), Vec::is_empty);
        let began = std::time::Instant::now();
        stage.apply();
        let back = || {
            stage.bird.read().unwrap();
            stage.customers[&4].learned()
        };
        wait("the prefix to be announced again", back, |l| l.len() == 1);
        let took = began.elapsed().as_secs_f32();
        println!("announced again after {took:.1} s");
        assert!(took < if known { 6.0 } else { 12.0 }, "{took} s");
        stage.customers[&1].ask("enable dx");
        stage.wait_all_up();
    }
    let customer = stage.customers.get_mut(&4).unwrap();
    (customer.protocols, customer.words) = ("", "");
    customer.announce(&own_routes(4));
    stage.wait_all_up();
}

/// The routes of the VRFs once BIRD has them to itself again, after it has taken the place of another one: each customer's.
pub fn settled(stage: &mut Stage) -> (Vec<String>, Vec<String>) {
    let look = |stage: &mut Stage| {
        stage.bird.read().unwrap();
        (routes(1), routes(2))
    };
    let all = stage.customers.len();
    wait("all routes", || look(stage), |(one, two)| one.len() + two.len() == all)
}

pub fn killed(stage: &mut Stage) {
    let before = settled(stage);
    stage.kill();
    assert!(Path::new(DIR).join("bird.ctl").exists(), "it leaves its socket");
    assert_eq!(stage.bird.read().unwrap().loaded, None);
    assert_eq!((routes(1), routes(2)), before);
    stage.apply();
    let numbers: Vec<u32> = stage.customers.keys().copied().collect();
    for n in numbers {
        stage.wait_state(n, SessionState::Established);
        assert_eq!((routes(1), routes(2)), before);
        assert_eq!(stage.customers[&n].learned().len(), 1, "the customer keeps it too");
    }
    stage.wait_all_up();
    assert_eq!((routes(1), routes(2)), before);
}

pub fn refused(stage: &mut Stage) {
    let good = stage.sessions.clone();
    change_domain(stage, |one| one.announced[0].interface = "no\"good".to_owned());
    let old = fs::read_to_string(format!("{DIR}/bird.conf")).unwrap();
    let error = stage.bird.apply(&stage.sessions).unwrap_err();
    assert!(matches!(error, DaemonError::Refused { .. }), "{error}");
    assert!(error.to_string().contains("/bird.d/"), "{error}");
    assert_eq!(fs::read_to_string(format!("{DIR}/bird.conf")).unwrap(), old);
    let loaded = stage.bird.read().unwrap().loaded;
    assert_eq!(loaded, Some(stage.bird.digest(&good)));
    stage.kill();
    let error = stage.bird.apply(&stage.sessions).unwrap_err();
    assert!(matches!(error, DaemonError::Refused { .. }), "{error}");
    assert_eq!(fs::read_to_string(format!("{DIR}/bird.conf")).unwrap(), old);
    stage.sessions = good;
    stage.apply();
    stage.wait_all_up();
}

pub fn lost_socket(stage: &mut Stage) {
    let (old, socket) = (stage.pid(), format!("{DIR}/bird.ctl"));
    fs::remove_file(&socket).unwrap();
    stage.apply();
    assert_ne!(stage.pid(), old);
    assert!(!Path::new(&format!("/proc/{old}")).exists());
    // Now the number is a stranger's, who even says to have our socket.
    stage.kill();
    let mut stranger = Command::new("sh")
        .args(["-c", "read line", "-s", &socket])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    fs::write(format!("{DIR}/bird.pid"), stranger.id().to_string()).unwrap();
    stage.apply();
    assert!(stranger.try_wait().unwrap().is_none(), "left alone");
    drop(stranger.stdin.take());
    stranger.wait().unwrap();
    stage.wait_all_up();
}

pub fn lost(stage: &mut Stage) {
    // In a container whose files have the same paths, another edge's BIRD.
    fs::write("/run/other.conf", "router id 192.0.2.9; protocol device { }\n").unwrap();
    let bird = format!("exec bird -f -c /run/other.conf -s {DIR}/bird.ctl");
    let contained = ["-n", "-m", "sh", "-c", &format!("mount -t tmpfs tmpfs {DIR} && {bird}")];
    let mut other = Command::new("unshare").args(contained).spawn().unwrap();
    let others = other.id().to_string();
    let ours = || stage::with_our_socket().into_iter().filter(|pid| *pid != others);
    wait("the other edge's", stage::with_our_socket, |pids| pids.contains(&others));
    let before = settled(stage);

    // The agent dies before or after it has ended the BIRD that it found.
    for ended in [false, true] {
        let old = stage.pid();
        fs::remove_dir_all(DIR).unwrap();
        if ended {
            fs::create_dir(DIR).unwrap();
            stage.renew(|_| ());
            stage.bird.stop().unwrap();
            assert_eq!(ours().next(), None);
        }
        stage.renew(|_| ());
        assert_eq!(stage.bird.read().unwrap(), Observed::default());
        stage.apply();
        assert_eq!((routes(1), routes(2)), before, "held before the sessions are back");
        stage.wait_all_up();
        assert_eq!((routes(1), routes(2)), before);
        assert!(stage.customers.values().all(|customer| customer.learned().len() == 1));
        assert_eq!(ours().collect::<Vec<_>>(), [stage.pid()], "one, in the place of {old}");
        assert_ne!(stage.pid(), old);
    }
    assert_eq!(other.try_wait().unwrap(), None, "left alone");
    other.kill().unwrap();
    other.wait().unwrap();
}
