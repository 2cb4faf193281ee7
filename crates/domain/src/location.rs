//! Where ports are: locations, the edge routers in them, and the routers' ports.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::id::{ConnectionId, EdgeId, LocationCode, PortName};
use crate::net::Bandwidth;
use crate::time::Time;

/// A place with edge routers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Location {
    /// Its code, as customers name it.
    pub code: LocationCode,
    /// Its name for people.
    pub name: String,
    /// Whether the built-in simulated edge serves it.
    pub simulated: bool,
    /// The speeds of the ports that were ever put there.
    pub speeds: BTreeSet<Bandwidth>,
}

/// An edge router.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edge {
    /// Its name.
    pub id: EdgeId,
    /// Where it stands.
    pub location: LocationCode,
    /// Whether it is the built-in one.
    pub simulated: bool,
    /// When it was made.
    pub created: Time,
}

/// When an edge was last heard, kept apart from [`Edge`] because it changes often.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EdgeSeen {
    /// When its last report came in.
    pub at: Time,
    /// The epoch of the generation.
    #[serde(default)]
    pub epoch: u64,
    /// The generation that the report was about.
    pub generation: u64,
    /// The report's number; an edge's reports have rising numbers, and an older one is stale.
    pub sequence: u64,
}

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
