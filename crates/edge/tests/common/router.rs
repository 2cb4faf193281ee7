//! A whole router: kernel, daemon and what goes wrong. The agent gets handles to it, the test keeps another.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::io;
use std::rc::Rc;
use std::sync::Arc;

use linkway_domain::edge::EdgeConfig;
use linkway_edge::agent::Agent;
use linkway_edge::kernel::{Change, Driver, Kernel};
use linkway_edge::mark::Marks;
use linkway_edge::session::{Daemon, DaemonError, Digest, Observed, Sessions};

use super::daemon::{self, Bgp};
use super::kernel::Model;

/// A router's state.
#[derive(Clone, Debug, Default)]
pub struct Router {
    pub kernel: Model,
    pub bgp: Bgp,
    pub marks: Marks,
    pub faults: Faults,
    /// How many steps the agent has taken: changes of the kernel, configurations of the daemon.
    pub steps: usize,
    /// What was there after each step, when the test wants to know.
    pub trace: Option<Vec<(String, Model)>>,
    /// What the agent has seen last.
    pub seen: Option<Kernel>,
}

/// What goes wrong.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    /// Steps that fail.
    pub fail: BTreeSet<usize>,
    /// The agent is killed before this step.
    pub die_at: Option<usize>,
    /// The daemon does not answer.
    pub daemon_silent: bool,
    /// The kernel cannot be seen.
    pub blind: bool,
}

impl Router {
    /// Whether the agent is dead: nothing that it still tries has an effect.
    pub fn is_dead(&self) -> bool {
        self.faults.die_at.is_some_and(|at| self.steps >= at)
    }

    /// The daemon catches up with the kernel.
    pub fn run(&mut self) {
        self.bgp.run(&mut self.kernel);
    }

    fn step(
        &mut self,
        what: &str,
        act: impl FnOnce(&mut Self) -> Result<(), String>,
    ) -> Result<(), String> {
        if self.is_dead() {
            return Err("the agent is dead".to_owned());
        }
        self.steps += 1;
        let done = match self.faults.fail.contains(&self.steps) {
            true => Err(format!("{what}: fails in this test")),
            false => act(self),
        };
        self.run();
        if let Some(trace) = &mut self.trace {
            trace.push((format!("{what} {done:?}"), self.kernel.clone()));
        }
        done
    }
}

/// The agent's handle, as kernel and as daemon.
#[derive(Clone)]
pub struct Handle(pub Rc<RefCell<Router>>);

pub type TestAgent = Agent<Handle, Handle>;

impl Handle {
    pub fn new(router: Router) -> Self {
        Self(Rc::new(RefCell::new(router)))
    }

    /// An agent that begins with what its disk has.
    pub fn agent(&self, held: Option<EdgeConfig>) -> TestAgent {
        let marks = self.0.borrow().marks;
        Agent::new(self.clone(), self.clone(), marks, held.map(Arc::new))
    }

    pub fn snapshot(&self) -> Router {
        self.0.borrow().clone()
    }
}

impl Driver for Handle {
    fn observe(&mut self) -> Result<Kernel, String> {
        let mut router = self.0.borrow_mut();
        if router.faults.blind || router.is_dead() {
            return Err("the kernel does not answer".to_owned());
        }
        let kernel = router.kernel.observe(&router.marks);
        router.seen = Some(kernel.clone());
        Ok(kernel)
    }

    fn is_unchanged(&mut self) -> bool {
        let router = self.0.borrow();
        let blind = router.faults.blind || router.is_dead();
        !blind && router.seen.as_ref() == Some(&router.kernel.observe(&router.marks))
    }

    fn apply(&mut self, changes: &[Change]) -> Vec<Result<(), String>> {
        let mut router = self.0.borrow_mut();
        let mut one = |change: &Change| {
            router.step(&format!("{change:?}"), |router| router.kernel.change(change))
        };
        changes.iter().map(&mut one).collect()
    }
}

impl Daemon for Handle {
    fn digest(&self, sessions: &Sessions) -> Digest {
        daemon::digest(sessions)
    }

    fn read(&mut self) -> Result<Observed, DaemonError> {
        let router = self.0.borrow();
        if router.faults.daemon_silent {
            return Err(DaemonError::Silent { what: "a question", seconds: 1 });
        }
        Ok(router.bgp.observe())
    }

    fn apply(&mut self, sessions: &Sessions) -> Result<(), DaemonError> {
        let mut router = self.0.borrow_mut();
        if router.faults.daemon_silent {
            return Err(DaemonError::Silent { what: "a configuration", seconds: 1 });
        }
        let done = router.step("sessions", |router| {
            let Router { bgp, kernel, .. } = router;
            bgp.apply(sessions, kernel);
            Ok(())
        });
        done.map_err(|text| DaemonError::Io { doing: text, why: io::ErrorKind::Other.into() })
    }
}
