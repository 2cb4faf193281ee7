//! A request of a tenant, or an operator's about a gateway's handoffs, from its bytes to its decision, in a small world: every refusal has a bounded text, and what is
//! decided leaves every invariant of the store intact.
#![no_main]

use std::collections::BTreeMap;

use libfuzzer_sys::fuzz_target;
use linkway_domain::Time;
use linkway_domain::access_key::Principal;
use linkway_domain::check;
use linkway_domain::account::decide::CreateAccount;
use linkway_domain::association_proposal::decide::{AcceptProposal, CreateProposal};
use linkway_domain::bgp_peer::decide::{CreateBgpPeer, DeleteBgpPeer};
use linkway_domain::connection::decide::{ApproveConnection, CreateConnection, PortChoice};
use linkway_domain::customer_agreement::decide::ConfirmCustomerAgreement;
use linkway_domain::decide::{self, Command, Context};
use linkway_domain::dx_gateway::decide::{CreateDirectConnectGateway, UpdateDirectConnectGateway};
use linkway_domain::gateway_association::decide::{
    CreateAssociation, DeleteAssociation, UpdateAssociation,
};
use linkway_domain::edge::ConfigVersion;
use linkway_domain::edge::decide::CreateEdge;
use linkway_domain::edge::report::{ReportConnection, ReportHead};
use linkway_domain::id::EdgeId;
use linkway_domain::key::Key;
use linkway_domain::location::decide::CreateLocation;
use linkway_domain::record::Record;
use linkway_domain::seed::Seed;
use linkway_domain::settings::Settings;
use linkway_domain::tag::decide::TagChange;
use linkway_domain::view::{Ask, FIRST, First, Stop, View};
use linkway_domain::transit_gateway::decide::CreateTransitGateway;
use linkway_domain::virtual_gateway::decide::{CreateGateway, FabricPeerText, HandoffText};
use linkway_domain::virtual_gateway::update::UpdateGateway;
use linkway_domain::virtual_interface::decide::{AllocatePrivateVirtualInterface, CreatePrivateVirtualInterface};
use linkway_domain::virtual_interface::{NewInterface, Secret};
use linkway_domain::failover_test::decide::{StartBgpFailoverTest, StopBgpFailoverTest};
use linkway_domain::virtual_interface::moving::AssociateVirtualInterface;
use linkway_domain::virtual_interface::public::{
    AllocatePublicVirtualInterface, CreatePublicVirtualInterface,
};
use linkway_domain::virtual_interface::transit::{
    AllocateTransitVirtualInterface, CreateTransitVirtualInterface,
};
use linkway_domain::virtual_interface::update::UpdateVirtualInterfaceAttributes;
use linkway_wire::generated::{
    AcceptDirectConnectGatewayAssociationProposalRequest, AllocatePrivateVirtualInterfaceRequest,
    AllocatePublicVirtualInterfaceRequest, AllocateTransitVirtualInterfaceRequest,
    AssociateVirtualInterfaceRequest, CreatePublicVirtualInterfaceRequest,
    CreateTransitVirtualInterfaceRequest,
    ConfirmCustomerAgreementRequest, CreateBGPPeerRequest, CreateConnectionRequest,
    CreateDirectConnectGatewayAssociationProposalRequest,
    CreateDirectConnectGatewayAssociationRequest, CreateDirectConnectGatewayRequest,
    CreatePrivateVirtualInterfaceRequest, DeleteBGPPeerRequest,
    DeleteDirectConnectGatewayAssociationRequest, StartBgpFailoverTestRequest,
    StopBgpFailoverTestRequest, TagResourceRequest,
    UpdateDirectConnectGatewayAssociationRequest, UpdateDirectConnectGatewayRequest,
    UpdateVirtualInterfaceAttributesRequest,
};
use linkway_wire::json;
use linkway_wire::operation::Call;
use linkway_wire::operator;

const LENDER: &str = "111122223333";
const RECIPIENT: &str = "123456789000";

#[derive(Clone, Default)]
struct World {
    records: BTreeMap<String, Record>,
    settings: Settings,
    commands: u64,
}

