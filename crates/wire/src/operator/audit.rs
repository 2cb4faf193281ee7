//! The audit trail on the wire.

use std::borrow::Cow;

use jiff::Timestamp;
use linkway_domain::time::Time;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

/// Which calls of the audit trail are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EventKind {
    /// Those that changed something, and the calls that the store keeps as evidence: refused ones about what is another's,
    /// backups, the use of disabled keys, and first reads of the feed.
    #[default]
    Changes,
    /// Other reads and refused calls too.
    All,
}

/// The audit trail, oldest first. A page is full (`maxResults` long) unless it reaches the present,
/// so a short page is the end for now; its `nextToken` continues with what happens next.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListEvents {
    /// Absent means `changes`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<EventKind>,
    /// At most so many events in one page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_results: Option<i64>,
    /// The `nextToken` of the page before; absent for the oldest events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// One page of the audit trail.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EventPage {
    /// Oldest first.
    pub events: Vec<AuditEvent<'static>>,
    /// Where to go on; always there, since the trail has no end.
    pub next_token: String,
}

/// One call, as JSON with these names in camel case. It borrows what the call has anyway: one is written for each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditEvent<'a> {
    /// When, as RFC 3339 with milliseconds, UTC.
    #[serde(with = "rfc3339")]
    pub time: Time,
    /// The id that the answer carried.
    pub request_id: Cow<'a, str>,
    /// Who: `account 123456789000`, `operator`, `edge par1-r1`, or `anonymous`.
    pub principal: Cow<'a, str>,
    /// The account that called, 12 digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_id: Option<Cow<'a, str>>,
    /// The key that signed, or claimed to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_key_id: Option<Cow<'a, str>>,
    /// The other end of the connection, an IP address.
    pub source_address: Cow<'a, str>,
    /// The operation asked for.
    pub operation: Cow<'a, str>,
    /// Ids of what it was about.
    #[serde(default)]
    pub resources: Vec<String>,
    /// `ok` or the error code.
    pub outcome: Cow<'a, str>,
    /// The error's text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<Cow<'a, str>>,
    /// The request's members after masking.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameters: Option<Parameters<'a>>,
    /// How many like calls it stands for, if it was written for those that were not written down one by one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
}

/// A request's members as JSON text: most of them are written down as they came, without taking them apart.
#[derive(Clone, Debug)]
pub struct Parameters<'a>(Cow<'a, RawValue>);

impl<'a> Parameters<'a> {
    /// A text that is JSON; `None` if it is not.
    #[must_use]
    pub fn from_text(text: &'a str) -> Option<Self> {
        serde_json::from_str(text).ok().map(|raw| Self(Cow::Borrowed(raw)))
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> &str {
        self.0.get()
    }

    /// A text of one's own that is JSON; `None` if it is not.
    #[must_use]
    pub fn from_string(text: String) -> Option<Self> {
        RawValue::from_string(text).ok().map(|raw| Self(Cow::Owned(raw)))
    }

    /// A value.
    #[must_use]
    pub fn from_value(value: &Value) -> Option<Self> {
        Self::from_string(value.to_string())
    }
}

impl PartialEq for Parameters<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.0.get() == other.0.get()
    }
}

impl Eq for Parameters<'_> {}

impl Serialize for Parameters<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Parameters<'_> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        Self::from_value(&value).ok_or_else(|| serde::de::Error::custom("not JSON"))
    }
}

impl AuditEvent<'_> {
    /// The same, borrowing nothing.
    #[must_use]
    pub fn into_owned(self) -> AuditEvent<'static> {
        let owned = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        AuditEvent {
            time: self.time,
            request_id: owned(self.request_id),
            principal: owned(self.principal),
            account_id: self.account_id.map(owned),
            access_key_id: self.access_key_id.map(owned),
            source_address: owned(self.source_address),
            operation: owned(self.operation),
            resources: self.resources,
            outcome: owned(self.outcome),
            message: self.message.map(owned),
            parameters: self
                .parameters
                .map(|parameters| Parameters(Cow::Owned(parameters.0.into_owned()))),
            count: self.count,
        }
    }

    /// The time of the call.
    #[must_use]
    pub fn timestamp(&self) -> Timestamp {
        let millis = i64::try_from(self.time.millis()).unwrap_or(i64::MAX);
        Timestamp::from_millisecond(millis).unwrap_or(Timestamp::MAX)
    }
}

mod rfc3339 {
    use super::{Cow, Deserialize as _, Time, Timestamp};

    pub fn serialize<S: serde::Serializer>(time: &Time, serializer: S) -> Result<S::Ok, S::Error> {
        let millis = i64::try_from(time.millis()).map_err(serde::ser::Error::custom)?;
        let time = Timestamp::from_millisecond(millis).map_err(serde::ser::Error::custom)?;
        serializer.collect_str(&format_args!("{time:.3}"))
    }

    pub fn deserialize<'de, D: serde::Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Time, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        let time: Timestamp = text.parse().map_err(serde::de::Error::custom)?;
        let millis = u64::try_from(time.as_millisecond()).map_err(serde::de::Error::custom)?;
        Ok(Time::from_millis(millis))
    }
}
