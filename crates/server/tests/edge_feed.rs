//! The server's side of the edge, with this test as the edge: what it costs, what it keeps, and what two servers, a copy of
//! the store and late reports make of it.

mod in_process;

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use in_process::{Directory, Key, LENDER, Served};
use linkway_domain::edge::ConfigVersion;
use linkway_domain::quota::Quotas;
use linkway_domain::settings::Settings;
use linkway_server::boot;
use linkway_store::{Commit, SqliteStore, Store as _, Write};
use linkway_wire::feed::packed;
use linkway_wire::feed::{Answered, ConfigText, FORMAT, read_answer};
use serde_json::{Value, json};

const CREATE: &str = "OvertureService.CreatePrivateVirtualInterface";
const DESCRIBE: &str = "OvertureService.DescribeVirtualInterfaces";
const CONFIG: &str = "Linkway.GetEdgeConfig";
const REPORT: &str = "Linkway.ReportEdgeStatus";

/// A router with a connection of one tenant.
struct Ground {
    directory: Directory,
    operator: Key,
    edge: Key,
    tenant: Key,
    gateway: String,
    connection: String,
}

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_else(|| panic!("{name} in {value}")).to_owned()
}

impl Ground {
    async fn new() -> (Self, Served) {
        let directory = Directory::create();
        // A thousand interfaces on one connection.
        let settings = Settings { quotas: Quotas::each(4094), ..Settings::default() };
        let server = directory.serve_with(Arc::clone(&directory.store) as Arc<_>, settings);
        let operator = server.operator().await;
        let ok = async |target: &str, body: Value| server.ok(&operator, target, &body).await;
        ok("Linkway.CreateAccount", json!({ "accountId": LENDER, "name": "x" })).await;
        let tenant = ok("Linkway.CreateAccessKey", json!({ "accountId": LENDER })).await;
        let tenant = Key::of(&tenant);
        ok("Linkway.CreateLocation", json!({ "locationCode": "PAR1", "locationName": "x" })).await;
        let edge =
            ok("Linkway.CreateEdge", json!({ "edgeId": "r1", "locationCode": "PAR1" })).await;
        let port = json!({ "edgeId": "r1", "interface": "eth1", "bandwidth": "1Gbps" });
        ok("Linkway.CreatePort", port).await;
        let gateway = json!({
            "accountId": LENDER, "vpcId": "vpc-12345678", "cidrs": ["10.0.0.0/16"],
        });
        let gateway = text(&ok("Linkway.CreateGateway", gateway).await, "virtualGatewayId");
        let order = json!({ "location": "PAR1", "bandwidth": "1Gbps", "connectionName": "x" });
        let ordered = server.ok(&tenant, "OvertureService.CreateConnection", &order).await;
        let connection = text(&ordered, "connectionId");
        ok("Linkway.ApproveConnection", json!({ "connectionId": connection })).await;
        let edge = Key::of(&edge);
        let ground = Self { directory, operator, edge, tenant, gateway, connection };
        let config = ground.ask(&server, None).await.config.expect("it has none");
        server.ok(&ground.edge, REPORT, &ground.report(config.version(), 1, &[], true)).await;
        (ground, server)
    }

    /// Makes an accepted interface; the id.
    async fn interface(&self, server: &Served, vlan: usize) -> String {
        let address = |host: usize| format!("172.16.{}.{}/30", vlan / 64, vlan % 64 * 4 + host);
        let body = json!({
            "connectionId": self.connection,
            "newPrivateVirtualInterface": {
                "virtualInterfaceName": "x", "vlan": vlan, "asn": 65000, "virtualGatewayId": self.gateway,
                "amazonAddress": address(1), "customerAddress": address(2),
            },
        });
        text(&server.ok(&self.tenant, CREATE, &body).await, "virtualInterfaceId")
    }

    /// Asks as `linkway edge` does.
    async fn ask(&self, server: &Served, held: Option<&ConfigText>) -> Answered {
        self.measured(server, held).await.0
    }

