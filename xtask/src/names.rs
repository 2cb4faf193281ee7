//! From the model's names to Rust's.

/// `newBGPPeer` -> `new_bgp_peer`, `awsDeviceV2` -> `aws_device_v2`.
pub fn snake(name: &str) -> String {
    let chars: Vec<char> = name.chars().collect();
    let mut out = String::new();
    for (i, &c) in chars.iter().enumerate() {
        let starts_word = c.is_ascii_uppercase()
            && i > 0
            && (!chars[i - 1].is_ascii_uppercase()
                || chars.get(i + 1).is_some_and(char::is_ascii_lowercase));
        if starts_word {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

/// A member's field: its snake form, raw where Rust has taken the word.
pub fn field(member: &str) -> String {
    match snake(member) {
        word if word == "type" => "r#type".to_owned(),
        word => word,
    }
}

/// A constant for what belongs to a shape: `TagKey` -> `TAG_KEY`.
pub fn constant(shape: &str) -> String {
    snake(shape).to_ascii_uppercase()
}

/// An enum value's variant: `maximum-resiliency` -> `MaximumResiliency`, `application/pdf` ->
/// `ApplicationPdf`.
pub fn variant(value: &str) -> String {
    let words = value.split(|c: char| !c.is_ascii_alphanumeric());
    words
        .map(|word| word[..1.min(word.len())].to_ascii_uppercase() + word.get(1..).unwrap_or(""))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_snake_case() {
        let cases = [
            ("vlan", "vlan"),
            ("newBGPPeer", "new_bgp_peer"),
            ("requestMACSec", "request_mac_sec"),
            ("secretARN", "secret_arn"),
            ("awsDeviceV2", "aws_device_v2"),
            ("prefixPoolSizeIpv4", "prefix_pool_size_ipv4"),
            ("type", "r#type"),
        ];
        for (member, expected) in cases {
            assert_eq!(field(member), expected);
        }
    }

    #[test]
    fn variants_are_pascal_case() {
        let cases = [
            ("ipv4", "Ipv4"),
            ("PayAsYouGo", "PayAsYouGo"),
            ("maximum-resiliency", "MaximumResiliency"),
            ("application/pdf", "ApplicationPdf"),
            ("nonPartner", "NonPartner"),
        ];
        for (value, expected) in cases {
            assert_eq!(variant(value), expected);
        }
    }
}
