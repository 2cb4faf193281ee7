//! Who may do what: asked in one place, for reads and for changes. What a caller may not know of answers exactly like what
//! does not exist.

use crate::association_proposal::Proposal;
use crate::connection::Connection;
use crate::decide::Context;
use crate::dx_gateway::DirectConnectGateway;
use crate::fault::Fault;
use crate::gateway_association::Association;
use crate::id::{
    AssociationId, ConnectionId, DirectConnectGatewayId, ProposalId, TransitGatewayId,
    VirtualGatewayId, VirtualInterfaceId,
};
use crate::principal::Principal;
use crate::resource::{Party, Resource};
use crate::transit_gateway::TransitGateway;
use crate::view::{Asked, View};
use crate::virtual_gateway::Gateway;
use crate::virtual_interface::VirtualInterface;

/// What somebody wants to do with a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// See it.
    See,
    /// Label it: each side labels for itself.
    Tag,
    /// Delete it, or refuse it.
    Delete,
    /// Use it for something else: a connection for an interface, a gateway as an interface's end.
    Use,
    /// Accept it; only whom it is for.
    Confirm,
    /// Change what it is; only its owner.
    Update,
    /// See the routes that its sessions exchange; only its owner.
    SeeRoutes,
}

/// A kind of record that callers name by its id.
pub trait Named: Resource {
    /// The record of this id, a caller's text; `None` too if it is no id of this kind.
    ///
    /// # Errors
    ///
    /// If it must be loaded first.
    fn load<'v>(view: &'v View, id: &str) -> Asked<Option<&'v Self>>;
}

impl Named for Connection {
    fn load<'v>(view: &'v View, id: &str) -> Asked<Option<&'v Self>> {
        ConnectionId::parse(id).map_or(Ok(None), |id| view.connection(&id))
    }
}

impl Named for VirtualInterface {
    fn load<'v>(view: &'v View, id: &str) -> Asked<Option<&'v Self>> {
        VirtualInterfaceId::parse(id).map_or(Ok(None), |id| view.interface(&id))
    }
}

impl Named for Gateway {
    fn load<'v>(view: &'v View, id: &str) -> Asked<Option<&'v Self>> {
        VirtualGatewayId::parse(id).map_or(Ok(None), |id| view.gateway(&id))
    }
}

impl Named for TransitGateway {
    fn load<'v>(view: &'v View, id: &str) -> Asked<Option<&'v Self>> {
        TransitGatewayId::parse(id).map_or(Ok(None), |id| view.transit_gateway(&id))
    }
}

impl Named for DirectConnectGateway {
    fn load<'v>(view: &'v View, id: &str) -> Asked<Option<&'v Self>> {
        DirectConnectGatewayId::parse(id).map_or(Ok(None), |id| view.dx_gateway(&id))
    }
}

impl Named for Association {
    fn load<'v>(view: &'v View, id: &str) -> Asked<Option<&'v Self>> {
        AssociationId::parse(id).map_or(Ok(None), |id| view.association(&id))
    }
}

impl Named for Proposal {
    fn load<'v>(view: &'v View, id: &str) -> Asked<Option<&'v Self>> {
        ProposalId::parse(id).map_or(Ok(None), |id| view.proposal(&id))
    }
}

/// The resource of this id, if the caller may do this with it.
///
/// # Errors
///
/// What must be loaded first. A fault if there is no such resource, if the caller may not know of it, or may not do this.
pub fn find<'v, R: Named>(
    view: &'v View,
    context: &Context<'_>,
    action: Action,
    id: &str,
) -> Asked<&'v R> {
    let missing = || Fault::not_found(R::KIND, id);
    let found = R::load(view, id)?.ok_or_else(missing)?;
    let account = match &context.principal {
        Principal::Operator => return Ok(found),
        Principal::Account(account) => account,
        Principal::Edge(_) => context.account()?,
    };
    if found.is_purged(context.now) {
        return Err(missing().into());
    }
    match (found.party(account), action) {
        (Party::Owner, _) | (Party::Lender, Action::See | Action::Tag | Action::Delete) => {
            Ok(found)
        }
        (Party::Lender, Action::Confirm) => Err(not_yours::<R>(found, id, "confirm").into()),
        (Party::Lender, Action::Update | Action::Use) => {
            Err(not_yours::<R>(found, id, "change").into())
        }
        (Party::Lender, Action::SeeRoutes) => {
            Err(not_yours::<R>(found, id, "see the routes of").into())
        }
        (Party::Stranger, _) => Err(missing().into()),
    }
}

fn not_yours<R: Resource>(found: &R, id: &str, verb: &str) -> Fault {
    let rule = format!("is not yours to {verb}: its owner is account {}", found.owner());
    Fault::field(R::FIELD, id, rule)
}
