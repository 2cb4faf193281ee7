//! Sends accounts what happened to what they have, to the addresses that the operator gave them. One account's events come in
//! the order in which they were committed, each until the receiver takes it (any 2xx) or has refused it for too long; one that
//! comes twice has the same id. What one receiver does holds up no other's.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use linkway_domain::access_key::Principal;
use linkway_domain::id::AccountId;
use linkway_domain::key;
use linkway_domain::notice::Notice;
use linkway_domain::record::Record;
use linkway_domain::time::Time;
use linkway_domain::webhook::decide::{NoteFailed, NoteSent};
use linkway_domain::webhook::{Webhook, WebhookStatus};
use linkway_wire::webhook as wire;
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use ureq::Agent;

use super::AFTER_FAILURE;
use crate::api::account_event::event;
use crate::clock;
use crate::records::{Failure, Records};
use crate::telemetry::WebhookMetrics;

/// The longest time of one request.
const REQUEST: Duration = Duration::from_secs(10);
/// The pause after the first refusal; it doubles with each further one, up to the longest.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);
/// An event that the receiver has not taken for so long is given up.
const GIVEN_UP_AFTER: Duration = Duration::from_secs(3 * 24 * 3600);
/// Requests at one time.
const AT_ONCE: usize = 16;
/// A decision is dated, then committed: what comes this much later than it was dated is not missed.
const LATE: Duration = Duration::from_secs(60);
/// Events read at a time.
const PAGE: usize = 500;

/// Wakes the sender.
#[derive(Default)]
pub struct Alarm {
    wake: Notify,
    due: Mutex<Due>,
}

/// Whose events are to be looked for.
#[derive(Default)]
struct Due {
    /// Everybody's.
    all: bool,
    /// These accounts', and whether the webhook itself has changed.
    accounts: BTreeMap<AccountId, bool>,
}

impl Alarm {
    /// A key of a notice or of a webhook was written; `None`: anything may have been.
    pub fn changed(&self, key: Option<&str>) {
        let mut due = self.due.lock().unwrap_or_else(PoisonError::into_inner);
        match key.map(changed_account) {
            None => due.all = true,
            Some(Some((account, is_webhook))) => {
                *due.accounts.entry(account).or_default() |= is_webhook;
            }
            Some(None) => return,
        }
        self.wake.notify_one();
    }

