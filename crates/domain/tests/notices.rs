//! What accounts are told of what happens to their connections and interfaces, and where it is sent.

mod common;

use std::time::Duration;

use common::command::{Command, Outcome};
use common::refused;
use common::scene::{A, B, C, DAY, R1, Scene, account, plain, published};
use linkway_domain::access_key::Principal;
use linkway_domain::edge::report::{ReportHead, ReportInterface};
use linkway_domain::id::{EdgeId, VirtualInterfaceId};
use linkway_domain::key;
use linkway_domain::notice::Notice;
use linkway_domain::record::Record;
use linkway_domain::webhook::decide::{NoteFailed, NoteSent, PutWebhook, WebhookText};
use linkway_domain::webhook::{Webhook, WebhookStatus};

const HOUR: u64 = 3_600_000;
const URL: &str = "https://hooks.example.com/linkway?token=abc";

fn notices(scene: &Scene, who: &str) -> Vec<Notice> {
    let range = key::notices_of(&account(who));
    let keys = scene.world.ids_in(&range).map(|rest| format!("{range}{rest}"));
    let records = keys.map(|at| scene.world.records[&at].1.clone());
    records.map(|record| Notice::try_from(record).expect("a notice")).collect()
}

/// What an account was told, as the feed names it.
fn told(scene: &Scene, who: &str) -> Vec<String> {
    notices(scene, who).iter().map(Notice::kind).collect()
}

/// A scene in which A has a line with the carrier up, with nothing told of before.
fn lender() -> (Scene, linkway_domain::id::ConnectionId) {
    let mut scene = Scene::new();
    let line = scene.line(A, R1, "eth1");
    assert_eq!(
        told(&scene, A),
        ["connection.approved", "connection.up"],
        "by the operator, a router"
    );
    scene.world.records.retain(|at, _| !at.starts_with("notice/"));
    (scene, line)
}

#[test]
fn each_side_is_told_what_the_other_does_and_both_what_happens_by_itself() {
    let (mut scene, line) = lender();
    let made = scene.allocate((A, B), &line, published()).expect("the published example");
    let offered = notices(&scene, B);
    assert_eq!(told(&scene, B), ["virtual-interface.offered"]);
    let offer = &offered[0];
    assert_eq!((offer.interface.as_ref(), &offer.connection), (Some(&made.id), &line));
    assert_eq!((offer.lender.as_str(), offer.owner.as_str()), (A, B));
    assert_eq!((offer.at, offer.expires), (scene.now, made.expires));
    assert_eq!(told(&scene, A), Vec::<String>::new(), "A did it itself");

    let gateway = scene.vpc(B);
    scene.later(1).confirm(B, &made.id, &gateway.id).expect("B's own");
    scene.later(1).settle(true, false);
    assert_eq!(told(&scene, A), ["virtual-interface.accepted"], "down is not new before it was up");
    scene.later(1).settle(true, true);
    scene.later(1).settle(true, true);
    scene.later(1).settle(true, false);
    scene.later(1).settle(true, true);
    let changes = ["up", "down", "up"].map(|event| format!("virtual-interface.{event}"));
    assert_eq!(told(&scene, A)[1..], changes);
    assert_eq!(told(&scene, B)[1..], changes);

    scene.later(1).delete(B, &made.id).expect("B's own");
    scene.later(1).settle(true, true);
    assert_eq!(told(&scene, A)[4..], ["virtual-interface.deleting", "virtual-interface.deleted"]);
    assert_eq!(told(&scene, B)[4..], ["virtual-interface.deleted"], "not told that it went down");
    assert_eq!(told(&scene, C), Vec::<String>::new());
    scene.later(15 * 60_000).reconcile();
    assert_eq!(told(&scene, A).len(), 6, "a purge is no news");
    assert_eq!(scene.world.violations(), Vec::<String>::new());
}

#[test]
fn an_offer_is_declined_or_withdrawn() {
    let (mut scene, line) = lender();
    let made = [1, 2, 3].map(|vlan| scene.allocate((A, B), &line, plain(vlan)).expect("free").id);
    scene.later(1).delete(B, &made[0]).expect("B's own");
    scene.later(1).delete(A, &made[1]).expect("A's own");
    scene.later(1).operate(Command::DeleteInterface(made[2].to_string()));
    assert_eq!(told(&scene, A), ["virtual-interface.declined", "virtual-interface.declined"]);
    assert_eq!(told(&scene, B)[3..], ["virtual-interface.withdrawn", "virtual-interface.declined"]);
}

