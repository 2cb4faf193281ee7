//! Records <-> stored bytes: one byte of version, then the record; whole values that hold a secret are sealed. Which kinds
//! are sealed, and which versions each has, is in the domain's registry of records.
//!
//! An index or marker is the version byte alone. What an earlier build has written stays readable; a value from a later build
//! is refused, never guessed.

use linkway_domain::key::Key;
use linkway_domain::record::{Kind, ReadRecord, Record, WriteRecord};
use linkway_domain::version::{Form, Migrated, Versioned};
use linkway_store::seal::{OpenSealError, Sealer};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The version of an index entry or marker.
const MARK: u8 = 1;
/// Bytes that hold nearly every compact record.
const ROOM: usize = 256;
/// What sealing adds to a value.
const SEAL_BYTES: usize = 28;

/// A stored value that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// Nothing is stored under the key but an empty value.
    #[error("the value is empty")]
    Empty,
    /// Written by a later build.
    #[error(
        "the value has version {0}, which this build does not know: it was written by a later build"
    )]
    Newer(u8),
    /// Written by an earlier build, and what was within it has not been given records of its own.
    #[error(
        "the value is of an earlier build and was not migrated: start the server once with this directory"
    )]
    NotMigrated,
    /// No kind of record that this build knows has such a key.
    #[error("the key is of no kind that this build knows")]
    UnknownKind,
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
    let Some((version, plain)) = record.write(Plain) else { return vec![MARK] };
    let mut bytes = Vec::with_capacity(1 + plain.len() + SEAL_BYTES);
    bytes.push(version);
    if is_sealed(key.as_str(), version) {
        bytes.extend(sealer.seal(key.as_str().as_bytes(), &plain));
    } else {
        bytes.extend(plain);
    }
    bytes
}

fn is_sealed(key: &str, version: u8) -> bool {
    Kind::of(key).is_some_and(|kind| kind.sealed.is(version))
}

/// Writes the plain bytes of a record, and their version.
struct Plain;

impl WriteRecord for Plain {
    type Written = (u8, Vec<u8>);

    fn write<T: Versioned>(self, record: &T, whole: &Record) -> Self::Written {
        let plain = match T::FORM {
            Form::Json => serde_json::to_vec(whole).expect("records have string keys only"),
            Form::Compact => compact(record),
        };
        (T::VERSION, plain)
    }
}

fn compact(record: &impl Serialize) -> Vec<u8> {
    postcard::to_extend(record, Vec::with_capacity(ROOM)).expect("records have a compact form")
}

/// The record of stored bytes.
///
/// # Errors
///
/// If they are not the value of a record of the key's kind, or one that has to be migrated first.
pub fn decode(sealer: &Sealer, key: &str, bytes: &[u8]) -> Result<Record, CodecError> {
    let Migrated { record, moved } = decode_any(sealer, key, bytes)?;
    if moved.is_empty() { Ok(record) } else { Err(CodecError::NotMigrated) }
}

/// The record of stored bytes, and the records that an earlier version had within it.
///
/// # Errors
///
/// If they are not the value of a record of the key's kind.
pub fn decode_any(
    sealer: &Sealer,
    key: &str,
    bytes: &[u8],
) -> Result<Migrated<Record>, CodecError> {
    let (&version, rest) = bytes.split_first().ok_or(CodecError::Empty)?;
    let kind = Kind::of(key).ok_or(CodecError::UnknownKind)?;
    if rest.is_empty() {
        return match version {
            MARK if kind.fits(&Record::Mark) => Ok(Record::Mark.into()),
            MARK => Err(CodecError::OtherKind),
            newer => Err(CodecError::Newer(newer)),
        };
    }
    let opened;
    let plain = if kind.sealed.is(version) {
        let sealed = |e: OpenSealError| CodecError::Sealed(e.to_string());
        opened = sealer.open(key.as_bytes(), rest).map_err(sealed)?;
        &opened
    } else {
        rest
    };
    kind.read(Value { version, plain }).unwrap_or(Err(CodecError::OtherKind))
}

/// A stored value's version, and what is sealed behind it; `None` if the value is not sealed.
///
/// # Errors
///
/// If this build cannot say: it does not know such values.
pub fn sealed_part<'v>(key: &str, bytes: &'v [u8]) -> Result<Option<(u8, &'v [u8])>, CodecError> {
    let (&version, rest) = bytes.split_first().ok_or(CodecError::Empty)?;
    let kind = Kind::of(key).ok_or(CodecError::UnknownKind)?;
    if kind.read(CurrentVersion).is_some_and(|current| version > current) {
        return Err(CodecError::Newer(version));
    }
    Ok((kind.sealed.is(version) && !rest.is_empty()).then_some((version, rest)))
}

