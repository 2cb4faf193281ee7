//! Associations: which gateways the customers of a Direct Connect gateway reach, and which of their prefixes.
//!
//! The Direct Connect gateway is one account's and the associated gateway may be another's, who then proposed the association.
//! What edges have of it follows from what they report: see [`Association::state`].

pub mod allowed;
pub mod decide;
mod states;
mod transit;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::connection::Ended;
use crate::edge::EdgeSeen;
use crate::fault::ResourceKind;
use crate::id::{
    AccountId, AssociationId, DirectConnectGatewayId, EdgeId, RoutingDomainId, TransitGatewayId,
    VirtualGatewayId,
};
use crate::key::{self, Key};
use crate::net::Prefix;
use crate::outcome::Outcome;
use crate::quota::{Count, Counter, Use};
use crate::resource::{Party, Resource};
use crate::stored::{Entry, Stored};
use crate::time::Time;

pub use allowed::AllowedPrefixes;
pub use states::{Event, Phase, State};

/// An association.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Association {
    /// Its id.
    pub id: AssociationId,
    /// The Direct Connect gateway.
    pub gateway: DirectConnectGatewayId,
    /// Whose that is.
    pub gateway_owner: AccountId,
    /// The gateway that is associated with it.
    pub associated: AssociatedGateway,
    /// Whose that is.
    pub associated_owner: AccountId,
    /// Of a virtual gateway: its VPC's prefixes, which never change.
    pub cidrs: Vec<Prefix>,
    /// What may be reached.
    pub allowed: AllowedPrefixes,
    /// Where it is in its life.
    pub phase: Phase,
    /// While it is being ended: the edges that have not reported a configuration without it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub leaving: Vec<EdgeId>,
    /// When it was made.
    pub created: Time,
    /// When it ended, and until when it is still shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Ended>,
}

/// A gateway that can be associated with a Direct Connect gateway.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AssociatedGateway {
    /// A VPC's.
    Virtual(VirtualGatewayId),
    /// A transit gateway.
    Transit(TransitGatewayId),
}

impl AssociatedGateway {
    /// Its id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Virtual(id) => id.as_str(),
            Self::Transit(id) => id.as_str(),
        }
    }

    /// The virtual gateway, if it is one.
    #[must_use]
    pub const fn virtual_gateway(&self) -> Option<&VirtualGatewayId> {
        match self {
            Self::Virtual(id) => Some(id),
            Self::Transit(_) => None,
        }
    }

    /// The transit gateway, if it is one.
    #[must_use]
    pub const fn transit_gateway(&self) -> Option<&TransitGatewayId> {
        match self {
            Self::Virtual(_) => None,
            Self::Transit(id) => Some(id),
        }
    }

    /// Its routing domain on every edge.
    #[must_use]
    pub fn routing_domain(&self) -> RoutingDomainId {
        match self {
            Self::Virtual(id) => RoutingDomainId::of_virtual_gateway(id),
            Self::Transit(id) => RoutingDomainId::of_transit_gateway(id),
        }
    }
}

impl Association {
    /// Whether this account may see it.
    #[must_use]
    pub fn is_visible_to(&self, account: &AccountId) -> bool {
        self.gateway_owner == *account || self.associated_owner == *account
    }

    /// Whether it ended so long ago that nobody sees it any more, whether or not a reconciler has noticed.
    #[must_use]
    pub fn is_purged(&self, now: Time) -> bool {
        self.ended.is_some_and(|ended| now >= ended.purge)
    }

    /// The prefixes that customers of the Direct Connect gateway reach.
    #[must_use]
    pub fn reached(&self) -> Vec<Prefix> {
        match &self.associated {
            AssociatedGateway::Virtual(_) => self.allowed.filter(&self.cidrs),
            AssociatedGateway::Transit(_) => self.allowed.as_slice().to_vec(),
        }
    }

    /// What a tenant sees. `version` is the record's, `epoch` the store's, and `seen` what was last heard of each edge with a
    /// live interface of the Direct Connect gateway.
    #[must_use]
    pub fn state<'e>(
        &self,
        (epoch, version): (u64, u64),
        seen: impl IntoIterator<Item = Option<&'e EdgeSeen>>,
    ) -> State {
        let has = |seen: Option<&EdgeSeen>| seen.is_some_and(|seen| seen.has(epoch, version));
        self.phase.state(seen.into_iter().all(has))
    }

    /// What it uses of its Direct Connect gateway's quotas until it has ended.
    fn use_of_gateway(&self) -> Option<Use<'_>> {
        let transit = match self.associated {
            AssociatedGateway::Virtual(_) => 0,
            AssociatedGateway::Transit(_) => 1,
        };
        let counter = Counter::Associations(&self.gateway);
        (!self.phase.is_terminal()).then_some(Use { counter, count: Count { total: 1, transit } })
    }

    /// What it uses of its transit gateway's quotas until it has ended.
    fn use_of_transit_gateway(&self) -> Option<Use<'_>> {
        let gateway = self.associated.transit_gateway().filter(|_| !self.phase.is_terminal())?;
        Some(Use::one(Counter::TransitAssociations(gateway)))
    }

    /// What names it in the list of deadlines.
    pub(crate) fn due(id: &AssociationId) -> String {
        format!("association.{id}")
    }
}

impl Stored for Association {
    fn key(&self) -> Option<Key> {
        Some(key::association(&self.id))
    }

    fn derived(&self) -> Vec<(Key, Entry)> {
        let (id, associated) = (&self.id, self.associated.as_str());
        let mut keys = vec![key::association_of(&self.gateway_owner, id)];
        if self.associated_owner != self.gateway_owner {
            keys.push(key::association_of(&self.associated_owner, id));
        }
        if self.phase.is_terminal() {
            keys.push(key::ended_association_on(&self.gateway, id));
            keys.push(key::ended_associated(associated, id));
        } else {
            keys.push(key::association_on(&self.gateway, id));
            keys.push(key::associated(associated, id));
        }
        keys.extend(self.leaving.iter().map(|edge| key::edge_association(edge, id)));
        keys.extend(self.ended.map(|ended| key::due(ended.purge, &Self::due(id))));
        keys.into_iter().map(|key| (key, Entry::Mark)).collect()
    }

    fn uses(&self) -> Vec<Use<'_>> {
        self.use_of_gateway().into_iter().chain(self.use_of_transit_gateway()).collect()
    }
}

impl Outcome for Association {
    fn resources(&self) -> Vec<Cow<'_, str>> {
        vec![self.id.as_str().into(), self.gateway.as_str().into(), self.associated.as_str().into()]
    }
}

/// The owner of the Direct Connect gateway decides what may be reached; the other gateway's owner sees the association and may
/// end it.
impl Resource for Association {
    const KIND: ResourceKind = ResourceKind::GatewayAssociation;
    const FIELD: &'static str = "associationId";

    fn party(&self, account: &AccountId) -> Party {
        match account {
            owner if *owner == self.gateway_owner => Party::Owner,
            lender if *lender == self.associated_owner => Party::Lender,
            _ => Party::Stranger,
        }
    }

    fn owner(&self) -> &AccountId {
        &self.gateway_owner
    }

    fn is_purged(&self, now: Time) -> bool {
        Self::is_purged(self, now)
    }
}
