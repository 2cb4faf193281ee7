//! The audit trail as evidence: what it keeps, whatever a caller puts around it, and whatever others do afterwards.

mod in_process;

use std::sync::Arc;
use std::time::{Duration, Instant};

use in_process::{Directory, Key, LENDER, Pair, RECIPIENT, Served};
use linkway_domain::access_key::Principal;
use linkway_domain::id::AccountId;
use linkway_server::audit::journal::Cursor;
use linkway_server::audit::trail::Evidence;
use linkway_server::http::RequestId;
use linkway_store::Store as _;
use serde_json::{Value, json};

/// A directory, and a server on it with a lender, a recipient, and an offered interface.
struct World {
    directory: Directory,
    server: Served,
    operator: Key,
    pair: Pair,
    /// Of an account that has nothing.
    stranger: Key,
}

const STRANGER: &str = "333333333333";

impl World {
    async fn create() -> Self {
        let directory = Directory::create();
        let mut server = directory.serve(Arc::clone(&directory.store) as Arc<_>);
        server.reconcile();
        let operator = server.operator().await;
        let pair = Pair::create(&server, &operator).await;
        let account = json!({ "accountId": STRANGER, "name": "stranger" });
        server.ok(&operator, "Linkway.CreateAccount", &account).await;
        let account = json!({ "accountId": STRANGER });
        let key = server.ok(&operator, "Linkway.CreateAccessKey", &account).await;
        Self { directory, server, operator, pair, stranger: Key::of(&key) }
    }

    /// The events of a kind that are there, page by page.
    async fn events(&self, kind: &str) -> Vec<Value> {
        let mut body = json!({ "kind": kind, "maxResults": 100 });
        let mut events = Vec::new();
        loop {
            let mut page = self.server.ok(&self.operator, "Linkway.ListEvents", &body).await;
            let found = page["events"].as_array().expect("a list").clone();
            events.extend(found.iter().cloned());
            if found.len() < 100 {
                return events;
            }
            body["nextToken"] = page["nextToken"].take();
        }
    }

    /// The lengths of the store's records of an operation.
    async fn stored(&self, operation: &str) -> Vec<usize> {
        let page = self.directory.store.scan("audit/", None, 100_000).await.expect("readable");
        let records = page.items.iter().map(|(_, value)| &value.value);
        let of_it = records.filter(|bytes| {
            bytes.windows(operation.len()).any(|part| part == operation.as_bytes())
        });
        of_it.map(|bytes| bytes.len()).collect()
    }

    /// A request of somebody whose key does not exist.
    async fn anonymous(&self, number: usize) {
        let key = Key { id: format!("LKWY{number:016}"), secret: "x".repeat(40) };
        let body = json!({});
        let (status, _) =
            self.server.call(&key, "OvertureService.DescribeConnections", &body).await;
        assert_eq!(status, 400);
    }
}

