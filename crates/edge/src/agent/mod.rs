//! The agent's core: takes configurations, converges, tells what became of them. It talks to the kernel and the daemon
//! through their drivers only and has no clock, so that a simulation runs this very code.

pub mod follow;
pub mod inquiries;
pub mod metrics;
mod previous;
pub mod repair;
pub mod reporter;
pub mod run;
pub mod server;
pub mod status;
pub mod stored_config;

use std::collections::BTreeMap;
use std::sync::Arc;

use linkway_domain::edge::{ConfigVersion, EdgeConfig, EdgeStatus};

use self::repair::Repair;
use crate::kernel::{Driver, Kernel};
use crate::mark::Marks;
use crate::plan::guard::Guard;
use crate::plan::scope::plan_change;
use crate::plan::settled::Settled;
use crate::plan::{Item, Plan, Planned, Problem, Step, plan};
use crate::session::{Daemon, DaemonError, Observed};

/// The core of an edge's agent.
pub struct Agent<K, D> {
    kernel: K,
    daemon: D,
    marks: Marks,
    config: Option<Arc<EdgeConfig>>,
    last: Last,
    /// Whether `last.kernel` is what the driver's last look has found.
    pictured: bool,
    /// The configuration that the router was last found equal to. It stays after it is of no use any more: it is large, and
    /// taking it apart would be on the time of what is urgent.
    settled: Option<Settled>,
    /// Whether the router, as `last.kernel` has it, is still so.
    is_settled: bool,
    repair: Repair,
}

/// How closely a round looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// At everything.
    Whole,
    /// At what has changed: at all of the kernel only if it has told of a change that is not this round's, at the daemon's
    /// sessions in detail only where they are not as they were.
    News,
}

/// What was last seen and done.
#[derive(Clone, Debug, Default)]
pub struct Last {
    /// The kernel after the last round.
    pub kernel: Kernel,
    /// The daemon after the last round.
    pub daemon: Observed,
    /// What is not as configured.
    pub problems: BTreeMap<Item, Problem>,
    /// Why the daemon could not be told.
    pub daemon_error: Option<String>,
    /// Whether the kernel was seen as it is after the last round.
    pub seen: bool,
    /// Why the kernel could not be seen.
    pub kernel_error: Option<String>,
}

/// What a round did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Round {
    /// How many changes were tried.
    pub changes: usize,
    /// Those that failed, and why.
    pub failed: Vec<(Step, String)>,
    /// Whether the daemon got a configuration.
    pub configured: bool,
    /// Whether something is left to be done that another round may bring.
    pub unfinished: bool,
}

/// Why a configuration is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is for another router.
    #[error("the configuration is for edge {given}, not for {own}")]
    OtherEdge {
        /// Whose it is.
        given: String,
        /// Whose the held one is.
        own: String,
    },
    /// It is older than the one that is held.
    #[error(
        "the server has epoch {}, generation {}: older than what this edge holds, epoch {}, generation {}; \
         was its database replaced by an older copy? (`linkway admin epoch renew` makes edges take it)",
        given.epoch, given.generation, held.epoch, held.generation
    )]
    Older {
        /// Its epoch and generation.
        given: ConfigVersion,
        /// Those of the held one.
        held: ConfigVersion,
    },
}

impl<K: Driver, D: Daemon> Agent<K, D> {
    /// With the configuration that the state directory has.
    pub fn new(kernel: K, daemon: D, marks: Marks, held: Option<Arc<EdgeConfig>>) -> Self {
        Self {
            kernel,
            daemon,
            marks,
            config: held,
            last: Last::default(),
            pictured: false,
            settled: None,
            is_settled: false,
            repair: Repair::default(),
        }
    }

    /// The configuration that is held.
    pub fn config(&self) -> Option<&EdgeConfig> {
        self.config.as_deref()
    }

    /// Which configuration is held.
    pub fn version(&self) -> ConfigVersion {
        self.config().map(EdgeConfig::version).unwrap_or_default()
    }

    /// What was last seen and done.
    pub const fn last(&self) -> &Last {
        &self.last
    }

