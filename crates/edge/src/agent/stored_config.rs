//! The state directory: the configuration that the router keeps to whatever becomes of the server.
//!
//! `config.json` is replaced as a whole, so that after a crash at any moment there is the old one or the new one. It holds BGP
//! keys, so nobody else may read it.

use std::fmt;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use linkway_domain::edge::EdgeConfig;

use super::previous;

/// The configuration.
const CONFIG: &str = "config.json";
/// Where an agent of format 1 kept what had changed since then.
const CHANGES: &str = "config.changes";

/// A state directory in use by this process alone.
pub struct StateDir {
    path: PathBuf,
    /// Locked while it is open; the system releases it with the process.
    _lock: File,
}

/// A configuration with the exact text that the server sent. Cheap to clone.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredConfig {
    /// The configuration.
    pub config: Arc<EdgeConfig>,
    /// Its text (JSON).
    pub text: Bytes,
    /// Whether an agent of an earlier format has stored it: it lacks what that format lacked, and the server has to send it
    /// again.
    pub migrated: bool,
}

/// The text holds keys.
impl fmt::Debug for StoredConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoredConfig({:?}, {} bytes)", self.config.version(), self.text.len())
    }
}

/// The state directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// A file or the directory.
    #[error("{doing} {}: {why}", path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// With what.
        path: PathBuf,
        /// The system's error.
        why: io::Error,
    },
    /// Another agent uses it.
    #[error("the state directory {} is in use by another `linkway edge`", path.display())]
    InUse {
        /// The directory.
        path: PathBuf,
    },
    /// The file does not hold a configuration.
    #[error("{}: not a configuration of an edge (line {line}, column {column}); the router stays as it is \
             until the server sends one", path.display())]
    NotConfig {
        /// The file.
        path: PathBuf,
        /// Where.
        line: usize,
        /// Where.
        column: usize,
    },
}

impl StateDir {
    /// Opens the directory, making it (0700) where it is missing.
    ///
    /// # Errors
    /// When it cannot be made or locked, or another agent uses it.
    pub fn open(path: &Path) -> Result<Self, StateError> {
        let failed = |doing, path: &Path, why| StateError::Io { doing, path: path.to_owned(), why };
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(|why| failed("making the directory", path, why))?;
        let lock = path.join("lock");
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&lock)
            .map_err(|why| failed("opening", &lock, why))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: file }),
            Err(TryLockError::WouldBlock) => Err(StateError::InUse { path: path.to_owned() }),
            Err(TryLockError::Error(why)) => Err(failed("locking", &lock, why)),
        }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The configuration that was saved last, by this agent or by one of format 1.
    ///
    /// # Errors
    /// When it cannot be read, or is none.
    pub fn load(&self) -> Result<Option<StoredConfig>, StateError> {
        let path = self.path.join(CONFIG);
        let Some(text) = read(&path)? else { return Ok(None) };
        let error = match serde_json::from_str(&text) {
            Ok(config) => {
                let config = Arc::new(config);
                return Ok(Some(StoredConfig { config, text: text.into(), migrated: false }));
            }
            Err(error) => error,
        };
        let changes = read(&self.path.join(CHANGES))?.unwrap_or_default();
        match previous::read(&text, &changes) {
            Some(config) => {
                let text =
                    serde_json::to_vec(&config).expect("configurations have string keys only");
                let config = Arc::new(config);
                Ok(Some(StoredConfig { config, text: text.into(), migrated: true }))
            }
            // The error's own text may repeat a value of the file, and some of them are keys.
            None => Err(StateError::NotConfig { path, line: error.line(), column: error.column() }),
        }
    }

    /// Saves a configuration; it is on disk when this returns.
    ///
    /// # Errors
    /// When it cannot be written; then what was saved before is still there.
    pub fn save(&self, stored: &StoredConfig) -> Result<(), StateError> {
        self.replace(&stored.text)?;
        // What it says is of a configuration that is not there any more.
        unlink(&self.path.join(CHANGES))
    }

    fn replace(&self, text: &[u8]) -> Result<(), StateError> {
        let (path, fresh) = (self.path.join(CONFIG), self.path.join("config.json.new"));
        let failed = |doing, path: &Path, why| StateError::Io { doing, path: path.to_owned(), why };
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(true)
            .write(true)
            .mode(0o600)
            .open(&fresh)
            .map_err(|why| failed("opening", &fresh, why))?;
        file.write_all(text)
            .and_then(|()| file.sync_all())
            .map_err(|why| failed("writing", &fresh, why))?;
        fs::rename(&fresh, &path).map_err(|why| failed("replacing", &path, why))?;
        self.sync()
    }

    fn sync(&self) -> Result<(), StateError> {
        File::open(&self.path)
            .and_then(|directory| directory.sync_all())
            .map_err(|why| StateError::Io { doing: "syncing", path: self.path.clone(), why })
    }

    /// Removes the saved configuration.
    ///
    /// # Errors
    /// When it is there and cannot be removed.
    pub fn purge(&self) -> Result<(), StateError> {
        unlink(&self.path.join(CHANGES))?;
        unlink(&self.path.join(CONFIG))
    }
}

