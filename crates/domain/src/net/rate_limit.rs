//! Rate limits of virtual interfaces.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::fault::Fault;
use crate::net::Bandwidth;

/// The texts and megabits per second that the API knows (Direct Connect API Reference, `rateLimit`), ascending.
const KNOWN: [(&str, u32); 70] = [
    ("50Mbps", 50),
    ("100Mbps", 100),
    ("200Mbps", 200),
    ("300Mbps", 300),
    ("400Mbps", 400),
    ("500Mbps", 500),
    ("600Mbps", 600),
    ("700Mbps", 700),
    ("800Mbps", 800),
    ("900Mbps", 900),
    ("1Gbps", 1_000),
    ("1.2Gbps", 1_200),
    ("1.5Gbps", 1_500),
    ("1.8Gbps", 1_800),
    ("2Gbps", 2_000),
    ("2.1Gbps", 2_100),
    ("2.4Gbps", 2_400),
    ("2.7Gbps", 2_700),
    ("3Gbps", 3_000),
    ("3.2Gbps", 3_200),
    ("3.6Gbps", 3_600),
    ("4Gbps", 4_000),
    ("5Gbps", 5_000),
    ("6Gbps", 6_000),
    ("7Gbps", 7_000),
    ("8Gbps", 8_000),
    ("9Gbps", 9_000),
    ("10Gbps", 10_000),
    ("12Gbps", 12_000),
    ("15Gbps", 15_000),
    ("18Gbps", 18_000),
    ("20Gbps", 20_000),
    ("21Gbps", 21_000),
    ("24Gbps", 24_000),
    ("27Gbps", 27_000),
    ("30Gbps", 30_000),
    ("32Gbps", 32_000),
    ("36Gbps", 36_000),
    ("40Gbps", 40_000),
    ("50Gbps", 50_000),
    ("60Gbps", 60_000),
    ("70Gbps", 70_000),
    ("80Gbps", 80_000),
    ("100Gbps", 100_000),
    ("120Gbps", 120_000),
    ("150Gbps", 150_000),
    ("180Gbps", 180_000),
    ("200Gbps", 200_000),
    ("210Gbps", 210_000),
    ("240Gbps", 240_000),
    ("270Gbps", 270_000),
    ("300Gbps", 300_000),
    ("320Gbps", 320_000),
    ("360Gbps", 360_000),
    ("400Gbps", 400_000),
    ("450Gbps", 450_000),
    ("480Gbps", 480_000),
    ("500Gbps", 500_000),
    ("540Gbps", 540_000),
    ("600Gbps", 600_000),
    ("700Gbps", 700_000),
    ("800Gbps", 800_000),
    ("900Gbps", 900_000),
    ("1Tbps", 1_000_000),
    ("1.1Tbps", 1_100_000),
    ("1.2Tbps", 1_200_000),
    ("1.3Tbps", 1_300_000),
    ("1.4Tbps", 1_400_000),
    ("1.5Tbps", 1_500_000),
    ("1.6Tbps", 1_600_000),
];

/// A rate limit of an interface, each way: one of the API's 70.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct RateLimit {
    /// In megabits per second.
    megabits: u32,
}

impl RateLimit {
    /// Checks a request's text, on a port of this speed.
    ///
    /// # Errors
    /// A client fault that names the field: none of the API's texts, or more than the port carries.
    pub fn parse(field: &str, text: &str, port: Bandwidth) -> Result<Self, Fault> {
        let Some((_, megabits)) = KNOWN.iter().find(|(known, _)| *known == text) else {
            let rule = "is not a rate limit: it must be one of the API's texts from 50Mbps to 1.6Tbps, as 500Mbps or 1.2Gbps";
            return Err(Fault::field(field, text, rule));
        };
        if *megabits > port.megabits() {
            let rule = format!("is more than the connection carries, {port}");
            return Err(Fault::field(field, text, rule));
        }
        Ok(Self { megabits: *megabits })
    }

    /// In bits per second.
    #[must_use]
    pub fn bits_per_second(self) -> u64 {
        u64::from(self.megabits) * 1_000_000
    }

    /// As the API writes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        let known = KNOWN.iter().find(|(_, megabits)| *megabits == self.megabits);
        known.expect("it was made from one of these").0
    }
}

impl TryFrom<u32> for RateLimit {
    type Error = Fault;

    fn try_from(megabits: u32) -> Result<Self, Fault> {
        let known = KNOWN.iter().any(|(_, known)| *known == megabits);
        known.then_some(Self { megabits }).ok_or_else(|| {
            Fault::field("rateLimit", megabits, "is no number of megabits of a rate limit")
        })
    }
}

impl From<RateLimit> for u32 {
    fn from(limit: RateLimit) -> Self {
        limit.megabits
    }
}

impl fmt::Display for RateLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_known_texts_ascend_and_say_their_megabits() {
        assert!(KNOWN.windows(2).all(|two| two[0].1 < two[1].1));
        for (text, megabits) in KNOWN {
            let limit = RateLimit::try_from(megabits).expect("known");
            assert_eq!((limit.as_str(), u32::from(limit)), (text, megabits));
            let (number, unit) = text.split_at(text.len() - 4);
            let factor = match unit {
                "Mbps" => 1.0,
                "Gbps" => 1e3,
                _ => 1e6,
            };
            let expected = number.parse::<f64>().expect("a number") * factor;
            assert!((expected - f64::from(megabits)).abs() < 0.5, "{text}");
        }
    }

    #[test]
    fn a_limit_is_one_of_the_known_and_fits_the_port() {
        let check = |text: &str, port: Bandwidth, expected: Result<u64, &str>| {
            let found = RateLimit::parse("rateLimit", text, port);
            let found = found.map(RateLimit::bits_per_second).map_err(|fault| fault.to_string());
            match expected {
                Ok(bits) => assert_eq!(found, Ok(bits), "{text}"),
                Err(part) => assert!(found.clone().is_err_and(|e| e.contains(part)), "{found:?}"),
            }
        };
        check("50Mbps", Bandwidth::Gbps1, Ok(50_000_000));
        check("1Gbps", Bandwidth::Gbps1, Ok(1_000_000_000));
        check("1.2Gbps", Bandwidth::Gbps10, Ok(1_200_000_000));
        check("1.2Gbps", Bandwidth::Gbps1, Err("more than the connection carries, 1Gbps"));
        check("1.6Tbps", Bandwidth::Gbps400, Err("more than the connection carries"));
        for text in ["", "51Mbps", "50 Mbps", "50mbps", "1000Mbps", "1,2Gbps"] {
            check(text, Bandwidth::Gbps400, Err("is not a rate limit"));
        }
        assert!(RateLimit::try_from(51).is_err());
    }
}
