//! `events`: pages to the present, and beyond it.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::Desk;
use super::server::{Answer, Received, Server};

fn event(number: usize) -> Value {
    json!({"time": "2026-11-23T10:00:00.000Z", "requestId": format!("r-{number}"),
           "principal": "operator", "sourceAddress": "127.0.0.1", "operation": "CreateAccount",
           "resources": [], "outcome": "ok"})
}

/// A trail of `length` events; the token is the number of those that were read.
fn page(length: usize, request: &Received) -> Answer {
    let from: usize = request.body["nextToken"].as_str().unwrap_or("0").parse().expect("a number");
    let most =
        usize::try_from(request.body["maxResults"].as_u64().expect("asked for")).expect("fits");
    let to = length.min(from + most);
    let events: Vec<_> = (from..to).map(event).collect();
    Answer::json(json!({"events": events, "nextToken": to.to_string()}))
}

fn numbers(array: &str) -> Vec<Value> {
    let events: Vec<Value> = serde_json::from_str(array).expect("JSON");
    events.into_iter().map(|event| event["requestId"].clone()).collect()
}

#[test]
fn trail_is_read_to_its_present_end() {
    for (length, calls) in [(0, 1), (1, 1), (99, 1), (100, 2), (250, 3)] {
        let server = Server::start(move |_, request| page(length, request));
        let run = Desk::new(&server.endpoint()).run(["events", "--output", "json"]);
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        let expected: Vec<_> = (0..length).map(|number| json!(format!("r-{number}"))).collect();
        assert_eq!(numbers(&run.stdout), expected, "{length}");
        assert_eq!(server.received().len(), calls, "{length}");
    }
}

#[test]
fn count_bounds_what_is_shown() {
    let server = Server::start(|_, request| page(250, request));
    let desk = Desk::new(&server.endpoint());
    for count in [0, 1, 100, 101, 250, 400] {
        let words = ["events", "--output", "json", "--count", &count.to_string()];
        assert_eq!(numbers(&desk.run(words).stdout).len(), count.min(250), "{count}");
    }
}

#[test]
fn follower_sees_what_happens_later_as_lines() {
    // The trail grows by one event with each call after the first two.
    let server = Server::start(|number, request| page(2 + number.saturating_sub(1), request));
    let desk = Desk::new(&server.endpoint());
    let json = desk.run(["events", "--follow", "--output", "json", "--count", "3"]);
    assert_eq!(json.code, Some(0), "{}", json.stderr);
    let lines: Vec<Value> = json
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).expect("an object a line"))
        .collect();
    assert_eq!(lines, [event(0), event(1), event(2)]);
    let table = desk.run(["events", "--follow", "--count", "1"]);
    assert_eq!(
        table.stdout,
        "2026-11-23T10:00:00Z  operator  127.0.0.1  CreateAccount  ok  -  -\n"
    );
}

#[test]
fn follower_outlives_a_server_that_restarts() {
    let server = Server::start(|number, request| match number {
        0 => page(1, request),
        1 => Answer::bytes(502, "text/html", Vec::new()),
        _ => page(2, request),
    });
    let run = Desk::new(&server.endpoint()).run(["events", "--follow", "--count", "2"]);
    assert_eq!((run.code, run.stdout.lines().count()), (Some(0), 2), "{}", run.stderr);
    assert!(run.stderr.contains("trying again"), "{}", run.stderr);
}

