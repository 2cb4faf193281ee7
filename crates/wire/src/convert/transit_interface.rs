//! Requests about transit virtual interfaces as commands.

use linkway_domain::virtual_interface::options::PrefixNumbers;
use linkway_domain::virtual_interface::transit::{
    AllocateTransitVirtualInterface, ConfirmTransitVirtualInterface, CreateTransitVirtualInterface,
};

use crate::generated::{
    AllocateTransitVirtualInterfaceRequest, ConfirmTransitVirtualInterfaceRequest,
    CreateTransitVirtualInterfaceRequest,
};

impl From<CreateTransitVirtualInterfaceRequest> for CreateTransitVirtualInterface {
    fn from(request: CreateTransitVirtualInterfaceRequest) -> Self {
        let mut new = request.new_transit_virtual_interface.unwrap_or_default();
        let prefix_pool = PrefixNumbers {
            ipv4: new.prefix_pool_allocated_count_ipv4,
            ipv6: new.prefix_pool_allocated_count_ipv6,
        };
        Self {
            connection: request.connection_id.unwrap_or_default(),
            direct_connect_gateway: new.direct_connect_gateway_id.take(),
            site_link: new.enable_site_link.unwrap_or_default(),
            prefix_pool,
            new: new.into(),
        }
    }
}

impl From<AllocateTransitVirtualInterfaceRequest> for AllocateTransitVirtualInterface {
    fn from(request: AllocateTransitVirtualInterfaceRequest) -> Self {
        let new = request.new_transit_virtual_interface_allocation.unwrap_or_default();
        Self {
            connection: request.connection_id.unwrap_or_default(),
            owner: request.owner_account.unwrap_or_default(),
            new: new.into(),
        }
    }
}

impl From<ConfirmTransitVirtualInterfaceRequest> for ConfirmTransitVirtualInterface {
    fn from(request: ConfirmTransitVirtualInterfaceRequest) -> Self {
        Self {
            interface: request.virtual_interface_id.unwrap_or_default(),
            direct_connect_gateway: request.direct_connect_gateway_id,
        }
    }
}
