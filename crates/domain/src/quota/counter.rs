//! What is counted, and the rules for each counter.

use super::{Count, Quota, Quotas};
use crate::fault::Fault;
use crate::id::{AccountId, ConnectionId, DirectConnectGatewayId, LocationCode, TransitGatewayId};
use crate::key::{self, Key};
use crate::net::AddressFamily;

/// Something that is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counter<'a> {
    /// Virtual interfaces of a connection that have not ended.
    Interfaces(&'a ConnectionId),
    /// Those of them that have a rate limit.
    RateLimiters(&'a ConnectionId),
    /// Those of them that were given a number of prefixes of a family, or take none of the connection's pool.
    Allocations {
        /// The connection.
        connection: &'a ConnectionId,
        /// The family.
        family: AddressFamily,
    },
    /// The prefixes of a family that those were given.
    Prefixes {
        /// The connection.
        connection: &'a ConnectionId,
        /// The family.
        family: AddressFamily,
    },
    /// Connections of an account at a location that have not ended.
    Connections(&'a AccountId, &'a LocationCode),
    /// Access keys of an account, disabled ones included.
    AccessKeys(&'a AccountId),
    /// Bytes of the keys and values of all tags of an account.
    TagBytes(&'a AccountId),
    /// Hosted virtual interfaces that the recipient has not answered, of one lender.
    OffersOf {
        /// Whom they are offered to.
        recipient: &'a AccountId,
        /// Who offers them.
        lender: &'a AccountId,
    },
    /// Hosted virtual interfaces that the recipient has not answered, of all lenders.
    Offers(&'a AccountId),
    /// Direct Connect gateways of an account that are there.
    DirectConnectGateways(&'a AccountId),
    /// Virtual interfaces that lead to a Direct Connect gateway and have not ended.
    Attached(&'a DirectConnectGatewayId),
    /// The prefixes, of both families, that those interfaces take.
    AttachedPrefixes(&'a DirectConnectGatewayId),
    /// Associations of a Direct Connect gateway that have not ended.
    Associations(&'a DirectConnectGatewayId),
    /// Associations of a transit gateway that have not ended.
    TransitAssociations(&'a TransitGatewayId),
    /// Proposals to associate a gateway, the answered ones too until they are purged.
    Proposals(&'a str),
}

/// What a record adds to a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Use<'a> {
    /// The counter.
    pub counter: Counter<'a>,
    /// How much it adds.
    pub count: Count,
}

impl<'a> Use<'a> {
    /// One more of a counter.
    pub(crate) const fn one(counter: Counter<'a>) -> Self {
        Self::many(counter, 1)
    }

    /// So many more of a counter.
    pub(crate) const fn many(counter: Counter<'a>, total: u32) -> Self {
        Self { counter, count: Count { total, transit: 0 } }
    }
}

impl Counter<'_> {
    /// Where the counter lives.
    #[must_use]
    pub fn key(&self) -> Key {
        match *self {
            Self::Interfaces(connection) => key::count_of_interfaces(connection),
            Self::RateLimiters(connection) => key::count_of_rate_limiters(connection),
            Self::Allocations { connection, family } => {
                key::count_of_allocations(family, connection)
            }
            Self::Prefixes { connection, family } => key::count_of_prefixes(family, connection),
            Self::Connections(account, location) => key::count_of_connections(account, location),
            Self::AccessKeys(account) => key::count_of_access_keys(account),
            Self::TagBytes(account) => key::count_of_tag_bytes(account),
            Self::OffersOf { recipient, lender } => key::count_of_offers_of(recipient, lender),
            Self::Offers(recipient) => key::count_of_offers(recipient),
            Self::DirectConnectGateways(account) => key::count_of_dx_gateways(account),
            Self::Attached(gateway) => key::count_of_dx_attached(gateway),
            Self::AttachedPrefixes(gateway) => key::count_of_dx_prefixes(gateway),
            Self::Associations(gateway) => key::count_of_associations(gateway),
            Self::TransitAssociations(gateway) => key::count_of_transit_associations(gateway),
            Self::Proposals(gateway) => key::count_of_proposals(gateway),
        }
    }

    /// The quotas that a count is judged by, and what it is of each.
    #[must_use]
    pub fn usage(&self, count: Count) -> Vec<(Quota, u32)> {
        let Count { total, transit } = count;
        match self {
            Self::Interfaces(_) => vec![
                (Quota::PrivateAndPublicInterfacesPerConnection, total.saturating_sub(transit)),
                (Quota::TransitInterfacesPerConnection, transit),
                (Quota::InterfacesPerConnection, total),
            ],
            Self::RateLimiters(_) => vec![(Quota::RateLimitersPerConnection, total)],
            // How many there may be is fixed, or depends on the connection's speed.
            Self::Allocations { .. } | Self::Prefixes { .. } | Self::AttachedPrefixes(_) => {
                Vec::new()
            }
            Self::Connections(..) => vec![(Quota::ConnectionsPerLocation, total)],
            Self::AccessKeys(_) => vec![(Quota::AccessKeysPerAccount, total)],
            Self::TagBytes(_) => vec![(Quota::TagBytesPerAccount, total)],
            Self::OffersOf { .. } => vec![(Quota::UnansweredOffersPerLender, total)],
            Self::Offers(_) => vec![(Quota::UnansweredOffers, total)],
            Self::DirectConnectGateways(_) => {
                vec![(Quota::DirectConnectGatewaysPerAccount, total)]
            }
            Self::Attached(_) => vec![(Quota::InterfacesPerDirectConnectGateway, total)],
            Self::Associations(_) => vec![
                (Quota::VirtualGatewaysPerDirectConnectGateway, total.saturating_sub(transit)),
                (Quota::TransitGatewaysPerDirectConnectGateway, transit),
            ],
            Self::TransitAssociations(_) => {
                vec![(Quota::DirectConnectGatewaysPerTransitGateway, total)]
            }
            Self::Proposals(_) => vec![(Quota::AssociationProposalsPerGateway, total)],
        }
    }

    /// Whether so much more has room beside what there is. A quota of which nothing more is used does not refuse, though it may
    /// have been lowered below what is used.
    pub(super) fn admits(&self, used: Count, more: Count, quotas: &Quotas) -> Result<(), Fault> {
        let (before, after) = (self.usage(used), self.usage(used.plus(more)));
        for ((quota, before), (_, after)) in before.into_iter().zip(after) {
            let limit = quotas.limit(quota);
            if after > before && after > limit {
                return Err(Fault::QuotaExceeded { quota, limit, whose: self.whose() });
            }
        }
        Ok(())
    }

    /// Whose quota it is, as a refusal names it. What others do is not told: the offers of all lenders are the recipient's matter.
    fn whose(&self) -> String {
        match self {
            Self::Interfaces(connection)
            | Self::RateLimiters(connection)
            | Self::Allocations { connection, .. }
            | Self::Prefixes { connection, .. } => format!("connectionId \"{connection}\""),
            Self::Connections(_, location) => format!("location \"{location}\""),
            Self::AccessKeys(account)
            | Self::TagBytes(account)
            | Self::DirectConnectGateways(account) => {
                format!("accountId \"{account}\"")
            }
            Self::Attached(gateway)
            | Self::AttachedPrefixes(gateway)
            | Self::Associations(gateway) => {
                format!("directConnectGatewayId \"{gateway}\"")
            }
            Self::TransitAssociations(gateway) => format!("gatewayId \"{gateway}\""),
            Self::Proposals(gateway) => format!("gatewayId \"{gateway}\""),
            Self::OffersOf { recipient, .. } | Self::Offers(recipient) => {
                format!("ownerAccount \"{recipient}\"")
            }
        }
    }
}
