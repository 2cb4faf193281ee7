//! Direct Connect gateways: made, renamed, deleted and listed by their owners, with the interfaces that lead to them.

use std::sync::atomic::Ordering;

use linkway_domain::dx_gateway::DirectConnectGateway;
use linkway_domain::dx_gateway::decide::{
    CreateDirectConnectGateway, DeleteDirectConnectGateway, UpdateDirectConnectGateway,
};
use linkway_domain::fault::Fault;
use linkway_domain::id::AccountId;
use linkway_domain::index::Index;
use linkway_domain::key;
use linkway_domain::record::Record;
use linkway_domain::tag::{TaggedResource, Tags};
use linkway_domain::virtual_interface::{Phase, VirtualInterface};
use linkway_wire::{convert, generated as wire};

use super::page::{Asked, element_bytes, tagged_bytes};
use super::{Answered, Api, Call};
use crate::clock;
use crate::records::Failure;

impl Api {
    pub(super) async fn create_direct_connect_gateway(
        &self,
        call: &Call,
        request: wire::CreateDirectConnectGatewayRequest,
    ) -> Answered<wire::CreateDirectConnectGatewayResult> {
        let made = self.run(call, &CreateDirectConnectGateway::from(request)).await?;
        let direct_connect_gateway = Some(self.show_dx_gateway(call, made).await?);
        Ok(wire::CreateDirectConnectGatewayResult { direct_connect_gateway })
    }

    pub(super) async fn update_direct_connect_gateway(
        &self,
        call: &Call,
        request: wire::UpdateDirectConnectGatewayRequest,
    ) -> Answered<wire::UpdateDirectConnectGatewayResponse> {
        let changed = self.run(call, &UpdateDirectConnectGateway::from(request)).await?;
        let direct_connect_gateway = Some(self.show_dx_gateway(call, changed).await?);
        Ok(wire::UpdateDirectConnectGatewayResponse { direct_connect_gateway })
    }

    pub(super) async fn delete_direct_connect_gateway(
        &self,
        call: &Call,
        request: wire::DeleteDirectConnectGatewayRequest,
    ) -> Answered<wire::DeleteDirectConnectGatewayResult> {
        let deleted = self.run(call, &DeleteDirectConnectGateway::from(request)).await?;
        let direct_connect_gateway = Some(self.show_dx_gateway(call, deleted).await?);
        Ok(wire::DeleteDirectConnectGatewayResult { direct_connect_gateway })
    }

    /// A list is an index of the caller's own account. An id that the caller may not know of has an empty answer.
    pub(super) async fn describe_direct_connect_gateways(
        &self,
        call: &Call,
        request: wire::DescribeDirectConnectGatewaysRequest,
    ) -> Answered<wire::DescribeDirectConnectGatewaysResult> {
        let account = call.account()?;
        let now = clock::now();
        let wanted =
            |record: &DirectConnectGateway| record.owner == *account && !record.is_purged(now);
        if let Some(id) = &request.direct_connect_gateway_id {
            let found = self.find_if_any::<DirectConnectGateway>(call, id).await?;
            let found: Vec<_> = found.into_iter().filter(wanted).collect();
            call.showed_nothing.store(found.is_empty(), Ordering::Relaxed);
            let direct_connect_gateways = Some(self.show_dx_gateways(account, found).await?);
            return Ok(wire::DescribeDirectConnectGatewaysResult {
                direct_connect_gateways,
                next_token: None,
            });
        }
        let index = Index::<DirectConnectGateway>::of_account(account);
        let asked = Asked::by_tenant(request.max_results, request.next_token.as_deref())?;
        let mut list = self.tenants_list(call, &index, asked).await?;
        let mut gateways = Vec::new();
        while let Some(found) = list.next().await? {
            let found = found.into_iter().filter(wanted).collect();
            let shown = self.show_dx_gateways(account, found).await?;
            list.took(shown.iter().map(|shown| tagged_bytes(shown.tags.as_deref())).sum());
            gateways.extend(shown);
        }
        Ok(wire::DescribeDirectConnectGatewaysResult {
            direct_connect_gateways: Some(gateways),
            next_token: list.next_token(),
        })
    }

