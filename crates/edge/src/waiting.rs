//! How much of a thread's time went to others: to the kernel while it answers a request, to the BGP daemon while it does
//! what it was told. The rest of a round is the agent's own work, which must not grow with what the router serves already.
//!
//! Only a benchmark asks. So there is no clock but the one that it brings, and an agent at work never reads one for this.

use std::cell::Cell;
use std::time::Duration;

/// Tells the time since some moment that is always the same.
pub type Clock = fn() -> Duration;

thread_local! {
    static CLOCK: Cell<Clock> = const { Cell::new(|| Duration::ZERO) };
    static WAITED: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

/// Does something that is not the agent's own work.
pub(crate) fn waiting<T>(work: impl FnOnce() -> T) -> T {
    let clock = CLOCK.get();
    let start = clock();
    let done = work();
    WAITED.set(WAITED.get() + (clock() - start));
    done
}

/// From now on this thread's waiting is measured by this clock.
pub fn measure_by(clock: Clock) {
    CLOCK.set(clock);
}

/// How long this thread has waited for others since it had a clock.
#[must_use]
pub fn waited() -> Duration {
    WAITED.get()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_is_measured_by_the_clock_that_there_is() {
        thread_local! {
            static NOW: Cell<u64> = const { Cell::new(7) };
        }
        let sleep = |seconds| NOW.set(NOW.get() + seconds);
        waiting(|| sleep(1));
        assert_eq!(waited(), Duration::ZERO, "there is none");
        measure_by(|| Duration::from_secs(NOW.get()));
        sleep(2);
        waiting(|| sleep(4));
        waiting(|| sleep(8));
        assert_eq!(waited(), Duration::from_secs(12));
    }
}
