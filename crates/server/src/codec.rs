//! Records <-> stored bytes: one byte of schema version, then the record; whole values that hold a secret are sealed.
//!
//! * Version 1 is JSON, with the kind of record as its first member.
//! * Version 2 is postcard's compact form, of the kinds that tenants' requests read and write most: a third of the bytes, and a
//!   fifth of the time to read. It names no members, so **any change of such a record, or of a type in it, is a new version**:
//!   the form before it becomes a type of its own, which is read here and turned into the current one. A test has the bytes.
//!
//! An index or marker is the version byte alone. What an older build has written stays readable; a value from a newer build is
//! refused, never guessed.

use linkway_domain::key::Key;
use linkway_domain::record::Record;
use linkway_store::seal::{OpenSealError, Sealer};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// JSON.
const JSON: u8 = 1;
/// Bytes that hold nearly every compact record.
const ROOM: usize = 256;
/// What sealing adds to a value.
const SEAL_BYTES: usize = 28;
/// Postcard; the latest that this build knows.
pub(crate) const COMPACT: u8 = 2;

/// A stored value that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// Nothing is stored under the key but an empty value.
    #[error("the value is empty")]
    Empty,
    /// Written by a newer build.
    #[error("the value has schema version {0}; this build reads up to {COMPACT}")]
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
    /// Not the compact form of a record of the key's kind.
    #[error("the value is not a record in the compact form")]
    NotCompact,
    /// A record of another kind than its key says.
    #[error("the value is a record of another kind")]
    OtherKind,
}

/// The bytes of a record under its key.
#[must_use]
pub fn encode(sealer: &Sealer, key: &Key, record: &Record) -> Vec<u8> {
    let (schema, plain) = match record {
        Record::Mark => return vec![JSON],
        Record::VirtualInterface(record) => (COMPACT, compact(record)),
        Record::Connection(record) => (COMPACT, compact(record)),
        Record::Account(record) => (COMPACT, compact(record)),
        Record::Claim(record) => (COMPACT, compact(record)),
        Record::AccessKey(_)
        | Record::Location(_)
        | Record::Edge(_)
        | Record::EdgeSeen(_)
        | Record::Gateway(_)
        | Record::Port(_) => {
            (JSON, serde_json::to_vec(record).expect("records have string keys only"))
        }
    };
    let mut bytes = Vec::with_capacity(1 + plain.len() + SEAL_BYTES);
    bytes.push(schema);
    if Record::is_secret(key.as_str()) {
        bytes.extend(sealer.seal(key.as_str().as_bytes(), &plain));
    } else {
        bytes.extend(plain);
    }
    bytes
}

fn compact(record: &impl Serialize) -> Vec<u8> {
    postcard::to_extend(record, Vec::with_capacity(ROOM)).expect("records have a compact form")
}

/// The record of stored bytes.
pub fn decode(sealer: &Sealer, key: &str, bytes: &[u8]) -> Result<Record, CodecError> {
    let (schema, rest) = bytes.split_first().ok_or(CodecError::Empty)?;
    if !(JSON..=COMPACT).contains(schema) {
        return Err(CodecError::Newer(*schema));
    }
    if rest.is_empty() {
        return if fits(key, &Record::Mark) {
            Ok(Record::Mark)
        } else {
            Err(CodecError::OtherKind)
        };
    }
    let opened;
    let plain = if Record::is_secret(key) {
        let sealed = |e: OpenSealError| CodecError::Sealed(e.to_string());
        opened = sealer.open(key.as_bytes(), rest).map_err(sealed)?;
        &opened
    } else {
        rest
    };
    if *schema == COMPACT {
        return from_compact(kind(key), plain);
    }
    let record = parse(kind(key), plain)?;
    if fits(key, &record) { Ok(record) } else { Err(CodecError::OtherKind) }
}

fn from_compact(kind: &str, plain: &[u8]) -> Result<Record, CodecError> {
    match kind {
        "vif" => whole(plain).map(Record::VirtualInterface),
        "connection" => whole(plain).map(Record::Connection),
        "account" => whole(plain).map(Record::Account),
        "on" | "peer" => whole(plain).map(Record::Claim),
        _ => Err(CodecError::OtherKind),
    }
}

