//! Sends reports from a thread of its own. Only the newest one waits: it says all that the ones before it said.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use linkway_domain::edge::EdgeStatus;

use super::server::Server;

/// Where the newest report waits to be sent.
#[derive(Clone, Default)]
pub struct Reporter(Arc<Waiting>);

#[derive(Default)]
struct Waiting {
    status: Mutex<Option<EdgeStatus>>,
    changed: Condvar,
    /// The highest number that the server knows of a report of this edge.
    known: AtomicU64,
}

impl Reporter {
    /// Leaves a report to be sent, in place of one that still waits.
    pub fn send(&self, status: EdgeStatus) {
        *self.0.status.lock().unwrap_or_else(PoisonError::into_inner) = Some(status);
        self.0.changed.notify_one();
    }

    /// The server knows a report of this number: the next one's is higher, whatever the clock says.
    pub fn at_least(&self, sequence: u64) {
        self.0.known.fetch_max(sequence, Ordering::Relaxed);
    }

    fn next(&self) -> EdgeStatus {
        let mut waiting = self.0.status.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(status) = waiting.take() {
                return status;
            }
            waiting = self.0.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Sends what comes, without end, in a thread of its own. What cannot be sent is tried again unless a newer one has come.
    ///
    /// The first report of a run has the clock's milliseconds as its number, each one after it the next (see
    /// `EdgeStatus::sequence`).
    pub fn work(&self, mut server: impl Server) {
        const FIRST: Duration = Duration::from_millis(500);
        const LONGEST: Duration = Duration::from_secs(10);
        let (mut pause, mut sequence) = (FIRST, 0);
        loop {
            let mut status = self.next();
            let known = self.0.known.load(Ordering::Relaxed);
            sequence = match sequence {
                0 => super::clock_milliseconds(),
                last => last + 1,
            };
            sequence = sequence.max(known.saturating_add(1));
            status.sequence = sequence;
            match server.report(&status) {
                Ok(()) => pause = FIRST,
                Err(error) => {
                    tracing::warn!(%error, "the report could not be brought");
                    thread::sleep(pause);
                    pause = (pause * 2).min(LONGEST);
                    self.0
                        .status
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .get_or_insert(status);
                }
            }
        }
    }
}
