//! Which of an interface's routes are asked for (`ListVirtualInterfaceRoutes`), and in which pages. Pure: the routes come from
//! the router at each call.

use std::hash::Hash;

use ipnet::IpNet;

use crate::access::{self, Action};
use crate::decide::Context;
use crate::edge::{BgpRoute, Community, RouteDirection};
use crate::fault::Fault;
use crate::net::AddressFamily;
use crate::view::{Asked, View};
use crate::virtual_interface::VirtualInterface;

/// The most CIDRs of a filter (API model, `RouteFilterCidrStringList`).
const MOST_CIDRS: usize = 10;
/// The most AS numbers or communities of a filter: the model names no limit.
const MOST: usize = 100;

/// The filters as the caller gave them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FilterTexts {
    /// `accepted` or `advertised`.
    pub direction: Option<String>,
    /// `ipv4` or `ipv6`.
    pub family: Option<String>,
    /// Prefixes.
    pub cidrs: Vec<String>,
    /// AS numbers.
    pub as_path: Vec<i64>,
    /// Communities.
    pub communities: Vec<String>,
}

/// Which routes are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct RouteFilter {
    direction: Option<RouteDirection>,
    family: Option<AddressFamily>,
    cidrs: Vec<IpNet>,
    as_path: Vec<u32>,
    communities: Vec<Community>,
}

impl RouteFilter {
    /// # Errors
    /// When a filter is not what it should be, or has more elements than it may.
    pub fn parse(texts: &FilterTexts) -> Result<Self, Fault> {
        let direction = texts.direction.as_deref().map(direction).transpose()?;
        let family = texts.family.as_deref().map(family).transpose()?;
        at_most("filters.cidrs", texts.cidrs.len(), MOST_CIDRS)?;
        at_most("filters.asPath", texts.as_path.len(), MOST)?;
        at_most("filters.communities", texts.communities.len(), MOST)?;
        Ok(Self {
            direction,
            family,
            cidrs: texts.cidrs.iter().map(|text| cidr(text)).collect::<Result<_, _>>()?,
            as_path: texts.as_path.iter().map(|number| asn(*number)).collect::<Result<_, _>>()?,
            communities: texts
                .communities
                .iter()
                .map(|text| Community::parse("filters.communities", text))
                .collect::<Result<_, _>>()?,
        })
    }

    /// Whether a route is asked for: it is in one of the CIDRs, its AS path has the given AS numbers one after the other, and it has one
    /// of the communities; a filter that is not given lets everything pass.
    #[must_use]
    pub fn matches(&self, route: &BgpRoute) -> bool {
        let path: Vec<u32> =
            route.as_path.iter().flat_map(|segment| segment.path.iter().copied()).collect();
        let has_path = self.as_path.is_empty()
            || path.windows(self.as_path.len()).any(|part| part == self.as_path);
        let in_cidr = |cidr: &IpNet| cidr.contains(&route.prefix);
        self.direction.is_none_or(|direction| direction == route.direction)
            && self.family.is_none_or(|family| family == route.family())
            && (self.cidrs.is_empty() || self.cidrs.iter().any(in_cidr))
            && has_path
            && (self.communities.is_empty()
                || self.communities.iter().any(|one| route.communities.contains(one)))
    }
}

fn at_most(field: &str, given: usize, most: usize) -> Result<(), Fault> {
    if given <= most {
        return Ok(());
    }
    Err(Fault::field(field, given, format!("is more than {most} elements")))
}

fn direction(text: &str) -> Result<RouteDirection, Fault> {
    match text {
        "accepted" => Ok(RouteDirection::Accepted),
        "advertised" => Ok(RouteDirection::Advertised),
        _ => Err(Fault::field("filters.routeDirection", text, "must be accepted or advertised")),
    }
}

fn family(text: &str) -> Result<AddressFamily, Fault> {
    let all = [AddressFamily::Ipv4, AddressFamily::Ipv6];
    let rule = "must be ipv4 or ipv6";
    all.into_iter()
        .find(|family| family.as_str() == text)
        .ok_or_else(|| Fault::field("filters.addressFamily", text, rule))
}

fn cidr(text: &str) -> Result<IpNet, Fault> {
    let rule =
        "must be a prefix such as 10.0.0.0/8 or 2001:db8::/32, without bits beyond its length";
    let parsed = text.parse::<IpNet>().ok().filter(|net| net.trunc() == *net);
    parsed.ok_or_else(|| Fault::field("filters.cidrs", text, rule))
}

fn asn(number: i64) -> Result<u32, Fault> {
    let rule = "must be an AS number from 0 to 4294967295";
    u32::try_from(number).map_err(|_| Fault::field("filters.asPath", number, rule))
}

/// The interface of this id whose routes the caller may see: they are its owner's.
///
/// # Errors
/// What must be loaded first. A fault if there is no such interface, or it is another's.
pub fn find<'v>(view: &'v View, context: &Context<'_>, id: &str) -> Asked<&'v VirtualInterface> {
    access::find(view, context, Action::SeeRoutes, id)
}

/// A page of the routes that are asked for: those after a place, as many as that, and whether there are more.
#[must_use]
pub fn page<'r>(
    routes: &'r [BgpRoute],
    filter: &RouteFilter,
    after: Option<RoutePlace>,
    most: usize,
) -> (Vec<&'r BgpRoute>, Option<RoutePlace>) {
    let mut wanted: Vec<&BgpRoute> = routes
        .iter()
        .filter(|route| filter.matches(route))
        .filter(|route| after.is_none_or(|after| RoutePlace::of(route) > after))
        .collect();
    wanted.sort_by_key(|route| route.place());
    let more = wanted.len() > most;
    wanted.truncate(most);
    let next = wanted.last().filter(|_| more).map(|last| RoutePlace::of(last));
    (wanted, next)
}

