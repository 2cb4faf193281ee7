//! Every command as one type, so that stories and tables of calls can hold any of them.

use linkway_domain::access_key::AccessKey;
use linkway_domain::access_key::decide as access_key;
use linkway_domain::account::{Account, DeletedAccount, decide as account};
use linkway_domain::association_proposal::{Proposal, decide as proposal};
use linkway_domain::backbone::{Backbone, decide as backbone};
use linkway_domain::bgp_peer::{decide as bgp_peer, rotation};
use linkway_domain::connection::Connection;
use linkway_domain::connection::decide as connection;
use linkway_domain::customer_agreement::CustomerAgreement;
use linkway_domain::customer_agreement::decide as customer_agreement;
use linkway_domain::deadline::Deadline;
use linkway_domain::decide::{Context, Decision, decide};
use linkway_domain::dx_gateway::{DirectConnectGateway, decide as dx_gateway};
use linkway_domain::edge::{DeletedEdge, Edge, decide as edge, give_up, report};
use linkway_domain::epoch::{Epoch, RenewEpoch};
use linkway_domain::failover_test::{FailoverTest, decide as failover_test};
use linkway_domain::gateway_association::{Association, decide as association};
use linkway_domain::location::Location;
use linkway_domain::location::decide as location;
use linkway_domain::operator::{Operator, decide as operator};
use linkway_domain::port::Port;
use linkway_domain::port::decide as port;
use linkway_domain::public_network::{PublicNetwork, decide as public_network};
use linkway_domain::tag::decide::{self as tag, Tagged};
use linkway_domain::transit_gateway::{TransitGateway, decide as transit_gateway};
use linkway_domain::view::{Asked, View};
use linkway_domain::virtual_gateway::Gateway;
use linkway_domain::virtual_gateway::{decide as virtual_gateway, update as gateway_update};
use linkway_domain::virtual_interface::VirtualInterface;
use linkway_domain::virtual_interface::{
    decide as interface, drain, moving, public, transit, update,
};
use linkway_domain::webhook::{Webhook, decide as webhook};

macro_rules! commands {
    ($($name:ident($given:ty) -> $outcome:ident, $command:expr;)*) => {
        #[derive(Clone, Debug)]
        pub enum Command {
            $($name($given),)*
        }

        impl Command {
            pub fn decide(&self, view: &View, context: &Context<'_>) -> Asked<Decision<Outcome>> {
                match self {
                    $(Self::$name(given) => {
                        let make: fn(&$given) -> _ = $command;
                        let Decision { writes, outcome } = decide(&make(given), view, context)?;
                        Ok(Decision { writes, outcome: Outcome::$outcome(outcome) })
                    })*
                }
            }
        }
    };
}

/// What any command gives.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::large_enum_variant, reason = "one per call")]
pub enum Outcome {
    Account(Account),
    AccessKey(AccessKey),
    Location(Location),
    Edge((Edge, AccessKey)),
    KnownEdge(Edge),
    DeletedAccount(DeletedAccount),
    DeletedEdge(DeletedEdge),
    GivenUp(give_up::GivenUp),
    Operator(Operator),
    OperatorKey(operator::KeyOfOperator),
    Port(Port),
    Connection(Connection),
    VirtualInterface(VirtualInterface),
    FailoverTest(FailoverTest),
    Rotated(rotation::Rotated),
    Gateway(Gateway),
    TransitGateway(TransitGateway),
    DirectConnectGateway(DirectConnectGateway),
    Association(Association),
    Proposal(Proposal),
    PublicNetwork(PublicNetwork),
    Backbone(Backbone),
    Tagged(Tagged),
    Agreement(CustomerAgreement),
    Epoch(Option<Epoch>),
    Webhook(Webhook),
    PutWebhook(webhook::Put),
    Done(()),
}

