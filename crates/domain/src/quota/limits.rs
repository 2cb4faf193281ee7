//! The quotas and their values.

use serde::{Deserialize, Serialize};

/// A limit on how many there may be of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Quota {
    /// Private and public virtual interfaces of a connection.
    PrivateAndPublicInterfacesPerConnection,
    /// Transit virtual interfaces of a connection.
    TransitInterfacesPerConnection,
    /// Virtual interfaces of a connection, of all kinds.
    InterfacesPerConnection,
    /// Virtual interfaces of a connection that have a rate limit.
    RateLimitersPerConnection,
    /// Connections of an account at a location.
    ConnectionsPerLocation,
    /// Access keys of an account.
    AccessKeysPerAccount,
    /// Hosted virtual interfaces of one lender that one recipient has not answered.
    UnansweredOffersPerLender,
    /// Hosted virtual interfaces of all lenders that one recipient has not answered.
    UnansweredOffers,
    /// Tags of a resource.
    TagsPerResource,
    /// Bytes of the keys and values of all tags of an account.
    TagBytesPerAccount,
    /// Direct Connect gateways of an account.
    DirectConnectGatewaysPerAccount,
    /// Virtual interfaces that lead to a Direct Connect gateway.
    InterfacesPerDirectConnectGateway,
    /// Virtual gateways that are associated with a Direct Connect gateway.
    VirtualGatewaysPerDirectConnectGateway,
    /// Transit gateways that are associated with a Direct Connect gateway.
    TransitGatewaysPerDirectConnectGateway,
    /// Direct Connect gateways that a transit gateway is associated with.
    DirectConnectGatewaysPerTransitGateway,
    /// Proposals to associate a gateway, as long as they are shown.
    AssociationProposalsPerGateway,
}

impl Quota {
    /// Every quota.
    pub const ALL: [Self; 16] = [
        Self::PrivateAndPublicInterfacesPerConnection,
        Self::TransitInterfacesPerConnection,
        Self::InterfacesPerConnection,
        Self::RateLimitersPerConnection,
        Self::ConnectionsPerLocation,
        Self::AccessKeysPerAccount,
        Self::UnansweredOffersPerLender,
        Self::UnansweredOffers,
        Self::TagsPerResource,
        Self::TagBytesPerAccount,
        Self::DirectConnectGatewaysPerAccount,
        Self::InterfacesPerDirectConnectGateway,
        Self::VirtualGatewaysPerDirectConnectGateway,
        Self::TransitGatewaysPerDirectConnectGateway,
        Self::DirectConnectGatewaysPerTransitGateway,
        Self::AssociationProposalsPerGateway,
    ];

    /// Its key in the configuration, which refusals and metrics name too.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PrivateAndPublicInterfacesPerConnection => {
                "private_and_public_interfaces_per_connection"
            }
            Self::TransitInterfacesPerConnection => "transit_interfaces_per_connection",
            Self::InterfacesPerConnection => "interfaces_per_connection",
            Self::RateLimitersPerConnection => "rate_limiters_per_connection",
            Self::ConnectionsPerLocation => "connections_per_location",
            Self::AccessKeysPerAccount => "access_keys_per_account",
            Self::UnansweredOffersPerLender => "unanswered_offers_per_lender",
            Self::UnansweredOffers => "unanswered_offers",
            Self::TagsPerResource => "tags_per_resource",
            Self::TagBytesPerAccount => "tag_bytes_per_account",
            Self::DirectConnectGatewaysPerAccount => "direct_connect_gateways_per_account",
            Self::InterfacesPerDirectConnectGateway => "interfaces_per_direct_connect_gateway",
            Self::VirtualGatewaysPerDirectConnectGateway => {
                "virtual_gateways_per_direct_connect_gateway"
            }
            Self::TransitGatewaysPerDirectConnectGateway => {
                "transit_gateways_per_direct_connect_gateway"
            }
            Self::DirectConnectGatewaysPerTransitGateway => {
                "direct_connect_gateways_per_transit_gateway"
            }
            Self::AssociationProposalsPerGateway => "association_proposals_per_gateway",
        }
    }

    /// What it limits, as in "may have 50 …".
    #[must_use]
    pub const fn noun(self) -> &'static str {
        match self {
            Self::PrivateAndPublicInterfacesPerConnection => {
                "private and public Virtual Interfaces"
            }
            Self::TransitInterfacesPerConnection => "transit Virtual Interfaces",
            Self::InterfacesPerConnection => "Virtual Interfaces",
            Self::RateLimitersPerConnection => "Virtual Interfaces with a rate limit",
            Self::ConnectionsPerLocation => "connections of one account",
            Self::AccessKeysPerAccount => "access keys",
            Self::UnansweredOffersPerLender => "unanswered Virtual Interfaces of one lender",
            Self::UnansweredOffers => "unanswered Virtual Interfaces of all lenders",
            Self::TagsPerResource => "tags",
            Self::TagBytesPerAccount => "bytes of tags",
            Self::DirectConnectGatewaysPerAccount => "Direct Connect Gateways",
            Self::InterfacesPerDirectConnectGateway => "Virtual Interfaces that lead to it",
            Self::VirtualGatewaysPerDirectConnectGateway => "associated virtual gateways",
            Self::TransitGatewaysPerDirectConnectGateway => "associated transit gateways",
            Self::DirectConnectGatewaysPerTransitGateway => "associated Direct Connect Gateways",
            Self::AssociationProposalsPerGateway => "association proposals",
        }
    }
}

