//! Operators: the people and programs that run this installation, each with a role and keys of their own.
//!
//! All of them are in one record: that somebody is left who may do everything is a rule about all, and a commit compares
//! what it rests on.

pub mod decide;

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::fault::Fault;
use crate::id::{AccessKeyId, OperatorName};
use crate::key::{self, Key};
use crate::outcome::Outcome;
use crate::stored::Stored;
use crate::time::Time;

/// What an operator may do; each role may do what those before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// See everything, secrets apart.
    Read,
    /// Change what tenants and edges have, their access keys included.
    Operate,
    /// Say who the operators are.
    Admin,
}

impl Role {
    /// Every role, the least first.
    pub const ALL: [Self; 3] = [Self::Read, Self::Operate, Self::Admin];

    /// As it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Operate => "operate",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        let found = Self::ALL.into_iter().find(|role| role.as_str() == text);
        found.ok_or_else(|| Fault::field("role", text, "is not one of read, operate, admin"))
    }
}

/// An access key of an operator; whether it is enabled, and its secret, are in the key's own record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatorKey {
    /// Which.
    pub id: AccessKeyId,
    /// From when on it is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Time>,
}

impl OperatorKey {
    /// Whether its time is over.
    #[must_use]
    pub fn has_expired(&self, now: Time) -> bool {
        self.expires.is_some_and(|at| at <= now)
    }
}

/// An operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operator {
    /// Its name, as the audit trail shows it.
    pub name: OperatorName,
    /// What it may do.
    pub role: Role,
    /// Whether its keys are accepted.
    pub enabled: bool,
    /// When it was made.
    pub created: Time,
    /// Its keys, the oldest first.
    pub keys: Vec<OperatorKey>,
}

/// All operators, in the order of their names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Roster {
    /// Them.
    pub operators: Vec<Operator>,
}

impl Roster {
    /// The operator of this name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Operator> {
        self.operators.iter().find(|operator| operator.name.as_str() == name)
    }

    /// Whose key this is.
    #[must_use]
    pub fn of_key(&self, id: &AccessKeyId) -> Option<(&Operator, &OperatorKey)> {
        self.operators.iter().find_map(|operator| {
            let key = operator.keys.iter().find(|key| key.id == *id)?;
            Some((operator, key))
        })
    }
}

impl Stored for Roster {
    fn key(&self) -> Option<Key> {
        Some(key::roster())
    }
}

/// When operators' keys were last used, to the minute. Apart from the [`Roster`], since it wakes nobody.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatorUse {
    /// The keys, with the moment.
    pub keys: Vec<(AccessKeyId, Time)>,
}

impl OperatorUse {
    /// When a key was last used.
    #[must_use]
    pub fn of(&self, id: &AccessKeyId) -> Option<Time> {
        self.keys.iter().find(|(key, _)| key == id).map(|(_, at)| *at)
    }
}

impl Stored for OperatorUse {
    fn key(&self) -> Option<Key> {
        Some(key::operator_use())
    }
}

impl Outcome for Operator {
    fn resources(&self) -> Vec<Cow<'_, str>> {
        vec![self.name.as_str().into()]
    }
}
