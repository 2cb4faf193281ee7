//! What the operator takes back: what still hangs on it is named, whoever makes something on it at the same time wins or loses
//! as a whole, and what was deleted can be made again.

mod common;

use common::act::AGREEMENT;
use common::command::{Command, Outcome};
use common::edge::Router;
use common::race::exclusive;
use common::scene::{A, B, C, R1, R2, Scene, account, gateway, plain};
use common::{Call, refused};
use linkway_domain::access_key::Principal;
use linkway_domain::access_key::decide::CreateAccessKey;
use linkway_domain::account::decide::{CreateAccount, EnableAccount, UpdateAccount};
use linkway_domain::connection::decide::CreateConnection;
use linkway_domain::customer_agreement::decide::ConfirmCustomerAgreement;
use linkway_domain::edge::decide::CreateEdge;
use linkway_domain::id::EdgeId;
use linkway_domain::key;
use linkway_domain::location::decide::{CreateLocation, UpdateLocation};
use linkway_domain::port::decide::{CreatePort, DeletePort};
use linkway_domain::virtual_gateway::decide::{CreateGateway, HandoffText};
use linkway_domain::virtual_gateway::update::UpdateGateway;
use linkway_domain::virtual_interface::Phase;

fn operator(scene: &mut Scene, command: Command) -> Call {
    scene.call(Principal::Operator, command)
}

fn refuse(scene: &mut Scene, command: Command, text: &str) {
    let call = operator(scene, command);
    refused(scene.world.run(&call), text);
}

fn order(location: &str) -> Command {
    Command::CreateConnection(CreateConnection {
        location: location.to_owned(),
        bandwidth: "10Gbps".to_owned(),
        name: "line".to_owned(),
        ..CreateConnection::default()
    })
}

fn location(code: &str) -> Command {
    let (code, simulated) = (code.to_owned(), code.starts_with("SIM"));
    Command::CreateLocation(CreateLocation { name: code.clone(), code, simulated })
}

fn edge(id: &str, location: &str) -> Command {
    Command::CreateEdge(CreateEdge { id: id.to_owned(), location: location.to_owned() })
}

fn new_port(edge: &str, interface: &str) -> Command {
    let [edge, interface, bandwidth] = [edge, interface, "10Gbps"].map(str::to_owned);
    Command::CreatePort(CreatePort { edge, interface, bandwidth, jumbo: true })
}

fn delete_port(edge: &str, interface: &str) -> Command {
    let [edge, interface] = [edge, interface].map(str::to_owned);
    Command::DeletePort(DeletePort { edge, interface })
}

fn handoff(edge: &str, interface: &str, next_hop: &str) -> HandoffText {
    let [edge, interface, next_hop] = [edge, interface, next_hop].map(str::to_owned);
    HandoffText { edge, interface, next_hop, fabric_peer: None }
}

fn moved(id: impl ToString, handoffs: Vec<HandoffText>) -> Command {
    Command::UpdateGateway(UpdateGateway {
        id: id.to_string(),
        name: None,
        handoffs: Some(handoffs),
    })
}

fn deleted_location(code: &str) -> Command {
    Command::DeleteLocation(code.to_owned())
}

fn deleted_edge(id: &str) -> Command {
    Command::DeleteEdge(id.to_owned())
}

fn deleted_account(id: &str) -> Command {
    Command::DeleteAccount(id.to_owned())
}

