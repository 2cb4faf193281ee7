//! What the operator API answers with, resource by resource.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{SessionState, Webhook};
use crate::generated::{Connection as PublicConnection, VirtualInterface};
use crate::value::Secret;

/// A tenant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Account {
    /// 12 digits.
    pub account_id: String,
    /// For people.
    pub name: String,
    /// Enabled, unless it says otherwise.
    #[serde(default)]
    pub status: AccountStatus,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Whether what an account's keys sign is accepted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AccountStatus {
    /// It is.
    #[default]
    Enabled,
    /// It is refused.
    Disabled,
}

/// A tenant that is gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeletedAccount {
    /// 12 digits.
    pub account_id: String,
    /// For people.
    pub name: String,
    /// The access keys that went with it.
    pub access_key_ids: Vec<String>,
}

/// An edge router that is gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeletedEdge {
    /// The operator's own name for the router.
    pub edge_id: String,
    /// Where it stood.
    pub location_code: String,
    /// The access keys that went with it.
    pub access_key_ids: Vec<String>,
}

/// What ended with an edge router that was given up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GivenUpEdge {
    /// The operator's own name for the router.
    pub edge_id: String,
    /// Where it stood.
    pub location_code: String,
    /// The connections that are deleted.
    pub connection_ids: Vec<String>,
    /// The virtual interfaces that are deleted.
    pub virtual_interface_ids: Vec<String>,
    /// The BGP peers that are deleted, of interfaces that go on.
    pub bgp_peer_ids: Vec<String>,
    /// Associations of gateways that the edge had to let go.
    #[serde(default)]
    pub association_ids: Vec<String>,
}

/// A tenant, with what it uses of its quotas.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountDetail {
    /// The tenant.
    #[serde(flatten)]
    pub account: Account,
    /// The quotas of the account, and those of its connections, locations and lenders of which something is used.
    pub quotas: Vec<QuotaUse>,
    /// Where its events are sent; absent: nowhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook: Option<Webhook>,
}

/// How much of a quota is used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QuotaUse {
    /// Its key in the configuration's table `[quotas]`.
    pub quota: String,
    /// The connection, the location or the lender's account that it is a quota of; absent: the account itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
    /// How many there are.
    pub used: u32,
    /// How many there may be.
    pub limit: u32,
}

/// A key pair that was made just now: the only answer with the secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NewAccessKey {
    /// 20 characters.
    pub access_key_id: String,
    /// 40 characters.
    pub secret_access_key: Secret,
    /// The account of an account's key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_id: Option<String>,
    /// The edge of an edge's key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edge_id: Option<String>,
    /// Enabled.
    pub status: AccessKeyStatus,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Whom a key belongs to; decides which operations exist for what it signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AccessKeyKind {
    /// A tenant.
    Account,
    /// The operator.
    Operator,
    /// One edge router.
    Edge,
}

/// Whether what the key signs is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AccessKeyStatus {
    /// It is.
    Enabled,
    /// It is refused.
    Disabled,
}

/// An access key without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccessKey {
    /// 20 characters.
    pub access_key_id: String,
    /// Whom it belongs to.
    pub kind: AccessKeyKind,
    /// The account of an account's key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_id: Option<String>,
    /// The edge of an edge's key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edge_id: Option<String>,
    /// Whether it works.
    pub status: AccessKeyStatus,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A place where ports are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Location {
    /// `PAR1`
    pub location_code: String,
    /// For people.
    pub location_name: String,
    /// Whether the built-in simulated edge serves it.
    pub simulated: bool,
    /// The server's region.
    pub region: String,
}

/// An edge router that was made just now: the only answer with its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NewEdge {
    /// The operator's own name for the router.
    pub edge_id: String,
    /// Where it stands.
    pub location_code: String,
    /// The edge's own key.
    pub access_key_id: String,
    /// Its secret.
    pub secret_access_key: Secret,
    /// When it was made.
    pub created_at: Timestamp,
}

/// An edge router as the server knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Edge {
    /// The operator's own name for the router.
    pub edge_id: String,
    /// Where it stands.
    pub location_code: String,
    /// Whether it is the built-in one.
    pub simulated: bool,
    /// When it last reported; absent before the first report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_report_at: Option<Timestamp>,
    /// The generation of the configuration that it last reported as applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<u64>,
    /// Whether its report is overdue.
    pub silent: bool,
}

/// An interface of an edge router that serves, or may serve, one connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Port {
    /// The router.
    pub edge_id: String,
    /// The kernel's name of the interface.
    pub interface: String,
    /// Where the router stands.
    pub location_code: String,
    /// As in the public API: `10Gbps`.
    pub bandwidth: String,
    /// Whether virtual interfaces may ask for an MTU above 1500.
    pub jumbo_frame_capable: bool,
    /// The connection that it serves; absent while free.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection_id: Option<String>,
    /// Whether the edge last reported a signal; absent before it said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carrier: Option<bool>,
}

