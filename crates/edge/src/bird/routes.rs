//! What `show route … all` says, read into routes (BIRD 2.0, `rt_show_rte`, `ea_show`). Pure, and bounded: no more routes and attributes than a finding may
//! have.

use std::str::FromStr;

use ipnet::IpNet;
use linkway_domain::Time;
use linkway_domain::edge::{
    AsPathSegment, BgpRoute, Community, MOST_ATTRIBUTES, MOST_ROUTES, RouteDirection, SegmentKind,
};

/// Reads the lines of an answer, without their codes; whether there were more routes than are read. Of a prefix the first route
/// counts.
///
/// ```text
/// Table table4_1001:
/// 192.168.1.0/24       unicast [dxvif_f0000001 1796070116] * (100) [AS65001i]
///         via 169.254.0.2 on dxvif-f0000001
///         Type: BGP univ
///         BGP.as_path: 65000 {65001 65002}
///         BGP.community: (7224,7100)
/// ```
#[must_use]
pub fn routes<'a>(
    lines: impl IntoIterator<Item = &'a str>,
    direction: RouteDirection,
) -> (Vec<BgpRoute>, bool) {
    let mut found: Vec<BgpRoute> = Vec::new();
    let (mut attribute, mut skipping) = (Attribute::Other, false);
    for line in lines {
        if !line.starts_with(['\t', ' ']) {
            let Some(route) = head(line, direction) else { continue };
            skipping = found.last().is_some_and(|last| last.prefix == route.prefix);
            if found.len() == MOST_ROUTES && !skipping {
                return (found, true);
            }
            if !skipping {
                found.push(route);
            }
            attribute = Attribute::Other;
            continue;
        }
        // Another way to the same prefix has no prefix before it.
        if line.starts_with(' ') && line.contains(" [") {
            skipping = true;
        }
        let Some(route) = found.last_mut().filter(|_| !skipping) else { continue };
        let text = line.trim();
        // A long list goes on with deeper indentation.
        let value = if line.starts_with("\t\t") {
            text
        } else {
            let (name, value) = text.split_once(':').unwrap_or((text, ""));
            attribute = Attribute::of(name);
            value
        };
        match attribute {
            Attribute::AsPath => as_path(&mut route.as_path, value),
            Attribute::Communities => communities(&mut route.communities, value),
            Attribute::Other => {}
        }
    }
    for route in &mut found {
        route.communities.sort_unstable();
    }
    (found, false)
}

/// The attribute that a line is about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Attribute {
    AsPath,
    Communities,
    Other,
}

impl Attribute {
    fn of(name: &str) -> Self {
        match name {
            "BGP.as_path" => Self::AsPath,
            "BGP.community" | "BGP.large_community" => Self::Communities,
            _ => Self::Other,
        }
    }
}

fn head(line: &str, direction: RouteDirection) -> Option<BgpRoute> {
    let (prefix, rest) = line.split_once(' ')?;
    let prefix: IpNet = prefix.parse().ok()?;
    let (_, source) = rest.split_once('[')?;
    let since = source.split([' ', ']']).nth(1).and_then(|since| since.parse::<u64>().ok());
    Some(BgpRoute {
        direction,
        prefix,
        as_path: Vec::new(),
        communities: Vec::new(),
        installed_at: since.map(|seconds| Time::from_millis(seconds.saturating_mul(1000))),
    })
}

/// `65000 65001 {65002 65003} 65004`; a path that is too long for BIRD's line ends with dots, and confederations are in
/// parentheses.
fn as_path(path: &mut Vec<AsPathSegment>, text: &str) {
    let spaced = text.replace('{', " { ").replace('}', " } ");
    let mut kind = SegmentKind::Seq;
    let mut count: usize = path.iter().map(|segment| segment.path.len()).sum();
    let mut begins = true;
    for word in spaced.split_whitespace() {
        match word {
            "{" => (kind, begins) = (SegmentKind::Set, true),
            "}" => (kind, begins) = (SegmentKind::Seq, true),
            number => {
                let Ok(number) = number.parse::<u32>() else { continue };
                if count == MOST_ATTRIBUTES {
                    return;
                }
                count += 1;
                match path.last_mut().filter(|last| !begins && last.kind == kind) {
                    Some(last) => last.path.push(number),
                    None => path.push(AsPathSegment { kind, path: vec![number] }),
                }
                begins = false;
            }
        }
    }
}