fn of<'a>(events: &'a [Value], operation: &str) -> Vec<&'a Value> {
    events.iter().filter(|event| event["operation"] == operation).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_request_leaves_a_small_record_that_names_its_resource() {
    let world = World::create().await;
    let World { server, pair, .. } = &world;
    let tags: Vec<Value> = (0..50)
        .map(|n| json!({ "key": format!("{n:03}{}", "日".repeat(120)), "value": "日".repeat(250) }))
        .collect();
    let arn = format!("arn:aws:directconnect:us-east-1:{LENDER}:dxcon/{}", pair.connection);
    let region = &server.records.settings().region;
    let arn = arn.replace("us-east-1", region);
    let request = json!({ "resourceArn": arn, "tags": tags, "authKey": "fjord-Secret-1" });
    let body = request.to_string();
    assert!(body.len() > 50 * 1024, "{}", body.len());
    let (status, answer) =
        server.raw(&pair.lender, "OvertureService.TagResource", body.as_bytes()).await;
    assert_eq!(status, 200, "{}", String::from_utf8_lossy(&answer));
    let stored = world.stored("TagResource").await;
    assert!(stored.len() == 1 && stored[0] < 5 * 1024, "{stored:?}");
    let events = world.events("changes").await;
    let [event] = of(&events, "TagResource")[..] else { panic!("{events:?}") };
    assert_eq!(event["resources"], json!([pair.connection]));
    assert_eq!(event["accessKeyId"], pair.lender.id.as_str());
    assert!(!event.to_string().contains("fjord"), "{event}");
    // Refused, it leaves no more in the journal, and names what it was about as well.
    let (status, _) =
        server.raw(&pair.recipient, "OvertureService.TagResource", body.as_bytes()).await;
    assert_eq!(status, 400);
    let events = world.events("all").await;
    let refused = of(&events, "TagResource").into_iter().find(|e| e["outcome"] != "ok").unwrap();
    assert!(refused.to_string().len() < 6 * 1024, "{}", refused.to_string().len());
    assert!(refused["resources"][0].as_str().unwrap().ends_with(&pair.connection), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_junk_hides_what_a_refused_request_was_about() {
    let world = World::create().await;
    let World { server, pair, stranger, .. } = &world;
    let junk = |n: usize| (format!("a{n:02}Id"), json!(format!("dxvif-{n:08}")));
    let mut request: serde_json::Map<String, Value> = (0..66).map(junk).collect();
    request.insert("connectionId".to_owned(), json!(pair.connection));
    request.insert("authKey".to_owned(), json!("fjord-Secret-1"));
    let request = Value::Object(request);
    for key in [stranger, &pair.recipient] {
        let (status, answer) = server.call(key, "OvertureService.DeleteConnection", &request).await;
        assert_eq!(status, 400, "{answer}");
    }
    let (status, _) = server.call(stranger, "OvertureService.DeleteConnection", &request).await;
    assert_eq!(status, 400);
    let events = world.events("all").await;
    let refused = of(&events, "DeleteConnection");
    assert_eq!(refused.len(), 3, "{events:?}");
    for event in refused {
        assert_eq!(event["resources"][0], pair.connection.as_str(), "{event}");
        assert!(event["accessKeyId"].is_string() && !event.to_string().contains("fjord"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_push_nothing_out_of_the_trail() {
    let world = World::create().await;
    let World { server, pair, stranger, .. } = &world;
    let attempt = json!({ "connectionId": pair.connection });
    let (status, _) = server.call(stranger, "OvertureService.DeleteConnection", &attempt).await;
    assert_eq!(status, 400);
    // An account's own mistake is a refusal too, and no evidence.
    let mistake = json!({ "connectionId": "dxcon-ffffffff" });
    let (status, _) = server.call(stranger, "OvertureService.DeleteConnection", &mistake).await;
    assert_eq!(status, 400);
    server.journal.flush(Duration::from_secs(10));
    let before = server.journal.read(None, 10_000).expect("readable").0.len();
    for number in 0..3000 {
        world.anonymous(number).await;
    }
    server.journal.flush(Duration::from_secs(10));
    let journaled = server.journal.read(None, 10_000).expect("readable").0;
    assert!(journaled.len() <= before + 10, "the journal got {} more", journaled.len() - before);
    assert!(journaled.iter().all(|event| event.principal != "anonymous"));
    let changes = world.events("changes").await;
    let [event] = of(&changes, "DeleteConnection")[..] else { panic!("{changes:?}") };
    assert_eq!(event["resources"], json!([pair.connection]), "{event}");
    assert_eq!(event["principal"], format!("account {STRANGER}"));
    assert_eq!(event["accessKeyId"], stranger.id.as_str());
    assert_eq!(event["outcome"], "DirectConnectClientException");
    // Of the strangers there are some in full, and the number of all others.
    let all = world.events("all").await;
    let strange = |all: &[Value]| -> (usize, u64) {
        let strange = all.iter().filter(|event| event["principal"] == "anonymous");
        let counts = strange.clone().filter_map(|event| event["count"].as_u64());
        (strange.clone().count(), counts.sum())
    };
    assert!(matches!(strange(&all), (1..=3, 0)), "{:?}", strange(&all));
    server.trail.settle(true).await;
    let all = world.events("all").await;
    let (written, counted) = strange(&all);
    assert_eq!(written as u64 - 1 + counted, 3000);
    assert_eq!(of(&all, "DeleteConnection").len(), 2);
    server.strangers.flush(Duration::from_secs(10));
    let (strangers, _) = server.strangers.read(Some(Cursor::default()), 10_000).expect("readable");
    assert_eq!(strangers.len(), written);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_tenant_writes_a_bounded_number_of_denials() {
    let world = World::create().await;
    let World { server, pair, stranger, .. } = &world;
    let attempt = json!({ "connectionId": pair.connection });
    let began = Instant::now();
    let mut denied = 0;
    while denied < 40 {
        assert!(began.elapsed() < Duration::from_secs(60));
        let target = "OvertureService.DeleteConnection";
        let (_, answer) = server.call(stranger, target, &attempt).await;
        let is_throttled = answer["__type"].as_str().is_some_and(|t| t.contains("Throttling"));
        denied += u64::from(!is_throttled);
    }
    assert_eq!(world.stored("DeleteConnection").await.len(), 1);
    server.trail.settle(true).await;
    let changes = world.events("changes").await;
    let [first, others] = of(&changes, "DeleteConnection")[..] else { panic!("{changes:?}") };
    assert_eq!((&first["count"], &others["count"]), (&Value::Null, &json!(denied - 1)));
    // However many kinds of denials there are.
    for n in 0..100_000_u32 {
        let evidence = Evidence {
            request_id: RequestId::random(),
            principal: Principal::Account(AccountId::parse(RECIPIENT).expect("an id")),
            operator: None,
            access_key_id: pair.recipient.id.clone(),
            source: [192, 0, 2, 1].into(),
            operation: "ConfirmPrivateVirtualInterface",
            resources: vec![format!("dxvif-{:08}", n % 5000)],
            refused: Some(("DirectConnectClientException", "no".to_owned())),
        };
        server.trail.denied(evidence).await;
    }
    let most = world.stored("ConfirmPrivateVirtualInterface").await;
    assert!(most.len() <= 21, "{} records", most.len());
    server.trail.settle(true).await;
    let most = world.stored("ConfirmPrivateVirtualInterface").await;
    assert!(most.len() <= 42 && most.iter().sum::<usize>() < 16 * 1024, "{} records", most.len());
    let changes = world.events("changes").await;
    let denials = of(&changes, "ConfirmPrivateVirtualInterface");
    let calls = denials.iter().map(|event| event["count"].as_u64().unwrap_or(1));
    assert_eq!(calls.sum::<u64>(), 100_000, "every call is in some count");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_caller_may_not_call_or_see_is_evidence() {
    let world = World::create().await;
    let World { server, pair, stranger, .. } = &world;
    let (status, answer) = server.call(stranger, "Linkway.Backup", &json!({})).await;
    assert!(status == 400 && answer["__type"] == "AccessDeniedException", "{answer}");
    let allocation = pair.allocation("lent", 101);
    let target = "OvertureService.AllocatePrivateVirtualInterface";
    let lent = server.ok(&pair.lender, target, &allocation).await;
    let interface = lent["virtualInterfaceId"].as_str().expect("an id");
    let ask = json!({ "virtualInterfaceId": interface });
    let target = "OvertureService.DescribeVirtualInterfaces";
    let seen = server.ok(stranger, target, &ask).await;
    assert_eq!(seen["virtualInterfaces"], json!([]));
    server.ok(&pair.recipient, target, &ask).await;
    server.ok(&pair.lender, target, &ask).await;
    let changes = world.events("changes").await;
    let [event] = of(&changes, "DescribeVirtualInterfaces")[..] else { panic!("{changes:?}") };
    assert_eq!((&event["resources"], &event["outcome"]), (&json!([interface]), &json!("ok")));
    assert_eq!(event["principal"], format!("account {STRANGER}"));
    let [event] = of(&changes, "Backup")[..] else { panic!("{changes:?}") };
    assert_eq!(event["outcome"], "AccessDeniedException");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_a_disabled_key_and_the_feed_are_evidence() {
    let world = World::create().await;
    let World { server, operator, pair, .. } = &world;
    for _ in 0..2 {
        let (status, _) = server.raw(operator, "Linkway.Backup", b"{}").await;
        assert_eq!(status, 200);
    }
    let disable = json!({ "accessKeyId": pair.lender.id });
    server.ok(operator, "Linkway.DisableAccessKey", &disable).await;
    let target = "OvertureService.DescribeConnections";
    let forged = Key { secret: "x".repeat(40), ..pair.lender.clone() };
    let mut texts = Vec::new();
    for key in [&pair.lender, &forged, &pair.lender] {
        let (status, answer) = server.call(key, target, &json!({})).await;
        assert_eq!(status, 400);
        texts.push(answer);
    }
    assert_eq!(texts[0], texts[1], "the answer does not tell who has the secret");
    let location = json!({ "locationCode": "PAR1", "locationName": "x" });
    server.ok(operator, "Linkway.CreateLocation", &location).await;
    let edge = json!({ "edgeId": "r1", "locationCode": "PAR1" });
    let edge = Key::of(&server.ok(operator, "Linkway.CreateEdge", &edge).await);
    let ask = json!({ "format": linkway_wire::feed::FORMAT, "waitSeconds": 0 });
    for _ in 0..5 {
        let (status, answer) =
            server.raw(&edge, "Linkway.GetEdgeConfig", ask.to_string().as_bytes()).await;
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(&answer));
    }
    let changes = world.events("changes").await;
    let backups = of(&changes, "Backup");
    assert!(backups.len() == 2 && backups.iter().all(|e| e["accessKeyId"] == operator.id.as_str()));
    let [used] = of(&changes, "DescribeConnections")[..] else { panic!("{changes:?}") };
    assert_eq!(used["accessKeyId"], pair.lender.id.as_str());
    assert_eq!(used["principal"], format!("account {LENDER}"));
    let [read] = of(&changes, "GetEdgeConfig")[..] else { panic!("{changes:?}") };
    assert_eq!((&read["principal"], &read["accessKeyId"]), (&json!("edge r1"), &json!(edge.id)));
    server.trail.settle(true).await;
    let changes = world.events("changes").await;
    let counts: Vec<_> =
        of(&changes, "GetEdgeConfig").iter().map(|e| e["count"].as_u64()).collect();
    assert_eq!(counts, [None, Some(4)]);
}
