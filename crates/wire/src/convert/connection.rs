//! Connections. As in answers of the real service, members without a meaning are absent (no `lagId`, no device before a
//! port is assigned), and tags are a list even where there are none.

use linkway_domain::connection::decide::{CreateConnection, DeleteConnection};
use linkway_domain::connection::{Connection, ConnectionUsage};
use linkway_domain::tag::Tags;
use linkway_domain::virtual_interface::options::Pool;

use super::{View, tag_pairs, tags};
use crate::generated as wire;
use crate::generated::{CreateConnectionRequest, DeleteConnectionRequest};

/// A connection, of which `usage` is in use; `rate_limiters`: how many of its interfaces may have a rate limit.
///
/// What `rateLimiterStatus.totalBandwidth` is the total of is documented nowhere, so it is absent.
#[must_use]
pub fn connection(
    record: &Connection,
    usage: ConnectionUsage,
    rate_limiters: u32,
    view: View<'_>,
) -> wire::Connection {
    let size = record.bandwidth.prefix_pool();
    let free = |pool: Pool| Some(i64::from(size.saturating_sub(pool.allocated())));
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
        prefix_pool_size_ipv4: Some(size.into()),
        prefix_pool_size_ipv6: Some(size.into()),
        prefix_pool_unallocated_count_ipv4: free(usage.ipv4),
        prefix_pool_unallocated_count_ipv6: free(usage.ipv6),
        rate_limiter_status: Some(wire::RateLimiterStatus {
            in_use: Some(usage.rate_limiters.into()),
            max_allowed: Some(rate_limiters.into()),
            remaining: Some(rate_limiters.saturating_sub(usage.rate_limiters).into()),
            total_bandwidth: None,
        }),
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
