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

use std::collections::HashMap;
use std::time::{Duration, Instant};

use fastrand::Rng;
use process::client::Client;
use process::world::{Pair, simulated_location};
use process::{Desk, Process, QUICK, seed, wait_for};
use serde_json::{Value, json};
use writer::{Phase, Writer};

const KILLS: u32 = 50;
const WRITERS: u64 = 4;
const CHECK_EVERY: u32 = 10;

#[test]
fn acknowledged_writes_survive_every_kill() {
    let mut rng = Rng::with_seed(seed());
    let desk = Desk::new(QUICK);
    let mut server = desk.start();
    let mut operator = desk.operator(&server);
    simulated_location(&mut operator);
    let pair = Pair::create(&mut operator, server.address(), 1);
    let mut writers: Vec<_> =
        (0..WRITERS).map(|number| Writer::new(number, rng.u64(..), &pair)).collect();
    for kill in 1..=KILLS {
        let moment = Duration::from_millis(rng.u64(50..=400));
        server = under_load(server, &mut writers, moment, &desk, kill);
        compare(&desk, &server, &pair, &mut writers);
    }
    let address = server.address();
    settle(&mut pair.lender.client(address), &writers);
    compare(&desk, &server, &pair, &mut writers);
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
    if kill % CHECK_EVERY == 0 {
        assert_eq!(desk.check(), [""; 0], "after kill {kill}");
    }
    if kill % 5 == 0 {
        server = Process::spawn(desk.serve_command([] as [&str; 0]));
        std::thread::sleep(moment / 10);
        server.kill();
    }
    desk.start()
}

/// Compares everything that can be read with everything that was acknowledged.
fn compare(desk: &Desk, server: &Process, pair: &Pair, writers: &mut [Writer]) {
    let mut lender = pair.lender.client(server.address());
    let mut left: HashMap<String, Value> = lender
        .all("DescribeVirtualInterfaces", "virtualInterfaces", json!({}))
        .into_iter()
        .map(|shown| (process::world::text(&shown, "virtualInterfaceId"), shown))
        .collect();
    let orders = lender.all("DescribeConnections", "connections", json!({}));
    let mut orders: HashMap<String, Value> = orders
        .into_iter()
        .map(|shown| (process::world::text(&shown, "connectionId"), shown))
        .collect();
    orders.remove(&pair.connection).expect("the connection is there");
    for writer in writers.iter_mut() {
        writer.learn(&left, &orders);
        writer.compare(&mut left, &mut orders);
    }
    assert_eq!(left.keys().collect::<Vec<_>>(), [""; 0], "interfaces that nobody made");
    assert_eq!(orders.keys().collect::<Vec<_>>(), [""; 0], "connections that nobody ordered");
    // The recipient sees the same ones.
    let seen = pair.recipient.client(server.address());
    let seen = { seen }.all("DescribeVirtualInterfaces", "virtualInterfaces", json!({})).len();
    let made: usize = writers.iter().map(|writer| writer.lent.len()).sum();
    assert_eq!(seen, made, "what the recipient sees");
    assert!(desk.file("operator.json").exists());
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
