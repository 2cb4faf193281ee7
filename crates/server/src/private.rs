//! Files and directories that nobody but their owner may have any access to: keys, and what keys protect.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// The permissions of a file or directory, if they give anything to its group or to others.
///
/// # Errors
///
/// It is not there, or a directory above it is closed.
pub fn shared(path: &Path) -> io::Result<Option<u32>> {
    let mode = fs::metadata(path)?.permissions().mode() & 0o777;
    Ok((mode & 0o077 != 0).then_some(mode))
}

/// The rule in words, as the store's error for its key file has it; `right` is what `chmod` is to be given.
#[must_use]
pub fn rule(mode: u32, right: &str) -> String {
    format!("its permissions are {mode:03o}; nobody but its owner may have any (chmod {right})")
}
