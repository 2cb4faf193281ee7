//! Audit records of changes, as the store keeps them.
//!
//! There is one for each change, written once and seldom read, and it was more than half of what a change wrote. So it is short: what
//! the key tells is not repeated, members have no names. One byte of version, then postcard's form of
//! [`Change`]: **any change of that type is a new version**, as in [`crate::codec`]. Earlier builds wrote the whole event as JSON,
//! which begins with a brace; that is read as well.

use std::borrow::Cow;
use std::net::IpAddr;

use linkway_domain::access_key::Principal;
use linkway_domain::key;
use serde::{Deserialize, Serialize};

use crate::rim::event::{AuditEvent, Parameters};

/// Postcard; the only version so far that is not JSON.
const COMPACT: u8 = 2;
/// Bytes that hold nearly every record.
const ROOM: usize = 512;

/// Who changed what. When, and under which request id, is in the key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change<'a> {
    /// Who called.
    #[serde(borrow)]
    pub who: Who<'a>,
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

/// A [`Principal`] that borrows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Who<'a> {
    /// A tenant, 12 digits.
    Account(&'a str),
    /// Whoever runs this installation.
    Operator,
    /// An edge router.
    Edge(&'a str),
}

impl<'a> From<&'a Principal> for Who<'a> {
    fn from(principal: &'a Principal) -> Self {
        match principal {
            Principal::Account(id) => Self::Account(id.as_str()),
            Principal::Operator => Self::Operator,
            Principal::Edge(id) => Self::Edge(id.as_str()),
        }
    }
}

/// Why a stored value is no audit record.
#[derive(Debug, thiserror::Error)]
pub enum TrailError {
    /// Nothing is stored under the key but an empty value.
    #[error("the value is empty")]
    Empty,
    /// Written by a newer build.
    #[error("the value has version {0}; this build reads {COMPACT} and JSON")]
    Newer(u8),
    /// An earlier build's JSON, or the text of the parameters.
    #[error("the value is not an event: {0}")]
    Json(#[from] serde_json::Error),
    /// Not the compact form.
    #[error("the value is not a change in the compact form")]
    NotCompact,
    /// The key tells no time or no request.
    #[error("the key does not end with a time and a request id")]
    Key,
}

/// The bytes of a change's record.
#[must_use]
pub fn encode(change: &Change<'_>) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(ROOM);
    bytes.push(COMPACT);
    postcard::to_extend(change, bytes).expect("texts and addresses have a compact form")
}

/// The event that is stored under a key.
pub fn decode(key: &str, bytes: &[u8]) -> Result<AuditEvent<'static>, TrailError> {
    let change = match bytes.split_first() {
        None => return Err(TrailError::Empty),
        Some((b'{', _)) => return Ok(serde_json::from_slice(bytes)?),
        Some((&COMPACT, rest)) => whole(rest)?,
        Some((version, _)) => return Err(TrailError::Newer(*version)),
    };
    let (time, request_id) = key::parse_audit(key).ok_or(TrailError::Key)?;
    let parameters = change.parameters.map(Parameters::parse).transpose()?;
    let (principal, account_id) = match change.who {
        Who::Account(id) => (format!("account {id}"), Some(id.to_owned().into())),
        Who::Operator => ("operator".to_owned(), None),
        Who::Edge(id) => (format!("edge {id}"), None),
    };
    Ok(AuditEvent {
        time,
        request_id: request_id.to_owned().into(),
        principal: principal.into(),
        account_id,
        access_key_id: Some(change.access_key_id.to_owned().into()),
        source_address: change.source.to_string().into(),
        operation: change.operation.to_owned().into(),
        resources: change.resources.into_iter().map(Cow::into_owned).collect(),
        outcome: "ok".into(),
        message: None,
        parameters,
    })
}

fn whole(bytes: &[u8]) -> Result<Change<'_>, TrailError> {
    match postcard::take_from_bytes(bytes) {
        Ok((change, [])) => Ok(change),
        Ok(_) | Err(_) => Err(TrailError::NotCompact),
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
            who: Who::Account("123456789000"),
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
        }
    }

    #[test]
    fn what_is_written_is_read_back_and_so_is_an_earlier_builds_json() {
        assert_eq!(decode(KEY, &encode(&change())).unwrap(), event());
        assert_eq!(decode(KEY, &serde_json::to_vec(&event()).unwrap()).unwrap(), event());
        let operator = Change {
            who: Who::Operator,
            source: "2001:db8::1".parse().unwrap(),
            resources: Vec::new(),
            parameters: None,
            ..change()
        };
        let read = decode(KEY, &encode(&operator)).unwrap();
        assert_eq!((read.principal.as_ref(), read.account_id), ("operator", None));
        assert_eq!((read.source_address.as_ref(), read.parameters), ("2001:db8::1", None));
        let edge = Change { who: Who::Edge("par1-r1"), ..change() };
        assert_eq!(decode(KEY, &encode(&edge)).unwrap().principal, "edge par1-r1");
    }

    /// If this fails, the type was changed without a new version.
    #[test]
    fn the_form_of_version_2_stays_as_it_is() {
        let expected = [
            &b"\x02\x00\x0c123456789000"[..],
            b"\x05LKWY0",
            b"\x00\xc0\x00\x02\x01",
            b"\x10DeleteConnection",
            b"\x01\x07dxcon-1",
            b"\x01\x1a{\"connectionId\":\"dxcon-1\"}",
        ];
        assert_eq!(encode(&change()), expected.concat());
    }

    #[test]
    fn what_is_no_record_is_refused() {
        let good = encode(&change());
        for cut in 0..good.len() {
            assert!(decode(KEY, &good[..cut]).is_err(), "cut at {cut}");
        }
        let longer = [&good[..], &[0]].concat();
        let not_json = encode(&Change { parameters: Some("{"), ..change() });
        for (key, value) in [
            (KEY, longer.as_slice()),
            (KEY, &[3, 0]),
            (KEY, b"{}"),
            (KEY, &not_json),
            ("audit/001764000000007", &good),
            ("audit/x/6ba7b810", &good),
        ] {
            assert!(decode(key, value).is_err(), "{key}");
        }
    }
}