/// A compact record that ends where its bytes end.
pub(crate) fn whole<'de, T: Deserialize<'de>>(plain: &'de [u8]) -> Result<T, CodecError> {
    match postcard::take_from_bytes(plain) {
        Ok((record, [])) => Ok(record),
        Ok(_) | Err(_) => Err(CodecError::NotCompact),
    }
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

pub(crate) fn read<T: DeserializeOwned>(json: &[u8]) -> Result<T, CodecError> {
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

#[cfg(test)]
mod tests {
    use linkway_domain::virtual_interface::VirtualInterface;
    use serde_json::{Value, json};

    use super::*;

    fn sealer() -> Sealer {
        Sealer::new([7; 32])
    }

    /// An interface with every optional member, or with none.
    fn interface(full: bool) -> Value {
        let optional = |value: Value| if full { value } else { Value::Null };
        json!({
            "record": "virtual-interface", "id": "dxvif-fabc1234", "name": "MyPrivateVirtualInterface",
            "lender": "987654321098", "owner": "123456789000", "connection": "dxcon-fabc1234",
            "location": "PAR1", "edge": "par1-edge1", "port": "eth1", "jumbo": true,
            "simulated": false, "vlan": 101, "peer": "dxpeer-fabc1234", "asn": 4_294_967_294_u32,
            "auth_key": "tgyn26example",
            "addresses": {"amazon": "172.16.0.1/30", "customer": "172.16.0.2/30"}, "mtu": 9001,
            "tags": if full { json!({"123456789000": {"team": "net", "empty": null}}) } else { json!({}) },
            "gateway": optional(json!({"id": "vgw-0a1b2c3d", "asn": 64_512})), "phase": "accepted",
            "created": 1_764_000_000_000_u64, "expires": optional(json!(1_764_604_800_000_u64)),
            "ended": optional(json!({"at": 1_764_000_000_001_u64, "forget": 1_764_000_900_001_u64})),
            "reported": optional(json!({"programmed": true, "bgpUp": false, "error": "é"})),
            "session_resets": 2
        })
    }

    fn connection() -> Value {
        json!({
            "record": "connection", "id": "dxcon-fabc1234", "name": "MyConnection",
            "owner": "987654321098", "location": "PAR1", "bandwidth": "1Gbps", "provider_name": null,
            "tags": {"team": "net"}, "phase": "requested", "port": null,
            "created": 1_764_000_000_000_u64, "ended": null
        })
    }

    fn records() -> [(&'static str, Value); 6] {
        let claim = json!({"record": "claim", "interface": "dxvif-fabc1234"});
        let account = json!({"record": "account", "id": "123456789000", "name": "é", "created": 1});
        [
            ("vif/dxvif-fabc1234", interface(true)),
            ("vif/dxvif-fabc1234", interface(false)),
            ("connection/dxcon-fabc1234", connection()),
            ("on/dxcon-fabc1234/live/0101", claim.clone()),
            ("peer/vgw-0a1b2c3d/x", claim),
            ("account/123456789000", account),
        ]
    }

    fn key(text: &str) -> Key {
        Key::from_stored(text.to_owned())
    }

    #[test]
    fn what_is_written_is_read_back_and_so_is_the_json_of_version_1() {
        for (at, json) in records() {
            let record: Record = serde_json::from_value(json.clone()).unwrap();
            let bytes = encode(&sealer(), &key(at), &record);
            assert_eq!(bytes[0], COMPACT, "{at}");
            assert_eq!(decode(&sealer(), at, &bytes).unwrap(), record, "{at}");
            let mut old = vec![JSON];
            let text = json.to_string();
            match Record::is_secret(at) {
                true => old.extend(sealer().seal(at.as_bytes(), text.as_bytes())),
                false => old.extend(text.as_bytes()),
            }
            assert_eq!(decode(&sealer(), at, &old).unwrap(), record, "{at}");
        }
    }

    /// The form of version 2 names nothing: a member more, fewer or elsewhere is another version. If this fails, a record was
    /// changed without one.
    #[test]
    fn the_compact_form_of_version_2_stays_as_it_is() {
        let Record::VirtualInterface(full) = serde_json::from_value(interface(true)).unwrap()
        else {
            panic!("an interface");
        };
        let shown: String = compact(&full).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(shown, FULL);
        let bytes = compact(&full);
        for cut in 0..bytes.len() {
            assert!(whole::<VirtualInterface>(&bytes[..cut]).is_err(), "cut at {cut}");
        }
    }

    const FULL: &str = concat!(
        "0e64787669662d6661626331323334194d79507269766174655669727475616c496e746572666163650c393837",
        "3635343332313039380c3132333435363738393030300e6478636f6e2d666162633132333404504152310a7061",
        "72312d656467653104657468310100ca010f6478706565722d6661626331323334fcffffff1f0d7467796e3236",
        "6578616d706c6500ac1000011e00ac1000021ed28c01010c3132333435363738393030300205656d7074790004",
        "7465616d01036e6574010c7667772d306131623263336480f0070180d0dfb4ab330180d891d5ad330181d0dfb4",
        "ab33a1c796b5ab330101000102c3a902"
    );

    #[test]
    fn what_is_not_of_the_key_is_refused() {
        let claim = encode(
            &sealer(),
            &key("on/a/live/1"),
            &serde_json::from_value(records()[3].1.clone()).unwrap(),
        );
        assert_eq!(decode(&sealer(), "gateway/x", &claim), Err(CodecError::OtherKind));
        assert_eq!(decode(&sealer(), "account/x", &claim), Err(CodecError::NotCompact));
        assert_eq!(decode(&sealer(), "account/x", &[JSON]), Err(CodecError::OtherKind));
        assert_eq!(decode(&sealer(), "vif-of/a/b", &[JSON]), Ok(Record::Mark));
        assert_eq!(decode(&sealer(), "account/x", &[]), Err(CodecError::Empty));
        assert_eq!(decode(&sealer(), "account/x", &[3, 1]), Err(CodecError::Newer(3)));
    }
}
