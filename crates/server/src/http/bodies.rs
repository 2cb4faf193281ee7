//! The memory that unfinished request bodies may take, of all connections together and of one address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::limits::source::place;

/// A body of at most this many bytes is not counted: it is no more than a connection's own buffers take.
pub(super) const SMALL: usize = 16 * 1024;

/// The bytes of bodies that are being read or answered.
pub(super) struct Bodies {
    most: usize,
    most_of_address: usize,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    all: usize,
    of_address: HashMap<IpAddr, usize>,
}

/// The bytes of one body, which are given back when this is dropped.
pub(super) struct Share<'a> {
    bodies: &'a Bodies,
    address: IpAddr,
    bytes: usize,
}

impl Bodies {
    /// None yet, of at most this many bytes, and this many of one address.
    pub fn new(most: usize, most_of_address: usize) -> Self {
        Self { most, most_of_address, held: Mutex::default() }
    }

    /// A body of no bytes yet.
    pub fn share(&self, address: IpAddr) -> Share<'_> {
        Share { bodies: self, address: place(address), bytes: 0 }
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        // A panic cannot leave two numbers half-written that matter more than by a body.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Share<'_> {
    /// The body has this many bytes. False if there is no room for them.
    pub fn grow(&mut self, bytes: usize) -> bool {
        if bytes <= SMALL || bytes <= self.bytes {
            return true;
        }
        let more = bytes - self.bytes;
        let mut held = self.bodies.lock();
        let own = held.of_address.get(&self.address).copied().unwrap_or(0) + more;
        if held.all + more > self.bodies.most || own > self.bodies.most_of_address {
            return false;
        }
        held.all += more;
        held.of_address.insert(self.address, own);
        self.bytes = bytes;
        true
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        if self.bytes == 0 {
            return;
        }
        let mut held = self.bodies.lock();
        held.all -= self.bytes;
        if let Some(own) = held.of_address.get_mut(&self.address) {
            *own -= self.bytes;
            if *own == 0 {
                held.of_address.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_share_what_there_is() {
        let bodies = Bodies::new(100_000, 60_000);
        let (one, other) = ([192, 0, 2, 1].into(), [192, 0, 2, 2].into());
        let mut first = bodies.share(one);
        assert!(first.grow(20_000) && first.grow(40_000), "it grows");
        let mut second = bodies.share(one);
        assert!(second.grow(SMALL), "small ones are free");
        assert!(!second.grow(30_000), "more than one address may have");
        let mut third = bodies.share(other);
        assert!(third.grow(60_000));
        assert!(!bodies.share([192, 0, 2, 3].into()).grow(20_000), "more than all may have");
        drop(first);
        assert!(second.grow(30_000), "what was given back is there again");
        drop((second, third));
        assert_eq!(bodies.lock().all, 0);
        assert!(bodies.lock().of_address.is_empty());
    }
}
