//! What happened to what an account has, as its feed and its webhook tell it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::value::Secret;

/// An account's event feed, oldest first. A page is full (`maxResults` long) unless it reaches the present, so a short page is
/// the end for now; its `nextToken` continues with what happens next.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListAccountEvents {
    /// Whose.
    pub account_id: String,
    /// Only events of this time and later ones; goes with the first page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_time: Option<Timestamp>,
    /// At most so many events in one page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_results: Option<i64>,
    /// The `nextToken` of the page before; absent for the oldest events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// One page of an account's feed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountEventPage {
    /// Oldest first.
    pub events: Vec<AccountEvent>,
    /// Where to go on; always there, since the feed has no end.
    pub next_token: String,
}

/// Something that happened, told to one account. A webhook's body is the same: `type` and `timestamp` are where Standard Webhooks
/// looks for them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountEvent {
    /// The same each time that it is told.
    pub id: String,
    /// `virtual-interface.offered`, `connection.up`.
    #[serde(rename = "type")]
    pub kind: String,
    /// When it happened.
    pub timestamp: Timestamp,
    /// To what.
    pub data: AccountEventData,
}

/// What an event is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountEventData {
    /// Whom it is told.
    pub account_id: String,
    /// The virtual interface; absent: the connection itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub virtual_interface_id: Option<String>,
    /// The connection, or the interface's.
    pub connection_id: String,
    /// Who owns the connection.
    pub lender_account: String,
    /// Whose the interface or connection is.
    pub owner_account: String,
    /// Until when an offer can be accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

/// Sends what happens to what an account has to an address, from now on, signed as Standard Webhooks says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PutWebhook {
    /// Whose events.
    pub account_id: String,
    /// Where to: `https`, or `http` on the server's own machine.
    pub webhook_url: Secret,
    /// Whether a webhook that is there gets a new secret; absent: no.
    #[serde(default)]
    pub new_secret: bool,
}

/// Ends the sending, and forgets the secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeleteWebhook {
    /// Whose events.
    pub account_id: String,
}

/// A webhook that was made or changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NewWebhook {
    /// Whose events.
    pub account_id: String,
    /// Where to, without a query.
    pub webhook_url: String,
    /// What signs, if it is new: `whsec_…`, in this answer and never again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook_secret: Option<Secret>,
}

/// A webhook, and how far it has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Webhook {
    /// Whose events.
    pub account_id: String,
    /// Where to, without a query.
    pub webhook_url: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When an event was last taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivered_at: Option<Timestamp>,
    /// Since when the next event is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failing_since: Option<Timestamp>,
    /// Why, the last time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// How many events were given up after three days of refusals.
    pub given_up: u64,
}