    fn take(&self) -> Due {
        std::mem::take(&mut self.due.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The account of a key, and whether it is its webhook's.
fn changed_account(key: &str) -> Option<(AccountId, bool)> {
    match key.strip_prefix("webhook/") {
        Some(account) => Some((AccountId::parse(account).ok()?, true)),
        None => key::parse_notice(key).map(|(account, _)| (account, false)),
    }
}

/// Runs until the server closes.
pub async fn run(
    records: Arc<Records>,
    alarm: Arc<Alarm>,
    metrics: WebhookMetrics,
    closing: CancellationToken,
) {
    let sender = Arc::new(Sender {
        records,
        metrics,
        agent: agent(),
        permits: Semaphore::new(AT_ONCE),
        closing,
    });
    alarm.changed(None);
    let mut at_work = AtWork::default();
    loop {
        tokio::select! {
            () = sender.closing.cancelled() => return,
            () = alarm.wake.notified() => {
                let due = alarm.take();
                if due.all {
                    match sender.all().await {
                        Ok(accounts) => {
                            at_work.subscribed = accounts.iter().cloned().collect();
                            accounts.into_iter().for_each(|who| at_work.start(&sender, who, false));
                        }
                        Err(error) => {
                            tracing::warn!(%error, "webhooks cannot be read");
                            tokio::time::sleep(AFTER_FAILURE).await;
                            alarm.changed(None);
                        }
                    }
                }
                for (account, is_webhook) in due.accounts {
                    if is_webhook {
                        at_work.subscribed.insert(account.clone());
                    }
                    // Most events are of accounts without a webhook: they cost no look.
                    if at_work.subscribed.contains(&account) {
                        at_work.start(&sender, account, is_webhook);
                    }
                }
            }
            Some(Ok(done)) = at_work.tasks.join_next() => at_work.ended(&sender, done),
        }
    }
}

/// The accounts whose events are being sent: one task each.
#[derive(Default)]
struct AtWork {
    tasks: JoinSet<AccountId>,
    accounts: HashMap<AccountId, Working>,
    /// Those that have a webhook, or had one since the server started.
    subscribed: BTreeSet<AccountId>,
}

/// One account's task.
#[derive(Default)]
struct Working {
    /// Ends its pause.
    hurry: Arc<Notify>,
    /// Whether something came since it last looked.
    again: bool,
}

impl AtWork {
    fn start(&mut self, sender: &Arc<Sender>, account: AccountId, is_webhook: bool) {
        if let Some(working) = self.accounts.get_mut(&account) {
            working.again = true;
            if is_webhook {
                working.hurry.notify_one();
            }
            return;
        }
        let working = Working::default();
        let (sender, hurry) = (Arc::clone(sender), Arc::clone(&working.hurry));
        self.accounts.insert(account.clone(), working);
        self.tasks.spawn(async move {
            sender.account(&account, &hurry).await;
            account
        });
    }

    fn ended(&mut self, sender: &Arc<Sender>, account: AccountId) {
        if self.accounts.remove(&account).is_some_and(|working| working.again) {
            self.start(sender, account, false);
        }
    }
}

/// What every account's task has.
struct Sender {
    records: Arc<Records>,
    metrics: WebhookMetrics,
    agent: Agent,
    permits: Semaphore,
    closing: CancellationToken,
}

impl Sender {
    /// The accounts that have a webhook.
    async fn all(&self) -> Result<Vec<AccountId>, Failure> {
        let (range, mut after, mut all) = (key::all("webhook"), None, Vec::new());
        loop {
            let (keys, more) = self.records.keys(&range, after.as_deref(), PAGE).await?;
            all.extend(keys.iter().filter_map(|key| Some(changed_account(key)?.0)));
            after = keys.into_iter().next_back();
            if !more {
                return Ok(all);
            }
        }
    }

    /// Sends what an account has not had, until there is nothing left.
    async fn account(&self, account: &AccountId, hurry: &Notify) {
        let mut refusals = 0;
        let mut failing = None;
        loop {
            let pause = match self.round(account).await {
                Ok(Round::Nothing) => return,
                Ok(Round::Sent) => {
                    (refusals, failing) = (0, None);
                    continue;
                }
                Ok(Round::Refused) => {
                    refusals += 1;
                    failing.get_or_insert_with(|| self.metrics.failing());
                    pause(refusals)
                }
                Err(error) => {
                    tracing::warn!(%error, %account, "a webhook's events could not be sent");
                    AFTER_FAILURE
                }
            };
            tokio::select! {
                () = self.closing.cancelled() => return,
                () = hurry.notified() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Sends what there is, in the order of the commits.
    async fn round(&self, account: &AccountId) -> Result<Round, Failure> {
        let keys = [key::webhook(account), key::webhook_status(account)];
        let mut found = self.records.get_many(&keys).await?.into_iter().flatten();
        let (Some(Record::Webhook(webhook)), Some(Record::WebhookStatus(status))) =
            (found.next(), found.next())
        else {
            return Ok(Round::Nothing);
        };
        let pending = self.pending(account, &status).await?;
        if pending.is_empty() {
            return Ok(Round::Nothing);
        }
        for of_commit in pending.chunk_by(|(one, _), (other, _)| one == other) {
            let mut delivered = true;
            for (_, notice) in of_commit {
                if clock::now().since(notice.at) > GIVEN_UP_AFTER {
                    self.metrics.given_up();
                    tracing::warn!(%account, event = notice.id(), "the webhook never took an event");
                    delivered = false;
                } else if let Err(error) = self.post(&webhook, notice).await {
                    self.metrics.failed();
                    tracing::debug!(%account, event = notice.id(), error, "a webhook refused");
                    self.note(&NoteFailed { account: account.clone(), error }).await?;
                    return Ok(Round::Refused);
                } else {
                    self.metrics.delivered();
                }
            }
            if let Some((revision, notice)) = of_commit.last() {
                let (account, revision) = (account.clone(), *revision);
                self.note(&NoteSent { account, revision, at: notice.at, delivered }).await?;
            }
        }
        Ok(Round::Sent)
    }

    /// What an account has not been sent, each with the revision of its commit.
    async fn pending(
        &self,
        account: &AccountId,
        status: &WebhookStatus,
    ) -> Result<Vec<(u64, Notice)>, Failure> {
        let from = match status.sent {
            // Nothing from before the webhook was made.
            0 => status.sent_at,
            _ => status.sent_at.minus(LATE),
        };
        let range = key::notices_of(account);
        let mut after = key::notices_from(account, from).into_string();
        let mut pending = Vec::new();
        loop {
            let page = self.records.store().scan(range.as_str(), Some(&after), PAGE).await?;
            for (at, value) in &page.items {
                if value.version > status.sent
                    && let Record::Notice(notice) = self.records.decode(at, value)?
                {
                    pending.push((value.version, notice));
                }
            }
            match page.items.into_iter().next_back() {
                Some((last, _)) if page.more => after = last,
                _ => break,
            }
        }
        pending.sort_by_key(|(revision, _)| *revision);
        Ok(pending)
    }

    async fn note(
        &self,
        command: &impl linkway_domain::decide::Command<Outcome = ()>,
    ) -> Result<(), Failure> {
        self.records.run(&Principal::Operator, command, None).await.map(drop)
    }

    /// One request; the error is a line that holds nothing of the address but its host.
    async fn post(&self, webhook: &Webhook, notice: &Notice) -> Result<(), String> {
        let body = serde_json::to_string(&event(notice)).expect("an event is JSON");
        let (id, seconds) = (notice.id(), clock::now().millis() / 1000);
        let signature = wire::signature(webhook.secret.reveal(), &id, seconds, &body);
        let request = self
            .agent
            .post(webhook.url.reveal())
            .header("content-type", "application/json")
            .header(wire::ID, id)
            .header(wire::TIMESTAMP, seconds.to_string())
            .header(wire::SIGNATURE, signature.ok_or("the webhook's secret cannot be read")?);
        let _permit = self.permits.acquire().await.map_err(|_| "the server stops")?;
        let sending = tokio::task::spawn_blocking(move || request.send(body));
        let sent = sending.await.map_err(|_| "the request broke off")?;
        match sent.map(|response| response.status()) {
            Ok(status) if status.is_success() => Ok(()),
            Ok(status) => Err(format!("HTTP status {}", status.as_u16())),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// What came of a look.
enum Round {
    /// There was nothing to send, or no webhook.
    Nothing,
    /// Everything was sent or given up; more may have come.
    Sent,
    /// The receiver did not take an event.
    Refused,
}

fn pause(refusals: u32) -> Duration {
    let doubled = FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(refusals.saturating_sub(1)));
    // Receivers that went together do not get everything back at one moment.
    doubled.min(LONGEST_PAUSE).mul_f64(0.75 + fastrand::f64() / 2.0)
}

/// A redirect is no answer: it would carry signed events to an address that nobody gave.
fn agent() -> Agent {
    let config = Agent::config_builder()
        .timeout_global(Some(REQUEST))
        .max_redirects(0)
        .http_status_as_error(false)
        .user_agent(concat!("linkway/", env!("CARGO_PKG_VERSION")))
        .build();
    Agent::new_with_config(config)
}

/// Removes what accounts were told before a moment, and all but the newest `most` of what is left to each.
///
/// # Errors
///
/// If the store fails.
pub async fn purge(records: &Records, before: Time, most: usize) -> Result<(), Failure> {
    let range = key::all("notice");
    let (mut after, mut of_account): (Option<String>, Vec<(String, AccountId, Time)>) =
        (None, Vec::new());
    loop {
        let (keys, more) = records.keys(&range, after.as_deref(), PAGE).await?;
        after = keys.last().cloned();
        for at in keys {
            let Some((account, time)) = key::parse_notice(&at) else { continue };
            if of_account.first().is_some_and(|(_, known, _)| *known != account) {
                forget(records, &of_account, before, most).await?;
                of_account.clear();
            }
            of_account.push((at, account, time));
        }
        if !more {
            return forget(records, &of_account, before, most).await;
        }
        tokio::time::sleep(super::housekeeping::PAUSE).await;
    }
}

/// Removes one account's old notices, which are in the order of time.
async fn forget(
    records: &Records,
    notices: &[(String, AccountId, Time)],
    before: Time,
    most: usize,
) -> Result<(), Failure> {
    let old = notices.iter().take_while(|(_, _, at)| *at < before).count();
    let surplus = notices.len().saturating_sub(most);
    let gone: Vec<&str> = notices[..old.max(surplus)].iter().map(|(at, ..)| at.as_str()).collect();
    records.remove(&gone).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_an_hour() {
        for (refusals, least, most) in [(1, 1.5, 2.5), (2, 3.0, 5.0), (5, 24.0, 40.0)] {
            let found = pause(refusals).as_secs_f64();
            assert!((least..=most).contains(&found), "{refusals}: {found}");
        }
        for refusals in [12, 40, u32::MAX] {
            let found = pause(refusals).as_secs_f64();
            assert!((2700.0..=4500.0).contains(&found), "{refusals}: {found}");
        }
    }

    #[test]
    fn a_key_tells_whose_events_are_to_be_looked_for() {
        let account = |id: &str| AccountId::parse(id).expect("an account's id");
        let table = [
            ("webhook/222222222222", Some((account("222222222222"), true))),
            (
                "notice/222222222222/001767225600000/dxvif-ffaa1122.offered",
                Some((account("222222222222"), false)),
            ),
            ("webhook-status/222222222222", None),
            ("notice/x", None),
            ("vif/dxvif-ffaa1122", None),
        ];
        for (key, expected) in table {
            assert_eq!(changed_account(key), expected, "{key}");
        }
    }
}
