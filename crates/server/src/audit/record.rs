//! Audit records as the store keeps them: of changes, and of the calls that are evidence.
//!
//! There is one for each change, written once and seldom read, and it was more than half of what a change wrote. So it is short: what
//! the key tells is not repeated, members have no names. One byte of version, then postcard's form of
//! [`Entry`]: **any change of that type is a new version**, as in [`codec`]. Version 2 had no more than a change needs; earlier
//! builds wrote the whole event as JSON, which begins with a brace. Both are read as well.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr};

use linkway_domain::access_key::Principal;
use linkway_domain::id::{AccountId, EdgeId};
use linkway_domain::key;
use serde::{Deserialize, Serialize};

use crate::audit::event::{AuditEvent, Parameters};
use crate::codec::{self, CodecError};

/// The version that is written.
const CURRENT: u8 = 3;
/// The version that knew changes only.
const CHANGE: u8 = 2;
/// Bytes that hold nearly every record.
const ROOM: usize = 512;

/// Who called what, and what came of it. When, and under which request id, is in the key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry<'a> {
    /// What version 2 has too.
    #[serde(borrow)]
    pub change: Change<'a>,
    /// Which operator, if it is one with a name.
    pub operator: Option<&'a str>,
    /// The error code of a refused call, and the error's text.
    pub refused: Option<(&'a str, &'a str)>,
    /// How many calls it stands for; 0: for this one.
    pub count: u64,
}

/// Who called what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change<'a> {
    /// Who called.
    #[serde(with = "Compact")]
    pub principal: Principal,
    /// The key that signed.
    pub access_key_id: &'a str,
    /// The other end of the connection.
    pub source: IpAddr,
    /// The operation.
    pub operation: &'a str,
    /// Ids of what it was about.
    #[serde(borrow)]
    pub resources: Vec<Cow<'a, str>>,
    /// The request's members after masking, as JSON.
    pub parameters: Option<&'a str>,
}

impl<'a> Change<'a> {
    /// What the directory's owner did to it without a server: signed by nobody.
    pub fn offline(operation: &'a str, resources: Vec<Cow<'a, str>>) -> Self {
        Self {
            principal: Principal::Operator,
            access_key_id: "",
            source: IpAddr::V4(Ipv4Addr::LOCALHOST),
            operation,
            resources,
            parameters: None,
        }
    }
}

impl<'a> From<Change<'a>> for Entry<'a> {
    fn from(change: Change<'a>) -> Self {
        Self { change, operator: None, refused: None, count: 0 }
    }
}

/// A [`Principal`] without names; its own form has them.
#[derive(Serialize, Deserialize)]
#[serde(remote = "Principal")]
enum Compact {
    Account(AccountId),
    Operator,
    Edge(EdgeId),
}

/// The bytes of a record.
#[must_use]
pub fn encode(entry: &Entry<'_>) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(ROOM);
    bytes.push(CURRENT);
    postcard::to_extend(entry, bytes).expect("texts and addresses have a compact form")
}

/// The event that is stored under a key.
pub fn decode(key: &str, bytes: &[u8]) -> Result<AuditEvent<'static>, CodecError> {
    let entry: Entry<'_> = match bytes.split_first() {
        None => return Err(CodecError::Empty),
        Some((b'{', _)) => return codec::read(bytes),
        Some((&CHANGE, rest)) => codec::whole::<Change<'_>>(rest)?.into(),
        Some((&CURRENT, rest)) => codec::whole(rest)?,
        Some((version, _)) => return Err(CodecError::Newer(*version)),
    };
    let Entry { change, operator, refused, count } = entry;
    let (time, request_id) = key::parse_audit(key).ok_or(CodecError::OtherKind)?;
    let parsed =
        |text: &str| Parameters::from_string(text.to_owned()).ok_or(CodecError::NotCompact);
    Ok(AuditEvent {
        time,
        request_id: request_id.to_owned().into(),
        principal: principal(&change.principal, operator).into(),
        account_id: change.principal.account().map(|id| id.to_string().into()),
        // What is done to a directory without a server is signed by nobody.
        access_key_id: (!change.access_key_id.is_empty())
            .then(|| change.access_key_id.to_owned().into()),
        source_address: change.source.to_string().into(),
        operation: change.operation.to_owned().into(),
        resources: change.resources.into_iter().map(Cow::into_owned).collect(),
        outcome: refused.map_or("ok", |(code, _)| code).to_owned().into(),
        message: refused.map(|(_, text)| text.to_owned().into()),
        parameters: change.parameters.map(parsed).transpose()?,
        count: (count > 0).then_some(count),
    })
}

