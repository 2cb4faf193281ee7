//! The journal of reads and refusals: never larger than it may be, and readable whatever happened.

use std::fs::{self, OpenOptions};
use std::io::Write as _;

use serde_json::{Value, json};

use crate::process::client::Client;
use crate::process::world::Account;
use crate::process::{Desk, wait_for};

const FILE_BYTES: u64 = 64 * 1024;
const FILES: u64 = 3;

fn small() -> Desk {
    Desk::new(&format!("journal_file_bytes = {FILE_BYTES}\njournal_files = {FILES}\n"))
}

/// Lengths of the journal's files.
fn lengths(desk: &Desk) -> Vec<u64> {
    let files = fs::read_dir(desk.file("journal")).expect("there");
    files.map(|file| file.expect("there").metadata().expect("there").len()).collect()
}

/// Everything that the trail shows, reads and refusals included.
fn trail(operator: &mut Client) -> Vec<Value> {
    let mut body = json!({ "kind": "all", "maxResults": 1000 });
    let mut events = Vec::new();
    loop {
        let mut page = operator.ok("ListEvents", &body);
        body["nextToken"] = page["nextToken"].take();
        let found = page["events"].as_array().expect("a list");
        if found.len() < 1000 {
            events.extend(found.iter().cloned());
            return events;
        }
        events.extend(found.iter().cloned());
    }
}

#[test]
fn the_journal_is_rotated_and_bounded() {
    let desk = small();
    let server = desk.start();
    let mut operator = desk.operator(&server);
    let mut tenant = Account::create(&mut operator, "123456789000").client(server.address());
    let long = "x".repeat(200);
    let mut written = 0;
    // Five times as much as may be kept.
    while written < 5 * FILE_BYTES * FILES {
        let body = json!({ "virtualInterfaceId": format!("{long}{written}") });
        tenant.ok("DescribeVirtualInterfaces", &body);
        written += 500;
    }
    let last = format!("{long}{}", written - 500);
    let seen = wait_for("the last read is in the trail", || {
        let seen = trail(&mut operator);
        let is_last = |event: &Value| event["parameters"]["virtualInterfaceId"] == *last;
        seen.iter().any(is_last).then_some(seen)
    });
    let reads = seen.iter().filter(|e| e["operation"] == "DescribeVirtualInterfaces").count();
    assert!(reads > 100 && reads < written as usize / 500, "{reads} reads are kept");
    // Changes are not the journal's: they are all there.
    assert_eq!(seen.iter().filter(|event| event["operation"] == "CreateAccount").count(), 1);
    server.stop();
    let lengths = lengths(&desk);
    assert!(lengths.len() as u64 <= FILES, "{lengths:?}");
    assert!(lengths.iter().all(|length| *length <= FILE_BYTES), "{lengths:?}");
}

#[test]
fn a_torn_line_costs_itself_only() {
    let desk = small();
    let server = desk.start();
    let mut operator = desk.operator(&server);
    operator.refused("CreateAccount", &json!({ "accountId": "12", "name": "first" }));
    server.stop();
    let files = fs::read_dir(desk.file("journal")).expect("there");
    let newest = files.map(|file| file.expect("there").path()).max().expect("there is one");
    let mut file = OpenOptions::new().append(true).open(&newest).expect("there");
    file.write_all(b"{\"time\":\"2026-11-23T10:00:00.000Z\",\"requ").expect("written");
    let server = desk.start();
    let mut operator = desk.operator(&server);
    operator.refused("CreateAccount", &json!({ "accountId": "13", "name": "second" }));
    let refused = wait_for("both refusals", || {
        let refused: Vec<_> = trail(&mut operator)
            .into_iter()
            .filter(|event| event["outcome"] != "ok")
            .map(|event| event["parameters"]["name"].clone())
            .collect();
        (refused.len() == 2).then_some(refused)
    });
    assert_eq!(refused, ["first", "second"]);
    server.stop();
    let text = fs::read_to_string(newest).expect("there");
    for line in text.lines() {
        serde_json::from_str::<Value>(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    }
}

#[test]
fn a_request_of_several_lines_is_one_record_and_not_another_that_it_makes_up() {
    let desk = small();
    let server = desk.start();
    let mut operator = desk.operator(&server);
    let mut tenant = Account::create(&mut operator, "123456789000").client(server.address());
    let made_up = concat!(
        r#"{"time":"2026-11-23T10:00:00.000Z","requestId":"r","principal":"operator","#,
        r#""sourceAddress":"::1","operation":"MadeUp","outcome":"ok"}"#,
    );
    let body = format!("{{\n\"connectionId\":\n\"dxcon-ffffffff\",\"x\":\n{made_up}\n}}");
    let answer = tenant.try_raw("OvertureService.DescribeVirtualInterfaces", body.as_bytes());
    assert_eq!(answer.expect("an answer").error().0, "DirectConnectClientException");
    let seen = wait_for("the call is in the trail", || {
        let seen = trail(&mut operator);
        let is_it = |event: &Value| event["operation"] == "DescribeVirtualInterfaces";
        seen.iter().any(is_it).then_some(seen)
    });
    let of_tenant = |event: &&Value| event["accountId"] == "123456789000";
    let events: Vec<_> = seen.iter().filter(of_tenant).collect();
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!(events[0]["parameters"], serde_json::from_str::<Value>(&body).expect("JSON"));
    assert!(!seen.iter().any(|event| event["operation"] == "MadeUp"), "{seen:?}");
    server.stop();
}