    /// Whether a configuration may take the place of the held one.
    pub fn judge(&self, given: &EdgeConfig) -> Result<(), Refusal> {
        let Some(held) = &self.config else { return Ok(()) };
        if held.edge_id != given.edge_id {
            let (given, own) = (given.edge_id.to_string(), held.edge_id.to_string());
            return Err(Refusal::OtherEdge { given, own });
        }
        if given.version() < held.version() {
            return Err(Refusal::Older { given: given.version(), held: held.version() });
        }
        Ok(())
    }

    /// Takes a configuration that [`Agent::judge`] lets pass and that is on disk. Until the next round nothing is known of
    /// what became of it.
    pub fn take(&mut self, config: Arc<EdgeConfig>) {
        self.last.seen = false;
        self.config = Some(config);
    }

    /// The report about what is held; `None` while there is nothing that can be said.
    pub fn report(&self, sequence: u64) -> Option<EdgeStatus> {
        status::report(self.config()?, &self.last, &self.marks, sequence)
    }

    /// Observes, plans, applies, and observes again what was changed. Without a configuration nothing is touched.
    pub fn converge(&mut self) -> Round {
        self.round(Look::Whole)
    }

    /// The same, looking only as closely as said.
    pub fn round(&mut self, look: Look) -> Round {
        let Some(plan) = self.plan(look) else {
            return Round { unfinished: self.config.is_some(), ..Round::default() };
        };
        if plan.is_empty() {
            self.last.daemon_error = None;
            return Round::default();
        }
        let mut round = Round { changes: plan.steps.len(), ..Round::default() };
        self.last.daemon_error = None;
        if let Some(staying) = &plan.withdraw {
            // A daemon that does not answer must not keep the links of deleted interfaces on the router.
            self.configure(staying, &mut round);
        }
        self.apply(&plan.steps, &mut round);
        // Before the daemon reads everything: a look at a few things takes longer when they are in no cache any more.
        let seen = self.read_news();
        if let Some(sessions) = &plan.sessions {
            self.configure(sessions, &mut round);
        }
        round.unfinished = !round.failed.is_empty() || self.last.daemon_error.is_some();
        round.unfinished |= !if seen { self.saw(look) } else { self.observe(look) };
        round
    }

    /// Looks at the kernel and the daemon; whether the kernel could be seen.
    fn observe(&mut self, look: Look) -> bool {
        match self.kernel.observe() {
            Ok(kernel) => self.last.kernel = kernel,
            Err(error) => {
                self.last.seen = false;
                self.pictured = false;
                self.last.kernel_error = Some(error);
                return false;
            }
        }
        self.pictured = true;
        self.saw(look)
    }

    /// Brings the picture of the kernel up to date; whether that could be done without a look at everything.
    fn read_news(&mut self) -> bool {
        // An error comes again with that look.
        self.kernel.observe_news(&mut self.last.kernel).unwrap_or(false)
    }

    /// Looks at what the kernel tells of, if that will do and the driver can, or else at everything.
    fn observe_news(&mut self, look: Look) -> bool {
        if look == Look::News && self.pictured && self.read_news() {
            self.saw(look)
        } else {
            self.observe(look)
        }
    }

    /// The picture of the kernel is as it is; looks at the daemon.
    fn saw(&mut self, look: Look) -> bool {
        self.last.seen = true;
        self.last.kernel_error = None;
        let daemon = match look {
            Look::Whole => self.daemon.read(),
            Look::News => self.daemon.glance(std::mem::take(&mut self.last.daemon)),
        };
        self.note_daemon(daemon);
        true
    }

    /// Looks at the daemon alone.
    pub fn read_daemon(&mut self) {
        let daemon = self.daemon.read();
        self.note_daemon(daemon);
    }

    /// Looks at the daemon's sessions with the fabric alone.
    pub fn tend_fabric(&mut self) {
        match self.daemon.tend_fabric() {
            Ok(Some(states)) => self.last.daemon.fabric = states,
            Ok(None) => {}
            Err(error) => self.last.daemon_error = Some(error.to_string()),
        }
    }

