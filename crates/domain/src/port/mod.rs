//! Physical ports of edge routers, which the operator gives to connections.

pub mod decide;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::id::{ConnectionId, EdgeId, LocationCode, PortName};
use crate::key::{self, Key};
use crate::net::Bandwidth;
use crate::outcome::Outcome;
use crate::stored::{Entry, Stored};

/// A physical port of an edge router: one connection at a time has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Port {
    /// The router.
    pub edge: EdgeId,
    /// Its interface, as the router's kernel names it.
    pub name: PortName,
    /// The router's location.
    pub location: LocationCode,
    /// Its speed.
    pub bandwidth: Bandwidth,
    /// Whether it carries jumbo frames.
    pub jumbo: bool,
    /// Who has it.
    pub connection: Option<ConnectionId>,
}

impl Stored for Port {
    fn key(&self) -> Option<Key> {
        Some(key::port(&self.edge, &self.name))
    }

    fn derived(&self) -> Vec<(Key, Entry)> {
        let free = key::free_port(&self.location, self.bandwidth, &self.edge, &self.name);
        self.connection.is_none().then_some((free, Entry::Mark)).into_iter().collect()
    }
}

impl Outcome for Port {
    fn resources(&self) -> Vec<Cow<'_, str>> {
        vec![format!("{}/{}", self.edge, self.name).into()]
    }
}
