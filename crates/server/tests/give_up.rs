//! A router that burned, over requests: what hung on it ends when the operator says so, and if it comes back it is heard.

mod in_process;

use std::sync::Arc;
use std::time::{Duration, Instant};

use in_process::{Directory, Key, LENDER, PATIENCE, Served};
use linkway_domain::settings::Settings;
use linkway_server::verify;
use linkway_wire::feed::FORMAT;
use serde_json::{Value, json};

const CREATE: &str = "OvertureService.CreatePrivateVirtualInterface";
const CONNECTIONS: &str = "OvertureService.DescribeConnections";
const INTERFACES: &str = "OvertureService.DescribeVirtualInterfaces";
const CONFIG: &str = "Linkway.GetEdgeConfig";
const REPORT: &str = "Linkway.ReportEdgeStatus";
const GIVE_UP: &str = "Linkway.GiveUpEdge";

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_else(|| panic!("{name} in {value}")).to_owned()
}

fn silence(silence: Duration) -> Settings {
    Settings { silence, ..Settings::default() }
}

/// A router with one connection of a tenant.
struct Ground {
    operator: Key,
    edge: Key,
    tenant: Key,
    gateway: String,
    connection: String,
}

impl Ground {
    async fn new(server: &Served) -> Self {
        let operator = server.operator().await;
        let ok = async |target: &str, body: Value| server.ok(&operator, target, &body).await;
        ok("Linkway.CreateAccount", json!({ "accountId": LENDER, "name": "x" })).await;
        let tenant = Key::of(&ok("Linkway.CreateAccessKey", json!({ "accountId": LENDER })).await);
        ok("Linkway.CreateLocation", json!({ "locationCode": "PAR1", "locationName": "x" })).await;
        let edge = json!({ "edgeId": "r1", "locationCode": "PAR1" });
        let edge = Key::of(&ok("Linkway.CreateEdge", edge).await);
        let port = json!({ "edgeId": "r1", "interface": "eth1", "bandwidth": "1Gbps" });
        ok("Linkway.CreatePort", port).await;
        let gateway = json!({ "accountId": LENDER, "vpcId": "vpc-1", "cidrs": ["10.0.0.0/16"] });
        let gateway = text(&ok("Linkway.CreateGateway", gateway).await, "virtualGatewayId");
        let order = json!({ "location": "PAR1", "bandwidth": "1Gbps", "connectionName": "x" });
        let ordered = server.ok(&tenant, "OvertureService.CreateConnection", &order).await;
        let connection = text(&ordered, "connectionId");
        ok("Linkway.ApproveConnection", json!({ "connectionId": connection })).await;
        let ground = Self { operator, edge, tenant, gateway, connection };
        ground.report(server, 1).await;
        ground
    }

    /// An accepted interface with this VLAN; its id.
    async fn interface(&self, server: &Served, vlan: u16) -> String {
        let new = json!({
            "virtualInterfaceName": "x", "vlan": vlan, "asn": 65000, "virtualGatewayId": self.gateway,
        });
        let body = json!({ "connectionId": self.connection, "newPrivateVirtualInterface": new });
        text(&server.ok(&self.tenant, CREATE, &body).await, "virtualInterfaceId")
    }

    /// The router takes its configuration and reports all of it as up.
    async fn report(&self, server: &Served, sequence: u64) -> Value {
        let config = server.ok(&self.edge, CONFIG, &json!({ "format": FORMAT })).await;
        let each = |list: &str| config["config"][list].as_array().cloned().unwrap_or_default();
        let port = |it: &Value| json!({ "connectionId": it["connectionId"], "carrier": true });
        let peers = json!([{
            "addressFamily": "ipv4", "state": "established",
            "prefixesAccepted": 1, "prefixesRejected": 0, "prefixesAdvertised": 1,
        }]);
        let traffic = json!({ "packetsIn": 1, "bytesIn": 1, "packetsOut": 1, "bytesOut": 1 });
        let interface = |it: &Value| {
            json!({
                "virtualInterfaceId": it["virtualInterfaceId"], "programmed": true,
                "peers": peers, "traffic": traffic,
            })
        };
        let report = json!({
            "format": FORMAT, "sequence": sequence,
            "epoch": config["config"]["epoch"], "generation": config["config"]["generation"],
            "ports": each("ports").iter().map(port).collect::<Vec<_>>(),
            "interfaces": each("interfaces").iter().map(interface).collect::<Vec<_>>(),
        });
        server.ok(&self.edge, REPORT, &report).await;
        report
    }