#[test]
fn both_are_reminded_a_day_before_an_offer_expires() {
    let (mut scene, line) = lender();
    scene.allocate((A, B), &line, plain(1)).expect("free");
    let answered = scene.allocate((A, B), &line, plain(2)).expect("free").id;
    scene.delete(B, &answered).expect("B's own");
    scene.later(6 * DAY - 1).reconcile();
    assert_eq!((told(&scene, A).len(), told(&scene, B).len()), (1, 2));
    scene.later(1).reconcile();
    scene.later(HOUR).reconcile();
    assert_eq!(told(&scene, A)[1..], ["virtual-interface.expiring"]);
    assert_eq!(told(&scene, B)[2..], ["virtual-interface.expiring"]);
    assert_eq!(
        notices(&scene, B)[2].expires,
        Some(scene.now.plus(Duration::from_millis(23 * HOUR)))
    );
    scene.later(23 * HOUR).reconcile();
    assert_eq!(told(&scene, A)[2..], ["virtual-interface.expired"]);
    assert_eq!(told(&scene, B)[3..], ["virtual-interface.expired"]);
    assert_eq!(scene.world.violations(), Vec::<String>::new());
}

#[test]
fn a_short_time_to_answer_is_reminded_of_at_its_half() {
    let (mut scene, line) = lender();
    scene.world.settings.confirmation_window = Duration::from_secs(60);
    scene.allocate((A, B), &line, plain(1)).expect("free");
    scene.later(29_999).reconcile();
    assert_eq!(told(&scene, B), ["virtual-interface.offered"]);
    scene.later(1).reconcile();
    assert_eq!(told(&scene, B)[1..], ["virtual-interface.expiring"]);
    // The server slept through both moments of another one.
    scene.allocate((A, B), &line, plain(2)).expect("free");
    scene.later(60_000).reconcile();
    let late = told(&scene, B)[3..].to_vec();
    assert_eq!(late, ["virtual-interface.expired", "virtual-interface.expired"]);
}

#[test]
fn an_interface_that_its_router_lost_is_down() {
    let (mut scene, line) = lender();
    let gateway = scene.vpc(A);
    let made = scene.create(A, &line, &gateway.id, plain(1)).expect("free").id;
    scene.settle(true, true);
    assert_eq!(told(&scene, A), ["virtual-interface.up"], "its own is told of once");
    let edge = EdgeId::parse(R1).expect("an edge id");
    let router = scene.routers.iter_mut().find(|router| router.id == edge).expect("there");
    let head = ReportHead {
        edge: edge.clone(),
        version: router.report(true, true).expect("has a configuration").version,
        sequence: router.sequence + 10,
        access_key: None,
    };
    let lost = ReportInterface { head, interface: made, report: None, with_new_keys: Vec::new() };
    scene.later(1);
    scene.by(Principal::Edge(edge), Command::ReportInterface(lost)).expect("a report");
    assert_eq!(told(&scene, A)[1..], ["virtual-interface.down"]);
}

#[test]
fn a_connection_is_told_of() {
    let (mut scene, line) = lender();
    scene.later(1).carrier(&line, R1, true);
    assert_eq!(told(&scene, A), Vec::<String>::new(), "no news");
    scene.later(1).carrier(&line, R1, false);
    scene.later(1).carrier(&line, R1, true);
    let refused = scene.order(A, "PAR1").id;
    scene.later(1).operate(Command::RejectConnection(refused.to_string()));
    scene.later(1).operate(Command::DeleteConnection(line.to_string()));
    scene.later(1).settle(true, true);
    let events = ["down", "up", "rejected", "deleting", "deleted"];
    assert_eq!(told(&scene, A), events.map(|event| format!("connection.{event}")));
}

fn put(scene: &mut Scene, who: &str, url: &str, new_secret: bool) -> Result<Webhook, String> {
    let url = WebhookText(url.to_owned());
    let put = PutWebhook { account: who.to_owned(), url, new_secret };
    match scene.by(Principal::Operator, Command::PutWebhook(put)) {
        Ok(Outcome::PutWebhook(put)) => {
            assert!(put.shows_secret || !new_secret);
            Ok(put.webhook)
        }
        Ok(other) => panic!("{other:?}"),
        Err(fault) => Err(fault.to_string()),
    }
}

fn status(scene: &Scene, who: &str) -> WebhookStatus {
    let at = key::webhook_status(&account(who));
    let record = scene.world.records.get(at.as_str()).map(|(_, record)| record.clone());
    record.and_then(|record| WebhookStatus::try_from(record).ok()).expect("a status")
}

