//! The MTU of a virtual interface.

use serde::{Deserialize, Serialize};

use crate::fault::Fault;

/// 1500, 8500 or 9001 bytes: the model and the guide disagree about the jumbo size, so both are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub struct Mtu(u16);

impl TryFrom<i64> for Mtu {
    type Error = Fault;
    fn try_from(number: i64) -> Result<Self, Fault> {
        Self::parse("mtu", number, true)
    }
}

/// Written as it is read, so that forms which do not tell a number's type can be read back.
impl From<Mtu> for i64 {
    fn from(mtu: Mtu) -> Self {
        Self::from(mtu.0)
    }
}

impl Mtu {
    /// What an interface has unless its maker says otherwise.
    pub const DEFAULT: Self = Self(1500);

    /// Checks a request's number; above 1500 the connection must be able to carry jumbo frames.
    pub fn parse(field: &str, number: i64, jumbo: bool) -> Result<Self, Fault> {
        match number {
            1500 => Ok(Self(1500)),
            8500 | 9001 if jumbo => Ok(Self(if number == 8500 { 8500 } else { 9001 })),
            8500 | 9001 => Err(Fault::field(
                field,
                number,
                "needs a connection whose jumboFrameCapable is true; this one takes 1500",
            )),
            _ => Err(Fault::field(field, number, "must be 1500, 8500 or 9001")),
        }
    }

    /// The number of bytes.
    #[must_use]
    pub const fn bytes(self) -> u16 {
        self.0
    }
}
