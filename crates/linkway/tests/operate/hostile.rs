//! What strangers and greedy tenants can take from the others: a bounded part of the memory, and no service.

use std::io::{BufReader, Write as _};
use std::net::{SocketAddr, TcpStream};

use serde_json::{Value, json};

use crate::process::client::{Answer, Client, Key, connect, get, read_answer};
use crate::process::world::{Account, Pair, allocation, connection, simulated_location, text};
use crate::process::{Desk, Process, QUICK, ROOMY};

const MIB: u64 = 1024 * 1024;

/// The resident memory of a server, in bytes.
fn resident(server: &Process) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.id())).expect("read");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a line");
    let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
    kilobytes * 1024
}

/// Sends bytes on a connection of their own, of which nothing is read.
fn unread(address: SocketAddr, bytes: &[u8]) -> TcpStream {
    let mut connection = connect(address).expect("connected");
    // The server may have refused it before all was sent.
    let _ = connection.write_all(bytes);
    connection
}

fn answer_on(connection: TcpStream) -> Option<Answer> {
    read_answer(&mut BufReader::new(connection)).ok()
}

/// A head of a call whose body of 256 KiB is announced, and 100 KiB of it.
fn unfinished(authorization: &str) -> Vec<u8> {
    let head = format!(
        "POST / HTTP/1.1\r\nhost: h\r\ncontent-type: application/x-amz-json-1.1\r\n\
         x-amz-target: OvertureService.TagResource\r\n\
         {authorization}content-length: 262144\r\n\r\n"
    );
    [head.as_bytes(), &vec![b'a'; 100 * 1024]].concat()
}

#[test]
fn answers_that_nobody_reads_take_a_bounded_part_of_the_memory() {
    let desk = Desk::new(&[QUICK, ROOMY].concat());
    let server = desk.start();
    let address = server.address();
    let mut operator = desk.operator(&server);
    simulated_location(&mut operator);
    let pair = Pair::create(&mut operator, address, 1);
    let other = Account::create(&mut operator, "300000000001");
    let mut lender = pair.lender.client(address);
    let tags = |number: u64| -> Vec<Value> {
        let tag = |n| json!({ "key": format!("{n:0>120}"), "value": format!("{number:0>250}") });
        (0..50).map(tag).collect()
    };
    let connections = [pair.connection.clone(), connection(&mut lender, "second")];
    for number in 0..80 {
        let on = &connections[usize::from(number % 2 == 1)];
        let lent = allocation(on, &pair.recipient.id, "lent", number + 1, number);
        let lent = lender.ok("AllocatePrivateVirtualInterface", &lent);
        let (region, id) = (text(&lent, "region"), text(&lent, "virtualInterfaceId"));
        let arn = format!("arn:aws:directconnect:{region}:{}:dxvif/{id}", pair.lender.id);
        lender.ok("TagResource", &json!({ "resourceArn": arn, "tags": tags(number) }));
    }
    // A page ends when it is as large as it may be, and the next one goes on where it ended.
    let first = lender.call("DescribeVirtualInterfaces", &json!({ "maxResults": 100 }));
    assert!(first.body.len() < 2 * MIB as usize, "{} bytes", first.body.len());
    assert!(first.json()["nextToken"].is_string());
    let body = json!({ "maxResults": 100 });
    let all = lender.all("DescribeVirtualInterfaces", "virtualInterfaces", body.clone());
    let mut ids: Vec<String> = all.iter().map(|one| text(one, "virtualInterfaceId")).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 80);

    let before = resident(&server);
    let target = "OvertureService.DescribeVirtualInterfaces";
    let whole = lender.request(target, b"{}").repeat(4);
    let greedy: Vec<TcpStream> = (0..60).map(|_| unread(address, &whole)).collect();
    let mut other = other.client(address);
    for _ in 0..50 {
        other.ok("DescribeLocations", &json!({}));
    }
    let grown = resident(&server).saturating_sub(before) / MIB;
    assert!(grown < 200, "{grown} MiB");
    drop(greedy);
    server.stop();
}

#[test]
fn bodies_of_strangers_are_refused_before_they_are_read() {
    let desk = Desk::new(QUICK);
    let server = desk.start();
    let address = server.address();
    let mut operator = desk.operator(&server);
    let account = Account::create(&mut operator, "123456789000");
    let before = resident(&server);
    let signed_by = |id: &str| {
        let key = Key { id: id.to_owned(), secret: "x".repeat(40) };
        let request = Client::tenant(address, &key).request("OvertureService.TagResource", b"");
        let text = String::from_utf8(request).expect("text");
        let lines = text.lines().filter(|line| {
            let signed = ["authorization", "x-amz-date", "amz-sdk-invocation-id"];
            signed.iter().any(|name| line.starts_with(name))
        });
        lines.map(|line| format!("{line}\r\n")).collect::<String>()
    };
    for (authorization, code) in [
        (String::new(), "MissingAuthenticationTokenException"),
        ("authorization: Bearer token\r\n".to_owned(), "IncompleteSignatureException"),
        (signed_by("AKIAIOSFODNN7EXAMPLE"), "UnrecognizedClientException"),
    ] {
        let open: Vec<TcpStream> =
            (0..300).map(|_| unread(address, &unfinished(&authorization))).collect();
        let grown = resident(&server).saturating_sub(before) / MIB;
        assert!(grown < 60, "{authorization}: {grown} MiB");
        // They are told, and others are served meanwhile.
        account.client(address).ok("DescribeLocations", &json!({}));
        let answer = open.into_iter().next_back().and_then(answer_on).expect("an answer");
        let (found, _) = answer.error();
        assert_eq!(found, code, "{authorization}");
    }
    server.stop();
}

