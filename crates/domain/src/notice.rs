//! What happened to an account's connections and virtual interfaces, as its event feed tells it: offered, accepted, about to
//! expire, up, down, tested, and how it ended.
//!
//! A notice follows from the old and the new record of a decision, as claims and counters do, so that whatever changes an
//! interface tells of it, in the same commit. Who made the change is not told of it.

use serde::{Deserialize, Serialize};

use crate::connection::{Connection, ConnectionPhase};
use crate::decide::Context;
use crate::id::{AccountId, ConnectionId, VirtualInterfaceId};
use crate::key::{self, Key};
use crate::record::Record;
use crate::stored::Stored;
use crate::time::Time;
use crate::view::View;
use crate::virtual_interface::{Phase, State, VirtualInterface, VirtualInterfaceStatus};

/// Something that happened, told to one account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// Whom it is told.
    pub account: AccountId,
    /// When it happened.
    pub at: Time,
    /// What happened.
    pub event: NoticeEvent,
    /// The interface that it happened to; `None`: the connection itself.
    pub interface: Option<VirtualInterfaceId>,
    /// The connection, or that of the interface.
    pub connection: ConnectionId,
    /// Who owns the connection.
    pub lender: AccountId,
    /// Whose the interface is, or the connection.
    pub owner: AccountId,
    /// Until when an offered interface can be confirmed.
    pub expires: Option<Time>,
}

/// What can happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NoticeEvent {
    /// A lender offers an interface.
    Offered,
    /// The recipient has not answered, and the time to do so is nearly over.
    Expiring,
    /// The recipient never answered.
    Expired,
    /// The recipient confirmed it.
    Accepted,
    /// The recipient refused it.
    Declined,
    /// The lender took the offer back.
    Withdrawn,
    /// The operator gave an ordered connection its port.
    Approved,
    /// The operator refused an ordered connection.
    Rejected,
    /// BGP is up; of a connection, its link.
    Up,
    /// BGP was up and is not; of a connection, its link.
    Down,
    /// It is being taken off the router.
    Deleting,
    /// It is gone.
    Deleted,
    /// Its owner has its BGP sessions shut for a time, for a failover test.
    Testing,
    /// The failover test is over.
    Tested,
    /// The prefixes of a public interface are the customer's.
    Verified,
}

impl NoticeEvent {
    /// Every event.
    pub const ALL: [Self; 15] = [
        Self::Offered,
        Self::Expiring,
        Self::Expired,
        Self::Accepted,
        Self::Declined,
        Self::Withdrawn,
        Self::Approved,
        Self::Rejected,
        Self::Up,
        Self::Down,
        Self::Deleting,
        Self::Deleted,
        Self::Testing,
        Self::Tested,
        Self::Verified,
    ];

    /// As the feed names it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Offered => "offered",
            Self::Expiring => "expiring",
            Self::Expired => "expired",
            Self::Accepted => "accepted",
            Self::Declined => "declined",
            Self::Withdrawn => "withdrawn",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Up => "up",
            Self::Down => "down",
            Self::Deleting => "deleting",
            Self::Deleted => "deleted",
            Self::Testing => "testing",
            Self::Tested => "tested",
            Self::Verified => "verified",
        }
    }

    /// What the new intent for an interface means; `before`: `None` if it was made.
    const fn of_interface(before: Option<Phase>, after: Phase) -> Option<Self> {
        match (before, after) {
            (None, Phase::Confirming) => Some(Self::Offered),
            (Some(Phase::Confirming), Phase::Accepted | Phase::Verifying) => Some(Self::Accepted),
            (Some(Phase::Verifying), Phase::Accepted) => Some(Self::Verified),
            (Some(Phase::Verifying), Phase::Rejected) => Some(Self::Rejected),
            (Some(Phase::Verifying), Phase::Deleted) => Some(Self::Deleted),
            (Some(Phase::Confirming), Phase::Rejected) => Some(Self::Declined),
            (Some(Phase::Confirming), Phase::Expired) => Some(Self::Expired),
            (Some(Phase::Confirming), Phase::Deleted) => Some(Self::Withdrawn),
            (Some(Phase::Accepted | Phase::Moving), Phase::Deleting) => Some(Self::Deleting),
            (Some(Phase::Deleting), Phase::Deleted) => Some(Self::Deleted),
            // No transition of the state table, or none that says anything new.
            (
                _,
                Phase::Confirming
                | Phase::Verifying
                | Phase::Accepted
                | Phase::Moving
                | Phase::Deleting
                | Phase::Deleted
                | Phase::Rejected
                | Phase::Expired,
            ) => None,
        }
    }

    fn of_connection(before: Option<ConnectionPhase>, after: ConnectionPhase) -> Option<Self> {
        let before = before.filter(|before| *before != after)?;
        match after {
            ConnectionPhase::Requested => None,
            ConnectionPhase::Pending => Some(Self::Approved),
            ConnectionPhase::Up => Some(Self::Up),
            ConnectionPhase::Down => (before == ConnectionPhase::Up).then_some(Self::Down),
            ConnectionPhase::Deleting => Some(Self::Deleting),
            ConnectionPhase::Deleted => Some(Self::Deleted),
            ConnectionPhase::Rejected => Some(Self::Rejected),
        }
    }

    /// What a router's new word of an accepted interface means; `None` as a state: it says nothing of it.
    fn of_status(before: Option<State>, after: Option<State>) -> Option<Self> {
        let is_up = |state| state == Some(State::Available);
        match (is_up(before), is_up(after)) {
            (false, true) => Some(Self::Up),
            (true, false) => Some(Self::Down),
            (true, true) | (false, false) => None,
        }
    }
}

