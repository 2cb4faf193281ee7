//! `TagResource` and `UntagResource`.

use std::borrow::Cow;

use super::{ResourceTags, TaggedResource, Tags};
use crate::access::{self, Action};
use crate::arn::{Arn, ArnKind};
use crate::connection::Connection;
use crate::decide::{Changes, Command, Context, Decision, Outcome};
use crate::dx_gateway::DirectConnectGateway;
use crate::fault::{Fault, ResourceKind};
use crate::id::AccountId;
use crate::key;
use crate::quota::{self, Counter, Use};
use crate::view::{Asked, View};
use crate::virtual_interface::VirtualInterface;

/// `TagResource` or `UntagResource`.
#[derive(Clone, Debug)]
pub struct TagChange {
    /// The resource's ARN.
    pub arn: String,
    /// What to add; a key's new value takes the place of its old one.
    pub add: Vec<(String, Option<String>)>,
    /// The keys to remove.
    pub remove: Vec<String>,
}

/// Which resource was tagged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tagged(pub TaggedResource);

impl Outcome for Tagged {
    fn resources(&self) -> Vec<Cow<'_, str>> {
        vec![self.0.parts().1.into()]
    }
}

impl Command for TagChange {
    type Outcome = Tagged;

    fn decide(&self, view: &View, context: &Context<'_>) -> Asked<Decision<Tagged>> {
        let account = context.account()?;
        let quotas = &context.settings.quotas;
        let add = Tags::parse("tags", &self.add, quotas)?;
        let resource = taggable(view, context, "resourceArn", &self.arn, Action::Tag)?;
        let tags = view.tags(&resource, account)?.map(|known| &known.tags);
        let none = Tags::default();
        let changed = tags.unwrap_or(&none).without(&self.remove).merged("tags", &add, quotas)?;
        if changed == *tags.unwrap_or(&none) {
            return Decision::unchanged(Tagged(resource));
        }
        room(view, context, &resource, &changed)?;
        // What ends meanwhile must not keep a label: the label is tied to the resource that it was decided on.
        let mut changes = Changes::new(view);
        put_tags(resource.clone(), account, changed, &mut changes)?;
        changes.decision(Tagged(resource))
    }
}

/// Refuses tags that are to take the place of those that the caller gave a resource, if all of its tags would have too many bytes.
///
/// # Errors
///
/// What must be loaded first, or the quota.
pub(crate) fn room(
    view: &View,
    context: &Context<'_>,
    resource: &TaggedResource,
    tags: &Tags,
) -> Asked<()> {
    let account = context.account()?;
    let bytes = tags.bytes();
    if bytes == 0 {
        return Ok(());
    }
    let known = view.tags(resource, account)?.map_or(0, |known| known.tags.bytes());
    match bytes.saturating_sub(known) {
        0 => Ok(()),
        more => quota::room(view, context, [Use::many(Counter::TagBytes(account), more)]),
    }
}

/// Writes an account's tags of a resource; none leave no record.
///
/// # Errors
///
/// If the record that they take the place of is not loaded.
pub(crate) fn put_tags(
    resource: TaggedResource,
    account: &AccountId,
    tags: Tags,
    changes: &mut Changes<'_>,
) -> Asked<()> {
    if tags.is_empty() {
        return changes.delete(key::tags(&resource, account));
    }
    changes.put(ResourceTags { resource, account: account.clone(), tags })
}

/// The resource of an ARN, if the caller may see or tag it.
///
/// # Errors
///
/// What must be loaded first. A fault if the ARN is none of this service, or of nothing that the caller may know of.
pub fn taggable(
    view: &View,
    context: &Context<'_>,
    field: &str,
    arn: &str,
    action: Action,
) -> Asked<TaggedResource> {
    let parsed = Arn::parse(field, arn, &context.settings.region, context.account()?)?;
    let id = parsed.id.as_str();
    match parsed.kind {
        ArnKind::Connection => {
            let found = access::find::<Connection>(view, context, action, id)?;
            if action == Action::Tag && found.phase.is_terminal() {
                return Err(Fault::not_found(ResourceKind::Connection, id).into());
            }
            Ok(TaggedResource::Connection(found.id.clone()))
        }
        ArnKind::VirtualInterface => {
            let found = access::find::<VirtualInterface>(view, context, action, id)?;
            if action == Action::Tag && found.phase.is_terminal() {
                return Err(Fault::not_found(ResourceKind::VirtualInterface, id).into());
            }
            Ok(TaggedResource::VirtualInterface(found.id.clone()))
        }
        ArnKind::DirectConnectGateway => {
            let found = access::find::<DirectConnectGateway>(view, context, action, id)?;
            if action == Action::Tag && found.phase.is_terminal() {
                return Err(Fault::not_found(ResourceKind::DirectConnectGateway, id).into());
            }
            Ok(TaggedResource::DirectConnectGateway(found.id.clone()))
        }
        ArnKind::Lag => Err(Fault::not_found(ResourceKind::Arn, arn).into()),
    }
}

/// Deletes what accounts have labelled a purged resource with.
pub(crate) fn purge<'a>(
    resource: &TaggedResource,
    accounts: impl IntoIterator<Item = &'a AccountId>,
    changes: &mut Changes<'_>,
) -> Asked<()> {
    accounts.into_iter().try_for_each(|account| changes.delete(key::tags(resource, account)))
}
