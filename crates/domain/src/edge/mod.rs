//! Edge routers: their records, what each must make true, and what it reports.

mod config;
pub mod decide;
pub mod give_up;
mod inquiry;
mod observations;
mod project;
pub mod report;
mod status;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::access_key::AccessKey;
use crate::id::{AccessKeyId, EdgeId, LocationCode};
use crate::key::{self, Key};
use crate::outcome::Outcome;
use crate::stored::{Entry, Stored};
use crate::time::Time;

pub use config::*;
pub use inquiry::*;
pub use observations::*;
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
    /// The report's number; the reports that one access key signs have rising numbers, and an older one is stale.
    pub sequence: u64,
    /// The access key that signed the report; absent: the number holds for every key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_key: Option<AccessKeyId>,
}

impl EdgeSeen {
    /// Whether the edge has a configuration that was made of records of this version or later ones, in this epoch of the store.
    #[must_use]
    pub const fn has(&self, epoch: u64, version: u64) -> bool {
        self.epoch == epoch && self.generation >= version
    }

    /// Whether its number is compared with the numbers of reports that this access key signs.
    #[must_use]
    pub fn counts_for(&self, access_key: Option<&AccessKeyId>) -> bool {
        match (&self.access_key, access_key) {
            (Some(last), Some(this)) => last == this,
            (None, _) | (_, None) => true,
        }
    }
}

impl Stored for Edge {
    fn key(&self) -> Option<Key> {
        Some(key::edge(&self.id))
    }

    fn derived(&self) -> Vec<(Key, Entry)> {
        let at = (!self.simulated).then(|| key::edge_at(&self.location, &self.id));
        let keys = at.into_iter().chain([key::edge_generation(&self.id)]);
        keys.map(|key| (key, Entry::Mark)).collect()
    }
}

/// Its key names the edge.
impl Stored for EdgeSeen {
    fn key(&self) -> Option<Key> {
        None
    }
}

impl Outcome for Edge {
    fn resources(&self) -> Vec<Cow<'_, str>> {
        vec![self.id.as_str().into()]
    }
}

/// An edge router that was deleted, and the access keys that went with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeletedEdge {
    /// The edge as it was.
    pub edge: Edge,
    /// Its keys.
    pub access_keys: Vec<AccessKeyId>,
}

impl Outcome for DeletedEdge {
    fn resources(&self) -> Vec<Cow<'_, str>> {
        let keys = self.access_keys.iter().map(|id| id.as_str().into());
        [self.edge.id.as_str().into()].into_iter().chain(keys).collect()
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
