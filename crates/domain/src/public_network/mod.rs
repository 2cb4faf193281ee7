//! The operator's public network on an edge: what public interfaces reach. One at most for each router.

pub mod decide;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::id::EdgeId;
use crate::key::{self, Key};
use crate::net::Prefix;
use crate::outcome::Outcome;
use crate::stored::{Entry, Stored};
use crate::time::Time;
use crate::virtual_gateway::Handoff;

/// The public network on an edge. A deleted one leaves no record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicNetwork {
    /// The router.
    pub edge: EdgeId,
    /// The operator's prefixes: what is announced to customers.
    pub prefixes: Vec<Prefix>,
    /// Where they are reached from the router; the first of a family counts.
    pub handoffs: Vec<Handoff>,
    /// When it was made.
    pub created: Time,
}

impl Stored for PublicNetwork {
    fn key(&self) -> Option<Key> {
        Some(key::public_network(&self.edge))
    }

    fn derived(&self) -> Vec<(Key, Entry)> {
        let keys = self.handoffs.iter().map(|h| key::public_handoff(&h.edge, &h.interface));
        keys.map(|key| (key, Entry::Mark)).collect()
    }
}

impl Outcome for PublicNetwork {
    fn resources(&self) -> Vec<Cow<'_, str>> {
        vec![self.edge.as_str().into()]
    }
}
