//! The driver with real BIRDs: ours in VRFs, one for each customer beyond a link.
//!
//! The scenes follow each other on one machine; each leaves the sessions up for the next.

#![allow(clippy::unwrap_used, reason = "a test")]

mod associations;
#[path = "../bird_common/mod.rs"]
mod bird_common;
mod customer;
mod fabric;
mod machine;
mod questions;
mod restarts;
mod rotation;
mod scenes;
mod shut;
mod stage;
mod tables;

use std::fs::OpenOptions;
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::time::Instant;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // It takes minutes, so nextest leaves it out: it is in the list of the ignored ones too. `make scenes` runs it.
    if arguments.iter().any(|a| a == "--list") {
        println!("bird: test");
        return ExitCode::SUCCESS;
    }
    let Some(verdict) = std::env::var_os(machine::INSIDE) else {
        return machine::run(&arguments);
    };
    let mut verdict = OpenOptions::new().append(true).open(verdict).expect("the verdict's file");
    let mut say = |text: String| writeln!(verdict, "{text}").expect("writing the verdict");
    if !machine::has_vrfs() {
        say("this kernel has VRFs, and the look for them does not find them".to_owned());
        return ExitCode::FAILURE;
    }
    let mut stage = stage::Stage::new();
    for (name, scene) in scenes::ALL {
        let began = Instant::now();
        let held = catch_unwind(AssertUnwindSafe(|| scene(&mut stage)));
        let took = began.elapsed().as_secs_f32();
        match held {
            Ok(()) => say(format!("ok     {took:5.1} s  {name}")),
            Err(panic) => {
                let text = panic.downcast::<String>().map_or_else(
                    |p| p.downcast::<&str>().map_or_else(|_| "?".into(), |p| p.to_string()),
                    |p| *p,
                );
                say(format!("FAILED {took:5.1} s  {name}\n{text}\n{}", stage.details()));
                return ExitCode::FAILURE;
            }
        }
    }
    stage.end();
    say("everything held".to_owned());
    ExitCode::SUCCESS
}
