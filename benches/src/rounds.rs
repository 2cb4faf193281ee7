//! Rounds: every contender gets a short turn in each, so that whatever else the machine does hits all of them, and what
//! is compared was measured within seconds.

use std::time::Duration;

use anyhow::{Context, Result};

use crate::load::{self, Requests};
use crate::process::Process;
use crate::report::median;

/// Connections of the load generator.
pub const CONNECTIONS: usize = 64;
/// At the beginning of a turn, not measured.
const WARM_UP: Duration = Duration::from_millis(200);

/// Makes the requests of one turn, given how many will be needed at most.
pub type Source<'a> = Box<dyn FnMut(usize) -> Result<Requests> + 'a>;

/// Who is measured.
pub struct Contender<'a> {
    process: &'a Process,
    source: Source<'a>,
    expected: usize,
    turns: Vec<Turn>,
}

/// What one turn gave.
#[derive(Clone, Copy, Debug)]
struct Turn {
    rate: f64,
    median_ms: f64,
    p99_ms: f64,
    cpu_micros: f64,
}

impl<'a> Contender<'a> {
    /// A process and its requests.
    pub fn new(process: &'a Process, source: Source<'a>) -> Self {
        Self { process, source, expected: 2000, turns: Vec::new() }
    }

    fn turn(&mut self, time: Duration) -> Result<()> {
        let requests = (self.source)(self.expected)?;
        load::run(self.process.address, CONNECTIONS, WARM_UP, &requests)?;
        let before = self.process.cpu()?;
        let round = load::run(self.process.address, CONNECTIONS, time, &requests)?;
        let cpu = self.process.cpu()? - before;
        // Half as many again as a whole turn of this rate needs.
        self.expected = (round.rate() * (time + WARM_UP).as_secs_f64() * 1.5) as usize + 2000;
        self.turns.push(Turn {
            rate: round.rate(),
            median_ms: round.latency(0.5),
            p99_ms: round.latency(0.99),
            cpu_micros: cpu * 1e6 / round.answers.max(1) as f64,
        });
        Ok(())
    }

    fn median(&self, of: impl Fn(&Turn) -> f64) -> f64 {
        median(&self.turns.iter().map(of).collect::<Vec<_>>())
    }

    /// Answers a second.
    pub fn rate(&self) -> f64 {
        self.median(|turn| turn.rate)
    }

    /// Median and 99th percentile of the latency, in milliseconds.
    pub fn latencies(&self) -> (f64, f64) {
        (self.median(|turn| turn.median_ms), self.median(|turn| turn.p99_ms))
    }

    /// CPU time of the process for each answer, in microseconds.
    pub fn cpu_micros(&self) -> f64 {
        self.median(|turn| turn.cpu_micros)
    }

    /// How many times another's rate this one's is: the median of the rounds' ratios.
    pub fn against(&self, other: &Self) -> f64 {
        let pairs = self.turns.iter().zip(&other.turns);
        median(&pairs.map(|(own, others)| own.rate / others.rate).collect::<Vec<_>>())
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
