//! `linkway admin webhook`: where an account's events are sent.

use clap::Subcommand;
use linkway_wire::operator::{DeleteWebhook, DescribeAccount, NewWebhook, PutWebhook, Webhook};

use super::Session;
use super::failure::Failure;
use super::output::{Row, one};
use super::rows::{maybe, time};
use super::words::AccountId;

#[derive(Debug, Subcommand)]
pub enum WebhookWord {
    /// Send an account's events to an address; a new secret is shown this once
    #[command(
        after_help = "From then on each event (see `events --account`) is sent there as JSON by POST,
signed as Standard Webhooks 1.0.0 says, and again for three days until the
receiver answers with a status of 200 to 299. One that comes twice has the same
webhook-id. The address is https, or http on the server's own machine.

Examples:
  linkway admin webhook set 123456789000 --url https://hooks.example.com/linkway
  linkway admin webhook set 123456789000 --new-secret --url https://example.com"
    )]
    Set {
        /// Account ID
        #[arg(value_name = "ID")]
        id: String,
        /// Where to
        #[arg(long)]
        url: String,
        /// Make a new secret for a webhook that has one
        #[arg(long)]
        new_secret: bool,
    },
    /// Show an account's webhook, and whether its events are taken
    #[command(after_help = "Example:\n  linkway admin webhook show 123456789000")]
    Show(AccountId),
    /// Stop sending an account's events
    #[command(after_help = "Example:\n  linkway admin webhook delete 123456789000")]
    Delete(AccountId),
}

impl Session<'_> {
    pub(super) fn webhook(&self, word: WebhookWord) -> Result<(), Failure> {
        match word {
            WebhookWord::Set { id, url, new_secret } => {
                self.one(&PutWebhook { account_id: id, webhook_url: url.into(), new_secret })
            }
            WebhookWord::Show(it) => {
                let detail = self.client.call(&DescribeAccount { account_id: it.id.clone() })?;
                match detail.webhook {
                    Some(webhook) => one(self.globals.output, &webhook),
                    None => Err(Failure::Refused {
                        code: "DirectConnectClientException".to_owned(),
                        message: format!("account {} has no webhook", it.id),
                    }),
                }
            }
            WebhookWord::Delete(it) => self.one(&DeleteWebhook { account_id: it.id }),
        }
    }
}

impl Row for NewWebhook {
    const COLUMNS: &'static [&'static str] = &["ACCOUNT", "URL", "SECRET"];
    fn cells(&self) -> Vec<String> {
        let secret = self.webhook_secret.as_ref().map(|secret| secret.expose().to_owned());
        vec![self.account_id.clone(), self.webhook_url.clone(), secret.unwrap_or_default()]
    }
}

impl Row for Webhook {
    const COLUMNS: &'static [&'static str] =
        &["ACCOUNT", "URL", "CREATED", "DELIVERED", "FAILING SINCE", "ERROR", "GIVEN UP"];
    fn cells(&self) -> Vec<String> {
        vec![
            self.account_id.clone(),
            self.webhook_url.clone(),
            time(self.created_at),
            self.delivered_at.map(time).unwrap_or_default(),
            self.failing_since.map(time).unwrap_or_default(),
            maybe(&self.error),
            self.given_up.to_string(),
        ]
    }
}
