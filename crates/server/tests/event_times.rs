//! From which time on `ListEvents` lists: on the first page, and on those after it.

mod in_process;

use std::sync::Arc;
use std::time::Duration;

use in_process::{Directory, Key, Served};
use jiff::Timestamp;
use serde_json::{Value, json};

const LIST: &str = "Linkway.ListEvents";

/// A server whose trail has changes and refusals, each at a moment of its own.
struct Ground {
    server: Served,
    operator: Key,
    _directory: Directory,
}

impl Ground {
    async fn new() -> Self {
        let directory = Directory::create();
        let server = directory.serve(Arc::clone(&directory.store) as Arc<_>);
        let operator = server.operator().await;
        let ground = Self { server, operator, _directory: directory };
        for nth in 0..6 {
            ground.write(nth).await;
        }
        ground
    }

    /// A change, which the store keeps, and a refusal, which the journal keeps.
    async fn write(&self, nth: u32) {
        let id = format!("{nth:012}");
        let account = json!({ "accountId": id, "name": "x" });
        let target = "Linkway.CreateAccount";
        self.server.ok(&self.operator, target, &account).await;
        tokio::time::sleep(Duration::from_millis(3)).await;
        let (status, _) = self.server.call(&self.operator, target, &account).await;
        assert_eq!(status, 400);
        tokio::time::sleep(Duration::from_millis(3)).await;
    }

    async fn page(&self, body: Value) -> (Vec<Value>, Value) {
        let mut page = self.server.ok(&self.operator, LIST, &body).await;
        let events = page["events"].as_array().expect("a list").clone();
        (events, page["nextToken"].take())
    }

    /// What is listed of a kind from a time on, page by page; later pages say another time.
    async fn from(&self, kind: &str, start: Option<&str>, later: Option<&str>) -> Vec<Value> {
        let mut body = json!({ "kind": kind, "maxResults": 2 });
        if let Some(start) = start {
            body["startTime"] = json!(start);
        }
        let mut all = Vec::new();
        loop {
            let (events, token) = self.page(body.clone()).await;
            // Reading the trail is in the trail, and later than all that is looked for.
            let is_last =
                events.len() < 2 || events.iter().any(|event| event["operation"] == "ListEvents");
            all.extend(events);
            if is_last {
                return all.into_iter().filter(is_of_accounts).collect();
            }
            body["nextToken"] = token;
            if let Some(later) = later {
                body["startTime"] = json!(later);
            }
        }
    }
}

fn is_of_accounts(event: &Value) -> bool {
    event["operation"] == "CreateAccount"
}

fn time(event: &Value) -> Timestamp {
    event["time"].as_str().expect("a text").parse().expect("a time")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_first_page_begins_at_its_time_and_later_pages_go_on() {
    let ground = Ground::new().await;
    for (kind, count) in [("changes", 6), ("all", 12)] {
        let all = ground.from(kind, None, None).await;
        assert_eq!(all.len(), count, "{kind}");
        let millisecond = jiff::SignedDuration::from_millis(1);
        for nth in [0, count / 2, count - 1] {
            let at = time(&all[nth]);
            // What is of that very moment is listed.
            let found = ground.from(kind, Some(&at.to_string()), None).await;
            assert_eq!(found, all[nth..], "{kind} from {at}");
            let after = (at + millisecond).to_string();
            assert_eq!(ground.from(kind, Some(&after), None).await, all[nth + 1..], "{kind}");
            // On a later page the time says nothing: the token knows where it is.
            let later = if nth == 0 { "2999-01-01T00:00:00Z" } else { "1970-01-01T00:00:00Z" };
            let found = ground.from(kind, Some(&at.to_string()), Some(later)).await;
            assert_eq!(found, all[nth..], "{kind}, then from {later}");
        }
        for before in ["1970-01-01T00:00:00Z", "0001-01-01T00:00:00Z"] {
            assert_eq!(ground.from(kind, Some(before), None).await, all, "{kind} from {before}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_a_time_to_come_on_nothing_earlier_is_listed() {
    let ground = Ground::new().await;
    for (round, kind) in [(1, "changes"), (2, "all")] {
        let start = "9998-12-31T00:00:00Z";
        let body = json!({ "kind": kind, "startTime": start });
        let (events, mut token) = ground.page(body).await;
        assert_eq!(events, [] as [Value; 0], "{kind}");
        // What happens before that time is not what was asked for, on no page.
        for nth in 0..2 {
            ground.write(100 * round + nth).await;
            let (events, next) = ground.page(json!({ "kind": kind, "nextToken": token })).await;
            assert_eq!(events, [] as [Value; 0], "{kind}");
            token = next;
        }
        // A time that is near comes.
        let soon = (Timestamp::now() + jiff::SignedDuration::from_millis(300)).to_string();
        let (events, token) = ground.page(json!({ "kind": kind, "startTime": soon })).await;
        assert_eq!(events, [] as [Value; 0], "{kind}");
        tokio::time::sleep(Duration::from_millis(400)).await;
        ground.write(100 * round + 50).await;
        let (events, _) = ground.page(json!({ "kind": kind, "nextToken": token })).await;
        let expected = if kind == "all" { 2 } else { 1 };
        assert_eq!(events.into_iter().filter(is_of_accounts).count(), expected, "{kind}");
    }
    let wrong = json!({ "startTime": "yesterday" });
    let (status, answer) = ground.server.call(&ground.operator, LIST, &wrong).await;
    assert_eq!(status, 400, "{answer}");
}
