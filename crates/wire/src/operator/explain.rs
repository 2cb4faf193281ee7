//! Why a virtual interface is not up.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What was found of an interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// Which.
    pub virtual_interface_id: String,
    /// The name of the first check that has failed; absent: none has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The checks, in the order in which things have to work.
    pub checks: Vec<InterfaceCheck>,
}

/// A check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InterfaceCheck {
    /// `accepted`, `edge`, `router`, `port`, `vlan`, `neighbor`, `tcp`, `md5`, `open`, `asn`, `holdTimer`, `prefixLimit`, `bfd`,
    /// `handoff`, `allowedPrefixes`.
    pub check: String,
    /// `ipv4` or `ipv6`: the peer that it is about; absent: the interface.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address_family: Option<String>,
    /// `ok`, `failed` or `unknown`.
    pub state: String,
    /// What was seen.
    pub seen: String,
    /// When.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
}
