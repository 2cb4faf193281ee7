//! `linkway admin backup`: the copy goes to `FILE.partial` and gets its name when all of it is on
//! the disk, so a file of that name is always a whole copy.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, IsTerminal, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::client::Client;
use super::failure::Failure;

/// Writes the copy to `file`.
pub fn run(client: &Client, file: &Path, force: bool) -> Result<(), Failure> {
    refuse_existing(file, force)?;
    let partial = Partial::create(file)?;
    let copied = copy(client, &partial).and_then(|bytes| {
        refuse_existing(file, force)?;
        partial.finish(file).map(|()| bytes)
    });
    match copied {
        Ok(bytes) => {
            eprintln!("wrote {} ({bytes} bytes)", file.display());
            Ok(())
        }
        Err(failure) => {
            // What is left of a copy that failed is of no use; if it stays, the next run overwrites
            // it.
            let _ = fs::remove_file(&partial.path);
            Err(failure)
        }
    }
}

fn refuse_existing(file: &Path, force: bool) -> Result<(), Failure> {
    if !force && file.symlink_metadata().is_ok() {
        return Err(Failure::file("will not overwrite", file, "it exists; --force overwrites it"));
    }
    Ok(())
}

fn copy(client: &Client, partial: &Partial) -> Result<u64, Failure> {
    let mut response = client.backup()?;
    let total = response.body().content_length();
    let mut reader = response.body_mut().with_config().limit(u64::MAX).reader();
    let mut progress = Progress::new(total);
    let mut buffer = vec![0; 1 << 16];
    let mut out = &partial.file;
    loop {
        let length = match reader.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(client.unreachable(format!("the copy broke off: {error}"))),
        };
        out.write_all(&buffer[..length]).map_err(|error| partial.failure(error))?;
        progress.add(length);
    }
    progress.end();
    match total {
        Some(total) if total != progress.bytes => Err(client.unreachable(format!(
            "the copy broke off: {} bytes of {total} arrived",
            progress.bytes
        ))),
        _ => Ok(progress.bytes),
    }
}

/// `FILE.partial`, locked so that two backups to one file do not mix.
struct Partial {
    path: PathBuf,
    file: File,
}

impl Partial {
    fn create(file: &Path) -> Result<Partial, Failure> {
        let name = file
            .file_name()
            .ok_or_else(|| Failure::file("cannot write", file, "that does not name a file"))?;
        let mut name = name.to_owned();
        name.push(".partial");
        let path = file.with_file_name(name);
        let doing = "cannot write";
        let opened =
            OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path);
        let file = opened.map_err(|error| Failure::file(doing, &path, error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Failure::file(doing, &path, "another backup is writing it"));
            }
            Err(TryLockError::Error(error)) => return Err(Failure::file(doing, &path, error)),
        }
        let partial = Partial { path, file };
        // One that an interrupted run left behind may be anything.
        let emptied = partial
            .file
            .set_len(0)
            .and_then(|()| partial.file.set_permissions(fs::Permissions::from_mode(0o600)));
        emptied.map_err(|error| partial.failure(error))?;
        Ok(partial)
    }

    fn finish(&self, file: &Path) -> Result<(), Failure> {
        self.file.sync_all().map_err(|error| self.failure(error))?;
        fs::rename(&self.path, file).map_err(|error| Failure::file("cannot write", file, error))?;
        let dir = match file.parent() {
            Some(dir) if !dir.as_os_str().is_empty() => dir,
            _ => Path::new("."),
        };
        let synced = File::open(dir).and_then(|dir| dir.sync_all());
        synced.map_err(|error| Failure::file("cannot sync", dir, error))
    }

    fn failure(&self, error: io::Error) -> Failure {
        Failure::file("cannot write", &self.path, error)
    }
}

/// How far the copy is, on a terminal.
struct Progress {
    bytes: u64,
    total: Option<u64>,
    is_shown: bool,
    shown_at: Option<Instant>,
}

impl Progress {
    fn new(total: Option<u64>) -> Self {
        Progress { bytes: 0, total, is_shown: io::stderr().is_terminal(), shown_at: None }
    }

    fn add(&mut self, length: usize) {
        self.bytes += length as u64;
        let is_due = self.shown_at.is_none_or(|at| at.elapsed() > Duration::from_millis(200));
        if self.is_shown && is_due {
            self.shown_at = Some(Instant::now());
            match self.total {
                Some(total) => eprint!("\r{} of {} MiB", self.bytes >> 20, total >> 20),
                None => eprint!("\r{} MiB", self.bytes >> 20),
            }
        }
    }

    fn end(&self) {
        if self.shown_at.is_some() {
            // Clears the line (ECMA-48, erase in line).
            eprint!("\r\x1b[K");
        }
    }
}
