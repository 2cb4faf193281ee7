//! Sends reports from a thread of its own. Only the newest one waits: it says all that the ones before it said.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use linkway_domain::edge::report::SEQUENCE_AHEAD;
use linkway_domain::edge::{EdgeStatus, InquiryAnswer};

use super::server::Server;

/// Where the newest report waits to be sent.
#[derive(Clone, Default)]
pub struct Reporter(Arc<Waiting>);

#[derive(Default)]
struct Waiting {
    news: Mutex<News>,
    changed: Condvar,
    /// The number of this edge's last report that the server knows.
    known: AtomicU64,
}

/// What is to be sent.
#[derive(Default)]
struct News {
    /// The newest report, if it was not sent.
    status: Option<EdgeStatus>,
    /// The last one that was sent: what was found to inquiries goes with it where there is none newer.
    sent: Option<EdgeStatus>,
    answers: Vec<InquiryAnswer>,
}

impl News {
    fn next(&mut self) -> Option<EdgeStatus> {
        if self.status.is_none() && self.answers.is_empty() {
            return None;
        }
        let status = self.status.take().or_else(|| self.sent.take())?;
        let count = self.answers.len().min(ANSWERS_AT_ONCE);
        Some(EdgeStatus { answers: self.answers.drain(..count).collect(), ..status })
    }

    fn sent(&mut self, status: EdgeStatus) {
        self.sent = Some(EdgeStatus { answers: Vec::new(), ..status });
    }

    /// One that could not be sent. Its answers are given up, since they may be what is wrong with it: whoever asked asks again.
    fn put_back(&mut self, status: EdgeStatus) {
        self.status.get_or_insert(EdgeStatus { answers: Vec::new(), ..status });
    }
}

/// How many answers go with one report: an answer may be as large as the rest of it, and a report has a limit.
const ANSWERS_AT_ONCE: usize = 2;

impl Reporter {
    /// Leaves a report to be sent, in place of one that still waits.
    pub fn send(&self, status: EdgeStatus) {
        self.news().status = Some(status);
        self.0.changed.notify_one();
    }

    /// Leaves what was found to an inquiry to be sent.
    pub fn answer(&self, answer: InquiryAnswer) {
        self.news().answers.push(answer);
        self.0.changed.notify_one();
    }

    fn news(&self) -> MutexGuard<'_, News> {
        self.0.news.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The last report that the server knows has this number: the next one's is higher, whatever the clock says.
    pub fn known(&self, sequence: u64) {
        self.0.known.store(sequence, Ordering::Relaxed);
    }

    fn next(&self) -> EdgeStatus {
        let mut waiting = self.news();
        loop {
            if let Some(status) = waiting.next() {
                return status;
            }
            waiting = self.0.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Sends what comes, without end, in a thread of its own. What cannot be sent is tried again unless a newer one has come.
    ///
    /// See [`next_number`] for the numbers.
    pub fn work(&self, mut server: impl Server) {
        const FIRST: Duration = Duration::from_millis(500);
        const LONGEST: Duration = Duration::from_secs(10);
        let (mut pause, mut last) = (FIRST, None);
        loop {
            let mut status = self.next();
            let known = self.0.known.load(Ordering::Relaxed);
            let sequence = next_number(last, known, super::clock_milliseconds());
            last = Some(sequence);
            status.sequence = sequence;
            match server.report(&status) {
                Ok(()) => {
                    pause = FIRST;
                    self.news().sent(status);
                }
                Err(error) => {
                    tracing::warn!(%error, "the report could not be brought");
                    thread::sleep(pause);
                    pause = (pause * 2).min(LONGEST);
                    self.news().put_back(status);
                }
            }
        }
    }
}

/// How far beyond this router's clock a number may be: half of what the server takes, whose clock may be behind.
const AHEAD: u64 = SEQUENCE_AHEAD.as_millis() as u64 / 2;

/// The number of the next report (see `EdgeStatus::sequence`), from the last one of this run, the last one that the server
/// knows and the clock's milliseconds. A run that began with a clock far ahead would be refused: it counts from the clock
/// again.
fn next_number(last: Option<u64>, known: u64, clock: u64) -> u64 {
    let most = clock.saturating_add(AHEAD);
    let after = |number: u64| number.saturating_add(1);
    let next = last.map_or(clock, after).max(after(known));
    if next <= most {
        return next;
    }
    // The server says that it knows no number that it would not take.
    if known < most { clock.max(after(known)) } else { clock }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_rise_and_stay_near_the_clock() {
        const NOW: u64 = 1_764_000_000_000;
        let check = |last, known, expected| {
            assert_eq!(next_number(last, known, NOW), expected, "{last:?} {known}");
        };
        check(None, 0, NOW);
        check(None, NOW - 7, NOW);
        check(None, NOW + 7, NOW + 8);
        check(Some(NOW - 9), NOW - 9, NOW - 8);
        check(Some(NOW - 9), 0, NOW - 8);
        check(Some(NOW - 9), NOW + 5, NOW + 6);
        // The run began under a clock that was far ahead, or something has recorded a number of no clock.
        check(Some(NOW + 2 * AHEAD), 0, NOW);
        check(Some(NOW + 2 * AHEAD), NOW + 3, NOW + 4);
        check(None, u64::MAX, NOW);
        check(Some(u64::MAX), u64::MAX, NOW);
        check(Some(u64::MAX), NOW - 1, NOW);
    }
}
