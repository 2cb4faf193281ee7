//! One of each thing that the operator API answers with.

use serde_json::{Value, json};

pub const TIME: &str = "2026-11-23T10:00:00Z";

pub fn account() -> Value {
    json!({"accountId": "123456789000", "name": "Example", "status": "enabled",
           "createdAt": TIME})
}

pub fn account_detail() -> Value {
    json!({"accountId": "123456789000", "name": "Example", "status": "enabled",
           "createdAt": TIME, "quotas": [
        {"quota": "access_keys_per_account", "used": 1, "limit": 20},
        {"quota": "connections_per_location", "of": "PAR1", "used": 3, "limit": 10},
    ]})
}

pub fn access_key() -> Value {
    json!({"accessKeyId": "AKIAI44QH8DHBEXAMPLE", "kind": "account", "accountId": "123456789000",
           "status": "disabled", "createdAt": TIME})
}

pub fn location() -> Value {
    json!({"locationCode": "PAR1", "locationName": "Paris", "simulated": true,
           "region": "eu-west-2"})
}

pub fn edge() -> Value {
    json!({"edgeId": "par1-a", "locationCode": "PAR1", "simulated": false, "lastReportAt": TIME,
           "generation": 7, "silent": true})
}

pub fn edge_detail() -> Value {
    let traffic =
        json!({"packetsIn": 11, "bytesIn": 1100, "packetsOut": 22, "bytesOut": 2200, "errors": 3});
    json!({"edgeId": "par1-a", "locationCode": "PAR1", "simulated": false, "lastReportAt": TIME,
           "generation": 7, "silent": false, "epoch": 1790000000000u64, "desiredEpoch": 1790000000000u64,
           "desiredGeneration": 8,
           "ports": [{"interface": "eth1", "connectionId": "dxcon-12345678", "connectionState": "down",
                      "carrier": false, "error": "no such device", "traffic": traffic}],
           "interfaces": [
               {"virtualInterfaceId": "dxvif-56781234", "connectionId": "dxcon-12345678", "interface": "eth1",
                "vlan": 101, "virtualInterfaceState": "down", "programmed": true, "bgpUp": false,
                "sessionResets": 2, "traffic": traffic,
                "peers": [{"addressFamily": "ipv4", "state": "prefixLimit", "prefixesAccepted": 101,
                           "prefixesRejected": 4, "prefixesAdvertised": 5, "lastError": "too many prefixes"}]},
               {"virtualInterfaceId": "dxvif-12121212", "connectionId": "dxcon-12345678", "interface": "eth1",
                "vlan": 102, "virtualInterfaceState": "pending", "sessionResets": 0}],
           "fabricSessions": [
               {"virtualGatewayId": "vgw-87654321", "interface": "eth9", "address": "2001:db8::1", "asn": 65010,
                "state": "active", "reachable": false, "prefixesAccepted": 6, "prefixesAdvertised": 12,
                "error": "connection refused"}]})
}

pub fn port() -> Value {
    json!({"edgeId": "par1-a", "interface": "eth1", "locationCode": "PAR1", "bandwidth": "10Gbps",
           "jumboFrameCapable": true, "connectionId": "dxcon-12345678", "carrier": false})
}

pub fn connection() -> Value {
    json!({"connectionId": "dxcon-12345678", "connectionName": "mine",
           "connectionState": "available", "ownerAccount": "123456789000",
           "location": "PAR1", "bandwidth": "10Gbps", "vlan": 0,
           "jumboFrameCapable": true, "tags": [{"key": "team", "value": "net"}],
           "edgeId": "par1-a", "interface": "eth1"})
}

pub fn gateway() -> Value {
    json!({"virtualGatewayId": "vgw-87654321", "name": "office", "accountId": "123456789000", "amazonSideAsn": 64512,
           "vpcId": "vpc-12345678", "cidrs": ["10.0.0.0/16"], "virtualGatewayState": "available",
           "handoffs": [handoff("par1-a", "eth9", "2001:db8::1"),
                        {"edgeId": "par1-b", "interface": "eth8", "nextHop": "192.0.2.1",
                         "fabricPeer": {"address": "192.0.2.2", "asn": 65010, "authenticated": true, "state": "active"}}],
           "error": "par1-b: session refused"})
}

pub fn transit_gateway() -> Value {
    json!({"transitGatewayId": "tgw-87654321", "name": "hub", "accountId": "123456789000", "amazonSideAsn": 64520,
           "transitGatewayState": "available", "handoffs": [handoff("par1-a", "eth9", "2001:db8::1")]})
}

pub fn backbone() -> Value {
    json!({"directConnectGatewayId": "01234567-89ab-4cde-8f01-23456789abcd", "error": "par1-a: session refused",
           "handoffs": [{"edgeId": "par1-a", "interface": "eth8.300", "nextHop": "198.51.100.2",
                         "fabricPeer": {"address": "198.51.100.2", "asn": 64600, "authenticated": true, "state": "active"}}]})
}

pub fn handoff(edge: &str, interface: &str, next_hop: &str) -> Value {
    json!({"edgeId": edge, "interface": interface, "nextHop": next_hop})
}

pub fn interface() -> Value {
    json!({"virtualInterfaceId": "dxvif-56781234", "virtualInterfaceName": "lent", "vlan": 101,
           "virtualInterfaceState": "down", "ownerAccount": "123456789000",
           "asn": 65000, "mtu": 1500,
           "connectionId": "dxcon-12345678", "virtualGatewayId": "vgw-87654321",
           "bgpPeers": [{"asn": 65000, "bgpPeerState": "available", "bgpStatus": "down"}],
           "connectionOwnerAccount": "210987654321", "edgeId": "par1-a", "interface": "eth1",
           "error": "VRF table is full"})
}

pub fn event() -> Value {
    json!({"time": "2026-11-23T10:00:00.000Z", "requestId": "r-1", "principal": "account 123456789000",
           "accountId": "123456789000", "accessKeyId": "AKIAI44QH8DHBEXAMPLE",
           "sourceAddress": "192.0.2.7", "operation": "CreateConnection",
           "resources": ["dxcon-12345678"], "outcome": "ok", "parameters": {"bandwidth": "10Gbps"}})
}