impl World {
    fn run<C: Command>(&mut self, who: Principal, command: &C) -> Result<C::Outcome, String> {
        self.commands += 1;
        let context = Context {
            principal: who,
            now: Time::from_millis(1_000_000 + self.commands),
            seed: Seed::from_number(self.commands),
            settings: &self.settings,
        };
        let mut view = View::default();
        loop {
            match decide::decide(command, &view, &context) {
                Ok(decision) => {
                    for (key, record) in decision.writes {
                        match record {
                            Some(record) => self.records.insert(key.into_string(), record),
                            None => self.records.remove(key.as_str()),
                        };
                    }
                    return Ok(decision.outcome);
                }
                Err(Stop::Fault(fault)) => return Err(fault.to_string()),
                Err(Stop::Need(asks)) => {
                    for ask in asks {
                        match ask {
                            Ask::Record(key) => {
                                let found = self.records.get(key.as_str()).cloned();
                                view.load(key, u64::from(found.is_some()), found);
                            }
                            Ask::Empty(range) => {
                                let empty = !self.records.keys().any(|k| k.starts_with(range.as_str()));
                                view.load_empty(range, empty);
                            }
                            Ask::First(range) => {
                                let entries = self.records.iter();
                                let entries = entries.filter(|(key, _)| key.starts_with(range.as_str()));
                                let entry = |(key, record): (&String, &Record)| {
                                    (Key::from_stored(key.clone()), record.clone())
                                };
                                let first = First {
                                    entries: entries.clone().take(FIRST).map(entry).collect(),
                                    is_cut: entries.count() > FIRST,
                                };
                                view.load_first(range, first);
                            }
                        }
                    }
                }
            }
        }
    }

}

/// A world with something in it, and the ids of that.
struct Ground {
    world: World,
    connection: String,
    gateway: String,
    interface: String,
    direct: String,
    association: String,
    proposal: String,
    other_gateway: String,
    transit: String,
    hub: String,
    other_connection: String,
}

