//! Access keys: who signs requests, and for whom.

pub mod decide;

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::id::AccessKeyId;
use crate::key::{self, Key};
use crate::outcome::Outcome;
use crate::quota::{Counter, Use};
use crate::stored::{Entry, Stored};
use crate::time::Time;

pub use crate::principal::Principal;

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

    fn derived(&self) -> Vec<(Key, Entry)> {
        vec![(key::access_key_of(&self.principal, &self.id), Entry::Mark)]
    }

    fn uses(&self) -> Vec<Use<'_>> {
        self.principal.account().map(Counter::AccessKeys).map(Use::one).into_iter().collect()
    }
}

impl Outcome for AccessKey {
    fn resources(&self) -> Vec<Cow<'_, str>> {
        vec![self.id.as_str().into()]
    }
}