impl Notice {
    /// `virtual-interface.offered`, `connection.up`: what clients tell events by.
    #[must_use]
    pub fn kind(&self) -> String {
        let what = if self.interface.is_some() { "virtual-interface" } else { "connection" };
        format!("{what}.{}", self.event.as_str())
    }

    /// The id of what it happened to.
    #[must_use]
    pub fn resource(&self) -> &str {
        match &self.interface {
            Some(id) => id.as_str(),
            None => self.connection.as_str(),
        }
    }

    /// Its id: the same each time that it is told.
    #[must_use]
    pub fn id(&self) -> String {
        format!("{}-{}-{}", self.at.millis(), self.resource(), self.event.as_str())
    }

    /// An interface's event, told to its owner and its lender.
    pub(crate) fn of_interface<'a>(
        interface: &'a VirtualInterface,
        event: NoticeEvent,
        context: &'a Context<'_>,
    ) -> impl Iterator<Item = Self> + use<'a> {
        let lender = Some(&interface.lender).filter(|lender| **lender != interface.owner);
        told([Some(&interface.owner), lender], context).map(move |account| Self {
            account,
            at: context.now,
            event,
            interface: Some(interface.id.clone()),
            connection: interface.connection.clone(),
            lender: interface.lender.clone(),
            owner: interface.owner.clone(),
            expires: interface.expires,
        })
    }

    fn of_connection<'a>(
        connection: &'a Connection,
        event: NoticeEvent,
        context: &'a Context<'_>,
    ) -> impl Iterator<Item = Self> + use<'a> {
        told([Some(&connection.owner), None], context).map(move |account| Self {
            account,
            at: context.now,
            event,
            interface: None,
            connection: connection.id.clone(),
            lender: connection.owner.clone(),
            owner: connection.owner.clone(),
            expires: None,
        })
    }
}

/// Those of them who did not do it themselves.
fn told<'a>(
    parties: [Option<&'a AccountId>; 2],
    context: &'a Context<'_>,
) -> impl Iterator<Item = AccountId> + use<'a> {
    let actor = context.principal.account();
    parties.into_iter().flatten().filter(move |who| Some(*who) != actor).cloned()
}

impl Stored for Notice {
    fn key(&self) -> Option<Key> {
        Some(key::notice(&self.account, self.at, self.resource(), self.event.as_str()))
    }
}

/// Adds the notices that follow from some writes of records.
pub(crate) fn add(view: &View, context: &Context<'_>, writes: &mut Vec<(Key, Option<Record>)>) {
    let mut notices: Vec<Notice> = Vec::new();
    for (at, new) in writes.iter() {
        match (view.known(at), new) {
            (old, Some(Record::VirtualInterface(new))) => {
                let before = match old {
                    Some(Record::VirtualInterface(old)) => Some(old.phase),
                    _ => None,
                };
                let event = NoticeEvent::of_interface(before, new.phase);
                notices.extend(
                    event.into_iter().flat_map(|event| Notice::of_interface(new, event, context)),
                );
            }
            (Some(Record::Connection(old)), Some(Record::Connection(new))) => {
                let event = NoticeEvent::of_connection(Some(old.phase), new.phase);
                notices.extend(
                    event.into_iter().flat_map(|event| Notice::of_connection(new, event, context)),
                );
            }
            (old, new) if at.kind() == "vif-status" => {
                notices.extend(of_status(view, writes, (old, new.as_ref()), context));
            }
            _ => {}
        }
    }
    writes.extend(notices.into_iter().map(|notice| {
        let at = notice.key().expect("a notice has a key of its own");
        (at, Some(notice.into()))
    }));
}

/// What a change of an interface's status tells: nothing where the interface itself changes, whose own event says more.
fn of_status(
    view: &View,
    writes: &[(Key, Option<Record>)],
    (old, new): (Option<&Record>, Option<&Record>),
    context: &Context<'_>,
) -> Vec<Notice> {
    fn status(record: Option<&Record>) -> Option<&VirtualInterfaceStatus> {
        match record {
            Some(Record::VirtualInterfaceStatus(status)) => Some(status),
            _ => None,
        }
    }
    let (old, new) = (status(old), status(new));
    let Some(id) = old.or(new).map(|status| &status.id) else { return Vec::new() };
    let at = key::interface(id);
    let Some(Record::VirtualInterface(interface)) = view.known(&at) else { return Vec::new() };
    let is_ending = writes.iter().any(|(written, record)| {
        *written == at
            && !matches!(record, Some(Record::VirtualInterface(new)) if new.phase == interface.phase)
    });
    let [before, after] = [old, new].map(|status| status.map(|status| status.report.state()));
    // A session that is shut on purpose is no loss; both sides were told of the test.
    let is_meant =
        |event: &NoticeEvent| *event == NoticeEvent::Down && interface.is_tested(context.now);
    let event = NoticeEvent::of_status(before, after).filter(|_| !is_ending);
    match event.filter(|event| !is_meant(event)) {
        Some(event) => Notice::of_interface(interface, event, context).collect(),
        None => Vec::new(),
    }
}
