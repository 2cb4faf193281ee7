//! The edge feed, with this test as the edge: what a router is told, and what becomes of what it
//! says.

use std::time::{Duration, Instant};

use linkway_wire::feed::FORMAT;
use serde_json::{Value, json};

use crate::process::client::{Client, wait_in_flight};
use crate::process::world::{Account, allocation, edge, order, port, text};
use crate::process::{Desk, Process, QUICK, wait_for};

/// A location with one edge, a connection on it, and an interface that waits for its owner.
struct Ground {
    server: Process,
    desk: Desk,
    edge: Client,
    other_edge: Client,
    lender: Client,
    recipient: Client,
    operator: Client,
    gateway: String,
    connection: String,
    interface: String,
    sequence: u64,
    epoch: u64,
}

impl Ground {
    fn new(config: &str) -> Self {
        let desk = Desk::new(&format!("{QUICK}{config}"));
        let server = desk.start();
        let address = server.address();
        let mut operator = desk.operator(&server);
        let edge_key = edge(&mut operator, "PAR1", "par1-a");
        let other_key = edge(&mut operator, "PAR1", "par1-b");
        port(&mut operator, "par1-a", "eth1", "1Gbps");
        let lender = Account::create(&mut operator, "123456789000");
        let recipient = Account::create(&mut operator, "210987654321");
        let gateway = recipient.gateway(&mut operator);
        let owner = recipient.id.clone();
        let (mut lender, recipient) = (lender.client(address), recipient.client(address));
        let connection = order(&mut lender, "PAR1", "trunk");
        operator.ok("ApproveConnection", &json!({ "connectionId": connection }));
        let mut ground = Self {
            edge: Client::linkway(address, &edge_key),
            other_edge: Client::linkway(address, &other_key),
            lender,
            recipient,
            operator,
            gateway,
            interface: String::new(),
            connection,
            sequence: 0,
            epoch: 0,
            server,
            desk,
        };
        let generation = ground.config()["generation"].as_u64().expect("a number");
        ground.report(generation, Some(true), None);
        let body = allocation(&ground.connection, &owner, "lent", 101, 1);
        let made = ground.lender.ok("AllocatePrivateVirtualInterface", &body);
        ground.interface = text(&made, "virtualInterfaceId");
        ground
    }

    /// The whole configuration, as an edge that has none asks for it.
    fn config(&mut self) -> Value {
        let config = self.edge.ok("GetEdgeConfig", &json!({ "format": FORMAT }))["config"].take();
        self.epoch = config["epoch"].as_u64().expect("a number");
        config
    }

    fn generation(&mut self) -> u64 {
        self.config()["generation"].as_u64().expect("a number")
    }

    /// What the edge says of its port and of the interface; `None`: nothing is there.
    fn report(&mut self, generation: u64, carrier: Option<bool>, interface: Option<Value>) {
        self.sequence += 1;
        let ports: Vec<_> = carrier
            .map(|carrier| json!({ "connectionId": self.connection, "carrier": carrier }))
            .into_iter()
            .collect();
        let interfaces: Vec<_> = interface
            .map(|mut reported| {
                reported["virtualInterfaceId"] = json!(self.interface);
                reported
            })
            .into_iter()
            .collect();
        let report = json!({
            "format": FORMAT, "epoch": self.epoch, "generation": generation, "sequence": self.sequence,
            "ports": ports, "interfaces": interfaces,
        });
        self.edge.ok("ReportEdgeStatus", &report);
    }

    fn confirm(&mut self) {
        let body = json!({
            "virtualInterfaceId": self.interface, "virtualGatewayId": self.gateway,
        });
        self.recipient.ok("ConfirmPrivateVirtualInterface", &body);
    }

    /// The state, which both sides and the operator agree on.
    fn state(&mut self) -> String {
        let state = self.lender.interface_state(&self.interface);
        assert_eq!(self.recipient.interface_state(&self.interface), state);
        let listed = self.operator.ok("ListInterfaces", &json!({}));
        assert_eq!(listed["virtualInterfaces"][0]["virtualInterfaceState"], state);
        state
    }

