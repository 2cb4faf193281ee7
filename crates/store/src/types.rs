//! The vocabulary of the store: what callers hand in and what comes back.
//!
//! Everything here is plain data. The limits are those of etcd v3 (`max-txn-ops` 128 for each
//! list of a transaction, 1.5 MiB a request, of which we leave a third for the envelope), so that
//! what fits one engine fits all.

use std::fmt;

use thiserror::Error;

use crate::Keys;

/// The store's clock: 0 stands for "does not exist"; each commit that changes something gets the
/// next number.
pub type Revision = u64;

/// Most compares, and most writes, that one [`Commit`] may hold (etcd's `max-txn-ops`).
pub const MAX_OPERATIONS: usize = 128;

/// Most bytes of keys and values that one [`Commit`] may hold.
pub const MAX_COMMIT_BYTES: usize = 1 << 20;

/// Longest key in bytes.
pub const MAX_KEY_BYTES: usize = 512;

/// Most records in one [`Page`]; a larger limit is treated as this one.
pub const MAX_PAGE: usize = 10_000;

/// A record's value and the revision that wrote it (etcd: `mod_revision`).
#[derive(Clone, PartialEq, Eq)]
pub struct Versioned {
    /// Revision of the last commit that wrote the record; what a [`Compare::Key`] states.
    pub version: Revision,
    /// The bytes, as written.
    pub value: Vec<u8>,
}

impl fmt::Debug for Versioned {
    /// Values may hold secrets in the clear (when a caller forgot to seal them), so only the
    /// length is shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Versioned {{ version: {}, value: {} bytes }}", self.version, self.value.len())
    }
}

/// Several records as they stood at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The store's revision at that moment.
    pub revision: Revision,
    /// The records, in the order in which they were asked for; `None` for those that do not exist.
    pub records: Vec<Option<Versioned>>,
}

/// A condition that must hold at the moment of the commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Compare {
    /// The record `key` has exactly this version; 0 means that it does not exist.
    Key {
        /// The record's key.
        key: String,
        /// The version that was read.
        version: Revision,
    },
    /// No record's key begins with `prefix` (etcd: a range compare on `mod_revision == 0`).
    EmptyPrefix {
        /// A plain byte prefix, so end it with `/` to mean "everything below"; the empty prefix
        /// means the whole store.
        prefix: String,
    },
}

impl Compare {
    /// "The record `key` still has this version."
    pub fn version(key: impl Into<String>, version: Revision) -> Self {
        Self::Key { key: key.into(), version }
    }

    /// "There is no record `key`."
    pub fn absent(key: impl Into<String>) -> Self {
        Self::version(key, 0)
    }

    /// "There is no record below `prefix`."
    pub fn empty(prefix: impl Into<String>) -> Self {
        Self::EmptyPrefix { prefix: prefix.into() }
    }

    /// The key or prefix that is compared.
    pub fn key(&self) -> &str {
        match self {
            Self::Key { key, .. } => key,
            Self::EmptyPrefix { prefix } => prefix,
        }
    }
}

/// One record to write or to delete.
#[derive(Clone, PartialEq, Eq)]
pub struct Write {
    /// The record's key.
    pub key: String,
    /// The new value, or `None` to delete. Deleting what does not exist changes nothing.
    pub value: Option<Vec<u8>>,
}

impl Write {
    /// Create or replace a record.
    pub fn put(key: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        Self { key: key.into(), value: Some(value.into()) }
    }

    /// Delete a record.
    pub fn delete(key: impl Into<String>) -> Self {
        Self { key: key.into(), value: None }
    }
}

impl fmt::Debug for Write {
    /// As for [`Versioned`]: the length instead of the bytes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Some(value) => write!(f, "Put({}, {} bytes)", self.key, value.len()),
            None => write!(f, "Delete({})", self.key),
        }
    }
}

/// All of `writes`, if all of `compares` hold; otherwise nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Commit {
    /// Conditions, judged in order; the first that fails is reported.
    pub compares: Vec<Compare>,
    /// Writes; no key may appear twice.
    pub writes: Vec<Write>,
    /// A revision at which the author saw that all of `compares` hold, or any before it, if that is known
    /// ([`Snapshot::revision`], [`Page::revision`]). Only what was written since then has to be judged, which may spare an
    /// engine the look at what is stored; etcd has no use for it.
    pub read_at: Option<Revision>,
}

