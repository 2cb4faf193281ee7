//! Several operators, with the real program: keys are replaced, do not come back, and whoever has the directory gets in again.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use serde_json::{Value, json};

use crate::process::client::{Client, Key};
use crate::process::{Desk, PATIENCE, Process};

fn client(server: &Process, answer: &Value) -> Client {
    Client::linkway(server.address(), &Key::of(answer))
}

#[test]
fn a_key_is_replaced_and_the_old_one_does_not_come_back() {
    let desk = Desk::new("");
    let server = desk.start();
    let old = desk.operator_key();
    let mut operator = desk.operator(&server);
    let new = operator.ok("CreateOperatorKey", &json!({ "operatorName": "operator" }));
    let mut replaced = client(&server, &new);
    replaced.ok("DeleteOperatorKey", &json!({ "accessKeyId": old.id }));
    assert_eq!(operator.refused("ListAccounts", &json!({})).0, "UnrecognizedClientException");
    server.stop();
    for _ in 0..2 {
        let server = desk.start();
        assert_eq!(desk.operator_key().id, new["accessKeyId"].as_str().expect("an id"));
        desk.operator(&server).ok("ListAccounts", &json!({}));
        server.stop();
        fs::remove_file(desk.file("operator.json")).expect("removed");
    }
    assert_eq!(desk.check(), [""; 0]);
}

#[test]
fn whoever_has_the_directory_gets_in_again() {
    let desk = Desk::new("");
    let server = desk.start();
    let first = desk.operator_key();
    let mut operator = desk.operator(&server);
    operator.ok("CreateOperator", &json!({ "operatorName": "alice", "role": "admin" }));
    let alice = operator.ok("CreateOperatorKey", &json!({ "operatorName": "alice" }));
    let mut alice = client(&server, &alice);
    alice.ok("DisableOperatorKey", &json!({ "accessKeyId": first.id }));
    alice.ok("DisableOperator", &json!({ "operatorName": "operator" }));
    let data = desk.data().to_str().expect("text").to_owned();
    // In use, the directory is left alone.
    let rescue = ["operator", "rescue", data.as_str(), "--output", "json"];
    let ended = desk.admin(rescue);
    assert!(ended.code == Some(3) && ended.stderr.contains("in use"), "{ended:?}");
    server.stop();
    fs::remove_file(desk.file("operator.json")).expect("removed");
    let server = desk.start();
    assert!(!desk.file("operator.json").exists(), "a disabled key is not written down again");
    server.stop();
    let ended = desk.admin(rescue);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let rescued = desk.operator_key();
    assert_ne!(rescued.id, first.id);
    assert_eq!(ended.json()["accessKeyId"], rescued.id.as_str());
    assert!(!ended.stdout.contains(&rescued.secret), "the secret is in the file only");
    assert_eq!(desk.check(), [""; 0]);
    let server = desk.start();
    assert_eq!(desk.operator_key().id, rescued.id, "the file keeps its key");
    let mut operator = desk.operator(&server);
    let events = operator.ok("ListEvents", &json!({}));
    let events = events["events"].as_array().expect("a list");
    let rescue = events.iter().find(|event| event["operation"] == "RescueOperator");
    let resources = &rescue.expect("it is in the trail")["resources"];
    assert_eq!(*resources, json!(["operator", rescued.id]));
    let shown = operator.ok("DescribeOperator", &json!({ "operatorName": "operator" }));
    assert_eq!(
        (&shown["operator"]["role"], &shown["operator"]["status"]),
        (&json!("admin"), &json!("enabled"))
    );
    // What was disabled stays so.
    let mut old = Client::linkway(server.address(), &first);
    assert_eq!(old.refused("ListAccounts", &json!({})).0, "UnrecognizedClientException");
}

/// Sends bytes as they are; the status and the body of the answer.
fn send(server: &Process, request: &[u8]) -> (u16, String) {
    let mut stream = TcpStream::connect(server.address()).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("set");
    stream.write_all(request).expect("sent");
    let mut answer = Vec::new();
    while !answer.ends_with(b"}") {
        let mut part = [0; 4096];
        let length = stream.read(&mut part).expect("an answer");
        assert!(length > 0, "the server closed: {}", String::from_utf8_lossy(&answer));
        answer.extend_from_slice(&part[..length]);
    }
    let text = String::from_utf8(answer).expect("text");
    (text[9..12].parse().expect("a status"), text)
}

#[test]
fn an_operators_change_is_taken_once() {
    let desk = Desk::new("");
    let mut server = desk.start();
    let mut operator = desk.operator(&server);
    let account = json!({ "accountId": "123456789000", "name": "x" });
    operator.ok("CreateAccount", &account);
    let key = operator.ok("CreateAccessKey", &json!({ "accountId": "123456789000" }));
    let id = json!({ "accessKeyId": key["accessKeyId"] });
    let request = operator.request("Linkway.EnableAccessKey", id.to_string().as_bytes());
    assert_eq!(send(&server, &request).0, 200);
    operator.ok("DisableAccessKey", &id);
    let is_enabled = |operator: &mut Client| {
        let keys = operator.ok("ListAccessKeys", &json!({ "accountId": "123456789000" }));
        keys["accessKeys"][0]["status"] == "enabled"
    };
    for again in ["at once", "after a restart"] {
        let (status, text) = send(&server, &request);
        assert!(status == 400 && text.contains("InvalidSignatureException"), "{again}: {text}");
        assert!(!is_enabled(&mut operator), "{again}");
        if again == "at once" {
            // The next second, or what was signed in this one would be as new as the server.
            std::thread::sleep(std::time::Duration::from_millis(1100));
            server.stop();
            server = desk.start();
            operator = desk.operator(&server);
        }
    }
    // What only reads is answered as often as it is asked, and so is a tenant's change.
    let read = operator.request("Linkway.ListAccounts", b"{}");
    assert_eq!([send(&server, &read).0, send(&server, &read).0], [200, 200]);
    let events = operator.ok("ListEvents", &json!({}));
    let events = events["events"].as_array().expect("a list");
    let refused = events.iter().filter(|event| event["outcome"] == "InvalidSignatureException");
    assert!(refused.count() >= 1, "a replay is evidence: {events:?}");
}
