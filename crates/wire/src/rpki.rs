//! The JSON form in which relying parties write validated payloads: `{"roas": [{"asn": "AS64496", "prefix": "192.0.2.0/24",
//! "maxLength": 24, …}, …], …}`. rpki-client writes the AS number as a number, Routinator as a text.

use linkway_domain::rpki::{Vrp, Vrps};
use serde::Deserialize;

#[derive(Deserialize)]
struct File {
    roas: Vec<Roa>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Roa {
    asn: AsNumber,
    prefix: String,
    max_length: u8,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum AsNumber {
    Number(u32),
    Text(String),
}

/// Reads a file.
///
/// # Errors
///
/// What is wrong with it, in words.
pub fn parse(bytes: &[u8]) -> Result<Vrps, String> {
    let file: File = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    file.roas.into_iter().map(payload).collect()
}

fn payload(roa: Roa) -> Result<(u32, Vrp), String> {
    let Roa { asn, prefix, max_length } = roa;
    let asn = match asn {
        AsNumber::Number(number) => number,
        AsNumber::Text(text) => {
            let digits = text.strip_prefix("AS").unwrap_or(&text);
            digits.parse().map_err(|_| format!("asn {text:?} is not an AS number"))?
        }
    };
    let payload = Vrp::parse(&prefix, max_length).map_err(|fault| fault.to_string())?;
    Ok((asn, payload))
}

#[cfg(test)]
mod tests {
    use linkway_domain::net::Prefix;

    use super::*;

    #[test]
    fn both_forms_are_read_and_validated_as_rfc_6811_says() {
        let text = br#"{"metadata": {"generated": 1}, "roas": [
            {"asn": "AS64496", "prefix": "192.0.2.0/24", "maxLength": 25, "ta": "ripe"},
            {"asn": 64497, "prefix": "2001:db8::/32", "maxLength": 48, "expires": 1},
            {"asn": "AS0", "prefix": "198.51.100.0/24", "maxLength": 24}
        ]}"#;
        let payloads = parse(text).expect("a good file");
        let table = [
            (64_496, "192.0.2.0/24", true),
            (64_496, "192.0.2.128/25", true),
            (64_496, "192.0.2.192/26", false),
            (64_496, "192.0.0.0/16", false),
            (64_497, "192.0.2.0/24", false),
            (64_497, "2001:db8:7::/48", true),
            (64_497, "2001:db8:7::/49", false),
            (0, "198.51.100.0/24", false),
        ];
        for (asn, prefix, valid) in table {
            let net = Prefix::parse("prefix", prefix).expect("a prefix");
            assert_eq!(payloads.is_valid(asn, net), valid, "AS {asn} {prefix}");
        }
    }

    #[test]
    fn what_is_no_such_file_is_refused() {
        for text in [
            "",
            "{}",
            r#"{"roas": 1}"#,
            r#"{"roas": [{"asn": "ASX", "prefix": "192.0.2.0/24", "maxLength": 24}]}"#,
            r#"{"roas": [{"asn": 1, "prefix": "192.0.2.0/24", "maxLength": 23}]}"#,
            r#"{"roas": [{"asn": 1, "prefix": "192.0.2.0/24", "maxLength": 33}]}"#,
            r#"{"roas": [{"asn": 1, "prefix": "192.0.2.0/33", "maxLength": 33}]}"#,
        ] {
            assert!(parse(text.as_bytes()).is_err(), "{text}");
        }
    }
}
