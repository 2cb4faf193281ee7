//! A new BGP key beside the one in use.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What became of a BGP peer's keys, which are in no answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RotatedAuthKey {
    /// The interface.
    pub virtual_interface_id: String,
    /// The peer.
    pub bgp_peer_id: String,
    /// From when on the new key is the only one; absent: none waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}
