//! Which routing tables are whose.

use std::collections::{BTreeMap, BTreeSet};

use linkway_domain::edge::GatewayConfig;

use crate::kernel::{Kernel, LinkKind};
use crate::mark::Marks;

/// See the module. A gateway keeps the table that its VRF has; a newcomer gets the lowest of our range
/// that neither a VRF nor a route uses.
pub(super) struct Tables<'a> {
    marks: &'a Marks,
    /// Ours, by the VRF's name.
    ours: BTreeMap<&'a str, u32>,
    used: BTreeSet<u32>,
}

impl<'a> Tables<'a> {
    pub(super) fn new(kernel: &'a Kernel, marks: &'a Marks) -> Self {
        let (mut ours, mut foreign): (BTreeMap<&str, u32>, BTreeSet<u32>) = Default::default();
        let mut used = BTreeSet::new();
        for (name, link) in &kernel.links {
            let LinkKind::Vrf { table } = link.kind else { continue };
            if !marks.owns_link(name, link) || !marks.owns_table(table) {
                foreign.insert(table);
                used.insert(table);
            } else if used.insert(table) {
                // Two VRFs on one table would be one: the first by name keeps it.
                ours.insert(name, table);
            }
        }
        ours.retain(|_, table| !foreign.contains(table));
        used.extend(kernel.routes.iter().map(|route| route.table));
        Self { marks, ours, used }
    }

    fn of(&self, gateway: &GatewayConfig) -> Option<u32> {
        self.ours.get(gateway.virtual_gateway_id.as_str()).copied()
    }

    /// The table of a gateway; `None`: no table is free.
    pub(super) fn give(&mut self, gateway: &GatewayConfig) -> Option<u32> {
        if let Some(table) = self.of(gateway) {
            return Some(table);
        }
        let last = self.marks.first_table.checked_add(self.marks.tables)?;
        let free = (self.marks.first_table..last).find(|table| !self.used.contains(table))?;
        self.used.insert(free);
        Some(free)
    }
}
