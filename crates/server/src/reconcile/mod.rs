//! What goes on by itself: look, decide, commit. Each reconciler is woken by a change or a deadline, takes no input of its
//! own, and may run on several servers at once: the worst that happens is a lost compare-and-set.

pub mod changes;
pub mod deadlines;
pub mod housekeeping;
pub mod simulated;
mod simulated_findings;
pub mod unheard;
pub mod verification;
pub mod webhooks;

use std::time::Duration;

/// How long a reconciler rests after its store failed.
const AFTER_FAILURE: Duration = Duration::from_secs(1);
