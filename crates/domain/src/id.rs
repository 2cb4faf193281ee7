//! Identifiers: text with a fixed form, parsed at the border, never built from a caller's text without a check.

use std::fmt;
use std::str::FromStr;

use compact_str::{CompactString, format_compact};
use serde::{Deserialize, Serialize};

use crate::fault::Fault;
use crate::seed::{BASE36, Draws};
use crate::time::Time;

/// How long interface ids begin alike, in milliseconds.
pub const SPAN_MILLIS: u64 = 4096;
/// After so many spans they begin as before: two characters of 36.
pub const SPANS: u64 = 36 * 36;

/// Makes an identifier type: a text with a private field, one fallible constructor and the usual conveniences.
macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident, $what:literal, $rule:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "CompactString")]
        pub struct $name(CompactString);

        impl TryFrom<CompactString> for $name {
            type Error = Fault;
            fn try_from(text: CompactString) -> Result<Self, Fault> {
                let valid: fn(&str) -> bool = $valid;
                if valid(&text) { Ok(Self(text)) } else { Self::parse(&text) }
            }
        }

        impl $name {
            /// Parses the text; the fault names it by this type's usual field name.
            pub fn parse(text: &str) -> Result<Self, Fault> {
                Self::parse_field($what, text)
            }

            /// Parses the text; the fault names the given field.
            pub fn parse_field(field: &str, text: &str) -> Result<Self, Fault> {
                let valid: fn(&str) -> bool = $valid;
                if valid(text) {
                    Ok(Self(CompactString::from(text)))
                } else {
                    Err(Fault::field(field, text, $rule))
                }
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = Fault;
            fn from_str(text: &str) -> Result<Self, Fault> {
                Self::parse(text)
            }
        }
    };
}

fn prefixed(text: &str, prefix: &str, length: usize, character: fn(&u8) -> bool) -> bool {
    text.strip_prefix(prefix)
        .is_some_and(|rest| rest.len() == length && rest.as_bytes().iter().all(character))
}

fn base36(byte: &u8) -> bool {
    byte.is_ascii_digit() || byte.is_ascii_lowercase()
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte),
        })
}

fn name_like(text: &str, longest: usize, extra: &[u8]) -> bool {
    let bytes = text.as_bytes();
    !bytes.is_empty()
        && bytes.len() <= longest
        && bytes[0].is_ascii_alphanumeric()
        && bytes.iter().all(|b| b.is_ascii_alphanumeric() || extra.contains(b))
}

