//! The state directory: the configuration that the router keeps doing whatever becomes of the server.
//!
//! `config.json` is replaced as a whole, and `config.changes` has what has changed since then, a line for each configuration.
//! After a crash at any moment there is the old one or the new one: a line that was not written to its end does not count.
//! Both hold BGP keys, so nobody else may read them.

use std::fmt;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use linkway_domain::edge::EdgeConfig;

use super::changes::Change;

/// The configuration as a whole.
const WHOLE: &str = "config.json";
/// What has changed since then.
const CHANGES: &str = "config.changes";

/// A state directory in use by this process alone.
pub struct StateDir {
    path: PathBuf,
    /// What is in it, if that is known for sure.
    saved: Option<Saved>,
    /// Locked while it is open; the system lets go of it with the process.
    _lock: File,
}

/// A configuration in the directory.
struct Saved {
    config: Arc<EdgeConfig>,
    /// How many bytes the whole has, and the changes of it.
    whole: usize,
    changes: usize,
}

/// A configuration with the exact text that the server sent. Cheap to clone.
#[derive(Clone, PartialEq, Eq)]
pub struct Held {
    /// The configuration.
    pub config: Arc<EdgeConfig>,
    /// Its text (JSON); an equal one if it was put together from changes.
    pub text: Bytes,
}

/// The text holds keys.
impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Held({:?}, {} bytes)", self.config.version(), self.text.len())
    }
}

/// The changes may have as many bytes as the whole, or so many.
const WORTH_KEEPING: usize = 64 << 10;

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
            Ok(()) => Ok(Self { path: path.to_owned(), saved: None, _lock: file }),
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
    pub fn load(&mut self) -> Result<Option<Held>, StateError> {
        let path = self.path.join(WHOLE);
        let Some(text) = read(&path)? else { return Ok(None) };
        // The error's own text may repeat a value of the file, and some of them are keys.
        let mut config: EdgeConfig = serde_json::from_str(&text).map_err(|error| {
            StateError::NotConfig { path, line: error.line(), column: error.column() }
        })?;
        let lines = read(&self.path.join(CHANGES))?.unwrap_or_default();
        let before = config.version();
        let all = lines.split_inclusive('\n').all(|line| {
            let change = line.ends_with('\n').then(|| serde_json::from_str::<Change>(line).ok());
            change.flatten().is_some_and(|change| change.make(&mut config))
        });
        let config = Arc::new(config);
        let (whole, changes) = (text.len(), lines.len());
        // After what does not count nothing may be added.
        self.saved = all.then(|| Saved { config: Arc::clone(&config), whole, changes });
        let text = if config.version() == before {
            text
        } else {
            serde_json::to_string(&config).expect("configurations have string keys only")
        };
        Ok(Some(Held { config, text: text.into() }))
    }

    /// Saves a configuration; it is on disk when this returns.
    pub fn save(&mut self, held: &Held) -> Result<(), StateError> {
        // Whatever goes wrong, the next one is saved as a whole.
        let is_there = |_: &Saved| self.path.join(WHOLE).exists();
        let saved = self.saved.take().filter(is_there);
        let line = saved.as_ref().and_then(|saved| saved.line(&held.config));
        let (whole, changes) = match (saved, line) {
            (Some(saved), Some(line)) => {
                self.add(&line, saved.changes == 0)?;
                (saved.whole, saved.changes + line.len())
            }
            (Some(_) | None, _) => {
                self.replace(&held.text)?;
                (held.text.len(), 0)
            }
        };
        self.saved = Some(Saved { config: Arc::clone(&held.config), whole, changes });
        Ok(())
    }

    fn add(&self, line: &str, first: bool) -> Result<(), StateError> {
        let path = self.path.join(CHANGES);
        let failed = |why| StateError::Io { doing: "writing", path: path.clone(), why };
        let mut file =
            OpenOptions::new().create(true).append(true).mode(0o600).open(&path).map_err(failed)?;
        file.write_all(line.as_bytes()).and_then(|()| file.sync_data()).map_err(failed)?;
        if first { self.sync() } else { Ok(()) }
    }

    fn replace(&self, text: &[u8]) -> Result<(), StateError> {
        let (path, fresh) = (self.path.join(WHOLE), self.path.join("config.json.new"));
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
        self.sync()?;
        // The changes that are still there are of earlier ones.
        unlink(&self.path.join(CHANGES))
    }

    fn sync(&self) -> Result<(), StateError> {
        File::open(&self.path)
            .and_then(|directory| directory.sync_all())
            .map_err(|why| StateError::Io { doing: "syncing", path: self.path.clone(), why })
    }

    /// Removes the saved configuration.
    pub fn forget(&mut self) -> Result<(), StateError> {
        self.saved = None;
        unlink(&self.path.join(CHANGES))?;
        unlink(&self.path.join(WHOLE))
    }
}

