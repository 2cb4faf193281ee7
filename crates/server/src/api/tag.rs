//! Tags of connections and virtual interfaces.

use linkway_domain::Fault;
use linkway_domain::access::Action;
use linkway_domain::decide::Context;
use linkway_domain::id::AccountId;
use linkway_domain::tag::decide::{TagChange, taggable};
use linkway_domain::tag::{TaggedResource, Tags};
use linkway_domain::view::{Asked, Stop, View};
use linkway_wire::convert;
use linkway_wire::generated as wire;

use super::page::element_bytes;
use super::{Answered, Api, Call, offer};

/// The most ARNs of one DescribeTags.
const MOST_ARNS: usize = 100;

impl Api {
    pub(super) async fn tag_resource(
        &self,
        call: &Call,
        request: wire::TagResourceRequest,
    ) -> Answered<wire::TagResourceResponse> {
        self.run(call, &TagChange::from(request)).await?;
        Ok(wire::TagResourceResponse {})
    }

    pub(super) async fn untag_resource(
        &self,
        call: &Call,
        request: wire::UntagResourceRequest,
    ) -> Answered<wire::UntagResourceResponse> {
        self.run(call, &TagChange::from(request)).await?;
        Ok(wire::UntagResourceResponse {})
    }

    pub(super) async fn describe_tags(
        &self,
        call: &Call,
        request: wire::DescribeTagsRequest,
    ) -> Answered<wire::DescribeTagsResponse> {
        let account = call.account()?;
        let arns = request.resource_arns.unwrap_or_default();
        if arns.len() > MOST_ARNS {
            let text = format!(
                "resourceArns has {} members; at most {MOST_ARNS} are allowed.",
                arns.len()
            );
            return Err(Fault::client(text).into());
        }
        let question =
            |view: &View, context: &Context<'_>| tags_of_each(view, context, account, &arns);
        let found = self.records.read(call.principal(), question).await?;
        call.reserve(found.iter().map(|tags| element_bytes(Some(tags))).sum())?;
        let resource_tags = arns.into_iter().zip(found).map(|(arn, tags)| wire::ResourceTag {
            resource_arn: Some(arn),
            tags: Some(convert::tags(tags.iter())),
        });
        Ok(wire::DescribeTagsResponse { resource_tags: Some(resource_tags.collect()) })
    }
}

/// What an account has labelled each of these resources with. What is missing of all of them is asked for at once.
fn tags_of_each(
    view: &View,
    context: &Context<'_>,
    account: &AccountId,
    arns: &[String],
) -> Asked<Vec<Tags>> {
    let (mut found, mut needed) = (Vec::with_capacity(arns.len()), Vec::new());
    for (index, arn) in arns.iter().enumerate() {
        let field = format!("resourceArns[{index}]");
        let tags = taggable(view, context, &field, arn, Action::See)
            .and_then(|resource| tags_of(view, context, account, &resource));
        match tags {
            Ok(tags) => found.push(tags),
            Err(Stop::Need(asks)) => needed.extend(asks),
            // The first fault in the order of the request is the one to tell.
            Err(fault @ Stop::Fault(_)) if needed.is_empty() => return Err(fault),
            Err(Stop::Fault(_)) => break,
        }
    }
    if needed.is_empty() { Ok(found) } else { Err(Stop::Need(needed)) }
}

/// What an account has labelled a resource with, and the reserved tags that it sees.
fn tags_of(
    view: &View,
    context: &Context<'_>,
    account: &AccountId,
    resource: &TaggedResource,
) -> Asked<Tags> {
    let own = view.tags(resource, account)?.map(|known| known.tags.clone()).unwrap_or_default();
    let interface = match resource {
        TaggedResource::Connection(_) | TaggedResource::DirectConnectGateway(_) => None,
        TaggedResource::VirtualInterface(id) => view.interface(id)?,
    };
    let Some(interface) = interface else { return Ok(own) };
    let Some(lender) = offer::lender(interface, account, context.now) else { return Ok(own) };
    Ok(own.with_reserved(offer::tags(interface, view.account(lender)?)))
}
