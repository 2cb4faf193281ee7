//! The tags that one account gave one resource: a record of its own, so that a label wakes no router and rewrites no sealed
//! record. Neither side of a hosted interface sees the other's.

use serde::{Deserialize, Serialize};

use super::Tags;
use crate::decide::Changes;
use crate::id::{AccountId, ConnectionId, VirtualInterfaceId};
use crate::key::{self, Key};
use crate::record::Stored;
use crate::view::Asked;

/// What can be tagged.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum TaggedResource {
    /// A connection.
    Connection(ConnectionId),
    /// A virtual interface.
    VirtualInterface(VirtualInterfaceId),
}

impl TaggedResource {
    /// The kind of its record's key, and its id.
    #[must_use]
    pub fn parts(&self) -> (&'static str, &str) {
        match self {
            Self::Connection(id) => ("connection", id.as_str()),
            Self::VirtualInterface(id) => ("vif", id.as_str()),
        }
    }
}

/// The tags that an account gave a resource; at least one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourceTags {
    /// The resource.
    pub resource: TaggedResource,
    /// Who labelled it.
    pub account: AccountId,
    /// The tags.
    pub tags: Tags,
}

impl ResourceTags {
    /// Writes an account's tags of a resource; none leave no record.
    ///
    /// # Errors
    ///
    /// If the record that they take the place of is not loaded.
    pub(crate) fn put(
        resource: TaggedResource,
        account: &AccountId,
        tags: Tags,
        changes: &mut Changes<'_>,
    ) -> Asked<()> {
        if tags.is_empty() {
            return changes.delete(key::tags(&resource, account));
        }
        changes.put(Self { resource, account: account.clone(), tags })
    }
}

impl Stored for ResourceTags {
    fn key(&self) -> Option<Key> {
        Some(key::tags(&self.resource, &self.account))
    }
}
