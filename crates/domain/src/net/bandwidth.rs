//! Port speeds.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::fault::Fault;

/// The speed of a dedicated port ("Dedicated and hosted connections" in the Direct Connect User Guide).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Bandwidth {
    /// 1 Gbit/s.
    #[serde(rename = "1Gbps")]
    Gbps1,
    /// 10 Gbit/s.
    #[serde(rename = "10Gbps")]
    Gbps10,
    /// 100 Gbit/s.
    #[serde(rename = "100Gbps")]
    Gbps100,
    /// 400 Gbit/s.
    #[serde(rename = "400Gbps")]
    Gbps400,
}

impl Bandwidth {
    /// Every speed.
    pub const ALL: [Self; 4] = [Self::Gbps1, Self::Gbps10, Self::Gbps100, Self::Gbps400];

    /// Checks a request's text.
    pub fn parse(field: &str, text: &str) -> Result<Self, Fault> {
        Self::ALL.into_iter().find(|speed| speed.as_str() == text).ok_or_else(|| {
            Fault::field(field, text, "must be one of 1Gbps, 10Gbps, 100Gbps, 400Gbps")
        })
    }

    /// As connections name it: `10Gbps`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gbps1 => "1Gbps",
            Self::Gbps10 => "10Gbps",
            Self::Gbps100 => "100Gbps",
            Self::Gbps400 => "400Gbps",
        }
    }

    /// In megabits per second.
    #[must_use]
    pub const fn megabits(self) -> u32 {
        match self {
            Self::Gbps1 => 1_000,
            Self::Gbps10 => 10_000,
            Self::Gbps100 => 100_000,
            Self::Gbps400 => 400_000,
        }
    }

    /// How many prefixes of each address family the interfaces of a connection of this speed take together (Direct Connect User
    /// Guide, "Direct Connect quotas").
    #[must_use]
    pub const fn prefix_pool(self) -> u32 {
        match self {
            Self::Gbps1 | Self::Gbps10 => 5_000,
            Self::Gbps100 => 30_000,
            Self::Gbps400 => 50_000,
        }
    }

    /// As locations name it: `10G`.
    #[must_use]
    pub const fn port_speed(self) -> &'static str {
        match self {
            Self::Gbps1 => "1G",
            Self::Gbps10 => "10G",
            Self::Gbps100 => "100G",
            Self::Gbps400 => "400G",
        }
    }
}

impl fmt::Display for Bandwidth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
