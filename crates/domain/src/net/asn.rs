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
        Self::within("asn", number, Self::MOST)
    }
}

/// Written as it is read, so that forms which do not tell a number's type can be read back.
impl From<Asn> for i64 {
    fn from(asn: Asn) -> Self {
        Self::from(asn.0)
    }
}

impl Asn {
    /// The greatest number that the API's member `asn` takes and gives (`NewPrivateVirtualInterface` and
    /// `VirtualInterface` in the Direct Connect API Reference); greater ones are in `asnLong` alone.
    pub const MOST_IN_ASN: u32 = 2_147_483_646;
    /// The greatest number that `asnLong` takes and gives: the one above it is reserved (RFC 7300).
    pub const MOST: u32 = 4_294_967_294;
    /// AWS's, towards customers of its public network (Direct Connect user guide, "Routing policies and BGP communities").
    pub const AMAZON: Self = Self(7224);

    /// Checks a request's `asn` and `asnLong`; when both are given `asnLong` counts and `asn` is not looked at.
    /// `parent` is the path of the structure that holds them, as in `newPrivateVirtualInterface`; empty for the request itself.
    ///
    /// # Errors
    ///
    /// A client fault that names the member: neither is given, `asn` is above [`Self::MOST_IN_ASN`], or the number is
    /// not from 1 to 4294967294 or is reserved.
    pub fn parse(parent: &str, asn: Option<i64>, asn_long: Option<i64>) -> Result<Self, Fault> {
        let path = |member: &str| match parent {
            "" => member.to_owned(),
            parent => format!("{parent}.{member}"),
        };
        match (asn_long, asn) {
            (Some(number), _) => Self::within(&path("asnLong"), number, Self::MOST),
            (None, Some(number)) => Self::within(&path("asn"), number, Self::MOST_IN_ASN),
            (None, None) => Err(Fault::client(format!(
                "{} is required: give asn, from 1 to {}, or asnLong, from 1 to {}.",
                path("asn"),
                Self::MOST_IN_ASN,
                Self::MOST
            ))),
        }
    }

    /// Checks a number that must be from 1 to `most`; `field` is the member's path.
    pub(crate) fn within(field: &str, number: i64, most: u32) -> Result<Self, Fault> {
        let rule = match u32::try_from(number) {
            Ok(23_456) => {
                "must not be AS_TRANS, which stands for a 4-byte number (RFC 6793)".to_owned()
            }
            Ok(65_535 | 4_294_967_295) => {
                format!("must be from 1 to {most} and is reserved (RFC 7300)")
            }
            Ok(asn) if (1..=most).contains(&asn) => return Ok(Self(asn)),
            Ok(asn) if (1..=Self::MOST).contains(&asn) => {
                format!("must be from 1 to {most}: give a greater number in asnLong")
            }
            Ok(_) | Err(_) => format!("must be from 1 to {most}"),
        };
        Err(Fault::field(field, number, rule))
    }

    /// The number, as the API's member `asnLong` gives it.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }

    /// The number as the API's member `asn` gives it: 0 if it is above [`Self::MOST_IN_ASN`].
    #[must_use]
    pub const fn in_asn(self) -> u32 {
        if self.0 > Self::MOST_IN_ASN { 0 } else { self.0 }
    }
}

impl fmt::Display for Asn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Our AS number in a session: of a gateway a private one (RFC 6996), of the public network the operator's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub struct GatewayAsn(u32);

impl TryFrom<i64> for GatewayAsn {
    type Error = Fault;
    fn try_from(number: i64) -> Result<Self, Fault> {
        Asn::within("amazonSideAsn", number, Asn::MOST).map(Self::from)
    }
}

/// The operator's AS number, towards customers of the public network.
impl From<Asn> for GatewayAsn {
    fn from(asn: Asn) -> Self {
        Self(asn.0)
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
    /// What the public network has unless its operator says otherwise.
    pub const PUBLIC: Self = Self(Asn::AMAZON.0);

    /// Checks a gateway's number: 64512 to 65534 or 4200000000 to 4294967294.
    ///
    /// # Errors
    ///
    /// A client fault that names `field`.
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
