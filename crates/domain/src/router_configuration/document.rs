//! The XML document that the API has of an interface (`customerRouterConfig`), in the form of the AWS CLI's samples
//! (`create-private-virtual-interface`, `create-bgp-peer`): the members of an IPv6 session have the prefix `ipv6_`.

use std::fmt;

use super::{Parameters, Session};
use crate::net::AddressFamily;
use crate::virtual_interface::VirtualInterface;

/// The document; it holds the BGP keys.
pub struct Document<'a>(Parameters<'a>);

impl<'a> Document<'a> {
    /// That of an interface.
    #[must_use]
    pub fn of(interface: &'a VirtualInterface) -> Self {
        Self(Parameters::of(interface))
    }
}

impl fmt::Display for Document<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Parameters { id, vlan, kind, amazon_asn, sessions, .. } = &self.0;
        writeln!(f, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
        writeln!(f, "<logical_connection id=\"{id}\">")?;
        writeln!(f, "  <vlan>{vlan}</vlan>")?;
        for session in sessions {
            write_session(f, session)?;
        }
        writeln!(f, "  <amazon_bgp_asn>{amazon_asn}</amazon_bgp_asn>")?;
        writeln!(f, "  <connection_type>{}</connection_type>", kind.as_str())?;
        writeln!(f, "</logical_connection>")
    }
}

/// The members of a session. Addresses and numbers need no escaping; the key may.
fn write_session(f: &mut fmt::Formatter<'_>, session: &Session<'_>) -> fmt::Result {
    let family = match session.family {
        AddressFamily::Ipv4 => "",
        AddressFamily::Ipv6 => "ipv6_",
    };
    let mut member = |name: &str, value: &dyn fmt::Display| {
        writeln!(f, "  <{family}{name}>{value}</{family}{name}>")
    };
    member("customer_address", &session.local)?;
    member("amazon_address", &session.remote)?;
    member("bgp_asn", &session.local_asn)?;
    member("bgp_auth_key", &Escaped(session.key.reveal()))
}

/// A text within XML.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut plain = 0;
        for (at, byte) in self.0.bytes().enumerate() {
            let escaped = match byte {
                b'<' => "&lt;",
                b'>' => "&gt;",
                b'&' => "&amp;",
                b'"' => "&quot;",
                b'\'' => "&apos;",
                _ => continue,
            };
            f.write_str(&self.0[plain..at])?;
            f.write_str(escaped)?;
            plain = at + 1;
        }
        f.write_str(&self.0[plain..])
    }
}
