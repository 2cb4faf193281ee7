//! Quotas through the API: who gets the last one, what a refusal says, what gives it back, and what the operator sees.

mod in_process;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use in_process::{Directory, Key, LENDER, PATIENCE, Pair, RECIPIENT, Served};
use linkway_domain::quota::Quotas;
use linkway_domain::settings::Settings;
use linkway_server::verify;
use serde_json::{Value, json};

const ALLOCATE: &str = "OvertureService.AllocatePrivateVirtualInterface";
const DELETE: &str = "OvertureService.DeleteVirtualInterface";
const CREATE_KEY: &str = "Linkway.CreateAccessKey";

/// A server with these quotas, the operator's key, and a lender with a connection.
async fn served(directory: &Directory, quotas: Quotas) -> (Served, Key, Pair) {
    let settings = Settings {
        simulated_approval: Duration::from_millis(1),
        visibility: Duration::from_millis(1),
        quotas,
        ..Settings::default()
    };
    let mut server = directory.serve_with(Arc::clone(&directory.store) as Arc<_>, settings);
    server.reconcile();
    let operator = server.operator().await;
    let pair = Pair::create(&server, &operator).await;
    (server, operator, pair)
}

/// Nothing is wrong with the directory, the counters included.
async fn checked(directory: Directory, server: Served) {
    server.stop().await;
    let closed = directory.close();
    let report = verify::data_dir(closed.path()).await.expect("it can be read");
    assert_eq!(report.violations, Vec::<String>::new());
}

/// `quota of` -> used, limit.
async fn shown(server: &Served, operator: &Key, account: &str) -> BTreeMap<String, [u64; 2]> {
    let asked = json!({ "accountId": account });
    let answer = server.ok(operator, "Linkway.DescribeAccount", &asked).await;
    assert_eq!((&answer["accountId"], &answer["name"]), (&json!(account), &json!(account)));
    let row = |row: &Value| {
        let of = row["of"].as_str().unwrap_or_default();
        let name = format!("{} {of}", row["quota"].as_str().expect("a name"));
        let number = |member: &str| row[member].as_u64().expect("a number");
        (name.trim_end().to_owned(), [number("used"), number("limit")])
    };
    answer["quotas"].as_array().expect("a list").iter().map(row).collect()
}

