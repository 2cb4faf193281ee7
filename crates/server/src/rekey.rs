//! A new key file for a data directory that no server has open.
//!
//! The new key is `linkway.key.next` until every secret is sealed with it; nothing opens the directory meanwhile. The database is
//! written anew beside the old one, put in its place, and then the key file gets its name:
//!
//! | What a kill or a loss of power leaves | What the next run does |
//! |---|---|
//! | no new key | begins |
//! | the new key; every value sealed with the old one | writes the database anew |
//! | the new key; every value sealed with the new one | gives the key its name |
//!
//! So no more is remembered than which key opens the values. What fails before a value needs the new key is taken back.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use linkway_domain::key;
use linkway_store::seal::{self, Copied, KeyFileError, Sealer};
use linkway_store::{OpenError, SqliteStore, Store as _, StoreError, Write};

use crate::audit::record::{self, Change, Entry};
use crate::boot::{self, BootError, DataDir};
use crate::clock;
use crate::codec::{self, CodecError};
use crate::http::RequestId;
use crate::records::Failure;

/// Records read at a time.
const PAGE: usize = 5000;

/// Why a directory did not get a new key file.
#[derive(Debug, thiserror::Error)]
pub enum RekeyError {
    /// The directory cannot be used.
    #[error(transparent)]
    Boot(#[from] BootError),
    /// A value of which nobody can say whether it is sealed.
    #[error("{key}: {error}")]
    Value {
        /// Its key.
        key: String,
        /// What is wrong with it.
        error: CodecError,
    },
    /// A sealed value that cannot be sealed anew.
    #[error(
        "{key}: no key file of this directory opens the value; `linkway admin check` says what else is wrong"
    )]
    NoKey {
        /// Its key.
        key: String,
    },
    /// The copy of the old key would be beside what it must not open any more.
    #[error("{} is in the data directory: keep the old key file elsewhere", .0.display())]
    KeptInside(PathBuf),
    /// The new key is no other.
    #[error("{} has the same key as {}: remove it", next.display(), old.display())]
    SameKey {
        /// The new key file.
        next: PathBuf,
        /// The old one.
        old: PathBuf,
    },
}

impl From<OpenError> for RekeyError {
    fn from(error: OpenError) -> Self {
        Self::Boot(error.into())
    }
}

impl From<KeyFileError> for RekeyError {
    fn from(error: KeyFileError) -> Self {
        Self::Boot(error.into())
    }
}

impl From<StoreError> for RekeyError {
    fn from(error: StoreError) -> Self {
        Self::Boot(Failure::from(error).into())
    }
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rekeyed {
    /// How many records there are.
    pub records: u64,
    /// How many of them are sealed.
    pub sealed: u64,
    /// The key file, which is new.
    pub key_file: PathBuf,
    /// Where the old key is, if it was to be kept.
    pub old_key_file: Option<PathBuf>,
}

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// So many records were read, to find out which key opens them.
    Read(u64),
    /// So many of all records were written.
    Written {
        /// So many.
        done: u64,
        /// Of so many.
        of: u64,
    },
}

/// Gives the directory a new key file, seals every secret with it, and keeps the old key in `keep_old`, if that is given, a file
/// that must not be there yet. After a run that was interrupted it finishes that one. The server must be stopped: the store's lock
/// is taken. The audit trail has it.
///
/// # Errors
///
/// If the directory cannot be used, is in use, or is another user's. Unless `linkway.key.next` is there then, it is as it was.
pub async fn run(
    path: &Path,
    keep_old: Option<&Path>,
    mut told: impl FnMut(Progress),
) -> Result<Rekeyed, RekeyError> {
    boot::same_owner(path, "store rekey --data-dir")?;
    let dir = DataDir::new(path);
    // Nothing is touched beside a key file that cannot be used.
    Sealer::load(&dir.key_file())?;
    let store = SqliteStore::open(dir.database(), boot::existing())?;
    // Whoever has the store open may replace the key file: this is the one that belongs to it.
    let old = Sealer::load(&dir.key_file())?;
    let next = interrupted(&dir)?;
    let found = survey(&store, &old, next.as_ref(), &mut told).await?;
    let mut begun = Begun { dir: &dir, kept: None, needed: found.with_next > 0 };
    let is_first = next.is_none();
    let new = next.map_or_else(|| Sealer::create(&dir.next_key_file()), Ok)?;
    if let Some(file) = keep_old {
        begun.kept = keep(path, file, is_first)?;
    }
    let mut done = 0;
    let reseal = |at: &str, value: Vec<u8>| {
        done += 1;
        told(Progress::Written { done, of: found.records });
        resealed(&old, &new, at, value)
    };
    if found.with_old > 0 || found.with_next == 0 {
        let mut rewritten = store.rewrite(&[audit()], reseal)?;
        begun.needed = true;
        rewritten.replace()?;
        name(&dir)?;
    } else {
        name(&dir)?;
        store.close()?;
    }
    Ok(Rekeyed {
        records: found.records,
        sealed: found.with_old + found.with_next,
        key_file: dir.key_file(),
        old_key_file: keep_old.map(Path::to_owned),
    })
}

