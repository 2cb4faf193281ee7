//! Drivers that tell how long each call took, and what of that was the agent's own process.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use linkway_edge::kernel::{Change, Driver, Kernel};
use linkway_edge::session::{Daemon, DaemonError, Digest, Observed, Sessions};
use rustix::time::{ClockId, clock_gettime};

/// Wall-clock time, and the processor's time of this thread (user and system).
#[derive(Clone, Copy, Debug, Default)]
pub struct Spent {
    /// Wall-clock time.
    pub wall: Duration,
    /// The processor's time.
    pub cpu: Duration,
}

impl Spent {
    fn add(&mut self, other: Self) {
        self.wall += other.wall;
        self.cpu += other.cpu;
    }
}

/// Times by what they were for, in order of first appearance.
#[derive(Clone, Default)]
pub struct Times(Rc<RefCell<Vec<(&'static str, Spent)>>>);

impl Times {
    /// Times a piece of work.
    pub fn of<T>(&self, what: &'static str, work: impl FnOnce() -> T) -> T {
        let (wall, cpu) = (Instant::now(), cpu());
        let done = work();
        let spent = Spent { wall: wall.elapsed(), cpu: self::cpu().saturating_sub(cpu) };
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

fn cpu() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(now.tv_sec.try_into().unwrap(), now.tv_nsec.try_into().unwrap())
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
        self.times.of("kernel: look", || self.inner.observe())
    }

    fn apply(&mut self, changes: &[Change]) -> Vec<Result<(), String>> {
        self.times.of("kernel: change", || self.inner.apply(changes))
    }
}

impl<D: Daemon> Daemon for Timed<D> {
    fn digest(&self, sessions: &Sessions) -> Digest {
        self.times.of("digest", || self.inner.digest(sessions))
    }

    fn read(&mut self) -> Result<Observed, DaemonError> {
        self.times.of("daemon: look", || self.inner.read())
    }

    fn apply(&mut self, sessions: &Sessions) -> Result<(), DaemonError> {
        self.times.of("daemon: change", || self.inner.apply(sessions))
    }
}
