//! Where a Direct Connect gateway's routers are connected with one another: the operator's backbone, over which SiteLink reaches
//! the customers of other edges. One handoff at most for each router and address family.

pub mod decide;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::id::{DirectConnectGatewayId, RoutingDomainId};
use crate::key::{self, Key};
use crate::outcome::Outcome;
use crate::stored::{Entry, Stored};
use crate::time::Time;
use crate::virtual_gateway::Handoff;

/// The backbone of a Direct Connect gateway. The operator's: its owner sees nothing of it. A deleted one leaves no record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backbone {
    /// The gateway.
    pub gateway: DirectConnectGatewayId,
    /// The gateway's routing domain, which never changes.
    pub routing_domain: RoutingDomainId,
    /// Where its routers reach the backbone. Each has a peer, whose address is the next hop.
    pub handoffs: Vec<Handoff>,
    /// When it was made.
    pub created: Time,
}

impl Stored for Backbone {
    fn key(&self) -> Option<Key> {
        Some(key::backbone(&self.gateway))
    }

    fn derived(&self) -> Vec<(Key, Entry)> {
        let handoffs = self.handoffs.iter();
        let keys = handoffs.map(|h| key::backbone_handoff(&h.edge, &h.interface, &self.gateway));
        keys.map(|key| (key, Entry::Mark)).collect()
    }
}

impl Outcome for Backbone {
    fn resources(&self) -> Vec<Cow<'_, str>> {
        vec![self.gateway.as_str().into()]
    }
}
