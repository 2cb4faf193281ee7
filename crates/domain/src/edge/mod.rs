//! Edge routers: their records, what each must make true, and what it reports.

mod config;
pub mod decide;
mod project;
pub mod report;
mod status;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::access_key::AccessKey;
use crate::id::{EdgeId, LocationCode};
use crate::key::{self, Key};
use crate::outcome::Outcome;
use crate::stored::{Entry, Stored};
use crate::time::Time;

pub use config::*;
pub use project::project;
pub use status::*;

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

impl Stored for Edge {
    fn key(&self) -> Option<Key> {
        Some(key::edge(&self.id))
    }

    fn derived(&self) -> Vec<(Key, Entry)> {
        vec![(key::edge_generation(&self.id), Entry::Mark)]
    }
}

/// Its key names the edge.
impl Stored for EdgeSeen {
    fn key(&self) -> Option<Key> {
        None
    }
}

/// A new edge and its own access key.
impl Outcome for (Edge, AccessKey) {
    fn resources(&self) -> Vec<Cow<'_, str>> {
        vec![self.0.id.as_str().into(), self.1.id.as_str().into()]
    }
}

/// A part of an edge router's configuration that follows from one record. When it changes, so does the generation of the
/// edge's configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EdgePart {
    /// The router.
    pub edge: EdgeId,
    /// What the record puts there.
    pub config: PartConfig,
}

/// What a record puts on an edge router.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PartConfig {
    /// A connection's port.
    Port(PortConfig),
    /// An accepted interface.
    Interface(InterfaceConfig),
}

impl EdgePart {
    /// The marker whose version is the generation of the edge's configuration.
    #[must_use]
    pub fn marker(&self) -> Key {
        key::edge_generation(&self.edge)
    }
}
