//! Associations of gateways with Direct Connect gateways, and their states by what the edges have.

use std::collections::HashMap;
use std::sync::atomic::Ordering;

use linkway_domain::dx_gateway::DirectConnectGateway;
use linkway_domain::edge::EdgeSeen;
use linkway_domain::gateway_association::decide::{
    CreateAssociation, DeleteAssociation, UpdateAssociation,
};
use linkway_domain::gateway_association::{Association, State};
use linkway_domain::id::DirectConnectGatewayId;
use linkway_domain::index::Index;
use linkway_domain::key;
use linkway_domain::record::Record;
use linkway_domain::transit_gateway::TransitGateway;
use linkway_domain::virtual_gateway::Gateway;
use linkway_wire::{convert, generated as wire};

use super::page::{Asked, element_bytes};
use super::{Answered, Api, Call};
use crate::clock;
use crate::records::Failure;

/// How many interfaces of a Direct Connect gateway are looked at: more than its quota may be.
const MOST_INTERFACES: usize = 100;

impl Api {
    pub(super) async fn create_direct_connect_gateway_association(
        &self,
        call: &Call,
        request: wire::CreateDirectConnectGatewayAssociationRequest,
    ) -> Answered<wire::CreateDirectConnectGatewayAssociationResult> {
        let made = self.run(call, &CreateAssociation::from(request)).await?;
        let direct_connect_gateway_association = Some(self.show_association(made).await?);
        Ok(wire::CreateDirectConnectGatewayAssociationResult { direct_connect_gateway_association })
    }

    pub(super) async fn update_direct_connect_gateway_association(
        &self,
        call: &Call,
        request: wire::UpdateDirectConnectGatewayAssociationRequest,
    ) -> Answered<wire::UpdateDirectConnectGatewayAssociationResult> {
        let changed = self.run(call, &UpdateAssociation::from(request)).await?;
        let direct_connect_gateway_association = Some(self.show_association(changed).await?);
        Ok(wire::UpdateDirectConnectGatewayAssociationResult { direct_connect_gateway_association })
    }

    pub(super) async fn delete_direct_connect_gateway_association(
        &self,
        call: &Call,
        request: wire::DeleteDirectConnectGatewayAssociationRequest,
    ) -> Answered<wire::DeleteDirectConnectGatewayAssociationResult> {
        let ended = self.run(call, &DeleteAssociation::from(request)).await?;
        let direct_connect_gateway_association = Some(self.show_association(ended).await?);
        Ok(wire::DeleteDirectConnectGatewayAssociationResult { direct_connect_gateway_association })
    }

    /// Both sides see an association. An id that the caller may not know of has an empty answer.
    pub(super) async fn describe_direct_connect_gateway_associations(
        &self,
        call: &Call,
        request: wire::DescribeDirectConnectGatewayAssociationsRequest,
    ) -> Answered<wire::DescribeDirectConnectGatewayAssociationsResult> {
        let account = call.account()?;
        let now = clock::now();
        let gateway = request.direct_connect_gateway_id.as_deref();
        let associated = [&request.associated_gateway_id, &request.virtual_gateway_id];
        let associated: Vec<&str> = associated.into_iter().flatten().map(String::as_str).collect();
        let wanted = |record: &Association| {
            let of_gateway = gateway.is_none_or(|id| record.gateway.as_str() == id);
            let of_associated = associated.iter().all(|id| record.associated.as_str() == *id);
            let is_seen = record.is_visible_to(account) && !record.is_purged(now);
            of_gateway && of_associated && is_seen
        };
        if let Some(id) = &request.association_id {
            let found = self.find_if_any::<Association>(call, id).await?;
            let found: Vec<_> = found.into_iter().filter(wanted).collect();
            call.showed_nothing.store(found.is_empty(), Ordering::Relaxed);
            return Ok(wire::DescribeDirectConnectGatewayAssociationsResult {
                direct_connect_gateway_associations: Some(self.show_associations(found).await?),
                next_token: None,
            });
        }
        let index = self.index_of_associations(call, gateway, associated.first().copied()).await?;
        let asked = Asked::by_tenant(request.max_results, request.next_token.as_deref())?;
        let mut list = self.tenants_list(call, &index, asked).await?;
        let mut associations = Vec::new();
        while let Some(found) = list.next().await? {
            let shown = self.show_associations(found.into_iter().filter(wanted).collect()).await?;
            list.took(shown.iter().map(bytes).sum());
            associations.extend(shown);
        }
        Ok(wire::DescribeDirectConnectGatewayAssociationsResult {
            direct_connect_gateway_associations: Some(associations),
            next_token: list.next_token(),
        })
    }

