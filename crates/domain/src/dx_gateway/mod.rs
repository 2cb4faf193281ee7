//! Direct Connect gateways: one routing domain for the interfaces that lead to them, on every edge that has such an interface,
//! and associations with the gateways whose VPCs those interfaces reach.
//!
//! A Direct Connect gateway forwards nothing itself: it is there at once, and gone at once when nothing hangs on it.

pub mod decide;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::connection::Ended;
use crate::fault::ResourceKind;
use crate::id::{AccountId, DirectConnectGatewayId, RoutingDomainId};
use crate::key::{self, Key};
use crate::net::GatewayAsn;
use crate::outcome::Outcome;
use crate::quota::{Counter, Use};
use crate::resource::{Party, Resource};
use crate::stored::{Entry, Stored};
use crate::time::Time;

/// A Direct Connect gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirectConnectGateway {
    /// Its id.
    pub id: DirectConnectGatewayId,
    /// What its owner calls it.
    pub name: String,
    /// Whose it is.
    pub owner: AccountId,
    /// Our AS number in the sessions of its interfaces; it never changes.
    pub asn: GatewayAsn,
    /// The routing domain of its interfaces on each edge.
    pub routing_domain: RoutingDomainId,
    /// Where it is in its life.
    pub phase: Phase,
    /// When it was made.
    pub created: Time,
    /// When it was deleted, and until when it is still shown.
    pub ended: Option<Ended>,
}

/// Where a Direct Connect gateway is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// It is there.
    Available,
    /// It was deleted.
    Deleted,
}

/// What can happen to a Direct Connect gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// Its owner deletes it.
    Delete,
}

impl Phase {
    /// Every phase.
    pub const ALL: [Self; 2] = [Self::Available, Self::Deleted];

    /// The state table (Direct Connect API Reference, DirectConnectGateway, `directConnectGatewayState`): the phase after an
    /// event, `None` where the event does not apply. It is deleted only when no router has anything of it, so it is never
    /// `pending` or `deleting`.
    #[must_use]
    pub const fn after(self, event: Event) -> Option<Self> {
        match (self, event) {
            (Self::Available, Event::Delete) => Some(Self::Deleted),
            (Self::Deleted, Event::Delete) => None,
        }
    }

    /// Whether it can change no more.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Deleted)
    }

    /// As the API names it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Available => "available",
            Self::Deleted => "deleted",
        }
    }
}

impl DirectConnectGateway {
    /// Whether it was deleted so long ago that nobody sees it any more, whether or not a reconciler has noticed.
    #[must_use]
    pub fn is_purged(&self, now: Time) -> bool {
        self.ended.is_some_and(|ended| now >= ended.purge)
    }

    /// What names it in the list of deadlines.
    pub(crate) fn due(id: &DirectConnectGatewayId) -> String {
        format!("dxgw.{id}")
    }
}

impl Stored for DirectConnectGateway {
    fn key(&self) -> Option<Key> {
        Some(key::dx_gateway(&self.id))
    }

    fn derived(&self) -> Vec<(Key, Entry)> {
        let listed = match self.phase.is_terminal() {
            false => key::dx_gateway_of(&self.owner, &self.id),
            true => key::ended_dx_gateway_of(&self.owner, &self.id),
        };
        let due = self.ended.map(|ended| key::due(ended.purge, &Self::due(&self.id)));
        [listed].into_iter().chain(due).map(|key| (key, Entry::Mark)).collect()
    }

    fn uses(&self) -> Vec<Use<'_>> {
        match self.phase.is_terminal() {
            true => Vec::new(),
            false => vec![Use::one(Counter::DirectConnectGateways(&self.owner))],
        }
    }
}

impl Outcome for DirectConnectGateway {
    fn resources(&self) -> Vec<Cow<'_, str>> {
        vec![self.id.as_str().into()]
    }
}

impl Resource for DirectConnectGateway {
    const KIND: ResourceKind = ResourceKind::DirectConnectGateway;
    const FIELD: &'static str = "directConnectGatewayId";

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