    fn end(self) {
        self.server.stop();
        assert_eq!(self.desk.check(), [""; 0]);
    }
}

fn up() -> Value {
    programmed("established")
}

/// An interface that is on the router, with its one session in this state.
fn programmed(session: &str) -> Value {
    json!({ "programmed": true, "peers": [{ "addressFamily": "ipv4", "state": session }] })
}

/// Invariant 2: nothing of an interface is on a router before its owner confirmed it, or after it
/// is deleted.
#[test]
fn the_configuration_holds_what_was_accepted_and_nothing_else() {
    let mut ground = Ground::new("");
    let before = ground.config();
    assert_eq!(before["edgeId"], "par1-a");
    let ports = json!([{ "interface": "eth1", "connectionId": ground.connection }]);
    assert_eq!(before["ports"], ports);
    assert_eq!((&before["interfaces"], &before["routingDomains"]), (&json!([]), &json!([])));
    ground.confirm();
    let after = ground.config();
    assert!(after["generation"].as_u64() > before["generation"].as_u64());
    let shown = ground.recipient.interface(&ground.interface).expect("there");
    let told = &after["interfaces"][0];
    assert_eq!(after["interfaces"].as_array().map(Vec::len), Some(1));
    for member in ["virtualInterfaceId", "vlan", "mtu"] {
        assert_eq!(told[member], shown[member], "{member} of {told}");
    }
    assert_eq!(told["kind"], "private");
    assert_eq!(told["routingDomainId"], shown["virtualGatewayId"]);
    let (peer, shown) = (&told["peers"][0], &shown["bgpPeers"][0]);
    assert_eq!(told["peers"].as_array().map(Vec::len), Some(1));
    for member in ["bgpPeerId", "asn", "authKey"] {
        assert_eq!(peer[member], shown[member], "{member} of {told}");
    }
    let domains = json!([{
        "routingDomainId": ground.gateway, "amazonSideAsn": 64512,
        "cidrs": ["10.0.0.0/16"], "handoffs": [],
    }]);
    assert_eq!(after["routingDomains"], domains);
    // The other edge knows nothing of it.
    let other = ground.other_edge.ok("GetEdgeConfig", &json!({ "format": FORMAT }));
    assert_eq!(other["config"]["edgeId"], "par1-b");
    assert_eq!(other["config"]["ports"], json!([]));
    assert_eq!(other["config"]["interfaces"], json!([]));
    let delete = json!({ "virtualInterfaceId": ground.interface });
    ground.lender.ok("DeleteVirtualInterface", &delete);
    assert_eq!(ground.config()["interfaces"], json!([]));
    ground.end();
}

