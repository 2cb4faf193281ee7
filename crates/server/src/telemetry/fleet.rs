//! How many of what there are, by state.

use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::One;

/// Virtual interfaces and connections by state; states are the API's words.
#[derive(Clone)]
pub struct FleetMetrics {
    interfaces: One<Gauge>,
    connections: One<Gauge>,
}

impl FleetMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let fleet = Self { interfaces: One::default(), connections: One::default() };
        let help = "Virtual interfaces by state";
        registry.register("linkway_interfaces", help, fleet.interfaces.clone());
        let help = "Connections (ports lent to a tenant) by state";
        registry.register("linkway_connections", help, fleet.connections.clone());
        fleet
    }

    /// There are `count` interfaces in `state`.
    pub fn interfaces(&self, state: &'static str, count: u64) {
        set(&self.interfaces, state, count);
    }

    /// There are `count` connections in `state`.
    pub fn connections(&self, state: &'static str, count: u64) {
        set(&self.connections, state, count);
    }
}

fn set(family: &One<Gauge>, state: &'static str, count: u64) {
    family.get_or_create(&[("state", state)]).set(i64::try_from(count).unwrap_or(i64::MAX));
}
