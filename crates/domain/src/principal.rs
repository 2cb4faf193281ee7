//! Whom a request speaks for.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::id::{AccountId, EdgeId};

/// Whom a signed request speaks for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", content = "id", rename_all = "lowercase")]
pub enum Principal {
    /// A tenant.
    Account(AccountId),
    /// Whoever runs this installation.
    Operator,
    /// One edge router.
    Edge(EdgeId),
}

impl Principal {
    /// The tenant that it is, if it is one.
    #[must_use]
    pub fn account(&self) -> Option<&AccountId> {
        match self {
            Self::Account(id) => Some(id),
            Self::Operator | Self::Edge(_) => None,
        }
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(id) => write!(f, "account {id}"),
            Self::Operator => f.write_str("operator"),
            Self::Edge(id) => write!(f, "edge {id}"),
        }
    }
}
