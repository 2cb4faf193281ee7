//! The one error of the domain. Its text is for the caller: it names the field, the value and the rule.

use std::fmt;

/// Which kind of refusal this is; the wire crate maps each to one error type and status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FaultKind {
    /// The request breaks a rule (`DirectConnectClientException`).
    Client,
    /// The same tag key twice (`DuplicateTagKeysException`).
    DuplicateTagKeys,
    /// More tags than a resource may carry (`TooManyTagsException`).
    TooManyTags,
    /// A quota is used up (`LimitExceededException`).
    LimitExceeded,
    /// The caller's kind of principal may not do this (`AccessDeniedException`).
    AccessDenied,
}

/// A refusal: what kind, and the text that the caller reads.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Fault {
    /// The kind of refusal.
    pub kind: FaultKind,
    /// Names the field, the value and the rule; never holds a secret.
    pub message: String,
}

impl Fault {
    /// A rule that the request breaks, in free words.
    #[must_use]
    pub fn client(message: impl Into<String>) -> Self {
        Self { kind: FaultKind::Client, message: message.into() }
    }

    /// A field whose value breaks a rule: `<field> "<value>" <rule>`.
    #[must_use]
    pub fn field(field: &str, value: impl fmt::Display, rule: impl fmt::Display) -> Self {
        Self::client(format!("{field} {} {rule}.", quoted(&value.to_string())))
    }

    /// A fault of another kind.
    #[must_use]
    pub fn of(kind: FaultKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// The text that clients match on for a connection that is not there (or not the caller's).
    #[must_use]
    pub fn no_connection(id: impl fmt::Display) -> Self {
        Self::client(format!("Could not find Connection with ID {}", shown(&id.to_string())))
    }

    /// The text that clients match on for a LAG that is not there.
    #[must_use]
    pub fn no_lag(id: impl fmt::Display) -> Self {
        Self::client(format!("Could not find Lag with ID {}", shown(&id.to_string())))
    }

    /// The text that clients match on for a virtual interface that is not there (or not the caller's).
    #[must_use]
    pub fn no_interface(id: impl fmt::Display) -> Self {
        Self::client(format!("Virtual Interface {} does not exist.", shown(&id.to_string())))
    }

    /// The text that clients match on for a virtual gateway that is not there (or not the caller's).
    #[must_use]
    pub fn no_gateway(id: impl fmt::Display) -> Self {
        Self::client(format!("The VirtualGateway {} does not exist.", shown(&id.to_string())))
    }
}

/// A caller's value as a text may show it: what is not seen on a terminal or changes how the rest is seen (control,
/// combining, invisible and direction-changing characters) escaped, cut at 100 characters.
#[must_use]
pub fn shown(value: &str) -> String {
    let mut text: String = value.chars().take(100).flat_map(escape).collect();
    if value.chars().nth(100).is_some() {
        text.push('…');
    }
    text
}

fn quoted(value: &str) -> String {
    format!("\"{}\"", shown(value))
}

fn escape(character: char) -> impl Iterator<Item = char> {
    let escaped = character != '\'' && character.escape_debug().len() > 1;
    let plain = (!escaped).then_some(character);
    let code = escaped.then(|| character.escape_default());
    plain.into_iter().chain(code.into_iter().flatten())
}
