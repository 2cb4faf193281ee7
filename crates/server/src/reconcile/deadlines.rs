//! Carries out what is due: unanswered interfaces expire, simulated locations approve, what has ended is purged.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use linkway_domain::access_key::Principal;
use linkway_domain::deadline::Deadline;
use linkway_domain::key;
use linkway_domain::time::Time;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::AFTER_FAILURE;
use crate::clock;
use crate::records::{Failure, Records};

/// How many entries are read at a time.
const BATCH: usize = 200;

/// The longest sleep: a clock that jumps forward is noticed after this.
const LONGEST: Duration = Duration::from_secs(20);

/// Wakes the reconciler when a deadline comes before the one that it sleeps for. Most deadlines are days ahead of it, and a
/// look costs more than the change that set one.
#[derive(Default)]
pub struct Alarm {
    wake: Notify,
    /// The deadline that is slept for, in milliseconds of Unix time; 0 while that is unknown or nothing was found.
    next: AtomicU64,
}

impl Alarm {
    /// Deadlines were written or removed; `earliest` is the first of those, `None` if unknown.
    pub fn changed(&self, earliest: Option<Time>) {
        let next = self.next.load(Ordering::SeqCst);
        if next == 0 || earliest.is_none_or(|at| at.millis() < next) {
            self.wake.notify_one();
        }
    }

    fn sleeps_for(&self, next: Option<Time>) {
        self.next.store(next.map_or(0, Time::millis), Ordering::SeqCst);
    }
}

/// Runs until the server closes.
pub async fn run(records: Arc<Records>, alarm: Arc<Alarm>, closing: CancellationToken) {
    loop {
        // What is committed from here on wakes again, whatever this look sees of it.
        alarm.sleeps_for(None);
        let rest = match round(&records, &alarm).await {
            Ok(rest) => rest,
            Err(error) => {
                tracing::warn!(%error, "deadlines could not be carried out");
                AFTER_FAILURE
            }
        };
        tokio::select! {
            () = closing.cancelled() => return,
            () = alarm.wake.notified() => {}
            () = tokio::time::sleep(rest) => {}
        }
    }
}

/// Carries out everything that is due now; how long until the next deadline.
async fn round(records: &Records, alarm: &Alarm) -> Result<Duration, Failure> {
    loop {
        let (entries, _) = records.keys(&key::all_due(), None, BATCH).await?;
        let mut done = 0;
        for entry in &entries {
            let Some(deadline) = Deadline::parse(entry) else { continue };
            let left = deadline.at.since(clock::now());
            if !left.is_zero() {
                alarm.sleeps_for(Some(deadline.at));
                return Ok(left.min(LONGEST));
            }
            records.run(&Principal::Operator, &deadline, None).await?;
            done += 1;
        }
        if done == 0 {
            return Ok(LONGEST);
        }
    }
}
