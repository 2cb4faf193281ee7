//! The agent at work: a few threads around the core.
//!
//! The main thread owns the core. One thread waits for configurations, one sends reports, one listens to the kernel; none
//! of them can hold up the router's convergence, whatever the server does.

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::time::{Duration, Instant};

use linkway_domain::edge::EdgeStatus;
use serde::{Deserialize, Serialize};

use super::metrics::{Gauges, Snapshot};
use super::reporter::Reporter;
use super::stored_config::{StateDir, StoredConfig};
use super::{Agent, Look, Round};
use crate::kernel::Driver;
use crate::limits::{Limits, Size, repair_part};
use crate::session::Daemon;

/// How often the agent does what nothing wakes it for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Pace {
    /// Longest time without a report, in seconds; well under the server's `edge_silent_seconds` (90).
    pub report_seconds: u64,
    /// Longest time without a look at everything in the kernel, in seconds; longer where a look takes long. It finds what the
    /// kernel tells nobody of, such as most settings of links.
    pub resync_seconds: u64,
    /// Time between looks at the BGP daemon, in milliseconds; longer where a look takes long.
    pub poll_milliseconds: u64,
}

impl Default for Pace {
    fn default() -> Self {
        Self { report_seconds: 20, resync_seconds: 5, poll_milliseconds: 1000 }
    }
}

/// What wakes the main thread.
pub enum Event {
    /// A configuration came; the answer says whether it was taken.
    Config(Box<StoredConfig>, SyncSender<bool>),
    /// Something changed in the kernel.
    Kernel,
    /// The agent is to end. The router goes on.
    End,
}

/// What a round is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Why {
    /// The agent has begun.
    Start,
    /// A configuration came.
    Configuration,
    /// The kernel changed.
    Kernel,
    /// Something was left to be done.
    Retry,
    /// It is time.
    Resync,
    /// The daemon has another configuration than it had.
    Daemon,
}

impl Why {
    const fn word(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Configuration => "configuration",
            Self::Kernel => "kernel",
            Self::Retry => "retry",
            Self::Resync => "resync",
            Self::Daemon => "daemon",
        }
    }
}

/// The part of its time that the agent may spend looking at the daemon: a twentieth.
const POLL_SHARE: u32 = 20;
/// The same for the whole kernel: a tenth.
const LOOK_SHARE: u32 = 10;
/// The same for the numbers of the daemon's routes: a hundredth.
const AUDIT_SHARE: u32 = 100;
/// The longest pause before something that failed is tried again.
pub(super) const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// The main thread's state.
pub struct Shell<K, D> {
    agent: Agent<K, D>,
    state: StateDir,
    pace: Pace,
    reporter: Reporter,
    gauges: Gauges,
    /// What of the last report would make another one urgent if it changed.
    told: Option<Vec<u8>>,
    reported: Instant,
    /// When everything was last looked at, and how long that took.
    looked: Instant,
    look_took: Duration,
    polled: Instant,
    poll_took: Duration,
    /// When the sessions with the fabric were last looked at, which decide at once what is announced.
    tended: Instant,
    /// When it was last asked whether others have changed the daemon's routes, and when the next of them may be repaired.
    routes_tended: Instant,
    next_repair: Instant,
    /// When the daemon's routes were last counted, and how long that took.
    audited: Option<Instant>,
    audit_took: Duration,
    /// Whether everything in the kernel was looked at since they were counted, or since it was not the time to.
    is_picture_fresh: bool,
    /// When to try again what failed, and the pause before that.
    again: Option<(Instant, Duration)>,
    /// The errors of kernel and daemon that were logged last.
    said: [Option<String>; 2],
    /// The limits of the machine that were logged as too low last.
    too_low: Vec<String>,
}

impl<K: Driver, D: Daemon> Shell<K, D> {
    /// Around a core.
    pub fn new(
        agent: Agent<K, D>,
        state: StateDir,
        pace: Pace,
        reporter: Reporter,
        gauges: Gauges,
    ) -> Self {
        let now = Instant::now();
        Self {
            agent,
            state,
            pace,
            reporter,
            gauges,
            told: None,
            reported: now,
            looked: now,
            look_took: Duration::ZERO,
            polled: now,
            poll_took: Duration::ZERO,
            tended: now,
            routes_tended: now,
            next_repair: now,
            audited: None,
            audit_took: Duration::ZERO,
            is_picture_fresh: false,
            again: None,
            said: [None, None],
            too_low: Vec::new(),
        }
    }

