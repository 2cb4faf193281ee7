//! Tags: up to 50 keys with values on a resource, as the API's `Tag` shape constrains them.

pub mod decide;
mod resource;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::fault::Fault;

pub use resource::{ResourceTags, TaggedResource};

/// The most tags that a resource carries (direct-connect.md, quotas).
pub const MOST_TAGS: usize = 50;

/// The tags of one resource, by key. A value may be absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Tags(BTreeMap<String, Option<String>>);

impl Tags {
    /// Checks a request's tags; `field` is the member's path, as in `newPrivateVirtualInterface.tags`.
    pub fn parse(field: &str, pairs: &[(String, Option<String>)]) -> Result<Self, Fault> {
        let mut tags = BTreeMap::new();
        for (index, (key, value)) in pairs.iter().enumerate() {
            let path = format!("{field}[{index}]");
            check(&format!("{path}.key"), key, 1, 128)?;
            if key.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("aws:")) {
                return Err(Fault::field(
                    &format!("{path}.key"),
                    key,
                    "must not begin with aws:, which is reserved",
                ));
            }
            if let Some(value) = value {
                check(&format!("{path}.value"), value, 0, 256)?;
            }
            if tags.insert(key.clone(), value.clone()).is_some() {
                let (field, key) = (format!("{path}.key"), key.clone());
                return Err(Fault::DuplicateTagKey { field, key });
            }
        }
        Self(tags).bounded(field)
    }

    /// These tags with `new` added, a key's new value in place of its old one.
    pub fn merged(&self, field: &str, new: &Self) -> Result<Self, Fault> {
        let mut tags = self.0.clone();
        tags.extend(new.0.iter().map(|(key, value)| (key.clone(), value.clone())));
        Self(tags).bounded(field)
    }

    /// These tags without the given keys; a key that is not there is no error.
    #[must_use]
    pub fn without(&self, keys: &[String]) -> Self {
        let mut tags = self.0.clone();
        tags.retain(|key, _| !keys.contains(key));
        Self(tags)
    }

    /// The tags in key order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_deref()))
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn bounded(self, field: &str) -> Result<Self, Fault> {
        let count = self.0.len();
        if count > MOST_TAGS {
            return Err(Fault::TooManyTags { field: field.to_owned(), count, limit: MOST_TAGS });
        }
        Ok(self)
    }
}

/// The model's pattern `^([\p{L}\p{Z}\p{N}_.:/=+\-@]*)$` and its length bounds.
fn check(path: &str, text: &str, least: usize, most: usize) -> Result<(), Fault> {
    let length = text.chars().count();
    if length < least || length > most {
        return Err(Fault::field(
            path,
            text,
            format_args!("must have {least} to {most} characters, not {length}"),
        ));
    }
    let allowed = |c: char| c.is_alphanumeric() || c == ' ' || "_.:/=+-@".contains(c);
    if text.chars().all(allowed) {
        return Ok(());
    }
    Err(Fault::field(
        path,
        text,
        "must consist of letters, digits, spaces and the characters _ . : / = + - @",
    ))
}
