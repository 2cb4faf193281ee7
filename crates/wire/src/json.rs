//! Bodies of AWS JSON 1.1: bytes -> requests, responses -> bytes.
//!
//! A good body is read in one pass. Only a bad one is read again, with the path to each member
//! kept, so that the error can say which member is wrong, what was expected there and what was
//! found.

mod explain;
mod member;

pub use member::{account, object, objects};

use member::Object;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A body that is not a request. `Display` is a sentence for the caller: it repeats at most 100
/// characters of a value, and none of a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The bytes are not UTF-8.
    #[error("The request body is not valid UTF-8 (at byte {offset})")]
    NotUtf8 {
        /// The first byte that does not belong, from 0.
        offset: usize,
    },
    /// The text is not JSON (RFC 8259).
    #[error("The request body is not valid JSON: {problem} (line {line} column {column})")]
    Syntax {
        /// What is wrong with it.
        problem: String,
        /// From 1.
        line: usize,
        /// In bytes, from 1; 0 at the end of a line.
        column: usize,
    },
    /// The JSON is not an object.
    #[error("The request body must be a JSON object, found {found}")]
    NotAnObject {
        /// What it is.
        found: String,
    },
    /// A member does not fit.
    #[error("{path}: {problem}")]
    Member {
        /// From the request downwards: `newPrivateVirtualInterfaceAllocation.tags[2].key`.
        path: String,
        /// What was expected and what was found.
        problem: String,
    },
}

/// Reads a request: one JSON object, or nothing at all for a request without members.
///
/// Unknown members are skipped (without recursion, however deep they are); a known member that is
/// given twice, a value of another type and bytes after the object are errors. `null` is an absent
/// member.
pub fn decode<T: DeserializeOwned>(body: &[u8]) -> Result<T, DecodeError> {
    let body = if body.is_empty() { b"{}" } else { body };
    let text =
        std::str::from_utf8(body).map_err(|e| DecodeError::NotUtf8 { offset: e.valid_up_to() })?;
    match serde_json::from_str::<Object<T>>(text) {
        Ok(Object(request)) => Ok(request),
        Err(error) => Err(explain::explain::<Object<T>>(text, error)),
    }
}

/// Writes a response or an error's body: compact JSON without absent members.
///
/// # Panics
/// If a map of `T` has keys that are not strings; no type of the API has such a map.
pub fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    // Holds one resource with all its members, so that the usual answer is not moved while it grows.
    let mut bytes = Vec::with_capacity(2048);
    serde_json::to_writer(&mut bytes, value)
        .expect("the types of the API have string keys and no failing serializer");
    bytes
}
