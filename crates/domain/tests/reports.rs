//! Reports that are late, repeated or from another life of the store; epochs; sessions that are started anew.

mod common;

use common::command::{Command, Outcome};
use common::edge::Report;
use common::scene::{A, B, R1, Scene, addressed};
use common::{Call, World, refused};
use linkway_domain::Time;
use linkway_domain::access_key::Principal;
use linkway_domain::edge::report::{ReportInterface, ReportSeen};
use linkway_domain::edge::{ConfigVersion, DrainStage, EdgeSeen};
use linkway_domain::epoch::{Epoch, RenewEpoch};
use linkway_domain::id::{AccessKeyId, EdgeId, VirtualInterfaceId};
use linkway_domain::key;
use linkway_domain::record::Record;
use linkway_domain::virtual_interface::drain::DrainInterface;
use linkway_domain::virtual_interface::{InterfaceReport, Phase};
use proptest::prelude::*;

fn edge() -> EdgeId {
    EdgeId::parse(R1).expect("an edge id")
}

/// A's interface for B on one router, accepted and reported up.
fn accepted() -> (Scene, VirtualInterfaceId) {
    let mut scene = Scene::new();
    let line = scene.line(A, R1, "eth1");
    let gateway = scene.vpc(B).id;
    let new = addressed(101, "172.16.0.1/30", "172.16.0.2/30");
    let interface = scene.allocate((A, B), &line, new).expect("is free").id;
    scene.confirm(B, &interface, &gateway).expect("B's own");
    scene.settle(true, true);
    (scene, interface)
}

/// A report of the router as it is now, with another number.
fn report(scene: &mut Scene, sequence: u64, bgp_up: bool) -> Report {
    let config = scene.world.config(&edge());
    let router = scene.routers.iter_mut().find(|router| router.id == edge()).expect("of the scene");
    router.take(config);
    Report { sequence, ..router.report(true, bgp_up).expect("has a configuration") }
}

fn as_edge(scene: &Scene, command: Command) -> Call {
    Call { principal: Principal::Edge(edge()), now: scene.now, seed: 0, command }
}

/// A server as far as reports go: it remembers which it took last.
#[derive(Clone, Copy, Default)]
struct Server {
    last: Option<u64>,
}

impl Server {
    /// What the shell does with a report; the refusal's text if it is refused.
    fn take(&mut self, world: &mut World, now: Time, report: &Report) -> Result<(), String> {
        let mut items = report.calls(world, now).split_off(1);
        // A refusal is for the report as a whole to give.
        items.retain(|call| world.decide(call).map_or(true, |it| !it.decision.writes.is_empty()));
        let follows = self.last.is_some_and(|last| last.checked_add(1) == Some(report.sequence));
        let quiet = items.is_empty() && follows;
        let seen = Command::ReportSeen(ReportSeen { head: report.head(), quiet });
        let principal = Principal::Edge(report.edge.clone());
        items.insert(0, Call { principal, now, seed: 0, command: seen });
        for call in &items {
            world.run(call).map_err(|fault| fault.to_string())?;
        }
        self.last = Some(report.sequence);
        Ok(())
    }
}

fn bgp_up(world: &World, interface: &VirtualInterfaceId) -> Option<bool> {
    world.report(interface).map(InterfaceReport::is_up)
}

#[test]
fn an_older_report_is_stale_and_a_quiet_edge_costs_few_writes() {
    let (mut scene, _) = accepted();
    let mut server = Server::default();
    let mut take = |scene: &mut Scene, sequence: u64| {
        let report = report(scene, sequence, true);
        server.take(&mut scene.world, scene.now, &report)
    };
    assert_eq!(take(&mut scene, 10), Ok(()));
    let revision = scene.world.revision;
    for old in [0, 9, 10] {
        let text = format!("sequence \"{old}\" is not newer than the last report's, 10.");
        assert_eq!(take(&mut scene, old), Err(text));
    }
    assert_eq!(take(&mut scene, 11), Ok(()));
    assert_eq!(scene.world.revision, revision, "a quiet edge costs no write");
    scene.later(15_000);
    assert_eq!(take(&mut scene, 12), Ok(()));
    assert_eq!(scene.world.revision, revision + 1, "but is written now and then");
    assert_eq!(take(&mut scene, 14), Ok(()));
    assert_eq!(scene.world.revision, revision + 2, "as it is when a number is left out");
}

