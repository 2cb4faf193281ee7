//! Autonomous system numbers: the customer's and the gateway's.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::fault::Fault;

/// The AS number of a customer's router: 1 to 4294967294 without the reserved ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub struct Asn(u32);

impl TryFrom<i64> for Asn {
    type Error = Fault;
    fn try_from(number: i64) -> Result<Self, Fault> {
        Self::number_of("asn", number)
    }
}

/// Written as it is read, so that forms which do not tell a number's type can be read back.
impl From<Asn> for i64 {
    fn from(asn: Asn) -> Self {
        Self::from(asn.0)
    }
}

impl Asn {
    /// Checks a request's `asn` and `asnLong`; when both are given `asnLong` wins, as the API's documents say.
    /// `parent` is the path of the structure that holds them, as in `newPrivateVirtualInterface`.
    pub fn parse(parent: &str, asn: Option<i64>, asn_long: Option<i64>) -> Result<Self, Fault> {
        match (asn_long, asn) {
            (Some(number), _) => Self::number_of(&format!("{parent}.asnLong"), number),
            (None, Some(number)) => Self::number_of(&format!("{parent}.asn"), number),
            (None, None) => Err(Fault::client(format!(
                "{parent}.asn is required: give asn or asnLong, from 1 to 4294967294."
            ))),
        }
    }

    fn number_of(field: &str, number: i64) -> Result<Self, Fault> {
        let rule = match number {
            23_456 => "must not be AS_TRANS, which stands for a 4-byte number (RFC 6793)",
            65_535 | 4_294_967_295 => "must be from 1 to 4294967294 and is reserved (RFC 7300)",
            1..=4_294_967_294 => {
                return Ok(Self(u32::try_from(number).expect("the range fits 32 bits")));
            }
            _ => "must be from 1 to 4294967294",
        };
        Err(Fault::field(field, number, rule))
    }

    /// The number.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }

    /// The number where the API has only two bytes for it: 0 stands for a 4-byte number, told in `asnLong`.
    #[must_use]
    pub const fn two_byte(self) -> u32 {
        if self.0 > 65_535 { 0 } else { self.0 }
    }
}

impl fmt::Display for Asn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// The AS number of a virtual gateway, our side of each session: a private one (RFC 6996).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub struct GatewayAsn(u32);

impl TryFrom<i64> for GatewayAsn {
    type Error = Fault;
    fn try_from(number: i64) -> Result<Self, Fault> {
        Self::parse("amazonSideAsn", number)
    }
}

/// Written as it is read, so that forms which do not tell a number's type can be read back.
impl From<GatewayAsn> for i64 {
    fn from(asn: GatewayAsn) -> Self {
        Self::from(asn.0)
    }
}

impl GatewayAsn {
    /// What a gateway has unless its operator says otherwise.
    pub const DEFAULT: Self = Self(64_512);

    /// Checks a number: 64512 to 65534 or 4200000000 to 4294967294.
    pub fn parse(field: &str, number: i64) -> Result<Self, Fault> {
        match number {
            64_512..=65_534 | 4_200_000_000..=4_294_967_294 => {
                Ok(Self(u32::try_from(number).expect("both ranges fit 32 bits")))
            }
            _ => Err(Fault::field(
                field,
                number,
                "must be a private AS number: 64512 to 65534 or 4200000000 to 4294967294 (RFC 6996)",
            )),
        }
    }

    /// The number.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }
}

impl fmt::Display for GatewayAsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}