/// A file's text, if there is one.
fn read(path: &Path) -> Result<Option<String>, StateError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(why) if why.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(why) => Err(StateError::Io { doing: "reading", path: path.to_owned(), why }),
    }
}

fn unlink(path: &Path) -> Result<(), StateError> {
    match fs::remove_file(path) {
        Err(why) if why.kind() != io::ErrorKind::NotFound => {
            Err(StateError::Io { doing: "removing", path: path.to_owned(), why })
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn stored(text: &str) -> StoredConfig {
        let config = serde_json::from_str(text).expect("a configuration");
        let text = Bytes::copy_from_slice(text.as_bytes());
        StoredConfig { config: Arc::new(config), text, migrated: false }
    }

    const EMPTY: &str = r#"{ "generation":7,"edgeId":"e1","epoch":1,"ports":[],"routingDomains":[],"interfaces":[]}"#;

    #[test]
    fn what_was_saved_last_is_loaded_and_private() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("state");
        let state = StateDir::open(&path).expect("opened");
        assert_eq!(state.load().expect("loaded"), None);
        for generation in [7, 8] {
            let text = EMPTY.replace('7', &generation.to_string());
            state.save(&stored(&text)).expect("saved");
            let loaded = state.load().expect("loaded").expect("there");
            assert_eq!(loaded.config.generation, generation);
            assert_eq!(loaded, stored(&text));
        }
        let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(&path.join(CONFIG))), (0o700, 0o600));
        state.purge().expect("purged");
        assert_eq!(state.load().expect("loaded"), None);
        assert_eq!(fs::read_dir(&path).expect("a directory").count(), 1, "the lock");
    }

    /// An upgraded agent goes on with what the one before it had, and asks for all of it again.
    #[test]
    fn what_an_agent_of_format_1_saved_is_loaded_and_replaced() {
        let dir = tempfile::tempdir().expect("a directory");
        let state = StateDir::open(dir.path()).expect("opened");
        let old =
            r#"{"edgeId":"e1","epoch":1,"generation":3,"ports":[],"gateways":[],"interfaces":[]}"#;
        let line = r#"{"after":{"epoch":1,"generation":3},"version":{"epoch":1,"generation":4}}"#;
        fs::write(dir.path().join(CONFIG), old).expect("written");
        fs::write(dir.path().join(CHANGES), format!("{line}\n")).expect("written");
        let loaded = state.load().expect("loaded").expect("there");
        assert_eq!((loaded.config.generation, loaded.migrated), (4, true));
        let next = stored(EMPTY);
        state.save(&next).expect("saved");
        assert_eq!(state.load().expect("loaded"), Some(next));
        assert!(!dir.path().join(CHANGES).exists());
        // A crash after the new one took its place and before the old changes were removed.
        fs::write(dir.path().join(CHANGES), format!("{line}\n")).expect("written");
        assert_eq!(state.load().expect("loaded"), Some(stored(EMPTY)));
    }

    #[test]
    fn two_agents_do_not_share_a_directory() {
        let dir = tempfile::tempdir().expect("a directory");
        let _first = StateDir::open(dir.path()).expect("opened");
        assert!(matches!(StateDir::open(dir.path()), Err(StateError::InUse { .. })));
    }

    #[test]
    fn a_damaged_file_is_an_error_that_shows_nothing_of_it() {
        let dir = tempfile::tempdir().expect("a directory");
        let state = StateDir::open(dir.path()).expect("opened");
        let bad = r#"{"edgeId":"e1","generation":"s3cr3t-value"}"#;
        fs::write(dir.path().join(CONFIG), bad).expect("written");
        let error = state.load().expect_err("not a configuration").to_string();
        assert!(error.contains("config.json") && !error.contains("s3cr3t"), "{error}");
    }
}
