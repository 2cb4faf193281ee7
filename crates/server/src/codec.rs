//! Records <-> stored bytes: one byte of schema version, then JSON; whole values that hold a secret are sealed.
//!
//! An index or marker is the version byte alone. A later schema gets the next number, keeps the older ones readable here
//! (old form -> current form, step by step), and writes only its own; a value from a newer build is refused, never guessed.

use linkway_domain::key::Key;
use linkway_domain::record::Record;
use linkway_store::seal::Sealer;
use serde::de::DeserializeOwned;

/// The schema that this build writes.
const SCHEMA: u8 = 1;

/// A stored value that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// Nothing is stored under the key but an empty value.
    #[error("the value is empty")]
    Empty,
    /// Written by a newer build.
    #[error("the value has schema version {0}; this build reads up to {SCHEMA}")]
    Newer(u8),
    /// The seal does not open: another key file, or a changed value.
    #[error("the value does not open: {0}")]
    Sealed(String),
    /// Not the JSON of a record. The text has no values of the record in it.
    #[error("the value is not a record: line {line}, column {column}")]
    Malformed {
        /// Line of the JSON.
        line: usize,
        /// Column of the JSON.
        column: usize,
    },
    /// A record of another kind than its key says.
    #[error("the value is a record of another kind")]
    OtherKind,
}

/// The bytes of a record under its key.
#[must_use]
pub fn encode(sealer: &Sealer, key: &Key, record: &Record) -> Vec<u8> {
    let mut bytes = vec![SCHEMA];
    if *record == Record::Mark {
        return bytes;
    }
    if Record::is_secret(key.as_str()) {
        let json = serde_json::to_vec(record).expect("records have string keys only");
        bytes.extend(sealer.seal(key.as_str().as_bytes(), &json));
    } else {
        serde_json::to_writer(&mut bytes, record).expect("records have string keys only");
    }
    bytes
}

/// The record of stored bytes.
pub fn decode(sealer: &Sealer, key: &str, bytes: &[u8]) -> Result<Record, CodecError> {
    let (version, rest) = bytes.split_first().ok_or(CodecError::Empty)?;
    if *version != SCHEMA {
        return Err(CodecError::Newer(*version));
    }
    let record = if rest.is_empty() {
        Record::Mark
    } else if Record::is_secret(key) {
        let opened =
            sealer.open(key.as_bytes(), rest).map_err(|e| CodecError::Sealed(e.to_string()))?;
        parse(kind(key), &opened)?
    } else {
        parse(kind(key), rest)?
    };
    if fits(key, &record) { Ok(record) } else { Err(CodecError::OtherKind) }
}

/// The first part of a key, which tells the kind of record.
fn kind(key: &str) -> &str {
    key.split_once('/').map_or(key, |(kind, _)| kind)
}

/// A record's JSON begins with its tag. Where that is the one that the key lets expect, the record
/// itself is read, in one pass; serde's own way to find out the kind keeps every member aside until
/// it has seen the tag, which takes twice as long. These are the kinds that requests read.
fn parse(kind: &str, json: &[u8]) -> Result<Record, CodecError> {
    let is = |tag: &str| {
        let rest = json.strip_prefix(b"{\"record\":\"");
        let rest = rest.and_then(|rest| rest.strip_prefix(tag.as_bytes()));
        rest.is_some_and(|rest| rest.starts_with(b"\""))
    };
    match kind {
        "vif" if is("virtual-interface") => read(json).map(Record::VirtualInterface),
        "connection" if is("connection") => read(json).map(Record::Connection),
        "account" if is("account") => read(json).map(Record::Account),
        "gateway" if is("gateway") => read(json).map(Record::Gateway),
        "on" | "peer" if is("claim") => read(json).map(Record::Claim),
        _ => read(json),
    }
}

fn read<T: DeserializeOwned>(json: &[u8]) -> Result<T, CodecError> {
    serde_json::from_slice(json)
        .map_err(|error| CodecError::Malformed { line: error.line(), column: error.column() })
}

/// Whether a key of this kind holds records of this kind.
fn fits(key: &str, record: &Record) -> bool {
    let kind = kind(key);
    match record {
        Record::Account(_) => kind == "account",
        Record::AccessKey(_) => kind == "key",
        Record::Location(_) => kind == "location",
        Record::Edge(_) => kind == "edge",
        Record::EdgeSeen(_) => kind == "edge-seen",
        Record::Port(_) => kind == "port",
        Record::Connection(_) => kind == "connection",
        Record::VirtualInterface(_) => kind == "vif",
        Record::Gateway(_) => kind == "gateway",
        Record::Claim(_) => matches!(kind, "on" | "peer"),
        Record::Mark => !matches!(
            kind,
            "account"
                | "key"
                | "location"
                | "edge"
                | "edge-seen"
                | "port"
                | "connection"
                | "vif"
                | "gateway"
                | "peer"
        ),
    }
}
