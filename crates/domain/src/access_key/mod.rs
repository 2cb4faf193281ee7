//! Access keys: who signs requests, and for whom.

pub mod decide;

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::decide::Outcome;
use crate::id::{AccessKeyId, AccountId, EdgeId};
use crate::key::{self, Key};
use crate::record::{Record, Stored};
use crate::time::Time;

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

impl Stored for AccessKey {
    fn key(&self) -> Option<Key> {
        Some(key::access_key(&self.id))
    }

    fn derived(&self) -> Vec<(Key, Record)> {
        vec![(key::access_key_of(&self.principal, &self.id), Record::Mark)]
    }
}

impl Outcome for AccessKey {
    fn resources(&self) -> Vec<Cow<'_, str>> {
        vec![self.id.as_str().into()]
    }
}