#[test]
fn what_hangs_on_a_thing_is_named() {
    let mut scene = Scene::new();
    refuse(
        &mut scene,
        deleted_location("PAR1"),
        "locationCode \"PAR1\" cannot be deleted while these are there: edge par1-r1, par1-r2.",
    );
    refuse(
        &mut scene,
        deleted_edge(R1),
        "edgeId \"par1-r1\" cannot be deleted while these are there: port eth1, eth2, eth3 and 1 more.",
    );
    let line = scene.line(A, R1, "eth1");
    refuse(
        &mut scene,
        delete_port(R1, "eth1"),
        &format!("interface \"eth1\" of edge par1-r1 cannot be deleted: connection {line} has it."),
    );
    let vpc = scene.vpc(A);
    let interface = scene.create(A, &line, &vpc.id, plain(7)).expect("is free").id;
    refuse(
        &mut scene,
        deleted_account(A),
        &format!(
            "accountId \"{A}\" cannot be deleted while these are there: connection {line}; virtual interface {interface}; \
             virtual gateway {}.",
            vpc.id
        ),
    );
    refuse(
        &mut scene,
        Command::DeleteConnection(line.to_string()),
        &format!(
            "connectionId \"{line}\" cannot be deleted while these are there: virtual interface {interface}."
        ),
    );
    let simulated = scene.order(B, "SIM1").id;
    refuse(
        &mut scene,
        deleted_location("SIM1"),
        &format!(
            "locationCode \"SIM1\" cannot be deleted while these are there: connection {simulated}."
        ),
    );
    refuse(
        &mut scene,
        deleted_edge("simulated-SIM1"),
        "edgeId \"simulated-SIM1\" is built in: it goes with its location SIM1.",
    );
    for (command, text) in [
        (deleted_location("LON1"), "locationCode \"LON1\" does not exist."),
        (deleted_edge("r9"), "edgeId \"r9\" does not exist."),
        (delete_port(R1, "eth9"), "interface \"eth9\" is not a port of edge par1-r1."),
        (deleted_account("999999999999"), "accountId \"999999999999\" does not exist."),
    ] {
        refuse(&mut scene, command, text);
    }
    assert_eq!(scene.world.violations(), Vec::<String>::new());
}

/// All of an installation, from the ends to the root, and again.
#[test]
fn everything_can_be_taken_back_and_made_again() {
    let mut scene = Scene::new();
    let line = scene.line(A, R1, "eth1");
    let vpc = scene.vpc(A).id;
    scene.operate(moved(&vpc, vec![handoff(R1, "up0", "192.0.2.1")]));
    let own = scene.create(A, &line, &vpc, plain(7)).expect("is free").id;
    let lent = scene.allocate((A, B), &line, plain(8)).expect("is free").id;
    let agree = ConfirmCustomerAgreement { name: Some(AGREEMENT.to_owned()) };
    scene.tenant(A, Command::ConfirmAgreement(agree)).expect("is offered");
    scene.operate(Command::CreateAccessKey(CreateAccessKey::Account(A.to_owned())));
    scene.settle(true, true);
    // The operator ends what A has left behind, with the states of A's own calls.
    for (id, phase) in [(&own, Phase::Deleting), (&lent, Phase::Rejected)] {
        scene.operate(Command::DeleteInterface(id.to_string()));
        assert_eq!(scene.phase(id), phase);
    }
    scene.settle(true, true);
    scene.operate(Command::DeleteConnection(line.to_string()));
    refuse(
        &mut scene,
        deleted_edge(R1),
        &format!(
            "edgeId \"par1-r1\" cannot be deleted while these are there: port eth1, eth2, eth3 and 1 more; connection \
             {line}; handoff of gateway {vpc}."
        ),
    );
    scene.settle(true, true);
    scene.operate(Command::DeleteGateway(vpc.to_string()));
    for edge in [R1, R2] {
        for port in 1..=4 {
            scene.operate(delete_port(edge, &format!("eth{port}")));
        }
        scene.operate(deleted_edge(edge));
    }
    scene.operate(deleted_location("PAR1"));
    scene.operate(deleted_location("SIM1"));
    // What has ended shows for a while, to its owner and not to the next one of the same id.
    let mut ended = [own.to_string(), lent.to_string()];
    ended.sort();
    refuse(
        &mut scene,
        deleted_account(A),
        &format!(
            "accountId \"{A}\" cannot be deleted while these are there: connection {line}; virtual interface {}.",
            ended.join(", ")
        ),
    );
    scene.later(30 * common::scene::DAY).reconcile();
    for id in [A, B, C] {
        scene.operate(deleted_account(id));
    }
    assert_eq!(scene.world.violations(), Vec::<String>::new());
    // What accounts were told stays for a while; the next account of an id is told from its beginning on.
    let is_kept = |at: &&str| !at.starts_with("notice/");
    let left: Vec<&str> = scene.world.records.keys().map(String::as_str).filter(is_kept).collect();
    assert_eq!(left, [key::epoch(scene.world.epoch()).as_str()]);
    for again in [
        Command::CreateAccount(CreateAccount { id: A.to_owned(), name: "Again".to_owned() }),
        location("PAR1"),
        location("SIM1"),
        edge(R1, "PAR1"),
        new_port(R1, "eth1"),
    ] {
        scene.operate(again);
    }
    scene.routers = vec![Router::new(EdgeId::parse(R1).expect("an edge id"))];
    scene.line(A, R1, "eth1");
    scene.settle(true, true);
    assert_eq!(scene.world.violations(), Vec::<String>::new());
}