#[test]
fn a_webhook_keeps_its_secret_until_it_is_asked_for_a_new_one() {
    let mut scene = Scene::new();
    let first = put(&mut scene, B, URL, false).expect("good");
    let secret = first.secret.reveal().strip_prefix("whsec_").expect("the prefix");
    assert!(secret.len() == 44 && secret.bytes().all(|b| b.is_ascii_alphanumeric()), "{secret}");
    assert!(!format!("{first:?}").contains(secret) && !format!("{first:?}").contains("token"));
    let again = put(&mut scene, B, "https://hooks.example.com/other", false).expect("good");
    assert_eq!((&again.secret, again.created), (&first.secret, first.created));
    let renewed = put(&mut scene, B, "https://hooks.example.com/other", true).expect("good");
    assert_ne!(renewed.secret, first.secret);
    assert_eq!(
        put(&mut scene, B, "http://hooks.example.com/", false).expect_err("plain"),
        "webhookUrl \"http://hooks.example.com/\" must begin with https://, unless it is on this machine."
    );
    assert_eq!(
        put(&mut scene, "999999999999", URL, false).expect_err("nobody"),
        "accountId \"999999999999\" does not exist."
    );
    scene.operate(Command::DeleteWebhook(B.to_owned()));
    let gone = scene.by(Principal::Operator, Command::DeleteWebhook(B.to_owned()));
    refused(gone, "accountId \"222222222222\" has no webhook.");
    assert_eq!(scene.world.violations(), Vec::<String>::new());
}

#[test]
fn a_webhook_goes_with_its_account() {
    let mut scene = Scene::new();
    put(&mut scene, C, URL, false).expect("good");
    scene.operate(Command::DeleteAccount(C.to_owned()));
    let left: Vec<&String> =
        scene.world.records.keys().filter(|at| at.starts_with("webhook")).collect();
    assert_eq!(left, Vec::<&String>::new());
}

#[test]
fn what_was_sent_is_noted_once_and_in_order() {
    let mut scene = Scene::new();
    put(&mut scene, B, URL, false).expect("good");
    let start = scene.now;
    let sent = |revision, delivered| {
        Command::NoteSent(NoteSent { account: account(B), revision, at: start, delivered })
    };
    let failed = |error: &str| {
        Command::NoteFailed(NoteFailed { account: account(B), error: error.to_owned() })
    };
    scene.later(1000).operate(failed("HTTP status 503"));
    scene.later(1000).operate(failed("timeout: \u{1b}[31mglobal"));
    let failing = status(&scene, B);
    assert_eq!(failing.failing_since, Some(start.plus(Duration::from_secs(1))));
    assert_eq!(failing.error.as_deref(), Some("timeout: [31mglobal"));
    scene.operate(sent(40, true));
    let delivered = status(&scene, B);
    assert_eq!((delivered.sent, delivered.failing_since, delivered.error), (40, None, None));
    assert_eq!(delivered.delivered_at, Some(scene.now));
    scene.later(1000).operate(sent(39, true));
    assert_eq!(status(&scene, B).sent, 40, "another server was further");
    scene.operate(sent(41, false));
    let given_up = status(&scene, B);
    assert_eq!((given_up.sent, given_up.given_up), (41, 1));
    assert_eq!(given_up.delivered_at, delivered.delivered_at);
    scene.operate(Command::DeleteWebhook(B.to_owned()));
    scene.operate(sent(42, true));
    scene.operate(failed("late"));
    assert!(!scene.world.records.keys().any(|at| at.starts_with("webhook")), "not made again");
}

#[test]
fn nobody_is_told_twice_of_one_moment() {
    let (mut scene, line) = lender();
    let made = scene.allocate((A, B), &line, plain(1)).expect("free").id;
    let keys: Vec<&String> =
        scene.world.records.keys().filter(|at| at.starts_with("notice/")).collect();
    let expected = format!("notice/{B}/{:015}/{made}.offered", scene.now.millis());
    assert_eq!(keys, [&expected]);
    assert_eq!(key::parse_notice(&expected), Some((account(B), scene.now)));
    let Some((_, Record::Notice(notice))) = scene.world.records.get(&expected) else {
        panic!("a notice");
    };
    assert_eq!(notice.id(), format!("{}-{made}-offered", scene.now.millis()));
    let _: &VirtualInterfaceId = notice.interface.as_ref().expect("of an interface");
}
