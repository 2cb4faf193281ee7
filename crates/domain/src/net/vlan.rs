//! VLAN identifiers.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::fault::Fault;

/// A VLAN identifier of a tagged frame: 1 to 4094 (IEEE 802.1Q, 9.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub struct Vlan(u16);

impl TryFrom<i64> for Vlan {
    type Error = Fault;
    fn try_from(number: i64) -> Result<Self, Fault> {
        Self::parse("vlan", number)
    }
}

/// Written as it is read, so that forms which do not tell a number's type can be read back.
impl From<Vlan> for i64 {
    fn from(vlan: Vlan) -> Self {
        Self::from(vlan.0)
    }
}

impl Vlan {
    /// Checks a request's number; `field` is the member's path.
    pub fn parse(field: &str, number: i64) -> Result<Self, Fault> {
        let rule = match number {
            1..=4094 => return Ok(Self(u16::try_from(number).expect("1 to 4094 fit 16 bits"))),
            0 => {
                "must be from 1 to 4094: 0 marks a frame that carries only a priority (IEEE 802.1Q)"
            }
            4095 => "must be from 1 to 4094: 4095 is reserved (IEEE 802.1Q)",
            4096 => {
                "must be from 1 to 4094: a VLAN identifier has 12 bits, so 4096 does not exist (IEEE 802.1Q)"
            }
            _ => "must be from 1 to 4094 (IEEE 802.1Q)",
        };
        Err(Fault::field(field, number, rule))
    }

    /// The number.
    #[must_use]
    pub const fn number(self) -> u16 {
        self.0
    }
}

impl fmt::Display for Vlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}
