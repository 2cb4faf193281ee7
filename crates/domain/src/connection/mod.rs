//! Connections: a port of an edge router, lent to an account by the operator.

pub mod decide;
pub mod previous;
mod usage;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::fault::ResourceKind;
use crate::id::{AccountId, ConnectionId, EdgeId, LocationCode, PortName};
use crate::key::{self, Key};
use crate::net::Bandwidth;
use crate::outcome::Outcome;
use crate::quota::{Counter, Use};
use crate::resource::{Party, Resource};
use crate::stored::{Entry, Group, Stored};
use crate::time::Time;

pub use usage::ConnectionUsage;

/// A connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connection {
    /// Its id.
    pub id: ConnectionId,
    /// What its owner calls it.
    pub name: String,
    /// Who ordered it.
    pub owner: AccountId,
    /// Where.
    pub location: LocationCode,
    /// Its speed.
    pub bandwidth: Bandwidth,
    /// The network provider that the owner named.
    pub provider_name: Option<String>,
    /// Where it is in its life.
    pub phase: ConnectionPhase,
    /// The port, from the approval on.
    pub port: Option<AssignedPort>,
    /// When it was ordered.
    pub created: Time,
    /// When it ended, and until when it is still shown.
    pub ended: Option<Ended>,
}

/// The end of a connection or an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// When it ended.
    pub at: Time,
    /// Until when it is shown; then its record is purged.
    #[serde(alias = "forget")]
    pub purge: Time,
}

/// The port that a connection has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssignedPort {
    /// The router.
    pub edge: EdgeId,
    /// Its interface.
    pub name: PortName,
    /// Whether it carries jumbo frames.
    pub jumbo: bool,
    /// Whether the edge is the built-in one.
    pub simulated: bool,
}

/// Intent and fact as recorded; what a tenant sees is [`ConnectionState`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ConnectionPhase {
    /// Ordered; the operator has not answered.
    Requested,
    /// Approved; the link was never up.
    Pending,
    /// The link is up.
    Up,
    /// The link was up and is lost.
    Down,
    /// The owner deleted it; the router still holds it.
    Deleting,
    /// Gone.
    Deleted,
    /// The operator refused the order.
    Rejected,
}

/// What can happen to a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConnectionEvent {
    /// The operator gives it a port.
    Approve,
    /// The operator refuses it.
    Reject,
    /// The edge reports a carrier.
    CarrierUp,
    /// The edge reports that there is none.
    CarrierDown,
    /// The owner deletes it.
    Delete,
    /// The edge reports that it no longer holds it.
    Released,
}

impl ConnectionPhase {
    /// Every phase.
    pub const ALL: [Self; 7] = [
        Self::Requested,
        Self::Pending,
        Self::Up,
        Self::Down,
        Self::Deleting,
        Self::Deleted,
        Self::Rejected,
    ];

    /// The state table: the phase after an event, `None` where the event does not apply.
    #[must_use]
    pub const fn after(self, event: ConnectionEvent) -> Option<Self> {
        use ConnectionEvent as E;
        match (self, event) {
            (Self::Requested, E::Approve) => Some(Self::Pending),
            (Self::Requested, E::Reject) => Some(Self::Rejected),
            // Nothing is on a router yet; a real recording shows `deleted` at once.
            (Self::Requested, E::Delete) => Some(Self::Deleted),
            (Self::Pending | Self::Up | Self::Down, E::Delete) => Some(Self::Deleting),
            (Self::Pending | Self::Down | Self::Up, E::CarrierUp) => Some(Self::Up),
            // Before the first carrier the link is not lost, it has never come: still pending.
            (Self::Pending, E::CarrierDown) => Some(Self::Pending),
            (Self::Up | Self::Down, E::CarrierDown) => Some(Self::Down),
            (Self::Deleting, E::Released) => Some(Self::Deleted),
            (Self::Requested, E::CarrierUp | E::CarrierDown | E::Released)
            | (Self::Pending | Self::Up | Self::Down, E::Approve | E::Reject | E::Released)
            | (
                Self::Deleting,
                E::Approve | E::Reject | E::CarrierUp | E::CarrierDown | E::Delete,
            )
            | (Self::Deleted | Self::Rejected, _) => None,
        }
    }

