//! The closed list of what a store holds.

use serde::{Deserialize, Serialize};

use crate::access_key::{AccessKey, Account};
use crate::connection::Connection;
use crate::gateway::Gateway;
use crate::id::VirtualInterfaceId;
use crate::location::{Edge, EdgeSeen, Location, Port};
use crate::virtual_interface::VirtualInterface;

/// A record. The kind is told by its key too; both must agree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "kebab-case")]
#[allow(clippy::large_enum_variant, reason = "records live in short lists, one command long")]
pub enum Record {
    /// `account/…`
    Account(Account),
    /// `key/…`; holds a secret.
    AccessKey(AccessKey),
    /// `location/…`
    Location(Location),
    /// `edge/…`
    Edge(Edge),
    /// `edge-seen/…`
    EdgeSeen(EdgeSeen),
    /// `port/…`
    Port(Port),
    /// `connection/…`
    Connection(Connection),
    /// `vif/…`; holds a secret.
    VirtualInterface(VirtualInterface),
    /// `gateway/…`
    Gateway(Gateway),
    /// `on/…` and `peer/…`: which interface has it.
    Claim(Claim),
    /// Indexes and markers: the key says it all.
    Mark,
}

/// Which interface has the unique thing that the key names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// The interface.
    pub interface: VirtualInterfaceId,
}

/// What the keys of records begin with, ascending: a store writes each of these texts in one byte. They belong to the version of
/// the stored form, like [`KEY_JOINTS`]: a key of another kind needs none of its own, and none of these may change.
pub const KEY_HEADS: &[&str] = &[
    "account/",
    "attached/vgw-",
    "audit/",
    "connection-of/",
    "connection/dxcon-f",
    "due/",
    "edge-connection/",
    "edge-generation/",
    "edge-seen/",
    "edge-vif/",
    "edge/",
    "epoch/",
    "free-port/",
    "gateway-of/",
    "gateway/vgw-",
    "handoff/",
    "key-of/",
    "key/",
    "location/",
    "on/dxcon-f",
    "peer/vgw-",
    "port/",
    "vif-of/",
    "vif/dxvif-f",
];

/// What the keys of records have further on, ascending.
pub const KEY_JOINTS: &[&str] = &["/dxcon-f", "/dxvif-f", "/ended/dxvif-f", "/live/"];

impl Record {
    /// Whether requests read records of this kind of key one by one, again and again; others are listed, or read seldom.
    #[must_use]
    pub fn is_read_alone(key: &str) -> bool {
        ["vif/", "connection/", "account/", "gateway/", "edge-seen/"]
            .iter()
            .any(|kind| key.starts_with(kind))
    }

    /// Whether a stored value of this kind of key must be encrypted.
    #[must_use]
    pub fn is_secret(key: &str) -> bool {
        key.starts_with("vif/") || key.starts_with("key/")
    }
}
