//! Backbones of Direct Connect gateways are the operator's: who may set and see them, and what an edge is told.

mod in_process;

use std::sync::Arc;

use in_process::{Directory, Key, LENDER};
use linkway_wire::feed::FORMAT;
use serde_json::{Value, json};

const KEY: &str = "fjord-Secret-9";

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_else(|| panic!("{name} in {value}")).to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backbone_is_the_operators_and_an_edge_hears_of_it_with_site_link() {
    let directory = Directory::create();
    let server = directory.serve(Arc::clone(&directory.store) as Arc<_>);
    let operator = server.operator().await;
    let ok = async |target: &str, body: Value| server.ok(&operator, target, &body).await;
    ok("Linkway.CreateAccount", json!({ "accountId": LENDER, "name": "x" })).await;
    let tenant = Key::of(&ok("Linkway.CreateAccessKey", json!({ "accountId": LENDER })).await);
    ok("Linkway.CreateLocation", json!({ "locationCode": "PAR1", "locationName": "x" })).await;
    let edge = json!({ "edgeId": "r1", "locationCode": "PAR1" });
    let edge = Key::of(&ok("Linkway.CreateEdge", edge).await);
    let port = json!({ "edgeId": "r1", "interface": "eth1", "bandwidth": "1Gbps" });
    ok("Linkway.CreatePort", port).await;
    let owned = async |target: &str, body: Value| {
        server.ok(&tenant, &format!("OvertureService.{target}"), &body).await
    };
    let made = json!({ "directConnectGatewayName": "x" });
    let made = owned("CreateDirectConnectGateway", made).await;
    let id = text(&made["directConnectGateway"], "directConnectGatewayId");

    let peer = json!({ "address": "198.51.100.2", "asn": 64_512, "authKey": KEY });
    let put = json!({
        "directConnectGatewayId": id,
        "handoffs": [{ "edgeId": "r1", "interface": "bb0", "nextHop": "198.51.100.2", "fabricPeer": peer }],
    });
    let named = json!({ "directConnectGatewayId": id });
    for stranger in [&tenant, &edge] {
        for (target, body) in [
            ("Linkway.PutBackbone", &put),
            ("Linkway.ListBackbones", &json!({})),
            ("Linkway.DeleteBackbone", &named),
        ] {
            let (status, _) = server.call(stranger, target, body).await;
            assert_eq!(status, 400, "{target}");
        }
    }
    for target in ["Linkway.ListBackbones", "Linkway.DeleteBackbone"] {
        let (status, answer) = server.call(&operator, target, &named).await;
        let expected = format!("directConnectGatewayId \\\"{id}\\\" has no backbone.");
        assert!(status == 400 && answer.to_string().contains(&expected), "{answer}");
    }
    let shown = json!({
        "directConnectGatewayId": id,
        "handoffs": [{
            "edgeId": "r1", "interface": "bb0", "nextHop": "198.51.100.2",
            "fabricPeer": { "address": "198.51.100.2", "asn": 64_512, "authenticated": true },
        }],
    });
    assert_eq!(ok("Linkway.PutBackbone", put).await, shown);
    for body in [json!({}), named.clone()] {
        assert_eq!(ok("Linkway.ListBackbones", body).await["backbones"], json!([shown]));
    }
    let order = json!({ "location": "PAR1", "bandwidth": "1Gbps", "connectionName": "x" });
    let connection = text(&owned("CreateConnection", order).await, "connectionId");
    ok("Linkway.ApproveConnection", json!({ "connectionId": connection })).await;
    let told = async || {
        let body = json!({ "format": FORMAT, "afterEpoch": 0, "afterGeneration": 0 });
        server.ok(&edge, "Linkway.GetEdgeConfig", &body).await.to_string()
    };
    let config: Value = serde_json::from_str(&told().await).expect("JSON");
    let version = &config["config"];
    let report = json!({
        "format": FORMAT, "epoch": version["epoch"], "generation": version["generation"], "sequence": 1,
        "ports": [{ "connectionId": connection, "carrier": true }], "interfaces": [],
    });
    server.ok(&edge, "Linkway.ReportEdgeStatus", &report).await;
    let interface = json!({
        "connectionId": connection,
        "newPrivateVirtualInterface": {
            "virtualInterfaceName": "x", "vlan": 7, "asn": 65000, "directConnectGatewayId": id,
        },
    });
    let interface =
        text(&owned("CreatePrivateVirtualInterface", interface).await, "virtualInterfaceId");
    let config = told().await;
    assert!(config.contains(&interface) && !config.contains("bb0"), "{config}");
    let link = json!({ "virtualInterfaceId": interface, "enableSiteLink": true });
    owned("UpdateVirtualInterfaceAttributes", link).await;
    let config = told().await;
    assert!(config.contains("bb0") && config.contains(KEY), "{config}");

    for target in ["DescribeDirectConnectGateways", "DescribeVirtualInterfaces"] {
        let seen = owned(target, json!({})).await.to_string();
        for word in ["198.51.100.2", "bb0", "ackbone", KEY] {
            assert!(!seen.contains(word), "{word} in {seen}");
        }
    }
    assert_eq!(ok("Linkway.DeleteBackbone", named).await, shown);
    assert!(!told().await.contains("bb0"));
    let events = ok("Linkway.ListEvents", json!({ "kind": "all" })).await.to_string();
    assert!(events.contains("PutBackbone") && events.contains("DeleteBackbone"), "{events}");
    assert!(!events.contains(KEY));
    server.stop().await;
}
