//! How much of a thread's time went to others: to the kernel while it answers a request, to the BGP daemon while it does
//! what it was told. The rest of a round is the agent's own work, which must not grow with what the router serves already.

use std::cell::Cell;
use std::time::{Duration, Instant};

thread_local! {
    static WAITED: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

/// Does something that is not the agent's own work.
pub(crate) fn waiting<T>(work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let done = work();
    WAITED.set(WAITED.get() + start.elapsed());
    done
}

/// How long this thread has waited for others since it began.
#[must_use]
pub fn waited() -> Duration {
    WAITED.get()
}
