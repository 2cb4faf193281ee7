//! A small installation with a clock: three accounts, two routers at PAR1 and the simulated location SIM1.

use std::time::Duration;

use linkway_domain::access_key::Principal;
use linkway_domain::account::decide::CreateAccount;
use linkway_domain::association_proposal::Event as ProposalEvent;
use linkway_domain::connection::decide::{ApproveConnection, CreateConnection, PortChoice};
use linkway_domain::connection::{Connection, ConnectionEvent};
use linkway_domain::deadline::Deadline;
use linkway_domain::dx_gateway::DirectConnectGateway;
use linkway_domain::dx_gateway::decide::CreateDirectConnectGateway;
use linkway_domain::edge::ConfigVersion;
use linkway_domain::edge::decide::CreateEdge;
use linkway_domain::edge::report::{ReportConnection, ReportHead};
use linkway_domain::epoch::RenewEpoch;
use linkway_domain::gateway_association::Event as AssociationEvent;
use linkway_domain::id::{
    AccountId, AgreementName, ConnectionId, DirectConnectGatewayId, EdgeId, VirtualGatewayId,
    VirtualInterfaceId,
};
use linkway_domain::location::decide::CreateLocation;
use linkway_domain::port::decide::CreatePort;
use linkway_domain::transit_gateway::TransitGateway;
use linkway_domain::transit_gateway::decide::CreateTransitGateway;
use linkway_domain::virtual_gateway::Gateway;
use linkway_domain::virtual_gateway::decide::{CreateGateway, HandoffText};
use linkway_domain::virtual_interface::decide::{
    AllocatePrivateVirtualInterface as Allocate, ConfirmPrivateVirtualInterface as Confirm,
    CreatePrivateVirtualInterface as Create,
};
use linkway_domain::virtual_interface::{Event, Phase, State, VirtualInterface};
use linkway_domain::virtual_interface::{NewInterface, Secret};
use linkway_domain::{Fault, Time};

use super::act::AGREEMENT;
use super::command::{Command, Outcome};
use super::edge::Router;
use super::{Call, World};

pub const A: &str = "111111111111";
pub const B: &str = "222222222222";
pub const C: &str = "003333333333";
pub const R1: &str = "par1-r1";
pub const R2: &str = "par1-r2";
/// 2026-01-01T00:00:00Z.
pub const START: Time = Time::from_millis(1_767_225_600_000);
pub const DAY: u64 = 24 * 3_600_000;

/// Every event of an interface.
pub const EVENTS: [Event; 9] = [
    Event::Confirm,
    Event::ConfirmUnverified,
    Event::Verify,
    Event::Refuse,
    Event::DeleteByOwner,
    Event::DeleteByLender,
    Event::Expire,
    Event::Released,
    Event::Move,
];
/// Every event of a connection.
pub const CONNECTION_EVENTS: [ConnectionEvent; 6] = [
    ConnectionEvent::Approve,
    ConnectionEvent::Reject,
    ConnectionEvent::CarrierUp,
    ConnectionEvent::CarrierDown,
    ConnectionEvent::Delete,
    ConnectionEvent::Released,
];

/// Every event of an association.
pub const ASSOCIATION_EVENTS: [AssociationEvent; 4] = [
    AssociationEvent::Update,
    AssociationEvent::Disassociate,
    AssociationEvent::DisassociateUnused,
    AssociationEvent::Released,
];
/// Every event of a proposal.
pub const PROPOSAL_EVENTS: [ProposalEvent; 3] =
    [ProposalEvent::Accept, ProposalEvent::Delete, ProposalEvent::Expire];

/// The installation, its clock and its routers.
#[derive(Clone, Debug)]
pub struct Scene {
    pub world: World,
    pub now: Time,
    pub seed: u64,
    pub routers: Vec<Router>,
}

pub fn account(id: &str) -> AccountId {
    AccountId::parse(id).expect("an account id")
}

