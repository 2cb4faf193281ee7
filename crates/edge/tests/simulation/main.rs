//! A seeded simulation of two servers, a router with its agent, tenants, an operator, and everything that goes wrong
//! between them. Real are the rules (`decide`, `project`), the plan and the agent; the store, the kernel, the daemon and
//! the wire are models.
//!
//! Invariants 2, 4, 5 and 7 of the design are looked at after every event; when the faults stop, everything has to come
//! right. `SIMULATION_SEEDS` sets how many seeds are played, `SIMULATION_SEED` plays one and prints its story.

#[path = "../common/mod.rs"]
mod common;
mod events;
#[path = "../../../domain/tests/common/mod.rs"]
mod installation;
mod state;
mod verdict;

use std::panic::{AssertUnwindSafe, catch_unwind};

use state::{HAPPENS, Simulation, Tally};

/// How many seeds are played unless told otherwise; about 20 seconds unoptimised.
const SEEDS: u64 = 2_000;
/// How many events a seed has.
const EVENTS: usize = 90;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("is a number"))
}

fn play(seed: u64, aloud: bool) -> Tally {
    let mut simulation = Simulation::new(seed);
    let told = catch_unwind(AssertUnwindSafe(|| {
        for _ in 0..EVENTS {
            simulation.event();
            simulation.judge();
        }
        simulation.settle();
    }));
    if aloud || told.is_err() {
        println!("{}", simulation.story.join("\n"));
    }
    if let Err(failure) = told {
        println!("SIMULATION_SEED={seed} plays this one again");
        std::panic::resume_unwind(failure);
    }
    simulation.tally
}

#[test]
fn invariants_2_4_5_and_7_hold_through_everything() {
    if let Some(seed) = number("SIMULATION_SEED") {
        play(seed, true);
        return;
    }
    let seeds = number("SIMULATION_SEEDS").unwrap_or(SEEDS);
    let mut tally = Tally::default();
    for seed in 0..seeds {
        for (what, count) in play(seed, false).0 {
            *tally.0.entry(what).or_default() += count;
        }
    }
    println!("{tally:?}");
    let never: Vec<_> = HAPPENS.iter().filter(|what| !tally.0.contains_key(**what)).collect();
    assert!(seeds < 1_000 || never.is_empty(), "never happened in {seeds} seeds: {never:?}");
}
