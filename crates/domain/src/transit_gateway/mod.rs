//! Transit gateways: what transit interfaces reach by a Direct Connect gateway, one VRF on each edge that serves it. A transit
//! gateway has no prefixes of its own: each association says which ones are announced.

pub mod decide;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::fault::ResourceKind;
use crate::id::{AccountId, TransitGatewayId};
use crate::key::{self, Key};
use crate::net::GatewayAsn;
use crate::outcome::Outcome;
use crate::resource::{Party, Resource};
use crate::stored::{Entry, Stored};
use crate::time::Time;
use crate::virtual_gateway::Handoff;

/// A transit gateway. Made and deleted by the operator for an account; a deleted one leaves no record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransitGateway {
    /// Its id.
    pub id: TransitGatewayId,
    /// What people call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whose it is.
    pub owner: AccountId,
    /// Its AS number, which never changes; a Direct Connect gateway that it is associated with has another.
    pub asn: GatewayAsn,
    /// Where it is reached from each edge; the first of an edge and family counts.
    pub handoffs: Vec<Handoff>,
    /// When it was made.
    pub created: Time,
}

impl Stored for TransitGateway {
    fn key(&self) -> Option<Key> {
        Some(key::transit_gateway(&self.id))
    }

    fn derived(&self) -> Vec<(Key, Entry)> {
        let handoffs = self.handoffs.iter();
        let handoffs = handoffs.map(|h| key::transit_handoff(&h.edge, &h.interface, &self.id));
        let keys = handoffs.chain([key::transit_gateway_of(&self.owner, &self.id)]);
        keys.map(|key| (key, Entry::Mark)).collect()
    }
}

impl Outcome for TransitGateway {
    fn resources(&self) -> Vec<Cow<'_, str>> {
        vec![self.id.as_str().into()]
    }
}

impl Resource for TransitGateway {
    const KIND: ResourceKind = ResourceKind::TransitGateway;
    const FIELD: &'static str = "transitGatewayId";

    fn party(&self, account: &AccountId) -> Party {
        if self.owner == *account { Party::Owner } else { Party::Stranger }
    }

    fn owner(&self) -> &AccountId {
        &self.owner
    }

    /// A deleted one leaves no record.
    fn is_purged(&self, _: Time) -> bool {
        false
    }
}