/// Where a list of routes goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RoutePlace(RouteDirection, AddressFamily, IpNet);

impl RoutePlace {
    fn of(route: &BgpRoute) -> Self {
        let (direction, family, prefix) = route.place();
        Self(direction, family, prefix)
    }

    /// As a token has it.
    #[must_use]
    pub fn text(&self) -> String {
        let direction = match self.0 {
            RouteDirection::Accepted => 'a',
            RouteDirection::Advertised => 'b',
        };
        format!("{direction}{}", self.2)
    }

    /// From a token; `None` if it is none of ours.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let direction = match text.chars().next()? {
            'a' => RouteDirection::Accepted,
            'b' => RouteDirection::Advertised,
            _ => return None,
        };
        let prefix: IpNet = text.get(1..)?.parse().ok()?;
        Some(Self(direction, AddressFamily::of(prefix.addr()), prefix))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edge::{AsPathSegment, SegmentKind};

    fn route(
        direction: RouteDirection,
        prefix: &str,
        path: &[u32],
        communities: &[&str],
    ) -> BgpRoute {
        BgpRoute {
            direction,
            prefix: prefix.parse().expect("a prefix"),
            as_path: vec![AsPathSegment { kind: SegmentKind::Seq, path: path.to_vec() }],
            communities: communities.iter().map(|one| one.parse().expect("a community")).collect(),
            installed_at: None,
        }
    }

    fn routes() -> Vec<BgpRoute> {
        use RouteDirection::{Accepted, Advertised};
        vec![
            route(Advertised, "10.0.0.0/16", &[64_512], &["7224:8100"]),
            route(Accepted, "2001:db8:1::/48", &[65_000], &[]),
            route(
                Accepted,
                "192.168.1.0/24",
                &[65_000, 65_001, 65_002],
                &["7224:7100", "65000:1:2"],
            ),
            route(Accepted, "192.168.0.0/16", &[65_000, 65_002], &["7224:7300"]),
        ]
    }

    fn found(texts: &FilterTexts) -> Vec<String> {
        let filter = RouteFilter::parse(texts).expect("a filter");
        let routes = routes();
        page(&routes, &filter, None, 100).0.iter().map(|route| route.prefix.to_string()).collect()
    }

    #[test]
    fn each_filter_lets_its_routes_pass() {
        let texts = FilterTexts::default;
        let strings = |all: &[&str]| all.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>();
        let all = ["192.168.0.0/16", "192.168.1.0/24", "2001:db8:1::/48", "10.0.0.0/16"];
        assert_eq!(found(&texts()), all);
        let check = |given: FilterTexts, expected: &[&str]| {
            assert_eq!(found(&given), expected, "{given:?}")
        };
        check(FilterTexts { direction: Some("advertised".into()), ..texts() }, &["10.0.0.0/16"]);
        check(FilterTexts { family: Some("ipv6".into()), ..texts() }, &["2001:db8:1::/48"]);
        check(
            FilterTexts { cidrs: strings(&["192.168.1.0/24", "10.0.0.0/8"]), ..texts() },
            &["192.168.1.0/24", "10.0.0.0/16"],
        );
        check(FilterTexts { cidrs: strings(&["192.168.1.0/25"]), ..texts() }, &[]);
        check(FilterTexts { as_path: vec![65_001, 65_002], ..texts() }, &["192.168.1.0/24"]);
        check(
            FilterTexts { as_path: vec![65_002], ..texts() },
            &["192.168.0.0/16", "192.168.1.0/24"],
        );
        check(
            FilterTexts { communities: strings(&["7224:7300", "65000:1:2"]), ..texts() },
            &["192.168.0.0/16", "192.168.1.0/24"],
        );
        check(FilterTexts { communities: strings(&["7224:9100"]), ..texts() }, &[]);
    }

    #[test]
    fn what_is_no_filter_is_named() {
        let texts = FilterTexts::default;
        let check = |given: FilterTexts, field: &str| {
            let error = RouteFilter::parse(&given).expect_err("refused").to_string();
            assert!(error.starts_with(&format!("filters.{field}")), "{error}");
        };
        check(FilterTexts { direction: Some("up".into()), ..texts() }, "routeDirection");
        check(FilterTexts { family: Some("ipv5".into()), ..texts() }, "addressFamily");
        for bad in ["10.0.0.1/8", "10.0.0.0", "x", "10.0.0.0/33", ""] {
            check(FilterTexts { cidrs: vec![bad.into()], ..texts() }, "cidrs");
        }
        check(FilterTexts { cidrs: vec!["10.0.0.0/8".into(); 11], ..texts() }, "cidrs");
        check(FilterTexts { as_path: vec![-1], ..texts() }, "asPath");
        check(FilterTexts { as_path: vec![1 << 32], ..texts() }, "asPath");
        check(FilterTexts { communities: vec!["7224".into()], ..texts() }, "communities");
    }

    #[test]
    fn pages_have_each_route_once() {
        let (routes, filter) = (routes(), RouteFilter::default());
        for most in 1..=4 {
            let (mut all, mut after, mut pages) = (Vec::new(), None, 0);
            loop {
                let (found, next) = page(&routes, &filter, after, most);
                all.extend(found.iter().map(|route| route.prefix));
                pages += 1;
                after = next.map(|place| RoutePlace::parse(&place.text()).expect("our own"));
                if after.is_none() {
                    break;
                }
            }
            assert_eq!((all.len(), pages), (4, 4_usize.div_ceil(most)));
        }
        for bad in ["", "x", "c10.0.0.0/8", "a10.0.0.0", "é"] {
            assert_eq!(RoutePlace::parse(bad), None, "{bad}");
        }
    }
}
