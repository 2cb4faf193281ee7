//! Inquiries: what a router is asked now. They travel with the answer to the edge's question for its configuration, and the
//! router's findings come back in its next report. They are no part of the configuration: nothing stores them, and they change no
//! generation.

use std::fmt;
use std::str::FromStr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::observations::Observations;
use crate::fault::Fault;
use crate::id::VirtualInterfaceId;
use crate::net::AddressFamily;
use crate::time::Time;
use crate::virtual_interface::bounded_text;

/// The most routes of a finding: twice the largest prefix limit, for what is accepted, and as many for what is advertised.
pub const MOST_ROUTES: usize = 4000;
/// The most AS numbers and the most communities of a route: more than fits into an UPDATE with the rest.
pub const MOST_ATTRIBUTES: usize = 1000;
/// The most AS numbers and communities of all routes of a finding: some megabytes as JSON. What is over it is left out.
const MOST_ATTRIBUTES_IN_ALL: usize = 100_000;

/// A question to a router.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Inquiry {
    /// The number that the finding names.
    pub number: u64,
    /// What is asked.
    pub question: Question,
}

/// What a router is asked.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum Question {
    /// Which routes an interface's sessions exchange.
    #[serde(rename_all = "camelCase")]
    Routes {
        /// The interface.
        virtual_interface_id: VirtualInterfaceId,
    },
    /// What there is to see of an interface, looking at it and pinging the customer's router for some seconds.
    #[serde(rename_all = "camelCase")]
    Observe {
        /// The interface.
        virtual_interface_id: VirtualInterfaceId,
    },
    /// One that this build does not know.
    #[serde(other)]
    Unknown,
}

/// What a router says to an inquiry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InquiryAnswer {
    /// The inquiry's number.
    pub number: u64,
    /// What was found.
    pub finding: Finding,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum Finding {
    /// To [`Question::Routes`].
    Routes(RouteTable),
    /// To [`Question::Observe`].
    Observations(Box<Observations>),
    /// Why nothing was found, in the router's words.
    Failed {
        /// The words.
        reason: String,
    },
}

impl Finding {
    /// With texts and lists of bounded length.
    #[must_use]
    pub fn bounded(self) -> Self {
        match self {
            Self::Routes(table) => Self::Routes(table.bounded()),
            Self::Observations(seen) => Self::Observations(Box::new(seen.bounded())),
            Self::Failed { reason } => Self::Failed { reason: bounded_text(&reason) },
        }
    }
}

/// The routes that an interface's sessions exchange.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RouteTable {
    /// The routes, in the order of direction, family and prefix.
    pub routes: Vec<BgpRoute>,
    /// Whether there were more than are listed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub truncated: bool,
}

impl RouteTable {
    /// In order, and with as much as a finding may have.
    #[must_use]
    pub fn bounded(mut self) -> Self {
        self.routes.sort_by_key(BgpRoute::place);
        self.truncated |= self.routes.len() > MOST_ROUTES;
        self.routes.truncate(MOST_ROUTES);
        let mut left = MOST_ATTRIBUTES_IN_ALL;
        for route in &mut self.routes {
            let mut most = left.min(MOST_ATTRIBUTES);
            for segment in &mut route.as_path {
                segment.path.truncate(most);
                most -= segment.path.len();
            }
            route.as_path.retain(|segment| !segment.path.is_empty());
            let path: usize = route.as_path.iter().map(|segment| segment.path.len()).sum();
            route.communities.truncate(left.min(MOST_ATTRIBUTES).saturating_sub(path));
            left -= path + route.communities.len();
        }
        self
    }
}

/// Which way a route goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RouteDirection {
    /// The customer's router announces it, and it was let in.
    Accepted,
    /// It is announced to the customer's router.
    Advertised,
}

/// A route of a session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BgpRoute {
    /// Which way it goes.
    pub direction: RouteDirection,
    /// Its prefix.
    pub prefix: IpNet,
    /// `AS_PATH` as the receiver has it (RFC 4271, section 5.1.2).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub as_path: Vec<AsPathSegment>,
    /// The communities, standard ones first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub communities: Vec<Community>,
    /// Since when it is there as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub installed_at: Option<Time>,
}

impl BgpRoute {
    /// The family of its prefix.
    #[must_use]
    pub fn family(&self) -> AddressFamily {
        AddressFamily::of(self.prefix.addr())
    }

    /// Its place in a list: each session has one route of a prefix and direction.
    #[must_use]
    pub fn place(&self) -> (RouteDirection, AddressFamily, IpNet) {
        (self.direction, self.family(), self.prefix)
    }
}

