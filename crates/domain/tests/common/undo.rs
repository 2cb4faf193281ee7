//! What the operator makes, takes back and makes again in random stories: few places, so that calls meet.

use linkway_domain::account::decide::{CreateAccount, EnableAccount, UpdateAccount};
use linkway_domain::edge::decide::CreateEdge;
use linkway_domain::edge::give_up::{GiveUpPart, Part};
use linkway_domain::id::EdgeId;
use linkway_domain::key;
use linkway_domain::location::decide::{CreateLocation, UpdateLocation};
use linkway_domain::port::decide::{CreatePort, DeletePort};
use linkway_domain::transit_gateway::decide::UpdateTransitGateway;
use linkway_domain::virtual_gateway::decide::HandoffText;
use linkway_domain::virtual_gateway::update::UpdateGateway;
use linkway_domain::webhook::decide::{PutWebhook, WebhookText};

use super::World;
use super::act::{Act, What, pick};
use super::command::Command;
use super::scene::{R1, R2};

const LOCATIONS: [&str; 4] = ["PAR1", "SIM1", "LON1", "SIM2"];
const EDGES: [&str; 3] = [R1, R2, "lon1-r1"];

/// A call about this account, or about what `act` says.
pub fn command(act: &Act, account: &str) -> Command {
    let location = LOCATIONS[usize::from(act.detail) % LOCATIONS.len()].to_owned();
    let edge = EDGES[usize::from(act.other) % EDGES.len()].to_owned();
    let id = account.to_owned();
    let name = format!("name {}", act.thing % 4);
    let interface = format!("eth{}", act.detail % 4 + 1);
    match act.what {
        What::ChangeAccount if act.detail.is_multiple_of(5) => Command::DeleteWebhook(id),
        What::ChangeAccount if act.detail.is_multiple_of(7) => {
            let url = WebhookText(format!("https://{edge}.example.com/"));
            Command::PutWebhook(PutWebhook { account: id, url, new_secret: act.thing > 128 })
        }
        What::ChangeAccount if act.detail.is_multiple_of(2) => {
            Command::UpdateAccount(UpdateAccount { id, name })
        }
        What::ChangeAccount => {
            let enabled = act.detail.is_multiple_of(3);
            Command::EnableAccount(EnableAccount { id, enabled })
        }
        What::DeleteAccount => Command::DeleteAccount(id),
        What::NewLocation if act.thing.is_multiple_of(3) => {
            Command::UpdateLocation(UpdateLocation { code: location, name })
        }
        What::NewLocation => self::location(&location),
        What::DeleteLocation => Command::DeleteLocation(location),
        What::NewEdge => self::edge(&edge),
        What::ResetEdge => Command::ResetEdge(edge),
        What::DeleteEdge => Command::DeleteEdge(edge),
        What::NewPort => Command::CreatePort(CreatePort {
            edge,
            interface,
            bandwidth: "10Gbps".to_owned(),
            jumbo: true,
        }),
        What::DeletePort => Command::DeletePort(DeletePort { edge, interface }),
        _ => self::account(&id),
    }
}

pub fn account(id: &str) -> Command {
    let (id, name) = (id.to_owned(), format!("Account {id}"));
    Command::CreateAccount(CreateAccount { id, name })
}

pub fn location(code: &str) -> Command {
    let (code, name, simulated) =
        (code.to_owned(), format!("Location {code}"), code.starts_with("SIM"));
    Command::CreateLocation(CreateLocation { code, name, simulated })
}

pub fn edge(id: &str) -> Command {
    let location = if id.starts_with("lon1") { "LON1" } else { "PAR1" }.to_owned();
    Command::CreateEdge(CreateEdge { id: id.to_owned(), location })
}

/// A router is off for good, or so the operator says: of something that it holds, if it holds anything.
pub fn given_up(world: &World, act: &Act) -> Command {
    let edge = EDGES[usize::from(act.other) % EDGES.len()].to_owned();
    let id = EdgeId::parse(&edge).expect("an edge's id");
    let interfaces = world.ids_in(&key::edge_interfaces(&id)).flat_map(|vif| {
        let vif = || vif.parse().expect("an index's key");
        [Part::Interface(vif()), Part::Status(vif())]
    });
    let connections = world.ids_in(&key::edge_connections(&id));
    let parts = connections.map(|line| Part::Connection(line.parse().expect("an index's key")));
    let leaving = world.ids_in(&key::edge_associations(&id));
    let leaving = leaving.map(|it| Part::Association(it.parse().expect("an index's key")));
    let parts: Vec<_> = interfaces.chain(parts).chain(leaving).collect();
    let missing = Part::Connection("dxcon-00000000".parse().expect("an id"));
    let part = pick(&parts, act.detail).cloned().unwrap_or(missing);
    Command::GiveUp(GiveUpPart { edge, force: act.who.is_multiple_of(2), part })
}

/// A transit gateway's new handoffs.
pub fn moved_transit(id: String, act: &Act) -> Command {
    let handoffs = Some(new_handoffs(act));
    Command::UpdateTransitGateway(UpdateTransitGateway { id, name: None, handoffs })
}

/// A gateway's new handoffs.
pub fn moved(id: String, act: &Act) -> Command {
    let handoffs = new_handoffs(act);
    let name = act.thing.is_multiple_of(2).then(|| format!("vpc {}", act.thing));
    Command::UpdateGateway(UpdateGateway { id, name, handoffs: Some(handoffs) })
}

fn new_handoffs(act: &Act) -> Vec<HandoffText> {
    let handoff = |nth: u8| HandoffText {
        edge: EDGES[usize::from(nth) % EDGES.len()].to_owned(),
        interface: format!("up{}", nth % 4),
        next_hop: format!("192.0.2.{}", act.detail % 2 + 1),
        fabric_peer: None,
    };
    (0..act.detail % 4).map(|nth| handoff(act.other.wrapping_add(nth))).collect()
}
