//! Locations.

use linkway_domain::location::Location;

use crate::generated as wire;

/// A location.
#[must_use]
pub fn location(record: &Location, region: &str) -> wire::Location {
    wire::Location {
        available_mac_sec_port_speeds: Some(Vec::new()),
        available_port_speeds: Some(
            record.speeds.iter().map(|s| s.port_speed().to_owned()).collect(),
        ),
        available_providers: Some(Vec::new()),
        location_code: Some(record.code.to_string()),
        location_name: Some(record.name.clone()),
        region: Some(region.to_owned()),
        ..wire::Location::default()
    }
}
