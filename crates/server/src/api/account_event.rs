//! An account's event feed as the operator reads it, and the webhook that sends it.

use linkway_domain::Fault;
use linkway_domain::Time;
use linkway_domain::fault::shown;
use linkway_domain::id::AccountId;
use linkway_domain::key;
use linkway_domain::notice::Notice;
use linkway_domain::record::Record;
use linkway_domain::webhook::decide::{DeleteWebhook, PutWebhook, WebhookText};
use linkway_domain::webhook::{Webhook, WebhookStatus};
use linkway_wire::operator as wire;

use super::event::SETTLES;
use super::{Answered, Api, Call, page};
use crate::clock;

impl Api {
    pub(super) async fn list_account_events(
        &self,
        _: &Call,
        request: wire::ListAccountEvents,
    ) -> Answered<wire::AccountEventPage> {
        let limit = page::operators_limit(request.max_results)?;
        let account = self.account_of_list(&request.account_id).await?;
        // An earlier account of the same id was told what is none of this one's business.
        let start = request.start_time.map_or(account.created, |start| {
            let start = u64::try_from(start.as_millisecond()).unwrap_or_default();
            Time::from_millis(start).max(account.created)
        });
        let range = key::notices_of(&account.id);
        let first = key::notices_from(&account.id, start).into_string();
        let mut after = match &request.next_token {
            Some(token) => first.max(format!("{range}{}", checked(token)?)),
            None => first,
        };
        let mut asked = clock::now().minus(SETTLES);
        let (mut found, _) = self.records.range(&range, Some(&after), limit).await?;
        let is_later = |(_, record): &(_, Record)| matches!(record, Record::Notice(notice) if notice.at > asked);
        if found.len() < limit || found.iter().any(is_later) {
            asked = clock::now();
            tokio::time::sleep(SETTLES).await;
            (found, _) = self.records.range(&range, Some(&after), limit).await?;
        }
        let mut events = Vec::with_capacity(found.len());
        for (at, record) in found {
            let Record::Notice(notice) = record else { continue };
            if notice.at > asked {
                break;
            }
            after = at;
            events.push(event(&notice));
        }
        let next_token = after.strip_prefix(range.as_str()).unwrap_or_default().to_owned();
        Ok(wire::AccountEventPage { events, next_token })
    }

    pub(super) async fn put_webhook(
        &self,
        call: &Call,
        request: wire::PutWebhook,
    ) -> Answered<wire::NewWebhook> {
        let command = PutWebhook {
            account: request.account_id,
            url: WebhookText(request.webhook_url.expose().to_owned()),
            new_secret: request.new_secret,
        };
        let put = self.run(call, &command).await?;
        let secret = put.shows_secret.then(|| put.webhook.secret.reveal().into());
        Ok(wire::NewWebhook {
            account_id: put.webhook.account.to_string(),
            webhook_url: put.webhook.url.to_string(),
            webhook_secret: secret,
        })
    }

    pub(super) async fn delete_webhook(
        &self,
        call: &Call,
        request: wire::DeleteWebhook,
    ) -> Answered<wire::NewWebhook> {
        let webhook = self.run(call, &DeleteWebhook(request.account_id)).await?;
        Ok(wire::NewWebhook {
            account_id: webhook.account.to_string(),
            webhook_url: webhook.url.to_string(),
            webhook_secret: None,
        })
    }

    /// An account's webhook, if it has one.
    pub(super) async fn webhook_of(&self, id: &AccountId) -> Answered<Option<wire::Webhook>> {
        let found = self.records.get_many(&[key::webhook(id), key::webhook_status(id)]).await?;
        let mut found = found.into_iter();
        let webhook = page::one_of::<Webhook>(found.next().flatten());
        let status = page::one_of::<WebhookStatus>(found.next().flatten());
        let (Some(webhook), Some(status)) = (webhook, status) else { return Ok(None) };
        Ok(Some(wire::Webhook {
            account_id: webhook.account.to_string(),
            webhook_url: webhook.url.to_string(),
            created_at: clock::timestamp(webhook.created),
            delivered_at: status.delivered_at.map(clock::timestamp),
            failing_since: status.failing_since.map(clock::timestamp),
            error: status.error,
            given_up: status.given_up,
        }))
    }
}

/// A notice as clients are told it.
pub(crate) fn event(notice: &Notice) -> wire::AccountEvent {
    wire::AccountEvent {
        id: notice.id(),
        kind: notice.kind(),
        timestamp: clock::timestamp(notice.at),
        data: wire::AccountEventData {
            account_id: notice.account.to_string(),
            virtual_interface_id: notice.interface.as_ref().map(ToString::to_string),
            connection_id: notice.connection.to_string(),
            lender_account: notice.lender.to_string(),
            owner_account: notice.owner.to_string(),
            expires_at: notice.expires.map(clock::timestamp),
        },
    }
}

/// The rest of the key that a token goes on after.
fn checked(token: &str) -> Result<&str, Fault> {
    let is_plain =
        !token.is_empty() && token.len() <= 200 && token.bytes().all(|b| b.is_ascii_graphic());
    if is_plain {
        return Ok(token);
    }
    let rule = "is not a token that ListAccountEvents gave";
    Err(Fault::client(format!("nextToken \"{}\" {rule}.", shown(token))))
}