#[test]
fn no_report_is_the_last_that_is_heard_of_its_edge() {
    let (mut scene, interface) = accepted();
    let mut servers = [Server::default(); 2];
    let day = 24 * 60 * 60 * 1000;
    let most = scene.now.millis() + day;
    let mut take = |scene: &mut Scene, server: usize, sequence: u64, up: bool| {
        let report = report(scene, sequence, up);
        servers[server].take(&mut scene.world, scene.now, &report)
    };
    for sequence in [most + 1, u64::MAX - 1, u64::MAX] {
        let text = format!(
            "sequence \"{sequence}\" must be at most {most}, a day beyond the server's clock in milliseconds; an agent \
             that is restarted counts from its own clock."
        );
        let revision = scene.world.revision;
        assert_eq!(take(&mut scene, 0, sequence, false), Err(text));
        assert_eq!(scene.world.revision, revision, "a refusal leaves nothing behind");
    }
    // The highest that is taken leaves room for those after it, in whatever order two servers get them.
    assert_eq!(take(&mut scene, 0, most, false), Ok(()));
    scene.later(1);
    assert_eq!(take(&mut scene, 1, most + 1, true), Ok(()));
    assert_eq!(bgp_up(&scene.world, &interface), Some(true));
    // What a build without the bound recorded, or this one before its clock was set back, silences nothing.
    for recorded in [u64::MAX, scene.now.millis() + 2 * day] {
        let access_key = None;
        let seen =
            EdgeSeen { at: scene.now, epoch: 1, generation: 1, sequence: recorded, access_key };
        scene.world.revision += 1;
        let at = key::edge_seen(&edge()).as_str().to_owned();
        scene.world.records.insert(at, (scene.world.revision, seen.into()));
        let mut fresh = [Server::default()];
        for (sequence, up) in [(10, false), (11, true)] {
            let report = report(&mut scene, sequence, up);
            assert_eq!(fresh[0].take(&mut scene.world, scene.now, &report), Ok(()));
            assert_eq!(bgp_up(&scene.world, &interface), Some(up), "after {recorded}");
        }
        let late = report(&mut scene, 10, false);
        let stale = "sequence \"10\" is not newer than the last report's, 11.";
        assert_eq!(fresh[0].take(&mut scene.world, scene.now, &late), Err(stale.to_owned()));
    }
}

#[test]
fn what_another_server_took_meanwhile_cannot_be_undone_by_a_late_report() {
    let (mut scene, interface) = accepted();
    let mut servers = [Server::default(); 2];
    let now = scene.now;
    let reports: Vec<_> =
        [(100, true), (101, false), (102, true)].map(|(n, up)| report(&mut scene, n, up)).into();
    let mut take =
        |server: usize, which: usize| servers[server].take(&mut scene.world, now, &reports[which]);
    assert_eq!(take(0, 0), Ok(()));
    // The second is on its way to the first server when the edge gives up and asks the other one, to which it says nothing
    // that the store does not have.
    assert_eq!(take(1, 2), Ok(()));
    let stale = "sequence \"101\" is not newer than the last report's, 102.";
    assert_eq!(take(0, 1), Err(stale.to_owned()));
    assert_eq!(bgp_up(&scene.world, &interface), Some(true));
}

#[test]
fn an_item_of_a_report_that_was_overtaken_half_way_is_refused() {
    let (mut scene, interface) = accepted();
    let (old, new) = (report(&mut scene, 50, false), report(&mut scene, 51, true));
    let mut server = Server::default();
    server.take(&mut scene.world, scene.now, &new).expect("is newer");
    for call in old.calls(&scene.world, scene.now) {
        let changes = matches!(
            call.command,
            Command::ReportSeen(_) | Command::ReportInterface(ReportInterface { .. })
        );
        if changes {
            let text = "sequence \"50\" is not newer than the last report's, 51.";
            refused(scene.world.run(&call), text);
        }
    }
    assert_eq!(bgp_up(&scene.world, &interface), Some(true));
}