impl Saved {
    /// The line that makes it the next one, if it is not too long.
    fn line(&self, next: &EdgeConfig) -> Option<String> {
        let change = Change::between(&self.config, next)?;
        let mut line = serde_json::to_string(&change).expect("changes have string keys only");
        line.push('\n');
        (self.changes + line.len() <= self.whole.max(WORTH_KEEPING)).then_some(line)
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

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn held(text: &str) -> Held {
        let config = serde_json::from_str(text).expect("a configuration");
        Held { config: Arc::new(config), text: Bytes::copy_from_slice(text.as_bytes()) }
    }

    /// A configuration of these interfaces, each with a gateway of its own.
    fn config(generation: u64, interfaces: &[u8]) -> Held {
        let list: Vec<_> = interfaces
            .iter()
            .map(|n| {
                json!({
                    "virtualInterfaceId": format!("dxvif-f00000{n:02x}"), "interface": "eth1",
                    "vlan": u16::from(*n) + 1, "mtu": 1500,
                    "virtualGatewayId": format!("vgw-000000{n:02x}"),
                    "addresses": {
                        "family": "ipv4", "amazon": "169.254.0.1/30", "customer": "169.254.0.2/30"
                    },
                    "asn": 65000, "authKey": format!("key-of-{n}"),
                })
            })
            .collect();
        let gateways: Vec<_> = interfaces
            .iter()
            .map(|n| {
                json!({
                    "virtualGatewayId": format!("vgw-000000{n:02x}"), "amazonSideAsn": 64512,
                    "cidrs": ["10.0.0.0/16"], "handoffs": [],
                })
            })
            .collect();
        let ports = json!([{ "interface": "eth1", "connectionId": "dxcon-ffabc123" }]);
        let whole = json!({
            "edgeId": "e1", "epoch": 1, "generation": generation, "ports": ports,
            "gateways": gateways, "interfaces": list,
        });
        let config: EdgeConfig = serde_json::from_value(whole).expect("a configuration");
        held(&serde_json::to_string(&config).expect("text"))
    }

    #[test]
    fn what_was_saved_is_loaded_and_private() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("state");
        let mut state = StateDir::open(&path).expect("opened");
        assert_eq!(state.load().expect("loaded"), None);
        let odd =
            r#"{ "generation":7,"edgeId":"e1","epoch":1,"ports":[],"gateways":[],"interfaces":[]}"#;
        state.save(&held(odd)).expect("saved");
        let first = state.load().expect("loaded").expect("there");
        assert_eq!((first.config.generation, &first.text[..]), (7, odd.as_bytes()));
        state.save(&config(8, &[1, 2])).expect("saved");
        assert_eq!(state.load().expect("loaded"), Some(config(8, &[1, 2])));
        let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
        assert_eq!(mode(&path), 0o700);
        assert_eq!((mode(&path.join(WHOLE)), mode(&path.join(CHANGES))), (0o600, 0o600));
        state.forget().expect("forgotten");
        assert_eq!(state.load().expect("loaded"), None);
        assert_eq!(fs::read_dir(&path).expect("a directory").count(), 1, "the lock");
    }