    /// Works until the events end.
    pub fn run(mut self, events: &Receiver<Event>) {
        if self.agent.config().is_some() {
            self.converge(Why::Start);
            self.check_limits();
        }
        loop {
            match events.recv_timeout(self.until_next()) {
                Ok(Event::Config(stored, answer)) => {
                    let taken = self.take(*stored);
                    // Nobody waits for the answer when the thread is gone, which ends the events too.
                    let _ = answer.send(taken);
                    if taken {
                        self.converge(Why::Configuration);
                        self.check_limits();
                    }
                }
                // News without end must not keep it from looking at what there is no news of.
                Ok(Event::Kernel) if self.looked.elapsed() < self.look_every() => {
                    self.converge(Why::Kernel);
                }
                Ok(Event::Kernel) => self.converge(Why::Resync),
                Ok(Event::End) => return,
                Err(RecvTimeoutError::Timeout) => self.tick(),
                Err(RecvTimeoutError::Disconnected) => return,
            }
            self.tend_routes();
        }
    }

    fn until_next(&self) -> Duration {
        let now = Instant::now();
        let look = (self.polled + self.poll_every()).min(self.looked + self.look_every());
        let next = look.min(self.tended + self.tend_every());
        let next = self.again.map_or(next, |(again, _)| again.min(next));
        next.saturating_duration_since(now)
    }

    fn poll_every(&self) -> Duration {
        self.tend_every().max(self.poll_took * POLL_SHARE)
    }

    const fn tend_every(&self) -> Duration {
        Duration::from_millis(self.pace.poll_milliseconds)
    }

    fn look_every(&self) -> Duration {
        Duration::from_secs(self.pace.resync_seconds).max(self.look_took * LOOK_SHARE)
    }

    /// Takes a configuration when it may be taken and is on disk.
    fn take(&mut self, stored: StoredConfig) -> bool {
        let (epoch, generation) = (stored.config.epoch, stored.config.generation);
        if let Err(refusal) = self.agent.judge(&stored.config) {
            tracing::error!(%refusal, "configuration refused; the router stays as it is");
            self.gauges.refused();
            return false;
        }
        if let Err(error) = self.state.save(&stored) {
            tracing::error!(%error, "configuration not taken: it could not be saved");
            return false;
        }
        tracing::info!(
            epoch,
            generation,
            interfaces = stored.config.interfaces.len(),
            "configuration"
        );
        self.agent.take(stored.config);
        true
    }

    /// What is due.
    fn tick(&mut self) {
        self.tended = Instant::now();
        if self.agent.config().is_none() {
            (self.polled, self.looked) = (Instant::now(), Instant::now());
            return;
        }
        if self.again.is_some_and(|(at, _)| Instant::now() >= at) {
            self.converge(Why::Retry);
        } else if self.looked.elapsed() >= self.look_every() {
            self.converge(Why::Resync);
        } else if self.polled.elapsed() < self.poll_every() {
            self.agent.tend_fabric();
            self.tell();
        } else {
            let start = Instant::now();
            let loaded = self.agent.last().daemon.loaded;
            self.agent.read_daemon();
            (self.polled, self.poll_took) = (Instant::now(), start.elapsed());
            if self.agent.last().daemon.loaded == loaded {
                self.tell();
            } else {
                self.converge(Why::Daemon);
            }
        }
    }

    /// Has the daemon repair its routes where others have changed them.
    fn tend_routes(&mut self) {
        let now = Instant::now();
        if self.agent.config().is_none() || now < self.routes_tended + self.tend_every() {
            return;
        }
        self.routes_tended = now;
        // Not right after the look: what is urgent has been reported by now.
        if std::mem::take(&mut self.is_picture_fresh) {
            self.audit_routes();
        }
        let part = repair_part(self.agent.last().kernel.links.len());
        let at_most = if now < self.next_repair { 0 } else { part.tables };
        let tables = self.agent.tend_routes(at_most);
        if tables > 0 {
            tracing::info!(tables, "others changed routes of the BGP daemon's: it repairs them");
            self.next_repair = now + part.pause;
        }
    }