commands! {
    CreateConnection(connection::CreateConnection) -> Connection, Clone::clone;
    DeleteConnection(String) -> Connection, |id| connection::DeleteConnection(id.clone());
    Create(interface::CreatePrivateVirtualInterface) -> VirtualInterface, Clone::clone;
    Allocate(interface::AllocatePrivateVirtualInterface) -> VirtualInterface, Clone::clone;
    Confirm(interface::ConfirmPrivateVirtualInterface) -> VirtualInterface, Clone::clone;
    AllocatePublic(public::AllocatePublicVirtualInterface) -> VirtualInterface, Clone::clone;
    AllocateTransit(transit::AllocateTransitVirtualInterface) -> VirtualInterface, Clone::clone;
    CreateTransit(transit::CreateTransitVirtualInterface) -> VirtualInterface, Clone::clone;
    ConfirmTransit(transit::ConfirmTransitVirtualInterface) -> VirtualInterface, Clone::clone;
    CreatePublic(public::CreatePublicVirtualInterface) -> VirtualInterface, Clone::clone;
    ConfirmPublic(String) -> VirtualInterface, |id| public::ConfirmPublicVirtualInterface(id.clone());
    Verify(public::VerifyInterface) -> VirtualInterface, Clone::clone;
    PutPublicNetwork(public_network::PutPublicNetwork) -> PublicNetwork, Clone::clone;
    DeletePublicNetwork(String) -> PublicNetwork, |id| public_network::DeletePublicNetwork(id.clone());
    PutBackbone(backbone::PutBackbone) -> Backbone, Clone::clone;
    DeleteBackbone(String) -> Backbone, |id| backbone::DeleteBackbone(id.clone());
    Move(moving::AssociateVirtualInterface) -> VirtualInterface, Clone::clone;
    DeleteInterface(String) -> VirtualInterface, |id| interface::DeleteVirtualInterface(id.clone());
    Update(update::UpdateVirtualInterfaceAttributes) -> VirtualInterface, Clone::clone;
    CreatePeer(bgp_peer::CreateBgpPeer) -> VirtualInterface, Clone::clone;
    DeletePeer(bgp_peer::DeleteBgpPeer) -> VirtualInterface, Clone::clone;
    RotateKey(rotation::RotateAuthKey) -> Rotated, Clone::clone;
    StartTest(failover_test::StartBgpFailoverTest) -> FailoverTest, Clone::clone;
    StopTest(String) -> FailoverTest, |id| failover_test::StopBgpFailoverTest(id.clone());
    Tag(tag::TagChange) -> Tagged, Clone::clone;
    ConfirmAgreement(customer_agreement::ConfirmCustomerAgreement) -> Agreement, Clone::clone;
    CreateAccount(account::CreateAccount) -> Account, Clone::clone;
    UpdateAccount(account::UpdateAccount) -> Account, Clone::clone;
    EnableAccount(account::EnableAccount) -> Account, Clone::clone;
    DeleteAccount(String) -> DeletedAccount, |id| account::DeleteAccount(id.clone());
    CreateAccessKey(access_key::CreateAccessKey) -> AccessKey, Clone::clone;
    EnableAccessKey(access_key::EnableAccessKey) -> AccessKey, Clone::clone;
    DeleteAccessKey(String) -> AccessKey, |id| access_key::DeleteAccessKey(id.clone());
    CreateLocation(location::CreateLocation) -> Location, Clone::clone;
    UpdateLocation(location::UpdateLocation) -> Location, Clone::clone;
    DeleteLocation(String) -> Location, |code| location::DeleteLocation(code.clone());
    CreateEdge(edge::CreateEdge) -> Edge, Clone::clone;
    DeleteEdge(String) -> DeletedEdge, |id| edge::DeleteEdge(id.clone());
    ResetEdge(String) -> KnownEdge, |id| edge::ResetEdge(id.clone());
    GiveUp(give_up::GiveUpPart) -> GivenUp, Clone::clone;
    CreatePort(port::CreatePort) -> Port, Clone::clone;
    DeletePort(port::DeletePort) -> Port, Clone::clone;
    ApproveConnection(connection::ApproveConnection) -> Connection, Clone::clone;
    RejectConnection(String) -> Connection, |id| connection::RejectConnection(id.clone());
    CreateGateway(virtual_gateway::CreateGateway) -> Gateway, Clone::clone;
    UpdateGateway(gateway_update::UpdateGateway) -> Gateway, Clone::clone;
    DeleteGateway(String) -> Gateway, |id| virtual_gateway::DeleteGateway(id.clone());
    CreateTransitGateway(transit_gateway::CreateTransitGateway) -> TransitGateway, Clone::clone;
    UpdateTransitGateway(transit_gateway::UpdateTransitGateway) -> TransitGateway, Clone::clone;
    DeleteTransitGateway(String) -> TransitGateway, |id| transit_gateway::DeleteTransitGateway(id.clone());
    CreateDirect(dx_gateway::CreateDirectConnectGateway) -> DirectConnectGateway, Clone::clone;
    UpdateDirect(dx_gateway::UpdateDirectConnectGateway) -> DirectConnectGateway, Clone::clone;
    DeleteDirect(String) -> DirectConnectGateway, |id| dx_gateway::DeleteDirectConnectGateway(id.clone());
    Associate(association::CreateAssociation) -> Association, Clone::clone;
    UpdateAssociation(association::UpdateAssociation) -> Association, Clone::clone;
    EndAssociation(association::DeleteAssociation) -> Association, Clone::clone;
    Propose(proposal::CreateProposal) -> Proposal, Clone::clone;
    AcceptProposal(proposal::AcceptProposal) -> Association, Clone::clone;
    DeleteProposal(String) -> Proposal, |id| proposal::DeleteProposal(id.clone());
    ResetSession(String) -> VirtualInterface, |id| bgp_peer::ResetBgpSessions(id.clone());
    Drain(drain::DrainInterface) -> VirtualInterface, Clone::clone;
    RenewEpoch(RenewEpoch) -> Epoch, Clone::clone;
    PutWebhook(webhook::PutWebhook) -> PutWebhook, Clone::clone;
    DeleteWebhook(String) -> Webhook, |id| webhook::DeleteWebhook(id.clone());
    NoteSent(webhook::NoteSent) -> Done, Clone::clone;
    NoteFailed(webhook::NoteFailed) -> Done, Clone::clone;
    ReportInterface(report::ReportInterface) -> Done, Clone::clone;
    ReportConnection(report::ReportConnection) -> Done, Clone::clone;
    ReportAssociation(report::ReportAssociation) -> Done, Clone::clone;
    ReportSeen(report::ReportSeen) -> Done, Clone::clone;
    FirstOperator(operator::FirstOperator) -> Done, Clone::clone;
    CreateOperator(operator::CreateOperator) -> Operator, Clone::clone;
    EnableOperator(operator::EnableOperator) -> Operator, Clone::clone;
    DeleteOperator(String) -> Operator, |name| operator::DeleteOperator(name.clone());
    CreateOperatorKey(operator::CreateOperatorKey) -> OperatorKey, Clone::clone;
    EnableOperatorKey(operator::EnableOperatorKey) -> OperatorKey, Clone::clone;
    DeleteOperatorKey(String) -> OperatorKey, |id| operator::DeleteOperatorKey(id.clone());
    Due(Deadline) -> Done, Clone::clone;
}
