//! Each word's arguments, the request that they become, and the answer in both forms.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};

use super::Desk;
use super::samples::{
    TIME, access_key, account, account_detail, backbone, connection, edge, edge_detail, event,
    gateway, handoff, interface, location, port, transit_gateway,
};
use super::server::{Answer, Received, Server};

/// Words, the operation and the request that they become, the answer, what JSON output shows of it,
/// and texts that the table shows. Words and texts are parted by spaces.
struct Case {
    words: &'static str,
    operation: &'static str,
    request: Value,
    answer: Value,
    json: Value,
    table: &'static str,
}

fn one(
    words: &'static str,
    operation: &'static str,
    request: Value,
    answer: Value,
    table: &'static str,
) -> Case {
    Case { words, operation, request, json: answer.clone(), answer, table }
}

fn list(
    words: &'static str,
    operation: &'static str,
    request: Value,
    (member, item): (&str, Value),
    table: &'static str,
) -> Case {
    Case { words, operation, request, answer: json!({member: [item]}), json: json!([item]), table }
}

/// One thing, which the server has in a list of one.
fn shown(
    words: &'static str,
    operation: &'static str,
    request: Value,
    (member, item): (&str, Value),
    table: &'static str,
) -> Case {
    Case { words, operation, request, answer: json!({member: [item]}), json: item, table }
}

fn check(case: Case) {
    let Case { words, operation, request, mut answer, json: expected, table } = case;
    if operation == "ListEvents" {
        answer["nextToken"] = json!("t1");
    }
    let server = Server::always(Answer::json(answer));
    let desk = Desk::new(&server.endpoint());

    let run = desk.run(words.split(' '));
    assert_eq!((run.code, &*run.stderr), (Some(0), ""), "{words}");
    let longest = run.stdout.lines().map(|line| line.chars().count()).max();
    let is_list = expected.is_array();
    assert!(!is_list || longest <= Some(80), "{words}:\n{}", run.stdout);

    let run = desk.run(words.split(' ').chain(["--wide"]));
    assert_eq!((run.code, &*run.stderr), (Some(0), ""), "{words}");
    for text in table.split_whitespace() {
        assert!(run.stdout.contains(text), "{words}: no {text} in\n{}", run.stdout);
    }
    assert!(!run.stdout.contains('\x1b'), "{words}: {}", run.stdout);

    let run = desk.run(words.split(' ').chain(["--output", "json"]));
    assert_eq!((run.code, &*run.stderr), (Some(0), ""), "{words}");
    let shown: Value = serde_json::from_str(&run.stdout).expect("JSON");
    assert_eq!(shown, expected, "{words}");

    let call = Received { target: format!("Linkway.{operation}"), body: request };
    assert_eq!(server.received(), [call.clone(), call.clone(), call], "{words}");
}

