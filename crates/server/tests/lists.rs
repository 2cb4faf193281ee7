//! Lists through the API: how much one answer has, and of what they may be asked.

mod in_process;

use std::sync::Arc;
use std::time::Duration;

use in_process::{Directory, Key, Served};
use linkway_domain::quota::Quotas;
use linkway_domain::settings::Settings;
use serde_json::{Value, json};

const DESCRIBE: &str = "OvertureService.DescribeVirtualInterfaces";
const ALLOCATE: &str = "OvertureService.AllocatePrivateVirtualInterface";

async fn account(server: &Served, operator: &Key, id: &str) -> Key {
    let new = json!({ "accountId": id, "name": "x" });
    server.ok(operator, "Linkway.CreateAccount", &new).await;
    let made = server.ok(operator, "Linkway.CreateAccessKey", &json!({ "accountId": id })).await;
    Key::of(&made)
}

fn ids(answer: &Value) -> Vec<String> {
    let interfaces = answer["virtualInterfaces"].as_array().expect("a list");
    let id = |interface: &Value| interface["virtualInterfaceId"].as_str().expect("text").to_owned();
    let mut ids: Vec<String> = interfaces.iter().map(id).collect();
    ids.sort();
    ids
}

/// More than are read from the store at a time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_number_one_answer_has_everything() {
    const MANY: usize = 1003;
    let directory = Directory::create();
    let settings = Settings {
        simulated_approval: Duration::from_millis(1),
        quotas: Quotas::each(2000),
        ..Settings::default()
    };
    let mut server = directory.serve_with(Arc::clone(&directory.store) as Arc<_>, settings);
    server.reconcile();
    let operator = server.operator().await;
    let place = json!({ "locationCode": "SIM1", "locationName": "x", "simulated": true });
    server.ok(&operator, "Linkway.CreateLocation", &place).await;
    let lender = account(&server, &operator, "111111111111").await;
    let owner = account(&server, &operator, "222222222222").await;
    let order = json!({ "location": "SIM1", "bandwidth": "1Gbps", "connectionName": "x" });
    let order = server.ok(&lender, "OvertureService.CreateConnection", &order).await;
    let connection = order["connectionId"].clone();
    let wanted = json!({ "connectionId": connection });
    loop {
        let seen = server.ok(&lender, "OvertureService.DescribeConnections", &wanted).await;
        if seen["connections"][0]["connectionState"] == "available" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let server = Arc::new(server);
    let mut made = Vec::new();
    for vlans in (1..=MANY).collect::<Vec<_>>().chunks(50) {
        let making: Vec<_> = vlans
            .iter()
            .map(|vlan| {
                let new = json!({ "virtualInterfaceName": "x", "vlan": vlan, "asn": 65000 });
                let body = json!({ "connectionId": connection, "ownerAccount": "222222222222",
                                   "newPrivateVirtualInterfaceAllocation": new });
                let (server, lender) = (Arc::clone(&server), lender.clone());
                tokio::spawn(async move { server.ok(&lender, ALLOCATE, &body).await })
            })
            .collect();
        for answer in making {
            let answer = answer.await.expect("is made");
            made.push(answer["virtualInterfaceId"].as_str().expect("text").to_owned());
        }
    }
    made.sort();
    for (key, body) in [(&lender, json!({})), (&owner, json!({})), (&lender, wanted)] {
        let whole = server.ok(key, DESCRIBE, &body).await;
        assert_eq!((ids(&whole), &whole["nextToken"]), (made.clone(), &Value::Null), "{body}");
    }
    let first = server.ok(&owner, DESCRIBE, &json!({ "maxResults": 1000 })).await;
    assert_eq!(ids(&first).len(), 100);
    let rest = server.ok(&owner, DESCRIBE, &json!({ "nextToken": first["nextToken"] })).await;
    let mut read = [ids(&first), ids(&rest)].concat();
    read.sort();
    assert_eq!((read, &rest["nextToken"]), (made, &Value::Null));
}

#[tokio::test]
async fn an_operators_list_of_what_does_not_exist_is_refused() {
    let directory = Directory::create();
    let server = directory.serve(Arc::clone(&directory.store) as Arc<_>);
    let operator = server.operator().await;
    let place = json!({ "locationCode": "PAR1", "locationName": "x" });
    server.ok(&operator, "Linkway.CreateLocation", &place).await;
    let edge = json!({ "edgeId": "r1", "locationCode": "PAR1" });
    server.ok(&operator, "Linkway.CreateEdge", &edge).await;
    account(&server, &operator, "111111111111").await;
    let table = [
        ("Linkway.ListAccessKeys", json!({ "accountId": "111111111111" }), None),
        (
            "Linkway.ListAccessKeys",
            json!({ "accountId": "999999999999" }),
            Some("accountId \"999999999999\" does not exist."),
        ),
        ("Linkway.ListAccessKeys", json!({ "edgeId": "r1" }), None),
        ("Linkway.ListAccessKeys", json!({ "edgeId": "r" }), Some("edgeId \"r\" does not exist.")),
        ("Linkway.ListPorts", json!({ "edgeId": "r1" }), None),
        ("Linkway.ListPorts", json!({ "edgeId": "r2" }), Some("edgeId \"r2\" does not exist.")),
    ];
    for (target, body, refused) in table {
        let (status, answer) = server.call(&operator, target, &body).await;
        assert_eq!(answer["message"].as_str(), refused, "{target} {body}");
        assert_eq!(status, if refused.is_some() { 400 } else { 200 }, "{target} {body}");
    }
}