#[test]
fn a_long_poll_wakes_at_once_and_otherwise_waits_its_time() {
    let mut ground = Ground::new("");
    let known = ground.generation();
    let epoch = ground.epoch;
    let same = json!({ "format": FORMAT, "epoch": epoch, "generation": known, "lastSequence": ground.sequence });
    // Nothing new: the generation and no configuration, after the time that was asked for.
    let began = Instant::now();
    let wait = json!({ "format": FORMAT, "afterEpoch": epoch, "afterGeneration": known, "waitSeconds": 1 });
    assert_eq!(ground.edge.ok("GetEdgeConfig", &wait), same);
    let took = began.elapsed();
    assert!(took >= Duration::from_secs(1) && took < Duration::from_secs(10), "{took:?}");
    // At once without a wait; and the whole configuration for an edge that is behind, or ahead of
    // a server whose store is an older copy.
    let at_once = json!({ "format": FORMAT, "afterEpoch": epoch, "afterGeneration": known });
    assert_eq!(ground.edge.ok("GetEdgeConfig", &at_once), same);
    let generations = [0, known - 1, known + 1000].map(|generation| (epoch, generation));
    let epochs = [0, epoch - 1, epoch + 1].map(|epoch| (epoch, known));
    for (epoch, generation) in generations.into_iter().chain(epochs) {
        let ask = json!({ "format": FORMAT, "afterEpoch": epoch, "afterGeneration": generation, "waitSeconds": 60 });
        let answer = ground.edge.ok("GetEdgeConfig", &ask);
        assert_eq!(answer["generation"], known);
        assert_eq!(answer["config"]["generation"], known);
    }
    let mut waiting = std::mem::replace(
        &mut ground.edge,
        Client::linkway(ground.server.address(), &ground.desk.operator_key()),
    );
    let wait = json!({ "format": FORMAT, "afterEpoch": epoch, "afterGeneration": known, "waitSeconds": 30 });
    let thread = std::thread::spawn(move || {
        let answer = waiting.ok("GetEdgeConfig", &wait);
        (answer, Instant::now())
    });
    wait_in_flight(ground.desk.admin_address(), 1);
    ground.confirm();
    let confirmed = Instant::now();
    let (answer, woken) = thread.join().expect("answered");
    assert!(woken.saturating_duration_since(confirmed) < Duration::from_secs(1));
    assert_eq!(answer["config"]["interfaces"][0]["virtualInterfaceId"], *ground.interface);
    ground.end();
}

#[test]
fn states_follow_what_the_edge_reports() {
    let mut ground = Ground::new("");
    assert_eq!(ground.state(), "confirming");
    ground.confirm();
    assert_eq!(ground.state(), "pending");
    let generation = ground.generation();
    let failing = json!({ "programmed": false, "error": "no such interface" });
    let [down, up_again] = ["active", "established"].map(|six| {
        let mut both = programmed("active");
        let six = json!({ "addressFamily": "ipv6", "state": six });
        both["peers"].as_array_mut().expect("a list").push(six);
        both
    });
    let table = [
        (json!({ "programmed": false }), "pending"),
        (json!({ "programmed": true }), "down"),
        (up(), "available"),
        (programmed("active"), "down"),
        // One session of two is enough.
        (up_again, "available"),
        (down, "down"),
        (failing, "down"),
        (up(), "available"),
    ];
    for (reported, state) in table {
        ground.report(generation, Some(true), Some(reported.clone()));
        assert_eq!(ground.state(), state, "{reported}");
    }
    // The link of the connection.
    for (carrier, state) in [(false, "down"), (true, "available")] {
        ground.report(generation, Some(carrier), Some(up()));
        assert_eq!(ground.lender.connection_state(&ground.connection), state);
    }
    // A report that comes late is stale and changes nothing.
    let stale = json!({
        "format": FORMAT, "generation": generation, "sequence": ground.sequence, "ports": [], "interfaces": [],
    });
    let (_, refusal) = ground.edge.refused("ReportEdgeStatus", &stale);
    assert!(refusal.contains("is not newer than the last report's"), "{refusal}");
    assert_eq!(ground.state(), "available");
    ground.end();
}

