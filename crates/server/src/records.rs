//! Read, decide, commit: the one way in which anything changes.
//!
//! A command is decided on a view of the records that it asks for, and committed with compare-and-set on all of them. When
//! something changed meanwhile, the whole is done again on a fresh view.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;

use linkway_domain::access_key::Principal;
use linkway_domain::decide::{Command, Context, Outcome as _, decide};
use linkway_domain::fault::Fault;
use linkway_domain::index::Index;
use linkway_domain::key::{self, Key};
use linkway_domain::record::Record;
use linkway_domain::seed::Seed;
use linkway_domain::settings::Settings;
use linkway_domain::time::Time;
use linkway_domain::view::{Ask, Asked, FIRST, First, Stop, View};
use linkway_store::seal::Sealer;
use linkway_store::{Commit, CommitError, Compare, Revision, Store, StoreError, Versioned, Write};

use crate::codec::{self, CodecError};
use crate::state_counts::StateCounts;

/// How often a command is decided again after a lost compare-and-set. Each loss means that somebody else got through,
/// so running out of these takes as many others in a row.
const MOST_ATTEMPTS: usize = 200;

/// Why a command was not carried out.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Failure {
    /// A rule says no.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// The store could not.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What is stored cannot be read.
    #[error("{key}: {error}")]
    Codec {
        /// Under which key.
        key: String,
        /// Why.
        error: CodecError,
    },
    /// Others were faster too many times.
    #[error("too many others are changing the same things")]
    Contended,
    /// A commit that no store takes: a mistake of this program.
    #[error("the commit is not acceptable: {0}")]
    Refused(String),
}

impl From<CommitError> for Failure {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Store(error) => error.into(),
            other => Self::Refused(other.to_string()),
        }
    }
}

