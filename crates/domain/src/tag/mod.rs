//! Tags: keys with values on a resource, as the API's `Tag` shape constrains them.

pub mod decide;
mod resource;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use unicode_general_category::{GeneralCategory, get_general_category};

use crate::fault::Fault;
use crate::quota::Quotas;

pub use crate::id::TaggedResource;
pub use resource::ResourceTags;

/// What keys of tenants' tags must not begin with: the API's own reserved keys, and those that the service answers with.
pub const RESERVED: [&str; 2] = ["aws:", "linkway:"];

/// The tags of one resource, by key. A value may be absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Tags(BTreeMap<String, Option<String>>);

impl Tags {
    /// Checks a request's tags; `field` is the member's path, as in `newPrivateVirtualInterface.tags`.
    ///
    /// # Errors
    ///
    /// A fault that names the member: a key or value breaks the model's rules or a key begins with one of [`RESERVED`]
    /// ([`FaultKind::Client`]), a key is given twice ([`FaultKind::DuplicateTagKeys`]), or there are more than
    /// the quota ([`FaultKind::TooManyTags`]).
    pub fn parse(
        field: &str,
        pairs: &[(String, Option<String>)],
        quotas: &Quotas,
    ) -> Result<Self, Fault> {
        let mut tags = BTreeMap::new();
        for (index, (key, value)) in pairs.iter().enumerate() {
            let path = format!("{field}[{index}]");
            check(&format!("{path}.key"), key, 1, 128)?;
            for reserved in RESERVED {
                let start = key.get(..reserved.len());
                if start.is_some_and(|start| start.eq_ignore_ascii_case(reserved)) {
                    let rule = format_args!("must not begin with {reserved}, which is reserved");
                    return Err(Fault::field(&format!("{path}.key"), key, rule));
                }
            }
            if let Some(value) = value {
                check(&format!("{path}.value"), value, 0, 256)?;
            }
            if tags.insert(key.clone(), value.clone()).is_some() {
                let (field, key) = (format!("{path}.key"), key.clone());
                return Err(Fault::DuplicateTagKey { field, key });
            }
        }
        Self(tags).bounded(field, quotas)
    }

    /// These tags with `new` added, a key's new value in place of its old one.
    ///
    /// # Errors
    ///
    /// [`FaultKind::TooManyTags`] if that makes more than the quota.
    pub fn merged(&self, field: &str, new: &Self, quotas: &Quotas) -> Result<Self, Fault> {
        let mut tags = self.0.clone();
        tags.extend(new.0.iter().map(|(key, value)| (key.clone(), value.clone())));
        Self(tags).bounded(field, quotas)
    }

    /// These tags without the given keys; a key that is not there is no error.
    #[must_use]
    pub fn without(&self, keys: &[String]) -> Self {
        let mut tags = self.0.clone();
        tags.retain(|key, _| !keys.contains(key));
        Self(tags)
    }

    /// These tags and reserved ones, which count for no limit.
    #[must_use]
    pub fn with_reserved(
        mut self,
        reserved: impl IntoIterator<Item = (&'static str, String)>,
    ) -> Self {
        self.0.extend(reserved.into_iter().map(|(key, value)| (key.to_owned(), Some(value))));
        self
    }

    /// The tags in key order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_deref()))
    }

    /// How many bytes the keys and values have together, in UTF-8.
    #[must_use]
    pub fn bytes(&self) -> u32 {
        let of = |(key, value): (&str, Option<&str>)| key.len() + value.map_or(0, str::len);
        u32::try_from(self.iter().map(of).sum::<usize>()).unwrap_or(u32::MAX)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn bounded(self, field: &str, quotas: &Quotas) -> Result<Self, Fault> {
        let (count, limit) = (self.0.len(), quotas.tags_per_resource as usize);
        if count > limit {
            return Err(Fault::TooManyTags { field: field.to_owned(), count, limit });
        }
        Ok(self)
    }
}

/// The bounds of a tag's length, in characters, and the model's pattern `^([\p{L}\p{Z}\p{N}_.:/=+\-@]*)$`.
fn check(path: &str, text: &str, least: usize, most: usize) -> Result<(), Fault> {
    let length = text.chars().count();
    if length < least || length > most {
        return Err(Fault::field(
            path,
            text,
            format_args!("must have {least} to {most} characters, not {length}"),
        ));
    }
    if text.chars().all(is_allowed) {
        return Ok(());
    }
    Err(Fault::field(
        path,
        text,
        "must consist of letters, digits, spaces and the characters _ . : / = + - @",
    ))
}

/// Whether the model's pattern takes a character: `[\p{L}\p{Z}\p{N}_.:/=+\-@]`. The standard library's
/// `is_alphanumeric` is another set: it has some marks and symbols (U+0345, U+24B6) besides letters and numbers.
fn is_allowed(character: char) -> bool {
    use GeneralCategory as Category;
    if character.is_ascii() {
        return character.is_ascii_alphanumeric() || " _.:/=+-@".contains(character);
    }
    matches!(
        get_general_category(character),
        Category::UppercaseLetter
            | Category::LowercaseLetter
            | Category::TitlecaseLetter
            | Category::ModifierLetter
            | Category::OtherLetter
            | Category::DecimalNumber
            | Category::LetterNumber
            | Category::OtherNumber
            | Category::SpaceSeparator
            | Category::LineSeparator
            | Category::ParagraphSeparator
    )
}

#[cfg(test)]
mod tests {
    use regex::Regex;

    use super::*;

    /// Every character there is, by the model's own pattern and another implementation's tables.
    #[test]
    fn a_tag_takes_what_the_pattern_of_the_model_takes() {
        let pattern = Regex::new(r"^([\p{L}\p{Z}\p{N}_.:/=+\-@]*)$").unwrap();
        let mut text = [0; 4];
        for character in char::MIN..=char::MAX {
            let expected = pattern.is_match(character.encode_utf8(&mut text));
            assert_eq!(is_allowed(character), expected, "U+{:04X}", u32::from(character));
        }
        assert!(['\u{a0}', '\u{2028}', '\u{3000}', '½', 'Ⅷ'].into_iter().all(is_allowed));
        assert!(!['\u{345}', 'Ⓐ', '\u{200b}', '\n', '%'].into_iter().any(is_allowed));
    }
}