impl Ground {
    fn new() -> Self {
        let mut world = World::default();
        let operator = || Principal::Operator;
        for id in [LENDER, RECIPIENT] {
            let account = CreateAccount { id: id.to_owned(), name: "an account".to_owned() };
            world.run(operator(), &account).expect("a new account");
        }
        for (code, simulated) in [("PAR1", true), ("LON1", false)] {
            let location =
                CreateLocation { code: code.to_owned(), name: code.to_owned(), simulated };
            world.run(operator(), &location).expect("a new location");
        }
        let edge = CreateEdge { id: "r1".to_owned(), location: "LON1".to_owned() };
        world.run(operator(), &edge).expect("a new edge");
        let gateway = CreateGateway {
            account: LENDER.to_owned(),
            name: None,
            asn: None,
            vpc: "vpc-1".to_owned(),
            cidrs: vec!["10.0.0.0/16".to_owned()],
            handoffs: Vec::new(),
        };
        let gateway = world.run(operator(), &gateway).expect("a new gateway");
        let order = CreateConnection {
            location: "PAR1".to_owned(),
            bandwidth: "1Gbps".to_owned(),
            name: "a connection".to_owned(),
            ..CreateConnection::default()
        };
        let connection = world.run(lender(), &order).expect("a new connection");
        let id = connection.id.to_string();
        let approve = ApproveConnection { connection: id.clone(), port: PortChoice::Simulated };
        world.run(operator(), &approve).expect("a port");
        let edge = EdgeId::simulated(&connection.location);
        let version = ConfigVersion { epoch: 0, generation: 1 };
        let head = ReportHead { edge: edge.clone(), version, sequence: 1, access_key: None };
        let report = ReportConnection {
            head,
            connection: connection.id,
            carrier: Some(true),
        };
        world.run(Principal::Edge(edge.clone()), &report).expect("a carrier");
        let new = NewInterface {
            name: "an interface".to_owned(),
            vlan: Some(1),
            asn: Some(65_000),
            ..NewInterface::default()
        };
        let create = CreatePrivateVirtualInterface {
            connection: id.clone(),
            new,
            gateway: Some(gateway.id.to_string()),
            ..CreatePrivateVirtualInterface::default()
        };
        let interface = world.run(lender(), &create).expect("an interface").id.to_string();
        let direct = CreateDirectConnectGateway { name: "a gateway".to_owned(), ..Default::default() };
        let direct = world.run(lender(), &direct).expect("a gateway").id.to_string();
        let associate = CreateAssociation {
            gateway: direct.clone(),
            associated: Some(gateway.id.to_string()),
            ..CreateAssociation::default()
        };
        let association = world.run(lender(), &associate).expect("an association").id.to_string();
        let mut vpc = |account: &str, cidr: &str| {
            let gateway = CreateGateway {
                account: account.to_owned(),
                name: None,
                asn: None,
                vpc: "vpc-2".to_owned(),
                cidrs: vec![cidr.to_owned()],
                handoffs: Vec::new(),
            };
            world.run(operator(), &gateway).expect("a new gateway").id.to_string()
        };
        let (theirs, other_gateway) =
            (vpc(RECIPIENT, "10.1.0.0/16"), vpc(LENDER, "10.2.0.0/16"));
        let propose = CreateProposal {
            gateway: direct.clone(),
            gateway_owner: LENDER.to_owned(),
            associated: theirs,
            ..CreateProposal::default()
        };
        let transit = CreateTransitGateway {
            account: LENDER.to_owned(),
            asn: Some(64_520),
            ..CreateTransitGateway::default()
        };
        let transit = world.run(operator(), &transit).expect("a transit gateway").id.to_string();
        let hub = CreateDirectConnectGateway { name: "a hub".to_owned(), ..Default::default() };
        let hub = world.run(lender(), &hub).expect("a gateway").id.to_string();
        let other_connection = world.run(lender(), &order).expect("a connection").id;
        let approve = ApproveConnection {
            connection: other_connection.to_string(),
            port: PortChoice::Simulated,
        };
        world.run(operator(), &approve).expect("a port");
        let version = ConfigVersion { epoch: 0, generation: 2 };
        let head = ReportHead { edge: edge.clone(), version, sequence: 2, access_key: None };
        let connection = other_connection.clone();
        let report = ReportConnection { head, connection, carrier: Some(true) };
        world.run(Principal::Edge(edge), &report).expect("a carrier");
        let recipient = Principal::Account(RECIPIENT.parse().expect("12 digits"));
        let proposal = world.run(recipient, &propose).expect("a proposal").id.to_string();
        Self {
            world,
            connection: id,
            gateway: gateway.id.to_string(),
            interface,
            direct,
            association,
            proposal,
            other_gateway,
            transit,
            hub,
            other_connection: other_connection.to_string(),
        }
    }
}

fn lender() -> Principal {
    Principal::Account(LENDER.parse().expect("12 digits"))
}

/// The request with the ids of this world, so that the input can name them without guessing.
fn named(body: &[u8], ground: &Ground) -> String {
    String::from_utf8_lossy(body)
        .replace("$C", &ground.connection)
        .replace("$G", &ground.gateway)
        .replace("$I", &ground.interface)
        .replace("$D", &ground.direct)
        .replace("$A", &ground.association)
        .replace("$P", &ground.proposal)
        .replace("$V", &ground.other_gateway)
        .replace("$T", &ground.transit)
        .replace("$H", &ground.hub)
        .replace("$O", &ground.other_connection)
}

/// Tries a tenant's request as the command that it becomes.
fn attempt<R: Call + Into<C>, C: Command>(body: &[u8], ground: &Ground) {
    let Ok(request) = json::decode::<R>(named(body, ground).as_bytes()) else { return };
    if request.validate().is_ok() {
        decide(lender(), &request.into(), ground);
    }
}

