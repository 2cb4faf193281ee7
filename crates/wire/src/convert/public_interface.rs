//! Requests about public virtual interfaces as commands.

use linkway_domain::virtual_interface::public::{
    AllocatePublicVirtualInterface, ConfirmPublicVirtualInterface, CreatePublicVirtualInterface,
};

use crate::generated::{
    AllocatePublicVirtualInterfaceRequest, ConfirmPublicVirtualInterfaceRequest,
    CreatePublicVirtualInterfaceRequest, RouteFilterPrefix,
};

/// A prefix without a `cidr` is an empty text, which is refused by name.
fn prefixes(given: Option<Vec<RouteFilterPrefix>>) -> Vec<String> {
    let given = given.unwrap_or_default().into_iter();
    given.map(|prefix| prefix.cidr.unwrap_or_default()).collect()
}

impl From<CreatePublicVirtualInterfaceRequest> for CreatePublicVirtualInterface {
    fn from(request: CreatePublicVirtualInterfaceRequest) -> Self {
        let mut new = request.new_public_virtual_interface.unwrap_or_default();
        Self {
            connection: request.connection_id.unwrap_or_default(),
            prefixes: prefixes(new.route_filter_prefixes.take()),
            new: new.into(),
        }
    }
}

impl From<AllocatePublicVirtualInterfaceRequest> for AllocatePublicVirtualInterface {
    fn from(request: AllocatePublicVirtualInterfaceRequest) -> Self {
        let mut new = request.new_public_virtual_interface_allocation.unwrap_or_default();
        Self {
            connection: request.connection_id.unwrap_or_default(),
            owner: request.owner_account.unwrap_or_default(),
            prefixes: prefixes(new.route_filter_prefixes.take()),
            new: new.into(),
        }
    }
}

impl From<ConfirmPublicVirtualInterfaceRequest> for ConfirmPublicVirtualInterface {
    fn from(request: ConfirmPublicVirtualInterfaceRequest) -> Self {
        Self(request.virtual_interface_id.unwrap_or_default())
    }
}
