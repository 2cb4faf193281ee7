//! The customer's router, configured only from what the API returned.

use std::collections::HashMap;
use std::fmt;

use anyhow::{Context as _, ensure};

use super::topology::CUSTOMER_PREFIX;

/// The content of `customerRouterConfig`. No `Debug`: it holds the key.
pub struct RouterConfig {
    /// The 802.1Q VLAN id.
    pub vlan: u16,
    /// The customer's address with its prefix length.
    pub ours: String,
    /// The edge's.
    pub theirs: String,
    /// The customer's AS number.
    pub our_asn: u32,
    /// The edge's.
    pub their_asn: u32,
    key: String,
}

impl RouterConfig {
    /// Parses the XML of the API's answer.
    ///
    /// # Errors
    ///
    /// An element is missing or is not a number where one is expected.
    pub fn parse(xml: &str) -> anyhow::Result<Self> {
        let members = members(xml);
        let text = |name: &str| {
            let found = members.get(name).with_context(|| format!("{name} is missing"));
            found.cloned().context("customerRouterConfig")
        };
        let number = |name: &str| -> anyhow::Result<u32> {
            let found = text(name)?;
            found.parse().with_context(|| format!("customerRouterConfig: {name} {found:?}"))
        };
        let vlan = number("vlan")?;
        Ok(Self {
            vlan: vlan.try_into().with_context(|| format!("customerRouterConfig: vlan {vlan}"))?,
            ours: text("customer_address")?,
            theirs: text("amazon_address")?,
            our_asn: number("bgp_asn")?,
            their_asn: number("amazon_bgp_asn")?,
            key: text("bgp_auth_key")?,
        })
    }

    /// The `ip` commands for the VLAN's interface.
    pub fn link_lines(&self) -> String {
        let (vlan, ours) = (self.vlan, &self.ours);
        format!(
            "link add link eth0 name eth0.{vlan} type vlan id {vlan}\n\
             address add {ours} dev eth0.{vlan}\n\
             link set eth0.{vlan} up\n"
        )
    }

    /// BIRD's configuration.
    ///
    /// # Errors
    ///
    /// The key has a double quote, which BIRD's configuration cannot express.
    pub fn bird(&self) -> anyhow::Result<String> {
        ensure!(!self.key.contains('"'), "BIRD has no way to write a key with a quotation mark");
        let (our_asn, their_asn, key) = (self.our_asn, self.their_asn, &self.key);
        let (ours, theirs) = (without_length(&self.ours), without_length(&self.theirs));
        // With the default of 120 s between attempts the demo would take minutes.
        Ok(format!(
            "log stderr all;\n\
             router id {ours};\n\
             protocol device {{ }}\n\
             protocol direct {{ ipv4; }}\n\
             protocol kernel {{ ipv4 {{ import none; export where source = RTS_BGP; }}; }}\n\
             filter mine {{ if net = {CUSTOMER_PREFIX} then accept; reject; }}\n\
             protocol bgp dx {{\n\
             \x20 local {ours} as {our_asn};\n\
             \x20 neighbor {theirs} as {their_asn};\n\
             \x20 password \"{key}\";\n\
             \x20 connect delay time 1;\n\
             \x20 connect retry time 2;\n\
             \x20 error wait time 1, 4;\n\
             \x20 ipv4 {{ import all; export filter mine; }};\n\
             }}\n"
        ))
    }
}

impl fmt::Display for RouterConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { vlan, ours, theirs, our_asn, their_asn, key: _ } = self;
        write!(f, "VLAN {vlan}, {ours} AS {our_asn} to {theirs} AS {their_asn}, with the MD5 key")
    }
}

fn without_length(address: &str) -> &str {
    address.split('/').next().unwrap_or(address)
}

/// The elements that hold text, by name.
fn members(xml: &str) -> HashMap<&str, String> {
    xml.lines().filter_map(element).collect()
}

/// Parses `<name>text</name>`; the server writes one element a line.
fn element(line: &str) -> Option<(&str, String)> {
    let (name, rest) = line.trim().strip_prefix('<')?.split_once('>')?;
    let text = rest.strip_suffix('>')?.strip_suffix(name)?.strip_suffix("</")?;
    let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
    Some((name, text.replace("&apos;", "'").replace("&amp;", "&")))
}

#[cfg(test)]
mod tests {
    use super::RouterConfig;

    const XML: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
        <logical_connection id=\"dxvif-1\">\n  <vlan>101</vlan>\n  \
        <customer_address>172.16.0.2/30</customer_address>\n  \
        <amazon_address>172.16.0.1/30</amazon_address>\n  <bgp_asn>65000</bgp_asn>\n  \
        <bgp_auth_key>a&lt;&amp;amp;b</bgp_auth_key>\n  \
        <amazon_bgp_asn>64512</amazon_bgp_asn>\n  \
        <connection_type>private</connection_type>\n</logical_connection>\n";

    #[test]
    fn everything_comes_from_the_document() {
        let config = RouterConfig::parse(XML).unwrap();
        let bird = config.bird().unwrap();
        for line in [
            "local 172.16.0.2 as 65000;",
            "neighbor 172.16.0.1 as 64512;",
            "password \"a<&amp;b\";",
        ] {
            assert!(bird.contains(line), "{line} in {bird}");
        }
        assert!(config.link_lines().contains("type vlan id 101"));
        assert!(!config.to_string().contains("a<"), "the key is not shown");
    }

    #[test]
    fn what_is_missing_is_named() {
        let error = RouterConfig::parse(&XML.replace("vlan>", "lan>")).err().unwrap();
        assert!(format!("{error:#}").contains("vlan is missing"), "{error:#}");
    }
}
