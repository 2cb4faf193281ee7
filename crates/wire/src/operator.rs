//! The operator API: what `Linkway.<Operation>` takes and answers, shared by the server and by
//! `linkway admin`.
//!
//! The transport is that of the tenants' API: `POST /`, AWS JSON 1.1, Signature V4 (service
//! `linkway`), errors as `{"__type", "message"}`. Members carry text and numbers as they came:
//! which values are allowed is the server's to say, in one place. Times are RFC 3339 strings in
//! UTC. A member that does not apply is absent, never null.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::operation::LinkwayOperation;
use crate::value::Secret;

pub use crate::operation::LINKWAY_SERVICE as SERVICE;

/// One operation: the request's type knows its name and what the server answers.
pub trait Request: Serialize + DeserializeOwned {
    /// The name behind `Linkway.` in `X-Amz-Target`.
    const OPERATION: LinkwayOperation;
    /// The body of a successful answer.
    type Answer: Serialize + DeserializeOwned;
}

/// A request that is answered in pages: ask again with the last answer's `nextToken` until there is
/// none.
pub trait ListRequest: Request {
    /// One element of the list.
    type Item: Serialize + DeserializeOwned;
    /// Sets where the next page starts: the `nextToken` of the page before.
    fn set_next_token(&mut self, token: Option<String>);
    /// Takes the answer apart: this page's elements, and the token of the next page.
    fn into_page(answer: Self::Answer) -> (Vec<Self::Item>, Option<String>);
}

/// Ties each request type to its operation and its answer.
macro_rules! answers {
    ($($name:ident -> $answer:ty),+ $(,)?) => { $(
        impl Request for $name {
            const OPERATION: LinkwayOperation = LinkwayOperation::$name;
            type Answer = $answer;
        }
    )+

        /// The operations of the operator API: all but the edge feed's.
        pub const OPERATIONS: &[LinkwayOperation] = &[$(LinkwayOperation::$name),+];
    };
}

answers! {
    CreateAccount -> Account,
    ListAccounts -> AccountList,
    UpdateAccount -> Account,
    EnableAccount -> Account,
    DisableAccount -> Account,
    DeleteAccount -> DeletedAccount,
    DescribeAccount -> AccountDetail,
    ListAccountEvents -> AccountEventPage,
    PutWebhook -> NewWebhook,
    DeleteWebhook -> NewWebhook,
    CreateAccessKey -> NewAccessKey,
    ListAccessKeys -> AccessKeyList,
    EnableAccessKey -> AccessKey,
    DisableAccessKey -> AccessKey,
    DeleteAccessKey -> Nothing,
    CreateOperator -> Operator,
    ListOperators -> OperatorList,
    DescribeOperator -> OperatorDetail,
    EnableOperator -> Operator,
    DisableOperator -> Operator,
    DeleteOperator -> Nothing,
    CreateOperatorKey -> NewOperatorKey,
    EnableOperatorKey -> OperatorKey,
    DisableOperatorKey -> OperatorKey,
    DeleteOperatorKey -> Nothing,
    CreateLocation -> Location,
    ListLocations -> LocationList,
    UpdateLocation -> Location,
    DeleteLocation -> Location,
    CreateEdge -> NewEdge,
    ListEdges -> EdgeList,
    DescribeEdge -> EdgeDetail,
    ResetEdge -> Edge,
    GiveUpEdge -> GivenUpEdge,
    DeleteEdge -> DeletedEdge,
    CreatePort -> Port,
    ListPorts -> PortList,
    DeletePort -> Port,
    ListConnections -> ConnectionList,
    ApproveConnection -> Connection,
    RejectConnection -> Connection,
    DeleteConnection -> Connection,
    CreateGateway -> Gateway,
    ListGateways -> GatewayList,
    UpdateGateway -> Gateway,
    DeleteGateway -> Gateway,
    CreateTransitGateway -> TransitGateway,
    ListTransitGateways -> TransitGatewayList,
    UpdateTransitGateway -> TransitGateway,
    DeleteTransitGateway -> TransitGateway,
    PutBackbone -> Backbone,
    ListBackbones -> BackboneList,
    DeleteBackbone -> Backbone,
    PutPublicNetwork -> PublicNetwork,
    ListPublicNetworks -> PublicNetworkList,
    DeletePublicNetwork -> PublicNetwork,
    ListInterfaces -> InterfaceList,
    VerifyInterface -> Interface,
    ResetBgpSession -> Interface,
    DrainInterface -> Interface,
    DrainEdge -> DrainedEdge,
    ExplainInterface -> Explanation,
    ExplainVirtualInterface -> Explanation,
    RotateAuthKey -> RotatedAuthKey,
    DeleteInterface -> Interface,
    RenewEpoch -> Epoch,
    ListEvents -> EventPage,
    Backup -> Nothing,
}

