//! Resources as the model's structures. As in answers of the real service, members without a meaning are absent (no
//! `lagId`, no device before a port is assigned), and tags are a list even where there are none.

use linkway_domain::connection::Connection;
use linkway_domain::gateway::Gateway;
use linkway_domain::id::AccountId;
use linkway_domain::location::Location;
use linkway_domain::time::Time;

use crate::generated as wire;

/// What an answer depends on besides the record.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// The region's name.
    pub region: &'a str,
    /// The moment.
    pub now: Time,
    /// Who reads; nobody in particular for the operator's lists, which show no tags.
    pub reader: Option<&'a AccountId>,
    /// Whether the resource's edge has been silent for too long.
    pub edge_silent: bool,
}

/// Tags, in the given order; an empty list where there are none.
#[must_use]
pub fn tags<'a>(tags: impl Iterator<Item = (&'a str, Option<&'a str>)>) -> Vec<wire::Tag> {
    tags.map(|(key, value)| wire::Tag {
        key: Some(key.to_owned()),
        value: value.map(str::to_owned),
    })
    .collect()
}

/// A connection.
#[must_use]
pub fn connection(record: &Connection, view: View<'_>) -> wire::Connection {
    let edge = record.port.as_ref().map(|port| port.edge.to_string());
    wire::Connection {
        aws_device: edge.clone(),
        aws_device_v2: edge.clone(),
        aws_logical_device_id: edge,
        bandwidth: Some(record.bandwidth.as_str().to_owned()),
        connection_id: Some(record.id.to_string()),
        connection_name: Some(record.name.clone()),
        connection_state: Some(record.state(view.edge_silent).as_str().into()),
        has_logical_redundancy: Some(wire::HasLogicalRedundancy::No),
        jumbo_frame_capable: record.port.as_ref().map(|port| port.jumbo),
        location: Some(record.location.to_string()),
        mac_sec_capable: Some(false),
        owner_account: Some(record.owner.to_string()),
        provider_name: record.provider_name.clone(),
        region: Some(view.region.to_owned()),
        tags: view
            .reader
            .map(|reader| tags(record.tags.iter().filter(|_| *reader == record.owner))),
        ..wire::Connection::default()
    }
}

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

/// A virtual gateway; a deleted one leaves no record, so what is there is available.
#[must_use]
pub fn virtual_gateway(record: &Gateway) -> wire::VirtualGateway {
    wire::VirtualGateway {
        virtual_gateway_id: Some(record.id.to_string()),
        virtual_gateway_state: Some("available".to_owned()),
    }
}
