//! Pings from the customer's host to the host in the VPC.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde::Serialize;

use super::runner::{Runner, Running};
use super::topology::{CUSTOMER, VPC_HOST};

/// How many pings were sent and how many were answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Pings {
    /// Echo requests.
    pub sent: u32,
    /// Echo replies.
    pub received: u32,
}

/// Sends `count` pings, five a second, and waits a second for the last answer.
///
/// # Errors
///
/// `ping` cannot be run, or its summary cannot be read.
pub fn ping(runner: Runner, count: u32) -> anyhow::Result<Pings> {
    let count = count.to_string();
    let words = ["ping", "-n", "-c", &count, "-i", "0.2", "-W", "1", VPC_HOST];
    let line: Vec<_> = ["ip", "netns", "exec", CUSTOMER].into_iter().chain(words).collect();
    // The exit status only says whether anything was answered; the summary has the numbers.
    let done = runner.attempt(&line, "")?;
    parse(&done.out).with_context(|| format!("ping says: {}{}", done.out, done.err))
}

/// Ten pings a second, until the first is answered.
pub struct ContinuousPing(Running);

impl ContinuousPing {
    /// Starts them.
    pub fn start(runner: Runner) -> anyhow::Result<Self> {
        let words = ["ping", "-n", "-i", "0.1", VPC_HOST];
        let line: Vec<_> = ["ip", "netns", "exec", CUSTOMER].into_iter().chain(words).collect();
        Ok(Self(runner.start(&line)?))
    }

    /// The moment of the first answer; ends the pings.
    pub fn first_answer(self, timeout: Duration) -> Option<Instant> {
        self.0.wait_for(timeout, |line| line.contains("bytes from"))
    }
}

/// From `5 packets transmitted, 0 received, +5 errors, 100% packet loss`.
fn parse(text: &str) -> Option<Pings> {
    let line = text.lines().find(|line| line.contains("packets transmitted"))?;
    let number_before = |word: &str| {
        let part = line.split(", ").find(|part| part.contains(word))?;
        part.split(' ').next()?.parse().ok()
    };
    Some(Pings { sent: number_before("transmitted")?, received: number_before("received")? })
}

#[cfg(test)]
mod tests {
    use super::{Pings, parse};

    #[test]
    fn the_summary_is_read() {
        let check = |line: &str, wanted| assert_eq!(parse(line), wanted, "{line}");
        let some = |sent, received| Some(Pings { sent, received });
        check("5 packets transmitted, 5 received, 0% packet loss, time 803ms", some(5, 5));
        check("x\n5 packets transmitted, 0 received, +5 errors, 100% packet loss", some(5, 0));
        check("ping: connect: Network is unreachable", None);
    }
}