/// Declares a paged request (its filters beside `maxResults` and `nextToken`) and its answer.
macro_rules! lists {
    ($($(#[$doc:meta])* $request:ident { $($(#[$fdoc:meta])* $filter:ident: $type:ty),* }
        -> $answer:ident { $items:ident: $item:ty })+) => { $(
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "camelCase")]
        pub struct $request {
            $($(#[$fdoc])*
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub $filter: Option<$type>,)*
            /// At most so many elements in one page.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub max_results: Option<i64>,
            /// The `nextToken` of the page before; absent for the first page.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub next_token: Option<String>,
        }

        #[doc = concat!("One page of what [`", stringify!($request), "`] lists.")]
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(rename_all = "camelCase")]
        pub struct $answer {
            /// This page's elements.
            pub $items: Vec<$item>,
            /// Where the next page starts; absent on the last.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub next_token: Option<String>,
        }

        impl ListRequest for $request {
            type Item = $item;
            fn set_next_token(&mut self, token: Option<String>) {
                self.next_token = token;
            }
            fn into_page(answer: $answer) -> (Vec<$item>, Option<String>) {
                (answer.$items, answer.next_token)
            }
        }
    )+ };
}

lists! {
    /// Every account.
    ListAccounts {} -> AccountList { accounts: Account }
    /// Every access key, or one account's or edge's; never a secret.
    ListAccessKeys {
        /// Only this one.
        access_key_id: String,
        /// Only this account's.
        account_id: String,
        /// Only this edge's.
        edge_id: String
    } -> AccessKeyList { access_keys: AccessKey }
    /// Every operator.
    ListOperators {} -> OperatorList { operators: Operator }
    /// Every location.
    ListLocations {
        /// Only this one.
        location_code: String
    } -> LocationList { locations: Location }
    /// Every edge router.
    ListEdges {} -> EdgeList { edges: Edge }
    /// Every port, or one edge's.
    ListPorts {
        /// Only this edge's.
        edge_id: String,
        /// Only this one of the edge.
        interface: String
    } -> PortList { ports: Port }
    /// Every account's connections.
    ListConnections {
        /// Only this one.
        connection_id: String,
        /// Only this account's.
        account_id: String,
        /// Only those in this state: the public API's connectionState.
        state: String
    } -> ConnectionList { connections: Connection }
    /// Every virtual gateway.
    ListGateways {
        /// Only this one.
        virtual_gateway_id: String,
        /// Only this account's.
        account_id: String
    } -> GatewayList { virtual_gateways: Gateway }
    /// Every transit gateway.
    ListTransitGateways {
        /// Only this one.
        transit_gateway_id: String,
        /// Only this account's.
        account_id: String
    } -> TransitGatewayList { transit_gateways: TransitGateway }
    /// The backbone of every Direct Connect gateway that has one.
    ListBackbones {
        /// Only this gateway's.
        direct_connect_gateway_id: String
    } -> BackboneList { backbones: Backbone }
    /// The public network of every edge.
    ListPublicNetworks {
        /// Only this edge's.
        edge_id: String
    } -> PublicNetworkList { public_networks: PublicNetwork }
    /// Every account's virtual interfaces.
    ListInterfaces {
        /// Only this one.
        virtual_interface_id: String,
        /// Only those that this account owns or has lent.
        account_id: String,
        /// Only those in this state: the public API's virtualInterfaceState.
        state: String
    } -> InterfaceList { virtual_interfaces: Interface }
}

/// `DIR/operator.json`: how `linkway admin` finds the server and signs; written by the first start
/// of the server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OperatorFile {
    /// The server's address for tenants and edges: `http://127.0.0.1:8580`.
    pub endpoint: String,
    /// Its address for the operator, `http://127.0.0.1:8581`; absent: the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub admin_endpoint: Option<String>,
    /// The region of the credential scope.
    pub region: String,
    /// The operator's key: 20 characters.
    pub access_key_id: String,
    /// Its secret: 40 characters.
    pub secret_access_key: Secret,
}

/// `{}`: nothing to ask, or nothing to say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nothing {}

