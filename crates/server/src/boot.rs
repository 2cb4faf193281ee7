//! A data directory, and how a server comes up on it.
//!
//! The first start makes everything: the directory (0700), the key file, the database and `operator.json` (0600). Every step
//! can be repeated, so that a start that was interrupted is finished by the next one.

use std::fs::{self, DirBuilder};
use std::io::{self, Write as _};
use std::os::unix::fs::{
    DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _,
};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use linkway_domain::access_key::Principal;
use linkway_domain::epoch::RenewEpoch;
use linkway_domain::key;
use linkway_domain::record::{self, Kind};
use linkway_domain::settings::Settings;
use linkway_store::seal::{KeyFileError, Sealer};
use linkway_store::{
    Commit, CommitError, KeySymbols, OpenError, SqliteOptions, SqliteStore, Store as _, StoreError,
    Write,
};
use linkway_wire::operator::OperatorFile;

use crate::private;
use crate::records::{Failure, Records};

/// Why a data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BootError {
    /// The directory or a file in it.
    #[error("{what} {path}: {error}", path = path.display())]
    Io {
        /// What was being done.
        what: &'static str,
        /// With which file.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// The database is there and its key file is not.
    #[error(
        "{path} is missing, but there is a database: without the key file its secrets cannot be read. Put the key \
         file back (it is not part of a backup made with `linkway admin backup`).",
        path = .0.display()
    )]
    NoKeyFile(PathBuf),
    /// The key file is being replaced, or that was interrupted.
    #[error(
        "{} is there: the key file is being replaced, or that was interrupted. Repeat `linkway admin store rekey --data-dir {}` \
         with the server stopped",
        next.display(), dir.display()
    )]
    Rekeying {
        /// The new key file.
        next: PathBuf,
        /// The directory.
        dir: PathBuf,
    },
    /// What is written would belong to somebody else than the rest.
    #[error(
        "{} belongs to the user with id {owner}, and this process runs as {user}: run it as the directory's owner, as in \
         `sudo -u linkway linkway admin {words} {}`",
        dir.display(), dir.display()
    )]
    Owner {
        /// The directory.
        dir: PathBuf,
        /// Its owner.
        owner: u32,
        /// Who this is.
        user: u32,
        /// What `linkway admin` was to do with the directory.
        words: &'static str,
    },
    /// Others may look into the data directory.
    #[error("data directory {}: {}", path.display(), private::rule(*mode, "700"))]
    SharedDirectory {
        /// The directory.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// The key file cannot be used.
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    /// The database cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The key file belongs to another database, or a record is damaged.
    #[error("the database cannot be read with this key file: {0}")]
    Unreadable(Failure),
    /// The store failed.
    #[error(transparent)]
    Failure(#[from] Failure),
}

impl BootError {
    /// Whether the database is damaged, and not only out of reach.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        matches!(
            self,
            Self::Open(OpenError::Store { source: StoreError::Corrupt(_), .. })
                | Self::Unreadable(Failure::Store(StoreError::Corrupt(_)))
                | Self::Failure(Failure::Store(StoreError::Corrupt(_)))
        )
    }
}

/// The files of a data directory.
#[derive(Clone, Debug)]
pub struct DataDir(PathBuf);

impl DataDir {
    /// Names the files; touches nothing.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// Makes the directory if it is not there. One that is there must be its owner's alone.
    pub fn create(&self) -> Result<(), BootError> {
        let failed = |error| BootError::Io {
            what: "cannot make the data directory",
            path: self.0.clone(),
            error,
        };
        DirBuilder::new().recursive(true).mode(0o700).create(&self.0).map_err(failed)?;
        if let Some(mode) = private::shared(&self.0).map_err(failed)? {
            return Err(BootError::SharedDirectory { path: self.0.clone(), mode });
        }
        self.remove_scratch().map_err(failed)?;
        DirBuilder::new().mode(0o700).create(self.scratch()).map_err(failed)
    }

