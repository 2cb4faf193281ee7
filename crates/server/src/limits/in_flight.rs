//! What one account has in flight: requests that are being answered, and bytes of answers that its clients have not taken. An
//! answer that nobody takes stays in memory, so whoever asks much and reads nothing is refused more. Its long lists take turns,
//! since they would keep all threads from the other accounts.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use linkway_domain::id::AccountId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Lists of one account that are read and written at a time.
const LISTS: usize = 2;

/// The most that one account may have in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Most {
    /// Requests, from their authentication until their answers were taken.
    pub requests: usize,
    /// Bytes of answers.
    pub bytes: usize,
}

/// What all accounts have in flight. Shared by all requests; lives as long as the server.
pub struct InFlight {
    most: Most,
    accounts: Mutex<HashMap<AccountId, Load>>,
}

struct Load {
    requests: usize,
    bytes: usize,
    lists: Arc<Semaphore>,
}

impl Default for Load {
    fn default() -> Self {
        Self { requests: 0, bytes: 0, lists: Arc::new(Semaphore::new(LISTS)) }
    }
}

/// One request in flight, until this is dropped.
pub struct Flight {
    all: Arc<InFlight>,
    account: AccountId,
    bytes: usize,
    turn: Option<OwnedSemaphorePermit>,
}

/// There is no room for more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

impl InFlight {
    /// Nothing is in flight.
    #[must_use]
    pub fn new(most: Most) -> Self {
        Self { most, accounts: Mutex::default() }
    }

    /// One more request of an account. Call it only with accounts that exist.
    ///
    /// # Errors
    ///
    /// If it has as many as it may have, or as many bytes.
    pub fn begin(self: &Arc<Self>, account: &AccountId) -> Result<Flight, Full> {
        let mut accounts = self.lock();
        let load = accounts.entry(account.clone()).or_default();
        // Nobody who has nothing in flight is refused, so that no empty entry stays.
        if load.requests >= self.most.requests.max(1) || load.bytes >= self.most.bytes.max(1) {
            return Err(Full);
        }
        load.requests += 1;
        Ok(Flight { all: Arc::clone(self), account: account.clone(), bytes: 0, turn: None })
    }

    /// Accounts that have something in flight.
    #[must_use]
    pub fn accounts(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<AccountId, Load>> {
        // Nothing in here can panic half-way.
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Flight {
    /// Its answer may take this many bytes.
    ///
    /// # Errors
    ///
    /// If the account has no room for them.
    pub fn reserve(&mut self, bytes: usize) -> Result<(), Full> {
        let mut accounts = self.all.lock();
        let load = accounts.entry(self.account.clone()).or_default();
        let after = (load.bytes - self.bytes).saturating_add(bytes);
        if after > self.all.most.bytes && bytes > self.bytes {
            return Err(Full);
        }
        load.bytes = after;
        self.bytes = bytes;
        Ok(())
    }

    /// The account's lists, of which this flight is to be one.
    #[must_use]
    pub fn lists(&self) -> Arc<Semaphore> {
        Arc::clone(&self.all.lock().entry(self.account.clone()).or_default().lists)
    }

    /// It has its turn among the account's lists until its answer is made.
    pub fn take_turn(&mut self, turn: OwnedSemaphorePermit) {
        self.turn = Some(turn);
    }

    /// An answer that ends this flight once it is no longer in memory, whatever its size.
    #[must_use]
    pub fn carry(mut self, answer: Bytes) -> Bytes {
        self.turn = None;
        {
            let mut accounts = self.all.lock();
            let load = accounts.entry(self.account.clone()).or_default();
            load.bytes = load.bytes - self.bytes + answer.len();
        }
        self.bytes = answer.len();
        Bytes::from_owner(Carried { answer, _flight: self })
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        let mut accounts = self.all.lock();
        let Some(load) = accounts.get_mut(&self.account) else { return };
        load.requests -= 1;
        load.bytes -= self.bytes;
        if load.requests == 0 {
            accounts.remove(&self.account);
        }
    }
}

struct Carried {
    answer: Bytes,
    _flight: Flight,
}

impl AsRef<[u8]> for Carried {
    fn as_ref(&self) -> &[u8] {
        &self.answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(id: &str) -> AccountId {
        AccountId::parse(id).unwrap()
    }

    #[test]
    fn requests_and_unread_answers_are_bounded_for_each_account() {
        let all = Arc::new(InFlight::new(Most { requests: 3, bytes: 1000 }));
        let (one, other) = (account("123456789012"), account("210987654321"));
        let mut flights: Vec<Flight> = (0..3).map(|_| all.begin(&one).unwrap()).collect();
        assert_eq!(all.begin(&one).err(), Some(Full), "a fourth request");
        assert!(all.begin(&other).is_ok(), "another account");
        assert_eq!(flights[0].reserve(600), Ok(()));
        assert_eq!(flights[1].reserve(600), Err(Full));
        assert_eq!(flights[0].reserve(100), Ok(()), "less is always possible");
        assert_eq!(flights[1].reserve(600), Ok(()));
        let unread = flights.remove(0).carry(Bytes::from(vec![0; 900]));
        assert_eq!(unread.len(), 900);
        drop(flights);
        assert!(all.begin(&one).is_ok());
        let second = all.begin(&one).unwrap().carry(Bytes::from(vec![0; 100]));
        assert_eq!(all.begin(&one).err(), Some(Full), "a thousand bytes are unread");
        drop(unread.slice(..10));
        assert_eq!(all.begin(&one).err(), Some(Full));
        drop((unread, second));
        assert!(all.begin(&one).is_ok(), "they were taken");
        assert_eq!(all.accounts(), 0);
    }
}
