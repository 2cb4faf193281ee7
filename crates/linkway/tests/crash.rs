//! Invariant 5: an acknowledged write is never lost; a refused one leaves nothing behind.
//!
//! Writers change things as fast as they can until the server is killed under them. After each
//! restart everything is read back and compared with what was acknowledged; of what was under way,
//! either all of it is there or nothing.

mod process;

#[path = "crash/audit.rs"]
mod audit;
#[path = "crash/writer.rs"]
mod writer;

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use fastrand::Rng;
use process::client::Client;
use process::world::{Pair, connection, simulated_location, text};
use process::{Desk, Process, QUICK, ROOMY, seed, wait_for};
use serde_json::{Value, json};
use writer::{Phase, Writer};

const KILLS: u32 = 50;
const WRITERS: u64 = 4;
const CHECK_EVERY: u32 = 10;
/// What was begun is asked for one by one: a quick server answers more in a second than it lets one key ask.
const UNTHROTTLED: &str = "[throttle]\nkey_per_second = 0.0\naccount_per_second = 0.0\n";

#[test]
fn acknowledged_writes_survive_every_kill() {
    let mut rng = Rng::with_seed(seed());
    let desk = Desk::new(&[QUICK, UNTHROTTLED, ROOMY].concat());
    let mut server = desk.start();
    let mut operator = desk.operator(&server);
    simulated_location(&mut operator);
    let mut pair = Pair::create(&mut operator, server.address(), 1);
    let mut writers: Vec<_> =
        (0..WRITERS).map(|number| Writer::new(number, rng.u64(..), &pair)).collect();
    for kill in 1..=KILLS {
        let moment = Duration::from_millis(rng.u64(50..=400));
        server = under_load(server, &mut writers, moment, &desk, kill);
        compare(&server, &pair, &mut writers, kill.is_multiple_of(CHECK_EVERY));
        if kill.is_multiple_of(CHECK_EVERY) {
            // What there is by now is looked at again whenever everything is; a fresh connection
            // keeps the comparisons in between short.
            pair.connection = connection(&mut pair.lender.client(server.address()), "trunk");
            writers.iter_mut().for_each(|writer| writer.go_on(&pair.connection));
        }
    }
    settle(&mut pair.lender.client(server.address()), &writers);
    compare(&server, &pair, &mut writers, true);
    audit::compare(&mut desk.operator(&server), &writers);
    server.stop();
    assert_eq!(desk.check(), [""; 0]);
    let acknowledged: usize = writers.iter().map(|writer| writer.acknowledged.len()).sum();
    let unknown: u32 = writers.iter().map(|writer| writer.unknown).sum();
    println!("{KILLS} kills, {acknowledged} acknowledged changes, {unknown} without an answer");
    assert!(acknowledged > KILLS as usize && unknown > 0, "the load was no load");
}

/// Lets all writers loose, kills the server, and starts it again. Now and then it is killed once
/// more while it starts.
fn under_load(
    mut server: Process,
    writers: &mut [Writer],
    moment: Duration,
    desk: &Desk,
    kill: u32,
) -> Process {
    let address = server.address();
    std::thread::scope(|scope| {
        for writer in writers {
            scope.spawn(move || writer.run(address));
        }
        std::thread::sleep(moment);
        server.kill();
    });
    if kill.is_multiple_of(CHECK_EVERY) {
        assert_eq!(desk.check(), [""; 0], "after kill {kill}");
    }
    if kill.is_multiple_of(5) {
        server = Process::spawn(desk.serve_command([] as [&str; 0]));
        std::thread::sleep(moment / 10);
        server.kill();
    }
    desk.start()
}

/// Compares what can be read with what was acknowledged: of the connection that is written to, or
/// of everything that ever was.
fn compare(server: &Process, pair: &Pair, writers: &mut [Writer], everything: bool) {
    const VIFS: (&str, &str, &str) =
        ("DescribeVirtualInterfaces", "virtualInterfaces", "virtualInterfaceId");
    let mut lender = pair.lender.client(server.address());
    let orders = ("DescribeConnections", "connections", "connectionId");
    let mut orders = by_id(&mut lender, orders, json!({}));
    orders.retain(|_, order| order["connectionName"] != "trunk");
    let scope = if everything { json!({}) } else { json!({ "connectionId": pair.connection }) };
    let mut lent = by_id(&mut lender, VIFS, scope);
    let ids = |shown: &HashMap<String, Value>| shown.keys().cloned().collect::<HashSet<_>>();
    let mut owned = None;
    if everything {
        let seen = by_id(&mut pair.recipient.client(server.address()), VIFS, json!({}));
        assert_eq!(ids(&lent), ids(&seen), "both sides see the same ones");
        owned = Some(seen);
    }
    for writer in writers {
        writer.learn(&lent, &orders);
        writer.compare(&mut lent, &mut orders, owned.as_ref());
    }
    assert_eq!(ids(&lent), HashSet::new(), "interfaces that nobody made");
    assert_eq!(ids(&orders), HashSet::new(), "connections that nobody ordered");
}

/// A list by the ids of its elements.
fn by_id(
    caller: &mut Client,
    (operation, member, id): (&str, &str, &str),
    scope: Value,
) -> HashMap<String, Value> {
    let shown = caller.all(operation, member, scope);
    shown.into_iter().map(|shown| (text(&shown, id), shown)).collect()
}

/// What was begun is brought to its end after all those kills.
fn settle(lender: &mut Client, writers: &[Writer]) {
    let began = Instant::now();
    for lent in writers.iter().flat_map(|writer| &writer.lent) {
        let end = match lent.phase {
            Phase::Accepted => "available",
            Phase::Deleting => "deleted",
            Phase::Confirming | Phase::Rejected | Phase::Deleted => continue,
        };
        wait_for(end, || (lender.interface_state(&lent.id) == end).then_some(()));
    }
    println!("settled within {:?}", began.elapsed());
}

/// The first start makes several files; wherever it is cut off, the next one finishes.
#[test]
fn a_first_start_that_is_killed_is_finished_by_the_next() {
    let mut rng = Rng::with_seed(seed());
    for _ in 0..15 {
        let desk = Desk::new(QUICK);
        let starting = Process::spawn(desk.serve_command([] as [&str; 0]));
        std::thread::sleep(Duration::from_micros(rng.u64(500..=40_000)));
        starting.kill();
        let server = desk.start();
        simulated_location(&mut desk.operator(&server));
        server.stop();
        assert_eq!(desk.check(), [""; 0]);
    }
}
