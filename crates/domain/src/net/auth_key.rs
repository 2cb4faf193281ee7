//! The MD5 key of a BGP session (RFC 2385): a secret of both sides.

use std::fmt;
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use crate::fault::Fault;
use crate::seed::Draws;

/// A BGP key: 6 to 80 printable ASCII characters without spaces and double quotes. Its `Debug` never shows it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct AuthKey(String);

impl TryFrom<String> for AuthKey {
    type Error = Fault;
    fn try_from(text: String) -> Result<Self, Fault> {
        // Stored keys of earlier versions may have a double quote; an edge refuses such a session by name.
        if text.contains('"') {
            return Self::parse("authKey", &text.replace('"', "'")).map(|_| Self(text));
        }
        if is_valid(&text) { Ok(Self(text)) } else { Self::parse("authKey", &text) }
    }
}

/// In characters.
const LENGTH: RangeInclusive<usize> = 6..=80;

fn is_valid(text: &str) -> bool {
    // Printable ASCII has as many bytes as characters.
    LENGTH.contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic() && b != b'"')
}

impl AuthKey {
    /// Checks a request's key. The fault never repeats it.
    pub fn parse(field: &str, text: &str) -> Result<Self, Fault> {
        if is_valid(text) {
            return Ok(Self(text.to_owned()));
        }
        let length = text.chars().count();
        if !LENGTH.contains(&length) {
            return Err(Fault::client(format!(
                "{field} (not shown) must have 6 to 80 characters, not {length}."
            )));
        }
        if text.contains('"') {
            // BIRD's configuration has no way to write one in a password.
            return Err(Fault::client(format!(
                "{field} (not shown) must not contain a double quote."
            )));
        }
        Err(Fault::client(format!(
            "{field} (not shown) must consist of printable ASCII characters without spaces."
        )))
    }

    /// A fresh key of the form that the service generates: `0x` and 22 characters (132 bits).
    pub fn draw(draws: &mut Draws) -> Self {
        Self(format!("0x{}", draws.secret(22)))
    }

    /// The key itself, for the two who share it and for the router.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for AuthKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[PROTECTED]")
    }
}
