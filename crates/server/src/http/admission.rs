//! Which connection gets a place when there are as many as there may be.
//!
//! A connection that waits for a request costs its peer nothing, so whoever opens thousands of them could take every place. So
//! one more takes the place of one that waits: of the address that has most of them, first of those that never got an
//! answer other than an error, the oldest first. Only when every connection is being answered is one refused.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use tokio::task::AbortHandle;

use super::watch::Watch;

/// The open connections of a listener.
pub(super) struct Connections {
    most: usize,
    most_of_address: usize,
    open: HashMap<u64, Entry>,
    of_address: HashMap<IpAddr, usize>,
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
        Self { most, most_of_address, open: HashMap::new(), of_address: HashMap::new(), next: 0 }
    }

    /// Where one more connection of an address goes.
    pub fn place(&self, address: IpAddr) -> Place {
        let own = self.of_address.get(&address).copied().unwrap_or(0);
        if own >= self.most_of_address {
            self.victim(|entry| entry.address == address)
        } else if self.open.len() >= self.most {
            self.victim(|_| true)
        } else {
            Place::Free
        }
    }

    fn victim(&self, among: impl Fn(&Entry) -> bool) -> Place {
        let waiting = self.open.iter().filter(|(_, entry)| among(entry) && entry.watch.waits());
        let worth = |(id, entry): &(&u64, &Entry)| {
            let siblings = self.of_address.get(&entry.address).copied().unwrap_or(0);
            (std::cmp::Reverse(siblings), entry.watch.was_served(), **id)
        };
        waiting.min_by_key(worth).map_or(Place::None, |(id, _)| Place::Instead(*id))
    }

    /// The number of the next connection.
    pub fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// A connection was opened.
    pub fn insert(&mut self, id: u64, address: IpAddr, watch: Arc<Watch>, task: AbortHandle) {
        *self.of_address.entry(address).or_default() += 1;
        self.open.insert(id, Entry { address, watch, task });
    }

    /// A connection is over.
    pub fn remove(&mut self, id: u64) {
        let Some(entry) = self.open.remove(&id) else { return };
        if let Some(own) = self.of_address.get_mut(&entry.address) {
            *own -= 1;
            if *own == 0 {
                self.of_address.remove(&entry.address);
            }
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