/// Who called, as the trail shows it: `account 123456789000`, `operator`, `operator alice`, `edge par1-r1`.
#[must_use]
pub fn principal(principal: &Principal, operator: Option<&str>) -> String {
    match operator {
        None => principal.to_string(),
        Some(name) => format!("{principal} {name}"),
    }
}

#[cfg(test)]
mod tests {
    use linkway_domain::Time;
    use serde_json::json;

    use super::*;

    const KEY: &str = "audit/001764000000007/6ba7b810";

    fn change() -> Change<'static> {
        Change {
            principal: Principal::Account(AccountId::parse("123456789000").unwrap()),
            access_key_id: "LKWY0",
            source: "192.0.2.1".parse().unwrap(),
            operation: "DeleteConnection",
            resources: vec!["dxcon-1".into()],
            parameters: Some(r#"{"connectionId":"dxcon-1"}"#),
        }
    }

    fn event() -> AuditEvent<'static> {
        AuditEvent {
            time: Time::from_millis(1_764_000_000_007),
            request_id: "6ba7b810".into(),
            principal: "account 123456789000".into(),
            account_id: Some("123456789000".into()),
            access_key_id: Some("LKWY0".into()),
            source_address: "192.0.2.1".into(),
            operation: "DeleteConnection".into(),
            resources: vec!["dxcon-1".into()],
            outcome: "ok".into(),
            message: None,
            parameters: Parameters::from_value(&json!({"connectionId": "dxcon-1"})),
            count: None,
        }
    }

    #[test]
    fn what_is_written_is_read_back_and_so_is_an_earlier_builds_json() {
        assert_eq!(decode(KEY, &encode(&change().into())).unwrap(), event());
        assert_eq!(decode(KEY, &serde_json::to_vec(&event()).unwrap()).unwrap(), event());
        let operator = Change {
            principal: Principal::Operator,
            source: "2001:db8::1".parse().unwrap(),
            resources: Vec::new(),
            parameters: None,
            ..change()
        };
        let read = decode(KEY, &encode(&operator.into())).unwrap();
        assert_eq!((read.principal.as_ref(), read.account_id), ("operator", None));
        assert_eq!((read.source_address.as_ref(), read.parameters), ("2001:db8::1", None));
        let edge = Principal::Edge(EdgeId::parse("par1-r1").unwrap());
        let edge = Change { principal: edge, ..change() };
        assert_eq!(decode(KEY, &encode(&edge.into())).unwrap().principal, "edge par1-r1");
    }

    fn version_2() -> Vec<u8> {
        let parts = [
            &b"\x02\x00\x0c123456789000"[..],
            b"\x05LKWY0",
            b"\x00\xc0\x00\x02\x01",
            b"\x10DeleteConnection",
            b"\x01\x07dxcon-1",
            b"\x01\x1a{\"connectionId\":\"dxcon-1\"}",
        ];
        parts.concat()
    }

    /// If this fails, the type was changed without a new version.
    #[test]
    fn the_form_of_version_3_stays_as_it_is_and_version_2_is_read() {
        assert_eq!(decode(KEY, &version_2()).unwrap(), event());
        let plain = [&b"\x03"[..], &version_2()[1..], b"\x00\x00\x00"].concat();
        assert_eq!(encode(&change().into()), plain);
        let refused = Entry {
            operator: Some("alice"),
            refused: Some(("AccessDeniedException", "no")),
            count: 300,
            ..change().into()
        };
        let ending = b"\x01\x05alice\x01\x15AccessDeniedException\x02no\xac\x02";
        let expected = [&b"\x03"[..], &version_2()[1..], ending].concat();
        assert_eq!(encode(&refused), expected);
        let read = decode(KEY, &expected).unwrap();
        assert_eq!((read.outcome.as_ref(), read.count), ("AccessDeniedException", Some(300)));
        assert_eq!(read.message.as_deref(), Some("no"));
    }

    #[test]
    fn what_is_no_record_is_refused() {
        let good = encode(&change().into());
        for cut in 0..good.len() {
            assert!(decode(KEY, &good[..cut]).is_err(), "cut at {cut}");
        }
        let longer = [&good[..], &[0]].concat();
        let not_json = encode(&Change { parameters: Some("{"), ..change() }.into());
        for (key, value) in [
            (KEY, longer.as_slice()),
            (KEY, &[4, 0]),
            (KEY, b"{}"),
            (KEY, &not_json),
            ("audit/001764000000007", &good),
            ("audit/x/6ba7b810", &good),
        ] {
            assert!(decode(key, value).is_err(), "{key}");
        }
    }
}
