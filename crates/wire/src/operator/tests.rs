use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::*;
use crate::generated::{BGPPeer, VirtualInterface};

/// Whatever JSON `json` is, `T` reads it and writes the same again.
fn keeps<T: Serialize + DeserializeOwned>(json: Value) {
    let read: T = serde_json::from_value(json.clone()).expect("read");
    assert_eq!(serde_json::to_value(&read).expect("written"), json);
}

#[test]
fn requests_keep_their_members() {
    keeps::<CreateAccount>(json!({"accountId": "012345678900", "name": "é"}));
    keeps::<ListAccessKeys>(json!({}));
    keeps::<ListAccessKeys>(json!({"accountId": "1", "maxResults": 5, "nextToken": "t"}));
    keeps::<ListAccessKeys>(json!({"edgeId": "e"}));
    keeps::<CreateAccessKey>(json!({"accountId": "1"}));
    keeps::<CreateAccessKey>(json!({"edgeId": "e"}));
    keeps::<ApproveConnection>(json!({"connectionId": "dxcon-1"}));
    keeps::<ListEvents>(json!({"kind": "all", "maxResults": 100}));
    keeps::<CreateGateway>(json!({
        "accountId": "1", "amazonSideAsn": 4294967295u32, "vpcId": "v", "cidrs": ["c"],
        "handoffs": [
            {"edgeId": "e", "interface": "i", "nextHop": "::1"},
            {"edgeId": "e", "interface": "i", "nextHop": "::1",
             "fabricPeer": {"address": "::1", "asn": 4200000000u32, "authKey": "fjord-Secret-1"}},
        ],
    }));
}

#[test]
fn absent_members_have_their_defaults() {
    let port: CreatePort =
        serde_json::from_value(json!({"edgeId": "e", "interface": "i", "bandwidth": "b"}))
            .expect("read");
    assert!(port.jumbo_frame_capable);
    let location: CreateLocation =
        serde_json::from_value(json!({"locationCode": "c", "locationName": "n"})).expect("read");
    assert!(!location.simulated);
    let gateway: CreateGateway =
        serde_json::from_value(json!({"accountId": "1", "vpcId": "v", "cidrs": []})).expect("read");
    assert_eq!((gateway.amazon_side_asn, gateway.handoffs), (64512, Vec::new()));
}