#[test]
fn it_is_not_there_counts_only_in_the_epoch_in_which_it_was_said() {
    let (mut scene, interface) = accepted();
    scene.delete(B, &interface).expect("B's own");
    let (epoch, generation) = (scene.world.epoch(), scene.world.config(&edge()).generation);
    let let_go = |scene: &Scene, epoch: u64| {
        let head = Report {
            edge: edge(),
            version: ConfigVersion { epoch, generation },
            sequence: 1_000,
            access_key: None,
            ports: [].into(),
            interfaces: [].into(),
            new_keys: [].into(),
        }
        .head();
        let (named, with_new_keys) = (interface.clone(), Vec::new());
        let item = ReportInterface { head, interface: named, report: None, with_new_keys };
        let mut world = scene.world.clone();
        world.run(&as_edge(scene, Command::ReportInterface(item))).expect("a report");
        world.interface(&interface).map(|interface| interface.phase)
    };
    for other in [0, 1, epoch - 1, epoch + 1, u64::MAX] {
        assert_eq!(let_go(&scene, other), Some(Phase::Deleting), "epoch {other} of {epoch}");
    }
    assert_eq!(let_go(&scene, epoch), Some(Phase::Deleted));
    scene.operate(Command::RenewEpoch(RenewEpoch::After(epoch)));
    assert_eq!(let_go(&scene, epoch), Some(Phase::Deleting), "it has ended");
}

#[test]
fn an_epoch_is_later_than_every_one_before() {
    let mut scene = Scene::new();
    let now = scene.now.millis();
    assert_eq!(scene.world.epoch(), now, "the first is the moment of the first start");
    let first = |before: Option<u64>| Command::RenewEpoch(RenewEpoch::First { before });
    let after = |known: u64| Command::RenewEpoch(RenewEpoch::After(known));
    assert_eq!(scene.operate(first(None)), Outcome::Epoch(None), "there is one");
    assert_eq!(scene.operate(after(now - 1)), Outcome::Epoch(None), "somebody else renewed it");
    assert_eq!(
        scene.operate(after(now)),
        Outcome::Epoch(Some(Epoch(now + 1))),
        "in the same millisecond"
    );
    scene.now = Time::from_millis(5);
    assert_eq!(
        scene.operate(after(now + 1)),
        Outcome::Epoch(Some(Epoch(now + 2))),
        "the clock went back"
    );
    assert_eq!(scene.world.violations(), [""; 0]);

    // A copy of that store, started by a clock that is behind the original's.
    let mark = scene.world.records.remove(key::epoch(now + 2).as_str()).expect("the epoch");
    scene.world.records.insert(key::epoch_before(now + 2).into_string(), mark);
    assert_eq!(scene.world.violations(), [""; 0]);
    assert_eq!(scene.operate(first(Some(now + 2))), Outcome::Epoch(Some(Epoch(now + 3))));
    assert_eq!(scene.world.epoch(), now + 3);
    let left = scene.world.records.keys().filter(|at| at.starts_with("epoch")).count();
    assert_eq!(left, 1);

    let mark = scene.world.records[key::epoch(now + 3).as_str()].clone();
    scene.world.records.insert("epoch/7".to_owned(), mark.clone());
    scene.world.records.insert("epoch-before/x".to_owned(), mark);
    let found = scene.world.violations();
    assert_eq!(found.len(), 2, "{found:?}");
}

#[test]
fn an_interface_is_drained_in_stages_and_back_at_once() {
    let (mut scene, interface) = accepted();
    let drain = |undo, wait| {
        let interface = interface.to_string();
        Command::Drain(DrainInterface { interface, wait, undo })
    };
    let stage = |scene: &Scene| scene.world.config(&edge()).interfaces[0].peers[0].drain;
    let before = scene.world.config(&edge());
    scene.operate(drain(false, Some(10)));
    assert_eq!(stage(&scene), Some(DrainStage::Graceful));
    // Asked again, it goes on as it was.
    scene.later(9_000).operate(drain(false, Some(600)));
    scene.reconcile();
    assert_eq!(stage(&scene), Some(DrainStage::Graceful));
    scene.later(1_000).reconcile();
    assert_eq!(stage(&scene), Some(DrainStage::Withdrawn));
    scene.later(5_000).reconcile();
    assert_eq!(stage(&scene), Some(DrainStage::Shut));
    scene.later(1_000_000).reconcile();
    assert_eq!(stage(&scene), Some(DrainStage::Shut));
    scene.operate(drain(true, None));
    assert_eq!(scene.world.config(&edge()).interfaces, before.interfaces);
    assert_eq!(scene.world.violations(), Vec::<String>::new());
    // Deleted while it is drained: nothing of that is left to be done.
    scene.operate(drain(false, None));
    scene.delete(B, &interface).expect("its own");
    scene.later(1_000_000).reconcile();
    assert_eq!(scene.world.violations(), Vec::<String>::new());
    for (wait, id) in
        [(Some(-1), interface.as_str()), (Some(3601), interface.as_str()), (None, "dxvif-f9999999")]
    {
        let command = DrainInterface { interface: id.to_owned(), wait, undo: false };
        let text = if wait.is_some() { "waitSeconds" } else { "does not exist" };
        let error = scene.by(Principal::Operator, Command::Drain(command)).expect_err(text);
        assert!(error.to_string().contains(text), "{error}");
    }
}