#[test]
fn deleting_a_location_against_what_is_made_there() {
    let mut scene = Scene::new();
    scene.operate(location("LON1"));
    let delete = operator(&mut scene, deleted_location("LON1"));
    let order_there = scene.call(Principal::Account(account(A)), order("LON1"));
    let id = common::World::decide(&scene.world, &order_there).expect("possible");
    let Outcome::Connection(ordered) = id.decision.outcome else { panic!("a connection") };
    let gone = "location \"LON1\" does not exist; DescribeLocations lists the locations.";
    let there = format!(
        "locationCode \"LON1\" cannot be deleted while these are there: connection {}.",
        ordered.id
    );
    exclusive(&scene.world, &delete, &order_there, [gone, &there]);
    let made = operator(&mut scene, edge("lon1-r1", "LON1"));
    let gone = "locationCode \"LON1\" does not exist.";
    let there = "locationCode \"LON1\" cannot be deleted while these are there: edge lon1-r1.";
    exclusive(&scene.world, &delete, &made, [gone, there]);
    let simulated = operator(&mut scene, deleted_location("SIM1"));
    let handoffs = vec![handoff("simulated-SIM1", "up0", "192.0.2.1")];
    let Command::CreateGateway(new) = gateway(A) else { panic!("a gateway") };
    let made = operator(&mut scene, Command::CreateGateway(CreateGateway { handoffs, ..new }));
    let Outcome::Gateway(vpc) = scene.world.decide(&made).expect("possible").decision.outcome
    else {
        panic!("a gateway")
    };
    let there = format!(
        "locationCode \"SIM1\" cannot be deleted while these are there: handoff of gateway {}.",
        vpc.id
    );
    let gone = "handoffs[0].edgeId \"simulated-SIM1\" does not exist.";
    exclusive(&scene.world, &simulated, &made, [gone, &there]);
}

#[test]
fn deleting_an_edge_against_what_is_made_on_it() {
    let mut scene = Scene::new();
    scene.operate(edge("r9", "PAR1"));
    let vpc = scene.vpc(A).id;
    let delete = operator(&mut scene, deleted_edge("r9"));
    let gone = "edgeId \"r9\" does not exist.";
    let port = operator(&mut scene, new_port("r9", "eth1"));
    let there = "edgeId \"r9\" cannot be deleted while these are there: port eth1.";
    exclusive(&scene.world, &delete, &port, [gone, there]);
    let moving = operator(&mut scene, moved(&vpc, vec![handoff("r9", "up0", "192.0.2.1")]));
    let there =
        format!("edgeId \"r9\" cannot be deleted while these are there: handoff of gateway {vpc}.");
    let not_there = "handoffs[0].edgeId \"r9\" does not exist.";
    exclusive(&scene.world, &delete, &moving, [not_there, &there]);
    // A key that is made first is not left behind by a deletion that has not seen it.
    let key = CreateAccessKey::Edge("r9".to_owned());
    let key = operator(&mut scene, Command::CreateAccessKey(key));
    one_of_two_is_done_again(&scene, &key, &delete);
}

