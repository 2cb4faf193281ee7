//! Webhooks: where an account's notices are sent, signed as Standard Webhooks 1.0.0 says.

pub mod decide;
mod url;

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::id::AccountId;
use crate::key::{self, Key};
use crate::outcome::Outcome;
use crate::stored::Stored;
use crate::time::Time;

pub use url::WebhookUrl;

/// Where an account's notices are sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Webhook {
    /// Whose notices.
    pub account: AccountId,
    /// Where to.
    pub url: WebhookUrl,
    /// What signs them.
    pub secret: WebhookSecret,
    /// When it was made.
    pub created: Time,
}

/// The key that signs an account's notices: `whsec_` and the key's bytes in base64. Its `Debug` never shows it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WebhookSecret(String);

impl WebhookSecret {
    /// What a secret begins with (Standard Webhooks, "Signature scheme").
    pub const PREFIX: &str = "whsec_";

    /// A fresh one. 44 characters of base 36 are base64 too, of 33 bytes with 227 random bits; the scheme asks for 24 to 64 bytes.
    pub(crate) fn draw(draws: &mut crate::seed::Draws) -> Self {
        Self(format!("{}{}", Self::PREFIX, draws.base36(44)))
    }

    /// The secret itself, for its owner once and for signatures.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[PROTECTED]")
    }
}

/// How far the sending of an account's notices has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookStatus {
    /// Whose notices.
    pub account: AccountId,
    /// The revision of the store up to which everything was sent or given up.
    pub sent: u64,
    /// When the last of these happened, or when the webhook was made.
    pub sent_at: Time,
    /// When one was last taken by the receiver.
    pub delivered_at: Option<Time>,
    /// Since when the receiver refuses the next one.
    pub failing_since: Option<Time>,
    /// Why, the last time.
    pub error: Option<String>,
    /// How many notices were given up because the receiver refused them for too long.
    pub given_up: u64,
}

impl Stored for Webhook {
    fn key(&self) -> Option<Key> {
        Some(key::webhook(&self.account))
    }
}

impl Stored for WebhookStatus {
    fn key(&self) -> Option<Key> {
        Some(key::webhook_status(&self.account))
    }
}

impl Outcome for Webhook {
    fn resources(&self) -> Vec<Cow<'_, str>> {
        vec![self.account.as_str().into()]
    }
}