    async fn states(&self, server: &Served) -> (Vec<String>, Vec<String>) {
        let list = async |target: &str, list: &str, state: &str| {
            let answer = server.ok(&self.tenant, target, &json!({})).await;
            let all = answer[list].as_array().expect("a list").iter();
            all.map(|one| text(one, state)).collect()
        };
        (
            list(CONNECTIONS, "connections", "connectionState").await,
            list(INTERFACES, "virtualInterfaces", "virtualInterfaceState").await,
        )
    }

    async fn ok(&self, server: &Served, target: &str, body: Value) -> Value {
        server.ok(&self.operator, target, &body).await
    }

    async fn refused(&self, server: &Served, target: &str, body: Value) -> String {
        let (status, answer) = server.call(&self.operator, target, &body).await;
        assert_eq!(status, 400, "{target} {body}: {answer}");
        text(&answer, "message")
    }
}

async fn until_silent(server: &Served, ground: &Ground) {
    let deadline = Instant::now() + PATIENCE;
    let edge = json!({ "edgeId": "r1" });
    while server.ok(&ground.operator, "Linkway.DescribeEdge", &edge).await["silent"] != true {
        assert!(Instant::now() < deadline, "it is not silent");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Everything that a burned router held ends, is recorded, and can be made anew elsewhere.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_lost_router_held_ends_with_it() {
    let directory = Directory::create();
    let store = Arc::clone(&directory.store) as Arc<_>;
    let server = directory.serve_with(store, silence(Duration::from_secs(1)));
    let ground = Ground::new(&server).await;
    let ids = [ground.interface(&server, 7).await, ground.interface(&server, 8).await];
    ground.report(&server, 2).await;
    let names = |states: &[&str]| states.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>();
    let edge = || json!({ "edgeId": "r1" });
    let connection = || json!({ "connectionId": ground.connection });
    until_silent(&server, &ground).await;
    assert_eq!(ground.states(&server).await, (names(&["unknown"]), names(&["unknown", "unknown"])));

    ground.ok(&server, "Linkway.DeleteInterface", json!({ "virtualInterfaceId": ids[0] })).await;
    let port = json!({ "edgeId": "r1", "interface": "eth1" });
    let message = ground.refused(&server, "Linkway.DeletePort", port.clone()).await;
    assert!(message.contains(&ground.connection), "{message}");
    let given_up = ground.ok(&server, GIVE_UP, edge()).await;
    let expected = |connections: &[&String], interfaces: &[&String]| {
        json!({
            "edgeId": "r1", "locationCode": "PAR1", "connectionIds": connections,
            "virtualInterfaceIds": interfaces, "bgpPeerIds": [], "associationIds": [],
        })
    };
    assert_eq!(given_up, expected(&[], &[&ids[0]]));
    let (_, mut interfaces) = ground.states(&server).await;
    interfaces.sort();
    assert_eq!(interfaces, ["deleted", "pending"], "what is accepted is not programmed");
    // The VLAN is free.
    let next = ground.interface(&server, 7).await;
    assert_eq!(ground.ok(&server, GIVE_UP, edge()).await, expected(&[], &[]), "nothing ends");

    for id in [&ids[1], &next] {
        ground.ok(&server, "Linkway.DeleteInterface", json!({ "virtualInterfaceId": id })).await;
    }
    let message = ground.refused(&server, "Linkway.DeleteEdge", edge()).await;
    for named in ["port eth1", &*ground.connection, &ids[1], &next] {
        assert!(message.contains(named), "{named} in {message}");
    }
    let mut last = [&ids[1], &next];
    last.sort();
    assert_eq!(ground.ok(&server, GIVE_UP, edge()).await, expected(&[], &last));
    ground.ok(&server, "Linkway.DeleteConnection", connection()).await;
    let given_up = ground.ok(&server, GIVE_UP, edge()).await;
    assert_eq!(given_up, expected(&[&ground.connection], &[]));
    assert_eq!(ground.states(&server).await.0, names(&["deleted"]));
    ground.ok(&server, "Linkway.DeletePort", port).await;
    ground.ok(&server, "Linkway.DeleteEdge", edge()).await;

    // Each end has a record of its own, in the store.
    let events = ground.ok(&server, "Linkway.ListEvents", json!({ "kind": "changes" })).await;
    let events = events["events"].as_array().expect("a list").iter();
    let mut recorded: Vec<Value> = events
        .filter(|event| event["operation"] == "GiveUpEdge")
        .map(|event| event["resources"].clone())
        .collect();
    let mut ended = vec![json!(["r1", ground.connection])];
    ended.extend([&ids[0], &ids[1], &next].map(|id| json!(["r1", id])));
    recorded.sort_by_key(Value::to_string);
    ended.sort_by_key(Value::to_string);
    assert_eq!(recorded, ended);

    server.stop().await;
    let temp = directory.close();
    let report = verify::data_dir(temp.path()).await.expect("it can be read");
    assert_eq!(report.violations, Vec::<String>::new());
}

/// It was off for a while and not for good: its late report brings nothing back, and from its configuration on it is as ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_router_that_comes_back_is_heard() {
    let directory = Directory::create();
    let store = Arc::clone(&directory.store) as Arc<_>;
    let server = directory.serve_with(store, silence(Duration::from_secs(1)));
    let ground = Ground::new(&server).await;
    let ids = [ground.interface(&server, 7).await, ground.interface(&server, 8).await];
    let mut before = ground.report(&server, 2).await;
    until_silent(&server, &ground).await;
    ground.ok(&server, "Linkway.DeleteInterface", json!({ "virtualInterfaceId": ids[0] })).await;
    ground.ok(&server, GIVE_UP, json!({ "edgeId": "r1" })).await;
    let next = ground.interface(&server, 7).await;
    // Whether an edge is silent is known some half a second later.
    let until = async |expected: [&str; 3]| {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let (_, mut interfaces) = ground.states(&server).await;
            interfaces.sort();
            if interfaces == expected {
                return;
            }
            assert!(Instant::now() < deadline, "{interfaces:?}, not {expected:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    // It says what it has: it has not heard of anything yet.
    before["sequence"] = json!(3);
    server.ok(&ground.edge, REPORT, &before).await;
    until(["available", "deleted", "pending"]).await;
    let after = ground.report(&server, 4).await;
    let mut held: Vec<_> = after["interfaces"].as_array().expect("a list").iter().collect();
    held.sort_by_key(|one| one["virtualInterfaceId"].to_string());
    let mut expected = [ids[1].clone(), next];
    expected.sort();
    assert_eq!(
        held.iter().map(|one| text(one, "virtualInterfaceId")).collect::<Vec<_>>(),
        expected
    );
    until(["available", "available", "deleted"]).await;
    assert_eq!(ground.states(&server).await.0, ["available"]);
    server.stop().await;
}

/// An edge that runs is not given up by mistake, nor one of which a server that was just started cannot know.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edge_that_may_run_is_given_up_with_force_alone() {
    let directory = Directory::create();
    let store = || Arc::clone(&directory.store) as Arc<_>;
    let server = directory.serve_with(store(), silence(Duration::from_secs(3600)));
    let ground = Ground::new(&server).await;
    let id = ground.interface(&server, 7).await;
    let new = json!({ "edgeId": "r2", "locationCode": "PAR1" });
    ground.ok(&server, "Linkway.CreateEdge", new).await;
    let message = ground.refused(&server, GIVE_UP, json!({ "edgeId": "r2" })).await;
    assert!(message.starts_with("edgeId \"r2\" may just not have been heard yet"), "{message}");
    let message = ground.refused(&server, GIVE_UP, json!({ "edgeId": "r1" })).await;
    assert!(message.starts_with("edgeId \"r1\" was heard 0 seconds ago"), "{message}");
    ground.ok(&server, "Linkway.DeleteInterface", json!({ "virtualInterfaceId": id })).await;
    let forced = ground.ok(&server, GIVE_UP, json!({ "edgeId": "r1", "force": true })).await;
    assert_eq!(forced["virtualInterfaceIds"], json!([id]));
    let location = json!({ "locationCode": "SIM1", "locationName": "x", "simulated": true });
    ground.ok(&server, "Linkway.CreateLocation", location).await;
    let built_in = json!({ "edgeId": "simulated-SIM1", "force": true });
    let message = ground.refused(&server, GIVE_UP, built_in).await;
    assert!(message.contains("is built in"), "{message}");
    let missing = json!({ "edgeId": "r9", "force": true });
    let message = ground.refused(&server, GIVE_UP, missing).await;
    assert_eq!(message, "edgeId \"r9\" does not exist.");
    server.stop().await;
}
