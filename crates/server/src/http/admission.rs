//! Which connection gets a place when there are as many as there may be.
//!
//! A connection that waits for its client costs that client nothing, so whoever opens thousands of them could take every
//! place. So one more takes the place of one that waits: of the address that has most of them, first of those that never got
//! an answer other than an error, the oldest first. Only when every connection is being answered is one refused.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use tokio::task::AbortHandle;

use super::watch::Watch;
use crate::limits::source::place;

/// The open connections of a listener.
pub(super) struct Connections {
    most: usize,
    most_of_address: usize,
    open: HashMap<u64, Entry>,
    /// The numbers of an address's connections, the oldest first.
    of_address: HashMap<IpAddr, BTreeSet<u64>>,
    /// How many connections each address has.
    counts: BTreeSet<(usize, IpAddr)>,
    next: u64,
}

struct Entry {
    address: IpAddr,
    watch: Arc<Watch>,
    task: AbortHandle,
}

/// Whether there is a place for one more connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// There is.
    Free,
    /// There is once this one is cut.
    Instead(u64),
    /// There is none: all are being answered.
    None,
}

impl Connections {
    /// None, of at most this many, and this many of one address.
    pub fn new(most: usize, most_of_address: usize) -> Self {
        Self {
            most,
            most_of_address,
            open: HashMap::new(),
            of_address: HashMap::new(),
            counts: BTreeSet::new(),
            next: 0,
        }
    }

    /// Where one more connection of an address goes, which is bounded by itself if it is one source.
    pub fn place(&self, address: IpAddr, one_source: bool) -> Place {
        let address = place(address);
        let own = self.of_address.get(&address).map_or(0, BTreeSet::len);
        let victim = if one_source && own >= self.most_of_address {
            self.victim(&address)
        } else if self.open.len() >= self.most {
            self.counts.iter().rev().find_map(|(_, address)| self.victim(address))
        } else {
            return Place::Free;
        };
        victim.map_or(Place::None, Place::Instead)
    }

    /// The connection of an address that is missed least; `None` if all are being answered.
    fn victim(&self, address: &IpAddr) -> Option<u64> {
        let mut best = None;
        for id in self.of_address.get(address)? {
            let watch = &self.open.get(id)?.watch;
            if !watch.waits() {
                continue;
            }
            let worth = (watch.is_writing(), watch.was_served());
            if worth == (false, false) {
                return Some(*id);
            }
            best = best.filter(|(known, _)| *known <= worth).or(Some((worth, *id)));
        }
        best.map(|(_, id)| id)
    }

    /// The number of the next connection.
    pub fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// A connection was opened.
    pub fn insert(&mut self, id: u64, address: IpAddr, watch: Arc<Watch>, task: AbortHandle) {
        let address = place(address);
        let own = self.of_address.entry(address).or_default();
        self.counts.remove(&(own.len(), address));
        own.insert(id);
        self.counts.insert((own.len(), address));
        self.open.insert(id, Entry { address, watch, task });
    }

    /// A connection is over.
    pub fn remove(&mut self, id: u64) {
        let Some(Entry { address, .. }) = self.open.remove(&id) else { return };
        let Some(own) = self.of_address.get_mut(&address) else { return };
        self.counts.remove(&(own.len(), address));
        own.remove(&id);
        if own.is_empty() {
            self.of_address.remove(&address);
        } else {
            self.counts.insert((own.len(), address));
        }
    }

    /// Some connection is over.
    pub fn remove_finished(&mut self) {
        let over = self.open.iter().filter(|(_, entry)| entry.task.is_finished());
        let over: Vec<u64> = over.map(|(id, _)| *id).collect();
        over.into_iter().for_each(|id| self.remove(id));
    }

    /// Cuts a connection.
    pub fn cut(&mut self, id: u64) {
        if let Some(entry) = self.open.get(&id) {
            entry.task.abort();
            self.remove(id);
        }
    }
}
