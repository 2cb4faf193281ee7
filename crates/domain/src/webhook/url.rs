//! The address of a webhook.

use std::fmt;
use std::net::IpAddr;

use http::Uri;
use serde::{Deserialize, Serialize};

use crate::fault::Fault;

/// The longest address, in bytes.
const LONGEST: usize = 2048;

/// An absolute `https` address, or `http` on this machine. What follows its host may be a secret of the receiver: `Display` and
/// `Debug` leave it out.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WebhookUrl(String);

impl WebhookUrl {
    /// Checks an address.
    ///
    /// # Errors
    ///
    /// A client fault that names the rule.
    pub fn parse(field: &str, text: &str) -> Result<Self, Fault> {
        let unnamed = |rule: &str| Fault::client(format!("{field} {rule}."));
        if text.len() > LONGEST {
            return Err(unnamed("must have at most 2048 characters"));
        }
        let uri: Uri = text.parse().map_err(|_| unnamed("is not an address (RFC 3986)"))?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(unnamed("must begin with https://"));
        };
        if authority.as_str().contains('@') {
            return Err(unnamed("must not hold a user's name or password"));
        }
        let broken = |rule: &str| Fault::field(field, shown(text), rule);
        if text.contains('#') {
            return Err(broken("must not have a fragment"));
        }
        match scheme {
            "https" => {}
            "http" if is_loopback(authority.host()) => {}
            "http" => return Err(broken("must begin with https://, unless it is on this machine")),
            _ => return Err(broken("must begin with https://")),
        }
        Ok(Self(text.to_owned()))
    }

    /// All of it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

fn is_loopback(host: &str) -> bool {
    let literal = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || literal.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// An address without what follows its host.
fn shown(text: &str) -> String {
    let end = text.find("://").map_or(0, |at| at + 3);
    let host = text[end..].find(['/', '?', '#']).map_or(text, |at| &text[..end + at]);
    let rest = &text[host.len()..];
    if matches!(rest, "" | "/") { text.to_owned() } else { format!("{host}/…") }
}

impl fmt::Display for WebhookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&shown(&self.0))
    }
}

impl fmt::Debug for WebhookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_of_https_or_of_this_machine() {
        let good = [
            "https://hooks.example.com/linkway",
            "https://hooks.example.com:8443/a/b?token=abc",
            "https://192.0.2.1/",
            "http://127.0.0.1:9000/events",
            "http://[::1]:9000/",
            "http://localhost/",
        ];
        for text in good {
            assert_eq!(WebhookUrl::parse("url", text).expect(text).reveal(), text);
        }
        let bad = [
            ("", "url is not an address (RFC 3986)."),
            ("hooks.example.com", "url must begin with https://."),
            ("/events", "url must begin with https://."),
            ("ftp://example.com/", "url \"ftp://example.com/\" must begin with https://."),
            (
                "http://example.com/?token=abc",
                "url \"http://example.com/…\" must begin with https://, unless it is on this machine.",
            ),
            (
                "http://127.0.0.1.example.com",
                "url \"http://127.0.0.1.example.com\" must begin with https://, unless it is on this machine.",
            ),
            ("https://me:word@example.com/", "url must not hold a user's name or password."),
            (
                "https://example.com/#part",
                "url \"https://example.com/…\" must not have a fragment.",
            ),
            ("https://exa mple.com/", "url is not an address (RFC 3986)."),
            ("https://example.com/\n", "url is not an address (RFC 3986)."),
        ];
        for (text, expected) in bad {
            let fault = WebhookUrl::parse("url", text).expect_err(text).to_string();
            assert_eq!(fault, expected, "{text}");
        }
        let long = format!("https://example.com/{}", "a".repeat(LONGEST));
        WebhookUrl::parse("url", &long).expect_err("too long");
    }

    #[test]
    fn what_follows_the_host_is_not_shown() {
        let table = [
            ("https://example.com/hook/T0?token=abc", "https://example.com/…"),
            ("https://example.com?token=abc", "https://example.com/…"),
            ("http://[::1]:9000/", "http://[::1]:9000/"),
            ("https://example.com", "https://example.com"),
        ];
        for (text, expected) in table {
            let url = WebhookUrl::parse("url", text).expect("good");
            assert_eq!(url.to_string(), expected);
            assert_eq!(format!("{url:?}"), format!("\"{expected}\""));
        }
    }
}
