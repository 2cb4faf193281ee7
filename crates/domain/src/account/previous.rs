//! The form that earlier builds stored accounts in.

use serde::{Deserialize, Serialize};

use super::Account;
use crate::id::AccountId;
use crate::time::Time;
use crate::version::Migrated;

/// Version 2: every account is enabled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the members are those of the record that it becomes")]
pub struct Account2 {
    pub id: AccountId,
    pub name: String,
    pub created: Time,
}

impl Account2 {
    /// The same, enabled.
    #[must_use]
    pub fn migrate(self) -> Migrated<Account> {
        let Self { id, name, created } = self;
        Account { id, name, created, enabled: true }.into()
    }
}
