//! The tenants' API <-> the domain: requests become commands, resources become the model's structures, faults become
//! errors. One file a resource. Nothing is judged here.
//!
//! Required members of a request are there: [`crate::validate::Validate`] saw to it.

mod bgp_peer;
mod connection;
mod customer_agreement;
mod dx_gateway;
mod failover_test;
mod fault;
mod gateway_association;
mod location;
mod new_interface;
mod public_interface;
mod route;
mod tag;
mod transit_interface;
mod virtual_gateway;
mod virtual_interface;

use linkway_domain::Time;
use linkway_domain::id::AccountId;
use linkway_domain::tag::Tags;
use linkway_domain::virtual_interface::InterfaceReport;
use linkway_domain::virtual_interface::Secret;

use crate::value;

pub use connection::connection;
pub use customer_agreement::agreements;
pub use dx_gateway::{dx_attachment, dx_gateway};
pub use failover_test::failover_test;
pub use gateway_association::{association, proposal};
pub use location::location;
pub use route::{filter_texts, route};
pub use tag::{tag_pairs, tags};
pub use virtual_gateway::virtual_gateway;
pub use virtual_interface::{Interface, Interfaces, Wrapped, router_configuration};

/// What an answer depends on besides the record.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// The region's name.
    pub region: &'a str,
    /// The moment.
    pub now: Time,
    /// Who reads; nobody in particular for the operator's lists.
    pub reader: Option<&'a AccountId>,
    /// What the reader has labelled the resource with.
    pub tags: Option<&'a Tags>,
    /// What the edge last said of an interface.
    pub report: Option<&'a InterfaceReport>,
    /// Whether the resource's edge has been silent for too long.
    pub edge_silent: bool,
}

fn secret(key: Option<value::Secret>) -> Option<Secret> {
    key.map(|key| Secret(key.into_exposed()))
}