#[test]
fn deleting_a_port_against_giving_it_to_a_connection() {
    let mut scene = Scene::new();
    let line = scene.order(A, "PAR1").id;
    let delete = operator(&mut scene, delete_port(R1, "eth1"));
    let approve = operator(&mut scene, common::scene::approve(&line, R1, "eth1"));
    let gone = "interface \"eth1\" is not a port of edge par1-r1.";
    let there =
        format!("interface \"eth1\" of edge par1-r1 cannot be deleted: connection {line} has it.");
    exclusive(&scene.world, &delete, &approve, [gone, &there]);
}

#[test]
fn deleting_an_account_against_what_it_orders_and_gets() {
    let mut scene = Scene::new();
    let line = scene.line(A, R1, "eth1");
    let delete = operator(&mut scene, deleted_account(B));
    let by = |scene: &mut Scene, who: &str, command| {
        scene.call(Principal::Account(account(who)), command)
    };
    let order = by(&mut scene, B, order("PAR1"));
    let allocate = linkway_domain::virtual_interface::decide::AllocatePrivateVirtualInterface {
        connection: line.to_string(),
        owner: B.to_owned(),
        new: plain(7),
    };
    let allocate = by(&mut scene, A, Command::Allocate(allocate));
    let vpc = operator(&mut scene, gateway(B));
    let denied = format!("The account {B} does not exist.");
    let no_recipient = format!("ownerAccount \"{B}\" does not exist.");
    let no_owner = format!("accountId \"{B}\" does not exist.");
    for (call, gone) in [(order, denied), (allocate, no_recipient), (vpc, no_owner)] {
        let there = match scene.world.decide(&call).expect("possible").decision.outcome {
            Outcome::Connection(it) => format!("connection {}", it.id),
            Outcome::VirtualInterface(it) => format!("virtual interface {}", it.id),
            Outcome::Gateway(it) => format!("virtual gateway {}", it.id),
            other => panic!("{other:?}"),
        };
        let there = format!("accountId \"{B}\" cannot be deleted while these are there: {there}.");
        exclusive(&scene.world, &delete, &call, [&gone, &there]);
    }
    let key = CreateAccessKey::Account(B.to_owned());
    let key = operator(&mut scene, Command::CreateAccessKey(key));
    one_of_two_is_done_again(&scene, &key, &delete);
    let agree = ConfirmCustomerAgreement { name: Some(AGREEMENT.to_owned()) };
    let agree = by(&mut scene, B, Command::ConfirmAgreement(agree));
    one_of_two_is_done_again(&scene, &agree, &delete);
}

/// What the first adds goes with what the second deletes; the second conflicts and, done again, takes it along. The other way
/// around the first is refused.
fn one_of_two_is_done_again(scene: &Scene, adds: &Call, deletes: &Call) {
    for (first, second) in [(adds, deletes), (deletes, adds)] {
        let mut world = scene.world.clone();
        let winner = world.decide(first).expect("possible on its own");
        let loser = world.decide(second).expect("possible on its own");
        world.commit(&winner).expect("the first commit wins");
        world.commit(&loser).expect_err("the second is a conflict");
        let again = world.run(second);
        assert_eq!(again.is_ok(), std::ptr::eq(second, deletes), "{again:?}");
        assert_eq!(world.violations(), Vec::<String>::new());
    }
}

#[test]
fn accounts_and_locations_are_renamed_and_accounts_disabled() {
    let mut scene = Scene::new();
    let rename = |name: &str| {
        Command::UpdateAccount(UpdateAccount { id: A.to_owned(), name: name.to_owned() })
    };
    let Outcome::Account(renamed) = scene.operate(rename("Alba Ltd")) else { panic!("an account") };
    assert_eq!((renamed.name.as_str(), renamed.enabled), ("Alba Ltd", true));
    refuse(&mut scene, rename(""), "name \"\" must have 1 to 100 characters, not 0.");
    for enabled in [false, false, true] {
        let command = EnableAccount { id: A.to_owned(), enabled };
        let Outcome::Account(it) = scene.operate(Command::EnableAccount(command)) else {
            panic!("an account")
        };
        assert_eq!((it.name.as_str(), it.enabled), ("Alba Ltd", enabled));
    }
    let rename = |code: &str| {
        let (code, name) = (code.to_owned(), "Paris, Example House".to_owned());
        Command::UpdateLocation(UpdateLocation { code, name })
    };
    let Outcome::Location(renamed) = scene.operate(rename("PAR1")) else { panic!("a location") };
    assert_eq!(renamed.name, "Paris, Example House");
    assert!(!renamed.speeds.is_empty(), "nothing else changes");
    let revision = scene.world.revision;
    scene.operate(rename("PAR1"));
    assert_eq!(scene.world.revision, revision, "it has that name");
    refuse(&mut scene, rename("LON1"), "locationCode \"LON1\" does not exist.");
}