    /// Whether it can change no more.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Deleted | Self::Rejected)
    }

    /// Whether the edge that has its port must know it.
    #[must_use]
    pub const fn is_on_edge(self) -> bool {
        matches!(self, Self::Pending | Self::Up | Self::Down)
    }
}

/// The API's `ConnectionState`, as far as this service gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConnectionState {
    /// See [`ConnectionPhase::Requested`].
    Requested,
    /// See [`ConnectionPhase::Pending`].
    Pending,
    /// The link is up.
    Available,
    /// The link is lost.
    Down,
    /// The edge has been silent for too long to say.
    Unknown,
    /// See [`ConnectionPhase::Deleting`].
    Deleting,
    /// See [`ConnectionPhase::Deleted`].
    Deleted,
    /// See [`ConnectionPhase::Rejected`].
    Rejected,
}

impl ConnectionState {
    /// Every state.
    pub const ALL: [Self; 8] = [
        Self::Requested,
        Self::Pending,
        Self::Available,
        Self::Down,
        Self::Unknown,
        Self::Deleting,
        Self::Deleted,
        Self::Rejected,
    ];

    /// As the API names it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Pending => "pending",
            Self::Available => "available",
            Self::Down => "down",
            Self::Unknown => "unknown",
            Self::Deleting => "deleting",
            Self::Deleted => "deleted",
            Self::Rejected => "rejected",
        }
    }
}

impl Connection {
    /// Whether it ended so long ago that nobody sees it any more, whether or not a reconciler has noticed.
    #[must_use]
    pub fn is_purged(&self, now: Time) -> bool {
        self.ended.is_some_and(|ended| now >= ended.purge)
    }

    /// What a tenant sees: the recorded phase, unless the edge that would know better is silent.
    #[must_use]
    pub const fn state(&self, edge_silent: bool) -> ConnectionState {
        match self.phase {
            ConnectionPhase::Requested => ConnectionState::Requested,
            ConnectionPhase::Pending => ConnectionState::Pending,
            ConnectionPhase::Up | ConnectionPhase::Down if edge_silent => ConnectionState::Unknown,
            ConnectionPhase::Up => ConnectionState::Available,
            ConnectionPhase::Down => ConnectionState::Down,
            ConnectionPhase::Deleting => ConnectionState::Deleting,
            ConnectionPhase::Deleted => ConnectionState::Deleted,
            ConnectionPhase::Rejected => ConnectionState::Rejected,
        }
    }
}

impl Stored for Connection {
    fn key(&self) -> Option<Key> {
        Some(key::connection(&self.id))
    }

    fn derived(&self) -> Vec<(Key, Entry)> {
        let mut keys = vec![key::connection_of(&self.owner, &self.id)];
        if !self.phase.is_terminal() {
            keys.push(key::connection_at(&self.location, &self.id));
        }
        if let Some(port) = self.port.as_ref().filter(|_| !self.phase.is_terminal()) {
            keys.push(key::edge_connection(&port.edge, &self.id));
        }
        keys.extend(self.ended.map(|ended| key::due(ended.purge, self.id.as_str())));
        keys.into_iter().map(|key| (key, Entry::Mark)).collect()
    }

    fn uses(&self) -> Vec<Use<'_>> {
        let live = (!self.phase.is_terminal()).then_some((&self.owner, &self.location));
        live.map(|(owner, at)| Use::one(Counter::Connections(owner, at))).into_iter().collect()
    }

    fn counts(&self) -> Vec<(Group, i64)> {
        vec![(("connection", self.state(false).as_str()), 1)]
    }
}

impl Outcome for Connection {
    fn resources(&self) -> Vec<Cow<'_, str>> {
        vec![self.id.as_str().into()]
    }
}

impl Resource for Connection {
    const KIND: ResourceKind = ResourceKind::Connection;
    const FIELD: &'static str = "connectionId";

    fn party(&self, account: &AccountId) -> Party {
        if self.owner == *account { Party::Owner } else { Party::Stranger }
    }

    fn owner(&self) -> &AccountId {
        &self.owner
    }

    fn is_purged(&self, now: Time) -> bool {
        Self::is_purged(self, now)
    }
}
