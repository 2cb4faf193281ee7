//! Virtual gateways: the VPC's end of a private interface, one VRF on each edge that serves it.

pub mod decide;
mod fabric_peer;
pub mod previous;
pub mod update;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::fault::ResourceKind;
use crate::id::{AccountId, EdgeId, PortName, VirtualGatewayId, VpcId};
use crate::key::{self, Key};
use crate::net::{GatewayAsn, NextHop, Prefix};
use crate::outcome::Outcome;
use crate::resource::{Party, Resource};
use crate::stored::{Entry, Stored};
use crate::time::Time;

pub use fabric_peer::{FabricAddress, FabricPeer};

/// A virtual gateway. Made and deleted by the operator for an account; a deleted one leaves no record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gateway {
    /// Its id.
    pub id: VirtualGatewayId,
    /// What people call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whose it is.
    pub owner: AccountId,
    /// Our AS number in its sessions.
    pub asn: GatewayAsn,
    /// The VPC behind it.
    pub vpc: VpcId,
    /// The VPC's prefixes: what is announced to customers' routers.
    pub cidrs: Vec<Prefix>,
    /// Where the VPC is reached from each edge; the first of an edge and family counts.
    pub handoffs: Vec<Handoff>,
    /// When it was made.
    pub created: Time,
}

/// The way from an edge router into the cloud's fabric.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handoff {
    /// The router.
    pub edge: EdgeId,
    /// Its interface towards the fabric; it is put into the gateway's VRF.
    pub interface: PortName,
    /// The next hop of the VPC's prefixes.
    pub next_hop: NextHop,
    /// The fabric's router that the edge has a BGP session with there; absent: customers' routes are not told, and the VPC counts as
    /// reached while the interface has a carrier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fabric_peer: Option<FabricPeer>,
}

impl Stored for Gateway {
    fn key(&self) -> Option<Key> {
        Some(key::gateway(&self.id))
    }

    fn derived(&self) -> Vec<(Key, Entry)> {
        let handoffs = self.handoffs.iter().map(|h| key::handoff(&h.edge, &h.interface, &self.id));
        let keys = handoffs.chain([key::gateway_of(&self.owner, &self.id)]);
        keys.map(|key| (key, Entry::Mark)).collect()
    }
}

impl Outcome for Gateway {
    fn resources(&self) -> Vec<Cow<'_, str>> {
        vec![self.id.as_str().into()]
    }
}

impl Resource for Gateway {
    const KIND: ResourceKind = ResourceKind::VirtualGateway;
    const FIELD: &'static str = "virtualGatewayId";

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