    /// Counts the daemon's routes, if it is time to: there may be many to count.
    fn audit_routes(&mut self) {
        let start = Instant::now();
        let every = self.look_every().max(self.audit_took * AUDIT_SHARE);
        if self.agent.wants_audit() || self.audited.is_none_or(|last| start >= last + every) {
            self.agent.audit_routes();
            (self.audited, self.audit_took) = (Some(Instant::now()), start.elapsed());
        }
    }

    fn converge(&mut self, why: Why) {
        let start = Instant::now();
        let look = match why {
            Why::Configuration | Why::Kernel => Look::News,
            Why::Start | Why::Retry | Why::Resync | Why::Daemon => Look::Whole,
        };
        let round = self.agent.round(look);
        let now = Instant::now();
        (self.polled, self.tended) = (now, now);
        match look {
            Look::Whole => {
                (self.looked, self.look_took) = (now, start.elapsed());
                self.is_picture_fresh = true;
            }
            Look::News => {}
        }
        log(why, &round, start.elapsed());
        self.again = round.unfinished.then(|| {
            let pause = self.again.map_or(Duration::from_millis(500), |(_, pause)| pause * 2);
            let pause = pause.min(LONGEST_PAUSE);
            (now + pause, pause)
        });
        self.gauges.round(&round, start.elapsed());
        self.say_errors();
        self.tell();
    }

    /// Logs which limits of the machine are too low for the configuration, once each.
    fn check_limits(&mut self) {
        let Some(config) = self.agent.config() else { return };
        let too_low = Limits::read().too_low(&Limits::needed(Size::of(config)));
        for text in too_low.iter().filter(|text| !self.too_low.contains(text)) {
            tracing::warn!("{text}");
        }
        self.gauges.too_low(too_low.len());
        self.too_low = too_low;
    }

    /// Logs why the kernel or the daemon cannot be dealt with: once, not at every try.
    fn say_errors(&mut self) {
        let last = self.agent.last();
        let now = [last.kernel_error.clone(), last.daemon_error.clone()];
        if now == self.said {
            return;
        }
        let [kernel, daemon] = &now;
        if let Some(error) = kernel.as_ref().filter(|_| self.said[0] != now[0]) {
            tracing::error!(%error, "the router's kernel cannot be read; nothing is reported until it can");
        }
        if let Some(error) = daemon.as_ref().filter(|_| self.said[1] != now[1]) {
            tracing::error!(%error, "the BGP daemon does not do what it was told");
        }
        if now == [None, None] {
            tracing::info!("kernel and BGP daemon answer again");
        }
        self.said = now;
    }

    /// Reports when something changed or enough time has passed.
    fn tell(&mut self) {
        // The number is given when it is sent.
        let Some(status) = self.agent.report(0) else {
            self.gauges.blind();
            return;
        };
        let (config, kernel) = (self.agent.config(), &self.agent.last().kernel);
        self.gauges.show(Snapshot::new(config, &status, kernel));
        let news = news(&status);
        let due = self.reported.elapsed() >= Duration::from_secs(self.pace.report_seconds);
        if due || self.told.as_ref() != Some(&news) {
            (self.told, self.reported) = (Some(news), Instant::now());
            self.reporter.send(status);
        }
    }
}

/// What of a report cannot wait: all but counters.
fn news(status: &EdgeStatus) -> Vec<u8> {
    let ports: Vec<_> =
        status.ports.iter().map(|port| (&port.connection_id, port.carrier, &port.error)).collect();
    let interfaces: Vec<_> = status
        .interfaces
        .iter()
        .map(|item| (&item.virtual_interface_id, item.programmed, &item.error, &item.peers))
        .collect();
    let fabric = &status.fabric_sessions;
    serde_json::to_vec(&(status.epoch, status.generation, ports, interfaces, fabric))
        .expect("reports hold text and numbers only")
}

fn log(why: Why, round: &Round, took: Duration) {
    let milliseconds = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    for (step, error) in &round.failed {
        tracing::warn!(item = %step.item, %error, "a change failed");
    }
    if round.changes > 0 || round.configured {
        let failed = round.failed.len();
        let changes = round.changes;
        let why = why.word();
        tracing::info!(why, changes, failed, daemon = round.configured, milliseconds, "converged");
    }
}
