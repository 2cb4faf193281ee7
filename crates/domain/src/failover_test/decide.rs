//! `StartBgpFailoverTest` and `StopBgpFailoverTest`.

use std::time::Duration;

use super::{FailoverTest, RunningTest, TestStatus, conclude};
use crate::access::{self, Action};
use crate::decide::{Changes, Command, Context, Decision};
use crate::fault::{Fault, ResourceKind};
use crate::id::{BgpPeerId, FailoverTestId};
use crate::key;
use crate::notice::{Notice, NoticeEvent};
use crate::view::{Asked, View};
use crate::virtual_interface::decide::wrong_state;
use crate::virtual_interface::{Phase, State, VirtualInterface};

/// How long a test takes unless it is said, and at most, in minutes (Direct Connect API Reference, `StartBgpFailoverTest`).
const DEFAULT_MINUTES: u32 = 180;
const MOST_MINUTES: u32 = 4_320;

/// `StartBgpFailoverTest`: shuts sessions of the caller's own interface for a time.
#[derive(Clone, Debug, Default)]
pub struct StartBgpFailoverTest {
    /// The interface.
    pub interface: String,
    /// The peers; none named: all.
    pub peers: Vec<String>,
    /// For how many minutes.
    pub minutes: Option<i64>,
}

/// `StopBgpFailoverTest`, by the id of the caller's own interface: the sessions come back before the time is over.
#[derive(Clone, Debug)]
pub struct StopBgpFailoverTest(pub String);

impl Command for StartBgpFailoverTest {
    type Outcome = FailoverTest;

    fn decide(&self, view: &View, context: &Context<'_>) -> Asked<Decision<FailoverTest>> {
        let minutes = minutes(self.minutes)?;
        let found =
            access::find::<VirtualInterface>(view, context, Action::Update, &self.interface)?;
        let mut interface = found.clone();
        let mut changes = Changes::new(view);
        if let Some(over) = interface.test.clone().filter(|test| test.is_over(context.now)) {
            let end = (TestStatus::Completed, over.until);
            conclude(view, &mut changes, &mut interface, end)?;
        }
        can_be_tested(view, context, &interface)?;
        let mut draws = context.seed.draws();
        let mut id = FailoverTestId::draw(&mut draws);
        while view.exists(&key::failover_test(&id))? {
            id = FailoverTestId::draw(&mut draws);
        }
        let peers = self.chosen(&interface)?;
        let test = FailoverTest {
            id: id.clone(),
            interface: interface.id.clone(),
            connection: interface.connection.clone(),
            owner: interface.owner.clone(),
            lender: interface.lender.clone(),
            peers: peers.clone(),
            minutes,
            started: context.now,
            ended: None,
            status: TestStatus::InProgress,
        };
        interface.test = Some(RunningTest { id, peers, until: test.until() });
        for notice in Notice::of_interface(&interface, NoticeEvent::Testing, context) {
            changes.put(notice)?;
        }
        changes.put(interface)?;
        changes.put(test.clone())?;
        changes.decision(test)
    }
}

/// A test's time in minutes.
fn minutes(given: Option<i64>) -> Result<u32, Fault> {
    let Some(given) = given else { return Ok(DEFAULT_MINUTES) };
    let number = u32::try_from(given).ok().filter(|number| (1..=MOST_MINUTES).contains(number));
    let rule = format!("must be from 1 to {MOST_MINUTES} minutes");
    number.ok_or_else(|| Fault::field("testDurationInMinutes", given, rule))
}

/// Only what is programmed can be tested, and once at a time.
fn can_be_tested(view: &View, context: &Context<'_>, interface: &VirtualInterface) -> Asked<()> {
    let report = view.interface_status(&interface.id)?.map(|status| &status.report);
    let rule = match interface.state(context.now, report, false) {
        State::Available | State::Down => return Ok(()),
        State::Testing => "one BGP failover test runs at a time: wait for its end or stop it",
        State::Confirming
        | State::Verifying
        | State::Pending
        | State::Unknown
        | State::Deleting
        | State::Deleted
        | State::Rejected
        | State::Expired => "only one that is available or down can be tested",
    };
    Err(wrong_state(view, interface, context, rule)?.into())
}

impl StartBgpFailoverTest {
    /// The peers whose sessions are to be shut, each once.
    fn chosen(&self, interface: &VirtualInterface) -> Result<Vec<BgpPeerId>, Fault> {
        let live = || interface.peers.iter().filter(|peer| peer.is_live());
        if self.peers.is_empty() {
            return Ok(live().map(|peer| peer.id.clone()).collect());
        }
        let mut chosen: Vec<BgpPeerId> = Vec::new();
        for given in &self.peers {
            let found = live().find(|peer| peer.id.as_str() == given);
            let found = found.ok_or_else(|| Fault::not_found(ResourceKind::BgpPeer, given))?;
            if !chosen.contains(&found.id) {
                chosen.push(found.id.clone());
            }
        }
        Ok(chosen)
    }
}

impl Command for StopBgpFailoverTest {
    type Outcome = FailoverTest;

    fn decide(&self, view: &View, context: &Context<'_>) -> Asked<Decision<FailoverTest>> {
        let found = access::find::<VirtualInterface>(view, context, Action::Update, &self.0)?;
        let mut interface = found.clone();
        let runs = interface.test.as_ref().is_some_and(|test| !test.is_over(context.now));
        let rule = "no BGP failover test runs on it";
        if interface.phase != Phase::Accepted || !runs {
            return Err(wrong_state(view, &interface, context, rule)?.into());
        }
        let mut changes = Changes::new(view);
        let end = (TestStatus::Cancelled, context.now);
        let Some(test) = conclude(view, &mut changes, &mut interface, end)? else {
            return Err(wrong_state(view, &interface, context, rule)?.into());
        };
        put_concluded(&mut changes, interface, context)?;
        changes.decision(test)
    }
}

/// Writes an interface whose test is over, and tells both sides.
fn put_concluded(
    changes: &mut Changes<'_>,
    interface: VirtualInterface,
    context: &Context<'_>,
) -> Asked<()> {
    for notice in Notice::of_interface(&interface, NoticeEvent::Tested, context) {
        changes.put(notice)?;
    }
    changes.put(interface)
}

/// For how long a session may be shut by the clock of an edge, whatever the configuration says: a clock that jumps, or a server's
/// that was wrong, shuts none for longer.
pub const LONGEST: Duration = Duration::from_secs(MOST_MINUTES as u64 * 60);
