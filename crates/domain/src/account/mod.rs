//! Accounts: the operator's customers.

pub mod decide;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::id::AccountId;
use crate::key::{self, Key};
use crate::outcome::Outcome;
use crate::stored::Stored;
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

impl Stored for Account {
    fn key(&self) -> Option<Key> {
        Some(key::account(&self.id))
    }
}

impl Outcome for Account {
    fn resources(&self) -> Vec<Cow<'_, str>> {
        vec![self.id.as_str().into()]
    }
}
