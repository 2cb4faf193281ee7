//! Invariant 10: secrets never reach a log, an error, a metric or the audit trail; and on the disk
//! they are sealed.

use std::fs;
use std::path::Path;

use linkway_wire::feed::FORMAT;
use serde_json::{Value, json};

use crate::process::client::{Client, get};
use crate::process::world::{Account, allocation, edge, order, port, text};
use crate::process::{Desk, QUICK};

/// Chosen by the caller, so that nothing else can be equal to it.
const CHOSEN: &str = "Zq7-chosen-by-the-lender";

#[test]
fn secrets_stay_with_those_whom_they_concern() {
    let desk = Desk::new(&format!("{QUICK}log_level = \"trace\"\n"));
    let server = desk.start();
    let address = server.address();
    let mut operator = desk.operator(&server);
    let edge_key = edge(&mut operator, "PAR1", "par1-a");
    port(&mut operator, "par1-a", "eth1", "1Gbps");
    let [lender, recipient, stranger] = ["123456789000", "210987654321", "333333333333"]
        .map(|id| Account::create(&mut operator, id));
    let gateway = recipient.gateway(&mut operator);
    let mut lending = lender.client(address);
    let connection = order(&mut lending, "PAR1", "trunk");
    operator.ok("ApproveConnection", &json!({ "connectionId": connection }));
    let mut feed = Client::linkway(address, &edge_key);
    let generation = feed.ok("GetEdgeConfig", &json!({ "format": FORMAT }))["generation"].clone();
    let ports = json!([{ "connectionId": connection, "carrier": true }]);
    let mut report = json!({ "format": FORMAT, "generation": generation, "sequence": 1, "ports": ports, "interfaces": [] });
    feed.ok("ReportEdgeStatus", &report);
    // One key that the lender chose, one that the service drew.
    let mut keys = vec![CHOSEN.to_owned()];
    let mut ids = Vec::new();
    for number in 1..=2 {
        let mut body = allocation(&connection, &recipient.id, "lent", number, number);
        if number == 1 {
            body["newPrivateVirtualInterfaceAllocation"]["authKey"] = json!(CHOSEN);
        }
        let made = lending.ok("AllocatePrivateVirtualInterface", &body);
        keys.push(text(&made, "authKey"));
        ids.push(text(&made, "virtualInterfaceId"));
        // The same again is refused, key and all.
        lending.refused("AllocatePrivateVirtualInterface", &body);
    }
    keys.dedup();
    assert_eq!(keys.len(), 2);
    let mut accepting = recipient.client(address);
    for (id, key) in ids.iter().zip(&keys) {
        assert_eq!(accepting.interface(id).expect("there")["authKey"], **key);
        let confirm = json!({ "virtualInterfaceId": id, "virtualGatewayId": gateway });
        accepting.ok("ConfirmPrivateVirtualInterface", &confirm);
        assert_eq!(stranger.client(address).interface(id), None);
    }
    // The edge that has the port must know the keys.
    let config = feed.ok("GetEdgeConfig", &json!({ "format": FORMAT }));
    for key in &keys {
        assert!(config.to_string().contains(key.as_str()), "the edge lacks a key");
    }
    report["sequence"] = json!(2);
    feed.ok("ReportEdgeStatus", &report);
    // A refusal repeats no key, however wrong.
    let bad = format!("{CHOSEN} with spaces");
    let mut body = allocation(&connection, &recipient.id, "lent", 3, 3);
    body["newPrivateVirtualInterfaceAllocation"]["authKey"] = json!(bad);
    let (_, refusal) = lending.refused("AllocatePrivateVirtualInterface", &body);
    assert!(refusal.contains("authKey") && !refusal.contains(CHOSEN), "{refusal}");
    keys.extend([&lender, &recipient, &stranger].map(|account| account.key.secret.clone()));
    keys.push(edge_key.secret.clone());
    let events = trail(&mut operator);
    let metrics = get(desk.admin_address(), "/metrics").expect("answered").text();
    keys.push(desk.operator_key().secret);
    let logs = server.stop();
    assert!(logs.contains("\"stopped\""), "{logs}");
    for key in &keys {
        for (what, text) in [("log", &logs), ("trail", &events), ("metrics", &metrics)] {
            assert!(!text.contains(key.as_str()), "{key} is in the {what}");
        }
    }
    not_below(desk.data(), &keys);
}

fn trail(operator: &mut Client) -> String {
    let mut body = json!({ "kind": "all", "maxResults": 1000 });
    let mut events = String::new();
    loop {
        let mut page = operator.ok("ListEvents", &body);
        body["nextToken"] = page["nextToken"].take();
        events.push_str(&page["events"].to_string());
        if page["events"].as_array().map(Vec::len) != Some(1000) {
            break;
        }
    }
    assert!(events.contains("[PROTECTED]"), "{events}");
    assert!(serde_json::from_str::<Value>(&events).is_ok(), "{events}");
    events
}

/// No file but the operator's credentials holds any of these, the journal's included.
fn not_below(dir: &Path, secrets: &[String]) {
    for entry in fs::read_dir(dir).expect("a directory") {
        let path = entry.expect("there").path();
        if path.is_dir() {
            not_below(&path, secrets);
        } else if !path.ends_with("operator.json") {
            let bytes = fs::read(&path).expect("readable");
            for secret in secrets {
                let is_there = bytes.windows(secret.len()).any(|part| part == secret.as_bytes());
                assert!(!is_there, "{secret} is in {}", path.display());
            }
        }
    }
}
