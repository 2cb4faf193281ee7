//! Rounds: each contender has a short turn in every round, so that other load on the machine affects all of them, and
//! compared figures are measured within seconds of each other.

use std::time::Duration;

use anyhow::{Context, Result};

use crate::load::{self, Requests};
use crate::process::Process;
use crate::report::median;

/// Connections of the load generator.
pub const CONNECTIONS: usize = 64;
/// Requests of the warm-up turn.
const FIRST: usize = 30_000;
/// Requests in addition to the expected number.
const FEWEST: usize = 5_000;
/// Load at the beginning of a turn that is not measured.
const WARM_UP: Duration = Duration::from_millis(200);

/// Makes the requests of one turn, given how many of the last turn's were sent and how many are needed
/// at most.
pub type Source<'a> = Box<dyn FnMut(usize, usize) -> Result<Requests> + 'a>;

/// A measured process and its requests.
pub struct Contender<'a> {
    process: &'a Process,
    source: Source<'a>,
    sent: usize,
    expected: usize,
    turns: Vec<Turn>,
}

/// The result of one turn.
#[derive(Clone, Copy, Debug)]
pub struct Turn {
    /// Correct answers within its time.
    pub answers: f64,
    seconds: f64,
    cpu_seconds: f64,
    /// The median of the latency, in milliseconds.
    pub median_ms: f64,
    /// Its 99th percentile, in milliseconds.
    pub p99_ms: f64,
}

impl<'a> Contender<'a> {
    /// Without any turn yet.
    pub fn new(process: &'a Process, source: Source<'a>) -> Self {
        Self { process, source, sent: 0, expected: FIRST, turns: Vec::new() }
    }

    fn turn(&mut self, time: Duration) -> Result<()> {
        let turn = self.turn_with(CONNECTIONS, time)?;
        self.turns.push(turn);
        Ok(())
    }

    /// A turn with so many connections, which no figure of this contender counts.
    ///
    /// # Errors
    ///
    /// Requests cannot be made, or an answer is wrong.
    pub fn turn_with(&mut self, connections: usize, time: Duration) -> Result<Turn> {
        let requests = (self.source)(self.sent, self.expected)?;
        load::run(self.process.address, connections, WARM_UP, &requests)?;
        let before = self.process.cpu()?;
        let round = load::run(self.process.address, connections, time, &requests)?;
        let cpu = self.process.cpu()? - before;
        self.sent = requests.sent();
        // 1.5 times what a turn needs at this rate.
        let needed = round.rate() * (time + WARM_UP).as_secs_f64() * 1.5;
        self.expected = needed as usize + FEWEST;
        Ok(Turn {
            answers: round.answers as f64,
            seconds: round.elapsed.as_secs_f64(),
            cpu_seconds: cpu,
            median_ms: round.latency(0.5),
            p99_ms: round.latency(0.99),
        })
    }

    fn median(&self, of: impl Fn(&Turn) -> f64) -> f64 {
        median(&self.turns.iter().map(of).collect::<Vec<_>>())
    }

    fn sum(&self, of: impl Fn(&Turn) -> f64) -> f64 {
        self.turns.iter().map(of).sum()
    }

    /// Answers a second, over all turns: not a median, which would hide turns in which a store has
    /// deferred work to do.
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

/// Gives each contender a turn in each of `rounds` rounds, after a warm-up round.
///
/// # Errors
///
/// Requests cannot be made, or an answer is wrong.
pub fn run_rounds(contenders: &mut [Contender<'_>], rounds: usize, time: Duration) -> Result<()> {
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
