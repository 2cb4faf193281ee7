//! The tags that one account gave one resource: a record of its own, so that a label wakes no router and rewrites no sealed
//! record. Neither side of a hosted interface sees the other's.

use serde::{Deserialize, Serialize};

use super::Tags;
use crate::id::{AccountId, TaggedResource};
use crate::key::{self, Key};
use crate::quota::{Counter, Use};
use crate::stored::Stored;

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

impl Stored for ResourceTags {
    fn key(&self) -> Option<Key> {
        Some(key::tags(&self.resource, &self.account))
    }

    fn uses(&self) -> Vec<Use<'_>> {
        match self.tags.bytes() {
            0 => Vec::new(),
            bytes => vec![Use::many(Counter::TagBytes(&self.account), bytes)],
        }
    }
}
