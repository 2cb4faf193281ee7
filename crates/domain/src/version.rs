//! The forms in which records are, and were, stored: each kind of record has a chain of versions, and each version knows
//! the one before it. So a data directory of an earlier build is read, and one of a later build is refused.

use serde::de::{self, DeserializeOwned};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::tag::ResourceTags;
use crate::virtual_interface::VirtualInterfaceStatus;

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
    pub moved: Vec<Moved>,
}

impl<T> From<T> for Migrated<T> {
    fn from(record: T) -> Self {
        Self { record, moved: Vec::new() }
    }
}

/// A record that an earlier version had within another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Moved {
    /// What an edge said of an interface.
    Status(VirtualInterfaceStatus),
    /// What an account had labelled a resource with.
    Tags(ResourceTags),
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
