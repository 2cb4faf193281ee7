//! Which routing tables are whose.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

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
    /// In use by what is not in the kernel's picture here.
    others: &'a BTreeSet<u32>,
    /// Below it none of our range is free: tables are given, never taken back.
    next: u32,
}

impl<'a> Tables<'a> {
    pub(super) fn new(
        kernel: &'a Kernel,
        marks: &'a Marks,
        wanted: &'a [Arc<GatewayConfig>],
        others: &'a BTreeSet<u32>,
    ) -> Self {
        let (mut used, mut foreign) = (BTreeSet::new(), BTreeSet::new());
        for (name, link) in &kernel.links {
            let LinkKind::Vrf { table } = link.kind else { continue };
            used.insert(table);
            if !marks.owns_link(name, link) || !marks.owns_table(table) {
                foreign.insert(table);
            }
        }
        // Two VRFs on one table would be one: the first by name of those that stay keeps it.
        let mut names: Vec<&str> =
            wanted.iter().map(|one| one.virtual_gateway_id.as_str()).collect();
        names.sort_unstable();
        let (mut ours, mut kept) = (BTreeMap::new(), foreign);
        for name in names {
            let Some(link) = kernel.links.get(name) else { continue };
            let LinkKind::Vrf { table } = link.kind else { continue };
            if kept.insert(table) {
                ours.insert(name, table);
            }
        }
        used.extend(kernel.routes.iter().map(|route| route.table));
        Self { marks, ours, used, others, next: marks.first_table }
    }

    fn of(&self, gateway: &GatewayConfig) -> Option<u32> {
        self.ours.get(gateway.virtual_gateway_id.as_str()).copied()
    }

    /// The table of a gateway; `None`: no table is free.
    pub(super) fn give(&mut self, gateway: &GatewayConfig) -> Option<u32> {
        if let Some(table) = self.of(gateway) {
            return Some(table);
        }
        let end = self.marks.first_table.checked_add(self.marks.tables)?;
        let mut free = self.next;
        while let after = behind(self.others, behind(&self.used, free))
            && after != free
        {
            free = after;
        }
        if free >= end {
            return None;
        }
        self.used.insert(free);
        self.next = free;
        Some(free)
    }
}

/// The first number from this on that is not in a set.
fn behind(set: &BTreeSet<u32>, from: u32) -> u32 {
    let run = set.range(from..).zip(from..).take_while(|(there, at)| *there == at);
    run.last().map_or(from, |(last, _)| last.saturating_add(1))
}
