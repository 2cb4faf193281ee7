//! A look at a few links and tables instead of all.

use std::collections::{BTreeMap, BTreeSet};

use super::error::KernelError;
use super::exchange::Answer;
use super::record::{self, Found, LinkRecord};
use super::request::{self, Routes};
use super::{Netlink, describe};
use crate::kernel::{Change, Kernel, LinkKind};

/// How many links are looked at one by one.
const FEW: usize = 32;

impl Netlink {
    /// Brings the picture of the last look up to date with changes that were made since. `false`: there are too many of
    /// them, or this kernel cannot be asked for a part.
    ///
    /// # Errors
    /// As for [`Netlink::observe`].
    pub fn observe_touched(
        &mut self,
        kernel: &mut Kernel,
        changes: &[&Change],
    ) -> Result<bool, KernelError> {
        let names: BTreeSet<&str> =
            changes.iter().flat_map(|change| describe::names(change)).collect();
        if names.len() > FEW || !self.socket.strict {
            return Ok(false);
        }
        let mut tables: BTreeSet<u32> = changes.iter().filter_map(|change| table(change)).collect();
        tables.extend(names.iter().flat_map(|name| tables_of(kernel, name)));
        let mut links = BTreeMap::new();
        for name in names {
            let found = match self.link(name)? {
                Some(link) => {
                    let addresses = self.addresses(Some(link.index))?;
                    let index = link.index;
                    let own = addresses.into_iter().filter(|address| address.index == index);
                    Some((link, own.collect()))
                }
                None => None,
            };
            links.insert(name.to_owned(), found);
        }
        let mut routes = Vec::new();
        for table in &tables {
            let found = self.routes_of(Routes::OfTable(*table))?.0;
            routes.extend(found.into_iter().filter(|route| route.table == *table));
        }
        record::patch(kernel, &mut self.index, Found { links, tables, routes });
        Ok(true)
    }

    /// The link of this very name; the kernel also finds links by other names of theirs.
    fn link(&mut self, name: &str) -> Result<Option<LinkRecord>, KernelError> {
        const ENODEV: i32 = 19;
        let sequence = self.next_sequence();
        let question = request::get_link(name).numbered(sequence);
        let doing = || format!("reading {name}");
        match self.exchange(&question, &[sequence]).remove(&sequence) {
            Some(Answer::Link(record)) => Ok(Some(record).filter(|record| record.name == name)),
            Some(Answer::Outcome(outcome)) if outcome.errno == ENODEV => Ok(None),
            Some(Answer::Outcome(outcome)) => Err(KernelError::Refused {
                doing: doing(),
                why: std::io::Error::from_raw_os_error(outcome.errno),
                detail: outcome.text,
            }),
            None => Err(KernelError::Unanswered { doing: doing() }),
        }
    }
}

/// The table that a change is about.
fn table(change: &Change) -> Option<u32> {
    match change {
        Change::AddRoute(route) | Change::DeleteRoute(route) => Some(route.table),
        Change::AddVrf { table, .. } => Some(*table),
        Change::AddVlan { .. }
        | Change::DeleteLink { .. }
        | Change::SetAlias { .. }
        | Change::SetMtu { .. }
        | Change::SetMaster { .. }
        | Change::SetConf { .. }
        | Change::SetUp { .. }
        | Change::AddAddress { .. }
        | Change::DeleteAddress { .. } => None,
    }
}

/// The tables whose routes change with a link: the VRF's own, that of the VRF that it is in.
fn tables_of(kernel: &Kernel, name: &str) -> impl Iterator<Item = u32> {
    let table = |name: &str| match kernel.links.get(name)?.kind {
        LinkKind::Vrf { table } => Some(table),
        LinkKind::Vlan { .. } | LinkKind::Other => None,
    };
    let master = kernel.links.get(name).and_then(|link| link.master.as_deref());
    [table(name), master.and_then(table)].into_iter().flatten()
}