/// The stored value of a version with something sealed behind it.
#[must_use]
pub fn seal(sealer: &Sealer, key: &str, version: u8, plain: &[u8]) -> Vec<u8> {
    [&[version], &sealer.seal(key.as_bytes(), plain)[..]].concat()
}

/// Whether a stored value has the version that this build writes.
#[must_use]
pub fn is_current(key: &str, bytes: &[u8]) -> bool {
    let current = Kind::of(key).map(|kind| kind.read(CurrentVersion).unwrap_or(MARK));
    bytes.first().copied() == current || bytes.len() == 1
}

/// Whether earlier builds may have written a kind of record in another version.
#[must_use]
pub fn has_earlier_versions(kind: &Kind) -> bool {
    kind.read(CurrentVersion).is_some_and(|current| current > FIRST_SPLIT)
}

/// The last version in which no record had anything within it that is a record of its own in a later one.
const FIRST_SPLIT: u8 = 2;

/// The version that this build writes a kind of record in.
struct CurrentVersion;

impl ReadRecord for CurrentVersion {
    type Read = u8;

    fn read<T: Versioned + Into<Record>>(self, _: &'static str) -> u8 {
        T::VERSION
    }
}

/// The plain bytes of a value, and their version.
struct Value<'a> {
    version: u8,
    plain: &'a [u8],
}

impl ReadRecord for Value<'_> {
    type Read = Result<Migrated<Record>, CodecError>;

    fn read<T: Versioned + Into<Record>>(self, tag: &'static str) -> Self::Read {
        let Migrated { record, moved } = self.parse::<T>(tag)?;
        Ok(Migrated { record: record.into(), moved })
    }
}

impl Value<'_> {
    /// Reads this version of the chain, or one before it.
    fn parse<T: Versioned>(&self, tag: &str) -> Result<Migrated<T>, CodecError> {
        if self.version > T::VERSION {
            return Err(CodecError::Newer(self.version));
        }
        if self.version < T::VERSION {
            let before: Migrated<T::Previous> = self.parse(tag)?;
            let mut migrated: Migrated<T> = <T as Versioned>::migrate(before.record);
            migrated.moved.extend(before.moved);
            return Ok(migrated);
        }
        match T::FORM {
            Form::Compact => whole::<T>(self.plain).map(Migrated::from),
            Form::Json => tagged::<T>(self.plain, tag).map(Migrated::from),
        }
    }
}

/// The JSON of a record, whose first member names its kind.
fn tagged<T: DeserializeOwned>(json: &[u8], tag: &str) -> Result<T, CodecError> {
    let named =
        json.strip_prefix(b"{\"record\":\"").and_then(|rest| rest.strip_prefix(tag.as_bytes()));
    match named {
        Some([b'"', ..]) => read(json),
        Some(_) => Err(CodecError::OtherKind),
        // Not the first member: that is not how this program writes, but it is the same JSON.
        None => {
            #[derive(Deserialize)]
            struct Tag {
                record: String,
            }
            let Tag { record } = read(json)?;
            if record == tag { read(json) } else { Err(CodecError::OtherKind) }
        }
    }
}

/// A compact record that ends where its bytes end.
pub(crate) fn whole<'de, T: Deserialize<'de>>(plain: &'de [u8]) -> Result<T, CodecError> {
    match postcard::take_from_bytes(plain) {
        Ok((record, [])) => Ok(record),
        Ok(_) | Err(_) => Err(CodecError::NotCompact),
    }
}

pub(crate) fn read<T: DeserializeOwned>(json: &[u8]) -> Result<T, CodecError> {
    serde_json::from_slice(json)
        .map_err(|error| CodecError::Malformed { line: error.line(), column: error.column() })
}

#[cfg(test)]
mod tests {
    use linkway_domain::Time;
    use linkway_domain::failover_test::RunningTest;
    use linkway_domain::id::FailoverTestId;
    use linkway_domain::net::Prefix;
    use linkway_domain::quota::Count;
    use linkway_domain::virtual_interface::drain::Drain;
    use linkway_domain::virtual_interface::{GatewayId, InterfaceKind, Move, Options, PrefixPool};
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

    fn sealed(at: &str, version: u8, plain: &[u8]) -> Vec<u8> {
        let mut bytes = vec![version];
        match is_sealed(at, version) {
            true => bytes.extend(sealer().seal(at.as_bytes(), plain)),
            false => bytes.extend(plain),
        }
        bytes
    }