/// Declares request structs whose members are all plain.
macro_rules! requests {
    ($($(#[$doc:meta])* $name:ident {
        $($(#[$fdoc:meta])* $field:ident: $type:ty),* $(,)?
    })+) => { $(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "camelCase")]
        pub struct $name { $($(#[$fdoc])* pub $field: $type,)* }
    )+ };
}

requests! {
    /// Makes a tenant.
    CreateAccount {
        /// 12 digits.
        account_id: String,
        /// For people.
        name: String,
    }
    /// Renames a tenant.
    UpdateAccount {
        /// Which.
        account_id: String,
        /// For people, from then on.
        name: String,
    }
    /// Lets the keys of a disabled account sign again.
    EnableAccount {
        /// Which.
        account_id: String,
    }
    /// Refuses what an account's keys sign, until it is enabled. What the account has goes on.
    DisableAccount {
        /// Which.
        account_id: String,
    }
    /// Forgets a tenant that has no connection, virtual interface or virtual gateway; its access keys go with it.
    DeleteAccount {
        /// Which.
        account_id: String,
    }
    /// An account, and what it uses of its quotas.
    DescribeAccount {
        /// Which.
        account_id: String,
    }
    /// Makes a key pair for an account or for an edge; the secret is in this answer and never again.
    CreateAccessKey {
        /// The account, if it is for one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        account_id: Option<String>,
        /// The edge, if it is for one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        edge_id: Option<String>,
    }
    /// Lets a disabled key sign again.
    EnableAccessKey {
        /// Which.
        access_key_id: String,
    }
    /// Refuses what the key signs, until it is enabled.
    DisableAccessKey {
        /// Which.
        access_key_id: String,
    }
    /// Forgets the key for good.
    DeleteAccessKey {
        /// Which.
        access_key_id: String,
    }
    /// Makes an operator, who has no key yet.
    CreateOperator {
        /// What the audit trail will call it.
        operator_name: String,
        /// `read`, `operate` or `admin`.
        role: String,
    }
    /// An operator and its keys.
    DescribeOperator {
        /// Which.
        operator_name: String,
    }
    /// Accepts an operator's keys again.
    EnableOperator {
        /// Which.
        operator_name: String,
    }
    /// Refuses an operator's keys until it is enabled.
    DisableOperator {
        /// Which.
        operator_name: String,
    }
    /// Forgets an operator and its keys for good.
    DeleteOperator {
        /// Which.
        operator_name: String,
    }
    /// Makes a key pair for an operator; the secret is in this answer and never again.
    CreateOperatorKey {
        /// Whose.
        operator_name: String,
        /// For how many seconds it is good; absent: until it is disabled or deleted.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expires_in_seconds: Option<u64>,
    }
    /// Accepts an operator's key again.
    EnableOperatorKey {
        /// Which.
        access_key_id: String,
    }
    /// Refuses an operator's key until it is enabled.
    DisableOperatorKey {
        /// Which.
        access_key_id: String,
    }
    /// Forgets an operator's key for good.
    DeleteOperatorKey {
        /// Which.
        access_key_id: String,
    }
    /// Makes a place where ports are.
    CreateLocation {
        /// `PAR1`
        location_code: String,
        /// For people.
        location_name: String,
        /// Whether the built-in simulated edge serves it; absent means no.
        #[serde(default)]
        simulated: bool,
    }
    /// Renames a location.
    UpdateLocation {
        /// Which.
        location_code: String,
        /// For people, from then on.
        location_name: String,
    }
    /// Removes a location without edges or connections; the edge of a simulated one goes with it.
    DeleteLocation {
        /// Which.
        location_code: String,
    }
    /// Makes an edge router and its own key pair; the secret is in this answer and never again.
    CreateEdge {
        /// The operator's own name for the router.
        edge_id: String,
        /// Where it stands.
        location_code: String,
    }
    /// Everything that is known of one edge router.
    DescribeEdge {
        /// Which.
        edge_id: String,
    }
    /// Forgets the number of an edge router's last report: the next one is heard whatever its number is.
    ResetEdge {
        /// Which.
        edge_id: String,
    }
    /// Says that an edge router is off for good: what is being deleted on it ends as if the router had reported it gone. May be
    /// asked again when more is deleted.
    GiveUpEdge {
        /// Which.
        edge_id: String,
        /// Even if the edge was heard lately; absent means no.
        #[serde(default)]
        force: bool,
    }
    /// Removes an edge router without ports and handoffs; its access keys go with it.
    DeleteEdge {
        /// Which.
        edge_id: String,
    }
    /// Starts the BGP session of an accepted virtual interface anew, as one needs that was shut for too many prefixes.
    ResetBgpSession {
        /// Which.
        virtual_interface_id: String,
    }
    /// Says whether the prefixes of a public virtual interface, or its new BGP peers, are the customer's.
    VerifyInterface {
        /// Which.
        virtual_interface_id: String,
        /// Whether they are. Otherwise the interface is rejected; of one that was verified before, the new peers go.
        #[serde(default = "yes")]
        accepted: bool,
    }
    /// Takes an accepted virtual interface out of use, in stages, or back into it.
    DrainInterface {
        /// Which.
        virtual_interface_id: String,
        /// How long both sides have to choose other ways, in seconds, 3600 at most; absent means 60.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        wait_seconds: Option<i64>,
        /// Whether it is to be as before; absent means no.
        #[serde(default)]
        undo: bool,
    }
    /// The same for every accepted virtual interface of an edge router.
    DrainEdge {
        /// Which.
        edge_id: String,
        /// How long both sides have to choose other ways, in seconds, 3600 at most; absent means 60.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        wait_seconds: Option<i64>,
        /// Whether they are to be as before; absent means no.
        #[serde(default)]
        undo: bool,
    }
    /// Says why a virtual interface is not up, check by check; for the operator.
    ExplainInterface {
        /// Which.
        virtual_interface_id: String,
    }
    /// The same for accounts: the interface's owner, and who has lent it.
    ExplainVirtualInterface {
        /// Which.
        virtual_interface_id: String,
    }
    /// Gives a BGP peer of a virtual interface a new key beside the one in use; for the account that owns the interface. Another call
    /// replaces the new key; one with the key in use ends the rotation.
    RotateAuthKey {
        /// Which interface.
        virtual_interface_id: String,
        /// Which peer; absent: the only one that has a session.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bgp_peer_id: Option<String>,
        /// The new key: 6 to 80 printable ASCII characters without spaces and double quotes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        auth_key: Option<Secret>,
        /// For how long both keys are tried, in seconds, 60 to 604800; absent means 86400.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        window_seconds: Option<i64>,
    }
    /// Offers an interface of an edge router to connections.
    CreatePort {
        /// The router.
        edge_id: String,
        /// The kernel's name of the interface: `eth1`.
        interface: String,
        /// As in the public API: `10Gbps`.
        bandwidth: String,
        /// Whether virtual interfaces may ask for an MTU above 1500; absent means yes.
        #[serde(default = "yes")]
        jumbo_frame_capable: bool,
    }
    /// Takes back a port that no connection has.
    DeletePort {
        /// The router.
        edge_id: String,
        /// The interface.
        interface: String,
    }
    /// Deletes a connection as its owner would.
    DeleteConnection {
        /// Which.
        connection_id: String,
    }
    /// Deletes a virtual interface as its owner would.
    DeleteInterface {
        /// Which.
        virtual_interface_id: String,
    }
    /// Gives a requested connection its port, and so brings it to life.
    ApproveConnection {
        /// Which.
        connection_id: String,
        /// On this router; absent lets the server choose a free port of the location and bandwidth.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        edge_id: Option<String>,
        /// On this interface of `edgeId`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        interface: Option<String>,
    }
    /// Refuses a requested connection.
    RejectConnection {
        /// Which.
        connection_id: String,
    }
}

/// A consistent copy of the database, taken while serving. The answer is not JSON: its body is the
/// copy itself (`application/octet-stream`), streamed. The key file is not part of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backup {}

/// Says that this store is a copy whose original's edges it has taken over: it counts its generations anew, under a later
/// epoch, and every edge takes its configuration. A copy that `Backup` made does so by itself when it is first served; one
/// that was made of the files does not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RenewEpoch {}

/// The epoch that the store has now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Epoch {
    /// Milliseconds of Unix time, or more.
    pub epoch: u64,
}

fn yes() -> bool {
    true
}

mod account_events;
mod audit;
mod edge;
mod explain;
mod gateways;
mod operators;
mod resources;
mod rotation;
#[cfg(test)]
mod tests;

pub use account_events::{
    AccountEvent, AccountEventData, AccountEventPage, DeleteWebhook, ListAccountEvents, NewWebhook,
    PutWebhook, Webhook,
};
pub use audit::{AuditEvent, EventKind, EventPage, ListEvents, Parameters};
pub use edge::{
    DrainedEdge, EdgeDetail, EdgeInterface, EdgePort, FabricSession, PeerStatus, SessionState,
    Traffic,
};
pub use explain::{Explanation, InterfaceCheck};
pub use gateways::{
    CreateGateway, CreateTransitGateway, DeleteBackbone, DeleteGateway, DeletePublicNetwork,
    DeleteTransitGateway, FabricPeer, Handoff, PutBackbone, PutPublicNetwork, UpdateGateway,
    UpdateTransitGateway,
};
pub use operators::{NewOperatorKey, Operator, OperatorDetail, OperatorKey};
pub use resources::{
    AccessKey, AccessKeyKind, AccessKeyStatus, Account, AccountDetail, AccountStatus, Backbone,
    Connection, DeletedAccount, DeletedEdge, Edge, Gateway, GatewayHandoff, GivenUpEdge,
    HandoffPeer, Interface, Location, NewAccessKey, NewEdge, Port, PublicNetwork, QuotaUse,
    TransitGateway,
};
pub use rotation::RotatedAuthKey;
