//! The counters of each operation, found without hashing; and the count of things by state.

use linkway_wire::generated::Operation;
use linkway_wire::operation::{LinkwayOperation, Target};

use super::{Api, edge_metrics};
use crate::clock;
use crate::state_counts::StateCounts;
use crate::telemetry::{self, Telemetry};

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

impl Api {
    /// Everything that is counted, and what the edges last said.
    pub(super) fn scrape(&self) -> String {
        count_fleet(&self.telemetry, self.records.state_counts());
        self.telemetry.ready.set(i64::from(self.readiness().is_ok()));
        let mut text = self.telemetry.render();
        let end = text.len() - text.strip_suffix(END).map_or(0, |_| END.len());
        text.truncate(end);
        let silence = self.records.settings().silence;
        edge_metrics::write(&mut text, &self.feed.all_heard(), clock::now(), silence);
        text.push_str(END);
        text
    }
}

/// What the text format ends with.
const END: &str = "# EOF\n";

/// Brings the gauges up to date.
fn count_fleet(telemetry: &Telemetry, state_counts: &StateCounts) {
    for ((kind, state), count) in state_counts.counts() {
        let count = u64::try_from(count).unwrap_or_default();
        match kind {
            "interface" => telemetry.fleet.interfaces(state, count),
            _ => telemetry.fleet.connections(state, count),
        }
    }
}