/// The new key of a run that was interrupted.
fn interrupted(dir: &DataDir) -> Result<Option<Sealer>, RekeyError> {
    let (next, old) = (dir.next_key_file(), dir.key_file());
    if let Err(error) = next.symlink_metadata()
        && error.kind() == io::ErrorKind::NotFound
    {
        return Ok(None);
    }
    let sealer = Sealer::load(&next)?;
    let read = |path: &Path| {
        let failed = |error| KeyFileError::Io { path: path.to_owned(), error };
        fs::read(path).map_err(failed)
    };
    match read(&next)? == read(&old)? {
        true => Err(RekeyError::SameKey { next, old }),
        false => Ok(Some(sealer)),
    }
}

/// What there is, and which key opens it.
#[derive(Debug, Default)]
struct Found {
    records: u64,
    with_old: u64,
    with_next: u64,
}

/// Reads everything: what cannot be sealed anew is found before anything is changed.
async fn survey(
    store: &SqliteStore,
    old: &Sealer,
    next: Option<&Sealer>,
    told: &mut impl FnMut(Progress),
) -> Result<Found, RekeyError> {
    let mut found = Found::default();
    let mut after: Option<String> = None;
    loop {
        let page = store.scan("", after.as_deref(), PAGE).await?;
        after = page.items.last().map(|(key, _)| key.clone());
        for (key, value) in page.items {
            found.records += 1;
            let part = codec::sealed_part(&key, &value.value);
            let Some((_, sealed)) = part.map_err(|error| value_error(&key, error))? else {
                continue;
            };
            let opens = |sealer: &Sealer| sealer.open(key.as_bytes(), sealed).is_ok();
            match (next.is_some_and(opens), opens(old)) {
                (true, _) => found.with_next += 1,
                (false, true) => found.with_old += 1,
                (false, false) => return Err(RekeyError::NoKey { key }),
            }
        }
        told(Progress::Read(found.records));
        if !page.more {
            return Ok(found);
        }
    }
}

fn value_error(key: &str, error: CodecError) -> RekeyError {
    RekeyError::Value { key: key.to_owned(), error }
}

/// A value as it is, or sealed anew.
fn resealed(old: &Sealer, new: &Sealer, key: &str, value: Vec<u8>) -> Result<Vec<u8>, RekeyError> {
    let part = codec::sealed_part(key, &value).map_err(|error| value_error(key, error))?;
    let Some((version, sealed)) = part else { return Ok(value) };
    let opened = [new, old].iter().find_map(|sealer| sealer.open(key.as_bytes(), sealed).ok());
    let plain = opened.ok_or_else(|| RekeyError::NoKey { key: key.to_owned() })?;
    Ok(codec::seal(new, key, version, &plain))
}

/// Keeps the old key; the file if this run has made it. An interrupted run may have.
fn keep<'f>(dir: &Path, file: &'f Path, is_first: bool) -> Result<Option<&'f Path>, RekeyError> {
    let failed = |error| KeyFileError::Io { path: file.to_owned(), error };
    let parent = file.parent().filter(|parent| !parent.as_os_str().is_empty());
    let parent = parent.unwrap_or(Path::new(".")).canonicalize().map_err(failed)?;
    if parent.starts_with(dir.canonicalize().map_err(failed)?) {
        return Err(RekeyError::KeptInside(file.to_owned()));
    }
    match Sealer::copy(&DataDir::new(dir).key_file(), file)? {
        Copied::Made => Ok(Some(file)),
        Copied::WasThere if is_first => Err(failed(io::ErrorKind::AlreadyExists.into()).into()),
        Copied::WasThere => Ok(None),
    }
}

/// What is made before a value needs the new key; dropping it takes that back.
struct Begun<'d> {
    dir: &'d DataDir,
    kept: Option<&'d Path>,
    needed: bool,
}

impl Drop for Begun<'_> {
    fn drop(&mut self) {
        if !self.needed {
            for file in [Some(&*self.dir.next_key_file()), self.kept].into_iter().flatten() {
                // Whatever stays: the next run goes on with it.
                let _stays = fs::remove_file(file);
            }
        }
    }
}

/// Gives the new key file the name of the old one, and removes what may be left of values and keys elsewhere.
fn name(dir: &DataDir) -> Result<(), BootError> {
    let (next, path) = (dir.next_key_file(), dir.key_file());
    let failed = |what| {
        let path = path.clone();
        move |error| BootError::Io { what, path, error }
    };
    let removed = dir.remove_scratch().and_then(|()| seal::remove_leftover(&path));
    let removed = removed.and_then(|()| seal::remove_leftover(&next));
    removed.map_err(failed("cannot remove temporary files beside"))?;
    fs::rename(next, &path).map_err(failed("cannot put the new key file in the place of"))?;
    let parent = path.parent().unwrap_or(Path::new("."));
    let synced = File::open(parent).and_then(|directory| directory.sync_all());
    synced.map_err(failed("cannot sync the directory of"))
}

/// The audit record.
fn audit() -> Write {
    let at = key::audit(clock::now(), RequestId::random().as_str());
    let change = Change::offline("RekeyStore", Vec::new());
    Write::put(at.into_string(), record::encode(&Entry::from(change)))
}
