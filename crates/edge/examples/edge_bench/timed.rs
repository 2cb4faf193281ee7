//! Drivers that tell how long each call took.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::{Duration, Instant};

use linkway_edge::kernel::{Change, Driver, Kernel, Meddling, RouteCounts};
use linkway_edge::session::{Daemon, DaemonError, Digest, Observed, Sessions};

/// Times by what they were for, in order of first appearance.
#[derive(Clone, Default)]
pub struct Times(Rc<RefCell<Vec<(&'static str, Duration)>>>);

impl Times {
    /// Times a piece of work.
    pub fn of<T>(&self, what: &'static str, work: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let done = work();
        let spent = start.elapsed();
        let mut all = self.0.borrow_mut();
        match all.iter_mut().find(|(known, _)| *known == what) {
            Some((_, known)) => *known += spent,
            None => all.push((what, spent)),
        }
        done
    }

    /// What there is, which is then forgotten.
    pub fn take(&self) -> Vec<(&'static str, Duration)> {
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

    fn observe_news(&mut self, kernel: &mut Kernel) -> Result<bool, String> {
        self.times.of("kernel: look", || Driver::observe_news(&mut self.inner, kernel))
    }

    fn meddling(&mut self, daemon: &[u32]) -> Meddling {
        self.times.of("kernel: look", || self.inner.meddling(daemon))
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

    fn process_ids(&self) -> Vec<u32> {
        self.inner.process_ids()
    }

    fn route_counts(&mut self) -> Result<RouteCounts, DaemonError> {
        self.times.of("daemon: look", || self.inner.route_counts())
    }

    fn repair_routes(&mut self, tables: &BTreeSet<u32>) -> Result<(), DaemonError> {
        self.times.of("daemon: change", || self.inner.repair_routes(tables))
    }

    fn apply(&mut self, sessions: &Sessions) -> Result<(), DaemonError> {
        self.times.of("daemon: change", || self.inner.apply(sessions))
    }
}
