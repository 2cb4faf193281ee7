//! BGP failover tests: for a time some sessions of an interface are shut, so that its owner sees whether the others carry the
//! traffic. What runs is a part of the interface's record; what was is a history of records of its own.

pub mod decide;

use std::borrow::Cow;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::decide::Changes;
use crate::id::{AccountId, BgpPeerId, ConnectionId, FailoverTestId, VirtualInterfaceId};
use crate::key::{self, Key};
use crate::outcome::Outcome;
use crate::stored::{Entry, Stored};
use crate::time::Time;
use crate::view::{Asked, View};
use crate::virtual_interface::VirtualInterface;

/// How long the history of a test is kept after its end (Direct Connect User Guide, "Direct Connect failover test").
pub const KEPT: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// The test that runs on an interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunningTest {
    /// Which one.
    pub id: FailoverTestId,
    /// The peers whose sessions are shut.
    pub peers: Vec<BgpPeerId>,
    /// When it is over.
    pub until: Time,
}

impl RunningTest {
    /// Whether its time is over, whether or not a reconciler has noticed.
    #[must_use]
    pub fn is_over(&self, now: Time) -> bool {
        now >= self.until
    }
}

/// A test, running or over (`VirtualInterfaceTestHistory`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailoverTest {
    /// Its id.
    pub id: FailoverTestId,
    /// The interface.
    pub interface: VirtualInterfaceId,
    /// Its connection.
    pub connection: ConnectionId,
    /// Who owns the interface.
    pub owner: AccountId,
    /// Who owns the connection.
    pub lender: AccountId,
    /// The peers whose sessions are shut.
    pub peers: Vec<BgpPeerId>,
    /// For how many minutes.
    pub minutes: u32,
    /// When it began.
    pub started: Time,
    /// When it ended; `None`: it runs.
    pub ended: Option<Time>,
    /// How it is, or how it ended.
    pub status: TestStatus,
}

/// How a test is, or how it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TestStatus {
    /// It runs.
    InProgress,
    /// Its time was over.
    Completed,
    /// Its owner stopped it.
    Cancelled,
    /// Its interface, or the last of its peers, was deleted before its end.
    Failed,
}

impl TestStatus {
    /// Every one.
    pub const ALL: [Self; 4] = [Self::InProgress, Self::Completed, Self::Cancelled, Self::Failed];

    /// As the API names it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InProgress => "In progress",
            Self::Completed => "Completed",
            Self::Cancelled => "Cancelled",
            Self::Failed => "Failed",
        }
    }
}

impl FailoverTest {
    /// When its time is over.
    #[must_use]
    pub fn until(&self) -> Time {
        self.started.plus(Duration::from_secs(u64::from(self.minutes) * 60))
    }

    /// As it is at this moment, whether or not a reconciler has noticed that its time is over.
    #[must_use]
    pub fn at(mut self, now: Time) -> Self {
        if self.status == TestStatus::InProgress && now >= self.until() {
            (self.status, self.ended) = (TestStatus::Completed, Some(self.until()));
        }
        self
    }

    /// Whether it ended so long ago that nobody sees it any more.
    #[must_use]
    pub fn is_purged(&self, now: Time) -> bool {
        self.ended.is_some_and(|ended| now >= ended.plus(KEPT))
    }
}

impl Stored for FailoverTest {
    fn key(&self) -> Option<Key> {
        Some(key::failover_test(&self.id))
    }

    fn derived(&self) -> Vec<(Key, Entry)> {
        let of = |account| key::failover_test_of(account, &self.interface, self.started, &self.id);
        let mut marks = vec![of(&self.owner)];
        if self.lender != self.owner {
            marks.push(of(&self.lender));
        }
        marks.extend(self.ended.map(|ended| key::due(ended.plus(KEPT), self.id.as_str())));
        marks.into_iter().map(|key| (key, Entry::Mark)).collect()
    }
}

impl Outcome for FailoverTest {
    fn resources(&self) -> Vec<Cow<'_, str>> {
        vec![self.interface.as_str().into(), self.connection.as_str().into()]
    }
}

/// Ends the test that runs on an interface, if one does; its record as it is then.
///
/// # Errors
///
/// If the test's record must be loaded first.
pub(crate) fn conclude(
    view: &View,
    changes: &mut Changes<'_>,
    interface: &mut VirtualInterface,
    (status, at): (TestStatus, Time),
) -> Asked<Option<FailoverTest>> {
    let Some(running) = &interface.test else { return Ok(None) };
    let found = view.failover_test(&running.id)?.cloned();
    interface.test = None;
    let Some(mut test) = found else { return Ok(None) };
    (test.status, test.ended) = (status, Some(at));
    changes.put(test.clone())?;
    Ok(Some(test))
}
