//! Requests about public virtual interfaces as commands.

use linkway_domain::virtual_interface::decide::NewInterface;
use linkway_domain::virtual_interface::public::{
    AllocatePublicVirtualInterface, ConfirmPublicVirtualInterface, CreatePublicVirtualInterface,
};

use super::{secret, tag_pairs};
use crate::generated::{
    AllocatePublicVirtualInterfaceRequest, ConfirmPublicVirtualInterfaceRequest,
    CreatePublicVirtualInterfaceRequest, NewPublicVirtualInterface,
    NewPublicVirtualInterfaceAllocation, RouteFilterPrefix,
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

impl From<NewPublicVirtualInterface> for NewInterface {
    fn from(new: NewPublicVirtualInterface) -> Self {
        Self {
            name: new.virtual_interface_name.unwrap_or_default(),
            vlan: new.vlan.unwrap_or_default(),
            asn: new.asn,
            asn_long: new.asn_long,
            auth_key: secret(new.auth_key),
            amazon_address: new.amazon_address,
            customer_address: new.customer_address,
            address_family: new.address_family.map(|family| family.to_string()),
            rate_limit: new.rate_limit,
            tags: tag_pairs(new.tags),
            ..Self::default()
        }
    }
}

impl From<NewPublicVirtualInterfaceAllocation> for NewInterface {
    fn from(new: NewPublicVirtualInterfaceAllocation) -> Self {
        Self {
            name: new.virtual_interface_name.unwrap_or_default(),
            vlan: new.vlan.unwrap_or_default(),
            asn: new.asn,
            asn_long: new.asn_long,
            auth_key: secret(new.auth_key),
            amazon_address: new.amazon_address,
            customer_address: new.customer_address,
            address_family: new.address_family.map(|family| family.to_string()),
            rate_limit: new.rate_limit,
            tags: tag_pairs(new.tags),
            ..Self::default()
        }
    }
}