/// A segment of `AS_PATH`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AsPathSegment {
    /// Whether the order means something.
    pub kind: SegmentKind,
    /// The AS numbers.
    pub path: Vec<u32>,
}

/// The kind of a segment of `AS_PATH`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SegmentKind {
    /// `AS_SEQUENCE`.
    Seq,
    /// `AS_SET`.
    Set,
}

/// A community: standard (RFC 1997) or large (RFC 8092).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Community {
    /// `asn:value`.
    Standard(u16, u16),
    /// `asn:value:value`.
    Large(u32, u32, u32),
}

impl Community {
    /// As an operator writes it: the well-known ones by number too.
    ///
    /// # Errors
    /// When it is not `65535:0` or `4200000000:1:2`.
    pub fn parse(field: &str, text: &str) -> Result<Self, Fault> {
        text.parse().map_err(|BadCommunity| {
            Fault::field(field, text, "must be a community such as 7224:7100 or 64512:1:2")
        })
    }
}

/// Not a community.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a community")]
pub struct BadCommunity;

impl FromStr for Community {
    type Err = BadCommunity;

    fn from_str(text: &str) -> Result<Self, BadCommunity> {
        fn number<T: FromStr>(text: &str) -> Result<T, BadCommunity> {
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            digits.then_some(text).and_then(|text| text.parse().ok()).ok_or(BadCommunity)
        }
        let parts: Vec<&str> = text.split(':').collect();
        match parts.as_slice() {
            [asn, value] => Ok(Self::Standard(number(asn)?, number(value)?)),
            [asn, one, two] => Ok(Self::Large(number(asn)?, number(one)?, number(two)?)),
            _ => Err(BadCommunity),
        }
    }
}

impl TryFrom<String> for Community {
    type Error = BadCommunity;

    fn try_from(text: String) -> Result<Self, BadCommunity> {
        text.parse()
    }
}

impl From<Community> for String {
    fn from(community: Community) -> Self {
        community.to_string()
    }
}

impl fmt::Display for Community {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Standard(asn, value) => write!(f, "{asn}:{value}"),
            Self::Large(asn, one, two) => write!(f, "{asn}:{one}:{two}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_community_has_two_numbers_or_three() {
        for text in ["7224:7100", "65535:0", "0:0", "4200000000:1:2"] {
            let community: Community = text.parse().expect(text);
            assert_eq!(community.to_string(), text);
        }
        for text in [
            "",
            "7224",
            "7224:",
            ":1",
            "65536:1",
            "1:65536",
            "1:2:3:4",
            "a:b",
            "-1:2",
            "+1:2",
            "1:4294967296:2",
        ] {
            assert!(text.parse::<Community>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_finding_is_ordered_and_bounded() {
        let route = |n: u32, direction| BgpRoute {
            direction,
            prefix: IpNet::new(std::net::Ipv4Addr::from(n << 8).into(), 24).expect("a prefix"),
            as_path: vec![
                AsPathSegment { kind: SegmentKind::Seq, path: vec![65_000; 900] },
                AsPathSegment { kind: SegmentKind::Set, path: vec![65_001; 900] },
            ],
            communities: vec![Community::Standard(1, 2); 900],
            installed_at: None,
        };
        let mut routes = vec![route(1, RouteDirection::Advertised)];
        routes.extend((0..5000).rev().map(|n| route(n, RouteDirection::Accepted)));
        let bounded = RouteTable { routes, truncated: false }.bounded();
        assert!(bounded.truncated);
        assert_eq!(bounded.routes.len(), MOST_ROUTES);
        assert!(bounded.routes.is_sorted_by_key(BgpRoute::place));
        let first = &bounded.routes[0];
        assert_eq!(first.as_path[1].path.len(), 100);
        assert!(first.communities.is_empty());
        let all: usize = bounded
            .routes
            .iter()
            .map(|r| r.communities.len() + r.as_path.iter().map(|s| s.path.len()).sum::<usize>())
            .sum();
        assert!(all <= MOST_ATTRIBUTES_IN_ALL, "{all}");
    }

    #[test]
    fn a_question_of_a_later_build_is_known_as_such() {
        let read = |text: &str| serde_json::from_str::<Inquiry>(text).expect("an inquiry");
        let known = read(
            r#"{"number":1,"question":{"kind":"routes","virtualInterfaceId":"dxvif-ffaabbcc"}}"#,
        );
        assert!(matches!(known.question, Question::Routes { .. }));
        assert_eq!(
            read(r#"{"number":2,"question":{"kind":"later","x":1}}"#).question,
            Question::Unknown
        );
    }
}