impl Scene {
    /// Accounts, locations, routers with four 10G ports each; `eth4` of each is not jumbo-capable.
    pub fn new() -> Self {
        let mut scene = Self { world: World::default(), now: START, seed: 0, routers: Vec::new() };
        let agreement = AgreementName::parse(AGREEMENT).expect("an agreement's name");
        scene.world.settings.customer_agreements = vec![agreement];
        scene.operate(Command::RenewEpoch(RenewEpoch::First { before: None }));
        for (id, name) in [(A, "Alba"), (B, "Boreal"), (C, "Corvo")] {
            scene.operate(Command::CreateAccount(CreateAccount {
                id: id.to_owned(),
                name: name.to_owned(),
            }));
        }
        for (code, simulated) in [("PAR1", false), ("SIM1", true)] {
            scene.operate(Command::CreateLocation(CreateLocation {
                code: code.to_owned(),
                name: format!("Location {code}"),
                simulated,
            }));
        }
        for edge in [R1, R2] {
            scene.operate(Command::CreateEdge(CreateEdge {
                id: edge.to_owned(),
                location: "PAR1".to_owned(),
            }));
            for port in 1..=4 {
                scene.operate(Command::CreatePort(CreatePort {
                    edge: edge.to_owned(),
                    interface: format!("eth{port}"),
                    bandwidth: "10Gbps".to_owned(),
                    jumbo: port != 4,
                }));
            }
        }
        scene.routers = scene.world.edges().into_iter().map(Router::new).collect();
        scene
    }

    /// A call at this moment.
    pub fn call(&mut self, principal: Principal, command: Command) -> Call {
        self.seed += 1;
        Call { principal, now: self.now, seed: self.seed, command }
    }

    pub fn by(&mut self, principal: Principal, command: Command) -> Result<Outcome, Fault> {
        let call = self.call(principal, command);
        self.world.run(&call)
    }

    /// A tenant's call.
    pub fn tenant(&mut self, who: &str, command: Command) -> Result<Outcome, Fault> {
        self.by(Principal::Account(account(who)), command)
    }

    /// An operator's call that must succeed.
    pub fn operate(&mut self, command: Command) -> Outcome {
        let shown = format!("{command:?}");
        self.by(Principal::Operator, command).unwrap_or_else(|fault| panic!("{shown}: {fault}"))
    }

    pub fn order(&mut self, owner: &str, location: &str) -> Connection {
        let new = CreateConnection {
            location: location.to_owned(),
            bandwidth: "10Gbps".to_owned(),
            name: "my line".to_owned(),
            ..CreateConnection::default()
        };
        match self.tenant(owner, Command::CreateConnection(new)) {
            Ok(Outcome::Connection(connection)) => connection,
            other => panic!("{other:?}"),
        }
    }

    pub fn approve(&mut self, connection: &ConnectionId, edge: &str, port: &str) -> Outcome {
        self.operate(approve(connection, edge, port))
    }

    /// A connection whose link is up.
    pub fn line(&mut self, owner: &str, edge: &str, port: &str) -> ConnectionId {
        let id = self.order(owner, "PAR1").id;
        self.approve(&id, edge, port);
        self.carrier(&id, edge, true);
        id
    }

    /// What a router says of one port.
    pub fn carrier(&mut self, connection: &ConnectionId, edge: &str, up: bool) {
        let edge = EdgeId::parse(edge).expect("an edge id");
        let version = ConfigVersion { epoch: self.world.epoch(), generation: self.world.revision };
        let router = self.routers.iter_mut().find(|router| router.id == edge);
        let router = router.expect("a router of the scene");
        router.sequence += 1;
        let report = ReportConnection {
            head: ReportHead {
                edge: edge.clone(),
                version,
                sequence: router.sequence,
                access_key: None,
            },
            connection: connection.clone(),
            carrier: Some(up),
        };
        self.by(Principal::Edge(edge), Command::ReportConnection(report)).expect("a report");
    }