#[test]
fn a_session_is_reset_while_its_interface_is_accepted_and_the_state_stays_what_it_was() {
    let (mut scene, interface) = accepted();
    let reset = |id: &str| Command::ResetSession(id.to_owned());
    let before = scene.world.interface(&interface).expect("is there").clone();
    let generation = scene.world.config(&edge()).generation;
    for number in 1..=2 {
        scene.operate(reset(interface.as_str()));
        let config = scene.world.config(&edge());
        assert_eq!(config.interfaces[0].peers[0].session_resets, number);
        assert!(config.generation > generation);
    }
    let after = scene.world.interface(&interface).expect("is there").clone();
    let mut undone = after;
    undone.peers[0].session_resets = 0;
    assert_eq!(undone, before);
    assert_eq!(scene.world.violations(), [""; 0]);

    scene.delete(B, &interface).expect("B's own");
    let by = |scene: &mut Scene, id: &str| scene.by(Principal::Operator, reset(id));
    let rule = |state: &str| {
        format!(
            "virtualInterfaceId \"{interface}\" is in state {state}; only one that was accepted has a BGP session."
        )
    };
    refused(by(&mut scene, interface.as_str()), &rule("deleting"));
    scene.settle(true, true);
    refused(by(&mut scene, interface.as_str()), &rule("deleted"));
    for unknown in ["dxvif-zzzzzzzz", "dxcon-1", ""] {
        let text = by(&mut scene, unknown).expect_err("must be refused").to_string();
        assert!(text.contains("does not exist"), "{text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: Some(Box::new(proptest::test_runner::FileFailurePersistence::WithSource("regressions"))),
        source_file: Some(file!()),
        ..ProptestConfig::with_cases(128)
    })]

    /// However reports are spread over servers, delayed and overtaken: what the store says of the interface is what the
    /// newest report said of those that have arrived. Servers forget, too.
    #[test]
    fn the_newest_report_that_arrived_counts(
        said in prop::collection::vec((any::<bool>(), 0..3_usize, 0..6_usize, 0..9_u8), 1..40),
    ) {
        let (mut scene, interface) = accepted();
        let mut servers = [Server::default(); 3];
        // By the moment of their arrival; the edge goes on without waiting for answers.
        let mut arrivals: Vec<(usize, u64, bool, usize, u8)> = said
            .iter()
            .enumerate()
            .map(|(nth, (up, server, delay, event))| {
                (nth + delay, 100 + nth as u64, *up, *server, *event)
            })
            .collect();
        arrivals.sort();
        let mut newest = 0;
        for (_, sequence, up, server, event) in arrivals {
            match event {
                0 => servers[server] = Server::default(),
                1 => _ = scene.later(20_000),
                _ => {}
            }
            let report = report(&mut scene, sequence, up);
            let before = bgp_up(&scene.world, &interface);
            let taken = servers[server].take(&mut scene.world, scene.now, &report);
            let after = bgp_up(&scene.world, &interface);
            if sequence > newest {
                newest = sequence;
                prop_assert_eq!((taken, after), (Ok(()), Some(up)), "report {}", sequence);
            } else {
                prop_assert_eq!(after, before, "report {} after {}", sequence, newest);
            }
        }
    }
}