/// A moved handoff changes the configuration of the routers that it leaves and comes to, and of nothing else on them.
#[test]
fn a_gateway_moves_and_its_interfaces_stay() {
    let mut scene = Scene::new();
    let line = scene.line(A, R1, "eth1");
    let vpc = scene.vpc(A).id;
    scene.create(A, &line, &vpc, plain(7)).expect("is free");
    let edges = [R1, R2].map(|id| EdgeId::parse(id).expect("an edge id"));
    let configs = |scene: &Scene| edges.clone().map(|edge| scene.world.config(&edge));
    let before = configs(&scene);
    scene.operate(moved(&vpc, vec![handoff(R1, "up0", "192.0.2.1")]));
    let first = configs(&scene);
    assert!(first[0].generation > before[0].generation);
    assert_eq!(first[1], before[1]);
    assert_eq!(first[0].interfaces, before[0].interfaces);
    assert_eq!(first[0].routing_domains[0].handoffs.len(), 1);
    // To the same interface with another next hop, and to another one: what the gateway has is no obstacle to itself.
    let next = vec![handoff(R1, "up0", "192.0.2.9"), handoff(R2, "up0", "192.0.2.1")];
    scene.operate(moved(&vpc, next.clone()));
    let second = configs(&scene);
    assert!((0..2).all(|nth| second[nth].generation > first[nth].generation));
    assert_eq!(second[0].routing_domains[0].handoffs[0].next_hop.to_string(), "192.0.2.9");
    let revision = scene.world.revision;
    scene.operate(moved(&vpc, next));
    assert_eq!(scene.world.revision, revision, "there it is already");
    let named =
        UpdateGateway { id: vpc.to_string(), name: Some("office".to_owned()), handoffs: None };
    let Outcome::Gateway(it) = scene.operate(Command::UpdateGateway(named)) else {
        panic!("a gateway")
    };
    assert_eq!((it.name.as_deref(), it.handoffs.len()), (Some("office"), 2));
    assert_eq!(configs(&scene), second, "a name is nothing to a router");
    // Another gateway's interface, a customer's port, an edge that there is not.
    let other = scene.vpc(B).id;
    for (handoffs, text) in [
        (
            vec![handoff(R1, "up0", "192.0.2.1")],
            "handoffs[0].interface \"up0\" of edge par1-r1 is the handoff of another gateway.",
        ),
        (
            vec![handoff(R1, "up1", "192.0.2.1"), handoff(R1, "eth2", "192.0.2.1")],
            "handoffs[1].interface \"eth2\" is a customer port of edge par1-r1; a handoff leads to the cloud's fabric.",
        ),
        (vec![handoff("r9", "up1", "192.0.2.1")], "handoffs[0].edgeId \"r9\" does not exist."),
    ] {
        refuse(&mut scene, moved(&other, handoffs), text);
    }
    // What it leaves is free for others.
    scene.operate(moved(&vpc, Vec::new()));
    scene.operate(moved(&other, vec![handoff(R1, "up0", "192.0.2.1")]));
    assert_eq!(scene.world.violations(), Vec::<String>::new());
}

#[test]
fn two_gateways_that_move_to_one_interface() {
    let mut scene = Scene::new();
    let [one, other] = [A, B].map(|owner| scene.vpc(owner).id);
    let [one, other] = [one, other]
        .map(|id| operator(&mut scene, moved(id, vec![handoff(R1, "up0", "192.0.2.1")])));
    let taken = "handoffs[0].interface \"up0\" of edge par1-r1 is the handoff of another gateway.";
    exclusive(&scene.world, &one, &other, [taken, taken]);
}
