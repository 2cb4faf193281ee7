//! The calls of random stories.
//!
//! Most are sensible (its own thing, in a fitting state), or nothing would ever happen; the others name anything.

use linkway_domain::access_key::decide::{CreateAccessKey, EnableAccessKey};
use linkway_domain::bgp_peer::decide::{CreateBgpPeer, DeleteBgpPeer};
use linkway_domain::bgp_peer::rotation::RotateAuthKey;
use linkway_domain::connection::decide::{ApproveConnection, CreateConnection, PortChoice};
use linkway_domain::connection::{Connection, ConnectionPhase};
use linkway_domain::customer_agreement::decide::ConfirmCustomerAgreement;
use linkway_domain::failover_test::decide::StartBgpFailoverTest;
use linkway_domain::id::AccountId;
use linkway_domain::key;
use linkway_domain::public_network::decide::PutPublicNetwork;
use linkway_domain::tag::decide::TagChange;
use linkway_domain::transit_gateway::decide::CreateTransitGateway;
use linkway_domain::virtual_gateway::decide::{FabricPeerText, HandoffText};
use linkway_domain::virtual_interface::decide::{
    AllocatePrivateVirtualInterface as Allocate, ConfirmPrivateVirtualInterface as Confirm,
    CreatePrivateVirtualInterface as Create,
};
use linkway_domain::virtual_interface::moving::AssociateVirtualInterface;
use linkway_domain::virtual_interface::options::PrefixNumbers;
use linkway_domain::virtual_interface::public::{
    AllocatePublicVirtualInterface as AllocatePublic, CreatePublicVirtualInterface as CreatePublic,
    VerifyInterface,
};
use linkway_domain::virtual_interface::transit::{
    AllocateTransitVirtualInterface as AllocateTransit,
    ConfirmTransitVirtualInterface as ConfirmTransit,
    CreateTransitVirtualInterface as CreateTransit,
};
use linkway_domain::virtual_interface::update::UpdateVirtualInterfaceAttributes;
use linkway_domain::virtual_interface::{InterfaceKind, Phase, VirtualInterface};
use linkway_domain::virtual_interface::{NewInterface, Secret};
use proptest::prelude::*;

use super::command::Command;
use super::scene::{A, B, C, R1, R2, account, gateway};
use super::{World, direct, operators, undo};

/// The last one has nothing at first.
pub const ACCOUNTS: [&str; 4] = [A, B, C, "004444444444"];
/// The agreement that accounts may confirm.
pub const AGREEMENT: &str = "terms";

/// A tenant's or the operator's call, unresolved.
#[derive(Clone, Debug)]
pub struct Act {
    pub who: u8,
    pub what: What,
    pub thing: u8,
    pub other: u8,
    pub detail: u8,
}

/// Which call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    Order,
    DeleteConnection,
    Allocate,
    Create,
    Confirm,
    DeleteInterface,
    Move,
    TagConnection,
    TagInterface,
    Update,
    CreatePeer,
    DeletePeer,
    AllocatePublic,
    CreatePublic,
    ConfirmPublic,
    Verify,
    PutNetwork,
    StartTest,
    StopTest,
    Approve,
    Reject,
    CreateGateway,
    DeleteGateway,
    /// Any call about Direct Connect gateways.
    Direct,
    CreateKey,
    DisableKey,
    DeleteKey,
    NewAccount,
    ChangeAccount,
    DeleteAccount,
    NewLocation,
    DeleteLocation,
    NewEdge,
    ResetEdge,
    GiveUp,
    DeleteEdge,
    NewPort,
    DeletePort,
    MoveGateway,
    EndConnection,
    EndInterface,
    Agree,
    NewOperator,
    EnableOperator,
    DeleteOperator,
    NewOperatorKey,
    EnableOperatorKey,
    DeleteOperatorKey,
}

