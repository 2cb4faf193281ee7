//! Who may do what: asked in one place, for reads and for changes. What a caller may not know of answers exactly like what
//! does not exist.

use crate::access_key::Principal;
use crate::decide::Context;
use crate::fault::{Fault, ResourceKind};
use crate::id::AccountId;
use crate::time::Time;
use crate::view::{Asked, View};

/// What somebody wants to do with a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// See it.
    See,
    /// Label it: each side labels for itself.
    Tag,
    /// Delete it, or refuse it.
    Delete,
    /// Use it for something else: a connection for an interface, a gateway as an interface's end.
    Use,
    /// Accept it; only whom it is for.
    Confirm,
    /// Change what it is; only its owner.
    Update,
}

/// How an account stands to a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Party {
    /// It is the account's own.
    Owner,
    /// The account has lent it.
    Lender,
    /// The account has nothing to do with it.
    Stranger,
}

/// A kind of record that callers name by its id.
pub trait Resource: Sized {
    /// Its kind.
    const KIND: ResourceKind;
    /// The field that usually names it.
    const FIELD: &'static str;

    /// The record of this id, a caller's text; `None` too if it is no id of this kind.
    ///
    /// # Errors
    ///
    /// If it must be loaded first.
    fn load<'v>(view: &'v View, id: &str) -> Asked<Option<&'v Self>>;
    /// How an account stands to it.
    fn party(&self, account: &AccountId) -> Party;
    /// Whose it is.
    fn owner(&self) -> &AccountId;
    /// Whether it ended so long ago that nobody sees it, whether or not a reconciler has purged it.
    fn is_purged(&self, now: Time) -> bool;
}

/// The resource of this id, if the caller may do this with it.
///
/// # Errors
///
/// What must be loaded first. A fault if there is no such resource, if the caller may not know of it, or may not do this.
pub fn find<'v, R: Resource>(
    view: &'v View,
    context: &Context<'_>,
    action: Action,
    id: &str,
) -> Asked<&'v R> {
    let missing = || Fault::not_found(R::KIND, id);
    let found = R::load(view, id)?.ok_or_else(missing)?;
    let account = match &context.principal {
        Principal::Operator => return Ok(found),
        Principal::Account(account) => account,
        Principal::Edge(_) => context.account()?,
    };
    if found.is_purged(context.now) {
        return Err(missing().into());
    }
    match (found.party(account), action) {
        (Party::Owner, _) | (Party::Lender, Action::See | Action::Tag | Action::Delete) => {
            Ok(found)
        }
        (Party::Lender, Action::Confirm) => Err(not_yours::<R>(found, id, "confirm").into()),
        (Party::Lender, Action::Update | Action::Use) => {
            Err(not_yours::<R>(found, id, "change").into())
        }
        (Party::Stranger, _) => Err(missing().into()),
    }
}

fn not_yours<R: Resource>(found: &R, id: &str, verb: &str) -> Fault {
    let rule = format!("is not yours to {verb}: its owner is account {}", found.owner());
    Fault::field(R::FIELD, id, rule)
}
