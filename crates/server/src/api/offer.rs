//! Reserved tags of an offer that waits for its recipient: clients that know nothing but Direct Connect show tags, and nothing else of
//! an interface says who has lent it and until when it can be confirmed.

use linkway_domain::Time;
use linkway_domain::account::Account;
use linkway_domain::id::AccountId;
use linkway_domain::virtual_interface::{Phase, VirtualInterface};

use crate::clock;

/// The account that lends.
const LENDER: &str = "linkway:lender";
/// What the operator calls that account.
const LENDER_NAME: &str = "linkway:lender-name";
/// Until when it can be confirmed (RFC 3339).
const EXPIRES: &str = "linkway:expires";

/// The lender whose name this reader is to be told: it is the recipient of an offer that waits. Once it is answered the tags
/// are gone, or tools that compare tags would want to remove them for ever.
pub(super) fn lender<'i>(
    interface: &'i VirtualInterface,
    reader: &AccountId,
    now: Time,
) -> Option<&'i AccountId> {
    let waits = interface.phase == Phase::Confirming && !interface.is_overdue(now);
    let is_recipient = interface.owner == *reader && interface.lender != *reader;
    (waits && is_recipient).then_some(&interface.lender)
}

/// The reserved tags of an offer; of a lender without a record, no name.
pub(super) fn tags(
    interface: &VirtualInterface,
    lender: Option<&Account>,
) -> Vec<(&'static str, String)> {
    let id = [(LENDER, interface.lender.to_string())];
    let name = lender.map(|lender| (LENDER_NAME, lender.name.clone()));
    let expires = interface.expires.map(|at| (EXPIRES, format!("{:.0}", clock::timestamp(at))));
    id.into_iter().chain(name).chain(expires).collect()
}
