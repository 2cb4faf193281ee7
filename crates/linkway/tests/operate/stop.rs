//! The end of a server, and the pages by which others watch it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use linkway_wire::feed::FORMAT;
use serde_json::json;

use crate::process::client::{Client, connect, get, read_answer, wait_in_flight};
use crate::process::world::{Account, edge};
use crate::process::{Desk, QUICK, wait_for};

#[test]
fn sigterm_finishes_what_is_in_flight_and_ends_well() {
    let desk = Desk::new(&format!("{QUICK}shutdown_timeout_seconds = 20\n"));
    let server = desk.start();
    let address = server.address();
    let mut operator = desk.operator(&server);
    let edge_key = edge(&mut operator, "PAR1", "par1-a");
    // One request whose body is not there yet, and one that waits for news.
    let body = json!({ "accountId": "123456789000", "name": "late" }).to_string();
    let mut slow = begun(&operator, "Linkway.CreateAccount", body.as_bytes());
    let waiting = std::thread::spawn(move || {
        let mut edge = Client::linkway(address, &edge_key);
        let mut known = edge.ok("GetEdgeConfig", &json!({ "format": FORMAT }));
        known.as_object_mut().expect("an object").remove("config");
        let wait = json!({
            "format": FORMAT, "afterEpoch": known["epoch"], "afterGeneration": known["generation"], "waitSeconds": 60,
        });
        (edge.ok("GetEdgeConfig", &wait), known)
    });
    wait_in_flight(desk.admin_address(), 1);
    let began = Instant::now();
    server.signal("TERM");
    wait_for("no new connections", || connect(address).is_err().then_some(()));
    slow.get_mut().write_all(body.as_bytes()).expect("sent");
    let answer = read_answer(&mut slow).expect("answered");
    assert_eq!(answer.status, 200, "{}", answer.text());
    let (answer, known) = waiting.join().expect("answered");
    assert_eq!(answer, known, "a long poll ends at once");
    let mut server = server;
    assert_eq!(server.wait().code(), Some(0), "{}", server.logs());
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
    assert!(server.logs().contains("\"stopped\""), "{}", server.logs());
    // What was answered while stopping is there.
    assert_eq!(desk.check(), [""; 0]);
    let server = desk.start();
    let accounts = desk.operator(&server).ok("ListAccounts", &json!({}));
    assert_eq!(accounts["accounts"][0]["name"], "late");
}

/// A request of which the server has read the head and waits for the body.
fn begun(caller: &Client, target: &str, body: &[u8]) -> BufReader<TcpStream> {
    let request = caller.request(target, body);
    let head = String::from_utf8_lossy(&request[..request.len() - body.len()]);
    let head = head.replacen("\r\n", "\r\nexpect: 100-continue\r\n", 1);
    let mut connection = BufReader::new(connect(caller.address()).expect("connected"));
    connection.get_mut().write_all(head.as_bytes()).expect("sent");
    let mut interim = String::new();
    while !interim.ends_with("\r\n\r\n") {
        assert_ne!(connection.read_line(&mut interim).expect("answered"), 0, "{interim}");
    }
    assert!(interim.starts_with("HTTP/1.1 100 "), "{interim}");
    connection
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let desk = Desk::new("shutdown_timeout_seconds = 600\n");
    let mut server = desk.start();
    let _stuck = begun(&desk.operator(&server), "Linkway.ListAccounts", b"{}");
    server.signal("INT");
    wait_for("it stops", || connect(server.address()).is_err().then_some(()));
    server.signal("INT");
    assert_eq!(server.wait().code(), Some(130));
}

#[test]
fn health_readiness_and_metrics_are_for_everyone() {
    let desk = Desk::new(QUICK);
    let server = desk.start();
    let address = server.address();
    let mut operator = desk.operator(&server);
    let mut tenant = Account::create(&mut operator, "123456789000").client(address);
    tenant.ok("DescribeLocations", &json!({}));
    let (code, _) = tenant.refused("CreateConnection", &json!({}));
    let pages = [("/healthz", 200, "ok\n"), ("/readyz", 200, "ready\n")];
    for (path, status, text) in pages {
        let answer = get(address, path).expect("answered");
        assert_eq!((answer.status, &*answer.text()), (status, text), "{path}");
    }
    let metrics = get(desk.admin_address(), "/metrics").expect("answered").text();
    let series = [
        "linkway_requests_total{operation=\"DescribeLocations\",code=\"ok\"} 1".to_owned(),
        format!("linkway_requests_total{{operation=\"CreateConnection\",code=\"{code}\"}} 1"),
        "linkway_build_info{".to_owned(),
        "linkway_store_commits_total ".to_owned(),
        "linkway_store_batch_size_count ".to_owned(),
        "linkway_request_duration_seconds_count{".to_owned(),
        "process_resident_memory_bytes ".to_owned(),
    ];
    for series in series {
        assert!(metrics.lines().any(|line| line.starts_with(&series)), "{series} in\n{metrics}");
    }
    let elsewhere = get(address, "/elsewhere").expect("answered");
    assert_eq!(elsewhere.status, 404, "{}", elsewhere.text());
    assert_eq!(get(address, "/").expect("answered").status, 405);
    server.stop();
}
