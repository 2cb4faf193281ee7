//! Several operators: roles, keys that end, and that somebody is always left.

mod in_process;

use std::collections::BTreeSet;
use std::sync::Arc;

use in_process::{Directory, Key, Served};
use linkway_domain::access_key::Principal;
use linkway_domain::decide::{Command, Context, Decision};
use linkway_domain::key;
use linkway_domain::operator::Role;
use linkway_domain::time::Time;
use linkway_domain::view::{Asked, View};
use linkway_server::api::table;
use serde_json::{Value, json};

const REFUSED: &str = "UnrecognizedClientException";

fn served(directory: &Directory) -> Served {
    directory.serve(Arc::clone(&directory.store) as Arc<_>)
}

async fn key(server: &Served, operator: &Key, name: &str) -> Key {
    let asked = json!({ "operatorName": name });
    Key::of(&server.ok(operator, "Linkway.CreateOperatorKey", &asked).await)
}

/// An operator with a key.
async fn operator(server: &Served, admin: &Key, name: &str, role: &str) -> Key {
    let made = json!({ "operatorName": name, "role": role });
    server.ok(admin, "Linkway.CreateOperator", &made).await;
    key(server, admin, name).await
}

async fn code(server: &Served, key: &Key, target: &str, body: &Value) -> String {
    let (status, answer) = server.raw(key, target, body.to_string().as_bytes()).await;
    if status == 200 {
        return "ok".to_owned();
    }
    let answer: Value = serde_json::from_slice(&answer).expect("an error is JSON");
    answer["__type"].as_str().expect("a code").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_operation_is_for_its_role_and_those_above() {
    let directory = Directory::create();
    let server = served(&directory);
    let admin = server.operator().await;
    let mut keys = vec![(Role::Admin, admin.clone())];
    for role in [Role::Read, Role::Operate] {
        keys.push((role, operator(&server, &admin, role.as_str(), role.as_str()).await));
    }
    let mut least = [0; 3];
    for row in table::rows() {
        let Some(role) = row.role() else { continue };
        least[role as usize] += 1;
        // Nothing changes meanwhile: nearly all of these are malformed.
        let target = format!("Linkway.{}", row.target.name());
        for (has, key) in &keys {
            let code = code(&server, key, &target, &json!({})).await;
            let is_denied = code == "AccessDeniedException";
            assert_eq!(is_denied, *has < role, "{target} by {has}: {code}");
        }
    }
    assert!(least.iter().all(|count| *count > 5), "{least:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_trail_names_the_operator() {
    let directory = Directory::create();
    let server = served(&directory);
    let admin = server.operator().await;
    let alice = operator(&server, &admin, "alice", "operate").await;
    let account = json!({ "accountId": "123456789000", "name": "x" });
    server.ok(&alice, "Linkway.CreateAccount", &account).await;
    let denied = json!({ "operatorName": "bob", "role": "admin" });
    let (_, answer) = server.call(&alice, "Linkway.CreateOperator", &denied).await;
    let text = answer["message"].as_str().expect("a text");
    assert!(text.contains("operator alice") && text.contains("admin; it has operate"), "{text}");
    let page = server.ok(&admin, "Linkway.ListEvents", &json!({})).await;
    // Of one millisecond any may be the first.
    let by: BTreeSet<(&str, &str, &str)> = page["events"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|event| {
            let text = |name: &str| event[name].as_str().expect("a text");
            (text("principal"), text("operation"), text("outcome"))
        })
        .collect();
    let expected = [
        ("operator", "CreateOperator", "ok"),
        ("operator", "CreateOperatorKey", "ok"),
        ("operator alice", "CreateAccount", "ok"),
        ("operator alice", "CreateOperator", "AccessDeniedException"),
    ];
    assert_eq!(by, BTreeSet::from(expected));
    assert!(!page.to_string().contains(&alice.secret));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_ends_when_it_is_disabled_or_deleted_or_its_operator_is() {
    let directory = Directory::create();
    let server = served(&directory);
    let admin = server.operator().await;
    let alice = operator(&server, &admin, "alice", "read").await;
    let list = async |key: &Key| code(&server, key, "Linkway.ListAccounts", &json!({})).await;
    let name = json!({ "operatorName": "alice" });
    let id = json!({ "accessKeyId": alice.id });
    for (end, start, what) in [
        ("Linkway.DisableOperator", "Linkway.EnableOperator", &name),
        ("Linkway.DisableOperatorKey", "Linkway.EnableOperatorKey", &id),
    ] {
        assert_eq!(list(&alice).await, "ok");
        server.ok(&admin, end, what).await;
        assert_eq!(list(&alice).await, REFUSED, "{end}");
        server.ok(&admin, start, what).await;
        assert_eq!(list(&alice).await, "ok", "{start}");
    }
    let other = key(&server, &admin, "alice").await;
    server.ok(&admin, "Linkway.DeleteOperatorKey", &id).await;
    assert_eq!((list(&alice).await.as_str(), list(&other).await.as_str()), (REFUSED, "ok"));
    // The operations for tenants' keys are not for these.
    let (_, answer) =
        server.call(&admin, "Linkway.DeleteAccessKey", &json!({ "accessKeyId": other.id })).await;
    assert!(answer["message"].as_str().expect("a text").contains("DeleteOperatorKey"), "{answer}");
    server.ok(&admin, "Linkway.DeleteOperator", &name).await;
    assert_eq!(list(&other).await, REFUSED);
    assert_eq!(
        code(&server, &admin, "Linkway.DescribeOperator", &name).await,
        "DirectConnectClientException"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_is_always_left() {
    let directory = Directory::create();
    let server = served(&directory);
    let admin = server.operator().await;
    let keyless = json!({ "operatorName": "keyless", "role": "admin" });
    server.ok(&admin, "Linkway.CreateOperator", &keyless).await;
    operator(&server, &admin, "reader", "read").await;
    let own = |target: &'static str| match target.ends_with("Key") {
        true => (target, json!({ "accessKeyId": admin.id })),
        false => (target, json!({ "operatorName": "operator" })),
    };
    let ends = [
        "Linkway.DisableOperator",
        "Linkway.DeleteOperator",
        "Linkway.DisableOperatorKey",
        "Linkway.DeleteOperatorKey",
    ];
    for (target, body) in ends.map(own) {
        let (status, answer) = server.call(&admin, target, &body).await;
        assert_eq!(status, 400, "{target}: {answer}");
        assert!(answer["message"].as_str().expect("a text").contains("last way in"), "{answer}");
    }
    // Another admin may, and is the last one then.
    let other = operator(&server, &admin, "other", "admin").await;
    server.ok(&other, "Linkway.DisableOperator", &json!({ "operatorName": "operator" })).await;
    assert_eq!(code(&server, &admin, "Linkway.ListAccounts", &json!({})).await, REFUSED);
    let last = json!({ "operatorName": "other" });
    let (status, _) = server.call(&other, "Linkway.DeleteOperator", &last).await;
    assert_eq!(status, 400);
}

/// Brings a moment forward.
struct Expire {
    name: &'static str,
    at: Time,
}

impl Command for Expire {
    type Outcome = ();

    fn decide(&self, view: &View, _: &Context<'_>) -> Asked<Decision<()>> {
        let mut roster = view.roster()?.expect("there is one").clone();
        for operator in &mut roster.operators {
            if operator.name.as_str() == self.name {
                operator.keys.iter_mut().for_each(|key| key.expires = Some(self.at));
            }
        }
        Ok(Decision { writes: vec![(key::roster(), Some(roster.into()))], outcome: () })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_expires_and_that_is_evidence_and_its_use_is_known() {
    let directory = Directory::create();
    let server = served(&directory);
    let admin = server.operator().await;
    let made = json!({ "operatorName": "alice", "role": "read" });
    server.ok(&admin, "Linkway.CreateOperator", &made).await;
    let asked = |seconds: i64| json!({ "operatorName": "alice", "expiresInSeconds": seconds });
    for seconds in [0, 59, 400_000_000] {
        let (status, answer) =
            server.call(&admin, "Linkway.CreateOperatorKey", &asked(seconds)).await;
        assert!(
            status == 400
                && answer["message"].as_str().expect("a text").contains("expiresInSeconds")
        );
    }
    let made = server.ok(&admin, "Linkway.CreateOperatorKey", &asked(90 * 86_400)).await;
    assert!(made["expiresAt"].as_str() > made["createdAt"].as_str(), "{made}");
    let alice = Key::of(&made);
    let list = async |key: &Key| code(&server, key, "Linkway.ListAccounts", &json!({})).await;
    assert_eq!(list(&alice).await, "ok");
    server.api.key_use().write(&server.records).await;
    let name = json!({ "operatorName": "alice" });
    let shown = server.ok(&admin, "Linkway.DescribeOperator", &name).await;
    let used = shown["accessKeys"][0]["lastUsedAt"].as_str().expect("it was used");
    assert!(used.ends_with(":00Z") && !shown.to_string().contains(&alice.secret), "{shown}");
    let expire = Expire { name: "alice", at: Time::from_millis(1) };
    server.records.run(&Principal::Operator, &expire, None).await.expect("committed");
    server.api.access_keys_changed();
    assert_eq!(list(&alice).await, REFUSED);
    let page = server.ok(&admin, "Linkway.ListEvents", &json!({})).await;
    let last = page["events"].as_array().expect("a list").last().expect("some").clone();
    assert_eq!(
        (&last["principal"], &last["accessKeyId"]),
        (&json!("operator alice"), &json!(alice.id))
    );
    assert_eq!(last["outcome"], REFUSED);
}