pub fn what() -> impl Strategy<Value = What> {
    prop_oneof![
        3 => Just(What::Order),
        4 => Just(What::DeleteConnection),
        10 => Just(What::Allocate),
        8 => Just(What::Create),
        14 => Just(What::Confirm),
        10 => Just(What::DeleteInterface),
        6 => Just(What::Move),
        1 => Just(What::TagConnection),
        3 => Just(What::TagInterface),
        3 => Just(What::Update),
        4 => Just(What::CreatePeer),
        3 => Just(What::DeletePeer),
        3 => Just(What::AllocatePublic),
        3 => Just(What::CreatePublic),
        5 => Just(What::ConfirmPublic),
        6 => Just(What::Verify),
        1 => Just(What::PutNetwork),
        3 => Just(What::StartTest),
        2 => Just(What::StopTest),
        4 => Just(What::Approve),
        1 => Just(What::Reject),
        1 => Just(What::CreateGateway),
        1 => Just(What::DeleteGateway),
        22 => Just(What::Direct),
        1 => Just(What::CreateKey),
        1 => Just(What::DisableKey),
        1 => Just(What::DeleteKey),
        2 => Just(What::NewAccount),
        1 => Just(What::ChangeAccount),
        2 => Just(What::DeleteAccount),
        2 => Just(What::NewLocation),
        2 => Just(What::DeleteLocation),
        2 => Just(What::NewEdge),
        1 => Just(What::ResetEdge),
        2 => Just(What::GiveUp),
        2 => Just(What::DeleteEdge),
        2 => Just(What::NewPort),
        3 => Just(What::DeletePort),
        2 => Just(What::MoveGateway),
        1 => Just(What::EndConnection),
        1 => Just(What::EndInterface),
        1 => Just(What::Agree),
        1 => Just(What::NewOperator),
        1 => Just(What::EnableOperator),
        1 => Just(What::DeleteOperator),
        1 => Just(What::NewOperatorKey),
        1 => Just(What::EnableOperatorKey),
        1 => Just(What::DeleteOperatorKey),
    ]
}

pub fn act() -> impl Strategy<Value = Act> {
    (0..ACCOUNTS.len() as u8, what(), any::<u8>(), any::<u8>(), any::<u8>())
        .prop_map(|(who, what, thing, other, detail)| Act { who, what, thing, other, detail })
}

impl Act {
    /// This call, or where there is nothing that it could be about the one that makes such a thing.
    fn possible(&self, world: &World) -> Self {
        let vif = world.interfaces().any(|vif| fits_vif(self.what, vif));
        let line = world.connections().any(|line| fits_line(world, self.what, line));
        let what = match self.what {
            What::Confirm if !vif => What::Allocate,
            What::ConfirmPublic if !vif => What::AllocatePublic,
            What::Verify if !vif => What::CreatePublic,
            What::DeleteInterface
            | What::Move
            | What::TagInterface
            | What::Update
            | What::CreatePeer
            | What::DeletePeer
            | What::StartTest
                if !vif =>
            {
                What::Create
            }
            What::Approve | What::Reject if !line => What::Order,
            what => what,
        };
        Self { what, ..self.clone() }
    }
}

/// What a call names: ids that need not exist, and an account to call with.
struct Names {
    who: AccountId,
    connection: String,
    interface: String,
    gateway: String,
}

impl Names {
    /// Anything at all, missing things included.
    fn any(world: &World, act: &Act) -> Self {
        let pick_id = |mut ids: Vec<String>, which: u8, missing: &str| {
            ids.push(missing.to_owned());
            pick(&ids, which).cloned().expect("is not empty")
        };
        let connections = world.connections().map(|c| c.id.to_string()).collect();
        let interfaces = world.interfaces().map(|i| i.id.to_string()).collect();
        let gateways = world.gateways().map(|g| g.id.to_string()).collect();
        Self {
            who: account(ACCOUNTS[usize::from(act.who)]),
            connection: pick_id(connections, act.thing / 8, "dxcon-00000000"),
            interface: pick_id(interfaces, act.thing / 8, "dxvif-00000000"),
            gateway: pick_id(gateways, act.other, "vgw-00000000"),
        }
    }