#[test]
fn metrics_are_for_those_who_operate_the_server() {
    let desk = Desk::new(QUICK);
    let server = desk.start();
    let (public, admin) = (server.address(), desk.admin_address());
    assert!(admin.ip().is_loopback());
    let refused = get(public, "/metrics").expect("answered");
    assert_eq!(refused.status, 404, "{}", refused.text());
    assert!(refused.text().contains("admin_listen"), "{}", refused.text());
    let asked_as = |host: &str| {
        let request = format!("GET /metrics HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
        answer_on(unread(admin, request.as_bytes())).expect("answered").status
    };
    for host in ["localhost", "LOCALHOST:1", "127.0.0.1", "[::1]:9", "192.0.2.1:80"] {
        assert_eq!(asked_as(host), 200, "{host}");
    }
    for host in ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", ""] {
        assert_eq!(asked_as(host), 403, "{host}");
    }
    // Those that are not read keep none from being served for long.
    let scrape = b"GET /metrics HTTP/1.1\r\nhost: localhost\r\n\r\n".repeat(200);
    let before = resident(&server);
    let greedy: Vec<TcpStream> = (0..100).map(|_| unread(admin, &scrape)).collect();
    assert_eq!(get(admin, "/healthz").expect("answered").status, 200);
    let grown = resident(&server).saturating_sub(before) / MIB;
    assert!(grown < 60, "{grown} MiB");
    drop(greedy);
    server.stop();
    let names = format!("{QUICK}admin_hosts = [\"monitored.example\"]\n");
    let desk = Desk::new(&names);
    let server = desk.start();
    let request = b"GET /metrics HTTP/1.1\r\nhost: monitored.example:81\r\n\r\n";
    let answer = answer_on(unread(desk.admin_address(), request)).expect("answered");
    assert_eq!(answer.status, 200);
    server.stop();
}

#[test]
fn the_operator_is_answered_where_the_configuration_says() {
    let listen = "admin_listen = \"127.0.0.1:0\"\n";
    for (config, at_public) in [("", true), (listen, false)] {
        let desk = Desk::new(&format!("{QUICK}{config}"));
        let server = desk.start();
        let (public, admin) = (server.address(), desk.admin_address());
        let key = desk.operator_key();
        let mut operator = Client::linkway(admin, &key);
        let tenant = Account::create(&mut operator, "123456789000");
        let answer = Client::linkway(public, &key).call("ListAccounts", &json!({}));
        assert_eq!(answer.is_ok(), at_public, "{}", answer.text());
        if !at_public {
            let (code, message) = answer.error();
            assert_eq!(code, "AccessDeniedException");
            assert!(message.contains("admin_listen"), "{message}");
        }
        tenant.client(public).ok("DescribeLocations", &json!({}));
        let (code, message) = tenant.client(admin).refused("DescribeLocations", &json!({}));
        assert_eq!(code, "AccessDeniedException", "{message}");
        assert!(desk.admin(["account", "list"]).code == Some(0));
        server.stop();
    }
}

#[test]
fn silent_sockets_keep_nobody_out() {
    let desk = Desk::new(&format!("{QUICK}max_connections = 60\n"));
    let server = desk.start();
    let (address, admin) = (server.address(), desk.admin_address());
    let account = Account::create(&mut desk.operator(&server), "123456789000");
    let mut silent = Vec::new();
    for number in 0..400 {
        silent.push(connect(address).expect("connected"));
        if number % 40 == 0 {
            account.client(address).ok("DescribeLocations", &json!({}));
            assert_eq!(get(address, "/healthz").expect("answered").status, 200);
            assert_eq!(get(admin, "/healthz").expect("answered").status, 200);
        }
    }
    server.stop();
}

/// A key's id is in every request and in every log: whoever has it, and the address of its owner (a NAT's, a proxy's), does
/// not lock the owner out.
#[test]
fn a_right_signature_gets_through_a_lock() {
    let desk = Desk::new(QUICK);
    let server = desk.start();
    let address = server.address();
    let account = Account::create(&mut desk.operator(&server), "123456789000");
    let wrong = Key { id: account.key.id.clone(), secret: "x".repeat(40) };
    let mut attacker = Client::tenant(address, &wrong);
    let mut owner = account.client(address);
    let mut codes = Vec::new();
    for _ in 0..60 {
        codes.push(attacker.refused("DescribeLocations", &json!({})).0);
        owner.ok("DescribeLocations", &json!({}));
    }
    for _ in 0..30 {
        codes.push(attacker.refused("DescribeLocations", &json!({})).0);
    }
    assert!(codes.iter().any(|code| code == "ThrottlingException"), "it is locked: {codes:?}");
    owner.ok("DescribeLocations", &json!({}));
    server.stop();
}
