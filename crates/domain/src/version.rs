//! The forms in which records are, and were, stored: each kind of record has a chain of versions, and each version knows
//! the one before it. So a data directory of an earlier build is read, and one of a later build is refused.

use serde::de::{self, DeserializeOwned};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::access_key::AccessKey;
use crate::account::Account;
use crate::connection::Connection;
use crate::connection::previous::Connection2;
use crate::customer_agreement::CustomerAgreement;
use crate::edge::{Edge, EdgeSeen};
use crate::location::Location;
use crate::port::Port;
use crate::record::{Claim, Record};
use crate::tag::ResourceTags;
use crate::virtual_gateway::Gateway;
use crate::virtual_interface::previous::VirtualInterface2;
use crate::virtual_interface::{VirtualInterface, VirtualInterfaceStatus};

/// How the bytes of a version are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// JSON, with the kind of record as its first member: members may be added that have a default.
    Json,
    /// Postcard, which names no members: **any change of the type, or of a type in it, is a new version**.
    Compact,
}

/// A version of a kind of record.
pub trait Versioned: Serialize + DeserializeOwned + Sized {
    /// Its number, which stored values begin with. Rises along the chain.
    const VERSION: u8;
    /// How its bytes are written.
    const FORM: Form;
    /// The version before it; [`Never`] if it is the first.
    type Previous: Versioned;
    /// What a record of the version before becomes.
    fn migrate(previous: Self::Previous) -> Migrated<Self>;
}

/// A record of a later version, made of one of an earlier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Migrated<T> {
    /// The record.
    pub record: T,
    /// Records that the earlier version had within it.
    pub moved: Vec<Record>,
}

impl<T> From<T> for Migrated<T> {
    fn from(record: T) -> Self {
        Self { record, moved: Vec::new() }
    }
}

/// There is no version before the first.
#[derive(Clone, Copy, Debug)]
pub enum Never {}

impl Serialize for Never {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        match *self {}
    }
}

impl<'de> Deserialize<'de> for Never {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Err(de::Error::custom("there is no such version"))
    }
}

impl Versioned for Never {
    const VERSION: u8 = 0;
    const FORM: Form = Form::Json;
    type Previous = Self;
    fn migrate(previous: Self) -> Migrated<Self> {
        match previous {}
    }
}

/// The same type as it was stored in JSON, version 1, before its compact form.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct InJson<T>(pub T);

impl<T: Serialize + DeserializeOwned> Versioned for InJson<T> {
    const VERSION: u8 = 1;
    const FORM: Form = Form::Json;
    type Previous = Never;
    fn migrate(previous: Never) -> Migrated<Self> {
        match previous {}
    }
}

macro_rules! versions {
    ($($name:ident = $version:literal $form:ident after $previous:ty, $migrate:expr;)*) => {
        $(impl Versioned for $name {
            const VERSION: u8 = $version;
            const FORM: Form = Form::$form;
            type Previous = $previous;
            fn migrate(previous: Self::Previous) -> Migrated<Self> {
                let migrate: fn(Self::Previous) -> Migrated<Self> = $migrate;
                migrate(previous)
            }
        })*
    };
}

versions! {
    Account = 2 Compact after InJson<Self>, |InJson(same)| same.into();
    Claim = 2 Compact after InJson<Self>, |InJson(same)| same.into();
    Connection = 3 Compact after Connection2, Connection2::migrate;
    Connection2 = 2 Compact after InJson<Self>, |InJson(same)| same.into();
    VirtualInterface = 3 Compact after VirtualInterface2, VirtualInterface2::migrate;
    VirtualInterface2 = 2 Compact after InJson<Self>, |InJson(same)| same.into();
    VirtualInterfaceStatus = 2 Compact after Never, |never| match never {};
    ResourceTags = 2 Compact after Never, |never| match never {};
    AccessKey = 1 Json after Never, |never| match never {};
    Location = 1 Json after Never, |never| match never {};
    Edge = 1 Json after Never, |never| match never {};
    EdgeSeen = 1 Json after Never, |never| match never {};
    Port = 1 Json after Never, |never| match never {};
    Gateway = 1 Json after Never, |never| match never {};
    CustomerAgreement = 1 Json after Never, |never| match never {};
}
