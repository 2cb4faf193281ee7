//! Read, decide, commit: the one way in which anything changes.
//!
//! A command is decided on a view of the records that it asks for, and committed with compare-and-set on all of them. When
//! something changed meanwhile, the whole is done again on a fresh view.

use std::sync::Arc;

use linkway_domain::access_key::Principal;
use linkway_domain::decide::{Command, Context, Decision, Outcome, decide};
use linkway_domain::fault::Fault;
use linkway_domain::key::{self, Key};
use linkway_domain::record::Record;
use linkway_domain::seed::Seed;
use linkway_domain::settings::Settings;
use linkway_domain::time::Time;
use linkway_domain::view::{Ask, Stop, View};
use linkway_store::seal::Sealer;
use linkway_store::{Commit, CommitError, Compare, Revision, Store, StoreError, Versioned, Write};

use crate::state_counts::StateCounts;
use crate::codec::{self, CodecError};

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

/// Makes the audit record of a change, given what came of it; the text is stored as it is.
pub type Audit<'a> = &'a (dyn Fn(Time, &Outcome) -> (Key, Vec<u8>) + Send + Sync);

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

    /// Decides a command and commits what it says. `audit` makes the record of the change, which is part of the commit;
    /// a command that changes nothing leaves none.
    pub async fn run(
        &self,
        principal: &Principal,
        command: &Command,
        audit: Option<Audit<'_>>,
    ) -> Result<Decided, Failure> {
        for _ in 0..MOST_ATTEMPTS {
            let context = Context {
                principal: principal.clone(),
                now: crate::clock::now(),
                seed: fresh_seed()?,
                settings: &self.settings,
            };
            let mut view = View::default();
            let mut loads = 0;
            let mut read_at = Revision::MAX;
            let decided = loop {
                match decide(&view, command, &context) {
                    Ok(decision) => break Ok(decision),
                    Err(Stop::Need(asks)) => {
                        read_at = read_at.min(self.load(&mut view, asks).await?);
                    }
                    Err(Stop::Fault(fault)) => break Err(fault),
                }
                loads += 1;
            };
            let decision = match decided {
                Ok(decision) if !decision.writes.is_empty() => decision,
                // No commit will compare what this rests on, and several loads are of several moments.
                _ if loads > 1 && !self.still_holds(&view).await? => continue,
                Ok(decision) => return Ok(Decided { outcome: decision.outcome, changed: false }),
                Err(fault) => return Err(fault.into()),
            };
            let audited = audit.map(|make| make(context.now, &decision.outcome));
            match self.store.commit(self.commit(&view, &decision, audited, read_at)).await {
                Ok(revision) => {
                    self.state_counts.count(revision, &view, &decision.writes);
                    return Ok(Decided { outcome: decision.outcome, changed: true });
                }
                Err(CommitError::Conflict { .. }) => {}
                Err(CommitError::Store(error)) => return Err(error.into()),
                Err(
                    error @ (CommitError::TooLarge { .. }
                    | CommitError::InvalidKey { .. }
                    | CommitError::DuplicateKey { .. }),
                ) => return Err(Failure::Refused(error.to_string())),
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

    /// Loads what was asked for; the revision at which the first of it was read.
    async fn load(&self, view: &mut View, asks: Vec<Ask>) -> Result<Revision, Failure> {
        let mut read_at = Revision::MAX;
        let mut keys = Vec::with_capacity(asks.len());
        for ask in asks {
            match ask {
                Ask::Record(key) => keys.push(key),
                Ask::Empty(range) => {
                    let page = self.store.scan(range.as_str(), None, 1).await?;
                    read_at = read_at.min(page.revision);
                    view.load_empty(range, page.items.is_empty());
                }
            }
        }
        let texts: Vec<&str> = keys.iter().map(Key::as_str).collect();
        let found = self.store.get_many(&texts).await?;
        for (key, value) in keys.into_iter().zip(found.records) {
            match value {
                Some(value) => {
                    let record = self.decode(key.as_str(), &value)?;
                    view.load(key, value.version, Some(record));
                }
                None => view.load(key, 0, None),
            }
        }
        Ok(read_at.min(found.revision))
    }

    fn commit(
        &self,
        view: &View,
        decision: &Decision,
        audited: Option<(Key, Vec<u8>)>,
        read_at: Revision,
    ) -> Commit {
        let versions = view.reads().map(|(key, version)| Compare::version(key.as_str(), version));
        let empty = view.empty_ranges().map(|range| Compare::empty(range.as_str()));
        let writes = decision.writes.iter().map(|(key, record)| match record {
            Some(record) => Write::put(key.as_str(), codec::encode(&self.sealer, key, record)),
            None => Write::delete(key.as_str()),
        });
        let audited = audited.map(|(key, value)| Write::put(key.into_string(), value));
        Commit {
            compares: versions.chain(empty).collect(),
            writes: writes.chain(audited).collect(),
            read_at: Some(read_at),
        }
    }

    /// Removes audit records older than a moment, a bounded number at a time; how many went.
    pub async fn forget_audit(&self, before: Time) -> Result<usize, Failure> {
        let end = key::audit(before, "");
        let (keys, _) = self.keys(&key::all("audit"), None, 100).await?;
        let old: Vec<Write> = keys
            .into_iter()
            .take_while(|key| key.as_str() < end.as_str())
            .map(Write::delete)
            .collect();
        let count = old.len();
        if count > 0 {
            let commit = Commit { writes: old, ..Commit::default() };
            self.store.commit(commit).await.map_err(|error| match error {
                CommitError::Store(error) => error.into(),
                other => Failure::Refused(other.to_string()),
            })?;
        }
        Ok(count)
    }
}

/// What came of a command.
#[derive(Clone, Debug)]
pub struct Decided {
    /// What the caller gets.
    pub outcome: Outcome,
    /// Whether anything was written.
    pub changed: bool,
}

fn fresh_seed() -> Result<Seed, Failure> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)
        .map_err(|error| Failure::Refused(format!("no randomness: {error}")))?;
    Ok(Seed::new(bytes))
}