    #[test]
    fn every_earlier_version_becomes_what_this_build_writes_and_that_is_read_back() {
        for (at, json) in records() {
            let migrated = decode_any(&sealer(), at, &sealed(at, 1, json.to_string().as_bytes()));
            let Migrated { record, moved } = migrated.unwrap();
            let bytes = encode(&sealer(), &key(at), &record);
            assert!(is_current(at, &bytes), "{at}");
            assert_eq!(decode(&sealer(), at, &bytes).unwrap(), record, "{at}");
            for moved in moved.into_iter().map(Record::from) {
                let at = moved.key().expect("a record of its own");
                let bytes = encode(&sealer(), &at, &moved);
                assert_eq!(decode(&sealer(), at.as_str(), &bytes).unwrap(), moved, "{at}");
            }
        }
    }

    /// Values that are a text in JSON are bytes in the compact form.
    #[test]
    fn an_interface_with_everything_that_can_be_chosen_is_read_back() {
        let at = "vif/dxvif-fabc1234";
        let old = sealed(at, 1, interface(true).to_string().as_bytes());
        let Record::VirtualInterface(plain) = decode_any(&sealer(), at, &old).unwrap().record
        else {
            panic!("an interface")
        };
        let prefixes = ["198.51.100.0/24", "2001:db8:7::/48"];
        let prefixes = prefixes.map(|cidr| Prefix::parse("cidr", cidr).unwrap());
        let until = Time::default();
        let stages = [Drain::Graceful { until }, Drain::Withdrawn { until }, Drain::Shut];
        for drain in stages.map(Some).into_iter().chain([None]) {
            let mut chosen = plain.clone();
            chosen.kind = InterfaceKind::Public;
            chosen.options = Options {
                rate_limit: Some(serde_json::from_value(json!(500)).unwrap()),
                site_link: true,
                prefix_pool: PrefixPool { ipv4: Some(0), ipv6: Some(1000) },
                route_filter_prefixes: prefixes.to_vec(),
                drain,
            };
            chosen.attachment.as_mut().unwrap().gateway = GatewayId::Public;
            let peers = chosen.peers.clone();
            chosen.test = Some(RunningTest {
                id: FailoverTestId::parse("dxtest-fabc1234").unwrap(),
                peers: peers.iter().map(|peer| peer.id.clone()).collect(),
                until,
            });
            chosen.moving = Some(Move {
                connection: chosen.connection.clone(),
                location: chosen.location.clone(),
                edge: chosen.edge.clone(),
                port: chosen.port.clone(),
                jumbo: true,
                simulated: false,
                peers,
            });
            let record = Record::VirtualInterface(chosen);
            let bytes = encode(&sealer(), &key(at), &record);
            assert_eq!(decode(&sealer(), at, &bytes), Ok(record));
        }
    }

    /// Literal bytes of version 2, with every optional member.
    #[test]
    fn an_interface_of_version_2_becomes_an_interface_its_status_and_its_tags() {
        let at = "vif/dxvif-fabc1234";
        let plain: Vec<u8> = (0..FULL.len())
            .step_by(2)
            .map(|i| u8::from_str_radix(&FULL[i..i + 2], 16).unwrap())
            .collect();
        let old = sealed(at, 2, &plain);
        assert_eq!(decode(&sealer(), at, &old), Err(CodecError::NotMigrated));
        assert!(!is_current(at, &old));
        let from_compact = decode_any(&sealer(), at, &old).unwrap();
        let json = interface(true).to_string();
        let from_json = decode_any(&sealer(), at, &sealed(at, 1, json.as_bytes())).unwrap();
        assert_eq!(from_compact, from_json);
        let keys: Vec<_> = from_compact
            .moved
            .iter()
            .cloned()
            .map(|r| Record::from(r).key().unwrap().into_string())
            .collect();
        assert_eq!(keys, ["tags/vif/dxvif-fabc1234/123456789000", "vif-status/dxvif-fabc1234"]);
        let Record::VirtualInterface(record) = from_compact.record else { panic!("an interface") };
        assert_eq!(record.first_peer().session_resets, 2);
        assert_eq!(record.attachment.unwrap().routing_domain.as_str(), "vgw-0a1b2c3d");
        for cut in 0..plain.len() {
            assert!(
                decode_any(&sealer(), at, &sealed(at, 2, &plain[..cut])).is_err(),
                "cut at {cut}"
            );
        }
    }