    /// Something that the call may well be about, and the account that may make it.
    fn fitting(world: &World, act: &Act) -> Self {
        let mut names = Self::any(world, act);
        let lines: Vec<_> = world.connections().filter(|c| fits_line(world, act.what, c)).collect();
        let vifs: Vec<_> = world.interfaces().filter(|i| fits_vif(act.what, i)).collect();
        match act.what {
            What::Confirm
            | What::ConfirmPublic
            | What::Verify
            | What::DeleteInterface
            | What::Move
            | What::TagInterface
            | What::Update
            | What::CreatePeer
            | What::DeletePeer
            | What::StartTest
            | What::StopTest => {
                let Some(vif) = pick(&vifs, act.thing / 8) else { return names };
                let of_either = matches!(act.what, What::DeleteInterface | What::TagInterface);
                let lender = of_either && act.other.is_multiple_of(2);
                names.who = if lender { &vif.lender } else { &vif.owner }.clone();
                names.interface = vif.id.to_string();
            }
            What::Allocate
            | What::Create
            | What::AllocatePublic
            | What::CreatePublic
            | What::DeleteConnection
            | What::TagConnection
            | What::Approve
            | What::Reject => {
                let Some(line) = pick(&lines, act.thing / 8) else { return names };
                names.who = line.owner.clone();
                names.connection = line.id.to_string();
            }
            What::Order
            | What::PutNetwork
            | What::CreateGateway
            | What::DeleteGateway
            | What::Direct
            | What::CreateKey
            | What::DisableKey
            | What::DeleteKey
            | What::NewAccount
            | What::ChangeAccount
            | What::DeleteAccount
            | What::NewLocation
            | What::DeleteLocation
            | What::NewEdge
            | What::ResetEdge
            | What::GiveUp
            | What::DeleteEdge
            | What::NewPort
            | What::DeletePort
            | What::MoveGateway
            | What::EndConnection
            | What::EndInterface
            | What::Agree
            | What::NewOperator
            | What::EnableOperator
            | What::DeleteOperator
            | What::NewOperatorKey
            | What::EnableOperatorKey
            | What::DeleteOperatorKey => {}
        }
        let own: Vec<_> = world.gateways().filter(|g| g.owner == names.who).collect();
        if let Some(gateway) = pick(&own, act.other) {
            names.gateway = gateway.id.to_string();
        }
        names
    }
}

fn fits_line(world: &World, what: What, line: &Connection) -> bool {
    match what {
        What::Approve | What::Reject => line.phase == ConnectionPhase::Requested,
        What::DeleteConnection => world.is_empty(&key::live_on(&line.id)),
        _ => matches!(line.phase, ConnectionPhase::Up | ConnectionPhase::Down),
    }
}

fn fits_vif(what: What, vif: &VirtualInterface) -> bool {
    match what {
        What::Confirm => vif.phase == Phase::Confirming && vif.kind != InterfaceKind::Public,
        What::ConfirmPublic => vif.phase == Phase::Confirming && vif.kind == InterfaceKind::Public,
        What::Verify => vif.awaits_verification(),
        What::Move | What::Update | What::CreatePeer | What::DeletePeer | What::StartTest => {
            vif.phase == Phase::Accepted
        }
        What::StopTest => vif.test.is_some(),
        _ => !vif.phase.is_terminal(),
    }
}