identifier!(
    /// An account: 12 digits, kept as text (leading zeros count).
    AccountId,
    "accountId",
    "is not an account id: it must have exactly 12 digits",
    |text| text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
);
identifier!(
    /// An access key id: 20 characters of `A`–`Z` and `0`–`9`.
    AccessKeyId,
    "accessKeyId",
    "is not an access key id: it must have 20 characters of A-Z and 0-9",
    |text| text.len() == 20 && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
);
identifier!(
    /// A connection: `dxcon-` and 8 base-36 characters.
    ConnectionId,
    "connectionId",
    "is not a connection id: it must be dxcon- followed by 8 characters of a-z and 0-9",
    |text| prefixed(text, "dxcon-", 8, base36)
);
identifier!(
    /// A virtual interface: `dxvif-` and 8 base-36 characters.
    VirtualInterfaceId,
    "virtualInterfaceId",
    "is not a virtual interface id: it must be dxvif- followed by 8 characters of a-z and 0-9",
    |text| prefixed(text, "dxvif-", 8, base36)
);
identifier!(
    /// A BGP peer: `dxpeer-` and 8 base-36 characters.
    BgpPeerId,
    "bgpPeerId",
    "is not a BGP peer id: it must be dxpeer- followed by 8 characters of a-z and 0-9",
    |text| prefixed(text, "dxpeer-", 8, base36)
);
identifier!(
    /// A BGP failover test: `dxtest-` and 8 base-36 characters.
    FailoverTestId,
    "testId",
    "is not the id of a BGP failover test: it must be dxtest- followed by 8 characters of a-z and 0-9",
    |text| prefixed(text, "dxtest-", 8, base36)
);
identifier!(
    /// A virtual gateway: `vgw-` and 8 hexadecimal digits.
    VirtualGatewayId,
    "virtualGatewayId",
    "is not a virtual gateway id: it must be vgw- followed by 8 hexadecimal digits",
    |text| prefixed(text, "vgw-", 8, |b| b.is_ascii_digit() || (b'a'..=b'f').contains(b))
);
identifier!(
    /// A Direct Connect gateway: a UUID.
    DirectConnectGatewayId,
    "directConnectGatewayId",
    "is not a Direct Connect gateway id: it must be a UUID, 32 hexadecimal digits in groups of 8-4-4-4-12",
    is_uuid
);
identifier!(
    /// What associates a gateway with a Direct Connect gateway: a UUID.
    AssociationId,
    "associationId",
    "is not an association id: it must be a UUID, 32 hexadecimal digits in groups of 8-4-4-4-12",
    is_uuid
);
identifier!(
    /// A proposal of an association: a UUID.
    ProposalId,
    "proposalId",
    "is not a proposal id: it must be a UUID, 32 hexadecimal digits in groups of 8-4-4-4-12",
    is_uuid
);
identifier!(
    /// A transit gateway: `tgw-` and 8 hexadecimal digits.
    TransitGatewayId,
    "transitGatewayId",
    "is not a transit gateway id: it must be tgw- followed by 8 hexadecimal digits",
    |text| prefixed(text, "tgw-", 8, |b| b.is_ascii_digit() || (b'a'..=b'f').contains(b))
);
identifier!(
    /// A routing domain of an edge router: lower-case letters, a hyphen, lower-case letters and digits, at most 15 characters
    /// in all. It names the VRF device (Linux: at most 15 bytes), the BGP daemon's tables and protocols, and claims, so it is
    /// an id of ours and not the API's: a Direct Connect gateway's is a UUID.
    RoutingDomainId,
    "routingDomainId",
    "is not a routing domain id: it must have letters a-z, a hyphen and then letters a-z or digits, at most 15 characters, and not begin with dxvif-",
    |text| text.len() <= 15
        && !text.starts_with("dxvif-")
        && text.split_once('-').is_some_and(|(kind, own)| {
            !kind.is_empty()
                && kind.bytes().all(|b| b.is_ascii_lowercase())
                && !own.is_empty()
                && own.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        })
);
identifier!(
    /// The name of a customer agreement, which the operator's settings list.
    AgreementName,
    "agreementName",
    "is not the name of a customer agreement: it must have 1 to 100 letters, digits, hyphens, dots or underscores and begin with a letter or digit",
    |text| name_like(text, 100, b"-._")
);
identifier!(
    /// The VPC that a virtual gateway belongs to, as the cloud names it: `vpc-` and 1 to 32 letters, digits or hyphens.
    VpcId,
    "vpcId",
    "is not a VPC id: it must be vpc- followed by 1 to 32 letters, digits or hyphens",
    |text| text.strip_prefix("vpc-").is_some_and(|rest| name_like(rest, 32, b"-"))
);
identifier!(
    /// A location's code, as in `PAR1` or `EqDC2`.
    LocationCode,
    "locationCode",
    "is not a location code: it must have 1 to 32 letters, digits or hyphens and begin with a letter or digit",
    |text| name_like(text, 32, b"-")
);
identifier!(
    /// An edge router's name.
    EdgeId,
    "edgeId",
    "is not an edge id: it must have 1 to 63 letters, digits, hyphens, dots or underscores and begin with a letter or digit",
    |text| name_like(text, 63, b"-._")
);
identifier!(
    /// An operator's name.
    OperatorName,
    "operatorName",
    "is not an operator's name: it must have 1 to 32 letters, digits, hyphens, dots, underscores or at signs and begin with a letter or digit",
    |text| name_like(text, 32, b"-._@")
);
identifier!(
    /// A network interface of an edge router, as its kernel names it (Linux: at most 15 bytes, no slash, no space).
    PortName,
    "interface",
    "is not an interface name: it must have 1 to 15 letters, digits, hyphens, dots or underscores and begin with a letter or digit",
    |text| name_like(text, 15, b"-._")
);

/// Real connection and interface ids begin with `f` after the dash; so do ours.
impl ConnectionId {
    /// A fresh id.
    pub fn draw(draws: &mut Draws) -> Self {
        Self(format_compact!("dxcon-f{}", draws.base36(7)))
    }
}

impl VirtualInterfaceId {
    /// A fresh id. What is drawn within one span of [`SPAN_MILLIS`] begins alike, so that interfaces that are made together
    /// lie together in a store that keeps keys in order. There are 60 million for each of the [`SPANS`].
    pub fn draw(draws: &mut Draws, now: Time) -> Self {
        let span = now.millis() / SPAN_MILLIS;
        let digit = |number: u64| char::from(BASE36[(number % 36) as usize]);
        Self(format_compact!("dxvif-f{}{}{}", digit(span / 36), digit(span), draws.base36(5)))
    }
}

impl BgpPeerId {
    /// A fresh id.
    pub fn draw(draws: &mut Draws) -> Self {
        Self(format_compact!("dxpeer-f{}", draws.base36(7)))
    }
}

impl FailoverTestId {
    /// A fresh id.
    pub fn draw(draws: &mut Draws) -> Self {
        Self(format_compact!("dxtest-f{}", draws.base36(7)))
    }
}

impl VirtualGatewayId {
    /// A fresh id.
    pub fn draw(draws: &mut Draws) -> Self {
        Self(format_compact!("vgw-{}", draws.hex(8)))
    }
}

impl TransitGatewayId {
    /// A fresh id.
    pub fn draw(draws: &mut Draws) -> Self {
        Self(format_compact!("tgw-{}", draws.hex(8)))
    }
}