    /// Literal bytes of version 2.
    #[test]
    fn a_connection_of_version_2_becomes_a_connection_and_its_tags() {
        let at = "connection/dxcon-fabc1234";
        let hex = concat!(
            "0e6478636f6e2d66616263313233340c4d79436f6e6e656374696f6e0c3938373635343332313039380450415231",
            "000001047465616d01036e6574000080d0dfb4ab3300"
        );
        let plain: Vec<u8> = (0..hex.len())
            .step_by(2)
            .map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap())
            .collect();
        let from_compact = decode_any(&sealer(), at, &sealed(at, 2, &plain)).unwrap();
        let json = connection().to_string();
        let from_json = decode_any(&sealer(), at, &sealed(at, 1, json.as_bytes())).unwrap();
        assert_eq!(from_compact, from_json);
        assert_eq!(from_compact.moved.len(), 1);
    }

    /// Literal bytes of version 2.
    #[test]
    fn an_account_of_version_2_is_enabled() {
        let at = "account/123456789000";
        let old = b"\x02\x0c123456789000\x02\xc3\xa9\x01";
        let Ok(Record::Account(account)) = decode(&sealer(), at, old) else { panic!("an account") };
        assert_eq!((account.name.as_str(), account.enabled), ("é", true));
        assert!(!is_current(at, old));
    }

    #[test]
    fn what_is_sealed_is_told_from_what_is_not() {
        let value = [2, 7, 7];
        for (at, version, is_sealed) in [
            ("key/LKWY0123456789ABCDEF", 1, true),
            ("vif/dxvif-fabc1234", 2, true),
            ("gateway/vgw-0a1b2c3d", 1, false),
            ("gateway/vgw-0a1b2c3d", 2, true),
            ("account/123456789000", 2, false),
            ("on/dxcon-fabc1234/live/0101", 2, false),
            ("audit/001764000000007/6ba7b810", b'{', false),
            ("vif-of/123456789000/dxvif-fabc1234", 1, false),
        ] {
            let value = [&[version], &value[..]].concat();
            let expected = is_sealed.then_some((version, &value[1..]));
            assert_eq!(sealed_part(at, &value), Ok(expected), "{at} of version {version}");
            assert_eq!(sealed_part(at, &[version]), Ok(None), "a mark at {at}");
        }
        assert_eq!(sealed_part("vif/dxvif-fabc1234", &[]), Err(CodecError::Empty));
        assert_eq!(sealed_part("later/x", &value), Err(CodecError::UnknownKind));
        assert_eq!(sealed_part("vif/dxvif-fabc1234", &[200, 1]), Err(CodecError::Newer(200)));
        let sealed = seal(&sealer(), "vif/dxvif-fabc1234", 3, b"plain");
        let (version, part) = sealed_part("vif/dxvif-fabc1234", &sealed).unwrap().unwrap();
        assert_eq!(version, 3);
        assert_eq!(sealer().open(b"vif/dxvif-fabc1234", part).unwrap(), b"plain");
    }

    /// Literal bytes of version 1, which was not encrypted, and what this build writes, which is.
    #[test]
    fn a_gateway_of_version_1_becomes_one_that_is_encrypted() {
        let at = "gateway/vgw-0a1b2c3d";
        let old = b"\x01{\"record\":\"gateway\",\"id\":\"vgw-0a1b2c3d\",\"owner\":\"123456789000\",\"asn\":64512,\
            \"vpc\":\"vpc-12345678\",\"cidrs\":[\"10.0.0.0/16\"],\"handoffs\":[{\"edge\":\"par1-edge1\",\
            \"interface\":\"vpc0\",\"next_hop\":\"10.0.255.2\"}],\"created\":1764000000000}";
        let Ok(Record::Gateway(mut gateway)) = decode(&sealer(), at, old) else {
            panic!("a gateway")
        };
        assert_eq!(gateway.handoffs.len(), 1);
        assert_eq!((&gateway.handoffs[0].fabric_peer, gateway.asn.number()), (&None, 64_512));
        assert!(!is_current(at, old));
        let peer = json!({ "address": "10.0.255.2", "asn": 65_010, "auth_key": "fjord-Secret-1" });
        gateway.handoffs[0].fabric_peer = Some(serde_json::from_value(peer).unwrap());
        let record = Record::Gateway(gateway);
        let bytes = encode(&sealer(), &key(at), &record);
        assert!(is_current(at, &bytes) && bytes[0] == 2);
        for plain in [&b"fjord-Secret-1"[..], b"10.0.255.2"] {
            assert!(!bytes.windows(plain.len()).any(|window| window == plain));
        }
        assert_eq!(decode(&sealer(), at, &bytes), Ok(record.clone()));
        let (version, plain) = record.write(Plain).unwrap();
        assert_eq!((version, String::from_utf8(plain).unwrap().as_str()), (2, GATEWAY));
        // Of another key file, or not encrypted at all.
        assert!(matches!(decode(&Sealer::new([8; 32]), at, &bytes), Err(CodecError::Sealed(_))));
        let bare = [&[2], GATEWAY.as_bytes()].concat();
        assert!(matches!(decode(&sealer(), at, &bare), Err(CodecError::Sealed(_))));
    }

    const GATEWAY: &str = concat!(
        r#"{"record":"gateway","id":"vgw-0a1b2c3d","owner":"123456789000","asn":64512,"vpc":"vpc-12345678","#,
        r#""cidrs":["10.0.0.0/16"],"handoffs":[{"edge":"par1-edge1","interface":"vpc0","next_hop":"10.0.255.2","#,
        r#""fabric_peer":{"address":"10.0.255.2","asn":65010,"auth_key":"fjord-Secret-1"}}],"created":1764000000000}"#,
    );

    /// The compact form names nothing: a member more, fewer or elsewhere is another version. If this fails, a record was
    /// changed without one.
    #[test]
    fn the_compact_forms_of_this_build_stay_as_they_are() {
        let shown = |at: &str, json: &Value| {
            let old = sealed(at, 1, json.to_string().as_bytes());
            let migrated = decode_any(&sealer(), at, &old).unwrap();
            let all =
                [migrated.record].into_iter().chain(migrated.moved.into_iter().map(Record::from));
            all.map(|record| {
                let (version, plain) = record.write(Plain).unwrap();
                let hex: String = plain.iter().map(|byte| format!("{byte:02x}")).collect();
                format!("{} {version} {hex}", record.tag())
            })
            .collect::<Vec<_>>()
            .join("\n")
        };
        let [(vif, full), _, (line, connection), (on, claim), _, (account, named)] = records();
        let all = [
            shown(vif, &full),
            shown(line, &connection),
            shown(on, &claim),
            shown(account, &named),
        ];
        assert_eq!(all.join("\n"), CURRENT);
    }

    /// Literal bytes of a counter.
    #[test]
    fn a_counter_is_a_few_bytes() {
        let at = "count/vif/dxcon-fabc1234";
        let record = Record::Count(Count { total: 300, transit: 1 });
        let bytes = encode(&sealer(), &key(at), &record);
        assert_eq!(bytes, [2, 0xac, 0x02, 1]);
        assert!(is_current(at, &bytes));
        assert_eq!(decode(&sealer(), at, &bytes), Ok(record));
    }

    const CURRENT: &str = concat!(
        "virtual-interface 4 0e64787669662d6661626331323334194d79507269766174655669727475616c496e746572666163",
        "65000c3938373635343332313039380c3132333435363738393030300e6478636f6e2d666162633132333404504152310a706172",
        "312d656467653104657468310100ca01d28c01000000000000010f6478706565722d6661626331323334fcffffff1f0d7467796e",
        "32366578616d706c650000ac1000011e00ac1000021e000201000c7667772d30613162326333640c7667772d306131623263336480",
        "f0070180d0dfb4ab330180d891d5ad330181d0dfb4ab33a1c796b5ab330000\n",
        "resource-tags 2 010e64787669662d66616263313233340c3132333435363738393030300205656d70747900047465616d0103",
        "6e6574\n",
        "virtual-interface-status 2 0e64787669662d6661626331323334010100000102c3a9\n",
        "connection 3 0e6478636f6e2d66616263313233340c4d79436f6e6e656374696f6e0c393837363534333231303938045041523",
        "10000000080d0dfb4ab3300\n",
        "resource-tags 2 000e6478636f6e2d66616263313233340c39383736353433323130393801047465616d01036e6574\n",
        "claim 2 0e64787669662d6661626331323334\n",
        "account 3 0c31323334353637383930303002c3a90101",
    );

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
        let claim: Record = serde_json::from_value(records()[3].1.clone()).unwrap();
        let claim = encode(&sealer(), &key("on/a/live/1"), &claim);
        assert_eq!(decode(&sealer(), "location/x", &claim), Err(CodecError::Newer(2)));
        assert_eq!(decode(&sealer(), "account/x", &claim), Err(CodecError::NotCompact));
        assert_eq!(decode(&sealer(), "account/x", &[MARK]), Err(CodecError::OtherKind));
        assert_eq!(decode(&sealer(), "vif-of/a/b", &[MARK]), Ok(Record::Mark));
        assert_eq!(decode(&sealer(), "account/x", &[]), Err(CodecError::Empty));
        assert_eq!(decode(&sealer(), "account/x", &[4, 1]), Err(CodecError::Newer(4)));
        assert_eq!(decode(&sealer(), "nothing/x", &[MARK]), Err(CodecError::UnknownKind));
    }
}
