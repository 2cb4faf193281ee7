//! Connections. As in answers of the real service, members without a meaning are absent (no `lagId`, no device before a
//! port is assigned), and tags are a list even where there are none.

use linkway_domain::connection::Connection;
use linkway_domain::connection::decide::{CreateConnection, DeleteConnection};
use linkway_domain::tag::Tags;

use super::{View, tag_pairs, tags};
use crate::generated as wire;
use crate::generated::{CreateConnectionRequest, DeleteConnectionRequest};

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
        tags: view.reader.map(|_| tags(view.tags.into_iter().flat_map(Tags::iter))),
        ..wire::Connection::default()
    }
}

impl From<CreateConnectionRequest> for CreateConnection {
    fn from(request: CreateConnectionRequest) -> Self {
        Self {
            location: request.location.unwrap_or_default(),
            bandwidth: request.bandwidth.unwrap_or_default(),
            name: request.connection_name.unwrap_or_default(),
            lag: request.lag_id,
            provider_name: request.provider_name,
            macsec: request.request_mac_sec.unwrap_or_default(),
            billing_mode: request.billing_mode.map(|mode| mode.to_string()),
            tags: tag_pairs(request.tags),
        }
    }
}

impl From<DeleteConnectionRequest> for DeleteConnection {
    fn from(request: DeleteConnectionRequest) -> Self {
        Self(request.connection_id.unwrap_or_default())
    }
}