    /// The shortest list that has all that the caller sees: of a gateway of its own, or else of all its gateways.
    async fn index_of_associations(
        &self,
        call: &Call,
        gateway: Option<&str>,
        associated: Option<&str>,
    ) -> Answered<Index<Association>> {
        if let Some(id) = gateway
            && let Some(own) = self.find_if_any::<DirectConnectGateway>(call, id).await?
        {
            return Ok(Index::<Association>::of_dx_gateway(&own.id));
        }
        if let Some(id) = associated
            && let Some(own) = self.find_if_any::<Gateway>(call, id).await?
        {
            return Ok(Index::<Association>::of_associated(own.id.as_str()));
        }
        if let Some(id) = associated
            && let Some(own) = self.find_if_any::<TransitGateway>(call, id).await?
        {
            return Ok(Index::<Association>::of_associated(own.id.as_str()));
        }
        Ok(Index::<Association>::of_account(call.account()?))
    }

    pub(super) async fn show_association(
        &self,
        record: Association,
    ) -> Result<wire::DirectConnectGatewayAssociation, Failure> {
        let mut shown = self.show_associations(vec![record]).await?;
        Ok(shown.pop().expect("one for each record"))
    }

    async fn show_associations(
        &self,
        records: Vec<Association>,
    ) -> Result<Vec<wire::DirectConnectGatewayAssociation>, Failure> {
        let region = &self.records.settings().region;
        let epoch = self.feed.epoch().await?.unwrap_or_default();
        let mut heard = HashMap::new();
        let mut shown = Vec::with_capacity(records.len());
        for record in records {
            let (record, state) = self.state_of_association(record, epoch, &mut heard).await?;
            shown.push(convert::association(&record, state, region));
        }
        Ok(shown)
    }

    /// An association as it is now, and its state. The version comes before what the edges have, so that an association is
    /// never shown as programmed which is not.
    async fn state_of_association(
        &self,
        record: Association,
        epoch: u64,
        heard: &mut HashMap<DirectConnectGatewayId, Vec<Option<EdgeSeen>>>,
    ) -> Result<(Association, State), Failure> {
        let found = self.records.versioned(&key::association(&record.id)).await?;
        let (version, record) = match found {
            Some((version, Record::Association(now))) => (version, now),
            Some(_) | None => (u64::MAX, record),
        };
        if !heard.contains_key(&record.gateway) {
            let seen = self.edges_heard(&record.gateway).await?;
            heard.insert(record.gateway.clone(), seen);
        }
        let seen = heard.get(&record.gateway).into_iter().flatten().map(Option::as_ref);
        let state = record.state((epoch, version), seen);
        Ok((record, state))
    }

    /// What was last heard of each edge with a live interface of a Direct Connect gateway.
    async fn edges_heard(
        &self,
        gateway: &DirectConnectGatewayId,
    ) -> Result<Vec<Option<EdgeSeen>>, Failure> {
        let range = key::all_dx_attached(gateway);
        let (attached, _) = self.records.keys(&range, None, MOST_INTERFACES).await?;
        let edges = attached.into_iter().map(key::Key::from_stored);
        let mut edges: Vec<_> = edges.filter_map(|at| key::edge_of_attached(&at)).collect();
        edges.dedup();
        let keys: Vec<_> = edges.iter().map(key::edge_seen).collect();
        let seen = self.records_at(&keys).await?.into_iter().map(|found| match found {
            Some(Record::EdgeSeen(seen)) => Some(seen),
            Some(_) | None => None,
        });
        Ok(seen.collect())
    }
}

/// About what an association takes in an answer, in bytes.
fn bytes(shown: &wire::DirectConnectGatewayAssociation) -> usize {
    let prefixes = shown.allowed_prefixes_to_direct_connect_gateway.as_ref().map_or(0, Vec::len);
    element_bytes(None) + 64 * prefixes
}