#[test]
fn words_of_webhooks() {
    let webhook = json!({"accountId": "123456789000", "webhookUrl": "https://hooks.example.com/…",
                         "createdAt": TIME, "failingSince": TIME, "error": "HTTP status 503", "givenUp": 2});
    let mut detail = account_detail();
    detail["webhook"] = webhook.clone();
    let made = json!({"accountId": "123456789000", "webhookUrl": "https://hooks.example.com/…",
                      "webhookSecret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"});
    let kept = json!({"accountId": "123456789000", "webhookUrl": "https://hooks.example.com/…"});
    let id = json!({"accountId": "123456789000"});
    let table = [
        one(
            "webhook set 123456789000 --url https://hooks.example.com/linkway",
            "PutWebhook",
            json!({"accountId": "123456789000", "webhookUrl": "https://hooks.example.com/linkway",
                   "newSecret": false}),
            made,
            "ACCOUNT 123456789000 whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        ),
        one(
            "webhook set 123456789000 --url x --new-secret",
            "PutWebhook",
            json!({"accountId": "123456789000", "webhookUrl": "x", "newSecret": true}),
            kept.clone(),
            "SECRET -",
        ),
        Case {
            words: "webhook show 123456789000",
            operation: "DescribeAccount",
            request: id.clone(),
            answer: detail,
            json: webhook,
            table: "FAILING 2026-11-23T10:00:00Z HTTP status 503 GIVEN 2",
        },
        one(
            "webhook delete 123456789000",
            "DeleteWebhook",
            id,
            kept,
            "https://hooks.example.com/…",
        ),
    ];
    table.into_iter().for_each(check);
}

#[test]
fn words_of_accounts_and_keys() {
    let key = json!({"accessKeyId": "AKIAI44QH8DHBEXAMPLE"});
    let mut disabled = account();
    disabled["status"] = json!("disabled");
    let made = json!({"accessKeyId": "AKIAI44QH8DHBEXAMPLE", "secretAccessKey": "je7MtGbClwBF",
                      "accountId": "123456789000", "status": "enabled", "createdAt": TIME});
    let of_edge = json!({"accessKeyId": "AKIAI44QH8DHBEXAMPLE", "kind": "edge", "edgeId": "par1-a",
                         "status": "enabled", "createdAt": TIME});
    let table = [
        one(
            "account create --id 123456789000 --name Example",
            "CreateAccount",
            json!({"accountId": "123456789000", "name": "Example"}),
            account(),
            "ACCOUNT 123456789000 Example 2026-11-23T10:00:00Z",
        ),
        // Values are the server's to judge.
        one(
            "account create --id 12 --name ",
            "CreateAccount",
            json!({"accountId": "12", "name": ""}),
            account(),
            "ACCOUNT",
        ),
        one(
            "account update 123456789000 --name Example",
            "UpdateAccount",
            json!({"accountId": "123456789000", "name": "Example"}),
            account(),
            "NAME Example STATUS enabled",
        ),
        one(
            "account disable 123456789000",
            "DisableAccount",
            json!({"accountId": "123456789000"}),
            disabled,
            "STATUS disabled",
        ),
        one(
            "account enable 123456789000",
            "EnableAccount",
            json!({"accountId": "123456789000"}),
            account(),
            "STATUS enabled",
        ),
        one(
            "account delete 123456789000",
            "DeleteAccount",
            json!({"accountId": "123456789000"}),
            json!({"accountId": "123456789000", "name": "Example",
                   "accessKeyIds": ["AKIAI44QH8DHBEXAMPLE"]}),
            "123456789000 Example AKIAI44QH8DHBEXAMPLE",
        ),
        shown(
            "access-key show AKIAI44QH8DHBEXAMPLE",
            "ListAccessKeys",
            json!({"accessKeyId": "AKIAI44QH8DHBEXAMPLE"}),
            ("accessKeys", access_key()),
            "AKIAI44QH8DHBEXAMPLE KIND account disabled",
        ),
        one(
            "account show 123456789000",
            "DescribeAccount",
            json!({"accountId": "123456789000"}),
            account_detail(),
            "ACCOUNT 123456789000 QUOTA OF USED LIMIT access_keys_per_account - 1 20 connections_per_location PAR1 3 10",
        ),
        list("account list", "ListAccounts", json!({}), ("accounts", account()), "NAME Example"),
        one(
            "access-key create --account 123456789000",
            "CreateAccessKey",
            json!({"accountId": "123456789000"}),
            made,
            "AKIAI44QH8DHBEXAMPLE je7MtGbClwBF enabled",
        ),
        list(
            "access-key list",
            "ListAccessKeys",
            json!({}),
            ("accessKeys", access_key()),
            "AKIAI44QH8DHBEXAMPLE account disabled",
        ),
        list(
            "access-key list --account 123456789000",
            "ListAccessKeys",
            json!({"accountId": "123456789000"}),
            ("accessKeys", of_edge),
            "edge par1-a enabled",
        ),
        one(
            "access-key create --edge par1-a",
            "CreateAccessKey",
            json!({"edgeId": "par1-a"}),
            json!({"accessKeyId": "AKIAI44QH8DHBEXAMPLE", "secretAccessKey": "je7MtGbClwBF",
                   "edgeId": "par1-a", "status": "enabled", "createdAt": TIME}),
            "AKIAI44QH8DHBEXAMPLE je7MtGbClwBF par1-a enabled",
        ),
        list(
            "access-key list --edge par1-a",
            "ListAccessKeys",
            json!({"edgeId": "par1-a"}),
            ("accessKeys", access_key()),
            "AKIAI44QH8DHBEXAMPLE",
        ),
        one(
            "access-key disable AKIAI44QH8DHBEXAMPLE",
            "DisableAccessKey",
            key.clone(),
            access_key(),
            "disabled",
        ),
        one(
            "access-key enable AKIAI44QH8DHBEXAMPLE",
            "EnableAccessKey",
            key.clone(),
            access_key(),
            "AKIAI44QH8DHBEXAMPLE",
        ),
        one("access-key delete AKIAI44QH8DHBEXAMPLE", "DeleteAccessKey", key, json!({}), ""),
    ];
    table.into_iter().for_each(check);
}

#[test]
fn words_of_operators() {
    let named = || json!({"operatorName": "alice"});
    let id = || json!({"accessKeyId": "AKIAI44QH8DHBEXAMPLE"});
    let operator = || {
        json!({"operatorName": "alice", "role": "operate", "status": "disabled", "keys": 1,
               "createdAt": TIME})
    };
    let key = || {
        json!({"accessKeyId": "AKIAI44QH8DHBEXAMPLE", "operatorName": "alice", "status": "enabled",
               "createdAt": TIME, "expiresAt": TIME, "lastUsedAt": TIME})
    };
    let new = json!({"accessKeyId": "AKIAI44QH8DHBEXAMPLE", "secretAccessKey": "je7MtGbClwBF",
                     "operatorName": "alice", "createdAt": TIME, "expiresAt": TIME});
    let detail = || json!({"operator": operator(), "accessKeys": [key()]});
    let table = [
        one(
            "operator create --name alice --role operate",
            "CreateOperator",
            json!({"operatorName": "alice", "role": "operate"}),
            operator(),
            "OPERATOR alice operate disabled 1",
        ),
        list(
            "operator list",
            "ListOperators",
            json!({}),
            ("operators", operator()),
            "ROLE alice operate",
        ),
        one(
            "operator show alice",
            "DescribeOperator",
            named(),
            detail(),
            "alice operate AKIAI44QH8DHBEXAMPLE EXPIRES LAST 2026-11-23T10:00:00Z",
        ),
        one("operator disable alice", "DisableOperator", named(), operator(), "disabled"),
        one("operator enable alice", "EnableOperator", named(), operator(), "alice"),
        one("operator delete alice", "DeleteOperator", named(), json!({}), ""),
        Case {
            json: json!([key()]),
            ..one(
                "operator key list alice",
                "DescribeOperator",
                named(),
                detail(),
                "AKIAI44QH8DHBEXAMPLE enabled 2026-11-23T10:00:00Z",
            )
        },
        one(
            "operator key disable AKIAI44QH8DHBEXAMPLE",
            "DisableOperatorKey",
            id(),
            key(),
            "alice",
        ),
        one("operator key enable AKIAI44QH8DHBEXAMPLE", "EnableOperatorKey", id(), key(), "alice"),
        one("operator key delete AKIAI44QH8DHBEXAMPLE", "DeleteOperatorKey", id(), json!({}), ""),
    ];
    table.into_iter().for_each(check);

    // What a new key is shown as is what --credentials reads.
    let server = Server::always(Answer::json(new.clone()));
    let desk = Desk::new(&server.endpoint());
    let words = "operator key create alice --expires 90d";
    let run = desk.run(words.split(' '));
    assert_eq!((run.code, &*run.stderr), (Some(0), ""));
    assert!(run.stdout.contains("je7MtGbClwBF"), "{}", run.stdout);
    let run = desk.run(words.split(' ').chain(["--output", "json"]));
    let mut expected = new;
    expected["endpoint"] = json!(server.endpoint());
    expected["region"] = json!("eu-west-2");
    assert_eq!(serde_json::from_str::<Value>(&run.stdout).expect("JSON"), expected);
    let body = json!({"operatorName": "alice", "expiresInSeconds": 90 * 86_400});
    let call = Received { target: "Linkway.CreateOperatorKey".to_owned(), body };
    assert_eq!(server.received(), [call.clone(), call]);
}

#[test]
fn words_of_locations_and_edges() {
    let new_edge = json!({"edgeId": "par1-a", "locationCode": "PAR1", "createdAt": TIME,
                          "accessKeyId": "AKIAI44QH8DHBEXAMPLE",
                          "secretAccessKey": "je7MtGbClwBF"});
    let elsewhere = json!({"edgeId": "par1-b", "locationCode": "PAR1", "simulated": false, "silent": true,
                           "desiredEpoch": 9, "desiredGeneration": 8, "detailMissing": "another server",
                           "ports": [], "interfaces": []});
    let given_up = json!({"edgeId": "par1-a", "locationCode": "PAR1",
                          "connectionIds": ["dxcon-fg5678gh"], "bgpPeerIds": ["dxpeer-fg1234gh"],
                          "virtualInterfaceIds": ["dxvif-fg5678gh", "dxvif-fg1234gh"],
                          "associationIds": []});
    let unheard = json!({"edgeId": "par1-b", "locationCode": "PAR1", "simulated": true,
                         "silent": false});
    let table = [
        one(
            "location create --code PAR1 --name Paris --simulated",
            "CreateLocation",
            json!({"locationCode": "PAR1", "locationName": "Paris", "simulated": true}),
            location(),
            "PAR1 Paris yes eu-west-2",
        ),
        one(
            "location create --code ZRH1 --name Zürich🏔",
            "CreateLocation",
            json!({"locationCode": "ZRH1", "locationName": "Zürich🏔", "simulated": false}),
            location(),
            "PAR1",
        ),
        list("location list", "ListLocations", json!({}), ("locations", location()), "PAR1"),
        shown(
            "location show PAR1",
            "ListLocations",
            json!({"locationCode": "PAR1"}),
            ("locations", location()),
            "LOCATION PAR1 Paris",
        ),
        one(
            "location update PAR1 --name Paris",
            "UpdateLocation",
            json!({"locationCode": "PAR1", "locationName": "Paris"}),
            location(),
            "PAR1 Paris",
        ),
        one(
            "location delete PAR1",
            "DeleteLocation",
            json!({"locationCode": "PAR1"}),
            location(),
            "PAR1 Paris",
        ),
        one("edge reset par1-a", "ResetEdge", json!({"edgeId": "par1-a"}), edge(), "par1-a PAR1"),
        one(
            "edge give-up par1-a",
            "GiveUpEdge",
            json!({"edgeId": "par1-a", "force": false}),
            given_up.clone(),
            "par1-a PAR1 dxcon-fg5678gh dxvif-fg5678gh dxvif-fg1234gh dxpeer-fg1234gh",
        ),
        one(
            "edge give-up par1-a --force",
            "GiveUpEdge",
            json!({"edgeId": "par1-a", "force": true}),
            given_up,
            "par1-a PAR1",
        ),
        one(
            "edge delete par1-a",
            "DeleteEdge",
            json!({"edgeId": "par1-a"}),
            json!({"edgeId": "par1-a", "locationCode": "PAR1",
                   "accessKeyIds": ["AKIAI44QH8DHBEXAMPLE"]}),
            "par1-a PAR1 AKIAI44QH8DHBEXAMPLE",
        ),
        one(
            "edge create --id par1-a --location PAR1",
            "CreateEdge",
            json!({"edgeId": "par1-a", "locationCode": "PAR1"}),
            new_edge,
            "par1-a AKIAI44QH8DHBEXAMPLE je7MtGbClwBF",
        ),
        list(
            "edge list",
            "ListEdges",
            json!({}),
            ("edges", edge()),
            "par1-a PAR1 no ago 2026-11-23T10:00:00Z 7 yes",
        ),
        list("edge list", "ListEdges", json!({}), ("edges", unheard), "par1-b -"),
        one(
            "edge show par1-a",
            "DescribeEdge",
            json!({"edgeId": "par1-a"}),
            edge_detail(),
            "par1-a PAR1 2026-11-23T10:00:00Z 1790000000000 7 (should be 8) eth1 dxcon-12345678 down 1100 2200 11 22 \
             3 no such device dxvif-56781234 101 yes ipv4 prefixLimit 4 5 2 too many prefixes dxvif-12121212 pending \
             vgw-87654321 eth9 2001:db8::1 65010 active no 6 12 connection refused",
        ),
        one(
            "edge show par1-b",
            "DescribeEdge",
            json!({"edgeId": "par1-b"}),
            elsewhere,
            "par1-b yes none (should be 8) DETAIL MISSING another server",
        ),
        one(
            "epoch renew",
            "RenewEpoch",
            json!({}),
            json!({"epoch": 1_790_000_000_001u64}),
            "EPOCH 1790000000001",
        ),
    ];
    table.into_iter().for_each(check);
}

#[test]
fn words_of_ports() {
    let free = json!({"edgeId": "par1-a", "interface": "eth2", "locationCode": "PAR1",
                      "bandwidth": "1Gbps", "jumboFrameCapable": false});
    let table = [
        one(
            "port create --edge par1-a --interface eth1 --bandwidth 10Gbps",
            "CreatePort",
            json!({"edgeId": "par1-a", "interface": "eth1", "bandwidth": "10Gbps",
                   "jumboFrameCapable": true}),
            port(),
            "par1-a eth1 10Gbps dxcon-12345678",
        ),
        one(
            "port delete --edge par1-a --interface eth1",
            "DeletePort",
            json!({"edgeId": "par1-a", "interface": "eth1"}),
            port(),
            "par1-a eth1",
        ),
        shown(
            "port show --edge par1-a --interface eth1",
            "ListPorts",
            json!({"edgeId": "par1-a", "interface": "eth1"}),
            ("ports", port()),
            "INTERFACE eth1 BANDWIDTH 10Gbps",
        ),
        one(
            "port create --edge e --interface i --bandwidth b --no-jumbo-frames",
            "CreatePort",
            json!({"edgeId": "e", "interface": "i", "bandwidth": "b", "jumboFrameCapable": false}),
            port(),
            "eth1",
        ),
        list("port list", "ListPorts", json!({}), ("ports", port()), "eth1"),
        list(
            "port list --edge par1-a",
            "ListPorts",
            json!({"edgeId": "par1-a"}),
            ("ports", free),
            "eth2 no -",
        ),
    ];
    table.into_iter().for_each(check);
}

#[test]
fn words_of_connections() {
    let requested = json!({"connectionId": "dxcon-1", "connectionState": "requested"});
    let table = [
        list(
            "connection list",
            "ListConnections",
            json!({}),
            ("connections", connection()),
            "dxcon-12345678 mine available 123456789000 par1-a eth1",
        ),
        list(
            "connection list --state requested",
            "ListConnections",
            json!({"state": "requested"}),
            ("connections", requested),
            "dxcon-1 requested -",
        ),
        list(
            "connection list --account 123456789000",
            "ListConnections",
            json!({"accountId": "123456789000"}),
            ("connections", connection()),
            "dxcon-12345678",
        ),
        shown(
            "connection show dxcon-12345678",
            "ListConnections",
            json!({"connectionId": "dxcon-12345678"}),
            ("connections", connection()),
            "CONNECTION dxcon-12345678 available PAR1",
        ),
        one(
            "connection delete dxcon-12345678",
            "DeleteConnection",
            json!({"connectionId": "dxcon-12345678"}),
            connection(),
            "dxcon-12345678",
        ),
        one(
            "connection approve dxcon-12345678",
            "ApproveConnection",
            json!({"connectionId": "dxcon-12345678"}),
            connection(),
            "available",
        ),
        one(
            "connection approve dxcon-12345678 --edge par1-a --interface eth1",
            "ApproveConnection",
            json!({"connectionId": "dxcon-12345678", "edgeId": "par1-a", "interface": "eth1"}),
            connection(),
            "par1-a eth1",
        ),
        one(
            "connection reject dxcon-12345678",
            "RejectConnection",
            json!({"connectionId": "dxcon-12345678"}),
            connection(),
            "dxcon-12345678",
        ),
    ];
    table.into_iter().for_each(check);
}

#[test]
fn words_of_gateways() {
    let table = [
        one(
            "gateway create --account 123456789000 --vpc vpc-12345678 --cidr 10.0.0.0/16",
            "CreateGateway",
            json!({"accountId": "123456789000", "amazonSideAsn": 64512, "vpcId": "vpc-12345678",
                   "cidrs": ["10.0.0.0/16"]}),
            gateway(),
            "vgw-87654321 64512 10.0.0.0/16 par1-a:eth9:2001:db8::1 par1-b:eth8:192.0.2.1 (192.0.2.2 AS 65010 active) \
             par1-b: session refused",
        ),
        one(
            "gateway create --account 1 --asn 4294967295 --vpc v --cidr 10.0.0.0/16 10.1.0.0/16 \
             --cidr 2001:db8::/56 --handoff a:eth9.100:192.0.2.1 b:eth9:2001:db8::1 \
             --handoff c:d:::",
            "CreateGateway",
            json!({"accountId": "1", "amazonSideAsn": 4294967295u32, "vpcId": "v",
                   "cidrs": ["10.0.0.0/16", "10.1.0.0/16", "2001:db8::/56"],
                   "handoffs": [handoff("a", "eth9.100", "192.0.2.1"),
                                handoff("b", "eth9", "2001:db8::1"), handoff("c", "d", "::")]}),
            gateway(),
            "vgw-87654321",
        ),
        one(
            "gateway create --account 1 --asn -1 --vpc v --cidr x",
            "CreateGateway",
            json!({"accountId": "1", "amazonSideAsn": -1, "vpcId": "v", "cidrs": ["x"]}),
            gateway(),
            "vgw-87654321",
        ),
        list(
            "gateway list",
            "ListGateways",
            json!({}),
            ("virtualGateways", gateway()),
            "vgw-87654321 available",
        ),
        list(
            "gateway list --account 123456789000",
            "ListGateways",
            json!({"accountId": "123456789000"}),
            ("virtualGateways", gateway()),
            "vgw-87654321",
        ),
        shown(
            "gateway show vgw-87654321",
            "ListGateways",
            json!({"virtualGatewayId": "vgw-87654321"}),
            ("virtualGateways", gateway()),
            "NAME office GATEWAY vgw-87654321",
        ),
        one(
            "gateway update vgw-87654321 --name office",
            "UpdateGateway",
            json!({"virtualGatewayId": "vgw-87654321", "name": "office"}),
            gateway(),
            "NAME office",
        ),
        one(
            "gateway update vgw-87654321 --handoff a:eth9:192.0.2.1",
            "UpdateGateway",
            json!({"virtualGatewayId": "vgw-87654321",
                   "handoffs": [handoff("a", "eth9", "192.0.2.1")]}),
            gateway(),
            "vgw-87654321",
        ),
        one(
            "gateway update vgw-87654321 --no-handoffs",
            "UpdateGateway",
            json!({"virtualGatewayId": "vgw-87654321", "handoffs": []}),
            gateway(),
            "vgw-87654321",
        ),
        one(
            "gateway delete vgw-87654321",
            "DeleteGateway",
            json!({"virtualGatewayId": "vgw-87654321"}),
            gateway(),
            "vgw-87654321",
        ),
    ];
    table.into_iter().for_each(check);
}

#[test]
fn words_of_backbones() {
    let id = "01234567-89ab-4cde-8f01-23456789abcd";
    let one_id = json!({"directConnectGatewayId": id});
    let mut here = handoff("par1-a", "eth8.300", "198.51.100.2");
    here["fabricPeer"] = json!({"address": "198.51.100.2", "asn": 64600});
    let table = [
        one(
            "dx-gateway backbone set 01234567-89ab-4cde-8f01-23456789abcd --handoff par1-a:eth8.300:198.51.100.2 \
             --fabric-peer 198.51.100.2:64600",
            "PutBackbone",
            json!({"directConnectGatewayId": id, "handoffs": [here]}),
            backbone(),
            "01234567-89ab-4cde-8f01-23456789abcd",
        ),
        list(
            "dx-gateway backbone list",
            "ListBackbones",
            json!({}),
            ("backbones", backbone()),
            "par1-a:eth8.300:198.51.100.2",
        ),
        shown(
            "dx-gateway backbone show 01234567-89ab-4cde-8f01-23456789abcd",
            "ListBackbones",
            one_id.clone(),
            ("backbones", backbone()),
            "par1-a: session refused",
        ),
        one(
            "dx-gateway backbone delete 01234567-89ab-4cde-8f01-23456789abcd",
            "DeleteBackbone",
            one_id,
            backbone(),
            "01234567-89ab-4cde-8f01-23456789abcd",
        ),
    ];
    table.into_iter().for_each(check);
}

#[test]
fn words_of_transit_gateways() {
    let table = [
        one(
            "transit-gateway create --account 123456789000",
            "CreateTransitGateway",
            json!({"accountId": "123456789000", "amazonSideAsn": 64512}),
            transit_gateway(),
            "tgw-87654321 64520 par1-a:eth9:2001:db8::1",
        ),
        one(
            "transit-gateway create --account 1 --asn 64520 --name hub --handoff a:eth9.200:192.0.2.9",
            "CreateTransitGateway",
            json!({"accountId": "1", "amazonSideAsn": 64520, "name": "hub",
                   "handoffs": [handoff("a", "eth9.200", "192.0.2.9")]}),
            transit_gateway(),
            "tgw-87654321",
        ),
        list(
            "transit-gateway list --account 123456789000",
            "ListTransitGateways",
            json!({"accountId": "123456789000"}),
            ("transitGateways", transit_gateway()),
            "tgw-87654321 available",
        ),
        shown(
            "transit-gateway show tgw-87654321",
            "ListTransitGateways",
            json!({"transitGatewayId": "tgw-87654321"}),
            ("transitGateways", transit_gateway()),
            "NAME hub TRANSIT GATEWAY tgw-87654321",
        ),
        one(
            "transit-gateway update tgw-87654321 --name hub",
            "UpdateTransitGateway",
            json!({"transitGatewayId": "tgw-87654321", "name": "hub"}),
            transit_gateway(),
            "NAME hub",
        ),
        one(
            "transit-gateway update tgw-87654321 --no-handoffs",
            "UpdateTransitGateway",
            json!({"transitGatewayId": "tgw-87654321", "handoffs": []}),
            transit_gateway(),
            "tgw-87654321",
        ),
        one(
            "transit-gateway delete tgw-87654321",
            "DeleteTransitGateway",
            json!({"transitGatewayId": "tgw-87654321"}),
            transit_gateway(),
            "tgw-87654321",
        ),
    ];
    table.into_iter().for_each(check);
}

/// The key goes from its file to the server, and is shown nowhere.
#[test]
fn the_key_of_a_session_with_the_fabric_is_read_from_a_file() {
    const KEY: &str = "fjord-Secret-1";
    let server = Server::always(Answer::json(gateway()));
    let desk = Desk::new(&server.endpoint());
    let file = desk.path("fabric.key");
    let words = format!(
        "gateway create --account 1 --vpc v --cidr c --handoff a:eth9:192.0.2.1 b:eth9:2001:db8::1 c:eth9:192.0.2.9 \
         --fabric-peer 192.0.2.1:65010:{file} [2001:db8::1]:65010 c:eth9:192.0.2.10:4200000000",
        file = file.display()
    );
    let run = desk.run(words.split(' '));
    assert_eq!(run.code, Some(3), "{}", run.stderr);
    assert!(run.stderr.contains("cannot read the BGP key") && run.stderr.contains("fabric.key"));
    fs::write(&file, format!("{KEY}\n")).expect("written");
    fs::set_permissions(&file, Permissions::from_mode(0o640)).expect("set");
    let run = desk.run(words.split(' '));
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(run.stderr.contains("holds a BGP key and others may use it (mode 0640)"));
    assert!(!run.stdout.contains(KEY) && !run.stderr.contains(KEY));
    let peer = |mut handoff: Value, peer: Value| {
        handoff["fabricPeer"] = peer;
        handoff
    };
    let body = json!({
        "accountId": "1", "amazonSideAsn": 64512, "vpcId": "v", "cidrs": ["c"],
        "handoffs": [
            peer(handoff("a", "eth9", "192.0.2.1"), json!({"address": "192.0.2.1", "asn": 65010, "authKey": KEY})),
            peer(handoff("b", "eth9", "2001:db8::1"), json!({"address": "2001:db8::1", "asn": 65010})),
            peer(handoff("c", "eth9", "192.0.2.9"), json!({"address": "192.0.2.10", "asn": 4200000000u32})),
        ],
    });
    let call = Received { target: "Linkway.CreateGateway".to_owned(), body };
    assert_eq!(server.received(), [call]);
}

#[test]
fn words_of_interfaces_and_events() {
    let table = [
        list(
            "interface list",
            "ListInterfaces",
            json!({}),
            ("virtualInterfaces", interface()),
            "dxvif-56781234 lent down 123456789000 210987654321 101 vgw-87654321 par1-a eth1 \
             VRF table is full",
        ),
        list(
            "interface list --account 123456789000 --state down",
            "ListInterfaces",
            json!({"accountId": "123456789000", "state": "down"}),
            ("virtualInterfaces", interface()),
            "dxvif-56781234",
        ),
        shown(
            "interface show dxvif-56781234",
            "ListInterfaces",
            json!({"virtualInterfaceId": "dxvif-56781234"}),
            ("virtualInterfaces", interface()),
            "dxvif-56781234 lent down",
        ),
        one(
            "interface delete dxvif-56781234",
            "DeleteInterface",
            json!({"virtualInterfaceId": "dxvif-56781234"}),
            interface(),
            "dxvif-56781234",
        ),
        one(
            "interface drain dxvif-56781234 --wait 300",
            "DrainInterface",
            json!({"virtualInterfaceId": "dxvif-56781234", "waitSeconds": 300, "undo": false}),
            interface(),
            "dxvif-56781234 lent down",
        ),
        one(
            "interface drain dxvif-56781234 --undo",
            "DrainInterface",
            json!({"virtualInterfaceId": "dxvif-56781234", "undo": true}),
            interface(),
            "dxvif-56781234 lent down",
        ),
        one(
            "edge drain par1-a",
            "DrainEdge",
            json!({"edgeId": "par1-a", "undo": false}),
            json!({"edgeId": "par1-a", "virtualInterfaceIds": ["dxvif-1", "dxvif-2"]}),
            "EDGE par1-a INTERFACES dxvif-1 dxvif-2",
        ),
        one(
            "interface why dxvif-56781234",
            "ExplainInterface",
            json!({"virtualInterfaceId": "dxvif-56781234"}),
            json!({"virtualInterfaceId": "dxvif-56781234", "reason": "md5", "checks": [
                {"check": "accepted", "state": "ok", "seen": "account 123456789000 has it"},
                {"check": "md5", "addressFamily": "ipv4", "state": "failed", "at": "2026-11-23T10:00:00Z",
                 "seen": "2 TCP segments were signed with another key", "advice": "Enter the key again."},
            ]}),
            "dxvif-56781234 REASON md5",
        ),
        one(
            "interface reset dxvif-56781234",
            "ResetBgpSession",
            json!({"virtualInterfaceId": "dxvif-56781234"}),
            interface(),
            "dxvif-56781234 lent down",
        ),
        list(
            "events",
            "ListEvents",
            json!({"maxResults": 100}),
            ("events", event()),
            "2026-11-23T10:00:00Z account 123456789000 192.0.2.7 CreateConnection ok dxcon-12345678",
        ),
        list(
            "events --since 2026-11-23T09:00:00Z",
            "ListEvents",
            json!({"startTime": "2026-11-23T09:00:00Z", "maxResults": 100}),
            ("events", event()),
            "CreateConnection",
        ),
        list(
            "events --all",
            "ListEvents",
            json!({"kind": "all", "maxResults": 100}),
            ("events", event()),
            "CreateConnection",
        ),
    ];
    table.into_iter().for_each(check);
}