    /// The same: the answer, how many bytes came, and the base that they were packed with.
    async fn measured(
        &self,
        server: &Served,
        held: Option<&ConfigText>,
    ) -> (Answered, usize, Option<String>) {
        let ConfigVersion { epoch, generation } = held.map(ConfigText::version).unwrap_or_default();
        let mut body = json!({
            "format": FORMAT, "afterEpoch": epoch, "afterGeneration": generation,
        });
        if let Some(held) = held {
            body["base"] = json!(held.digest());
        }
        let accept = [("accept-encoding", "zstd")];
        let body = body.to_string();
        let (response, bytes) = server.send(&self.edge, CONFIG, body.as_bytes(), &accept).await;
        assert_eq!(response.status, 200);
        let header = |name: &str| {
            let found = response.headers.iter().find(|(known, _)| known == name);
            found.map(|(_, value)| value.to_str().expect("text").to_owned())
        };
        let base = header(packed::BASE_HEADER);
        let length = bytes.len();
        let known = held.map(|held| (held.digest(), &held.text()[..]));
        let encoding = header("content-encoding");
        let body = packed::answer(bytes, encoding.as_deref(), base.as_deref(), known);
        (read_answer(body.expect("it unpacks"), held).expect("an answer"), length, base)
    }

    /// A report about these interfaces, whose sessions are all up or all down.
    fn report(
        &self,
        version: ConfigVersion,
        sequence: u64,
        interfaces: &[String],
        up: bool,
    ) -> Value {
        let state = if up { "established" } else { "active" };
        let one = |id: &String| {
            json!({
                "virtualInterfaceId": id, "programmed": true,
                "peers": [{ "addressFamily": "ipv4", "state": state, "prefixesAccepted": 3,
                            "prefixesRejected": 1, "prefixesAdvertised": 2, "lastError": "x\u{1b}[2J" }],
                "traffic": { "packetsIn": 10, "bytesIn": 1000, "packetsOut": 20, "bytesOut": 2000 },
            })
        };
        json!({
            "format": FORMAT,
            "epoch": version.epoch, "generation": version.generation, "sequence": sequence,
            "ports": [{ "connectionId": self.connection, "carrier": true }],
            "interfaces": interfaces.iter().map(one).collect::<Vec<_>>(),
        })
    }

    async fn state(&self, server: &Served, id: &str) -> (String, String) {
        let shown = server.ok(&self.tenant, DESCRIBE, &json!({ "virtualInterfaceId": id })).await;
        let shown = &shown["virtualInterfaces"][0];
        (text(shown, "virtualInterfaceState"), text(&shown["bgpPeers"][0], "bgpStatus"))
    }
}

