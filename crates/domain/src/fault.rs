//! The one error of the domain: which rule was broken, and by what. `Display` writes the text of the Direct Connect API,
//! which names the field, the value and the rule; a protocol with texts of its own matches on the variants.

use std::fmt;

use crate::quota::Quota;
use crate::text::INVISIBLE_LETTERS;

/// A refusal. Never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A field's value breaks a rule.
    #[error("{field} {} {rule}.", quoted(.value))]
    Invalid {
        /// The field's path, as in `newPrivateVirtualInterface.vlan`.
        field: String,
        /// Its value.
        value: String,
        /// What it must be, or why it cannot be: the end of a sentence that begins with the value.
        rule: String,
    },
    /// A field is not there.
    #[error("{field} is required: {rule}.")]
    Required {
        /// The field's path.
        field: String,
        /// What to give.
        rule: String,
    },
    /// There is no such thing, or the caller may not know of it.
    #[error("{}", .kind.missing(.id))]
    NotFound {
        /// What it would be.
        kind: ResourceKind,
        /// As the caller named it.
        id: String,
    },
    /// The resource is in a state in which this cannot be done.
    #[error("{field} {} is in state {state}; {rule}.", quoted(.id))]
    IncorrectState {
        /// The field that names the resource.
        field: &'static str,
        /// Its id.
        id: String,
        /// Its state.
        state: &'static str,
        /// In which state it can be done.
        rule: String,
    },
    /// A virtual interface needs a connection whose link is up. The beginning is what clients match on.
    #[error(
        "The specified Connection ID is not available: connectionId {} is in state {state}, and a Virtual Interface needs \
         a connection in state available.",
        quoted(.id)
    )]
    ConnectionNotAvailable {
        /// The connection.
        id: String,
        /// Its state.
        state: &'static str,
    },
    /// Something depends on the resource.
    #[error("{} {} cannot be deleted until its {by} are deleted.", .kind.noun(), shown(.id))]
    InUse {
        /// What it is.
        kind: ResourceKind,
        /// Its id.
        id: String,
        /// What depends on it.
        by: &'static str,
    },
    /// The same tag key twice.
    #[error("{field} {} is given more than once; tag keys must be unique.", quoted(.key))]
    DuplicateTagKey {
        /// The field's path.
        field: String,
        /// The key.
        key: String,
    },
    /// More tags than a resource may carry.
    #[error("{field} would give the resource {count} tags; it may carry {limit}.")]
    TooManyTags {
        /// The field's path.
        field: String,
        /// How many there would be.
        count: usize,
        /// How many there may be.
        limit: usize,
    },
    /// A quota is used up. The text tells its value and whose it is, never who else uses it.
    #[error("{whose} may have {limit} {}: the quota {} is used up.", .quota.noun(), .quota.as_str())]
    QuotaExceeded {
        /// The quota.
        quota: Quota,
        /// Its value.
        limit: u32,
        /// The field and the resource or account.
        whose: String,
    },
    /// A list is too long.
    #[error("{field} has {count} members; at most {limit} are allowed.")]
    LimitExceeded {
        /// The field's path.
        field: String,
        /// How many there are.
        count: usize,
        /// How many there may be.
        limit: usize,
    },
    /// The caller's kind of principal may not do this.
    #[error("{0}")]
    Denied(String),
    /// A rule that is about no single field, in a sentence.
    #[error("{0}")]
    Refused(String),
}

/// What a caller can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ResourceKind {
    /// A connection.
    Connection,
    /// A link aggregation group.
    Lag,
    /// A virtual interface.
    VirtualInterface,
    /// A BGP peer of a virtual interface.
    BgpPeer,
    /// A virtual gateway.
    VirtualGateway,
    /// A Direct Connect gateway.
    DirectConnectGateway,
    /// A transit gateway.
    TransitGateway,
    /// An association of a gateway with a Direct Connect gateway.
    GatewayAssociation,
    /// A proposal of such an association.
    AssociationProposal,
    /// An access key.
    AccessKey,
    /// Anything, by its ARN.
    Arn,
}

impl ResourceKind {
    /// The text that clients match on for a resource that is not there.
    fn missing(self, id: &str) -> String {
        let (noun, id) = (self.noun(), shown(id));
        match self {
            Self::Connection | Self::Lag => format!("Could not find {noun} with ID {id}"),
            Self::AssociationProposal => format!("{noun} {id} is not found."),
            Self::VirtualInterface
            | Self::BgpPeer
            | Self::VirtualGateway
            | Self::DirectConnectGateway
            | Self::TransitGateway
            | Self::GatewayAssociation
            | Self::AccessKey
            | Self::Arn => format!("{noun} {id} does not exist."),
        }
    }

    /// As texts of the API name it.
    const fn noun(self) -> &'static str {
        match self {
            Self::Connection => "Connection",
            Self::Lag => "Lag",
            Self::VirtualInterface => "Virtual Interface",
            Self::BgpPeer => "BGP Peer",
            Self::VirtualGateway => "The VirtualGateway",
            Self::DirectConnectGateway => "Direct Connect Gateway",
            Self::TransitGateway => "The TransitGateway",
            Self::GatewayAssociation => "Direct Connect Gateway Association",
            Self::AssociationProposal => "Direct Connect Gateway Association Proposal",
            Self::AccessKey => "The access key",
            Self::Arn => "The resource",
        }
    }
}

impl Fault {
    /// A rule about no single field, in a sentence.
    #[must_use]
    pub fn client(message: impl Into<String>) -> Self {
        Self::Refused(message.into())
    }

    /// A field whose value breaks a rule.
    #[must_use]
    pub fn field(field: &str, value: impl fmt::Display, rule: impl fmt::Display) -> Self {
        Self::Invalid { field: field.to_owned(), value: value.to_string(), rule: rule.to_string() }
    }

    /// Something that is not there, or that the caller may not know of.
    #[must_use]
    pub fn not_found(kind: ResourceKind, id: impl fmt::Display) -> Self {
        Self::NotFound { kind, id: id.to_string() }
    }

    /// The caller's kind of principal may not do this.
    #[must_use]
    pub fn denied(message: impl Into<String>) -> Self {
        Self::Denied(message.into())
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
    let invisible = INVISIBLE_LETTERS.contains(&character);
    let escaped = character != '\'' && (invisible || character.escape_debug().len() > 1);
    let plain = (!escaped).then_some(character);
    let code = escaped.then(|| character.escape_default());
    plain.into_iter().chain(code.into_iter().flatten())
}
