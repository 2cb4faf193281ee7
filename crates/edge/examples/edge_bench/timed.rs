//! Drivers that tell how long each call took, and what of that was the agent's own work.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::LazyLock;
use std::time::Duration;

use linkway_edge::kernel::{Change, Driver, Kernel};
use linkway_edge::session::{Daemon, DaemonError, Digest, Observed, Sessions};
use linkway_edge::waiting::waited;

/// A clock that is read without a system call: one for each request to the kernel would be a good part of what is measured.
pub fn clock() -> Duration {
    static BEGAN: LazyLock<quanta::Instant> = LazyLock::new(quanta::Instant::now);
    BEGAN.elapsed()
}

/// Wall-clock time. A thread's processor time would do as well, but in User-mode Linux it comes in hundredths of a second.
#[derive(Clone, Copy, Debug, Default)]
pub struct Spent {
    /// All of it.
    pub wall: Duration,
    /// Without what the kernel and the daemon took to answer.
    pub own: Duration,
}

impl Spent {
    fn add(&mut self, other: Self) {
        self.wall += other.wall;
        self.own += other.own;
    }

    /// As JSON, in milliseconds.
    pub fn json(self) -> serde_json::Value {
        serde_json::json!([self.wall.as_secs_f64() * 1e3, self.own.as_secs_f64() * 1e3])
    }
}

/// Times by what they were for, in order of first appearance.
#[derive(Clone, Default)]
pub struct Times(Rc<RefCell<Vec<(&'static str, Spent)>>>);

impl Times {
    /// Times a piece of work.
    pub fn of<T>(&self, what: &'static str, work: impl FnOnce() -> T) -> T {
        let (start, before) = (clock(), waited());
        let done = work();
        let wall = clock() - start;
        let spent = Spent { wall, own: wall.saturating_sub(waited() - before) };
        let mut all = self.0.borrow_mut();
        match all.iter_mut().find(|(known, _)| *known == what) {
            Some((_, known)) => known.add(spent),
            None => all.push((what, spent)),
        }
        done
    }

    /// What there is, which is then forgotten.
    pub fn take(&self) -> Vec<(&'static str, Spent)> {
        self.0.take()
    }
}

/// A driver with a stopwatch.
pub struct Timed<T> {
    /// The driver.
    pub inner: T,
    /// Where its times go.
    pub times: Times,
}

impl<K: Driver> Driver for Timed<K> {
    fn observe(&mut self) -> Result<Kernel, String> {
        self.times.of("kernel: look", || Driver::observe(&mut self.inner))
    }

    fn apply(&mut self, changes: &[Change]) -> Vec<Result<(), String>> {
        self.times.of("kernel: change", || Driver::apply(&mut self.inner, changes))
    }

    fn is_unchanged(&mut self) -> bool {
        self.times.of("kernel: look", || Driver::is_unchanged(&mut self.inner))
    }

    fn observe_touched(
        &mut self,
        kernel: &mut Kernel,
        changes: &[&Change],
    ) -> Result<bool, String> {
        self.times.of("kernel: look", || Driver::observe_touched(&mut self.inner, kernel, changes))
    }
}

impl<D: Daemon> Daemon for Timed<D> {
    fn digest(&self, sessions: &Sessions) -> Digest {
        self.times.of("digest", || self.inner.digest(sessions))
    }

    fn read(&mut self) -> Result<Observed, DaemonError> {
        self.times.of("daemon: look", || self.inner.read())
    }

    fn glance(&mut self, last: Observed) -> Result<Observed, DaemonError> {
        self.times.of("daemon: look", || self.inner.glance(last))
    }

    fn apply(&mut self, sessions: &Sessions) -> Result<(), DaemonError> {
        self.times.of("daemon: change", || self.inner.apply(sessions))
    }
}