#[test]
fn follower_ends_with_a_signal() {
    let server = Server::start(|_, request| page(1, request));
    let desk = Desk::new(&server.endpoint());
    let mut child = desk
        .command(["events", "--follow", "--output", "json"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut line = String::new();
    let mut out = BufReader::new(child.stdout.take().expect("piped"));
    out.read_line(&mut line).expect("a line");
    assert_eq!(serde_json::from_str::<Value>(&line).expect("JSON"), event(0));
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(killed.expect("kill is there").success());
    let status = child.wait().expect("it ends");
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(2));
}

/// One event each minute, the last one now.
fn minutes(length: usize, request: &Received) -> Answer {
    let now = jiff::Timestamp::now();
    let at = |number: usize| now - jiff::SignedDuration::from_mins((length - 1 - number) as i64);
    let start: Option<jiff::Timestamp> =
        request.body["startTime"].as_str().map(|text| text.parse().expect("a time"));
    let first = (0..length).find(|number| start.is_none_or(|start| at(*number) >= start));
    let first = first.unwrap_or(length);
    let from = request.body["nextToken"].as_str().map(|token| token.parse().expect("a number"));
    let to = length.min(from.unwrap_or(first) + 100);
    let of = |number: usize| {
        let mut event = event(number);
        event["time"] = json!(format!("{:.3}", at(number)));
        event["accountId"] = json!(format!("{:012}", number % 2));
        event
    };
    let events: Vec<_> = (from.unwrap_or(first)..to).map(of).collect();
    Answer::json(json!({"events": events, "nextToken": to.to_string()}))
}

fn is_feed(request: &Received) -> bool {
    request.target.ends_with(".ListAccountEvents")
}

/// What an account was told: at each second second of the hours after ten.
fn told(length: usize, request: &Received) -> Answer {
    assert_eq!(request.body["accountId"], json!("000000000001"));
    let from: usize = request.body["nextToken"].as_str().unwrap_or("0").parse().expect("a number");
    let to = length.min(from + 100);
    let events: Vec<_> = (from..to).map(|number| told_event(number, number * 2)).collect();
    Answer::json(json!({"events": events, "nextToken": to.to_string()}))
}

fn told_event(number: usize, second: usize) -> Value {
    json!({"id": format!("n-{number}"), "type": "virtual-interface.offered",
           "timestamp": format!("2026-11-23T10:{:02}:{:02}Z", second / 60, second % 60),
           "data": {"accountId": "000000000001", "virtualInterfaceId": "dxvif-12345678",
                    "connectionId": "dxcon-12345678", "lenderAccount": "000000000002",
                    "ownerAccount": "000000000001", "expiresAt": "2026-11-30T10:00:00Z"}})
}

#[test]
fn what_an_account_was_told_is_merged_with_its_calls_in_the_order_of_time() {
    const CALLS: usize = 420;
    // Calls are at each odd second; every third is the account's.
    let call = |number: usize| {
        let (mut event, second) = (event(number), number * 2 + 1);
        event["time"] = json!(format!("2026-11-23T10:{:02}:{:02}.000Z", second / 60, second % 60));
        event["accountId"] = json!(format!("{:012}", number % 3));
        event
    };
    for events in [0, 1, 100, 130, 700] {
        let server = Server::start(move |_, request| {
            if is_feed(request) {
                return told(events, request);
            }
            let token = request.body["nextToken"].as_str().unwrap_or("0");
            let from: usize = token.parse().expect("a number");
            let to = CALLS.min(from + 100);
            let page: Vec<_> = (from..to).map(call).collect();
            Answer::json(json!({"events": page, "nextToken": to.to_string()}))
        });
        let words = ["events", "--output", "json", "--account", "000000000001"];
        let run = Desk::new(&server.endpoint()).run(words);
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        let called = (0..CALLS).filter(|number| number % 3 == 1);
        let mut expected: Vec<(usize, String)> =
            called.map(|number| (number * 2 + 1, format!("r-{number}"))).collect();
        expected.extend((0..events).map(|number| (number * 2, format!("n-{number}"))));
        expected.sort();
        let expected: Vec<_> = expected.into_iter().map(|(_, id)| json!(id)).collect();
        assert_eq!(numbers(&run.stdout), expected, "{events}");
    }
    let server = Server::start(|_, request| match is_feed(request) {
        true => told(1, request),
        false => page(0, request),
    });
    let words = ["events", "--wide", "--account", "000000000001"];
    let shown = Desk::new(&server.endpoint()).run(words).stdout;
    for text in [
        "2026-11-23T10:00:00Z  linkway",
        "virtual-interface.offered",
        "dxvif-12345678 dxcon-12345678",
        "lent by 000000000002 to 000000000001, expires 2026-11-30T10:00:00Z",
    ] {
        assert!(shown.contains(text), "{text} in {shown}");
    }
}

#[test]
fn the_last_events_are_found_without_reading_the_whole_trail() {
    const MANY: usize = 100_000;
    let server = Server::start(|_, request| match is_feed(request) {
        true => Answer::json(json!({"events": [], "nextToken": "0"})),
        false => minutes(MANY, request),
    });
    let desk = Desk::new(&server.endpoint());
    let last = |words: &[&str]| {
        let before = server.received().len();
        let run = desk.run(["events", "--output", "json"].iter().chain(words));
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        (numbers(&run.stdout), server.received().len() - before)
    };
    let expected = |numbers: std::ops::Range<usize>, step: usize| -> Vec<Value> {
        numbers.step_by(step).map(|number| json!(format!("r-{number}"))).collect()
    };
    let (found, calls) = last(&["--last", "20"]);
    assert_eq!(found, expected(MANY - 20..MANY, 1));
    assert!(calls <= 4, "{calls} calls");
    let (found, _) = last(&["--last", "20", "--account", "000000000001"]);
    assert_eq!(found, expected(MANY - 39..MANY, 2));
    let (found, _) = last(&["--since", "2h", "--account", "000000000001"]);
    assert!((59..=61).contains(&found.len()), "{}", found.len());
    let (found, _) = last(&["--since", "5m", "--last", "100"]);
    assert!((4..=6).contains(&found.len()), "{}", found.len());
    assert_eq!(last(&["--last", "0"]).0, Vec::<Value>::new());
    let short = Server::start(|_, request| minutes(7, request));
    let run = Desk::new(&short.endpoint()).run(["events", "--output", "json", "--last", "20"]);
    assert_eq!(numbers(&run.stdout).len(), 7);
}
