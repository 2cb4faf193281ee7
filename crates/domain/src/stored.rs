//! What each resource says of its own record: where it lives, what follows from it, how it counts.

use serde::{Deserialize, Serialize};

use crate::id::VirtualInterfaceId;
use crate::key::Key;
use crate::quota::Use;

/// A record, with the key and the entries that follow from it.
pub(crate) trait Stored {
    /// Where it lives; `None` if its key says more than it does.
    fn key(&self) -> Option<Key>;
    /// The claims and indexes that must exist because of it.
    fn derived(&self) -> Vec<(Key, Entry)> {
        Vec::new()
    }
    /// What it uses of the quotas.
    fn uses(&self) -> Vec<Use<'_>> {
        Vec::new()
    }
    /// How it counts in the counts of things by state: a group, and how much it adds there.
    fn counts(&self) -> Vec<(Group, i64)> {
        Vec::new()
    }
}

/// What is counted: the kind of thing and its state.
pub type Group = (&'static str, &'static str);

/// What stands at a key that follows from a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A claim.
    Claim(Claim),
    /// An index entry or marker: the key says it all.
    Mark,
}

/// Which interface has the unique thing that the key names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// The interface.
    pub interface: VirtualInterfaceId,
}