    pub fn vpc(&mut self, owner: &str) -> Gateway {
        match self.operate(gateway(owner)) {
            Outcome::Gateway(gateway) => gateway,
            other => panic!("{other:?}"),
        }
    }

    /// A virtual gateway whose VPC has these prefixes.
    pub fn vpc_with(&mut self, owner: &str, cidrs: &[&str]) -> Gateway {
        let Command::CreateGateway(new) = gateway(owner) else { unreachable!("it makes one") };
        let cidrs = cidrs.iter().map(|cidr| (*cidr).to_owned()).collect();
        match self.operate(Command::CreateGateway(CreateGateway { cidrs, ..new })) {
            Outcome::Gateway(gateway) => gateway,
            other => panic!("{other:?}"),
        }
    }

    /// A transit gateway of AS 64520, with a handoff on each of these edges.
    pub fn transit(&mut self, owner: &str, edges: &[&str]) -> TransitGateway {
        let nth = self.world.transit_gateways().count();
        let handoff = |edge: &&str| HandoffText {
            edge: (*edge).to_owned(),
            interface: format!("tg{nth}"),
            next_hop: "192.0.2.9".to_owned(),
            fabric_peer: None,
        };
        let new = CreateTransitGateway {
            account: owner.to_owned(),
            name: None,
            asn: Some(64_520),
            handoffs: edges.iter().map(handoff).collect(),
        };
        match self.operate(Command::CreateTransitGateway(new)) {
            Outcome::TransitGateway(gateway) => gateway,
            other => panic!("{other:?}"),
        }
    }

    /// A Direct Connect gateway.
    pub fn direct(&mut self, owner: &str) -> DirectConnectGateway {
        let name = "my gateway".to_owned();
        let new = CreateDirectConnectGateway { name, ..CreateDirectConnectGateway::default() };
        match self.tenant(owner, Command::CreateDirect(new)) {
            Ok(Outcome::DirectConnectGateway(gateway)) => gateway,
            other => panic!("{other:?}"),
        }
    }

    /// An interface that leads to a Direct Connect gateway.
    pub fn create_direct(
        &mut self,
        owner: &str,
        connection: &ConnectionId,
        gateway: &DirectConnectGatewayId,
        new: NewInterface,
    ) -> Result<VirtualInterface, Fault> {
        let create = Create {
            connection: connection.to_string(),
            new,
            direct_connect_gateway: Some(gateway.to_string()),
            ..Create::default()
        };
        self.tenant(owner, Command::Create(create)).map(interface_of)
    }

    pub fn allocate(
        &mut self,
        (lender, recipient): (&str, &str),
        connection: &ConnectionId,
        new: NewInterface,
    ) -> Result<VirtualInterface, Fault> {
        let owner = recipient.to_owned();
        let allocate = Allocate { connection: connection.to_string(), owner, new };
        self.tenant(lender, Command::Allocate(allocate)).map(interface_of)
    }

    pub fn create(
        &mut self,
        owner: &str,
        connection: &ConnectionId,
        gateway: &VirtualGatewayId,
        new: NewInterface,
    ) -> Result<VirtualInterface, Fault> {
        let create = Create {
            connection: connection.to_string(),
            new,
            gateway: Some(gateway.to_string()),
            ..Create::default()
        };
        self.tenant(owner, Command::Create(create)).map(interface_of)
    }

    pub fn confirm(
        &mut self,
        who: &str,
        interface: &VirtualInterfaceId,
        gateway: &VirtualGatewayId,
    ) -> Result<VirtualInterface, Fault> {
        self.tenant(who, confirm(interface, gateway)).map(interface_of)
    }

    pub fn delete(
        &mut self,
        who: &str,
        interface: &VirtualInterfaceId,
    ) -> Result<VirtualInterface, Fault> {
        self.tenant(who, Command::DeleteInterface(interface.to_string())).map(interface_of)
    }

