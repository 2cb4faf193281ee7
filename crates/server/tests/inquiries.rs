//! What an edge is asked now, with this test as the edge: the call waits for the report that answers it, and is bounded.

mod in_process;

use std::sync::Arc;

use in_process::{Directory, Key, LENDER, Served};
use linkway_domain::settings::Settings;
use linkway_wire::feed::{FORMAT, read_answer};
use serde_json::{Value, json};

const ROUTES: &str = "OvertureService.ListVirtualInterfaceRoutes";
const CONFIG: &str = "Linkway.GetEdgeConfig";
const REPORT: &str = "Linkway.ReportEdgeStatus";

/// A router with an accepted interface of one tenant.
struct Ground {
    _directory: Directory,
    edge: Key,
    tenant: Key,
    interface: String,
    sequence: u64,
}

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_else(|| panic!("{name} in {value}")).to_owned()
}

impl Ground {
    async fn new() -> (Self, Arc<Served>) {
        let directory = Directory::create();
        let server =
            directory.serve_with(Arc::clone(&directory.store) as Arc<_>, Settings::default());
        let operator = server.operator().await;
        let ok = async |target: &str, body: Value| server.ok(&operator, target, &body).await;
        ok("Linkway.CreateAccount", json!({ "accountId": LENDER, "name": "x" })).await;
        let tenant = Key::of(&ok("Linkway.CreateAccessKey", json!({ "accountId": LENDER })).await);
        ok("Linkway.CreateLocation", json!({ "locationCode": "PAR1", "locationName": "x" })).await;
        let edge = json!({ "edgeId": "r1", "locationCode": "PAR1" });
        let edge = Key::of(&ok("Linkway.CreateEdge", edge).await);
        ok(
            "Linkway.CreatePort",
            json!({ "edgeId": "r1", "interface": "eth1", "bandwidth": "1Gbps" }),
        )
        .await;
        let gateway =
            json!({ "accountId": LENDER, "vpcId": "vpc-12345678", "cidrs": ["10.0.0.0/16"] });
        let gateway = text(&ok("Linkway.CreateGateway", gateway).await, "virtualGatewayId");
        let order = json!({ "location": "PAR1", "bandwidth": "1Gbps", "connectionName": "x" });
        let ordered = server.ok(&tenant, "OvertureService.CreateConnection", &order).await;
        let connection = text(&ordered, "connectionId");
        ok("Linkway.ApproveConnection", json!({ "connectionId": connection })).await;
        let mut ground =
            Self { _directory: directory, edge, tenant, interface: String::new(), sequence: 0 };
        let body = ground.report(&json!([]), &connection);
        server.ok(&ground.edge, REPORT, &body).await;
        let made = json!({
            "connectionId": connection,
            "newPrivateVirtualInterface": {
                "virtualInterfaceName": "x", "vlan": 101, "asn": 65000, "virtualGatewayId": gateway,
            },
        });
        let create = "OvertureService.CreatePrivateVirtualInterface";
        ground.interface =
            text(&server.ok(&ground.tenant, create, &made).await, "virtualInterfaceId");
        (ground, Arc::new(server))
    }

    fn report(&mut self, answers: &Value, connection: &str) -> Value {
        self.sequence += 1;
        json!({
            "format": FORMAT, "epoch": 0, "generation": 0, "sequence": self.sequence,
            "ports": [{ "connectionId": connection, "carrier": true }], "interfaces": [], "answers": answers,
        })
    }

