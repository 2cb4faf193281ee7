//! The forms that earlier builds stored connections in.

use serde::{Deserialize, Serialize};

use super::{AssignedPort, Connection, ConnectionPhase, Ended};
use crate::id::{AccountId, ConnectionId, LocationCode};
use crate::net::Bandwidth;
use crate::tag::{ResourceTags, TaggedResource, Tags};
use crate::time::Time;
use crate::version::{Migrated, Moved};

/// Version 2, and version 1 in JSON: with its owner's tags in the same record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the members are those of the records that it becomes")]
pub struct Connection2 {
    pub id: ConnectionId,
    pub name: String,
    pub owner: AccountId,
    pub location: LocationCode,
    pub bandwidth: Bandwidth,
    pub provider_name: Option<String>,
    pub tags: Tags,
    pub phase: ConnectionPhase,
    pub port: Option<AssignedPort>,
    pub created: Time,
    pub ended: Option<Ended>,
}

impl Connection2 {
    /// The connection, and the record that its tags are.
    #[must_use]
    pub fn migrate(self) -> Migrated<Connection> {
        let resource = TaggedResource::Connection(self.id.clone());
        let (account, tags) = (self.owner.clone(), self.tags);
        let moved =
            (!tags.is_empty()).then(|| Moved::Tags(ResourceTags { resource, account, tags }));
        let record = Connection {
            id: self.id,
            name: self.name,
            owner: self.owner,
            location: self.location,
            bandwidth: self.bandwidth,
            provider_name: self.provider_name,
            phase: self.phase,
            port: self.port,
            created: self.created,
            ended: self.ended,
        };
        Migrated { record, moved: moved.into_iter().collect() }
    }
}