    /// Takes in what others did to the daemon's routes, and has it repair them in so many tables at most; in how many it does.
    pub fn tend_routes(&mut self, at_most: usize) -> usize {
        self.repair.hear(self.kernel.meddling(&self.daemon.process_ids()));
        let tables = self.repair.next(at_most);
        if tables.is_empty() {
            return 0;
        }
        match self.daemon.repair_routes(&tables) {
            Ok(()) => {
                self.repair.done(&tables);
                tables.len()
            }
            Err(error) => {
                self.last.daemon_error = Some(error.to_string());
                0
            }
        }
    }

    /// Whether the numbers of the daemon's routes should be compared as soon as the kernel has been looked at.
    pub fn wants_audit(&self) -> bool {
        self.repair.wants_audit()
    }

    /// Compares how many routes the daemon has with how many the kernel was last seen to have. Soon after a look at everything.
    pub fn audit_routes(&mut self) {
        if !self.last.seen {
            return;
        }
        match self.daemon.route_counts() {
            Ok(counts) => self.repair.audit(&self.last.kernel.daemon_routes(), &counts),
            Err(error) => self.last.daemon_error = Some(error.to_string()),
        }
    }

    fn note_daemon(&mut self, daemon: Result<Observed, DaemonError>) {
        match daemon {
            Ok(observed) => self.last.daemon = observed,
            Err(error) => {
                self.last.daemon = Observed::default();
                self.last.daemon_error = Some(error.to_string());
            }
        }
    }

    /// What a round would do now; `None`: the kernel could not be seen, or nothing is held.
    pub fn preview(&mut self) -> Option<Plan> {
        self.plan(Look::Whole)
    }

    fn plan(&mut self, look: Look) -> Option<Plan> {
        let config = Arc::clone(self.config.as_ref()?);
        let as_it_was = look == Look::News && self.pictured && self.kernel.is_unchanged();
        let settled = self.is_settled && as_it_was;
        self.is_settled = false;
        let seen = match as_it_was {
            // What the daemon has changes only by what it is told here, and the last look at it is young.
            true if settled && self.last.daemon_error.is_none() => {
                self.last.seen = true;
                true
            }
            true => self.saw(look),
            false => self.observe_news(look),
        };
        if !seen {
            return None;
        }
        let Last { kernel, daemon, .. } = &self.last;
        let digest = |sessions: &_| self.daemon.digest(sessions);
        let settled = self.settled.as_ref().filter(|_| settled);
        let of_change = settled
            .and_then(|settled| plan_change(settled, &config, kernel, daemon, &self.marks, digest));
        let planned =
            of_change.unwrap_or_else(|| plan(&config, kernel, daemon, &self.marks, digest));
        if let Some(settled) = Settled::of(&config, kernel, daemon, &planned) {
            self.settled = Some(settled);
            self.is_settled = true;
        }
        let Planned { plan, problems, .. } = planned;
        self.last.problems = problems;
        Some(plan)
    }

    /// The daemon's driver.
    pub const fn daemon_mut(&mut self) -> &mut D {
        &mut self.daemon
    }

    fn apply(&mut self, steps: &[Step], round: &mut Round) {
        let mut guard = Guard::new(steps, &self.last.kernel);
        for batch in guard.batches(steps) {
            let steps: Vec<&Step> = batch.iter().filter(|step| guard.allows(step)).collect();
            let changes: Vec<_> = steps.iter().map(|step| step.change.clone()).collect();
            for (step, result) in steps.into_iter().zip(self.kernel.apply(&changes)) {
                let Err(text) = result else { continue };
                guard.fail(step);
                // The first failure of an item is the cause of those that follow.
                self.last
                    .problems
                    .entry(step.item.clone())
                    .or_insert_with(|| Problem { text: text.clone(), absent: true });
                round.failed.push((step.clone(), text));
            }
        }
    }

    fn configure(&mut self, sessions: &crate::session::Sessions, round: &mut Round) {
        match self.daemon.apply(sessions) {
            Ok(()) => round.configured = true,
            Err(error) => self.last.daemon_error = Some(error.to_string()),
        }
    }
}

/// Milliseconds of Unix time; 0 before 1970.
pub(crate) fn clock_milliseconds() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(0, |now| u64::try_from(now.as_millis()).unwrap_or(u64::MAX))
}