#[test]
fn an_interface_is_gone_when_an_edge_that_knows_of_the_deletion_has_let_go() {
    let mut ground = Ground::new("");
    ground.confirm();
    let before = ground.generation();
    ground.report(before, Some(true), Some(up()));
    let delete = json!({ "virtualInterfaceId": ground.interface });
    let answer = ground.recipient.ok("DeleteVirtualInterface", &delete);
    assert_eq!(answer["virtualInterfaceState"], "deleting");
    let after = ground.generation();
    assert!(after > before);
    // Still there; not there, said by an edge that never heard of the deletion; not there, of a
    // generation that was never given out.
    ground.report(after, Some(true), Some(up()));
    assert_eq!(ground.state(), "deleting");
    ground.report(before, Some(true), None);
    assert_eq!(ground.state(), "deleting");
    ground.report(after + 1_000_000, Some(true), None);
    assert_eq!(ground.state(), "deleting");
    let live = json!({ "connectionId": ground.connection });
    let (_, refusal) = ground.lender.refused("DeleteConnection", &live);
    assert!(refusal.contains("until its Virtual Interfaces are deleted"), "{refusal}");
    ground.report(after, Some(true), None);
    assert_eq!(ground.state(), "deleted");
    // The same for the connection and its port, which is free again afterwards.
    let answer = ground.lender.ok("DeleteConnection", &live);
    assert_eq!(answer["connectionState"], "deleting");
    assert_eq!(ground.config()["ports"], json!([]));
    ground.report(after, None, None);
    assert_eq!(ground.lender.connection_state(&ground.connection), "deleting");
    let generation = ground.generation();
    ground.report(generation, None, None);
    assert_eq!(ground.lender.connection_state(&ground.connection), "deleted");
    let next = order(&mut ground.lender, "PAR1", "next");
    let approved = ground.operator.ok("ApproveConnection", &json!({ "connectionId": next }));
    assert_eq!(approved["interface"], "eth1");
    ground.end();
}

#[test]
fn the_states_of_a_silent_edge_are_unknown_until_it_is_heard_again() {
    let mut ground = Ground::new("edge_silent_seconds = 1.5\n");
    ground.confirm();
    let generation = ground.generation();
    ground.report(generation, Some(true), Some(up()));
    assert_eq!(ground.recipient.interface_state(&ground.interface), "available");
    wait_for("unknown", || {
        (ground.recipient.interface_state(&ground.interface) == "unknown").then_some(())
    });
    let connection = ground.connection.clone();
    wait_for("unknown", || {
        (ground.lender.connection_state(&connection) == "unknown").then_some(())
    });
    let edges = ground.operator.ok("ListEdges", &json!({}));
    assert_eq!(edges["edges"][0]["silent"], true, "{edges}");
    wait_for("available", || {
        ground.report(generation, Some(true), Some(up()));
        (ground.recipient.interface_state(&ground.interface) == "available").then_some(())
    });
    assert_eq!(ground.lender.connection_state(&connection), "available");
    ground.end();
}

#[test]
fn an_edges_key_is_good_for_its_own_feed_only() {
    let mut ground = Ground::new("");
    ground.confirm();
    let generation = ground.generation();
    ground.report(generation, Some(true), Some(up()));
    // Another edge's word on what is not its own counts for nothing.
    let report = json!({
        "format": FORMAT, "generation": generation, "sequence": 1_000_000,
        "ports": [{ "connectionId": ground.connection, "carrier": false }],
        "interfaces": [{
            "virtualInterfaceId": ground.interface, "programmed": false,
        }],
    });
    ground.other_edge.ok("ReportEdgeStatus", &report);
    assert_eq!(ground.state(), "available");
    assert_eq!(ground.lender.connection_state(&ground.connection), "available");
    let targets =
        ["OvertureService.DescribeConnections", "OvertureService.DescribeVirtualInterfaces"]
            .into_iter()
            .map(str::to_owned)
            .chain(
                linkway_wire::operator::OPERATIONS
                    .iter()
                    .map(|operation| format!("Linkway.{operation}")),
            );
    for target in targets {
        let answer = ground.edge.try_raw(&target, b"{}").expect("answered");
        let (code, _) = answer.error();
        assert_eq!((answer.status, &*code), (400, "AccessDeniedException"), "{target}");
    }
    for operation in ["GetEdgeConfig", "ReportEdgeStatus"] {
        let (code, _) = ground.operator.refused(operation, &json!({}));
        assert_eq!(code, "AccessDeniedException", "{operation} by the operator");
        let answer = ground.lender.try_raw(&format!("Linkway.{operation}"), b"{}");
        let (code, _) = answer.expect("answered").error();
        assert_eq!(code, "AccessDeniedException", "{operation} by an account");
    }
    ground.end();
}