/// A random UUID (RFC 9562, section 5.4).
fn draw_uuid(draws: &mut Draws) -> CompactString {
    let variant = char::from(b"89ab"[(draws.number() % 4) as usize]);
    let [first, second, third, fourth, last] = [8, 4, 3, 3, 12].map(|length| draws.hex(length));
    format_compact!("{first}-{second}-4{third}-{variant}{fourth}-{last}")
}

impl DirectConnectGatewayId {
    /// A fresh id.
    pub fn draw(draws: &mut Draws) -> Self {
        Self(draw_uuid(draws))
    }
}

impl AssociationId {
    /// A fresh id.
    pub fn draw(draws: &mut Draws) -> Self {
        Self(draw_uuid(draws))
    }
}

impl ProposalId {
    /// A fresh id.
    pub fn draw(draws: &mut Draws) -> Self {
        Self(draw_uuid(draws))
    }
}

impl RoutingDomainId {
    /// A fresh one of a Direct Connect gateway.
    pub fn draw(draws: &mut Draws) -> Self {
        Self(format_compact!("dxgw-{}", draws.base36(10)))
    }

    /// Whether it is a Direct Connect gateway's, of whose interfaces some may have SiteLink.
    #[must_use]
    pub fn is_of_dx_gateway(&self) -> bool {
        self.0.starts_with("dxgw-")
    }

    /// That of a virtual gateway.
    #[must_use]
    pub fn of_virtual_gateway(id: &VirtualGatewayId) -> Self {
        Self(id.0.clone())
    }

    /// That of a transit gateway.
    #[must_use]
    pub fn of_transit_gateway(id: &TransitGatewayId) -> Self {
        Self(id.0.clone())
    }

    /// The domain of the operator's public network: one on each router.
    #[must_use]
    pub fn public() -> Self {
        Self(CompactString::const_new("public-0"))
    }
}

impl AccessKeyId {
    /// A fresh id; the prefix tells a reader whose key it is not: AWS's own begin with AKIA or ASIA.
    pub fn draw(draws: &mut Draws) -> Self {
        Self(format_compact!("LKWY{}", draws.upper_base36(16)))
    }
}

impl OperatorName {
    /// Of the operator that a store begins with.
    #[must_use]
    pub fn first() -> Self {
        Self("operator".into())
    }
}

impl EdgeId {
    /// The built-in edge of a simulated location; the name says so wherever it is shown.
    #[must_use]
    pub fn simulated(location: &LocationCode) -> Self {
        Self(format_compact!("simulated-{location}"))
    }
}

impl PortName {
    /// The port that a simulated edge gives to a connection: `sim-` and the connection's own characters.
    #[must_use]
    pub fn simulated(connection: &ConnectionId) -> Self {
        let own = connection
            .as_str()
            .strip_prefix("dxcon-")
            .expect("every connection id begins with dxcon-");
        Self(format_compact!("sim-{own}"))
    }
}

/// Names of network interfaces that the kernel or the edge's agent uses for something else.
const RESERVED_NAMES: [&str; 3] = ["lo", "all", "default"];
/// How the names of the agent's own links begin: interfaces' VLANs, and VRFs of virtual, transit and Direct Connect gateways.
const OWN_LINKS: [&str; 5] = ["dxvif-", "vgw-", "tgw-", "dxgw-", "public-"];

impl PortName {
    /// Parses the name of a port or handoff that a request brings: an interface that the operator has on the router.
    /// Stored names of earlier versions, and names to look a port up by, take [`Self::parse_field`].
    ///
    /// # Errors
    ///
    /// A client fault that names the field: the text has not the form of a name, is `lo` (the loopback interface), `all`
    /// or `default` (directories of `/proc/sys/net/ipv4/conf`), or begins as the names of the agent's own links do.
    pub fn parse_new(field: &str, text: &str) -> Result<Self, Fault> {
        let name = Self::parse_field(field, text)?;
        if RESERVED_NAMES.contains(&text) {
            let rule = "must not be lo, all or default: the kernel has those names for itself";
            return Err(Fault::field(field, text, rule));
        }
        match OWN_LINKS.iter().find(|start| text.starts_with(**start)) {
            None => Ok(name),
            Some(start) => {
                let rule =
                    format!("must not begin with {start}: the edge names links of its own so");
                Err(Fault::field(field, text, rule))
            }
        }
    }
}

/// Accounts that arrive as JSON numbers lose their leading zeros; this gives them back.
#[must_use]
pub fn pad_account(number: u64) -> String {
    format!("{number:012}")
}

/// What can be tagged.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum TaggedResource {
    /// A connection.
    Connection(ConnectionId),
    /// A virtual interface.
    VirtualInterface(VirtualInterfaceId),
    /// A Direct Connect gateway.
    DirectConnectGateway(DirectConnectGatewayId),
}

impl TaggedResource {
    /// The kind of its record's key, and its id.
    #[must_use]
    pub fn parts(&self) -> (&'static str, &str) {
        match self {
            Self::Connection(id) => ("connection", id.as_str()),
            Self::VirtualInterface(id) => ("vif", id.as_str()),
            Self::DirectConnectGateway(id) => ("dxgw", id.as_str()),
        }
    }
}