    /// Removes what an interrupted backup left.
    pub(crate) fn remove_scratch(&self) -> io::Result<()> {
        match fs::remove_dir_all(self.scratch()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Reads the key file.
    ///
    /// # Errors
    ///
    /// It cannot be used, or is being replaced.
    pub fn sealer(&self) -> Result<Sealer, BootError> {
        self.refuse_rekeying()?;
        Ok(Sealer::load(&self.key_file())?)
    }

    fn refuse_rekeying(&self) -> Result<(), BootError> {
        let next = self.next_key_file();
        match next.symlink_metadata() {
            Ok(_) => Err(BootError::Rekeying { next, dir: self.0.clone() }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(BootError::Io { what: "cannot look for", path: next, error }),
        }
    }

    /// The database.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        self.0.join("linkway.db")
    }

    /// The key that secrets in the database are sealed with.
    #[must_use]
    pub fn key_file(&self) -> PathBuf {
        self.0.join("linkway.key")
    }

    /// The key that replaces it, until every secret is sealed with it.
    #[must_use]
    pub fn next_key_file(&self) -> PathBuf {
        self.0.join("linkway.key.next")
    }

    /// How `linkway admin` gets in.
    #[must_use]
    pub fn operator_file(&self) -> PathBuf {
        self.0.join("operator.json")
    }

    /// Where reads and refusals are written down.
    #[must_use]
    pub fn journal(&self) -> PathBuf {
        self.0.join("journal")
    }

    /// Files that live as long as a request.
    #[must_use]
    pub fn scratch(&self) -> PathBuf {
        self.0.join("scratch")
    }
}

/// How the server is reached from its own machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoints {
    /// By tenants and edges.
    pub public: String,
    /// By the operator.
    pub admin: String,
}

/// The symbols that the keys of every database of this program are written with.
pub const KEY_SYMBOLS: KeySymbols =
    KeySymbols { heads: record::KEY_HEADS, joints: record::KEY_JOINTS };

/// The options for opening a database that there is.
#[must_use]
pub fn existing() -> SqliteOptions {
    SqliteOptions { create: false, symbols: KEY_SYMBOLS, ..SqliteOptions::default() }
}

/// Opens the store of a data directory that no server has open, with its key file.
///
/// # Errors
///
/// One of the two cannot be used.
pub fn open_existing(dir: &DataDir) -> Result<(SqliteStore, Sealer), BootError> {
    // Nothing is touched beside a key file that cannot be used.
    dir.sealer()?;
    let store = SqliteStore::open(dir.database(), existing())?;
    // Whoever has the store open may replace the key file: this is the one that belongs to it.
    Ok((store, dir.sealer()?))
}

/// Refuses to write into a directory of another user: its owner could not read what is written.
pub(crate) fn same_owner(path: &Path, words: &'static str) -> Result<(), BootError> {
    let owner = |of: &Path| {
        let failed = |error| BootError::Io { what: "cannot look at", path: of.to_owned(), error };
        fs::metadata(of).map(|metadata| metadata.uid()).map_err(failed)
    };
    let (user, owner) = (owner(Path::new("/proc/self"))?, owner(path)?);
    match owner == user {
        true => Ok(()),
        false => Err(BootError::Owner { dir: path.to_owned(), owner, user, words }),
    }
}

/// Opens the records of a data directory, making what is not there yet.
pub fn open_records(
    dir: &DataDir,
    settings: Settings,
    options: SqliteOptions,
) -> Result<Records, BootError> {
    dir.create()?;
    dir.refuse_rekeying()?;
    let key_file = dir.key_file();
    match (key_file.exists(), dir.database().exists()) {
        (true, _) => Sealer::load(&key_file)?,
        (false, false) => Sealer::create(&key_file)?,
        (false, true) => return Err(BootError::NoKeyFile(key_file)),
    };
    let cached = |key: &str| Kind::of(key).is_some_and(|kind| kind.cached);
    let options = SqliteOptions { cached, symbols: KEY_SYMBOLS, ..options };
    if SqliteStore::is_older(dir.database())? {
        let database = dir.database();
        tracing::info!(database = %database.display(), "migrating the database of an earlier build");
    }
    let store = SqliteStore::open(dir.database(), options)?;
    // As in `open_existing`.
    let sealer = dir.sealer()?;
    Ok(Records::new(Arc::new(store), sealer, settings))
}

/// The store's epoch: given to it by the first start, and by the first on a copy; found by the others.
pub async fn epoch(records: &Records) -> Result<u64, BootError> {
    loop {
        if let Some(number) = epoch_at(records, "epoch").await? {
            return Ok(number);
        }
        let before = epoch_at(records, "epoch-before").await?;
        let command = RenewEpoch::First { before };
        // Another server may be faster: then there is one to be found.
        records.run(&Principal::Operator, &command, None).await?;
    }
}

async fn epoch_at(records: &Records, kind: &str) -> Result<Option<u64>, Failure> {
    let (keys, _) = records.keys(&key::all(kind), None, 1).await?;
    Ok(keys.first().and_then(|at| key::parse_epoch(at)))
}

/// Ends the epoch in a copy of a store: whoever serves it counts anew, under a later one. Edges take a configuration for
/// newer by its epoch and generation, so that a copy that went on in the same epoch could give out generations that the
/// original gave out for something else.
pub async fn end_epoch(copy: &Path) -> Result<(), StoreError> {
    let path = copy.to_owned();
    let runtime = tokio::runtime::Handle::current();
    let ended = tokio::task::spawn_blocking(move || {
        let options = SqliteOptions { readers: 1, ..existing() };
        let store = SqliteStore::open(&path, options)
            .map_err(|error| StoreError::Unavailable(format!("the copy: {error}")))?;
        // Nobody else knows of this copy, and its lock is not to outlive it.
        let mut lock = path.into_os_string();
        lock.push(".lock");
        fs::remove_file(lock)
            .map_err(|error| StoreError::Unavailable(format!("the copy's lock: {error}")))?;
        let page = runtime.block_on(store.scan(key::all("epoch").as_str(), None, 10))?;
        let writes = page.items.iter().filter_map(|(at, value)| {
            let before = key::epoch_before(key::parse_epoch(at)?).into_string();
            Some([Write::delete(at.as_str()), Write::put(before, value.value.clone())])
        });
        let writes = writes.flatten().collect();
        let commit = Commit { writes, ..Commit::default() };
        match runtime.block_on(store.commit(commit)) {
            // That leaves one file that needs no other.
            Ok(_) => store.close(),
            Err(CommitError::Store(error)) => Err(error),
            Err(error) => Err(StoreError::Unavailable(format!("the copy: {error}"))),
        }
    });
    ended.await.map_err(|error| StoreError::Unavailable(format!("the copy: {error}")))?
}

/// Writes `operator.json` if it is not there or says something else.
pub(crate) fn replace_operator_file(dir: &DataDir, file: &OperatorFile) -> Result<(), BootError> {
    let mut json = serde_json::to_vec_pretty(file).expect("a few strings");
    json.push(b'\n');
    let path = dir.operator_file();
    let is_private = private::shared(&path).is_ok_and(|mode| mode.is_none());
    if is_private && fs::read(&path).is_ok_and(|there| there == json) {
        return Ok(());
    }
    replace(&path, &json).map_err(|error| BootError::Io {
        what: "cannot write the operator's credentials to",
        path,
        error,
    })
}

/// Replaces a file as a whole, readable for its owner only.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let partial = path.with_extension("partial");
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&partial)?;
    file.set_permissions(fs::Permissions::from_mode(0o600))?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&partial, path)?;
    fs::File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::KEY_SYMBOLS;

    /// Databases of schema version 5 are written with these and no others.
    #[test]
    fn the_key_symbols_are_those_of_every_database() {
        assert_eq!(KEY_SYMBOLS.checksum(), Some(0x7ce2_66ab));
    }
}
