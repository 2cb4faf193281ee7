//! Validated requests as commands. Required members are there: [`crate::validate::Validate`] saw to it.

use linkway_domain::decide::{
    Allocate, Command, Confirm, Create, CreateConnection, NewInterface, Secret, TagChange,
};

use crate::generated::{
    AllocatePrivateVirtualInterfaceRequest, ConfirmPrivateVirtualInterfaceRequest,
    CreateConnectionRequest, CreatePrivateVirtualInterfaceRequest, DeleteConnectionRequest,
    DeleteVirtualInterfaceRequest, NewPrivateVirtualInterface,
    NewPrivateVirtualInterfaceAllocation, Tag, TagResourceRequest, UntagResourceRequest,
};
use crate::value;

/// A request's tags as the domain takes them.
#[must_use]
pub fn tag_pairs(tags: Option<Vec<Tag>>) -> Vec<(String, Option<String>)> {
    tags.unwrap_or_default()
        .into_iter()
        .map(|tag| (tag.key.unwrap_or_default(), tag.value))
        .collect()
}

fn secret(key: Option<value::Secret>) -> Option<Secret> {
    key.map(|key| Secret(key.into_exposed()))
}

impl From<CreateConnectionRequest> for Command {
    fn from(request: CreateConnectionRequest) -> Self {
        Self::CreateConnection(CreateConnection {
            location: request.location.unwrap_or_default(),
            bandwidth: request.bandwidth.unwrap_or_default(),
            name: request.connection_name.unwrap_or_default(),
            lag: request.lag_id,
            provider_name: request.provider_name,
            macsec: request.request_mac_sec.unwrap_or_default(),
            billing_mode: request.billing_mode.map(|mode| mode.to_string()),
            tags: tag_pairs(request.tags),
        })
    }
}

impl From<DeleteConnectionRequest> for Command {
    fn from(request: DeleteConnectionRequest) -> Self {
        Self::DeleteConnection(request.connection_id.unwrap_or_default())
    }
}

impl From<CreatePrivateVirtualInterfaceRequest> for Command {
    fn from(request: CreatePrivateVirtualInterfaceRequest) -> Self {
        let mut new = request.new_private_virtual_interface.unwrap_or_default();
        let prefix_pool = if new.prefix_pool_allocated_count_ipv4.is_some() {
            Some("prefixPoolAllocatedCountIpv4")
        } else {
            new.prefix_pool_allocated_count_ipv6.map(|_| "prefixPoolAllocatedCountIpv6")
        };
        Self::Create(Create {
            connection: request.connection_id.unwrap_or_default(),
            gateway: new.virtual_gateway_id.take(),
            direct_connect_gateway: new.direct_connect_gateway_id.take(),
            site_link: new.enable_site_link.unwrap_or_default(),
            prefix_pool,
            new: new.into(),
        })
    }
}

impl From<AllocatePrivateVirtualInterfaceRequest> for Command {
    fn from(request: AllocatePrivateVirtualInterfaceRequest) -> Self {
        Self::Allocate(Allocate {
            connection: request.connection_id.unwrap_or_default(),
            owner: request.owner_account.unwrap_or_default(),
            new: request.new_private_virtual_interface_allocation.unwrap_or_default().into(),
        })
    }
}

impl From<NewPrivateVirtualInterface> for NewInterface {
    fn from(new: NewPrivateVirtualInterface) -> Self {
        Self {
            name: new.virtual_interface_name.unwrap_or_default(),
            vlan: new.vlan.unwrap_or_default(),
            asn: new.asn,
            asn_long: new.asn_long,
            mtu: new.mtu,
            auth_key: secret(new.auth_key),
            amazon_address: new.amazon_address,
            customer_address: new.customer_address,
            address_family: new.address_family.map(|family| family.to_string()),
            rate_limit: new.rate_limit,
            tags: tag_pairs(new.tags),
        }
    }
}

impl From<NewPrivateVirtualInterfaceAllocation> for NewInterface {
    fn from(new: NewPrivateVirtualInterfaceAllocation) -> Self {
        Self {
            name: new.virtual_interface_name.unwrap_or_default(),
            vlan: new.vlan.unwrap_or_default(),
            asn: new.asn,
            asn_long: new.asn_long,
            mtu: new.mtu,
            auth_key: secret(new.auth_key),
            amazon_address: new.amazon_address,
            customer_address: new.customer_address,
            address_family: new.address_family.map(|family| family.to_string()),
            rate_limit: new.rate_limit,
            tags: tag_pairs(new.tags),
        }
    }
}

impl From<ConfirmPrivateVirtualInterfaceRequest> for Command {
    fn from(request: ConfirmPrivateVirtualInterfaceRequest) -> Self {
        Self::Confirm(Confirm {
            interface: request.virtual_interface_id.unwrap_or_default(),
            gateway: request.virtual_gateway_id,
            direct_connect_gateway: request.direct_connect_gateway_id,
        })
    }
}

impl From<DeleteVirtualInterfaceRequest> for Command {
    fn from(request: DeleteVirtualInterfaceRequest) -> Self {
        Self::DeleteInterface(request.virtual_interface_id.unwrap_or_default())
    }
}

impl From<TagResourceRequest> for Command {
    fn from(request: TagResourceRequest) -> Self {
        Self::Tag(TagChange {
            arn: request.resource_arn.unwrap_or_default(),
            add: tag_pairs(request.tags),
            remove: Vec::new(),
        })
    }
}

impl From<UntagResourceRequest> for Command {
    fn from(request: UntagResourceRequest) -> Self {
        Self::Tag(TagChange {
            arn: request.resource_arn.unwrap_or_default(),
            add: Vec::new(),
            remove: request.tag_keys.unwrap_or_default(),
        })
    }
}
