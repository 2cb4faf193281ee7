//! What happens by itself at a moment: an unanswered interface or proposal expires, and its parties are told so before, a simulated location approves, what has ended is
//! purged. The reconciler that carries this out has no input of its own; several may run at once.

use std::borrow::Cow;
use std::fmt;

use crate::association_proposal::{self, Proposal};
use crate::connection::decide::{ApproveConnection, PortChoice};
use crate::connection::{Connection, ConnectionPhase, Ended};
use crate::decide::{Changes, Command, Context, Decision};
use crate::dx_gateway::DirectConnectGateway;
use crate::failover_test::{self, TestStatus};
use crate::gateway_association::Association;
use crate::id::{
    AssociationId, ConnectionId, DirectConnectGatewayId, FailoverTestId, ProposalId,
    VirtualInterfaceId,
};
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
    /// An interface: the reminder before the time to confirm it is over, the end of that time, the end of a BGP failover test,
    /// the next stage of its being drained, or its purge.
    VirtualInterface(VirtualInterfaceId),
    /// A Direct Connect gateway: its purge.
    DirectConnectGateway(DirectConnectGatewayId),
    /// An association: its purge.
    Association(AssociationId),
    /// A proposal: the end of the time to answer it, or its purge.
    Proposal(ProposalId),
    /// A BGP failover test: its purge.
    FailoverTest(FailoverTestId),
}

impl Subject {
    /// Reads what names something that can have a deadline. Ids that look alike have their kind before them.
    #[must_use]
    pub fn parse(id: &str) -> Option<Self> {
        if let Some((kind, id)) = id.split_once('.') {
            return match kind {
                "dxgw" => DirectConnectGatewayId::parse(id).map(Self::DirectConnectGateway).ok(),
                "association" => AssociationId::parse(id).map(Self::Association).ok(),
                "proposal" => ProposalId::parse(id).map(Self::Proposal).ok(),
                _ => None,
            };
        }
        let connection = ConnectionId::parse(id).map(Self::Connection);
        let interface = || VirtualInterfaceId::parse(id).map(Self::VirtualInterface);
        let test = || FailoverTestId::parse(id).map(Self::FailoverTest);
        connection.or_else(|_| interface()).or_else(|_| test()).ok()
    }

    /// What names it in the list of deadlines.
    #[must_use]
    pub fn id(&self) -> Cow<'_, str> {
        match self {
            Self::Connection(id) => id.as_str().into(),
            Self::VirtualInterface(id) => id.as_str().into(),
            Self::DirectConnectGateway(id) => DirectConnectGateway::due(id).into(),
            Self::Association(id) => Association::due(id).into(),
            Self::Proposal(id) => Proposal::due(id).into(),
            Self::FailoverTest(id) => id.as_str().into(),
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
        let entry = key::due(self.at, &self.subject.id());
        if context.now < self.at || !view.exists(&entry)? {
            return Decision::unchanged(());
        }
        let mut decision = match &self.subject {
            Subject::VirtualInterface(id) => match view.interface(id)? {
                Some(interface) => self.of_interface(view, interface, context)?,
                None => Decision::unchanged(())?,
            },
            Subject::FailoverTest(id) => match view.failover_test(id)? {
                Some(test) if test.is_purged(context.now) => {
                    let mut changes = Changes::new(view);
                    changes.delete(key::failover_test(id))?;
                    changes.decision(())?
                }
                Some(_) | None => Decision::unchanged(())?,
            },
            Subject::Connection(id) => match view.connection(id)? {
                Some(connection) => self.of_connection(view, connection, context)?,
                None => Decision::unchanged(())?,
            },
            Subject::DirectConnectGateway(id) => self.of_dx_gateway(view, id)?,
            Subject::Association(id) => self.of_association(view, id)?,
            Subject::Proposal(id) => self.of_proposal(view, id, context)?,
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
        // Several may be due at the same moment.
        let mut next = interface.clone().with_keys_at(context.now);
        if let Some(test) = interface.test.as_ref().filter(|test| test.is_over(context.now)) {
            let end = (TestStatus::Completed, test.until);
            failover_test::conclude(view, &mut changes, &mut next, end)?;
            for notice in Notice::of_interface(interface, NoticeEvent::Tested, context) {
                changes.put(notice)?;
            }
        }
        if interface.phase == Phase::Confirming {
            for notice in Notice::of_interface(interface, NoticeEvent::Expiring, context) {
                changes.put(notice)?;
            }
        }
        if interface.phase == Phase::Accepted
            && let Some(drain) = interface.options.drain
        {
            next.options.drain = Some(drain.at(context.now));
        }
        if next != *interface {
            changes.put(next)?;
        }
        if interface.ended.is_some_and(|ended| ended.purge <= self.at) {
            let resource = TaggedResource::VirtualInterface(interface.id.clone());
            tag::decide::purge(&resource, [&interface.owner, &interface.lender], &mut changes)?;
            changes.delete(key::interface(&interface.id))?;
        }
        changes.decision(())
    }

    fn of_dx_gateway(&self, view: &View, id: &DirectConnectGatewayId) -> Asked<Decision<()>> {
        let mut changes = Changes::new(view);
        if let Some(gateway) = view.dx_gateway(id)?
            && self.purges(gateway.ended)
        {
            let resource = TaggedResource::DirectConnectGateway(id.clone());
            tag::decide::purge(&resource, [&gateway.owner], &mut changes)?;
            changes.unmark(key::dx_attachments_changed(id));
            changes.unmark(key::allowed_changed(id));
            changes.delete(key::dx_gateway(id))?;
        }
        changes.decision(())
    }

    fn of_association(&self, view: &View, id: &AssociationId) -> Asked<Decision<()>> {
        let mut changes = Changes::new(view);
        if let Some(association) = view.association(id)?
            && self.purges(association.ended)
        {
            changes.delete(key::association(id))?;
        }
        changes.decision(())
    }

    fn of_proposal(
        &self,
        view: &View,
        id: &ProposalId,
        context: &Context<'_>,
    ) -> Asked<Decision<()>> {
        let mut changes = Changes::new(view);
        if let Some(proposal) = view.proposal(id)? {
            if proposal.is_overdue(context.now) {
                changes.put(proposal.clone().end(association_proposal::Event::Expire, context))?;
            } else if self.purges(proposal.ended) {
                changes.delete(key::proposal(id))?;
            }
        }
        changes.decision(())
    }

    /// Whether this is the moment to forget something that has ended.
    fn purges(&self, ended: Option<Ended>) -> bool {
        ended.is_some_and(|ended| ended.purge <= self.at)
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