    #[test]
    fn what_somebody_has_removed_is_saved_as_a_whole() {
        let dir = tempfile::tempdir().expect("a directory");
        let mut state = StateDir::open(dir.path()).expect("opened");
        state.save(&config(1, &[1])).expect("saved");
        fs::remove_file(dir.path().join(WHOLE)).expect("removed");
        state.save(&config(2, &[1, 2])).expect("saved");
        assert_eq!(state.load().expect("loaded"), Some(config(2, &[1, 2])));
    }

    #[test]
    fn after_a_change_that_could_not_be_written_the_next_is_saved_as_a_whole() {
        let dir = tempfile::tempdir().expect("a directory");
        let mut state = StateDir::open(dir.path()).expect("opened");
        state.save(&config(1, &[1])).expect("saved");
        // What cannot be written to, for root neither.
        fs::create_dir(dir.path().join(CHANGES)).expect("made");
        let error = state.save(&config(2, &[1, 2])).expect_err("no file").to_string();
        assert!(error.contains(CHANGES), "{error}");
        fs::remove_dir(dir.path().join(CHANGES)).expect("removed");
        state.save(&config(3, &[1, 2, 3])).expect("saved");
        assert!(!dir.path().join(CHANGES).exists(), "a whole");
        assert_eq!(state.load().expect("loaded"), Some(config(3, &[1, 2, 3])));
    }

    #[test]
    fn a_line_that_was_cut_off_does_not_count_and_nothing_comes_after_it() {
        let dir = tempfile::tempdir().expect("a directory");
        let mut state = StateDir::open(dir.path()).expect("opened");
        state.save(&config(1, &[1])).expect("saved");
        state.save(&config(2, &[1, 2])).expect("saved");
        let changes = dir.path().join(CHANGES);
        let second = fs::read(&changes).expect("there");
        state.save(&config(3, &[2, 3])).expect("saved");
        let third = fs::read(&changes).expect("there");
        for cut in second.len()..=third.len() {
            fs::write(&changes, &third[..cut]).expect("written");
            let expected = if cut == third.len() { config(3, &[2, 3]) } else { config(2, &[1, 2]) };
            assert_eq!(state.load().expect("loaded"), Some(expected), "{cut}");
            state.save(&config(4, &[4])).expect("saved");
            assert_eq!(state.load().expect("loaded"), Some(config(4, &[4])), "{cut}");
            fs::write(dir.path().join(WHOLE), &config(1, &[1]).text).expect("written");
        }
        // A crash after the whole was replaced and before the changes were removed.
        fs::write(dir.path().join(WHOLE), &config(3, &[2, 3]).text).expect("written");
        fs::write(&changes, &third).expect("written");
        assert_eq!(state.load().expect("loaded"), Some(config(3, &[2, 3])));
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

        /// Whatever was saved last is there, for this process and for the next.
        #[test]
        fn what_was_saved_last_is_there(
            steps in prop::collection::vec((prop::collection::btree_set(0..20_u8, 0..12), any::<bool>()), 1..12)
        ) {
            let dir = tempfile::tempdir().expect("a directory");
            let mut state = StateDir::open(dir.path()).expect("opened");
            for ((interfaces, again), generation) in steps.into_iter().zip(1..) {
                let interfaces: Vec<u8> = interfaces.into_iter().collect();
                let next = config(generation, &interfaces);
                state.save(&next).expect("saved");
                if again {
                    drop(state);
                    state = StateDir::open(dir.path()).expect("opened");
                    prop_assert_eq!(state.load().expect("loaded"), Some(next));
                }
            }
        }
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
        let mut state = StateDir::open(dir.path()).expect("opened");
        let bad = r#"{"edgeId":"e1","generation":"s3cr3t-value"}"#;
        fs::write(dir.path().join(WHOLE), bad).expect("written");
        let error = state.load().expect_err("not a configuration").to_string();
        assert!(error.contains("config.json") && !error.contains("s3cr3t"), "{error}");
    }
}