/// All these calls at once: how many succeeded, and the text of every refusal.
async fn at_once(
    server: &Arc<Served>,
    calls: impl IntoIterator<Item = (Key, &'static str, Value)>,
) -> (usize, Vec<String>) {
    let running: Vec<_> = calls
        .into_iter()
        .map(|(key, target, body)| {
            let server = Arc::clone(server);
            tokio::spawn(async move { server.call(&key, target, &body).await })
        })
        .collect();
    let (mut won, mut refusals) = (0, Vec::new());
    for one in running {
        let (status, answer) = one.await.expect("it does not panic");
        if status == 200 {
            won += 1;
            continue;
        }
        assert_eq!((status, &answer["__type"]), (400, &json!("DirectConnectClientException")));
        refusals.push(answer["message"].as_str().expect("a text").to_owned());
    }
    (won, refusals)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_who_race_for_the_last_places_exactly_so_many_win() {
    const PLACES: u32 = 3;
    let directory = Directory::create();
    let quotas = Quotas {
        private_and_public_interfaces_per_connection: PLACES,
        access_keys_per_account: PLACES,
        ..Quotas::default()
    };
    let (server, operator, pair) = served(&directory, quotas).await;
    let server = Arc::new(server);
    let lend = |vlan| (pair.lender.clone(), ALLOCATE, pair.allocation("one of many", vlan));
    let (won, refusals) = at_once(&server, (1..=24).map(lend)).await;
    assert_eq!((won, refusals.len()), (3, 21), "{refusals:?}");
    let text = format!(
        "connectionId \"{}\" may have 3 private and public Virtual Interfaces: the quota \
         private_and_public_interfaces_per_connection is used up.",
        pair.connection
    );
    assert!(refusals.iter().all(|refusal| *refusal == text), "{refusals:?}");
    // The pair has one key each.
    let key = |_| (operator.clone(), CREATE_KEY, json!({ "accountId": RECIPIENT }));
    let (won, refusals) = at_once(&server, (0..8).map(key)).await;
    assert_eq!((won, refusals.len()), (2, 6), "{refusals:?}");
    let text = format!(
        "accountId \"{RECIPIENT}\" may have 3 access keys: the quota access_keys_per_account is used up."
    );
    assert!(refusals.iter().all(|refusal| *refusal == text), "{refusals:?}");
    let metrics = server.page("/metrics").await;
    for (quota, refused) in [
        ("private_and_public_interfaces_per_connection", 21),
        ("access_keys_per_account", 6),
        ("unanswered_offers", 0),
    ] {
        let line = format!("linkway_quota_refusals_total{{quota=\"{quota}\"}} {refused}");
        assert!(metrics.lines().any(|there| there == line), "no {line} in\n{metrics}");
    }
    let server = Arc::into_inner(server).expect("nobody else has it");
    checked(directory, server).await;
}

/// Requests that may be as large as the API lets them, on many resources, do not add up to more than the quota.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tags_of_many_resources_add_up_to_the_quota_at_most() {
    const TAG: &str = "OvertureService.TagResource";
    let directory = Directory::create();
    let quotas = Quotas { tag_bytes_per_account: 1000, ..Quotas::default() };
    let (server, operator, pair) = served(&directory, quotas).await;
    let mut arns = Vec::new();
    for vlan in 1..=8 {
        let made = server.ok(&pair.lender, ALLOCATE, &pair.allocation("one of many", vlan)).await;
        let id = made["virtualInterfaceId"].as_str().expect("an id");
        arns.push(format!("arn:aws:directconnect:eu-west-2:{LENDER}:dxvif/{id}"));
    }
    let server = Arc::new(server);
    // 300 bytes each: three of them fit.
    let tags = json!([{ "key": "k".repeat(100), "value": "v".repeat(200) }]);
    let tag =
        |arn: &String| (pair.lender.clone(), TAG, json!({ "resourceArn": arn, "tags": tags }));
    let (won, refusals) = at_once(&server, arns.iter().map(tag)).await;
    assert_eq!((won, refusals.len()), (3, 5), "{refusals:?}");
    let text = format!(
        "accountId \"{LENDER}\" may have 1000 bytes of tags: the quota tag_bytes_per_account is used up."
    );
    assert!(refusals.iter().all(|refusal| *refusal == text), "{refusals:?}");
    assert_eq!(shown(&server, &operator, LENDER).await["tag_bytes_per_account"], [900, 1000]);
    let metrics = server.page("/metrics").await;
    let line = "linkway_quota_refusals_total{quota=\"tag_bytes_per_account\"} 5";
    assert!(metrics.lines().any(|there| there == line), "no {line} in\n{metrics}");
    for arn in &arns {
        let gone = json!({ "resourceArn": arn, "tagKeys": ["k".repeat(100)] });
        server.ok(&pair.lender, "OvertureService.UntagResource", &gone).await;
    }
    assert_eq!(shown(&server, &operator, LENDER).await["tag_bytes_per_account"], [0, 1000]);
    let server = Arc::into_inner(server).expect("nobody else has it");
    checked(directory, server).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_account_uses_is_shown_and_given_back() {
    let directory = Directory::create();
    let quotas = Quotas { unanswered_offers_per_lender: 2, ..Quotas::default() };
    let (server, operator, pair) = served(&directory, quotas).await;
    let before = shown(&server, &operator, RECIPIENT).await;
    assert_eq!(
        before,
        BTreeMap::from([
            ("access_keys_per_account".to_owned(), [1, 20]),
            ("direct_connect_gateways_per_account".to_owned(), [0, 200]),
            ("tag_bytes_per_account".to_owned(), [0, 16 << 20]),
            ("unanswered_offers".to_owned(), [0, 200]),
        ])
    );
    let mut lent = Vec::new();
    for vlan in [1, 2] {
        let made = server.ok(&pair.lender, ALLOCATE, &pair.allocation("one of two", vlan)).await;
        lent.push(made["virtualInterfaceId"].as_str().expect("an id").to_owned());
    }
    let (status, answer) =
        server.call(&pair.lender, ALLOCATE, &pair.allocation("a third", 3)).await;
    assert_eq!(status, 400);
    assert_eq!(
        answer["message"],
        format!(
            "ownerAccount \"{RECIPIENT}\" may have 2 unanswered Virtual Interfaces of one lender: the quota \
             unanswered_offers_per_lender is used up."
        )
    );
    let seen = shown(&server, &operator, RECIPIENT).await;
    assert_eq!(seen[&format!("unanswered_offers_per_lender {LENDER}")], [2, 2]);
    assert_eq!(seen["unanswered_offers"], [2, 200]);
    let of_lender = shown(&server, &operator, LENDER).await;
    assert_eq!(
        of_lender,
        BTreeMap::from([
            ("access_keys_per_account".to_owned(), [1, 20]),
            ("direct_connect_gateways_per_account".to_owned(), [0, 200]),
            ("tag_bytes_per_account".to_owned(), [0, 16 << 20]),
            ("unanswered_offers".to_owned(), [0, 200]),
            ("connections_per_location SIM1".to_owned(), [1, 10]),
            (format!("private_and_public_interfaces_per_connection {}", pair.connection), [2, 50]),
            (format!("transit_interfaces_per_connection {}", pair.connection), [0, 4]),
            (format!("interfaces_per_connection {}", pair.connection), [2, 51]),
        ])
    );
    // One is confirmed, the other declined; then the first is deleted, and nothing is left of either.
    let confirm = json!({ "virtualInterfaceId": lent[0], "virtualGatewayId": pair.gateway });
    server.ok(&pair.recipient, "OvertureService.ConfirmPrivateVirtualInterface", &confirm).await;
    for id in lent.iter().rev() {
        server.ok(&pair.recipient, DELETE, &json!({ "virtualInterfaceId": id })).await;
    }
    assert_eq!(shown(&server, &operator, RECIPIENT).await, before);
    let places = format!("interfaces_per_connection {}", pair.connection);
    let deadline = std::time::Instant::now() + PATIENCE;
    while shown(&server, &operator, LENDER).await.contains_key(&places) {
        assert!(std::time::Instant::now() < deadline, "the edge does not let go");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let (status, answer) = server
        .call(&operator, "Linkway.DescribeAccount", &json!({ "accountId": "999999999999" }))
        .await;
    assert_eq!(status, 400);
    assert_eq!(answer["message"], "accountId \"999999999999\" does not exist.");
    checked(directory, server).await;
}