    /// Every router takes its configuration and reports; the server takes the reports.
    pub fn settle(&mut self, carrier: bool, bgp_up: bool) {
        let edges = self.world.edges();
        for index in 0..self.routers.len() {
            if !edges.contains(&self.routers[index].id) {
                continue;
            }
            let config = self.world.config(&self.routers[index].id);
            self.routers[index].take(config);
            let report = self.routers[index].report(carrier, bgp_up).expect("has a configuration");
            for call in report.calls(&self.world, self.now) {
                self.world.run(&call).expect("a report");
            }
        }
    }

    /// Everything whose moment has come.
    pub fn reconcile(&mut self) {
        for call in due_calls(&self.world, self.now) {
            self.world.run(&call).expect("a deadline is never refused");
        }
    }

    pub fn later(&mut self, millis: u64) -> &mut Self {
        self.now = self.now.plus(Duration::from_millis(millis));
        self
    }

    pub fn state(&self, id: &VirtualInterfaceId) -> State {
        self.world.interface(id).expect("is there").state(self.now, self.world.report(id), false)
    }

    pub fn phase(&self, id: &VirtualInterfaceId) -> Phase {
        self.world.interface(id).expect("is there").phase
    }

    /// The interfaces that some router's configuration has.
    pub fn on_routers(&self) -> Vec<VirtualInterfaceId> {
        let configs = self.world.edges().into_iter().map(|edge| self.world.config(&edge));
        configs.flat_map(|c| c.interfaces).map(|i| i.virtual_interface_id.clone()).collect()
    }
}

/// The calls of the reconciler that carries out deadlines.
pub fn due_calls(world: &World, now: Time) -> Vec<Call> {
    use linkway_domain::key;
    let range = key::all_due();
    world
        .ids_in(&range)
        .filter_map(|rest| {
            let full = format!("{range}{rest}");
            let deadline = Deadline::parse(&full).expect("a deadline's key");
            let (at, command) = (deadline.at, Command::Due(deadline));
            (at <= now).then_some(Call { principal: Principal::Operator, now, seed: 0, command })
        })
        .collect()
}

pub fn approve(connection: &ConnectionId, edge: &str, port: &str) -> Command {
    Command::ApproveConnection(ApproveConnection {
        connection: connection.to_string(),
        port: PortChoice::Named { edge: edge.to_owned(), interface: port.to_owned() },
    })
}

pub fn confirm(interface: &VirtualInterfaceId, gateway: &VirtualGatewayId) -> Command {
    Command::Confirm(Confirm {
        interface: interface.to_string(),
        gateway: Some(gateway.to_string()),
        direct_connect_gateway: None,
    })
}

pub fn gateway(owner: &str) -> Command {
    Command::CreateGateway(CreateGateway {
        account: owner.to_owned(),
        name: None,
        asn: None,
        vpc: "vpc-1".to_owned(),
        cidrs: vec!["10.0.0.0/16".to_owned()],
        handoffs: Vec::new(),
    })
}

/// An interface with addresses of the service's choice.
pub fn plain(vlan: i64) -> NewInterface {
    NewInterface {
        name: "MyPrivateVirtualInterface".to_owned(),
        vlan: Some(vlan),
        asn: Some(65_000),
        ..NewInterface::default()
    }
}

/// An interface with these addresses.
pub fn addressed(vlan: i64, amazon: &str, customer: &str) -> NewInterface {
    NewInterface {
        amazon_address: Some(amazon.to_owned()),
        customer_address: Some(customer.to_owned()),
        ..plain(vlan)
    }
}

/// The published example.
pub fn published() -> NewInterface {
    NewInterface {
        auth_key: Some(Secret("tgyn26example".to_owned())),
        ..addressed(101, "172.16.0.1/30", "172.16.0.2/30")
    }
}

fn interface_of(outcome: Outcome) -> VirtualInterface {
    match outcome {
        Outcome::VirtualInterface(interface) => interface,
        other => panic!("{other:?}"),
    }
}