/// Tries an operator's change of a gateway.
fn attempt_update_gateway(body: &[u8], ground: &Ground) {
    let request = json::decode::<operator::UpdateGateway>(named(body, ground).as_bytes());
    let Ok(request) = request else { return };
    let peer = |peer: operator::FabricPeer| FabricPeerText {
        address: peer.address,
        asn: peer.asn,
        auth_key: peer.auth_key.map(|key| Secret(key.into_exposed())),
    };
    let text = |handoff: operator::Handoff| HandoffText {
        edge: handoff.edge_id,
        interface: handoff.interface,
        next_hop: handoff.next_hop,
        fabric_peer: handoff.fabric_peer.map(peer),
    };
    let handoffs = request.handoffs.map(|all| all.into_iter().map(text).collect());
    let command = UpdateGateway { id: request.virtual_gateway_id, name: request.name, handoffs };
    decide(Principal::Operator, &command, ground);
}

fn decide<C: Command>(who: Principal, command: &C, ground: &Ground) {
    let mut world = ground.world.clone();
    let before = world.records.clone();
    match world.run(who, command) {
        Ok(_) => {
            let violations = check::violations(&world.records);
            assert!(violations.is_empty(), "{violations:?}");
        }
        Err(text) => {
            assert!(text.len() < 2048 && !text.contains(char::is_control), "{text:?}");
            assert_eq!(before, world.records);
        }
    }
}

fuzz_target!(|data: &[u8]| {
    thread_local!(static GROUND: Ground = Ground::new());
    let Some((which, body)) = data.split_first() else { return };
    GROUND.with(|ground| match which % 23 {
        0 => attempt::<AllocatePrivateVirtualInterfaceRequest, AllocatePrivateVirtualInterface>(body, ground),
        1 => attempt::<CreatePrivateVirtualInterfaceRequest, CreatePrivateVirtualInterface>(body, ground),
        2 => attempt::<CreateConnectionRequest, CreateConnection>(body, ground),
        3 => attempt::<TagResourceRequest, TagChange>(body, ground),
        4 => attempt::<UpdateVirtualInterfaceAttributesRequest, UpdateVirtualInterfaceAttributes>(body, ground),
        5 => attempt::<CreateBGPPeerRequest, CreateBgpPeer>(body, ground),
        6 => attempt::<DeleteBGPPeerRequest, DeleteBgpPeer>(body, ground),
        11 => attempt::<CreateDirectConnectGatewayRequest, CreateDirectConnectGateway>(body, ground),
        12 => attempt::<UpdateDirectConnectGatewayRequest, UpdateDirectConnectGateway>(body, ground),
        13 => attempt::<CreateDirectConnectGatewayAssociationRequest, CreateAssociation>(body, ground),
        14 => attempt::<UpdateDirectConnectGatewayAssociationRequest, UpdateAssociation>(body, ground),
        15 => attempt::<DeleteDirectConnectGatewayAssociationRequest, DeleteAssociation>(body, ground),
        16 => attempt::<CreateDirectConnectGatewayAssociationProposalRequest, CreateProposal>(body, ground),
        17 => attempt::<AcceptDirectConnectGatewayAssociationProposalRequest, AcceptProposal>(body, ground),
        18 => attempt::<CreatePublicVirtualInterfaceRequest, CreatePublicVirtualInterface>(body, ground),
        19 => attempt::<AllocatePublicVirtualInterfaceRequest, AllocatePublicVirtualInterface>(body, ground),
        20 => attempt::<CreateTransitVirtualInterfaceRequest, CreateTransitVirtualInterface>(body, ground),
        21 => attempt::<AllocateTransitVirtualInterfaceRequest, AllocateTransitVirtualInterface>(body, ground),
        22 => attempt::<AssociateVirtualInterfaceRequest, AssociateVirtualInterface>(body, ground),
        8 => attempt_update_gateway(body, ground),
        9 => attempt::<StartBgpFailoverTestRequest, StartBgpFailoverTest>(body, ground),
        10 => attempt::<StopBgpFailoverTestRequest, StopBgpFailoverTest>(body, ground),
        _ => attempt::<ConfirmCustomerAgreementRequest, ConfirmCustomerAgreement>(body, ground),
    });
});
