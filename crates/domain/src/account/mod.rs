//! Accounts: the operator's customers.

pub mod decide;
pub mod previous;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::id::{AccessKeyId, AccountId};
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
    /// The access keys of a disabled account are refused like ones that do not exist; what the account has goes on.
    pub enabled: bool,
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

/// An account that was deleted, and the access keys that went with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeletedAccount {
    /// The account as it was.
    pub account: Account,
    /// Its keys.
    pub access_keys: Vec<AccessKeyId>,
}

impl Outcome for DeletedAccount {
    fn resources(&self) -> Vec<Cow<'_, str>> {
        let keys = self.access_keys.iter().map(|id| id.as_str().into());
        [self.account.id.as_str().into()].into_iter().chain(keys).collect()
    }
}