/// A connection: what the public API says of it, and its port.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Connection {
    /// The members of the public API's Connection.
    #[serde(flatten)]
    pub connection: PublicConnection,
    /// The router of its port; absent before approval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edge_id: Option<String>,
    /// Its port on that router; absent before approval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interface: Option<String>,
}

/// A virtual gateway: an account's VPC as the edges see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Gateway {
    /// `vgw-…`
    pub virtual_gateway_id: String,
    /// For people; absent: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whose.
    pub account_id: String,
    /// Our side's autonomous system number.
    pub amazon_side_asn: i64,
    /// The cloud's name of the VPC.
    pub vpc_id: String,
    /// The VPC's prefixes.
    pub cidrs: Vec<String>,
    /// Where the edges hand the VPC's traffic over.
    #[serde(default)]
    pub handoffs: Vec<GatewayHandoff>,
    /// As in the public API: `available`, `deleted`, …
    pub virtual_gateway_state: String,
    /// Why its VPC is not reached from every edge as it should be: the sessions with the fabric that are down. Of edges whose
    /// last report came to another server nothing is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// A transit gateway: what transit virtual interfaces reach by a Direct Connect gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TransitGateway {
    /// `tgw-…`
    pub transit_gateway_id: String,
    /// For people; absent: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whose.
    pub account_id: String,
    /// Its autonomous system number.
    pub amazon_side_asn: i64,
    /// Where the edges hand its traffic over.
    #[serde(default)]
    pub handoffs: Vec<GatewayHandoff>,
    /// `available` or `deleted`.
    pub transit_gateway_state: String,
    /// Why it is not reached from every edge as it should be: the sessions with the fabric that are down. Of edges whose last
    /// report came to another server nothing is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Where the routers of a Direct Connect gateway reach one another, over the operator's backbone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Backbone {
    /// The gateway.
    pub direct_connect_gateway_id: String,
    /// Where each router reaches the backbone.
    #[serde(default)]
    pub handoffs: Vec<GatewayHandoff>,
    /// The sessions with the backbone that are down. A session is there only while an interface of the gateway on that router has
    /// SiteLink.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What public virtual interfaces reach from an edge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PublicNetwork {
    /// The router.
    pub edge_id: String,
    /// The operator's prefixes.
    pub prefixes: Vec<String>,
    /// Where the router reaches them.
    #[serde(default)]
    pub handoffs: Vec<GatewayHandoff>,
    /// The sessions with the fabric that are down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Where one edge hands a VPC's traffic to the cloud's fabric.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GatewayHandoff {
    /// The router.
    pub edge_id: String,
    /// Its interface towards the fabric.
    pub interface: String,
    /// Next hop of the VPC's prefixes.
    pub next_hop: String,
    /// The fabric's router that it has a BGP session with there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fabric_peer: Option<HandoffPeer>,
}

/// The BGP peer of a handoff, without its key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HandoffPeer {
    /// Its address.
    pub address: String,
    /// Its autonomous system number.
    pub asn: i64,
    /// Whether the session has a key.
    pub authenticated: bool,
    /// Where the session is; absent where no interface leads to the gateway on that edge, and where the edge's last report came
    /// to another server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<SessionState>,
}

/// A virtual interface: what the public API says of it but no key of any BGP session, and where it
/// lives.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Interface {
    /// The members of the public API's VirtualInterface, without what holds a BGP key.
    #[serde(flatten)]
    pub virtual_interface: VirtualInterface,
    /// The account that owns the connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection_owner_account: Option<String>,
    /// The router of the connection's port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edge_id: Option<String>,
    /// The connection's port on that router.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interface: Option<String>,
    /// Why the edge could not do what it was told, in its own words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// `draining`, `withdrawn` or `drained`; absent: it is not being drained.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drain: Option<String>,
}

impl Interface {
    /// The public answer, cleared of what holds a BGP key: `authKey`, each peer's `authKey` and
    /// `customerRouterConfig`. The other members are absent, for the caller to fill in.
    pub fn new(mut virtual_interface: VirtualInterface) -> Self {
        virtual_interface.auth_key = None;
        virtual_interface.customer_router_config = None;
        for peer in virtual_interface.bgp_peers.iter_mut().flatten() {
            peer.auth_key = None;
        }
        Interface {
            virtual_interface,
            connection_owner_account: None,
            edge_id: None,
            interface: None,
            error: None,
            drain: None,
        }
    }
}
