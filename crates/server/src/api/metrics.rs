//! The counters of each operation, found without hashing; and the count of things by state.

use linkway_wire::generated::Operation;
use linkway_wire::operation::{LinkwayOperation, Target};

use crate::census::Census;
use crate::rim::telemetry::{self, Telemetry};

/// A handle for each operation that there is, and one for all that are not.
pub(crate) struct ByTarget {
    tenant: Vec<telemetry::Operation>,
    linkway: Vec<telemetry::Operation>,
    unknown: telemetry::Operation,
}

impl ByTarget {
    pub(super) fn new(operations: &telemetry::Operations) -> Self {
        Self {
            tenant: Operation::ALL.iter().map(|o| operations.operation(o.name())).collect(),
            linkway: LinkwayOperation::ALL.iter().map(|o| operations.operation(o.name())).collect(),
            unknown: operations.operation("unknown"),
        }
    }

    /// The handle of a target. The lists are in the order of the enums.
    pub(super) fn of(&self, target: Option<&Target>) -> &telemetry::Operation {
        match target {
            Some(Target::Tenant(operation)) => &self.tenant[*operation as usize],
            Some(Target::Linkway(operation)) => &self.linkway[*operation as usize],
            None => &self.unknown,
        }
    }
}

/// Brings the gauges up to date.
pub(super) fn count_fleet(telemetry: &Telemetry, census: &Census) {
    for ((kind, state), count) in census.counts() {
        let count = u64::try_from(count).unwrap_or_default();
        match kind {
            "interface" => telemetry.fleet.interfaces(state, count),
            _ => telemetry.fleet.connections(state, count),
        }
    }
}