/// Who calls, nobody being the operator, and what.
pub fn command(world: &World, act: &Act) -> (Option<AccountId>, Command) {
    let fitting = !act.thing.is_multiple_of(8);
    let act = &if fitting { act.possible(world) } else { act.clone() };
    let names = if fitting { Names::fitting(world, act) } else { Names::any(world, act) };
    let Names { who, connection, interface, gateway: gateway_id } = names;
    let others = ACCOUNTS.iter().filter(|other| !fitting || **other != who.as_str());
    let other = pick(&others.collect::<Vec<_>>(), act.other)
        .map_or_else(String::new, |id| (**id).to_owned());
    let new = new_interface(act.detail);
    let command = match act.what {
        What::Order => Command::CreateConnection(CreateConnection {
            location: if act.detail.is_multiple_of(2) { "SIM1" } else { "PAR1" }.to_owned(),
            bandwidth: "10Gbps".to_owned(),
            name: "line".to_owned(),
            ..CreateConnection::default()
        }),
        What::DeleteConnection => Command::DeleteConnection(connection),
        What::Allocate if act.detail % 5 == 3 => {
            Command::AllocateTransit(AllocateTransit { connection, owner: other, new })
        }
        What::Allocate => Command::Allocate(Allocate { connection, owner: other, new }),
        What::Create if act.detail % 5 == 3 => {
            let direct_connect_gateway = direct::for_transit(world, act, &who);
            let rest = CreateTransit { connection, new, ..CreateTransit::default() };
            Command::CreateTransit(CreateTransit { direct_connect_gateway, ..rest })
        }
        What::Create => {
            let (gateway, direct_connect_gateway) = either_gateway(world, act, &who, gateway_id);
            let site_link = direct_connect_gateway.is_some() && act.detail.is_multiple_of(2);
            let rest = Create { gateway, direct_connect_gateway, site_link, ..Create::default() };
            Command::Create(Create { connection, new, ..rest })
        }
        What::Confirm if is_transit(world, &interface) => {
            let direct_connect_gateway = direct::for_transit(world, act, &who);
            Command::ConfirmTransit(ConfirmTransit { interface, direct_connect_gateway })
        }
        What::Confirm => {
            let (gateway, direct_connect_gateway) = either_gateway(world, act, &who, gateway_id);
            Command::Confirm(Confirm { interface, gateway, direct_connect_gateway })
        }
        What::Direct => return direct::command(world, act),
        What::AllocatePublic => {
            let new = new_public(act.detail);
            let prefixes = prefixes(act.detail);
            Command::AllocatePublic(AllocatePublic { connection, owner: other, new, prefixes })
        }
        What::CreatePublic => {
            let new = new_public(act.detail);
            Command::CreatePublic(CreatePublic { connection, new, prefixes: prefixes(act.detail) })
        }
        What::ConfirmPublic => Command::ConfirmPublic(interface),
        What::Verify => {
            let accepted = !act.detail.is_multiple_of(3);
            return (None, Command::Verify(VerifyInterface { interface, accepted }));
        }
        What::DeleteInterface => Command::DeleteInterface(interface),
        What::Move => Command::Move(moved(world, act, &who, interface)),
        What::Update if act.detail % 8 > 5 => Command::RotateKey(rotate_key(world, act, interface)),
        What::Update => Command::Update(update(act, interface)),
        What::CreatePeer => Command::CreatePeer(create_peer(act, interface)),
        What::DeletePeer => Command::DeletePeer(delete_peer(world, act, interface)),
        What::StartTest => Command::StartTest(start_test(world, act, interface)),
        What::StopTest => Command::StopTest(interface),
        What::TagConnection => Command::Tag(tag(act, &who, &format!("dxcon/{connection}"))),
        What::TagInterface => Command::Tag(tag(act, &who, &format!("dxvif/{interface}"))),
        What::Agree => {
            let name = Some(AGREEMENT.to_owned());
            Command::ConfirmAgreement(ConfirmCustomerAgreement { name })
        }
        What::EndInterface => return (None, Command::DeleteInterface(interface)),
        _ => return (None, of_operator(world, act, connection, gateway_id)),
    };
    (Some(who), command)
}

fn moved(
    world: &World,
    act: &Act,
    who: &AccountId,
    interface: String,
) -> AssociateVirtualInterface {
    let own: Vec<&Connection> = world.connections().filter(|it| it.owner == *who).collect();
    let target = pick(&own, act.other).map(|it| it.id.to_string());
    AssociateVirtualInterface { interface, connection: target.unwrap_or_default() }
}

fn is_transit(world: &World, interface: &str) -> bool {
    let mut all = world.interfaces();
    all.any(|it| it.id.as_str() == interface && it.kind == InterfaceKind::Transit)
}

/// The virtual gateway, or a Direct Connect gateway of the account in its place.
fn either_gateway(
    world: &World,
    act: &Act,
    who: &AccountId,
    gateway: String,
) -> (Option<String>, Option<String>) {
    match direct::instead(world, act, who) {
        Some(direct) => (None, Some(direct)),
        None => (Some(gateway), None),
    }
}