/// Whoever gets hold of an edge's key can send the highest number that is taken: it silences the edge no longer than until the
/// operator says that the edge is to be heard again.
#[test]
fn an_edge_is_heard_again_after_a_reset() {
    let (mut scene, interface) = accepted();
    let highest = scene.now.millis() + 24 * 60 * 60 * 1000;
    let take = |scene: &mut Scene, sequence: u64, up: bool| {
        let report = report(scene, sequence, up);
        Server::default().take(&mut scene.world, scene.now, &report)
    };
    assert_eq!(take(&mut scene, highest, false), Ok(()));
    let stale = format!("sequence \"{}\" is not newer than the last report's, {highest}.", 11);
    assert_eq!(take(&mut scene, 11, true), Err(stale));
    let generation = scene.world.config(&edge()).generation;
    scene.operate(Command::ResetEdge(R1.to_owned()));
    assert_eq!(scene.world.config(&edge()).generation, generation, "nothing for the router to do");
    for (sequence, up) in [(11, true), (12, false), (13, true)] {
        assert_eq!(take(&mut scene, sequence, up), Ok(()));
        assert_eq!(bgp_up(&scene.world, &interface), Some(up));
    }
    let stale = "sequence \"12\" is not newer than the last report's, 13.";
    assert_eq!(take(&mut scene, 12, true), Err(stale.to_owned()));
    assert_eq!(scene.world.violations(), Vec::<String>::new());
}

/// When an edge was heard is kept, but for a moment in the future, which would hide its silence.
#[test]
fn a_reset_does_not_make_an_edge_silent_or_hide_that_it_is() {
    let (mut scene, _) = accepted();
    let seen = |scene: &Scene| match scene.world.records.get(key::edge_seen(&edge()).as_str()) {
        Some((_, Record::EdgeSeen(seen))) => seen.clone(),
        other => panic!("{other:?}"),
    };
    let heard = seen(&scene).at;
    scene.later(60_000);
    scene.operate(Command::ResetEdge(R1.to_owned()));
    assert_eq!((seen(&scene).at, seen(&scene).sequence), (heard, 0));
    scene.now = Time::from_millis(heard.millis() - 60_000);
    scene.operate(Command::ResetEdge(R1.to_owned()));
    assert_eq!(seen(&scene).at, scene.now);
    refused(
        scene.by(Principal::Operator, Command::ResetEdge("nowhere".to_owned())),
        "edgeId \"nowhere\" does not exist.",
    );
}

/// A stolen key's number means nothing to the key that takes its place; for one key, numbers rise.
#[test]
fn numbers_are_those_of_the_key_that_signs() {
    let (mut scene, interface) = accepted();
    let key = |text: &str| AccessKeyId::parse(text).expect("an access key's id");
    let keys = [key("AKIAIOSFODNN7EXAMPLE"), key("AKIAI44QH8DHBEXAMPLE")];
    let highest = scene.now.millis() + 24 * 60 * 60 * 1000;
    let take = |scene: &mut Scene, signed: usize, sequence: u64, up: bool| {
        let access_key = Some(keys[signed].clone());
        let report = Report { access_key, ..report(scene, sequence, up) };
        Server::default().take(&mut scene.world, scene.now, &report)
    };
    assert_eq!(take(&mut scene, 0, highest, false), Ok(()));
    let stale = format!("sequence \"11\" is not newer than the last report's, {highest}.");
    assert_eq!(take(&mut scene, 0, 11, true), Err(stale));
    assert_eq!(take(&mut scene, 1, 11, true), Ok(()));
    assert_eq!(bgp_up(&scene.world, &interface), Some(true));
    let stale = "sequence \"11\" is not newer than the last report's, 11.";
    assert_eq!(take(&mut scene, 1, 11, false), Err(stale.to_owned()));
    // An earlier build has not recorded whose number it is.
    scene.operate(Command::ResetEdge(R1.to_owned()));
    let unsigned = report(&mut scene, 20, true);
    assert_eq!(Server::default().take(&mut scene.world, scene.now, &unsigned), Ok(()));
    let take = |scene: &mut Scene, signed: usize, sequence: u64| {
        let access_key = Some(keys[signed].clone());
        let report = Report { access_key, ..report(scene, sequence, true) };
        Server::default().take(&mut scene.world, scene.now, &report)
    };
    let stale = "sequence \"15\" is not newer than the last report's, 20.";
    assert_eq!(take(&mut scene, 0, 15), Err(stale.to_owned()));
    assert_eq!(take(&mut scene, 0, 21), Ok(()));
}