    /// Waits as `linkway edge` does, until it is asked something; the number.
    async fn asked(&self, server: &Served) -> u64 {
        let (mut epoch, mut generation) = (0, 0);
        loop {
            let body = json!({
                "format": FORMAT, "afterEpoch": epoch, "afterGeneration": generation, "waitSeconds": 20,
            });
            let body = body.to_string();
            let (response, bytes) = server.send(&self.edge, CONFIG, body.as_bytes(), &[]).await;
            assert_eq!(response.status, 200);
            let answered = read_answer(bytes, None).expect("an answer");
            (epoch, generation) = (answered.head.epoch, answered.head.generation);
            if let [inquiry] = answered.inquiries.as_slice() {
                let question = serde_json::to_value(&inquiry.question).expect("JSON");
                let expected = json!({ "kind": "routes", "virtualInterfaceId": self.interface });
                assert_eq!(question, expected);
                return inquiry.number;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn routes_are_what_the_edge_says_now() {
    let (mut ground, server) = Ground::new().await;
    let (tenant, interface) = (ground.tenant.clone(), ground.interface.clone());
    let list = |more: Value| {
        let (server, tenant) = (Arc::clone(&server), tenant.clone());
        let mut body = json!({ "virtualInterfaceId": interface });
        body.as_object_mut().expect("an object").extend(more.as_object().expect("one").clone());
        // Refused until the edge waits for questions.
        tokio::spawn(async move {
            for _ in 0..400 {
                let (response, bytes) =
                    server.send(&tenant, ROUTES, body.to_string().as_bytes(), &[]).await;
                if response.status == 200 {
                    return serde_json::from_slice::<Value>(&bytes).expect("JSON");
                }
                tokio::time::sleep(std::time::Duration::from_millis(25)).await;
            }
            panic!("the edge was never asked")
        })
    };
    let one = list(json!({ "maxResults": 2 }));
    let number = ground.asked(&server).await;
    let route = |direction: &str, prefix: &str| {
        json!({
            "direction": direction, "prefix": prefix, "asPath": [{ "kind": "seq", "path": [65000, 65001] }],
            "communities": ["7224:7100"], "installedAt": 1_796_070_116_000_u64,
        })
    };
    let routes = json!([
        route("advertised", "10.0.0.0/16"),
        route("accepted", "192.168.2.0/24"),
        route("accepted", "192.168.1.0/24"),
    ]);
    let finding = json!({ "kind": "routes", "routes": routes });
    let other =
        json!({ "number": number + 1, "finding": { "kind": "failed", "reason": "nobody asked" } });
    let body =
        ground.report(&json!([other, { "number": number, "finding": finding }]), "dxcon-00000000");
    server.ok(&ground.edge, REPORT, &body).await;
    let page = one.await.expect("no panic");
    let expected = |direction: &str, cidr: &str| {
        json!({
            "addressFamily": "ipv4", "cidr": cidr, "routeDirection": direction,
            "asPath": [{ "path": [65000, 65001], "pathType": "seq" }], "communities": ["7224:7100"],
            "awsLogicalDeviceId": "r1", "routeInstalledAt": 1_796_070_116,
        })
    };
    assert_eq!(
        page["routes"],
        json!([expected("accepted", "192.168.1.0/24"), expected("accepted", "192.168.2.0/24")])
    );
    // What the router said a moment ago serves the next page: it is not asked again.
    let token = page["nextToken"].as_str().expect("there is more");
    let rest = list(json!({ "maxResults": 2, "nextToken": token })).await.expect("no panic");
    assert_eq!(rest["routes"], json!([expected("advertised", "10.0.0.0/16")]));
    assert_eq!(rest["nextToken"], Value::Null);
    let filters = json!({ "routeDirection": "accepted", "cidrs": ["192.168.2.0/23"] });
    let some = list(json!({ "filters": filters })).await.expect("no panic");
    assert_eq!(some["routes"], json!([expected("accepted", "192.168.2.0/24")]));
}

#[tokio::test]
async fn an_edge_that_is_not_connected_is_an_error_at_once() {
    let (ground, server) = Ground::new().await;
    let body = json!({ "virtualInterfaceId": ground.interface }).to_string();
    let (response, bytes) = server.send(&ground.tenant, ROUTES, body.as_bytes(), &[]).await;
    let said: Value = serde_json::from_slice(&bytes).expect("JSON");
    assert_eq!(
        (response.status.as_u16(), &said["__type"]),
        (400, &json!("DirectConnectClientException"))
    );
    let message = text(&said, "message");
    assert!(message.contains("\"r1\" is not connected to this server"), "{message}");
}