fn pair(state: &str, status: &str) -> (String, String) {
    (state.to_owned(), status.to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_and_a_quiet_report_of_a_thousand_interfaces_are_cheap() {
    const MANY: usize = 1000;
    let (ground, server) = Ground::new().await;
    let (ground, server) = (Arc::new(ground), Arc::new(server));
    let mut ids = Vec::new();
    for chunk in (1..=MANY).collect::<Vec<_>>().chunks(50) {
        let making: Vec<_> = chunk
            .iter()
            .map(|vlan| {
                let (ground, server, vlan) = (Arc::clone(&ground), Arc::clone(&server), *vlan);
                tokio::spawn(async move { ground.interface(&server, vlan).await })
            })
            .collect();
        for made in making {
            ids.push(made.await.expect("is made"));
        }
    }
    let (answered, whole, base) = ground.measured(&server, None).await;
    let held = answered.config.expect("it has none");
    assert_eq!((held.config().interfaces.len(), base), (MANY, None));

    // One more: the whole state again, in few bytes.
    ids.push(ground.interface(&server, MANY + 1).await);
    let (answered, length, base) = ground.measured(&server, Some(&held)).await;
    let next = answered.config.expect("a later one");
    assert_eq!((next.config().interfaces.len(), base.as_deref()), (MANY + 1, Some(held.digest())));
    assert!(next.version() > held.version());
    println!(
        "feed: {} B as JSON, {whole} B packed, {length} B for one more interface",
        next.text().len()
    );
    assert!(length < 500, "{length} bytes for one more interface");
    // A base that the server does not have (or no longer): by itself.
    let other = String::from_utf8_lossy(held.text()).replacen("65000", "65001", 1);
    let strange = ConfigText::parse(other).expect("a text");
    let (answered, length, base) = ground.measured(&server, Some(&strange)).await;
    assert_eq!((answered.config.as_ref(), base), (Some(&next), None));
    assert!(length > 10_000);

    // Reports of this size come packed.
    let packed_report = |sequence: u64, up: bool| {
        let body = ground.report(next.version(), sequence, &ids, up).to_string();
        assert!(body.len() > 256 * 1024, "this would fit as it is");
        packed::encode(body.as_bytes(), None)
    };
    let encoding = [("content-encoding", "zstd")];
    let send = async |sequence: u64, up: bool| {
        let body = packed_report(sequence, up);
        let began = std::time::Instant::now();
        let commits = ground.directory.store.stats().commits;
        let (response, bytes) = server.send(&ground.edge, REPORT, &body, &encoding).await;
        assert_eq!(response.status, 200, "{}", String::from_utf8_lossy(&bytes));
        println!("report {sequence}: {} B packed, {:?}", body.len(), began.elapsed());
        ground.directory.store.stats().commits - commits
    };
    let first = u64::try_from(MANY).expect("small") + 2;
    assert_eq!(send(10, true).await, first, "each interface once, and that it was heard");
    for sequence in 11..=13 {
        assert_eq!(send(sequence, true).await, 0, "a quiet report costs no commit");
    }
    assert_eq!(ground.state(&server, &ids[417]).await, pair("available", "up"));
    assert_eq!(send(15, true).await, 1, "a number was left out: who knows where that one is");
    assert_eq!(send(16, false).await, first);
    assert_eq!(ground.state(&server, &ids[417]).await, pair("down", "down"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edge_that_goes_between_two_servers_is_heard_in_order() {
    let (ground, one) = Ground::new().await;
    let two = ground.directory.serve(Arc::clone(&ground.directory.store) as Arc<_>);
    let id = [ground.interface(&one, 7).await];
    let version = ground.ask(&one, None).await.head.version();
    let report = |sequence: u64, up: bool| ground.report(version, sequence, &id, up);
    let up = pair("available", "up");
    one.ok(&ground.edge, REPORT, &report(100, true)).await;
    one.ok(&ground.edge, REPORT, &report(101, true)).await;
    // 102 says "down" and is on its way to the first; the edge gives up and says "up" to the second.
    two.ok(&ground.edge, REPORT, &report(103, true)).await;
    let (status, refusal) = one.call(&ground.edge, REPORT, &report(102, false)).await;
    assert_eq!((status, ground.state(&one, &id[0]).await), (400, up.clone()), "{refusal}");
    assert_eq!(ground.ask(&one, None).await.head.last_sequence, 103);
    // What the second heard is the second's to tell; the first says so.
    let describe = json!({ "edgeId": "r1" });
    let at_one = one.ok(&ground.operator, "Linkway.DescribeEdge", &describe).await;
    assert!(text(&at_one, "detailMissing").contains("another server"), "{at_one}");
    assert_eq!(at_one["interfaces"][0]["virtualInterfaceState"], "available");
    assert_eq!(at_one["interfaces"][0]["bgpUp"], true);
    assert_eq!(at_one["interfaces"][0]["peers"], Value::Null);
    let at_two = two.ok(&ground.operator, "Linkway.DescribeEdge", &describe).await;
    assert_eq!(at_two["detailMissing"], Value::Null);
    assert_eq!(at_two["interfaces"][0]["peers"][0]["prefixesAccepted"], 3);
    // The first takes over again, and what it remembers of before does not make it miss what the second wrote.
    two.ok(&ground.edge, REPORT, &report(104, false)).await;
    assert_eq!(ground.state(&one, &id[0]).await, pair("down", "down"));
    one.ok(&ground.edge, REPORT, &report(105, true)).await;
    assert_eq!(ground.state(&two, &id[0]).await, up);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_of_the_store_does_not_strand_the_edge() {
    let (ground, server) = Ground::new().await;
    let held = ground.ask(&server, None).await.config.expect("it has none");
    let (response, copy) = server.send(&ground.operator, "Linkway.Backup", b"{}", &[]).await;
    assert_eq!(response.status, 200);
    // The original goes on and gives out generations that the copy will give out for something else.
    let mut ids = Vec::new();
    for vlan in 1..=5 {
        ids.push(ground.interface(&server, vlan).await);
    }
    let later = ground.ask(&server, Some(&held)).await.config.expect("a later one");
    assert!(later.version() > held.version());
    let left = std::fs::read_dir(ground.directory.path().join("scratch")).expect("is there");
    assert_eq!(left.count(), 0, "a backup leaves nothing");

    let other = Directory::create();
    let file = other.path().join("copy.db");
    std::fs::write(&file, copy).expect("written");
    let key_file = "linkway.key";
    let from = ground.directory.path().join(key_file);
    std::fs::copy(from, other.path().join(key_file)).expect("copied");
    let store = Arc::new(SqliteStore::open(&file, boot::existing()).expect("it opens"));
    let restored = other.serve(Arc::clone(&store) as Arc<_>);
    let epoch = boot::epoch(&restored.records).await.expect("the store works");
    assert!(epoch > later.version().epoch);
    assert_eq!(boot::epoch(&restored.records).await.expect("again"), epoch, "once");
    // The edge takes the copy's configuration although its generation is lower, and at once.
    let answered = ground.ask(&restored, Some(&later)).await;
    let config = answered.config.expect("another one");
    assert!(config.version() > later.version());
    assert!(config.version().generation < later.version().generation);
    assert_eq!(config.config().interfaces, []);
    // What it says of the original's configuration lets nothing go here.
    let delete = json!({ "connectionId": ground.connection });
    restored.ok(&ground.tenant, "OvertureService.DeleteConnection", &delete).await;
    let gone = |version: ConfigVersion, sequence: u64| {
        json!({ "format": FORMAT, "epoch": version.epoch, "generation": version.generation,
                "sequence": sequence, "ports": [], "interfaces": [] })
    };
    let state = async || {
        let all = "OvertureService.DescribeConnections";
        text(
            &restored.ok(&ground.tenant, all, &json!({})).await["connections"][0],
            "connectionState",
        )
    };
    restored.ok(&ground.edge, REPORT, &gone(later.version(), 100)).await;
    assert_eq!(state().await, "deleting");
    let now = ground.ask(&restored, Some(&config)).await.head.version();
    restored.ok(&ground.edge, REPORT, &gone(now, 101)).await;
    assert_eq!(state().await, "deleted");

    // A copy of the files goes on in the same epoch until the operator says what it is.
    let renewed = restored.ok(&ground.operator, "Linkway.RenewEpoch", &json!({})).await;
    assert!(renewed["epoch"].as_u64() > Some(epoch));
    let answered = ground.ask(&restored, Some(&config)).await;
    assert_eq!(Some(answered.head.epoch), renewed["epoch"].as_u64());
    assert!(answered.config.is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_edge_says_is_shown_counted_and_forgotten_when_it_is_silent() {
    let (ground, server) = Ground::new().await;
    let id = [ground.interface(&server, 7).await];
    let describe = json!({ "edgeId": "r1" });
    let shown = async |server: &Served| {
        server.ok(&ground.operator, "Linkway.DescribeEdge", &describe).await
    };
    let version = ground.ask(&server, None).await.head.version();
    assert_eq!(ground.state(&server, &id[0]).await, pair("pending", "down"));
    // Of its own and of what is not its own.
    let mut report = ground.report(version, 2, &[id[0].clone(), "dxvif-zzzzzzzz".to_owned()], true);
    report["interfaces"].as_array_mut().expect("a list").push(json!({
        "virtualInterfaceId": id[0], "programmed": false,
    }));
    server.ok(&ground.edge, REPORT, &report).await;
    assert_eq!(ground.state(&server, &id[0]).await, pair("available", "up"));
    let detail = shown(&server).await;
    assert_eq!(detail["generation"], detail["desiredGeneration"]);
    assert_eq!(detail["epoch"], detail["desiredEpoch"]);
    assert_eq!((&detail["silent"], &detail["detailMissing"]), (&json!(false), &Value::Null));
    assert_eq!(detail["ports"][0]["carrier"], true);
    let interfaces = detail["interfaces"].as_array().expect("a list");
    assert_eq!(interfaces.len(), 1, "what is not its own is dropped");
    assert_eq!(interfaces[0]["peers"][0]["state"], "established");
    assert_eq!(interfaces[0]["peers"][0]["lastError"], "x[2J", "no control characters");
    assert_eq!(interfaces[0]["traffic"]["bytesOut"], 2000);
    let metrics = server.page("/metrics").await;
    let vif =
        format!("{{connection_id=\"{}\",virtual_interface_id=\"{}\"", ground.connection, id[0]);
    for line in [
        format!("linkway_connection_state{{connection_id=\"{}\"}} 1", ground.connection),
        format!("linkway_virtual_interface_bgp_status{vif},address_family=\"ipv4\"}} 1"),
        format!("linkway_virtual_interface_bytes_total{vif},direction=\"egress\"}} 2000"),
        format!("linkway_edge_generation{{edge=\"r1\"}} {}", version.generation),
    ] {
        assert!(metrics.lines().any(|there| there == line), "{line} in {metrics}");
    }
    assert_eq!(metrics.matches("# EOF\n").count(), 1);
    assert!(metrics.ends_with("# EOF\n") && !metrics.contains("dxvif-zzzzzzzz"));
    // The port loses its carrier: the connection and what is on it follow the edge's word.
    report["sequence"] = json!(3);
    report["ports"][0]["carrier"] = json!(false);
    server.ok(&ground.edge, REPORT, &report).await;
    let all = server.ok(&ground.tenant, "OvertureService.DescribeConnections", &json!({})).await;
    assert_eq!(all["connections"][0]["connectionState"], "down");

    // Another server, for which an edge is silent at once: unknown, and no series but when it was heard.
    let settings = Settings { silence: std::time::Duration::ZERO, ..Settings::default() };
    let store = Arc::clone(&ground.directory.store) as Arc<_>;
    let impatient = ground.directory.serve_with(store, settings);
    report["sequence"] = json!(4);
    impatient.ok(&ground.edge, REPORT, &report).await;
    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    assert_eq!(ground.state(&impatient, &id[0]).await, pair("unknown", "unknown"));
    assert_eq!(shown(&impatient).await["silent"], true);
    let metrics = impatient.page("/metrics").await;
    assert!(metrics.contains("linkway_edge_last_report_timestamp_seconds{edge=\"r1\"} "));
    assert!(!metrics.contains("linkway_connection_state{"), "{metrics}");
    let (status, refusal) = server
        .call(&ground.operator, "Linkway.DescribeEdge", &json!({ "edgeId": "no such" }))
        .await;
    assert_eq!(
        (status, text(&refusal, "message")),
        (400, "The edge no such does not exist.".to_owned())
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_report_is_the_last_that_is_heard_of_its_edge() {
    let (ground, server) = Ground::new().await;
    let id = [ground.interface(&server, 7).await];
    let version = ground.ask(&server, None).await.head.version();
    let report = |sequence: u64, up: bool| ground.report(version, sequence, &id, up);
    server.ok(&ground.edge, REPORT, &report(2, true)).await;
    for sequence in [u64::MAX, u64::MAX - 1, clock() + 25 * 3_600_000] {
        let (status, refusal) = server.call(&ground.edge, REPORT, &report(sequence, false)).await;
        assert_eq!(status, 400);
        let message = text(&refusal, "message");
        assert!(
            message.contains(&format!("sequence \"{sequence}\" must be at most ")),
            "{message}"
        );
        assert_eq!(ground.state(&server, &id[0]).await, pair("available", "up"));
        assert_eq!(ground.ask(&server, None).await.head.last_sequence, 2);
    }
    server.ok(&ground.edge, REPORT, &report(3, false)).await;
    assert_eq!(ground.state(&server, &id[0]).await, pair("down", "down"));

    // What a build without the bound has recorded: another server, or this one after its upgrade, hears the edge again.
    let seen = format!(
        "\u{1}{{\"record\":\"edge-seen\",\"at\":{},\"epoch\":1,\"generation\":1,\"sequence\":{}}}",
        clock(),
        u64::MAX
    );
    let write = Write::put("edge-seen/r1", seen.into_bytes());
    let commit = Commit { writes: vec![write], ..Commit::default() };
    ground.directory.store.commit(commit).await.expect("written");
    let upgraded = ground.directory.serve(Arc::clone(&ground.directory.store) as Arc<_>);
    assert_eq!(ground.ask(&upgraded, None).await.head.last_sequence, 0);
    for (sequence, up) in [(4, true), (5, false), (6, true)] {
        upgraded.ok(&ground.edge, REPORT, &report(sequence, up)).await;
        let state = if up { pair("available", "up") } else { pair("down", "down") };
        assert_eq!(ground.state(&upgraded, &id[0]).await, state);
    }
    let (status, refusal) = upgraded.call(&ground.edge, REPORT, &report(6, false)).await;
    let stale = "sequence \"6\" is not newer than the last report's, 6.";
    assert_eq!((status, text(&refusal, "message")), (400, stale.to_owned()));
}

/// Unix time in milliseconds.
fn clock() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    u64::try_from(now.as_millis()).expect("fits")
}

/// The operator sets them and sees them without their key; the owner of the gateway sees nothing of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_with_the_fabric_are_the_operators() {
    const KEY: &str = "fjord-Secret-1";
    let (mut ground, server) = Ground::new().await;
    let peer = json!({ "address": "192.0.2.1", "asn": 65_010, "authKey": KEY });
    let gateway = json!({
        "accountId": LENDER, "vpcId": "vpc-2", "cidrs": ["10.0.0.0/16"],
        "handoffs": [{ "edgeId": "r1", "interface": "vpc0", "nextHop": "192.0.2.1", "fabricPeer": peer }],
    });
    let (status, _) = server.call(&ground.tenant, "Linkway.CreateGateway", &gateway).await;
    assert_eq!(status, 400);
    let (status, _) = server.call(&ground.edge, "Linkway.CreateGateway", &gateway).await;
    assert_eq!(status, 400);
    let made = server.ok(&ground.operator, "Linkway.CreateGateway", &gateway).await;
    let shown = |state: Value| {
        let mut peer = json!({ "address": "192.0.2.1", "asn": 65_010, "authenticated": true });
        if !state.is_null() {
            peer["state"] = state;
        }
        json!([{ "edgeId": "r1", "interface": "vpc0", "nextHop": "192.0.2.1", "fabricPeer": peer }])
    };
    assert_eq!((&made["handoffs"], &made["error"]), (&shown(Value::Null), &Value::Null));
    ground.gateway = text(&made, "virtualGatewayId");
    let id = [ground.interface(&server, 7).await];
    let answered = ground.ask(&server, None).await;
    let config = answered.config.expect("it has none");
    let handoff = &config.config().routing_domains[0].handoffs[0];
    let given = serde_json::to_value(handoff).expect("JSON");
    assert_eq!(given, json!({ "interface": "vpc0", "nextHop": "192.0.2.1", "fabricPeer": peer }));

    let mut report = ground.report(config.version(), 2, &id, true);
    let listed = async || {
        let all = server.ok(&ground.operator, "Linkway.ListGateways", &json!({})).await;
        let all = all["virtualGateways"].as_array().expect("a list").clone();
        all.into_iter().find(|one| one["virtualGatewayId"] == ground.gateway).expect("is listed")
    };
    let on_edge = async || {
        let detail =
            server.ok(&ground.operator, "Linkway.DescribeEdge", &json!({ "edgeId": "r1" })).await;
        detail["fabricSessions"].clone()
    };
    let about = json!({
        "virtualGatewayId": ground.gateway, "interface": "vpc0", "address": "192.0.2.1", "asn": 65_010,
    });
    let with = |more: Value| {
        let mut all = about.clone();
        for (name, value) in more.as_object().expect("members") {
            all[name] = value.clone();
        }
        json!([all])
    };
    // An agent that knows nothing of such sessions.
    server.ok(&ground.edge, REPORT, &report).await;
    let old = "the edge says nothing of this session: upgrade linkway on the edge router";
    assert_eq!(on_edge().await, with(json!({ "error": old })));
    assert_eq!(listed().await["handoffs"], shown(Value::Null));

    let session = json!({
        "routingDomainId": ground.gateway, "addressFamily": "ipv4", "interface": "vpc0", "address": "192.0.2.1",
        "state": "active", "reachable": false, "error": "refused\u{1b}[2J",
    });
    let mut up = session.clone();
    (up["state"], up["reachable"]) = (json!("established"), json!(true));
    up["prefixesAdvertised"] = json!(3);
    up.as_object_mut().expect("an object").remove("error");
    report["sequence"] = json!(3);
    report["fabricSessions"] = json!([session, up]);
    server.ok(&ground.edge, REPORT, &report).await;
    let down = json!({
        "state": "active", "reachable": false, "prefixesAccepted": 0, "prefixesAdvertised": 0, "error": "refused[2J",
    });
    assert_eq!(on_edge().await, with(down));
    let gateway = listed().await;
    assert_eq!(
        (&gateway["handoffs"], &gateway["error"]),
        (&shown(json!("active")), &json!("r1: refused[2J"))
    );
    assert_eq!(gateway["virtualGatewayState"], "available");
    let labels = format!(
        "{{edge=\"r1\",virtual_gateway_id=\"{}\",address_family=\"ipv4\"}}",
        ground.gateway
    );
    let metrics = server.page("/metrics").await;
    for name in ["linkway_fabric_bgp_status", "linkway_fabric_reachable"] {
        assert!(metrics.contains(&format!("{name}{labels} 0\n")), "{metrics}");
    }

    report["sequence"] = json!(4);
    report["fabricSessions"] = json!([up]);
    server.ok(&ground.edge, REPORT, &report).await;
    let up = json!({
        "state": "established", "reachable": true, "prefixesAccepted": 0, "prefixesAdvertised": 3,
    });
    assert_eq!(on_edge().await, with(up));
    let gateway = listed().await;
    assert_eq!(
        (&gateway["handoffs"], &gateway["error"]),
        (&shown(json!("established")), &Value::Null)
    );

    for target in ["OvertureService.DescribeVirtualGateways", DESCRIBE] {
        let seen = server.ok(&ground.tenant, target, &json!({})).await.to_string();
        for word in ["192.0.2.1", "vpc0", "65010", "abric", KEY] {
            assert!(!seen.contains(word), "{word} in {seen}");
        }
    }
    let events = server.ok(&ground.operator, "Linkway.ListEvents", &json!({ "kind": "all" })).await;
    let events = events.to_string();
    assert!(events.contains("CreateGateway") && !events.contains(KEY), "{events}");
    assert!(!metrics.contains(KEY));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_is_reset_and_the_edge_hears_of_it() {
    let (ground, server) = Ground::new().await;
    let id = ground.interface(&server, 7).await;
    let held = ground.ask(&server, None).await.config.expect("it has none");
    let body = json!({ "virtualInterfaceId": id });
    let answer = server.ok(&ground.operator, "Linkway.ResetBgpSession", &body).await;
    assert_eq!((text(&answer, "virtualInterfaceId"), &answer["authKey"]), (id, &Value::Null));
    let next = ground.ask(&server, Some(&held)).await.config.expect("a later one");
    assert_eq!(next.config().interfaces[0].peers[0].session_resets, 1);
    let (status, _) = server.call(&ground.tenant, "Linkway.ResetBgpSession", &body).await;
    assert_eq!(status, 400);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_that_do_not_unpack_are_refused() {
    let (ground, server) = Ground::new().await;
    let bomb = packed::encode(&vec![b' '; 50 << 20], None);
    let json = br#"{"generation":1,"sequence":9,"ports":[],"interfaces":[]}"#;
    let table: [(&[u8], &str, &str); 4] = [
        (&bomb, "zstd", "The report: "),
        (json, "zstd", "The report: "),
        (json, "gzip", "names an encoding other than zstd"),
        (&packed::encode(b"[]", None), "zstd", ""),
    ];
    for (body, encoding, said) in table {
        let headers = [("content-encoding", encoding)];
        let (response, bytes) = server.send(&ground.edge, REPORT, body, &headers).await;
        let answer = String::from_utf8(bytes).expect("text");
        assert!(response.status == 400 && answer.contains(said), "{encoding}: {answer}");
    }
}

/// An agent of the build before, which names no format, and one that is ahead: told which side to upgrade, and nothing changed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_of_another_format_is_refused() {
    let (ground, server) = Ground::new().await;
    let id = [ground.interface(&server, 7).await];
    let version = ground.ask(&server, None).await.head.version();
    for (format, upgrade) in [(None, "the edge router"), (Some(FORMAT + 1), "the server")] {
        let mut ask = json!({ "afterEpoch": 1, "afterGeneration": 1 });
        let mut report = ground.report(version, 2, &id, true);
        for body in [&mut ask, &mut report] {
            let members = body.as_object_mut().expect("it is one");
            members.remove("format");
            members.extend(format.map(|format| ("format".to_owned(), json!(format))));
        }
        // As the build before reports.
        report["interfaces"][0]["bgpUp"] = json!(true);
        for (target, body) in [(CONFIG, &ask), (REPORT, &report)] {
            let (status, refusal) = server.call(&ground.edge, target, body).await;
            let said = text(&refusal, "message");
            assert_eq!(status, 400, "{target} {format:?}");
            assert!(said.ends_with(&format!("upgrade linkway on {upgrade}")), "{said}");
        }
    }
    assert_eq!(ground.state(&server, &id[0]).await, pair("pending", "down"));
}
