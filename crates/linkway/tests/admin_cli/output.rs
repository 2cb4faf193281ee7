//! The exact forms of the output, pages, and readers that stop reading.

use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

use serde_json::{Value, json};

use super::server::{Answer, Server};
use super::{Desk, bare, ended};

fn account(id: u32, name: &str) -> Value {
    let time = "2026-11-23T10:00:00.123456Z";
    json!({"accountId": format!("{id:012}"), "name": name, "status": "enabled", "createdAt": time})
}

/// Three pages: two accounts, none, one.
fn paged() -> Server {
    Server::start(|_, request| {
        Answer::json(match request.body["nextToken"].as_str() {
            None => json!({"accounts": [account(1, "a"), account(2, "bb")], "nextToken": "second"}),
            Some("second") => json!({"accounts": [], "nextToken": "third"}),
            Some("third") => json!({"accounts": [account(3, "")]}),
            Some(other) => json!({"accounts": [account(9, other)]}),
        })
    })
}

#[test]
fn table_is_exact_and_holds_every_page() {
    let server = paged();
    let run = Desk::new(&server.endpoint()).run(["account", "list"]);
    assert_eq!(
        run.stdout,
        "ACCOUNT       NAME  STATUS   CREATED\n\
         000000000001  a     enabled  2026-11-23T10:00:00Z\n\
         000000000002  bb    enabled  2026-11-23T10:00:00Z\n\
         000000000003  -     enabled  2026-11-23T10:00:00Z\n"
    );
    let tokens: Vec<_> =
        server.received().iter().map(|request| request.body["nextToken"].clone()).collect();
    assert_eq!(tokens, [Value::Null, json!("second"), json!("third")]);
}

#[test]
fn json_is_one_array_of_every_page() {
    let server = paged();
    let run = Desk::new(&server.endpoint()).run(["account", "list", "--output", "json"]);
    assert_eq!(
        serde_json::from_str::<Value>(&run.stdout).expect("JSON"),
        json!([account(1, "a"), account(2, "bb"), account(3, "")])
    );
}

#[test]
fn empty_list_in_both_forms() {
    let server = Server::always(Answer::json(json!({"accounts": []})));
    let desk = Desk::new(&server.endpoint());
    assert_eq!(desk.run(["account", "list"]).stdout, "ACCOUNT  NAME  STATUS  CREATED\n");
    assert_eq!(desk.run(["account", "list", "--output", "json"]).stdout, "[]\n");
}

#[test]
fn single_answer_in_both_forms() {
    let server = Server::always(Answer::json(account(1, "Example Ltd")));
    let desk = Desk::new(&server.endpoint());
    let words = ["account", "create", "--id", "1", "--name", "x"];
    assert_eq!(
        desk.run(words).stdout,
        "ACCOUNT  000000000001\nNAME     Example Ltd\nSTATUS   enabled\nCREATED  2026-11-23T10:00:00Z\n"
    );
    assert_eq!(
        desk.run(words.iter().chain(&["--output", "json"])).stdout,
        "{\n  \"accountId\": \"000000000001\",\n  \"name\": \"Example Ltd\",\n  \
         \"status\": \"enabled\",\n  \"createdAt\": \"2026-11-23T10:00:00.123456Z\"\n}\n"
    );
}

#[test]
fn an_edge_is_four_tables() {
    let server = Server::always(Answer::json(super::samples::edge_detail()));
    let run = Desk::new(&server.endpoint()).run(["edge", "show", "par1-a", "--wide"]);
    let parts: Vec<&str> = run.stdout.split("\n\n").collect();
    let head: Vec<&str> = parts[0].lines().collect();
    let age = head.iter().find(|line| line.starts_with("LAST REPORT")).expect("a line");
    assert!(age.ends_with(" ago"), "{age}");
    let rest: Vec<&str> = head.iter().copied().filter(|line| line != age).collect();
    assert_eq!(
        rest.join("\n"),
        "EDGE            par1-a\n\
         LOCATION        PAR1\n\
         SIMULATED       no\n\
         REPORTED AT     2026-11-23T10:00:00Z\n\
         SILENT          no\n\
         EPOCH           1790000000000\n\
         GENERATION      7 (should be 8)\n\
         DETAIL MISSING  -"
    );
    let lines: Vec<usize> = parts.iter().map(|part| part.lines().count()).collect();
    assert_eq!(lines, [9, 2, 3, 2], "{}", run.stdout);
    let pending = parts[2].lines().last().expect("a line");
    let cells: Vec<&str> = pending.split_whitespace().collect();
    let expected = "dxvif-12121212 eth1 102 pending - - - - - - - - - - 0 -";
    assert_eq!(cells.join(" "), expected);
    let run = Desk::new(&server.endpoint()).run(["edge", "show", "par1-a"]);
    let longest = run.stdout.lines().map(|line| line.chars().count()).max();
    assert!(longest <= Some(80), "{}", run.stdout);
}

#[test]
fn names_cannot_command_the_terminal() {
    let hostile = "a\u{1b}[2Jb\nc\u{202e}d";
    let server = Server::always(Answer::json(json!({"accounts": [account(1, hostile)]})));
    let desk = Desk::new(&server.endpoint());
    let table = desk.run(["account", "list"]).stdout;
    assert!(table.contains(r"a\u{1b}[2Jb\nc\u{202e}d"), "{table}");
    let json = desk.run(["account", "list", "--output", "json"]).stdout;
    assert_eq!(serde_json::from_str::<Value>(&json).expect("JSON")[0]["name"], hostile);
}

#[test]
fn global_options_stand_before_or_after_the_words() {
    let server = Server::always(Answer::json(json!({"accounts": []})));
    let desk = Desk::new(&server.endpoint());
    let file = desk.credentials().display().to_string();
    let tables = [
        vec!["--credentials", &file, "--output", "json", "account", "list"],
        vec!["account", "--credentials", &file, "list", "--output", "json"],
        vec!["account", "list", "--output=json", "--credentials", &file],
    ];
    for words in tables {
        let run = ended(&mut bare(&words));
        assert_eq!((run.code, &*run.stdout), (Some(0), "[]\n"), "{words:?}: {}", run.stderr);
    }
}

#[test]
fn reader_that_stops_is_not_a_failure() {
    // Far more than a pipe holds, so the program is still writing when its reader goes.
    let name = "n".repeat(1000);
    let server = Server::start(move |number, _| {
        let accounts: Vec<_> = (0..1000).map(|id| account(id, &name)).collect();
        Answer::json(json!({"accounts": accounts, "nextToken": format!("{number}")}))
    });
    let desk = Desk::new(&server.endpoint());
    let mut child = desk
        .command(["account", "list", "--output", "json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut line = String::new();
    let stdout = child.stdout.take().expect("piped");
    BufReader::new(stdout).read_line(&mut line).expect("a line");
    let mut complaint = String::new();
    child.stderr.take().expect("piped").read_to_string(&mut complaint).expect("text");
    let code = child.wait().expect("it ends").code();
    assert_eq!((&*line, code, &*complaint), ("[\n", Some(0), ""));
}
