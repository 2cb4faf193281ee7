//! The operator makes, renames, disables and deletes accounts.

use super::{Account, DeletedAccount};
use crate::access_key::Principal;
use crate::access_key::decide::delete_all_of;
use crate::decide::{Changes, Command, Context, Decision};
use crate::fault::Fault;
use crate::id::AccountId;
use crate::in_use::{self, Uses};
use crate::key;
use crate::text;
use crate::view::{Asked, View};
use crate::webhook;

/// The most customer agreements that go with an account: a commit has at most 128 compares.
const MOST_AGREEMENTS: usize = 60;

/// A new account.
#[derive(Clone, Debug)]
pub struct CreateAccount {
    /// 12 digits.
    pub id: String,
    /// What people call it.
    pub name: String,
}

/// Renames an account.
#[derive(Clone, Debug)]
pub struct UpdateAccount {
    /// The account.
    pub id: String,
    /// What people call it from then on.
    pub name: String,
}

/// Enables or disables an account.
#[derive(Clone, Debug)]
pub struct EnableAccount {
    /// The account.
    pub id: String,
    /// Whether requests that its access keys sign are accepted.
    pub enabled: bool,
}

/// Deletes an account that has nothing any more, by its id; its access keys, confirmed agreements and webhook go with it.
#[derive(Clone, Debug)]
pub struct DeleteAccount(pub String);

impl Command for CreateAccount {
    type Outcome = Account;

    fn decide(&self, view: &View, context: &Context<'_>) -> Asked<Decision<Account>> {
        let id = AccountId::parse(&self.id)?;
        let name = text::name("name", &self.name)?;
        let account = Account { name, created: context.now, id, enabled: true };
        if view.exists(&key::account(&account.id))? {
            let rule = "is taken: there is such an account already";
            return Err(Fault::field("accountId", &account.id, rule).into());
        }
        let mut changes = Changes::new(view);
        changes.put(account.clone())?;
        changes.decision(account)
    }
}

impl Command for UpdateAccount {
    type Outcome = Account;

    fn decide(&self, view: &View, _: &Context<'_>) -> Asked<Decision<Account>> {
        let id = existing(view, "accountId", &self.id)?;
        let name = text::name("name", &self.name)?;
        changed(view, &id, |account| Account { name, ..account })
    }
}

impl Command for EnableAccount {
    type Outcome = Account;

    fn decide(&self, view: &View, _: &Context<'_>) -> Asked<Decision<Account>> {
        let id = existing(view, "accountId", &self.id)?;
        changed(view, &id, |account| Account { enabled: self.enabled, ..account })
    }
}

/// The decision that changes an account which is there.
fn changed(
    view: &View,
    id: &AccountId,
    change: impl FnOnce(Account) -> Account,
) -> Asked<Decision<Account>> {
    let known = view.account(id)?.expect("the account was found");
    let account = change(known.clone());
    if account == *known {
        return Decision::unchanged(account);
    }
    let mut changes = Changes::new(view);
    changes.put(account.clone())?;
    changes.decision(account)
}

impl Command for DeleteAccount {
    type Outcome = DeletedAccount;

    /// What has ended counts until it is purged: the id may be given out again, and its next owner must not see it.
    fn decide(&self, view: &View, _: &Context<'_>) -> Asked<Decision<DeletedAccount>> {
        let id = existing(view, "accountId", &self.0)?;
        let account = view.account(&id)?.expect("the account was found").clone();
        let uses = [
            Uses { noun: "connection", range: key::connections_of(&id) },
            Uses { noun: "virtual interface", range: key::interfaces_of(&id) },
            Uses { noun: "virtual gateway", range: key::gateways_of(&id) },
            Uses { noun: "transit gateway", range: key::transit_gateways_of(&id) },
            Uses { noun: "Direct Connect gateway", range: key::dx_gateways_of(&id) },
            Uses { noun: "gateway association", range: key::associations_of(&id) },
            Uses { noun: "association proposal", range: key::proposals_of(&id) },
        ];
        in_use::refuse(view, ("accountId", &id), &uses)?;
        let mut changes = Changes::new(view);
        let access_keys = delete_all_of(view, &Principal::Account(id.clone()), &mut changes)?;
        let agreements = view.first(&key::customer_agreements_of(&id))?;
        if agreements.entries.len() > MOST_AGREEMENTS {
            let rule = format!("has confirmed more than {MOST_AGREEMENTS} customer agreements");
            return Err(Fault::field("accountId", &id, rule).into());
        }
        view.want(agreements.entries.iter().map(|(at, _)| at.clone()))?;
        for (agreement, _) in &agreements.entries {
            changes.delete(agreement.clone())?;
        }
        webhook::decide::delete(&id, &mut changes)?;
        changes.delete(key::account(&id))?;
        changes.decision(DeletedAccount { account, access_keys })
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

/// The account that calls. It may have been deleted since its request was authenticated.
///
/// # Errors
///
/// If there is no such account, or no account calls.
pub(crate) fn calling<'v>(view: &'v View, context: &Context<'_>) -> Asked<&'v Account> {
    let id = context.account()?;
    let gone = || Fault::denied(format!("The account {id} does not exist."));
    view.account(id)?.ok_or_else(|| gone().into())
}
