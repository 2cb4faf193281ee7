//! The routes of an interface's sessions.

use linkway_domain::Time;
use linkway_domain::edge::{AsPathSegment, BgpRoute, RouteDirection, SegmentKind};
use linkway_domain::virtual_interface::routes::FilterTexts;

use crate::generated as wire;
use crate::value::Timestamp;

/// The filters of a request.
#[must_use]
pub fn filter_texts(filters: wire::RouteFilters) -> FilterTexts {
    FilterTexts {
        direction: filters.route_direction.map(|one| one.as_str().to_owned()),
        family: filters.address_family.map(|one| one.as_str().to_owned()),
        cidrs: filters.cidrs.unwrap_or_default(),
        as_path: filters.as_path.unwrap_or_default(),
        communities: filters.communities.unwrap_or_default(),
    }
}

/// A route, on the edge of this name.
#[must_use]
pub fn route(route: &BgpRoute, edge: &str) -> wire::Route {
    let direction = match route.direction {
        RouteDirection::Accepted => wire::RouteDirection::Accepted,
        RouteDirection::Advertised => wire::RouteDirection::Advertised,
    };
    wire::Route {
        address_family: Some(route.family().as_str().into()),
        as_path: Some(route.as_path.iter().map(segment).collect()),
        aws_logical_device_id: Some(edge.to_owned()),
        cidr: Some(route.prefix.to_string()),
        communities: Some(route.communities.iter().map(ToString::to_string).collect()),
        route_direction: Some(direction),
        route_installed_at: route.installed_at.map(timestamp),
    }
}

fn timestamp(at: Time) -> Timestamp {
    Timestamp::from_millis(i64::try_from(at.millis()).unwrap_or(i64::MAX))
}

fn segment(segment: &AsPathSegment) -> wire::AsPathSegment {
    wire::AsPathSegment {
        path: Some(segment.path.iter().map(|number| i64::from(*number)).collect()),
        path_type: Some(match segment.kind {
            SegmentKind::Seq => wire::AsPathType::Seq,
            SegmentKind::Set => wire::AsPathType::Set,
        }),
    }
}
