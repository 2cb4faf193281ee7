//! What happens by itself at a moment: an unanswered interface expires, and its parties are told so before, a simulated location approves, what has ended is
//! purged. The reconciler that carries this out has no input of its own; several may run at once.

use std::fmt;

use crate::connection::decide::{ApproveConnection, PortChoice};
use crate::connection::{Connection, ConnectionPhase};
use crate::decide::{Changes, Command, Context, Decision};
use crate::id::{ConnectionId, VirtualInterfaceId};
use crate::key;
use crate::notice::{Notice, NoticeEvent};
use crate::tag::{self, TaggedResource};
use crate::time::Time;
use crate::view::{Asked, View};
use crate::virtual_interface::{Event, Phase, VirtualInterface};

/// An entry of the list of deadlines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deadline {
    /// The moment.
    pub at: Time,
    /// What it is about; what to do then follows from the state of that.
    pub subject: Subject,
}

/// What a deadline is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A connection: its approval at a simulated location, or its purge.
    Connection(ConnectionId),
    /// An interface: the reminder before the time to confirm it is over, the end of that time, or its purge.
    VirtualInterface(VirtualInterfaceId),
}

impl Subject {
    /// Reads the id of something that can have a deadline.
    #[must_use]
    pub fn parse(id: &str) -> Option<Self> {
        let connection = ConnectionId::parse(id).map(Self::Connection);
        connection.or_else(|_| VirtualInterfaceId::parse(id).map(Self::VirtualInterface)).ok()
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> &str {
        match self {
            Self::Connection(id) => id.as_str(),
            Self::VirtualInterface(id) => id.as_str(),
        }
    }
}

impl Deadline {
    /// Reads the key of an entry ([`key::due`]); `None` if it is of nothing that can have a deadline.
    #[must_use]
    pub fn parse(key: &str) -> Option<Self> {
        let (at, id) = key::parse_dated(key.strip_prefix("due/")?)?;
        Some(Self { at, subject: Subject::parse(id)? })
    }
}

impl fmt::Display for Deadline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}", self.subject.id(), self.at.millis())
    }
}

impl Command for Deadline {
    type Outcome = ();

    fn decide(&self, view: &View, context: &Context<'_>) -> Asked<Decision<()>> {
        let entry = key::due(self.at, self.subject.id());
        if context.now < self.at || !view.exists(&entry)? {
            return Decision::unchanged(());
        }
        let mut decision = match &self.subject {
            Subject::VirtualInterface(id) => match view.interface(id)? {
                Some(interface) => self.of_interface(view, interface, context)?,
                None => Decision::unchanged(())?,
            },
            Subject::Connection(id) => match view.connection(id)? {
                Some(connection) => self.of_connection(view, connection, context)?,
                None => Decision::unchanged(())?,
            },
        };
        // Whatever it was for, the entry has done its work; an entry that something else made stale goes too.
        if decision.writes.iter().all(|(key, _)| *key != entry) {
            decision.writes.push((entry, None));
        }
        Ok(decision)
    }
}

impl Deadline {
    fn of_interface(
        &self,
        view: &View,
        interface: &VirtualInterface,
        context: &Context<'_>,
    ) -> Asked<Decision<()>> {
        if interface.is_overdue(context.now) {
            let phase = interface.phase.after(Event::Expire).expect("an overdue one is confirming");
            let decision = interface.clone().finish(view, phase, context)?;
            return Ok(decision.map(|_| ()));
        }
        let mut changes = Changes::new(view);
        if interface.phase == Phase::Confirming {
            for notice in Notice::of_interface(interface, NoticeEvent::Expiring, context) {
                changes.put(notice)?;
            }
        }
        if interface.ended.is_some_and(|ended| ended.purge <= self.at) {
            let resource = TaggedResource::VirtualInterface(interface.id.clone());
            tag::decide::purge(&resource, [&interface.owner, &interface.lender], &mut changes)?;
            changes.delete(key::interface(&interface.id))?;
        }
        changes.decision(())
    }

    fn of_connection(
        &self,
        view: &View,
        connection: &Connection,
        context: &Context<'_>,
    ) -> Asked<Decision<()>> {
        if connection.phase == ConnectionPhase::Requested {
            let (connection, port) = (connection.id.to_string(), PortChoice::Simulated);
            let decision = ApproveConnection { connection, port }.decide(view, context)?;
            return Ok(decision.map(|_| ()));
        }
        let mut changes = Changes::new(view);
        if connection.ended.is_some_and(|ended| ended.purge <= self.at) {
            let resource = TaggedResource::Connection(connection.id.clone());
            tag::decide::purge(&resource, [&connection.owner], &mut changes)?;
            changes.delete(key::connection(&connection.id))?;
        }
        changes.decision(())
    }
}
