//! The operator gives an account a webhook, and takes it away; the sender notes how far it has come.

use std::borrow::Cow;

use super::{Webhook, WebhookSecret, WebhookStatus, WebhookUrl};
use crate::account::decide::existing;
use crate::decide::{Changes, Command, Context, Decision};
use crate::fault::Fault;
use crate::id::AccountId;
use crate::key;
use crate::outcome::Outcome;
use crate::time::Time;
use crate::view::{Asked, View};
use crate::virtual_interface::bounded_text;

/// Gives an account a webhook, or changes the one it has.
#[derive(Clone, Debug)]
pub struct PutWebhook {
    /// Whose notices.
    pub account: String,
    /// Where to.
    pub url: WebhookText,
    /// Whether it gets a new secret; a new webhook gets one anyway.
    pub new_secret: bool,
}

/// An address as it came. Its `Debug` never shows it.
#[derive(Clone)]
pub struct WebhookText(pub String);

impl std::fmt::Debug for WebhookText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[PROTECTED]")
    }
}

/// Takes an account's webhook away, by the account's id.
#[derive(Clone, Debug)]
pub struct DeleteWebhook(pub String);

/// Everything up to a revision of the store was sent, or given up.
#[derive(Clone, Debug)]
pub struct NoteSent {
    /// Whose webhook.
    pub account: AccountId,
    /// The revision.
    pub revision: u64,
    /// When what was written then happened.
    pub at: Time,
    /// Whether the receiver took it; if not, it was given up.
    pub delivered: bool,
}

/// The receiver did not take the next notice.
#[derive(Clone, Debug)]
pub struct NoteFailed {
    /// Whose webhook.
    pub account: AccountId,
    /// Why, in one line.
    pub error: String,
}

/// What came of [`PutWebhook`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Put {
    /// The webhook from now on.
    pub webhook: Webhook,
    /// Whether its secret is new.
    pub shows_secret: bool,
}

impl Outcome for Put {
    fn resources(&self) -> Vec<Cow<'_, str>> {
        self.webhook.resources()
    }
}

impl Command for PutWebhook {
    type Outcome = Put;

    fn decide(&self, view: &View, context: &Context<'_>) -> Asked<Decision<Put>> {
        let account = existing(view, "accountId", &self.account)?;
        let url = WebhookUrl::parse("webhookUrl", &self.url.0)?;
        view.want([key::webhook(&account), key::webhook_status(&account)])?;
        let known = view.webhook(&account)?;
        let kept = known.filter(|_| !self.new_secret).map(|known| known.secret.clone());
        let shows_secret = kept.is_none();
        let secret = kept.unwrap_or_else(|| WebhookSecret::draw(&mut context.seed.draws()));
        let created = known.map_or(context.now, |known| known.created);
        let webhook = Webhook { account, url, secret, created };
        if known == Some(&webhook) {
            return Decision::unchanged(Put { webhook, shows_secret });
        }
        let mut changes = Changes::new(view);
        if known.is_none() {
            // Only what happens from here on: the feed has the rest.
            changes.put(WebhookStatus {
                account: webhook.account.clone(),
                sent: 0,
                sent_at: context.now,
                delivered_at: None,
                failing_since: None,
                error: None,
                given_up: 0,
            })?;
        }
        changes.put(webhook.clone())?;
        changes.decision(Put { webhook, shows_secret })
    }
}

impl Command for DeleteWebhook {
    type Outcome = Webhook;

    fn decide(&self, view: &View, _: &Context<'_>) -> Asked<Decision<Webhook>> {
        let account = existing(view, "accountId", &self.0)?;
        let Some(webhook) = view.webhook(&account)?.cloned() else {
            return Err(Fault::field("accountId", &account, "has no webhook").into());
        };
        let mut changes = Changes::new(view);
        delete(&account, &mut changes)?;
        changes.decision(webhook)
    }
}

/// Takes an account's webhook away, if it has one.
pub(crate) fn delete(account: &AccountId, changes: &mut Changes<'_>) -> Asked<()> {
    changes.delete(key::webhook(account))?;
    changes.delete(key::webhook_status(account))
}

impl Command for NoteSent {
    type Outcome = ();

    fn decide(&self, view: &View, context: &Context<'_>) -> Asked<Decision<()>> {
        let Some(status) = view.webhook_status(&self.account)?.cloned() else {
            return Decision::unchanged(());
        };
        if status.sent >= self.revision {
            return Decision::unchanged(());
        }
        let mut changes = Changes::new(view);
        changes.put(WebhookStatus {
            sent: self.revision,
            sent_at: self.at.max(status.sent_at),
            delivered_at: if self.delivered { Some(context.now) } else { status.delivered_at },
            failing_since: None,
            error: None,
            given_up: status.given_up + u64::from(!self.delivered),
            account: status.account,
        })?;
        changes.decision(())
    }
}

impl Command for NoteFailed {
    type Outcome = ();

    fn decide(&self, view: &View, context: &Context<'_>) -> Asked<Decision<()>> {
        let Some(status) = view.webhook_status(&self.account)?.cloned() else {
            return Decision::unchanged(());
        };
        let failing_since = Some(status.failing_since.unwrap_or(context.now));
        let error = Some(bounded_text(&self.error));
        if (status.failing_since, &status.error) == (failing_since, &error) {
            return Decision::unchanged(());
        }
        let mut changes = Changes::new(view);
        changes.put(WebhookStatus { failing_since, error, ..status })?;
        changes.decision(())
    }
}
