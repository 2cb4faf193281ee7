//! The state directory: the configuration that the router keeps doing whatever becomes of the server.
//!
//! The file holds BGP keys, so nobody else may read it. It is replaced as a whole: after a crash at any moment there is the
//! old one or the new one.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use linkway_domain::edge::EdgeConfig;

/// A state directory in use by this process alone.
pub struct StateDir {
    path: PathBuf,
    /// Locked while it is open; the system lets go of it with the process.
    _lock: File,
}

/// A configuration with the exact text that the server sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The configuration.
    pub config: EdgeConfig,
    /// Its text (JSON).
    pub text: Vec<u8>,
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

    /// The configuration that was saved last.
    pub fn load(&self) -> Result<Option<Held>, StateError> {
        let path = self.path.join("config.json");
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(why) => return Err(StateError::Io { doing: "reading", path, why }),
        };
        // The error's own text may repeat a value of the file, and some of them are keys.
        match serde_json::from_slice(&text) {
            Ok(config) => Ok(Some(Held { config, text })),
            Err(error) => {
                Err(StateError::NotConfig { path, line: error.line(), column: error.column() })
            }
        }
    }

    /// Saves a configuration; it is on disk when this returns.
    pub fn save(&self, text: &[u8]) -> Result<(), StateError> {
        let (path, fresh) = (self.path.join("config.json"), self.path.join("config.json.new"));
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
        File::open(&self.path)
            .and_then(|directory| directory.sync_all())
            .map_err(|why| failed("syncing", &self.path, why))
    }

    /// Removes the saved configuration.
    pub fn forget(&self) -> Result<(), StateError> {
        let path = self.path.join("config.json");
        match fs::remove_file(&path) {
            Err(why) if why.kind() != io::ErrorKind::NotFound => {
                Err(StateError::Io { doing: "removing", path, why })
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const TEXT: &[u8] =
        br#"{"edgeId":"e1","epoch":1,"generation":7,"ports":[],"gateways":[],"interfaces":[]}"#;

    #[test]
    fn what_was_saved_is_loaded_and_private() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("state");
        let state = StateDir::open(&path).expect("opened");
        assert_eq!(state.load().expect("loaded"), None);
        state.save(TEXT).expect("saved");
        let held = state.load().expect("loaded").expect("there");
        assert_eq!((held.config.generation, held.text.as_slice()), (7, TEXT));
        let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(&path.join("config.json"))), (0o700, 0o600));
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
        state.save(br#"{"edgeId":"e1","generation":"s3cr3t-value"}"#).expect("saved");
        let error = state.load().expect_err("not a configuration").to_string();
        assert!(error.contains("config.json") && !error.contains("s3cr3t"), "{error}");
    }
}
