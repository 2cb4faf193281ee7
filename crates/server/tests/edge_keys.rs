//! An edge's access key is replaced while the edge goes on.

mod in_process;

use std::sync::Arc;

use in_process::{Directory, Key, Served};
use linkway_wire::feed::FORMAT;
use serde_json::{Value, json};

const CREATE: &str = "Linkway.CreateAccessKey";
const LIST: &str = "Linkway.ListAccessKeys";

/// Whether the key speaks for this edge: it takes that edge's configuration.
async fn speaks_for(server: &Served, key: &Key, edge: &str) -> bool {
    let (status, answer) =
        server.call(key, "Linkway.GetEdgeConfig", &json!({ "format": FORMAT })).await;
    match status {
        200 => {
            assert_eq!(answer["config"]["edgeId"], edge);
            true
        }
        _ => {
            let text = answer.to_string();
            assert!(text.contains("UnrecognizedClientException"), "{status}: {text}");
            false
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edge_gets_another_key_and_loses_the_first() {
    let directory = Directory::create();
    let server = directory.serve(Arc::clone(&directory.store) as Arc<_>);
    let operator = server.operator().await;
    let ok = async |target: &str, body: Value| server.ok(&operator, target, &body).await;
    ok("Linkway.CreateLocation", json!({ "locationCode": "PAR1", "locationName": "x" })).await;
    let mut first = Vec::new();
    for id in ["r1", "r10"] {
        let edge = json!({ "edgeId": id, "locationCode": "PAR1" });
        first.push(Key::of(&ok("Linkway.CreateEdge", edge).await));
    }

    let made = ok(CREATE, json!({ "edgeId": "r1" })).await;
    let second = Key::of(&made);
    assert_eq!((&made["edgeId"], &made["accountId"]), (&json!("r1"), &Value::Null));
    assert_eq!(made["status"], "enabled");
    let mut held = vec![first[0].id.clone(), second.id.clone()];
    held.sort();
    let listed = async |whose: Value| -> Vec<Value> {
        let answer = ok(LIST, whose).await;
        assert!(!answer.to_string().contains(&second.secret), "a secret in {answer}");
        answer["accessKeys"].as_array().expect("a list").clone()
    };
    let of_edge = listed(json!({ "edgeId": "r1" })).await;
    let ids: Vec<&str> = of_edge.iter().filter_map(|key| key["accessKeyId"].as_str()).collect();
    assert_eq!(ids, held, "its own two, and not r10's");
    assert!(of_edge.iter().all(|key| key["kind"] == "edge" && key["edgeId"] == "r1"));

    // Each step of a replacement: what is done to which key, and which of the two speaks for the edge then.
    let steps = [
        (None, "", [true, true]),
        (Some(&first[0]), "Disable", [false, true]),
        (Some(&first[0]), "Enable", [true, true]),
        (Some(&first[0]), "Delete", [false, true]),
        // The last one too: another can be made.
        (Some(&second), "Delete", [false, false]),
    ];
    for (key, verb, speak) in steps {
        if let Some(key) = key {
            ok(&format!("Linkway.{verb}AccessKey"), json!({ "accessKeyId": key.id })).await;
        }
        let now =
            [speaks_for(&server, &first[0], "r1").await, speaks_for(&server, &second, "r1").await];
        assert_eq!(now, speak, "{verb}");
    }
    assert!(speaks_for(&server, &first[1], "r10").await, "another edge's is as it was");
    assert_eq!(listed(json!({ "edgeId": "r1" })).await, [] as [Value; 0]);
    let third = Key::of(&ok(CREATE, json!({ "edgeId": "r1" })).await);
    assert!(speaks_for(&server, &third, "r1").await);

    let events = ok("Linkway.ListEvents", json!({ "kind": "all", "maxResults": 100 })).await;
    let made = |event: &&Value| event["operation"] == "CreateAccessKey";
    let trail: Vec<_> = events["events"].as_array().expect("a list").iter().filter(made).collect();
    assert_eq!(trail.len(), 2);
    for (event, key) in trail.iter().zip([&second, &third]) {
        assert_eq!(event["parameters"], json!({ "edgeId": "r1" }));
        assert_eq!(event["resources"], json!([key.id]));
    }
    assert!(!events.to_string().contains(&second.secret), "a secret in the trail");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whose_key_has_one_answer() {
    let directory = Directory::create();
    let server = directory.serve(Arc::clone(&directory.store) as Arc<_>);
    let operator = server.operator().await;
    let both = json!({ "accountId": "123456789000", "edgeId": "r1" });
    let table = [
        (CREATE, json!({}), "accountId or edgeId is required."),
        (CREATE, both.clone(), "accountId or edgeId may be given, not both."),
        (CREATE, json!({ "edgeId": "r1" }), "edgeId \"r1\" does not exist."),
        (LIST, both, "accountId or edgeId may be given, not both."),
        (LIST, json!({ "edgeId": "r 1" }), "edgeId \"r 1\" is not an edge id"),
    ];
    for (target, body, says) in table {
        let (status, answer) = server.call(&operator, target, &body).await;
        assert_eq!(status, 400, "{target} {body}");
        let text = answer["message"].as_str().expect("a message");
        assert!(text.starts_with(says), "{target} {body}: {text}");
    }
}
