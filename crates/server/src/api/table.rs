//! The table of operations: what is known of each, and which handler answers it. There is a row for every operation of the
//! two enums, or this does not compile; nothing else lists operations.

use std::time::Duration;

use linkway_domain::arn::ArnKind;
use linkway_wire::error::{Code, WireError};
use linkway_wire::feed::LONGEST_WAIT;
use linkway_wire::generated::Operation;
use linkway_wire::operation::{LinkwayOperation, Target};

use super::operation::Effect::{Change, Counted, Disclosure, NotRecorded, Read};
use super::operation::{Callers, Row, Subject};
use super::{Api, Call};
use crate::http::Response;

/// Every row.
pub fn rows() -> impl Iterator<Item = Row> {
    Target::all().map(row)
}

/// The row of an operation.
#[must_use]
pub const fn row(target: Target) -> Row {
    match target {
        Target::Tenant(operation) => direct_connect_row(operation),
        Target::Linkway(operation) => linkway_row(operation),
    }
}

impl Api {
    /// Answers a call by the handler of its operation.
    pub(super) async fn dispatch(&self, call: &Call) -> Result<Response, WireError> {
        match call.target {
            Target::Tenant(operation) => self.direct_connect(operation, call).await,
            Target::Linkway(operation) => self.linkway(operation, call).await,
        }
    }
}

/// Whether a row names a handler.
macro_rules! is_built {
    () => {
        false
    };
    ($handler:ident) => {
        true
    };
}

/// A row's answer: its handler's, or that there is none. That the handler takes the request of its own operation is checked
/// when this is compiled.
macro_rules! answer {
    ($api:ident, $call:ident, $operation:ident::$name:ident) => {
        Err(not_built($operation::$name))
    };
    ($api:ident, $call:ident, Operation::$name:ident, $handler:ident) => {{
        let request = $call.request::<_, { Operation::$name as usize }>()?;
        Ok($call.answer(&$api.$handler($call, request).await?))
    }};
    // The handler reads and writes the bodies itself: they are streams, or compressed.
    ($api:ident, $call:ident, LinkwayOperation::$name:ident, raw $handler:ident) => {
        $api.$handler($call).await
    };
    ($api:ident, $call:ident, LinkwayOperation::$name:ident, $handler:ident) => {{
        let request = $call.operator_request::<_, { LinkwayOperation::$name as usize }>()?;
        Ok($call.answer(&$api.$handler($call, request).await?))
    }};
}

/// The rows of the Direct Connect API, all of them for accounts: the effect, the subject, the types of resources of the IAM
/// action (Service Authorization Reference, "Actions, resources, and condition keys for AWS Direct Connect"; the actions that
/// it lacks have those that their requests name), and the handler where there is one.
macro_rules! direct_connect {
    ($($name:ident: $effect:expr, $subject:ident, [$($arn:ident),*] $(, $handler:ident)?;)*) => {
        const fn direct_connect_row(operation: Operation) -> Row {
            match operation {
                $(Operation::$name => Row {
                    target: Target::Tenant(operation),
                    effect: $effect,
                    subject: Subject::$subject,
                    iam_resources: &[$(ArnKind::$arn),*],
                    callers: Callers::Accounts,
                    time_limit: None,
                    is_built: is_built!($($handler)?),
                },)*
            }
        }

        impl Api {
            async fn direct_connect(
                &self,
                operation: Operation,
                call: &Call,
            ) -> Result<Response, WireError> {
                let api = self;
                match operation {
                    $(Operation::$name => answer!(api, call, Operation::$name $(, $handler)?),)*
                }
            }
        }
    };
}

/// The rows of the operator API and of the edge feed: the callers, the effect, the subject, the handler (`raw` where it reads
/// and writes the bodies itself), and the time limit where it is not the usual one.
macro_rules! linkway {
    ($($name:ident: $callers:ident, $effect:expr, $subject:ident, $($handler:ident)+ $(, within $limit:expr)?;)*) => {
        const fn linkway_row(operation: LinkwayOperation) -> Row {
            match operation {
                $(LinkwayOperation::$name => Row {
                    target: Target::Linkway(operation),
                    effect: $effect,
                    subject: Subject::$subject,
                    iam_resources: &[],
                    callers: Callers::$callers,
                    time_limit: within!($($limit)?),
                    is_built: true,
                },)*
            }
        }

        impl Api {
            async fn linkway(
                &self,
                operation: LinkwayOperation,
                call: &Call,
            ) -> Result<Response, WireError> {
                let api = self;
                match operation {
                    $(LinkwayOperation::$name => {
                        answer!(api, call, LinkwayOperation::$name, $($handler)+)
                    })*
                }
            }
        }
    };
}

