//! Accounts and the access keys that speak for them, for the operator and for edges.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::id::{AccessKeyId, AccountId, EdgeId};
use crate::time::Time;

/// A customer of the operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// What people call it.
    pub name: String,
    /// When it was made.
    pub created: Time,
}

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

/// The secret half of an access key: 40 characters. Its `Debug` never shows it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SecretKey(String);

impl SecretKey {
    /// A fresh secret: 40 characters, 240 bits.
    pub fn draw(draws: &mut crate::seed::Draws) -> Self {
        Self(draws.secret(40))
    }

    /// The secret itself, for its owner once and for the signature.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[PROTECTED]")
    }
}

/// An access key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessKey {
    /// The public half.
    pub id: AccessKeyId,
    /// The secret half.
    pub secret: SecretKey,
    /// Whom it speaks for.
    pub principal: Principal,
    /// A disabled key is refused like one that does not exist.
    pub enabled: bool,
    /// When it was made.
    pub created: Time,
}
