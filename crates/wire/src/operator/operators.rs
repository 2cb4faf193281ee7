//! What the operator API says of operators themselves.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::AccessKeyStatus;
use crate::value::Secret;

/// An operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Operator {
    /// As the audit trail shows it.
    pub operator_name: String,
    /// `read`, `operate` or `admin`.
    pub role: String,
    /// Whether its keys are accepted.
    pub status: AccessKeyStatus,
    /// How many keys it has.
    pub keys: u64,
    /// When it was made.
    pub created_at: Timestamp,
}

/// An operator and its keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OperatorDetail {
    /// The operator.
    pub operator: Operator,
    /// Its keys, the oldest first.
    pub access_keys: Vec<OperatorKey>,
}

/// A key of an operator without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OperatorKey {
    /// 20 characters.
    pub access_key_id: String,
    /// Whose.
    pub operator_name: String,
    /// Whether it is accepted, its expiry and its operator's status apart.
    pub status: AccessKeyStatus,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it is refused; absent: it does not expire.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// When it last signed a call, to the minute; absent: never, as far as is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<Timestamp>,
}

/// A key pair of an operator that was made just now: the only answer with the secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NewOperatorKey {
    /// 20 characters.
    pub access_key_id: String,
    /// 40 characters.
    pub secret_access_key: Secret,
    /// Whose.
    pub operator_name: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it is refused; absent: it does not expire.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}