impl Commit {
    /// Checks what can be checked without the data: limits, keys and duplicates. Every engine
    /// calls it first, so that all refuse the same commits.
    pub fn validate(&self) -> Result<(), CommitError> {
        within("compares", self.compares.len(), MAX_OPERATIONS)?;
        within("writes", self.writes.len(), MAX_OPERATIONS)?;
        let compared = self.compares.iter().map(|compare| compare.key().len()).sum::<usize>();
        let written = self
            .writes
            .iter()
            .map(|write| write.key.len() + write.value.as_ref().map_or(0, |value| value.len()));
        within("bytes", compared + written.sum::<usize>(), MAX_COMMIT_BYTES)?;
        for compare in &self.compares {
            match compare {
                Compare::Key { key, .. } => check_key(key)?,
                Compare::EmptyPrefix { prefix } if prefix.is_empty() => {}
                Compare::EmptyPrefix { prefix } => check_key(prefix)?,
            }
        }
        for (index, write) in self.writes.iter().enumerate() {
            check_key(&write.key)?;
            // Quadratic, but a commit writes about ten records, where this beats hashing.
            if self.writes[..index].iter().any(|earlier| earlier.key == write.key) {
                return Err(CommitError::DuplicateKey { key: write.key.clone() });
            }
        }
        Ok(())
    }
}

fn within(what: &'static str, count: usize, limit: usize) -> Result<(), CommitError> {
    if count > limit {
        return Err(CommitError::TooLarge { what, count, limit });
    }
    Ok(())
}

fn check_key(key: &str) -> Result<(), CommitError> {
    let rule = if key.is_empty() {
        "must not be empty"
    } else if key.len() > MAX_KEY_BYTES {
        "must not be longer than 512 bytes"
    } else if !key.bytes().all(|byte| (0x20..=0x7e).contains(&byte)) {
        "must be printable ASCII"
    } else {
        return Ok(());
    };
    Err(CommitError::InvalidKey { key: key.chars().take(MAX_KEY_BYTES).collect(), rule })
}

/// Why a commit was not (or not known to be) carried out.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CommitError {
    /// A condition does not hold: read again and decide again. Nothing was written.
    #[error("compare {compare} of the commit does not hold")]
    Conflict {
        /// Index into [`Commit::compares`] of the first condition that failed.
        compare: usize,
    },
    /// The commit is larger than every engine accepts. Nothing was written.
    #[error("the commit has {count} {what}, at most {limit} are allowed")]
    TooLarge {
        /// `compares`, `writes` or `bytes`.
        what: &'static str,
        /// How many there are.
        count: usize,
        /// How many there may be.
        limit: usize,
    },
    /// A key or prefix that no engine accepts. Nothing was written.
    #[error("key {key:?} {rule}")]
    InvalidKey {
        /// The key (its first 512 characters).
        key: String,
        /// What it must be.
        rule: &'static str,
    },
    /// The same key is written twice, which etcd refuses too. Nothing was written.
    #[error("key {key:?} is written twice in one commit")]
    DuplicateKey {
        /// The key.
        key: String,
    },
    /// The engine failed. See [`StoreError`] for what that says about the commit.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The engine could not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StoreError {
    /// No space is left. A commit that got this wrote nothing, and works again once there is space.
    #[error("no space is left for the store")]
    Full,
    /// The engine cannot be reached or an operation on its files failed. For a commit the outcome
    /// is unknown, as with a lost answer: read again before deciding anything.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// What is stored is damaged. Nothing that this process does will help.
    #[error("the store is damaged: {0}")]
    Corrupt(String),
    /// This engine has no such operation.
    #[error("this engine does not support {0}")]
    Unsupported(&'static str),
}

/// Consecutive records of a prefix, in ascending bytewise order of their keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The records.
    pub items: Vec<(String, Versioned)>,
    /// The store's revision at which the page was read. Each page is read at its own.
    pub revision: Revision,
    /// Whether more records follow; continue after the last key of `items`.
    pub more: bool,
}

/// What was written after a revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changes {
    /// Every change after the revision asked for.
    Since {
        /// The revision up to which this is complete; ask for what follows it next.
        revision: Revision,
        /// Each written or deleted key.
        keys: Keys,
    },
    /// Some changes are no longer (or, after a restart, not) remembered, or the revision lies in
    /// the future (a backup was restored): scan what you care about, then ask for what follows
    /// `revision`.
    Compacted {
        /// The revision to continue from: take it *before* scanning, so nothing falls in between.
        revision: Revision,
    },
}

/// What a store has done since it was opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Commits that were carried out.
    pub commits: u64,
    /// Commits that were refused because a compare did not hold.
    pub conflicts: u64,
    /// Commits that failed with the engine.
    pub failures: u64,
    /// Batches, each synced once.
    pub batches: u64,
    /// Records written or deleted.
    pub records: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_never_shows_a_value() {
        let versioned = Versioned { version: 7, value: b"hunter2".to_vec() };
        assert_eq!(format!("{versioned:?}"), "Versioned { version: 7, value: 7 bytes }");
        assert_eq!(format!("{:?}", Write::put("k", "hunter2")), "Put(k, 7 bytes)");
        assert_eq!(format!("{:?}", Write::delete("k")), "Delete(k)");
    }
}