/// The value of each quota, by its key in the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Quotas {
    /// See [`Quota::PrivateAndPublicInterfacesPerConnection`].
    pub private_and_public_interfaces_per_connection: u32,
    /// See [`Quota::TransitInterfacesPerConnection`].
    pub transit_interfaces_per_connection: u32,
    /// See [`Quota::InterfacesPerConnection`].
    pub interfaces_per_connection: u32,
    /// See [`Quota::RateLimitersPerConnection`].
    pub rate_limiters_per_connection: u32,
    /// See [`Quota::ConnectionsPerLocation`].
    pub connections_per_location: u32,
    /// See [`Quota::AccessKeysPerAccount`].
    pub access_keys_per_account: u32,
    /// See [`Quota::UnansweredOffersPerLender`].
    pub unanswered_offers_per_lender: u32,
    /// See [`Quota::UnansweredOffers`].
    pub unanswered_offers: u32,
    /// See [`Quota::TagsPerResource`].
    pub tags_per_resource: u32,
    /// See [`Quota::TagBytesPerAccount`].
    pub tag_bytes_per_account: u32,
    /// See [`Quota::DirectConnectGatewaysPerAccount`].
    pub direct_connect_gateways_per_account: u32,
    /// See [`Quota::InterfacesPerDirectConnectGateway`].
    pub interfaces_per_direct_connect_gateway: u32,
    /// See [`Quota::VirtualGatewaysPerDirectConnectGateway`].
    pub virtual_gateways_per_direct_connect_gateway: u32,
    /// See [`Quota::TransitGatewaysPerDirectConnectGateway`].
    pub transit_gateways_per_direct_connect_gateway: u32,
    /// See [`Quota::DirectConnectGatewaysPerTransitGateway`].
    pub direct_connect_gateways_per_transit_gateway: u32,
    /// See [`Quota::AssociationProposalsPerGateway`].
    pub association_proposals_per_gateway: u32,
}

/// "Direct Connect quotas" in the Direct Connect User Guide; keys, offers, bytes and proposals are not in it. One lender may offer what a connection
/// holds; four such lenders fill a recipient's list, which is then still one page of an answer. The bytes of tags are those of
/// some 800 resources with as many and as long tags as there may be.
impl Default for Quotas {
    fn default() -> Self {
        Self {
            private_and_public_interfaces_per_connection: 50,
            transit_interfaces_per_connection: 4,
            interfaces_per_connection: 51,
            rate_limiters_per_connection: 10,
            connections_per_location: 10,
            access_keys_per_account: 20,
            unanswered_offers_per_lender: 50,
            unanswered_offers: 200,
            tags_per_resource: 50,
            tag_bytes_per_account: 16 << 20,
            direct_connect_gateways_per_account: 200,
            interfaces_per_direct_connect_gateway: 30,
            virtual_gateways_per_direct_connect_gateway: 20,
            transit_gateways_per_direct_connect_gateway: 6,
            direct_connect_gateways_per_transit_gateway: 20,
            association_proposals_per_gateway: 100,
        }
    }
}

impl Quotas {
    /// The same value for every quota.
    #[must_use]
    pub const fn each(limit: u32) -> Self {
        Self {
            private_and_public_interfaces_per_connection: limit,
            transit_interfaces_per_connection: limit,
            interfaces_per_connection: limit,
            rate_limiters_per_connection: limit,
            connections_per_location: limit,
            access_keys_per_account: limit,
            unanswered_offers_per_lender: limit,
            unanswered_offers: limit,
            tags_per_resource: limit,
            tag_bytes_per_account: limit,
            direct_connect_gateways_per_account: limit,
            interfaces_per_direct_connect_gateway: limit,
            virtual_gateways_per_direct_connect_gateway: limit,
            transit_gateways_per_direct_connect_gateway: limit,
            direct_connect_gateways_per_transit_gateway: limit,
            association_proposals_per_gateway: limit,
        }
    }

    /// The value of a quota.
    #[must_use]
    pub const fn limit(&self, quota: Quota) -> u32 {
        match quota {
            Quota::PrivateAndPublicInterfacesPerConnection => {
                self.private_and_public_interfaces_per_connection
            }
            Quota::TransitInterfacesPerConnection => self.transit_interfaces_per_connection,
            Quota::InterfacesPerConnection => self.interfaces_per_connection,
            Quota::RateLimitersPerConnection => self.rate_limiters_per_connection,
            Quota::ConnectionsPerLocation => self.connections_per_location,
            Quota::AccessKeysPerAccount => self.access_keys_per_account,
            Quota::UnansweredOffersPerLender => self.unanswered_offers_per_lender,
            Quota::UnansweredOffers => self.unanswered_offers,
            Quota::TagsPerResource => self.tags_per_resource,
            Quota::TagBytesPerAccount => self.tag_bytes_per_account,
            Quota::DirectConnectGatewaysPerAccount => self.direct_connect_gateways_per_account,
            Quota::InterfacesPerDirectConnectGateway => self.interfaces_per_direct_connect_gateway,
            Quota::VirtualGatewaysPerDirectConnectGateway => {
                self.virtual_gateways_per_direct_connect_gateway
            }
            Quota::TransitGatewaysPerDirectConnectGateway => {
                self.transit_gateways_per_direct_connect_gateway
            }
            Quota::DirectConnectGatewaysPerTransitGateway => {
                self.direct_connect_gateways_per_transit_gateway
            }
            Quota::AssociationProposalsPerGateway => self.association_proposals_per_gateway,
        }
    }
}