#[test]
fn answers_keep_their_members() {
    let time = "2026-11-23T10:00:00Z";
    keeps::<AccessKeyList>(json!({"accessKeys": [
        {"accessKeyId": "A", "kind": "operator", "status": "enabled", "createdAt": time},
        {"accessKeyId": "B", "kind": "edge", "edgeId": "e", "status": "disabled", "createdAt": time},
    ], "nextToken": "t"}));
    keeps::<AccountDetail>(
        json!({"accountId": "1", "name": "n", "status": "enabled", "createdAt": time, "quotas": [
            {"quota": "unanswered_offers", "used": 0, "limit": 200},
            {"quota": "connections_per_location", "of": "PAR1", "used": 1, "limit": 10},
        ]}),
    );
    keeps::<Edge>(json!({"edgeId": "e", "locationCode": "L", "simulated": true, "silent": false}));
    keeps::<EdgeDetail>(json!({
        "edgeId": "e", "locationCode": "L", "simulated": false, "silent": false, "lastReportAt": time, "generation": 7,
        "epoch": 5, "desiredEpoch": 5, "desiredGeneration": 8,
        "ports": [{"interface": "eth1", "connectionId": "dxcon-1", "connectionState": "down", "carrier": false,
                   "error": "no such interface",
                   "traffic": {"packetsIn": 1, "bytesIn": 2, "packetsOut": 3, "bytesOut": 4, "errors": 5}}],
        "interfaces": [{"virtualInterfaceId": "dxvif-1", "connectionId": "dxcon-1", "interface": "eth1", "vlan": 101,
                        "virtualInterfaceState": "pending", "sessionResets": 2, "peers": [],
                        "policed": {"packetsIn": 1, "packetsOut": 2}}],
        "fabricSessions": [
            {"virtualGatewayId": "vgw-1", "interface": "vpc0", "address": "::1", "asn": 65010},
            {"virtualGatewayId": "vgw-1", "interface": "vpc0", "address": "::1", "asn": 65010, "state": "active",
             "reachable": false, "prefixesAccepted": 1, "prefixesAdvertised": 2, "error": "no answer"},
        ],
    }));
    keeps::<Gateway>(json!({
        "virtualGatewayId": "vgw-1", "accountId": "1", "amazonSideAsn": 64512, "vpcId": "v", "cidrs": ["c"],
        "handoffs": [
            {"edgeId": "e", "interface": "i", "nextHop": "::1"},
            {"edgeId": "e", "interface": "i", "nextHop": "::1",
             "fabricPeer": {"address": "::1", "asn": 65010, "authenticated": true, "state": "established"}},
        ],
        "virtualGatewayState": "available", "error": "e: down",
    }));
    keeps::<EdgeDetail>(json!({
        "edgeId": "e", "locationCode": "L", "simulated": false, "silent": true,
        "desiredEpoch": 5, "desiredGeneration": 8, "detailMissing": "why", "ports": [], "interfaces": [],
    }));
    keeps::<Epoch>(json!({"epoch": 1_790_000_000_000u64}));
    keeps::<Connection>(json!({
        "connectionId": "dxcon-1", "connectionState": "available", "ownerAccount": "012345678900",
        "tags": [{"key": "k", "value": "v"}], "edgeId": "e", "interface": "eth1",
    }));
    keeps::<Interface>(json!({
        "virtualInterfaceId": "dxvif-1", "virtualInterfaceState": "down", "vlan": 101,
        "amazonSideAsn": 4200000000u32, "bgpPeers": [{"asn": 65000, "bgpStatus": "down"}],
        "connectionOwnerAccount": "1", "edgeId": "e", "interface": "eth1", "error": "no",
    }));
    keeps::<EventPage>(json!({"events": [{
        "time": "2026-11-23T10:00:00.007Z", "requestId": "r", "principal": "operator", "sourceAddress": "::1",
        "operation": "Backup", "resources": [], "outcome": "ok", "parameters": {},
    }], "nextToken": "t"}));
}

#[test]
fn interface_shows_no_bgp_key() {
    let key = || Some("tgyn26example".into());
    let interface = Interface::new(VirtualInterface {
        virtual_interface_id: Some("dxvif-1".to_owned()),
        auth_key: key(),
        customer_router_config: key(),
        bgp_peers: Some(vec![BGPPeer { auth_key: key(), ..Default::default() }]),
        ..Default::default()
    });
    let json = serde_json::to_value(&interface).expect("written");
    assert_eq!(json, json!({"virtualInterfaceId": "dxvif-1", "bgpPeers": [{}]}));
}

#[test]
fn secrets_are_not_in_debug_output() {
    let key: NewAccessKey = serde_json::from_value(json!({
        "accessKeyId": "A", "secretAccessKey": "je7MtGbClwBF", "accountId": "1",
        "status": "enabled", "createdAt": "2026-11-23T10:00:00Z",
    }))
    .expect("read");
    assert_eq!(key.secret_access_key.expose(), "je7MtGbClwBF");
    assert!(!format!("{key:?}").contains("je7MtGbClwBF"));
    let peer: FabricPeer =
        serde_json::from_value(json!({"address": "::1", "asn": 65010, "authKey": "je7MtGbClwBF"}))
            .expect("read");
    assert!(!format!("{peer:?}").contains("je7MtGbClwBF"));
}

#[test]
fn every_operation_but_the_edge_feed_has_a_request() {
    let feed = [LinkwayOperation::GetEdgeConfig, LinkwayOperation::ReportEdgeStatus];
    let expected: BTreeSet<_> = LinkwayOperation::ALL
        .iter()
        .copied()
        .filter(|operation| !feed.contains(operation))
        .collect();
    assert_eq!(OPERATIONS.iter().copied().collect::<BTreeSet<_>>(), expected);
}