/// The time limit of a row.
macro_rules! within {
    () => {
        None
    };
    ($limit:expr) => {
        Some($limit)
    };
}

direct_connect! {
    AcceptDirectConnectGatewayAssociationProposal: Change, GatewayAssociation, [DirectConnectGateway], accept_association_proposal;
    AllocateConnectionOnInterconnect: Change, Connection, [Connection];
    AllocateHostedConnection: Change, Connection, [Connection, Lag];
    AllocatePrivateVirtualInterface: Change, VirtualInterface, [Connection, Lag], allocate_private_virtual_interface;
    AllocatePublicVirtualInterface: Change, VirtualInterface, [Connection, Lag], allocate_public_virtual_interface;
    AllocateTransitVirtualInterface: Change, VirtualInterface, [Connection, Lag], allocate_transit_virtual_interface;
    AssociateConnectionWithLag: Change, Lag, [Connection, Lag];
    AssociateConnectionsToResiliencyGroup: Change, ResiliencyGroup, [Connection];
    AssociateHostedConnection: Change, Connection, [Connection, Lag];
    AssociateMacSecKey: Change, MacSecKey, [Connection, Lag];
    AssociateVirtualInterface: Change, VirtualInterface, [VirtualInterface, Connection, Lag], associate_virtual_interface;
    ConfirmConnection: Change, Connection, [Connection];
    ConfirmCustomerAgreement: Change, CustomerAgreement, [], confirm_customer_agreement;
    ConfirmPrivateVirtualInterface: Change, VirtualInterface, [VirtualInterface], confirm_private_virtual_interface;
    ConfirmPublicVirtualInterface: Change, VirtualInterface, [VirtualInterface], confirm_public_virtual_interface;
    ConfirmTransitVirtualInterface: Change, VirtualInterface, [VirtualInterface], confirm_transit_virtual_interface;
    CreateBGPPeer: Change, BgpPeer, [VirtualInterface], create_bgp_peer;
    CreateConnection: Change, Connection, [Lag], create_connection;
    CreateDirectConnectGateway: Change, DirectConnectGateway, [], create_direct_connect_gateway;
    CreateDirectConnectGatewayAssociation: Change, GatewayAssociation, [DirectConnectGateway], create_direct_connect_gateway_association;
    CreateDirectConnectGatewayAssociationProposal: Change, GatewayAssociation, [DirectConnectGateway], create_association_proposal;
    CreateInterconnect: Change, Interconnect, [Lag];
    CreateLag: Change, Lag, [Connection];
    CreatePrivateVirtualInterface: Change, VirtualInterface, [Connection, Lag], create_private_virtual_interface;
    CreatePublicVirtualInterface: Change, VirtualInterface, [Connection, Lag], create_public_virtual_interface;
    CreateResiliencyGroup: Change, ResiliencyGroup, [];
    CreateTransitVirtualInterface: Change, VirtualInterface, [Connection, Lag], create_transit_virtual_interface;
    DeleteBGPPeer: Change, BgpPeer, [VirtualInterface], delete_bgp_peer;
    DeleteConnection: Change, Connection, [Connection], delete_connection;
    DeleteDirectConnectGateway: Change, DirectConnectGateway, [DirectConnectGateway], delete_direct_connect_gateway;
    DeleteDirectConnectGatewayAssociation: Change, GatewayAssociation, [DirectConnectGateway], delete_direct_connect_gateway_association;
    DeleteDirectConnectGatewayAssociationProposal: Change, GatewayAssociation, [], delete_association_proposal;
    DeleteInterconnect: Change, Interconnect, [Connection];
    DeleteLag: Change, Lag, [Lag];
    DeleteResiliencyGroup: Change, ResiliencyGroup, [];
    DeleteVirtualInterface: Change, VirtualInterface, [VirtualInterface], delete_virtual_interface;
    DescribeConnectionLoa: Read, Connection, [Connection];
    DescribeConnections: Read, Connection, [Connection], describe_connections;
    DescribeConnectionsOnInterconnect: Read, Connection, [Connection];
    DescribeCustomerMetadata: Read, CustomerAgreement, [], describe_customer_metadata;
    DescribeDirectConnectGatewayAssociationProposals: Read, GatewayAssociation, [DirectConnectGateway], describe_association_proposals;
    DescribeDirectConnectGatewayAssociations: Read, GatewayAssociation, [DirectConnectGateway], describe_direct_connect_gateway_associations;
    DescribeDirectConnectGatewayAttachments: Read, DirectConnectGateway, [DirectConnectGateway], describe_direct_connect_gateway_attachments;
    DescribeDirectConnectGateways: Read, DirectConnectGateway, [DirectConnectGateway], describe_direct_connect_gateways;
    DescribeHostedConnections: Read, Connection, [Connection, Lag];
    DescribeInterconnectLoa: Read, Interconnect, [Connection];
    DescribeInterconnects: Read, Interconnect, [Connection];
    DescribeLags: Read, Lag, [Lag];
    DescribeLoa: Read, Connection, [Connection, Lag];
    DescribeLocations: Read, Location, [], describe_locations;
    DescribeRouterConfiguration: Read, VirtualInterface, [VirtualInterface], describe_router_configuration;
    DescribeTags: Read, Tag, [DirectConnectGateway, Connection, Lag, VirtualInterface], describe_tags;
    DescribeVirtualGateways: Read, VirtualGateway, [], describe_virtual_gateways;
    DescribeVirtualInterfaces: Read, VirtualInterface, [Connection, Lag, VirtualInterface], describe_virtual_interfaces;
    DisassociateConnectionFromLag: Change, Lag, [Connection, Lag];
    DisassociateConnectionsFromResiliencyGroup: Change, ResiliencyGroup, [Connection];
    DisassociateMacSecKey: Change, MacSecKey, [Connection, Lag];
    GetResiliencyGroup: Read, ResiliencyGroup, [];
    ListResiliencyGroupAssociations: Read, ResiliencyGroup, [];
    ListResiliencyGroups: Read, ResiliencyGroup, [];
    ListVirtualInterfaceRoutes: Read, VirtualInterface, [VirtualInterface], list_virtual_interface_routes;
    ListVirtualInterfaceTestHistory: Read, VirtualInterface, [VirtualInterface], list_virtual_interface_test_history;
    StartBgpFailoverTest: Change, VirtualInterface, [VirtualInterface], start_bgp_failover_test;
    StopBgpFailoverTest: Change, VirtualInterface, [VirtualInterface], stop_bgp_failover_test;
    TagResource: Change, Tag, [DirectConnectGateway, Connection, Lag, VirtualInterface], tag_resource;
    UntagResource: Change, Tag, [DirectConnectGateway, Connection, Lag, VirtualInterface], untag_resource;
    UpdateConnection: Change, Connection, [Connection];
    UpdateConnectionsBillingMode: Change, Connection, [Connection];
    UpdateDirectConnectGateway: Change, DirectConnectGateway, [DirectConnectGateway], update_direct_connect_gateway;
    UpdateDirectConnectGatewayAssociation: Change, GatewayAssociation, [], update_direct_connect_gateway_association;
    UpdateLag: Change, Lag, [Lag];
    UpdateResiliencyGroup: Change, ResiliencyGroup, [];
    UpdateVirtualInterfaceAttributes: Change, VirtualInterface, [VirtualInterface], update_virtual_interface_attributes;
}

