//! The tenants' reads. A list is a range of an index under the caller's own account, so what others own is never touched.

use std::collections::HashSet;

use linkway_domain::Fault;
use linkway_domain::connection::Connection;
use linkway_domain::decide::Taggable;
use linkway_domain::id::{AccountId, ConnectionId, VirtualGatewayId, VirtualInterfaceId};
use linkway_domain::key::{self, Key};
use linkway_domain::record::Record;
use linkway_domain::virtual_interface::VirtualInterface;
use linkway_wire::convert;
use linkway_wire::error::WireError;
use linkway_wire::generated as wire;
use linkway_wire::json;

use super::{Answered, Api, Call, page};
use crate::clock;
use crate::records::Failure;

/// How many records are read at a time: what an etcd transaction takes.
const CHUNK: usize = 100;

/// The most ARNs of one DescribeTags.
const MOST_ARNS: usize = 100;

impl Api {
    /// `DescribeConnections`
    pub(super) async fn describe_connections(
        &self,
        call: &Call,
        request: wire::DescribeConnectionsRequest,
    ) -> Answered {
        let account = call.tenant()?;
        let (found, next_token) = match &request.connection_id {
            Some(id) => (vec![self.own_connection(account, id).await?], None),
            None => {
                let range = key::connections_of(account);
                let page = page::parse_tenant(
                    range.as_str(),
                    request.max_results,
                    request.next_token.as_deref(),
                )?;
                let (keys, next) = self.list(&range, &page).await?;
                let ids = keys.iter().filter_map(|key| ConnectionId::parse(last_part(key)).ok());
                let found = self.records_at(ids.map(|id| key::connection(&id)).collect()).await?;
                (found.into_iter().filter_map(connection_record).collect(), next)
            }
        };
        let now = clock::now();
        let mut connections = Vec::with_capacity(found.len());
        for record in
            found.iter().filter(|record| record.owner == *account && !record.is_forgotten(now))
        {
            connections.push(self.show_connection(record, call).await?);
        }
        Ok(json::encode(&wire::Connections { connections: Some(connections), next_token }))
    }

    /// `DescribeVirtualInterfaces`
    pub(super) async fn describe_virtual_interfaces(
        &self,
        call: &Call,
        request: wire::DescribeVirtualInterfacesRequest,
    ) -> Answered {
        let account = call.tenant()?;
        let on = match &request.connection_id {
            Some(id) if id.starts_with("dxlag-") => return Err(Fault::no_lag(id).into()),
            Some(id) => Some(self.own_connection(account, id).await?.id),
            None => None,
        };
        let (found, next_token) = match &request.virtual_interface_id {
            Some(id) => (self.one_interface(id).await?, None),
            None => {
                // What is live first: an interface that ends between two pages is then in the later one.
                let (range, parts) = match &on {
                    None => (key::interfaces_of(account), vec![key::interfaces_of(account)]),
                    Some(on) => (key::all_on(on), vec![key::live_on(on), key::all_ended_on(on)]),
                };
                let page = page::parse_tenant(
                    range.as_str(),
                    request.max_results,
                    request.next_token.as_deref(),
                )?;
                self.interfaces_in(&range, &parts, &page).await?
            }
        };
        let now = clock::now();
        let mut interfaces = Vec::with_capacity(found.len());
        for record in &found {
            let wanted = on.as_ref().is_none_or(|on| record.connection == *on);
            if wanted && record.is_visible_to(account) && !record.is_forgotten(now) {
                interfaces.push(self.show_interface(record, Some(account)).await?);
            }
        }
        Ok(json::encode(&convert::Interfaces { virtual_interfaces: interfaces, next_token }))
    }

