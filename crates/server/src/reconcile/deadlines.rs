//! Carries out what is due: unanswered interfaces expire, simulated locations approve, what has ended is forgotten.

use std::sync::Arc;
use std::time::Duration;

use linkway_domain::access_key::Principal;
use linkway_domain::decide::{Command, Due};
use linkway_domain::key;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::AFTER_FAILURE;
use crate::clock;
use crate::records::{Failure, Records};

/// How many entries are read at a time.
const BATCH: usize = 200;

/// The longest sleep: a clock that jumps forward is noticed after this.
const LONGEST: Duration = Duration::from_secs(20);

/// Runs until the server closes.
pub async fn run(records: Arc<Records>, woken: Arc<Notify>, closing: CancellationToken) {
    loop {
        let rest = match round(&records).await {
            Ok(rest) => rest,
            Err(error) => {
                tracing::warn!(%error, "deadlines could not be carried out");
                AFTER_FAILURE
            }
        };
        tokio::select! {
            () = closing.cancelled() => return,
            () = woken.notified() => {}
            () = tokio::time::sleep(rest) => {}
        }
    }
}

/// Carries out everything that is due now; how long until the next deadline.
async fn round(records: &Records) -> Result<Duration, Failure> {
    loop {
        let (entries, _) = records.keys(&key::all_due(), None, BATCH).await?;
        let mut done = 0;
        for entry in &entries {
            let Some((at, id)) = key::parse_due(entry) else { continue };
            let left = at.since(clock::now());
            if left > 0 {
                return Ok(Duration::from_millis(left).min(LONGEST));
            }
            let command = Command::Due(Due { at, id: id.to_owned() });
            records.run(&Principal::Operator, &command, None).await?;
            done += 1;
        }
        if done == 0 {
            return Ok(LONGEST);
        }
    }
}