/// How much longer than its wait a long poll may take.
const AFTER_WAIT: u64 = 30;

linkway! {
    ApproveConnection: Operator, Change, Connection, approve_connection;
    // A backup is as large as the database.
    Backup: Operator, Disclosure, Database, raw backup, within Duration::from_secs(3600);
    CreateAccessKey: Operator, Change, AccessKey, create_access_key;
    CreateAccount: Operator, Change, Account, create_account;
    CreateEdge: Operator, Change, Edge, create_edge;
    CreateGateway: Operator, Change, VirtualGateway, create_gateway;
    CreateLocation: Operator, Change, Location, create_location;
    CreateOperator: Admin, Change, Operator, create_operator;
    CreateOperatorKey: Admin, Change, Operator, create_operator_key;
    CreatePort: Operator, Change, Port, create_port;
    CreateTransitGateway: Operator, Change, TransitGateway, create_transit_gateway;
    DeleteAccessKey: Operator, Change, AccessKey, delete_access_key;
    DeleteAccount: Operator, Change, Account, delete_account;
    DeleteBackbone: Operator, Change, DirectConnectGateway, delete_backbone;
    DeleteConnection: Operator, Change, Connection, end_connection;
    DeleteEdge: Operator, Change, Edge, delete_edge;
    DeleteGateway: Operator, Change, VirtualGateway, delete_gateway;
    DeleteInterface: Operator, Change, VirtualInterface, end_interface;
    DeleteLocation: Operator, Change, Location, delete_location;
    DeletePort: Operator, Change, Port, delete_port;
    DeletePublicNetwork: Operator, Change, Edge, delete_public_network;
    DeleteOperator: Admin, Change, Operator, delete_operator;
    DeleteOperatorKey: Admin, Change, Operator, delete_operator_key;
    DeleteTransitGateway: Operator, Change, TransitGateway, delete_transit_gateway;
    DeleteWebhook: Operator, Change, Account, delete_webhook;
    DescribeAccount: Operator, Read, Account, describe_account;
    DescribeEdge: Operator, Read, Edge, describe_edge;
    DescribeOperator: Admin, Read, Operator, describe_operator;
    DisableAccessKey: Operator, Change, AccessKey, disable_access_key;
    DisableAccount: Operator, Change, Account, disable_account;
    DisableOperator: Admin, Change, Operator, disable_operator;
    DisableOperatorKey: Admin, Change, Operator, disable_operator_key;
    // Each interface is a commit of its own.
    DrainEdge: Operator, Change, Edge, drain_edge, within Duration::from_secs(600);
    DrainInterface: Operator, Change, VirtualInterface, drain_interface;
    EnableAccessKey: Operator, Change, AccessKey, enable_access_key;
    EnableAccount: Operator, Change, Account, enable_account;
    EnableOperator: Admin, Change, Operator, enable_operator;
    EnableOperatorKey: Admin, Change, Operator, enable_operator_key;
    ExplainInterface: Operator, Read, VirtualInterface, explain_interface;
    ExplainVirtualInterface: Accounts, Read, VirtualInterface, explain_virtual_interface;
    GetEdgeConfig: Edges, Counted, Edge, raw get_edge_config,
        within Duration::from_secs(LONGEST_WAIT + AFTER_WAIT);
    // Each record that the edge holds is a commit of its own.
    GiveUpEdge: Operator, Change, Edge, give_up_edge, within Duration::from_secs(600);
    ListAccessKeys: Operator, Read, AccessKey, list_access_keys;
    ListAccountEvents: Operator, Read, Account, list_account_events;
    ListAccounts: Operator, Read, Account, list_accounts;
    ListBackbones: Operator, Read, DirectConnectGateway, list_backbones;
    ListConnections: Operator, Read, Connection, list_connections;
    ListEdges: Operator, Read, Edge, list_edges;
    ListEvents: Operator, Read, AuditLog, list_events;
    ListGateways: Operator, Read, VirtualGateway, list_gateways;
    ListInterfaces: Operator, Read, VirtualInterface, list_interfaces;
    ListLocations: Operator, Read, Location, list_locations;
    ListOperators: Admin, Read, Operator, list_operators;
    ListPorts: Operator, Read, Port, list_ports;
    ListPublicNetworks: Operator, Read, Edge, list_public_networks;
    ListTransitGateways: Operator, Read, TransitGateway, list_transit_gateways;
    PutBackbone: Operator, Change, DirectConnectGateway, put_backbone;
    PutPublicNetwork: Operator, Change, Edge, put_public_network;
    PutWebhook: Operator, Change, Account, put_webhook;
    RejectConnection: Operator, Change, Connection, reject_connection;
    RenewEpoch: Admin, Change, Database, renew_epoch;
    ReportEdgeStatus: Edges, NotRecorded("what edges report shows in states"), Edge, raw report_edge_status;
    ResetBgpSession: Operator, Change, VirtualInterface, reset_bgp_session;
    ResetEdge: Operator, Change, Edge, reset_edge;
    RotateAuthKey: Accounts, Change, BgpPeer, rotate_auth_key;
    UpdateAccount: Operator, Change, Account, update_account;
    UpdateGateway: Operator, Change, VirtualGateway, update_gateway;
    UpdateLocation: Operator, Change, Location, update_location;
    UpdateTransitGateway: Operator, Change, TransitGateway, update_transit_gateway;
    VerifyInterface: Operator, Change, VirtualInterface, verify_interface;
}

fn not_built(operation: Operation) -> WireError {
    WireError::new(
        Code::UnknownOperationException,
        format!("The operation {operation} is part of Direct Connect but is not built here yet."),
    )
}