/// Makes the audit record of a change, given the moment and the ids of the resources that it was about; the bytes are stored
/// as they are.
pub type Audit<'a> = &'a (dyn Fn(Time, &[Cow<'_, str>]) -> (Key, Vec<u8>) + Send + Sync);

/// How many records are read at a time: what an etcd transaction takes.
const CHUNK: usize = 100;

/// How many entries of an index are read at a time where all are wanted.
const WHOLE_PAGE: usize = 1000;

/// The store with its codec and the operator's settings.
pub struct Records {
    store: Arc<dyn Store>,
    sealer: Sealer,
    settings: Settings,
    state_counts: StateCounts,
}

impl Records {
    /// Over a store.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, sealer: Sealer, settings: Settings) -> Self {
        Self { store, sealer, settings, state_counts: StateCounts::default() }
    }

    /// The store itself.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// The operator's settings.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The count of things by state.
    #[must_use]
    pub fn state_counts(&self) -> &StateCounts {
        &self.state_counts
    }

    /// The record at a key, with its version.
    pub async fn versioned(&self, key: &Key) -> Result<Option<(u64, Record)>, Failure> {
        let Some(found) = self.store.get(key.as_str()).await? else { return Ok(None) };
        Ok(Some((found.version, self.decode(key.as_str(), &found)?)))
    }

    /// The record at a key.
    pub async fn get(&self, key: &Key) -> Result<Option<Record>, Failure> {
        Ok(self.versioned(key).await?.map(|(_, record)| record))
    }

    /// The records at several keys, of one moment, each where its key is.
    pub async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Record>>, Failure> {
        let texts: Vec<&str> = keys.iter().map(Key::as_str).collect();
        let found = self.store.get_many(&texts).await?.records;
        let decoded = found.iter().zip(&texts).map(|(value, key)| match value {
            Some(value) => self.decode(key, value).map(Some),
            None => Ok(None),
        });
        decoded.collect()
    }

    /// The keys of a range after a key, at most `limit`, and whether there are more.
    pub async fn keys(
        &self,
        range: &Key,
        after: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<String>, bool), Failure> {
        let page = self.store.scan(range.as_str(), after, limit).await?;
        Ok((page.items.into_iter().map(|(key, _)| key).collect(), page.more))
    }

    /// The records of a range after a key, at most `limit`, and whether there are more.
    pub async fn range(
        &self,
        range: &Key,
        after: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<(String, Record)>, bool), Failure> {
        let page = self.store.scan(range.as_str(), after, limit).await?;
        let decoded = page.items.into_iter().map(|(key, value)| {
            let record = self.decode(&key, &value)?;
            Ok((key, record))
        });
        Ok((decoded.collect::<Result<_, Failure>>()?, page.more))
    }

    /// Decodes a stored value.
    pub fn decode(&self, key: &str, value: &Versioned) -> Result<Record, Failure> {
        codec::decode(&self.sealer, key, &value.value)
            .map_err(|error| Failure::Codec { key: key.to_owned(), error })
    }

    /// A page of a list, at most `limit` entries after a key; the key to go on after if there are more. Records that went
    /// meanwhile are left out.
    ///
    /// # Errors
    ///
    /// If the store fails, or a record cannot be read.
    pub async fn page<T>(
        &self,
        index: &Index<T>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<T>, Option<String>), Failure>
    where
        T: TryFrom<Record>,
    {
        let (entries, next) = self.entries(index, after, limit).await?;
        if index.holds_records() {
            let records = entries.into_iter().filter_map(|(_, record)| T::try_from(record).ok());
            return Ok((records.collect(), next));
        }
        // An entry may be in two parts, if it moves while they are read.
        let mut seen = HashSet::new();
        let targets = entries.iter().filter_map(|(key, entry)| index.target(key, entry));
        let keys: Vec<Key> = targets.filter(|key| seen.insert(key.clone())).collect();
        Ok((self.present(&keys).await?, next))
    }

    /// Everything in a list.
    ///
    /// # Errors
    ///
    /// As [`Records::page`].
    pub async fn all<T>(&self, index: &Index<T>) -> Result<Vec<T>, Failure>
    where
        T: TryFrom<Record>,
    {
        let (mut all, mut next) = self.page(index, None, WHOLE_PAGE).await?;
        while let Some(after) = next {
            let (more, then) = self.page(index, Some(&after), WHOLE_PAGE).await?;
            all.extend(more);
            next = then;
        }
        Ok(all)
    }

    /// The keys that the entries of a list stand for, all of them.
    ///
    /// # Errors
    ///
    /// As [`Records::page`].
    pub async fn targets<T>(&self, index: &Index<T>) -> Result<Vec<Key>, Failure> {
        let (mut keys, mut after) = (Vec::new(), None);
        loop {
            let (entries, next) = self.entries(index, after.as_deref(), WHOLE_PAGE).await?;
            keys.extend(entries.iter().filter_map(|(key, entry)| index.target(key, entry)));
            match next {
                None => return Ok(keys),
                Some(_) => after = next,
            }
        }
    }

    /// The records of these keys that are there and of this type.
    ///
    /// # Errors
    ///
    /// As [`Records::page`].
    pub async fn present<T>(&self, keys: &[Key]) -> Result<Vec<T>, Failure>
    where
        T: TryFrom<Record>,
    {
        let mut found = Vec::with_capacity(keys.len());
        for chunk in keys.chunks(CHUNK) {
            let records = self.get_many(chunk).await?.into_iter().flatten();
            found.extend(records.filter_map(|record| T::try_from(record).ok()));
        }
        Ok(found)
    }

    /// Entries of a list: the parts of its range one after another.
    async fn entries<T>(
        &self,
        index: &Index<T>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<(String, Record)>, Option<String>), Failure> {
        let is_in = |part: &Key| after.is_some_and(|at| at.starts_with(part.as_str()));
        let first = index.parts().iter().position(is_in).unwrap_or(0);
        let (mut entries, mut more) = (Vec::new(), false);
        for (nth, part) in index.parts().iter().enumerate().skip(first) {
            let after = after.filter(|_| nth == first);
            let left = limit - entries.len();
            let (found, goes_on) = self.range(part, after, left.max(1)).await?;
            more = goes_on || left == 0 && !found.is_empty();
            entries.extend(found.into_iter().take(left));
            if more {
                break;
            }
        }
        let next = entries.last().filter(|_| more).map(|(key, _)| key.clone());
        Ok((entries, next))
    }

    /// Asks a question of the records as a decision does, without writing.
    ///
    /// # Errors
    ///
    /// The fault that the question gives, or if the store fails.
    pub async fn read<T>(
        &self,
        principal: &Principal,
        question: impl Fn(&View, &Context<'_>) -> Asked<T> + Send + Sync,
    ) -> Result<T, Failure> {
        for _ in 0..MOST_ATTEMPTS {
            let context = self.context(principal, Seed::new([0; 32]));
            let mut loaded = Loaded::default();
            let answer = loop {
                match question(&loaded.view, &context) {
                    Ok(answer) => break Ok(answer),
                    Err(Stop::Need(asks)) => self.load(&mut loaded, asks).await?,
                    Err(Stop::Fault(fault)) => break Err(fault.into()),
                }
            };
            if loaded.loads <= 1 || self.still_holds(&loaded.view).await? {
                return answer;
            }
        }
        Err(Failure::Contended)
    }

    fn context(&self, principal: &Principal, seed: Seed) -> Context<'_> {
        let (principal, now) = (principal.clone(), crate::clock::now());
        Context { principal, now, seed, settings: &self.settings }
    }

    /// Decides a command and commits what it says. `audit` makes the record of the change, which is part of the commit;
    /// a command that changes nothing leaves none.
    ///
    /// # Errors
    ///
    /// The rule that says no, or if the store fails.
    pub async fn run<C: Command>(
        &self,
        principal: &Principal,
        command: &C,
        audit: Option<Audit<'_>>,
    ) -> Result<Decided<C::Outcome>, Failure> {
        for _ in 0..MOST_ATTEMPTS {
            let context = self.context(principal, fresh_seed()?);
            let mut loaded = Loaded::default();
            let decided = loop {
                match decide(command, &loaded.view, &context) {
                    Ok(decision) => break Ok(decision),
                    Err(Stop::Need(asks)) => self.load(&mut loaded, asks).await?,
                    Err(Stop::Fault(fault)) => break Err(fault),
                }
            };
            let decision = match decided {
                Ok(decision) if !decision.writes.is_empty() => decision,
                // No commit will compare what this rests on, and several loads are of several moments.
                _ if loaded.loads > 1 && !self.still_holds(&loaded.view).await? => continue,
                Ok(decision) => return Ok(Decided { outcome: decision.outcome, changed: false }),
                Err(fault) => return Err(fault.into()),
            };
            let resources = || decision.outcome.resources();
            let audited = audit.map(|make| make(context.now, &resources()));
            match self.store.commit(self.commit(&loaded, &decision.writes, audited)).await {
                Ok(revision) => {
                    self.state_counts.count(revision, &loaded.view, &decision.writes);
                    return Ok(Decided { outcome: decision.outcome, changed: true });
                }
                Err(CommitError::Conflict { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Failure::Contended)
    }

    /// Whether every record of a view is as it was loaded: then all of them were so at the moment of the last load.
    async fn still_holds(&self, view: &View) -> Result<bool, Failure> {
        let (keys, versions): (Vec<&str>, Vec<u64>) =
            view.reads().map(|(key, version)| (key.as_str(), version)).unzip();
        let now = self.store.get_many(&keys).await?.records;
        Ok(now.iter().map(|found| found.as_ref().map_or(0, |found| found.version)).eq(versions))
    }

    /// Loads what was asked for.
    async fn load(&self, loaded: &mut Loaded, asks: Vec<Ask>) -> Result<(), Failure> {
        let mut keys = Vec::with_capacity(asks.len());
        for ask in asks {
            match ask {
                Ask::Record(key) => keys.push(key),
                Ask::Empty(range) => {
                    let page = self.store.scan(range.as_str(), None, 1).await?;
                    loaded.read_at = loaded.read_at.min(page.revision);
                    loaded.view.load_empty(range, page.items.is_empty());
                }
                Ask::First(range) => {
                    let page = self.store.scan(range.as_str(), None, FIRST).await?;
                    let entries = page.items.iter().map(|(key, value)| {
                        Ok((Key::from_stored(key.clone()), self.decode(key, value)?))
                    });
                    let entries = entries.collect::<Result<_, Failure>>()?;
                    loaded.read_at = loaded.read_at.min(page.revision);
                    loaded.view.load_first(range, First { entries, is_cut: page.more });
                }
            }
        }
        let texts: Vec<&str> = keys.iter().map(Key::as_str).collect();
        let found = self.store.get_many(&texts).await?;
        loaded.read_at = loaded.read_at.min(found.revision);
        loaded.loads += 1;
        for (key, value) in keys.into_iter().zip(found.records) {
            match value {
                Some(value) => {
                    let record = self.decode(key.as_str(), &value)?;
                    loaded.view.load(key, value.version, Some(record));
                }
                None => loaded.view.load(key, 0, None),
            }
        }
        Ok(())
    }

    fn commit(
        &self,
        loaded: &Loaded,
        writes: &[(Key, Option<Record>)],
        audited: Option<(Key, Vec<u8>)>,
    ) -> Commit {
        let reads = loaded.view.reads();
        let versions = reads.map(|(key, version)| Compare::version(key.as_str(), version));
        let empty = loaded.view.empty_ranges().map(|range| Compare::empty(range.as_str()));
        let writes = writes.iter().map(|(key, record)| match record {
            Some(record) => self.put(key, record),
            None => Write::delete(key.as_str()),
        });
        let audited = audited.map(|(key, value)| Write::put(key.into_string(), value));
        Commit {
            compares: versions.chain(empty).collect(),
            writes: writes.chain(audited).collect(),
            read_at: Some(loaded.read_at),
        }
    }

    /// The write of a record.
    pub(crate) fn put(&self, key: &Key, record: &Record) -> Write {
        Write::put(key.as_str(), codec::encode(&self.sealer, key, record))
    }

    pub(crate) fn sealer(&self) -> &Sealer {
        &self.sealer
    }

    /// Removes what is at some keys, whatever it is, a bounded number at a time.
    pub async fn remove(&self, keys: &[&str]) -> Result<(), Failure> {
        for some in keys.chunks(CHUNK) {
            let writes = some.iter().map(|at| Write::delete(*at)).collect();
            self.store.commit(Commit { writes, ..Commit::default() }).await?;
        }
        Ok(())
    }

    /// Removes audit records older than a moment, a bounded number at a time; how many went.
    pub async fn purge_audit(&self, before: Time) -> Result<usize, Failure> {
        let end = key::audit(before, "");
        let (keys, _) = self.keys(&key::all("audit"), None, 100).await?;
        let old: Vec<&str> =
            keys.iter().map(String::as_str).take_while(|key| *key < end.as_str()).collect();
        self.remove(&old).await?;
        Ok(old.len())
    }
}

/// What was loaded for a decision.
struct Loaded {
    view: View,
    /// How many times something was loaded: what came by several loads is of several moments.
    loads: u32,
    /// The revision at which the first of it was read.
    read_at: Revision,
}

impl Default for Loaded {
    fn default() -> Self {
        Self { view: View::default(), loads: 0, read_at: Revision::MAX }
    }
}

/// What came of a command.
#[derive(Clone, Debug)]
pub struct Decided<T> {
    /// What the caller gets.
    pub outcome: T,
    /// Whether anything was written.
    pub changed: bool,
}

fn fresh_seed() -> Result<Seed, Failure> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)
        .map_err(|error| Failure::Refused(format!("no randomness: {error}")))?;
    Ok(Seed::new(bytes))
}