fn of_operator(world: &World, act: &Act, connection: String, gateway_id: String) -> Command {
    let other = ACCOUNTS[usize::from(act.other) % ACCOUNTS.len()];
    let keys: Vec<&str> = world.ids_in(&key::all("key")).collect();
    let id = pick(&keys, act.thing).map_or_else(String::new, |id| (*id).to_owned());
    match act.what {
        What::Approve => {
            let named = PortChoice::Named {
                edge: if act.other.is_multiple_of(2) { R1 } else { R2 }.to_owned(),
                interface: format!("eth{}", act.detail % 4 + 1),
            };
            let port = if act.detail >= 128 { PortChoice::Simulated } else { named };
            Command::ApproveConnection(ApproveConnection { connection, port })
        }
        What::Reject => Command::RejectConnection(connection),
        What::CreateGateway if act.detail % 4 == 1 => transit_gateway(other, act),
        What::CreateGateway => with_fabric(gateway(other), act),
        What::DeleteGateway if act.detail % 4 == 1 => {
            Command::DeleteTransitGateway(transit_gateway_id(world, act))
        }
        What::DeleteGateway => Command::DeleteGateway(gateway_id),
        What::DisableKey => {
            Command::EnableAccessKey(EnableAccessKey { id, enabled: act.detail.is_multiple_of(2) })
        }
        What::DeleteKey => Command::DeleteAccessKey(id),
        What::EndConnection => Command::DeleteConnection(connection),
        What::MoveGateway if act.detail % 5 == 1 => {
            undo::moved_transit(transit_gateway_id(world, act), act)
        }
        What::MoveGateway => undo::moved(gateway_id, act),
        What::PutNetwork if act.detail.is_multiple_of(5) => {
            Command::DeletePublicNetwork(R1.to_owned())
        }
        What::PutNetwork => public_network(act),
        What::NewAccount
        | What::ChangeAccount
        | What::DeleteAccount
        | What::NewLocation
        | What::DeleteLocation
        | What::NewEdge
        | What::ResetEdge
        | What::DeleteEdge
        | What::NewPort
        | What::DeletePort => undo::command(act, other),
        What::GiveUp => undo::given_up(world, act),
        What::NewOperator
        | What::EnableOperator
        | What::DeleteOperator
        | What::NewOperatorKey
        | What::EnableOperatorKey
        | What::DeleteOperatorKey => operators::command(world, act),
        _ if act.detail.is_multiple_of(4) => {
            Command::CreateAccessKey(CreateAccessKey::Edge(R1.to_owned()))
        }
        _ => Command::CreateAccessKey(CreateAccessKey::Account(other.to_owned())),
    }
}

/// Three VLANs and few subnets, so that they collide; sometimes a rule is broken.
fn new_interface(detail: u8) -> NewInterface {
    let (vlan, rest) = (detail % 3, detail / 3);
    let addresses = match rest % 8 {
        0..=2 => None,
        3 => Some(("172.16.0.1/30", "172.16.0.2/30")),
        4 => Some(("172.16.0.2/31", "172.16.0.3/31")),
        5 => Some(("172.16.0.5/30", "172.16.0.6/30")),
        6 => Some(("172.16.0.6/31", "172.16.0.7/31")),
        _ => Some(("172.16.0.1/30", "172.16.0.9/30")),
    };
    let key = match rest / 8 {
        0 if vlan == 0 => Some("bad Secret-2"),
        0 if vlan == 1 => Some("Zq9!"),
        1..=5 => Some("fjord-Secret-1"),
        _ => None,
    };
    NewInterface {
        name: "vif".to_owned(),
        vlan: Some(i64::from(vlan) + 1),
        asn: Some(if detail >= 252 { 64_512 } else { 65_000 }),
        auth_key: key.map(|key| Secret(key.to_owned())),
        amazon_address: addresses.map(|(amazon, _)| amazon.to_owned()),
        customer_address: addresses.map(|(_, customer)| customer.to_owned()),
        address_family: (rest % 8 == 2).then(|| "ipv6".to_owned()),
        rate_limit: (rest % 5 == 1).then(|| "100Mbps".to_owned()),
        ..NewInterface::default()
    }
}

