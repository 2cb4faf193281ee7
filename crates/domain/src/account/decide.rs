//! The operator makes accounts.

use super::Account;
use crate::decide::{Changes, Command, Context, Decision};
use crate::fault::Fault;
use crate::id::AccountId;
use crate::key;
use crate::text;
use crate::view::{Asked, View};

/// A new account.
#[derive(Clone, Debug)]
pub struct CreateAccount {
    /// 12 digits.
    pub id: String,
    /// What people call it.
    pub name: String,
}

impl Command for CreateAccount {
    type Outcome = Account;

    fn decide(&self, view: &View, context: &Context<'_>) -> Asked<Decision<Account>> {
        let id = AccountId::parse(&self.id)?;
        let account = Account { name: text::name("name", &self.name)?, created: context.now, id };
        if view.exists(&key::account(&account.id))? {
            let rule = "is taken: there is such an account already";
            return Err(Fault::field("accountId", &account.id, rule).into());
        }
        let mut changes = Changes::new(view);
        changes.put(account.clone())?;
        changes.decision(account)
    }
}

/// An account that must be there, by a caller's text.
///
/// # Errors
///
/// If it is not an account's id, or there is no such account.
pub(crate) fn existing(view: &View, field: &str, id: &str) -> Asked<AccountId> {
    let id = AccountId::parse_field(field, id)?;
    if view.account(&id)?.is_none() {
        return Err(Fault::field(field, &id, "does not exist").into());
    }
    Ok(id)
}
