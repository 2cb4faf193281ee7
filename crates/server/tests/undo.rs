//! What the operator takes back, over requests: disabled accounts, ends for those who left, everything deleted and made again,
//! calls that meet a deletion, and an edge that is heard again.

mod in_process;

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use in_process::{Directory, Key, LENDER, PATIENCE, Pair, RECIPIENT, Served};
use linkway_domain::settings::Settings;
use linkway_server::verify;
use linkway_wire::feed::FORMAT;
use serde_json::{Value, json};

const ALLOCATE: &str = "OvertureService.AllocatePrivateVirtualInterface";
const CONFIRM: &str = "OvertureService.ConfirmPrivateVirtualInterface";
const CONNECTIONS: &str = "OvertureService.DescribeConnections";
const INTERFACES: &str = "Linkway.ListInterfaces";
const REPORT: &str = "Linkway.ReportEdgeStatus";

/// Approved at once, and purged at once.
fn settings() -> Settings {
    Settings {
        simulated_approval: Duration::from_millis(1),
        visibility: Duration::from_millis(1),
        ..Settings::default()
    }
}

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_else(|| panic!("{name} in {value}")).to_owned()
}

/// Calls until the answer is good.
async fn until_ok(server: &Served, key: &Key, target: &str, body: &Value) -> Value {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let (status, answer) = server.call(key, target, body).await;
        if status == 200 {
            return answer;
        }
        assert!(Instant::now() < deadline, "{target} {body}: {answer}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn refused(server: &Served, key: &Key, target: &str, body: &Value) -> (String, String) {
    let (status, answer) = server.call(key, target, body).await;
    assert_eq!(status, 400, "{target} {body}: {answer}");
    (text(&answer, "__type"), text(&answer, "message"))
}

/// No invariant of what is stored is broken.
async fn is_sound(server: Served, directory: Directory) {
    server.stop().await;
    let temp = directory.close();
    let report = verify::data_dir(temp.path()).await.expect("it can be read");
    assert_eq!(report.violations, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disabled_accounts_keys_are_refused_and_its_interfaces_go_on() {
    let directory = Directory::create();
    let mut server = directory.serve_with(Arc::clone(&directory.store) as Arc<_>, settings());
    server.reconcile();
    let mut other = directory.serve_with(Arc::clone(&directory.store) as Arc<_>, settings());
    other.reconcile();
    let operator = server.operator().await;
    let pair = Pair::create(&server, &operator).await;
    let id = text(
        &server.ok(&pair.lender, ALLOCATE, &pair.allocation("x", 7)).await,
        "virtualInterfaceId",
    );
    let confirm = json!({ "virtualInterfaceId": id, "virtualGatewayId": pair.gateway });
    server.ok(&pair.recipient, CONFIRM, &confirm).await;
    other.ok(&pair.recipient, CONNECTIONS, &json!({})).await;

    let account = json!({ "accountId": RECIPIENT });
    let answer = server.ok(&operator, "Linkway.DisableAccount", &account).await;
    assert_eq!(answer["status"], "disabled");
    let (code, _) = refused(&server, &pair.recipient, CONNECTIONS, &json!({})).await;
    assert_eq!(code, "UnrecognizedClientException");
    // Another server hears of it by the store.
    let deadline = Instant::now() + PATIENCE;
    while other.call(&pair.recipient, CONNECTIONS, &json!({})).await.0 == 200 {
        assert!(Instant::now() < deadline, "the other server still accepts the key");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // Nothing is said of which it is: the answer is that of a key that there never was.
    let unknown = Key { id: "AKIAAAAAAAAAAAAAAAAA".to_owned(), secret: "x".repeat(40) };
    let of_unknown = refused(&server, &unknown, CONNECTIONS, &json!({})).await;
    assert_eq!(refused(&server, &pair.recipient, CONNECTIONS, &json!({})).await, of_unknown);
    let deadline = Instant::now() + PATIENCE;
    loop {
        let shown = server.ok(&operator, INTERFACES, &json!({ "virtualInterfaceId": id })).await;
        if shown["virtualInterfaces"][0]["virtualInterfaceState"] == "available" {
            break;
        }
        assert!(Instant::now() < deadline, "{shown}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    server.ok(&pair.lender, CONNECTIONS, &json!({})).await;
    server.ok(&operator, "Linkway.EnableAccount", &account).await;
    server.ok(&pair.recipient, CONNECTIONS, &json!({})).await;
    other.stop().await;
    is_sound(server, directory).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_is_taken_back_over_requests() {
    let directory = Directory::create();
    let mut server = directory.serve_with(Arc::clone(&directory.store) as Arc<_>, settings());
    server.reconcile();
    let operator = server.operator().await;
    for _ in 0..2 {
        let pair = Pair::create(&server, &operator).await;
        let id = text(
            &server.ok(&pair.lender, ALLOCATE, &pair.allocation("x", 7)).await,
            "virtualInterfaceId",
        );
        let confirm = json!({ "virtualInterfaceId": id, "virtualGatewayId": pair.gateway });
        server.ok(&pair.recipient, CONFIRM, &confirm).await;
        let there = format!("cannot be deleted while these are there: virtual interface {id}.");
        let connection = json!({ "connectionId": pair.connection });
        let (_, message) =
            refused(&server, &operator, "Linkway.DeleteConnection", &connection).await;
        assert_eq!(message, format!("connectionId \"{}\" {there}", pair.connection));
        let account = |id: &str| json!({ "accountId": id });
        let (_, message) =
            refused(&server, &operator, "Linkway.DeleteAccount", &account(RECIPIENT)).await;
        assert!(
            message.contains(&format!("virtual interface {id}; virtual gateway {}", pair.gateway)),
            "{message}"
        );

        let deleted = server
            .ok(&operator, "Linkway.DeleteInterface", &json!({ "virtualInterfaceId": id }))
            .await;
        assert_eq!(deleted["virtualInterfaceState"], "deleting");
        until_ok(&server, &operator, "Linkway.DeleteConnection", &connection).await;
        until_ok(
            &server,
            &operator,
            "Linkway.DeleteGateway",
            &json!({ "virtualGatewayId": pair.gateway }),
        )
        .await;
        until_ok(&server, &operator, "Linkway.DeleteLocation", &json!({ "locationCode": "SIM1" }))
            .await;
        for id in [LENDER, RECIPIENT] {
            let deleted = until_ok(&server, &operator, "Linkway.DeleteAccount", &account(id)).await;
            assert_eq!(deleted["accessKeyIds"].as_array().map(Vec::len), Some(1));
        }
        let (code, _) = refused(&server, &pair.lender, CONNECTIONS, &json!({})).await;
        assert_eq!(code, "UnrecognizedClientException");
        for list in
            ["Accounts", "Locations", "Edges", "Ports", "Connections", "Interfaces", "Gateways"]
        {
            let answer = server.ok(&operator, &format!("Linkway.List{list}"), &json!({})).await;
            let all = answer.as_object().and_then(|answer| answer.values().next());
            assert_eq!(all, Some(&json!([])), "{list}");
        }
    }
    is_sound(server, directory).await;
}

/// Orders, edges and gateways against deletions of what they are on, many times: no orphan is left.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_meets_a_deletion_leaves_no_orphan() {
    let directory = Directory::create();
    let server = Arc::new(directory.serve_with(Arc::clone(&directory.store) as Arc<_>, settings()));
    let operator = server.operator().await;
    server
        .ok(&operator, "Linkway.CreateAccount", &json!({ "accountId": LENDER, "name": "x" }))
        .await;
    let lender = Key::of(
        &server.ok(&operator, "Linkway.CreateAccessKey", &json!({ "accountId": LENDER })).await,
    );
    let (mut made, mut gone) = (0, 0);
    for round in 0..40 {
        let place = format!("LOC{round}");
        let account = format!("{:012}", 1000 + round);
        let location = json!({ "locationCode": place, "locationName": "x" });
        server.ok(&operator, "Linkway.CreateLocation", &location).await;
        let new = json!({ "accountId": account, "name": "x" });
        server.ok(&operator, "Linkway.CreateAccount", &new).await;
        let calls = [
            (
                &lender,
                "OvertureService.CreateConnection",
                json!({ "location": place, "bandwidth": "1Gbps", "connectionName": "x" }),
            ),
            (
                &operator,
                "Linkway.CreateEdge",
                json!({ "edgeId": format!("r{round}"), "locationCode": place }),
            ),
            (&operator, "Linkway.DeleteLocation", json!({ "locationCode": place })),
            (
                &operator,
                "Linkway.CreateGateway",
                json!({ "accountId": account, "vpcId": "vpc-1", "cidrs": ["10.0.0.0/16"] }),
            ),
            (&operator, "Linkway.CreateAccessKey", json!({ "accountId": account })),
            (&operator, "Linkway.DeleteAccount", json!({ "accountId": account })),
        ];
        let running = calls.map(|(key, target, body)| {
            let (server, key) = (Arc::clone(&server), key.clone());
            tokio::spawn(async move { (target, server.call(&key, target, &body).await) })
        });
        for call in running {
            let (target, (status, answer)) = call.await.expect("it ends");
            assert!([200, 400].contains(&status), "{target}: {answer}");
            match target.contains("Delete") {
                true => gone += usize::from(status == 200),
                false => made += usize::from(status == 200),
            }
        }
    }
    assert!(made > 0 && gone > 0, "{made} were made, {gone} deleted: nothing met");
    let server = Arc::into_inner(server).expect("every call has ended");
    is_sound(server, directory).await;
}

fn report(sequence: u64) -> Value {
    json!({ "format": FORMAT, "epoch": 1, "generation": 1, "sequence": sequence, "ports": [], "interfaces": [] })
}

/// The highest number that is taken is a day ahead. It silences the edge at both servers until the reset, whichever is asked
/// for it; another key's numbers are its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reset_edge_is_heard_again_by_every_server() {
    let directory = Directory::create();
    let servers =
        [(); 2].map(|()| directory.serve_with(Arc::clone(&directory.store) as Arc<_>, settings()));
    let [one, two] = &servers;
    let operator = one.operator().await;
    one.ok(
        &operator,
        "Linkway.CreateLocation",
        &json!({ "locationCode": "PAR1", "locationName": "x" }),
    )
    .await;
    let edge = json!({ "edgeId": "r1", "locationCode": "PAR1" });
    let key = Key::of(&one.ok(&operator, "Linkway.CreateEdge", &edge).await);
    let edge = json!({ "edgeId": "r1" });
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    let now = u64::try_from(now.as_millis()).expect("before the year 500 million");
    let highest = now + 24 * 60 * 60 * 1000;
    let last = async |server: &Served, key: &Key| {
        let answer = server.ok(key, "Linkway.GetEdgeConfig", &json!({ "format": FORMAT })).await;
        answer["lastSequence"].as_u64().unwrap_or_default()
    };
    for server in &servers {
        server.ok(&key, REPORT, &report(now)).await;
        // The other one's number is known here too.
        let (_, message) = refused(server, &key, REPORT, &report(now)).await;
        assert!(message.contains("not newer"), "{message}");
        server.ok(&operator, "Linkway.ResetEdge", &edge).await;
    }
    for (asked, other) in [(one, two), (two, one)] {
        asked.ok(&key, REPORT, &report(highest)).await;
        for server in [asked, other] {
            let (_, message) = refused(server, &key, REPORT, &report(now + 1)).await;
            assert!(message.contains("not newer"), "{message}");
            assert_eq!(last(server, &key).await, highest);
        }
        // The server that is asked is not the one that has taken the number.
        other.ok(&operator, "Linkway.ResetEdge", &edge).await;
        assert_eq!([last(asked, &key).await, last(other, &key).await], [0, 0]);
        for (nth, server) in [asked, other, asked, asked, other].into_iter().enumerate() {
            let sequence = now + 10 + nth as u64;
            server.ok(&key, REPORT, &report(sequence)).await;
            let (_, message) = refused(server, &key, REPORT, &report(sequence)).await;
            assert!(message.contains("not newer"), "{message}");
        }
        other.ok(&operator, "Linkway.ResetEdge", &edge).await;
    }
    // A thief's number is the stolen key's: with a new key the edge is heard at once.
    one.ok(&key, REPORT, &report(highest)).await;
    let next = Key::of(&one.ok(&operator, "Linkway.CreateAccessKey", &edge).await);
    one.ok(&operator, "Linkway.DeleteAccessKey", &json!({ "accessKeyId": key.id })).await;
    assert_eq!(last(two, &next).await, 0);
    for (server, sequence) in [(two, now + 20), (one, now + 21), (two, now + 22)] {
        server.ok(&next, REPORT, &report(sequence)).await;
    }
    let shown = one.ok(&operator, "Linkway.DescribeEdge", &edge).await;
    assert_eq!(shown["silent"], false);
    let missing = json!({ "edgeId": "r9" });
    let (_, message) = refused(one, &operator, "Linkway.ResetEdge", &missing).await;
    assert_eq!(message, "edgeId \"r9\" does not exist.");
    // An edge of the same name is another one: nothing of the first is remembered.
    one.ok(&next, REPORT, &report(highest)).await;
    one.ok(&operator, "Linkway.DeleteEdge", &edge).await;
    let (code, _) = refused(one, &next, REPORT, &report(highest + 1)).await;
    assert_eq!(code, "UnrecognizedClientException");
    let again = json!({ "edgeId": "r1", "locationCode": "PAR1" });
    let again = Key::of(&two.ok(&operator, "Linkway.CreateEdge", &again).await);
    for server in [one, two] {
        server
            .ok(&again, REPORT, &report(now + if std::ptr::eq(server, one) { 1 } else { 2 }))
            .await;
    }
    for server in servers {
        server.stop().await;
    }
}

/// An operator's list of one thing, of an account, in a state.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_are_filtered_by_the_server() {
    let directory = Directory::create();
    let mut server = directory.serve_with(
        Arc::clone(&directory.store) as Arc<_>,
        Settings { visibility: Duration::from_secs(900), ..settings() },
    );
    server.reconcile();
    let operator = server.operator().await;
    let pair = Pair::create(&server, &operator).await;
    let id = text(
        &server.ok(&pair.lender, ALLOCATE, &pair.allocation("x", 7)).await,
        "virtualInterfaceId",
    );
    let interface = edge_port(&server, &operator).await;
    let table = [
        ("Connections", json!({ "connectionId": pair.connection }), 1),
        ("Connections", json!({ "accountId": LENDER }), 1),
        ("Connections", json!({ "accountId": RECIPIENT }), 0),
        ("Connections", json!({ "accountId": LENDER, "state": "available" }), 1),
        ("Connections", json!({ "accountId": LENDER, "state": "down" }), 0),
        ("Interfaces", json!({ "virtualInterfaceId": id }), 1),
        ("Interfaces", json!({ "accountId": LENDER }), 1),
        ("Interfaces", json!({ "accountId": RECIPIENT, "state": "confirming" }), 1),
        ("Interfaces", json!({ "state": "available" }), 0),
        ("Gateways", json!({ "virtualGatewayId": pair.gateway }), 1),
        ("Gateways", json!({ "accountId": RECIPIENT }), 1),
        ("Gateways", json!({ "accountId": LENDER }), 0),
        ("Locations", json!({ "locationCode": "SIM1" }), 1),
        ("Ports", json!({ "edgeId": "simulated-SIM1", "interface": interface }), 1),
        ("AccessKeys", json!({ "accessKeyId": pair.lender.id }), 1),
    ];
    for (list, body, count) in table {
        let answer = server.ok(&operator, &format!("Linkway.List{list}"), &body).await;
        let all = answer.as_object().and_then(|answer| answer.values().next());
        assert_eq!(
            all.and_then(Value::as_array).map(Vec::len),
            Some(count),
            "{list} {body}: {answer}"
        );
        assert!(!answer.to_string().contains(&pair.lender.secret), "{list}");
    }
    let table = [
        (
            "Connections",
            json!({ "connectionId": "dxcon-fzzzzzzz" }),
            "Could not find Connection with ID dxcon-fzzzzzzz",
        ),
        (
            "Connections",
            json!({ "accountId": "999999999999" }),
            "accountId \"999999999999\" does not exist.",
        ),
        ("Interfaces", json!({ "virtualInterfaceId": "x" }), "Virtual Interface x does not exist."),
        (
            "Interfaces",
            json!({ "state": "up" }),
            "state \"up\" is not a state of a virtual interface: those are confirming, verifying, pending, available, down, testing, unknown, \
             deleting, deleted, rejected, expired.",
        ),
        (
            "Gateways",
            json!({ "virtualGatewayId": "vgw-0" }),
            "The VirtualGateway vgw-0 does not exist.",
        ),
        ("Locations", json!({ "locationCode": "LON1" }), "locationCode \"LON1\" does not exist."),
        (
            "Ports",
            json!({ "edgeId": "simulated-SIM1", "interface": "eth9" }),
            "interface \"eth9\" is not a port of edge simulated-SIM1.",
        ),
        (
            "Ports",
            json!({ "interface": "eth9" }),
            "interface \"eth9\" is given without edgeId: give both or none.",
        ),
        (
            "AccessKeys",
            json!({ "accessKeyId": "AKIAAAAAAAAAAAAAAAAA" }),
            "The access key AKIAAAAAAAAAAAAAAAAA does not exist.",
        ),
    ];
    for (list, body, message) in table {
        let said = refused(&server, &operator, &format!("Linkway.List{list}"), &body).await;
        assert_eq!(said.1, message, "{list} {body}");
    }
    server.stop().await;
}

async fn edge_port(server: &Served, operator: &Key) -> String {
    let ports = server.ok(operator, "Linkway.ListPorts", &json!({})).await;
    text(&ports["ports"][0], "interface")
}