/// `(7224,7100) (65000,1)`, `(65000, 1, 2)`.
fn communities(all: &mut Vec<Community>, text: &str) {
    for group in text.split('(').skip(1) {
        let Some((numbers, _)) = group.split_once(')') else { continue };
        let joined: Vec<&str> = numbers.split(',').map(str::trim).collect();
        if let Ok(community) = Community::from_str(&joined.join(":"))
            && all.len() < MOST_ATTRIBUTES
        {
            all.push(community);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An answer of BIRD 2.0.12.
    const ANSWER: &str = "Table table4_1001:
192.168.1.0/24       unicast [dxvif_f0000001 1796070116] * (100) [AS65001i]
\tvia 169.254.0.2 on dxvif-f0000001
\tType: BGP univ
\tBGP.origin: IGP
\tBGP.as_path: 65000 {65001 65002} 65003
\tBGP.next_hop: 169.254.0.2
\tBGP.local_pref: 100
\tBGP.community: (7224,7100) (65000,1)
\t\t(65000,2)
\tBGP.large_community: (65000, 1, 2) (4200000000, 3, 4)
192.168.2.0/24       unicast [dxvif_f0000001 1796070117 from 169.254.0.2] (100) [AS65000i]
\tvia 169.254.0.2 on dxvif-f0000001
                     unicast [dxvif_f0000004 1796070118] (100) [AS65009i]
\tBGP.as_path: 65009
2001:db8::/48        unreachable [vgw_00000001_vpc6 1796070115] * (200)
\tType: static univ
";

    #[test]
    fn routes_are_read_with_path_communities_and_time() {
        let (routes, more) = routes(ANSWER.lines(), RouteDirection::Accepted);
        assert!(!more);
        let prefixes: Vec<String> = routes.iter().map(|route| route.prefix.to_string()).collect();
        assert_eq!(prefixes, ["192.168.1.0/24", "192.168.2.0/24", "2001:db8::/48"]);
        let first = &routes[0];
        let segments: Vec<_> =
            first.as_path.iter().map(|segment| (segment.kind, segment.path.clone())).collect();
        use SegmentKind::{Seq, Set};
        assert_eq!(
            segments,
            [(Seq, vec![65_000]), (Set, vec![65_001, 65_002]), (Seq, vec![65_003])]
        );
        let communities: Vec<String> = first.communities.iter().map(ToString::to_string).collect();
        assert_eq!(communities, ["7224:7100", "65000:1", "65000:2", "65000:1:2", "4200000000:3:4"]);
        assert_eq!(first.installed_at, Some(Time::from_millis(1_796_070_116_000)));
        assert_eq!(routes[1].installed_at, Some(Time::from_millis(1_796_070_117_000)));
        assert!(
            routes[1].as_path.is_empty(),
            "another session's way to the same prefix is none of it"
        );
        assert!(routes[2].as_path.is_empty());
    }

    #[test]
    fn whatever_is_answered_is_bounded() {
        let line = |n: u32| {
            let prefix = std::net::Ipv4Addr::from(n << 8);
            format!("{prefix}/24 unicast [x 1] * (100)\n\tBGP.as_path: {}\n", "65000 ".repeat(2000))
        };
        let text: String = (0..4001).map(line).collect();
        let (found, more) = routes(text.lines(), RouteDirection::Accepted);
        assert!(more && found.len() == MOST_ROUTES);
        assert_eq!(found[0].as_path[0].path.len(), MOST_ATTRIBUTES);
        for text in [
            "",
            "x",
            "10.0.0.0/8",
            "10.0.0.0/8 [",
            "\tBGP.as_path: 1",
            "\t\t(1,2)",
            " [",
            "10.0.0.0/8 x [a b]\n\tBGP.community: (1,",
        ] {
            let _ = routes(text.lines(), RouteDirection::Accepted);
        }
    }
}
