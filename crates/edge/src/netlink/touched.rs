//! A look at a few links, tables and filters instead of all.

use std::collections::BTreeMap;

use super::Netlink;
use super::error::KernelError;
use super::exchange::Answer;
use super::news::Heard;
use super::observe::note_filters;
use super::picture::{self, Found, RoutesFound};
use super::record::{AddressRecord, KindRecord, LinkRecord};
use super::request::{self, Request};
use super::request_route::Routes;
use crate::kernel::Kernel;

/// How many links, tables and links' filters are looked at one by one.
const FEW: usize = 256;

type FoundLinks = BTreeMap<String, Option<(LinkRecord, Vec<AddressRecord>)>>;

impl Netlink {
    /// Brings the picture of the last look up to date with what was changed and what the kernel has told of since. `false`:
    /// there is too much of it, or this kernel cannot be asked for a part.
    ///
    /// # Errors
    /// As for [`Netlink::observe`].
    pub fn observe_news(&mut self, kernel: &mut Kernel) -> Result<bool, KernelError> {
        self.hear();
        let heard = std::mem::take(&mut self.heard);
        let few = [heard.links.len(), heard.names.len(), heard.tables.len(), heard.filters.len()]
            .iter()
            .all(|number| *number <= FEW);
        if heard.everything || !few || !self.socket.strict {
            self.heard = heard;
            return Ok(false);
        }
        let result = self.look_at(kernel, &heard);
        if result.is_err() {
            // The picture may be half of each.
            self.heard.everything = true;
        }
        result.map(|()| true)
    }

    fn look_at(&mut self, kernel: &mut Kernel, heard: &Heard) -> Result<(), KernelError> {
        let links = self.find_links(heard)?;
        let mut tables = heard.tables.clone();
        for (name, found) in &links {
            let before = self.index.links.get(name);
            let after = found.as_ref().map(|(record, _)| record);
            let new = links.values().flatten().map(|(record, _)| record);
            for record in before.into_iter().chain(after) {
                tables.extend(self.index.table_of(record).or_else(|| own_table(record)));
                // Into a VRF that is new as well.
                let master = new.clone().find(|vrf| Some(vrf.index) == record.master);
                tables.extend(master.and_then(own_table));
            }
        }
        let mut routes = RoutesFound::default();
        for table in &tables {
            let found = self.routes_of(Routes::OfTable(*table))?;
            routes.routes.extend(found.routes.into_iter().filter(|route| route.table == *table));
            routes.kernels.extend(found.kernels.into_iter().filter(|route| route.table == *table));
        }
        let mut filtered = Vec::new();
        for link in &heard.filters {
            let found = self.filters_of(*link)?;
            note_filters(&mut self.index.filters, *link, &found);
            filtered.push(*link);
        }
        if heard.rules {
            self.index.rules = self.rules()?;
            kernel.rules = self.index.rules.iter().map(|record| record.rule).collect();
        }
        if heard.ipv6_sources {
            kernel.checks_ipv6_sources = self.ip6tables.checks();
        }
        self.forwards_ipv6 = super::sysctl::forwards_ipv6();
        kernel.forwards_ipv6 = self.forwards_ipv6;
        picture::patch(kernel, &mut self.index, Found { links, tables, routes }, &self.marks);
        for link in filtered {
            self.show_filters(kernel, link);
        }
        Ok(())
    }

    /// Puts what is known of a link's filters into the picture.
    fn show_filters(&self, kernel: &mut Kernel, link: u32) {
        let name = self.index.links.name_of(link);
        if let Some(shown) = name.and_then(|name| kernel.links.get_mut(name)) {
            let filters = self.index.filters.get(&link).copied().unwrap_or_default();
            (shown.fence, shown.drops) = (filters.fence, filters.drops);
        }
    }

    /// The links that something was told of, by what they are called now and by what they were called.
    fn find_links(&mut self, heard: &Heard) -> Result<FoundLinks, KernelError> {
        let mut found = FoundLinks::new();
        for index in &heard.links {
            if let Some(name) = self.index.links.name_of(*index) {
                found.entry(name.to_owned()).or_insert(None);
            }
            let link = self.link(request::get_link_at(*index), &format!("link {index}"))?;
            if let Some(link) = link {
                let addresses = self.addresses_of(&link)?;
                found.insert(link.name.clone(), Some((link, addresses)));
            }
        }
        for name in &heard.names {
            if found.get(name).is_some_and(Option::is_some) {
                continue;
            }
            // The kernel also finds links by other names of theirs.
            let link = self.link(request::get_link(name), name)?.filter(|link| link.name == *name);
            let link = match link {
                Some(link) => {
                    let addresses = self.addresses_of(&link)?;
                    Some((link, addresses))
                }
                None => None,
            };
            found.insert(name.clone(), link);
        }
        Ok(found)
    }

    fn addresses_of(&mut self, link: &LinkRecord) -> Result<Vec<AddressRecord>, KernelError> {
        let mut addresses = self.addresses(Some(link.index))?;
        addresses.retain(|address| address.index == link.index);
        Ok(addresses)
    }

    /// A link of this name, with what the kernel has counted.
    ///
    /// # Errors
    /// When the kernel does not answer.
    pub fn glance(&mut self, name: &str) -> Result<Option<LinkGlance>, KernelError> {
        // The kernel also finds links by other names of theirs.
        let found = self.link(request::get_link(name), name)?.filter(|link| link.name == *name);
        Ok(found.map(|link| LinkGlance {
            index: link.index,
            carrier: link.carrier,
            received: link.traffic.packets_in,
        }))
    }

    fn link(&mut self, question: Request, what: &str) -> Result<Option<LinkRecord>, KernelError> {
        const ENODEV: i32 = 19;
        let sequence = self.next_sequence();
        let doing = || format!("reading {what}");
        match self.exchange(&question.numbered(sequence), &[sequence]).remove(&sequence) {
            Some(Answer::Link(record)) => Ok(Some(record)),
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

/// What there is to see of a link at a glance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkGlance {
    /// Its index.
    pub index: u32,
    /// Whether it has a carrier.
    pub carrier: bool,
    /// The frames that it has received.
    pub received: u64,
}

/// The table of a VRF.
fn own_table(record: &LinkRecord) -> Option<u32> {
    match record.kind {
        KindRecord::Vrf { table } => Some(table),
        KindRecord::Vlan { .. } | KindRecord::Other => None,
    }
}
