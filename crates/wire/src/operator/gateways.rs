//! Gateways of all kinds, the public network, and where each is reached.

use serde::{Deserialize, Serialize};

use crate::value::Secret;

requests! {
    /// Makes a virtual gateway: an account's VPC as the edges see it.
    CreateGateway {
        /// Whose.
        account_id: String,
        /// For people; absent: none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        /// Our side's autonomous system number.
        #[serde(default = "default_asn")]
        amazon_side_asn: i64,
        /// The cloud's name of the VPC: `vpc-…`.
        vpc_id: String,
        /// The VPC's prefixes, announced to the tenant's routers.
        cidrs: Vec<String>,
        /// Where the edges hand the VPC's traffic over.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        handoffs: Vec<Handoff>,
    }
    /// Renames a virtual gateway, or moves it to other handoffs.
    UpdateGateway {
        /// Which.
        virtual_gateway_id: String,
        /// For people, from then on; absent: as before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        /// All its handoffs from then on; absent: as before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        handoffs: Option<Vec<Handoff>>,
    }
    /// Removes a virtual gateway.
    DeleteGateway {
        /// Which.
        virtual_gateway_id: String,
    }
    /// Makes a transit gateway of an account.
    CreateTransitGateway {
        /// Whose.
        account_id: String,
        /// For people; absent: none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        /// Its autonomous system number.
        #[serde(default = "default_asn")]
        amazon_side_asn: i64,
        /// Where the edges hand its traffic over.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        handoffs: Vec<Handoff>,
    }
    /// Renames a transit gateway, or moves it to other handoffs.
    UpdateTransitGateway {
        /// Which.
        transit_gateway_id: String,
        /// For people, from then on; absent: as before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        /// All its handoffs from then on; absent: as before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        handoffs: Option<Vec<Handoff>>,
    }
    /// Removes a transit gateway.
    DeleteTransitGateway {
        /// Which.
        transit_gateway_id: String,
    }
    /// Where one edge hands a gateway's traffic to the cloud's fabric.
    Handoff {
        /// The router.
        edge_id: String,
        /// Its interface towards the fabric, which goes into the gateway's VRF.
        interface: String,
        /// Next hop of the VPC's prefixes; IPv4 or IPv6.
        next_hop: String,
        /// The fabric's router to have a BGP session with there; absent: none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fabric_peer: Option<FabricPeer>,
    }
    /// The BGP peer of a handoff.
    FabricPeer {
        /// Its address on the handoff's link, of the next hop's family.
        address: String,
        /// Its autonomous system number.
        asn: i64,
        /// The session's MD5 key; absent: none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        auth_key: Option<Secret>,
    }
    /// Says where the routers of a Direct Connect gateway reach one another, in the place of what was said before.
    PutBackbone {
        /// The gateway.
        direct_connect_gateway_id: String,
        /// All its handoffs, one at most for each router and address family. Each has a peer, whose address is the next hop.
        handoffs: Vec<Handoff>,
    }
    /// Takes the backbone of a Direct Connect gateway away: SiteLink works on each router by itself then.
    DeleteBackbone {
        /// The gateway.
        direct_connect_gateway_id: String,
    }
    /// Says what public virtual interfaces reach from an edge router, in the place of what was said before.
    PutPublicNetwork {
        /// The router.
        edge_id: String,
        /// The operator's prefixes, announced to customers.
        prefixes: Vec<String>,
        /// Where the router reaches them.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        handoffs: Vec<Handoff>,
    }
    /// Takes the public network of an edge router away.
    DeletePublicNetwork {
        /// The router.
        edge_id: String,
    }
}

fn default_asn() -> i64 {
    64512
}
