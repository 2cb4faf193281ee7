//! Where programs are.

use std::path::{Path, PathBuf};

/// Where system programs are, which the `PATH` of a service may lack.
const SYSTEM_PLACES: [&str; 4] = ["/usr/sbin", "/usr/local/sbin", "/usr/bin", "/sbin"];

/// The program's path; as given if it is not found anywhere, for the error to name.
#[must_use]
pub fn find(program: &Path) -> PathBuf {
    if program.components().count() > 1 {
        return program.to_owned();
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = std::env::split_paths(&path).chain(SYSTEM_PLACES.map(PathBuf::from));
    places.map(|dir| dir.join(program)).find(|p| p.is_file()).unwrap_or_else(|| program.to_owned())
}