    /// An interface that leads to a Direct Connect gateway has the same owner, who alone sees the two together.
    pub(super) async fn describe_direct_connect_gateway_attachments(
        &self,
        call: &Call,
        request: wire::DescribeDirectConnectGatewayAttachmentsRequest,
    ) -> Answered<wire::DescribeDirectConnectGatewayAttachmentsResult> {
        let account = call.account()?;
        let now = clock::now();
        let gateway = request.direct_connect_gateway_id.as_deref();
        let wanted = |record: &VirtualInterface| {
            let led = record.attachment.as_ref().and_then(|a| a.gateway.direct_connect_gateway());
            let leads_there = led.is_some_and(|led| gateway.is_none_or(|id| led.as_str() == id));
            leads_there && record.owner == *account && !record.is_purged(now)
        };
        if let Some(id) = &request.virtual_interface_id {
            let found = self.find_if_any::<VirtualInterface>(call, id).await?;
            let found: Vec<_> = found.into_iter().filter(wanted).collect();
            call.showed_nothing.store(found.is_empty(), Ordering::Relaxed);
            let attachments = self.show_attachments(found).await?;
            return Ok(attachments_result(attachments, None));
        }
        let index = match gateway {
            None => Index::<VirtualInterface>::of_account(account),
            Some(id) => match self.find_if_any::<DirectConnectGateway>(call, id).await? {
                Some(found) => Index::<VirtualInterface>::of_dx_gateway(&found.id),
                None => {
                    call.showed_nothing.store(true, Ordering::Relaxed);
                    return Ok(attachments_result(Vec::new(), None));
                }
            },
        };
        let asked = Asked::by_tenant(request.max_results, request.next_token.as_deref())?;
        let mut list = self.tenants_list(call, &index, asked).await?;
        let mut attachments = Vec::new();
        while let Some(found) = list.next().await? {
            let shown = self.show_attachments(found.into_iter().filter(wanted).collect()).await?;
            list.took(shown.len() * element_bytes(None));
            attachments.extend(shown);
        }
        let next_token = list.next_token();
        Ok(attachments_result(attachments, next_token))
    }

    async fn show_attachments(
        &self,
        records: Vec<VirtualInterface>,
    ) -> Result<Vec<wire::DirectConnectGatewayAttachment>, Failure> {
        let has_report = |record: &VirtualInterface| record.phase == Phase::Accepted;
        let keys: Vec<_> = records
            .iter()
            .filter(|record| has_report(record))
            .map(|record| key::interface_status(&record.id))
            .collect();
        let mut reports = self.records_at(&keys).await?.into_iter();
        let region = &self.records.settings().region;
        let shown = records.iter().filter_map(|record| {
            let report = match has_report(record).then(|| reports.next().flatten()).flatten() {
                Some(Record::VirtualInterfaceStatus(status)) => Some(status.report),
                Some(_) | None => None,
            };
            convert::dx_attachment(record, report.as_ref(), region)
        });
        Ok(shown.collect())
    }

    async fn show_dx_gateway(
        &self,
        call: &Call,
        record: DirectConnectGateway,
    ) -> Answered<wire::DirectConnectGateway> {
        let mut shown = self.show_dx_gateways(call.account()?, vec![record]).await?;
        Ok(shown.pop().expect("one for each record"))
    }

    async fn show_dx_gateways(
        &self,
        reader: &AccountId,
        records: Vec<DirectConnectGateway>,
    ) -> Result<Vec<wire::DirectConnectGateway>, Failure> {
        let resource =
            |record: &DirectConnectGateway| TaggedResource::DirectConnectGateway(record.id.clone());
        let keys: Vec<_> =
            records.iter().map(|record| key::tags(&resource(record), reader)).collect();
        let tags = self.records_at(&keys).await?.into_iter().map(|found| match found {
            Some(Record::ResourceTags(labelled)) => Some(labelled.tags),
            Some(_) | None => None,
        });
        let tags: Vec<Option<Tags>> = tags.collect();
        let shown = records.iter().zip(&tags);
        Ok(shown.map(|(record, tags)| convert::dx_gateway(record, tags.as_ref())).collect())
    }

    /// The resource of this id, if there is one that the caller may see.
    pub(super) async fn find_if_any<R>(&self, call: &Call, id: &str) -> Result<Option<R>, Failure>
    where
        R: linkway_domain::access::Named + Clone,
    {
        match self.find::<R>(call, id).await {
            Ok(found) => Ok(Some(found)),
            Err(Failure::Fault(Fault::NotFound { .. })) => Ok(None),
            Err(failure) => Err(failure),
        }
    }
}

fn attachments_result(
    attachments: Vec<wire::DirectConnectGatewayAttachment>,
    next_token: Option<String>,
) -> wire::DescribeDirectConnectGatewayAttachmentsResult {
    wire::DescribeDirectConnectGatewayAttachmentsResult {
        direct_connect_gateway_attachments: Some(attachments),
        next_token,
    }
}
