//! The rules of the table `[quotas]`.

use linkway_domain::quota::{Quota, Quotas};

use super::{ConfigError, rules};

/// The VLANs of a connection, each of which has one live interface at most.
const VLANS: u32 = 4094;

/// The first value that is out of range. 0 refuses every new one.
pub(super) fn check(quotas: &Quotas) -> Result<(), ConfigError> {
    for quota in Quota::ALL {
        let (key, most) = range(quota);
        rules::within(key, quotas.limit(quota), &(0..=most))?;
    }
    Ok(())
}

/// The path of a quota's key, and its largest value.
const fn range(quota: Quota) -> (&'static str, u32) {
    match quota {
        Quota::PrivateAndPublicInterfacesPerConnection => {
            ("quotas.private_and_public_interfaces_per_connection", VLANS)
        }
        Quota::TransitInterfacesPerConnection => {
            ("quotas.transit_interfaces_per_connection", VLANS)
        }
        Quota::InterfacesPerConnection => ("quotas.interfaces_per_connection", VLANS),
        Quota::RateLimitersPerConnection => ("quotas.rate_limiters_per_connection", VLANS),
        Quota::ConnectionsPerLocation => ("quotas.connections_per_location", 100_000),
        Quota::AccessKeysPerAccount => ("quotas.access_keys_per_account", 1000),
        Quota::UnansweredOffersPerLender => ("quotas.unanswered_offers_per_lender", 1_000_000),
        Quota::UnansweredOffers => ("quotas.unanswered_offers", 1_000_000),
        // The API's own limit, which clients know.
        Quota::TagsPerResource => ("quotas.tags_per_resource", 50),
        Quota::TagBytesPerAccount => ("quotas.tag_bytes_per_account", 1 << 30),
        Quota::DirectConnectGatewaysPerAccount => {
            ("quotas.direct_connect_gateways_per_account", 100_000)
        }
        // One commit tells the edges of all interfaces, and compares the prefixes of all associations.
        Quota::InterfacesPerDirectConnectGateway => {
            ("quotas.interfaces_per_direct_connect_gateway", 90)
        }
        Quota::VirtualGatewaysPerDirectConnectGateway => {
            ("quotas.virtual_gateways_per_direct_connect_gateway", 60)
        }
        Quota::TransitGatewaysPerDirectConnectGateway => {
            ("quotas.transit_gateways_per_direct_connect_gateway", 60)
        }
        Quota::DirectConnectGatewaysPerTransitGateway => {
            ("quotas.direct_connect_gateways_per_transit_gateway", 60)
        }
        Quota::AssociationProposalsPerGateway => {
            ("quotas.association_proposals_per_gateway", 10_000)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_is_the_one_of_its_quota() {
        for quota in Quota::ALL {
            assert_eq!(range(quota).0, format!("quotas.{}", quota.as_str()));
        }
        let table = toml::to_string(&Quotas::default()).unwrap();
        let keys: Vec<&str> = table.lines().map(|line| line.split(" = ").next().unwrap()).collect();
        assert_eq!(keys, Quota::ALL.map(Quota::as_str));
    }
}