fn update(act: &Act, interface: String) -> UpdateVirtualInterfaceAttributes {
    let rest = UpdateVirtualInterfaceAttributes { interface, ..Default::default() };
    match act.detail % 8 {
        0 => UpdateVirtualInterfaceAttributes { name: Some("other".to_owned()), ..rest },
        3 => {
            let rate_limit = Some(["50Mbps", "500Mbps", ""][usize::from(act.other % 3)].to_owned());
            UpdateVirtualInterfaceAttributes { rate_limit, ..rest }
        }
        4 => {
            let (ipv4, ipv6) = (Some(i64::from(act.other) * 4), (act.other > 99).then_some(1_000));
            UpdateVirtualInterfaceAttributes { prefix_pool: PrefixNumbers { ipv4, ipv6 }, ..rest }
        }
        5 => UpdateVirtualInterfaceAttributes { site_link: Some(act.other > 99), ..rest },
        1 => UpdateVirtualInterfaceAttributes { mtu: Some(1_500), ..rest },
        2 => UpdateVirtualInterfaceAttributes { mtu: Some(9_001), ..rest },
        _ => rest,
    }
}

/// Mostly of the family that is not there yet.
fn create_peer(act: &Act, interface: String) -> CreateBgpPeer {
    let new = new_interface(act.detail);
    let ipv6 = !act.detail.is_multiple_of(4);
    let addresses = (!ipv6).then_some((new.amazon_address, new.customer_address));
    let (amazon_address, customer_address) = addresses.unwrap_or_default();
    CreateBgpPeer {
        interface,
        asn: new.asn,
        auth_key: new.auth_key,
        address_family: ipv6.then(|| "ipv6".to_owned()),
        amazon_address,
        customer_address,
        ..CreateBgpPeer::default()
    }
}

fn delete_peer(world: &World, act: &Act, interface: String) -> DeleteBgpPeer {
    let named = world.interfaces().find(|i| i.id.as_str() == interface);
    let peers: Vec<_> = named.into_iter().flat_map(|i| &i.peers).collect();
    let Some(peer) = pick(&peers, act.other) else {
        return DeleteBgpPeer { interface, ..DeleteBgpPeer::default() };
    };
    if act.detail.is_multiple_of(2) {
        let peer = Some(peer.id.to_string());
        return DeleteBgpPeer { interface, peer, ..DeleteBgpPeer::default() };
    }
    DeleteBgpPeer {
        interface,
        asn_long: Some(i64::from(peer.asn.number())),
        customer_address: Some(peer.addresses.customer().addr().to_string()),
        ..DeleteBgpPeer::default()
    }
}

/// Of a peer or of the only one, for a minute or for long; sometimes with the key in use, or with one that breaks a rule.
fn rotate_key(world: &World, act: &Act, interface: String) -> RotateAuthKey {
    let named = world.interfaces().find(|i| i.id.as_str() == interface);
    let peers: Vec<_> = named.into_iter().flat_map(|i| &i.peers).collect();
    let peer = pick(&peers, act.other);
    let key = match act.other % 7 {
        0 => peer.map(|peer| peer.auth_key.reveal().to_owned()),
        1 => new_interface(act.other).auth_key.map(|key| key.0),
        _ => Some(format!("fjord-Secret-{}", act.other % 3)),
    };
    let peer = peer.filter(|_| act.detail.is_multiple_of(2)).map(|peer| peer.id.to_string());
    let window_seconds = [Some(60), Some(604_800), None, Some(59)][usize::from(act.other % 4)];
    RotateAuthKey { interface, peer, auth_key: key.map(Secret), window_seconds }
}

/// Of all peers or one, for a minute or for long.
fn start_test(world: &World, act: &Act, interface: String) -> StartBgpFailoverTest {
    let named = world.interfaces().find(|i| i.id.as_str() == interface);
    let peers: Vec<_> = named.into_iter().flat_map(|i| &i.peers).collect();
    let one = pick(&peers, act.other).filter(|_| act.detail.is_multiple_of(2));
    let peers = one.map(|peer| peer.id.to_string()).into_iter().collect();
    let minutes = [Some(1), Some(4_320), None, Some(0)][usize::from(act.detail % 4)];
    StartBgpFailoverTest { interface, peers, minutes }
}

