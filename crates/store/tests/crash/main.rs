//! A process that writes and merges is ended in the middle of it, again and again: killed, and with the whole machine,
//! whose kernel then loses what it had not written. What was answered is there.

#![allow(clippy::unwrap_used, reason = "a failure here is a failure of the test")]

mod machine;
mod victim;

use std::io::BufReader;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use victim::{Account, NAME};

const KILLS: u64 = 40;
const POWER_CUTS: u64 = 6;
/// How many answers a victim is to give at least, where its end is not to come before them.
const ANSWERS: u64 = 21;

/// A moment that differs from round to round, in milliseconds.
fn moment(round: u64, most: u64) -> Duration {
    Duration::from_millis(round * 7919 % most)
}

#[test]
fn what_was_answered_survives_every_kill() {
    if let Some(path) = std::env::var_os(victim::DATABASE) {
        return victim::run(path.as_ref());
    }
    let dir = tempfile::tempdir().unwrap();
    let mut account = Account::default();
    for round in 1..=KILLS {
        let mut victim = Command::new(std::env::current_exe().unwrap())
            .args([NAME, "--exact", "--nocapture"])
            .env(victim::DATABASE, dir.path().join("db"))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let out = BufReader::new(victim.stdout.take().unwrap());
        let (told, answered) = mpsc::channel();
        // Whoever is killed while it opens the database hears of no answer any more.
        let listening = std::thread::spawn(move || {
            victim::listen(out, || {
                let _killed = told.send(());
            })
        });
        // A slow machine may not come to an answer in the time that is enough for a fast one.
        if round % 2 == 0 {
            (0..ANSWERS).for_each(|_| answered.recv().expect("an answer"));
        }
        std::thread::sleep(moment(round, 240));
        victim.kill().unwrap();
        victim.wait().unwrap();
        account.take(&listening.join().unwrap());
    }
    println!("{account:?}");
    assert!(account.looks >= KILLS / 2 && account.total() > 10 * KILLS, "{account:?}");
}

#[test]
fn what_was_answered_survives_every_loss_of_power() {
    let machine = machine::Machine::new();
    let mut account = Account::default();
    for round in 1..=POWER_CUTS {
        account.take(&machine.run_and_cut(Duration::from_millis(100) + moment(round, 900)));
    }
    account.take(&machine.run_and_look());
    println!("{account:?}");
    assert!(account.looks == POWER_CUTS + 1 && account.total() > 10 * POWER_CUTS, "{account:?}");
}
