//! The six structures of new virtual interfaces, which differ in the members that say what an interface leads to.

use linkway_domain::virtual_interface::NewInterface;

use super::{secret, tag_pairs};
use crate::generated::{
    NewPrivateVirtualInterface, NewPrivateVirtualInterfaceAllocation, NewPublicVirtualInterface,
    NewPublicVirtualInterfaceAllocation, NewTransitVirtualInterface,
    NewTransitVirtualInterfaceAllocation,
};

/// An MTU is what only some of them have.
macro_rules! new_interface {
    ($structure:ident, $new:ident => $mtu:expr) => {
        impl From<$structure> for NewInterface {
            fn from($new: $structure) -> Self {
                Self {
                    name: $new.virtual_interface_name.unwrap_or_default(),
                    vlan: $new.vlan,
                    asn: $new.asn,
                    asn_long: $new.asn_long,
                    mtu: $mtu,
                    auth_key: secret($new.auth_key),
                    amazon_address: $new.amazon_address,
                    customer_address: $new.customer_address,
                    address_family: $new.address_family.map(|family| family.to_string()),
                    rate_limit: $new.rate_limit,
                    tags: tag_pairs($new.tags),
                }
            }
        }
    };
}

new_interface!(NewPrivateVirtualInterface, new => new.mtu);
new_interface!(NewPrivateVirtualInterfaceAllocation, new => new.mtu);
new_interface!(NewPublicVirtualInterface, new => None);
new_interface!(NewPublicVirtualInterfaceAllocation, new => None);
new_interface!(NewTransitVirtualInterface, new => new.mtu);
new_interface!(NewTransitVirtualInterfaceAllocation, new => new.mtu);
