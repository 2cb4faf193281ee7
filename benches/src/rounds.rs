//! Rounds: every contender gets a short turn in each, so that whatever else the machine does hits all of them, and what
//! is compared was measured within seconds.

use std::time::Duration;

use anyhow::{Context, Result};

use crate::load::{self, Requests};
use crate::process::Process;
use crate::report::median;

/// Connections of the load generator.
pub const CONNECTIONS: usize = 64;
/// Requests that are made for the first turn, which does not count.
const FIRST: usize = 30_000;
/// Requests that are made at least, beside what is expected.
const FEWEST: usize = 5_000;
/// At the beginning of a turn, not measured.
const WARM_UP: Duration = Duration::from_millis(200);

/// Makes the requests of one turn, given how many of the last turn's were sent and how many will be
/// needed at most.
pub type Source<'a> = Box<dyn FnMut(usize, usize) -> Result<Requests> + 'a>;

/// Who is measured.
pub struct Contender<'a> {
    process: &'a Process,
    source: Source<'a>,
    sent: usize,
    expected: usize,
    turns: Vec<Turn>,
}

/// What one turn gave.
#[derive(Clone, Copy, Debug)]
struct Turn {
    answers: f64,
    seconds: f64,
    cpu_seconds: f64,
    median_ms: f64,
    p99_ms: f64,
}

impl<'a> Contender<'a> {
    /// A process and its requests.
    pub fn new(process: &'a Process, source: Source<'a>) -> Self {
        Self { process, source, sent: 0, expected: FIRST, turns: Vec::new() }
    }

    fn turn(&mut self, time: Duration) -> Result<()> {
        let requests = (self.source)(self.sent, self.expected)?;
        load::run(self.process.address, CONNECTIONS, WARM_UP, &requests)?;
        let before = self.process.cpu()?;
        let round = load::run(self.process.address, CONNECTIONS, time, &requests)?;
        let cpu = self.process.cpu()? - before;
        self.sent = requests.sent();
        // Half as many again as a whole turn of this rate needs.
        let needed = round.rate() * (time + WARM_UP).as_secs_f64() * 1.5;
        self.expected = needed as usize + FEWEST;
        self.turns.push(Turn {
            answers: round.answers as f64,
            seconds: round.elapsed.as_secs_f64(),
            cpu_seconds: cpu,
            median_ms: round.latency(0.5),
            p99_ms: round.latency(0.99),
        });
        Ok(())
    }

    fn median(&self, of: impl Fn(&Turn) -> f64) -> f64 {
        median(&self.turns.iter().map(of).collect::<Vec<_>>())
    }

    fn sum(&self, of: impl Fn(&Turn) -> f64) -> f64 {
        self.turns.iter().map(of).sum()
    }

    /// Answers a second, over all turns: a store that has more to do in some of them than in others
    /// must not hide that behind a median.
    pub fn rate(&self) -> f64 {
        self.sum(|turn| turn.answers) / self.sum(|turn| turn.seconds)
    }

    /// Median and 99th percentile of the latency, in milliseconds.
    pub fn latencies(&self) -> (f64, f64) {
        (self.median(|turn| turn.median_ms), self.median(|turn| turn.p99_ms))
    }

    /// CPU time of the process for each answer, in microseconds.
    pub fn cpu_micros(&self) -> f64 {
        self.sum(|turn| turn.cpu_seconds) * 1e6 / self.sum(|turn| turn.answers)
    }
}

/// Gives everyone a turn in each of `rounds` rounds, after one that does not count.
pub fn play(contenders: &mut [Contender<'_>], rounds: usize, time: Duration) -> Result<()> {
    for round in 0..=rounds {
        for (index, contender) in contenders.iter_mut().enumerate() {
            contender.turn(time).with_context(|| format!("round {round}, contender {index}"))?;
            if round == 0 {
                contender.turns.clear();
            }
        }
    }
    Ok(())
}