fn tag(act: &Act, who: &AccountId, resource: &str) -> TagChange {
    // Now and then with another account's ARN.
    let of = if act.detail >= 200 {
        ACCOUNTS[usize::from(act.other) % ACCOUNTS.len()]
    } else {
        who.as_str()
    };
    TagChange {
        arn: format!("arn:aws:directconnect:eu-west-2:{of}:{resource}"),
        add: vec![("k".to_owned(), Some(act.detail.to_string()))],
        remove: Vec::new(),
    }
}

/// As [`new_interface`], with public addresses.
fn new_public(detail: u8) -> NewInterface {
    let subnet = detail / 3 % 4 * 4;
    let end = |host: u8| Some(format!("198.51.100.{}/30", subnet + host));
    let ipv6 = detail.is_multiple_of(5);
    NewInterface {
        amazon_address: end(1).filter(|_| !ipv6),
        customer_address: end(2).filter(|_| !ipv6),
        address_family: ipv6.then(|| "ipv6".to_owned()),
        ..new_interface(detail)
    }
}

/// Now and then one that cannot be announced.
fn prefixes(detail: u8) -> Vec<String> {
    let second = if detail.is_multiple_of(11) { "10.0.0.0/8" } else { "2001:db8:7::/48" };
    ["203.0.113.0/24", second].map(str::to_owned).into()
}

fn public_network(act: &Act) -> Command {
    let edge = if act.other.is_multiple_of(2) { R1 } else { R2 }.to_owned();
    let handoff = HandoffText {
        edge: edge.clone(),
        interface: format!("up{}", act.other),
        next_hop: "192.0.2.9".to_owned(),
        fabric_peer: None,
    };
    let handoffs = if act.detail.is_multiple_of(2) { vec![handoff] } else { Vec::new() };
    let prefixes = vec![format!("192.0.{}.0/24", act.detail)];
    Command::PutPublicNetwork(PutPublicNetwork { edge, prefixes, handoffs })
}

pub fn pick<T>(things: &[T], which: u8) -> Option<&T> {
    (!things.is_empty()).then(|| &things[usize::from(which) % things.len()])
}

fn transit_gateway_id(world: &World, act: &Act) -> String {
    let all: Vec<_> = world.transit_gateways().collect();
    pick(&all, act.thing).map_or_else(|| "tgw-00000000".to_owned(), |found| found.id.to_string())
}

fn transit_gateway(account: &str, act: &Act) -> Command {
    let handoff = HandoffText {
        edge: R1.to_owned(),
        interface: format!("up{}", act.other),
        next_hop: "192.0.2.1".to_owned(),
        fabric_peer: None,
    };
    Command::CreateTransitGateway(CreateTransitGateway {
        account: account.to_owned(),
        name: None,
        asn: [Some(64_520), None][usize::from(act.thing % 5 / 4)],
        handoffs: if act.other.is_multiple_of(3) { vec![handoff] } else { Vec::new() },
    })
}

/// Some gateways have a session with the fabric, with a key or without.
fn with_fabric(command: Command, act: &Act) -> Command {
    let Command::CreateGateway(mut gateway) = command else { return command };
    gateway.cidrs = vec![format!("10.{}.0.0/16", act.thing % 3)];
    if act.detail.is_multiple_of(3) {
        let key = act.thing.is_multiple_of(2).then(|| Secret("fjord-Secret-1".to_owned()));
        gateway.handoffs = vec![HandoffText {
            edge: R1.to_owned(),
            interface: format!("up{}", act.other),
            next_hop: "192.0.2.1".to_owned(),
            fabric_peer: Some(FabricPeerText {
                address: "192.0.2.1".to_owned(),
                asn: 65_010,
                auth_key: key,
            }),
        }];
    }
    Command::CreateGateway(gateway)
}
