//! The fragments of a configuration as files. Each is named by a digest of it, so one that was written is never written again,
//! and the configuration that BIRD has and the next one do not disturb each other.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::session::DaemonError;

/// A directory of fragments.
#[derive(Debug)]
pub struct Fragments {
    dir: PathBuf,
    /// Those that this process has written: of others, who knows whether they were written to their end.
    written: BTreeSet<Arc<str>>,
    /// Whether there are no others.
    swept: bool,
}

impl Fragments {
    /// In a directory that is made (0700) when it is needed.
    #[must_use]
    pub const fn of(dir: PathBuf) -> Self {
        Self { dir, written: BTreeSet::new(), swept: false }
    }

    /// Makes the directory where it is missing.
    pub fn prepare(&mut self) -> Result<(), DaemonError> {
        match DirBuilder::new().mode(0o700).create(&self.dir) {
            Ok(()) => self.written.clear(),
            Err(why) if why.kind() == io::ErrorKind::AlreadyExists => {}
            Err(why) => return Err(fault("make", &self.dir)(why)),
        }
        Ok(())
    }

    /// Writes a fragment if it is not there.
    pub fn write(&mut self, name: &Arc<str>, text: &str) -> Result<(), DaemonError> {
        if !self.written.contains(name) {
            let path = self.dir.join(&**name);
            replace(&path, text).map_err(fault("write", &path))?;
            self.written.insert(Arc::clone(name));
        }
        Ok(())
    }

    /// BIRD could not read what it was given: nothing is taken to be there.
    pub fn invalidate(&mut self) {
        self.written.clear();
        self.swept = false;
    }

    /// Removes all but these, which were written, once BIRD has what they are in.
    pub fn keep(&mut self, names: BTreeSet<Arc<str>>) {
        let mut others: Vec<PathBuf> =
            self.written.difference(&names).map(|name| self.dir.join(&**name)).collect();
        if !self.swept {
            let there = fs::read_dir(&self.dir).into_iter().flatten().flatten();
            let other = |name: &str| !names.contains(name);
            let there = there.filter(|entry| entry.file_name().to_str().is_none_or(other));
            others = there.map(|entry| entry.path()).collect();
        }
        // One that stays does no harm.
        self.swept = others.iter().all(|path| fs::remove_file(path).is_ok());
        self.written = names;
    }
}

/// Writes a file (0600) in the place of what is there.
pub(super) fn replace(path: &Path, text: &str) -> io::Result<()> {
    let new = path.with_extension("new");
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    file.write_all(text.as_bytes())?;
    fs::rename(&new, path)
}

fn fault(doing: &str, path: &Path) -> impl Fn(io::Error) -> DaemonError {
    move |why| DaemonError::Io { doing: format!("{doing} {}", path.display()), why }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn names(dir: &Path) -> Vec<String> {
        let there = fs::read_dir(dir).unwrap();
        let name =
            |entry: io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
        let mut names: Vec<String> = there.map(name).collect();
        names.sort();
        names
    }

    #[test]
    fn a_fragment_is_written_once_and_stays_while_it_is_needed() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().join("bird.d");
        let mut fragments = Fragments::of(dir.clone());
        fragments.prepare().unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        fragments.write(&"a".into(), "text").unwrap();
        let path = dir.join("a");
        assert_eq!((mode(&dir), mode(&path)), (0o700, 0o600));
        fs::write(&path, "changed").unwrap();
        fragments.write(&"a".into(), "text").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "changed", "it is not looked at again");
        fragments.invalidate();
        fragments.write(&"a".into(), "text").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "text");
        // What an agent that was killed has left.
        fs::write(dir.join("b.new"), "").unwrap();
        fragments.write(&"c".into(), "text").unwrap();
        fragments.keep(["c".into()].into());
        assert_eq!(names(&dir), ["c"]);
        // Another agent after it writes what it needs, whatever is there.
        fs::write(dir.join("c"), "").unwrap();
        let mut next = Fragments::of(dir.clone());
        next.prepare().unwrap();
        next.write(&"c".into(), "text").unwrap();
        assert_eq!(fs::read_to_string(dir.join("c")).unwrap(), "text");
        // The directory goes, and comes again with what is in it.
        fs::remove_dir_all(&dir).unwrap();
        next.prepare().unwrap();
        next.write(&"c".into(), "text").unwrap();
        assert_eq!(names(&dir), ["c"]);
    }
}