    /// `DescribeLocations`
    pub(super) async fn describe_locations(&self, _: wire::DescribeLocationsRequest) -> Answered {
        let region = &self.records.settings().region;
        let mut locations = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let (records, more) =
                self.records.range(&key::all("location"), after.as_deref(), page::MOST).await?;
            after = records.last().map(|(key, _)| key.clone());
            locations.extend(records.into_iter().filter_map(|(_, record)| match record {
                Record::Location(location) => Some(convert::location(&location, region)),
                _ => None,
            }));
            if !more {
                return Ok(json::encode(&wire::Locations { locations: Some(locations) }));
            }
        }
    }

    /// `DescribeVirtualGateways`
    pub(super) async fn describe_virtual_gateways(
        &self,
        call: &Call,
        _: wire::DescribeVirtualGatewaysRequest,
    ) -> Answered {
        let range = key::gateways_of(call.tenant()?);
        let everything = page::Page { after: None, limit: usize::MAX };
        let (keys, _) = self.list(&range, &everything).await?;
        let ids = keys.iter().filter_map(|key| VirtualGatewayId::parse(last_part(key)).ok());
        let records = self.records_at(ids.map(|id| key::gateway(&id)).collect()).await?;
        let gateways = records.iter().filter_map(|record| match record {
            Record::Gateway(gateway) => Some(convert::virtual_gateway(gateway)),
            _ => None,
        });
        Ok(json::encode(&wire::VirtualGateways { virtual_gateways: Some(gateways.collect()) }))
    }

    /// `DescribeTags`
    pub(super) async fn describe_tags(
        &self,
        call: &Call,
        request: wire::DescribeTagsRequest,
    ) -> Answered {
        let account = call.tenant()?;
        let arns = request.resource_arns.unwrap_or_default();
        if arns.len() > MOST_ARNS {
            let text = format!(
                "resourceArns has {} members; at most {MOST_ARNS} are allowed.",
                arns.len()
            );
            return Err(Fault::client(text).into());
        }
        let mut resource_tags = Vec::with_capacity(arns.len());
        for (index, arn) in arns.into_iter().enumerate() {
            let field = format!("resourceArns[{index}]");
            let tags = self.tags_of(account, &field, &arn).await?;
            resource_tags.push(wire::ResourceTag { resource_arn: Some(arn), tags: Some(tags) });
        }
        Ok(json::encode(&wire::DescribeTagsResponse { resource_tags: Some(resource_tags) }))
    }

    async fn tags_of(
        &self,
        account: &AccountId,
        field: &str,
        arn: &str,
    ) -> Result<Vec<wire::Tag>, WireError> {
        match Taggable::parse(field, arn, &self.records.settings().region, account)? {
            Taggable::Connection(id) => {
                let connection = self.own_connection(account, &id).await?;
                Ok(convert::tags(connection.tags.iter()))
            }
            Taggable::VirtualInterface(id) => {
                let now = clock::now();
                let found = self.one_interface(&id).await?;
                let own = found.iter().find(|r| r.is_visible_to(account) && !r.is_forgotten(now));
                let interface = own.ok_or_else(|| Fault::no_interface(&id))?;
                Ok(convert::tags(interface.tags_of(account)))
            }
        }
    }

    /// A connection of this account; another's, a malformed id and a forgotten one are one case.
    async fn own_connection(&self, account: &AccountId, id: &str) -> Result<Connection, WireError> {
        let missing = || Fault::no_connection(id);
        let parsed = ConnectionId::parse(id).map_err(|_| missing())?;
        match self.records.get(&key::connection(&parsed)).await? {
            Some(Record::Connection(found))
                if found.owner == *account && !found.is_forgotten(clock::now()) =>
            {
                Ok(found)
            }
            Some(_) | None => Err(missing().into()),
        }
    }

    async fn one_interface(&self, id: &str) -> Result<Vec<VirtualInterface>, Failure> {
        let Ok(id) = VirtualInterfaceId::parse(id) else { return Ok(Vec::new()) };
        let found = self.records.get(&key::interface(&id)).await?;
        Ok(found.and_then(interface_record).into_iter().collect())
    }

    /// The interfaces that an index names, of an account or of a connection: the parts of its range one after another.
    pub(super) async fn interfaces_in(
        &self,
        range: &Key,
        parts: &[Key],
        page: &page::Page,
    ) -> Result<(Vec<VirtualInterface>, Option<String>), Failure> {
        let is_in =
            |part: &Key| page.after.as_ref().is_some_and(|at| at.starts_with(part.as_str()));
        let first = parts.iter().position(is_in).unwrap_or(0);
        let (mut entries, mut more) = (Vec::new(), false);
        for (nth, part) in parts.iter().enumerate().skip(first) {
            let mut after = page.after.clone().filter(|_| nth == first);
            loop {
                let left = page.limit - entries.len();
                let at_a_time = left.clamp(1, page::MOST);
                let (found, goes_on) =
                    self.records.range(part, after.as_deref(), at_a_time).await?;
                more = goes_on || left == 0 && !found.is_empty();
                after = found.last().map(|(key, _)| key.clone());
                entries.extend(found.into_iter().take(left));
                if !goes_on || entries.len() == page.limit {
                    break;
                }
            }
            if more {
                break;
            }
        }
        let next = entries.last().filter(|_| more).map(|(key, _)| page::token(range.as_str(), key));
        let ids = entries.into_iter().filter_map(|(key, record)| match record {
            Record::Claim(claim) => Some(claim.interface),
            _ => VirtualInterfaceId::parse(last_part(&key)).ok(),
        });
        // One that ends while they are read may be in two parts.
        let mut seen = HashSet::new();
        let ids = ids.filter(|id| seen.insert(id.clone()));
        let found = self.records_at(ids.map(|id| key::interface(&id)).collect()).await?;
        Ok((found.into_iter().filter_map(interface_record).collect(), next))
    }

    /// The keys of a page of an index, and the token of the next page.
    async fn list(
        &self,
        range: &Key,
        page: &page::Page,
    ) -> Result<(Vec<String>, Option<String>), Failure> {
        let (mut keys, mut after) = (Vec::new(), page.after.clone());
        loop {
            let at_a_time = (page.limit - keys.len()).min(page::MOST);
            let (found, more) = self.records.keys(range, after.as_deref(), at_a_time).await?;
            after = found.last().cloned();
            keys.extend(found);
            if !more || keys.len() == page.limit {
                let last = keys.last().filter(|_| more);
                let next = last.map(|last| page::token(range.as_str(), last));
                return Ok((keys, next));
            }
        }
    }

    /// The records at these keys, as far as they are still there.
    pub(super) async fn records_at(&self, keys: Vec<Key>) -> Result<Vec<Record>, Failure> {
        let mut found = Vec::with_capacity(keys.len());
        for chunk in keys.chunks(CHUNK) {
            found.extend(self.records.get_many(chunk).await?.into_iter().flatten());
        }
        Ok(found)
    }
}

fn last_part(key: &str) -> &str {
    key.rsplit('/').next().unwrap_or_default()
}

fn connection_record(record: Record) -> Option<Connection> {
    match record {
        Record::Connection(connection) => Some(connection),
        _ => None,
    }
}

fn interface_record(record: Record) -> Option<VirtualInterface> {
    match record {
        Record::VirtualInterface(interface) => Some(interface),
        _ => None,
    }
}
