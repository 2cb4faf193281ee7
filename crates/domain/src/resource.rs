//! Resources as those who may know of them see them.

use crate::fault::ResourceKind;
use crate::id::AccountId;
use crate::time::Time;

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

/// A resource that belongs to an account.
pub trait Resource: Sized {
    /// Its kind.
    const KIND: ResourceKind;
    /// The field that usually names it.
    const FIELD: &'static str;

    /// How an account stands to it.
    fn party(&self, account: &AccountId) -> Party;
    /// Whose it is.
    fn owner(&self) -> &AccountId;
    /// Whether it ended so long ago that nobody sees it, whether or not a reconciler has purged it.
    fn is_purged(&self, now: Time) -> bool;
}
