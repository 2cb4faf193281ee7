//! `operator.json`: where the server is and how to sign for it.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use linkway_wire::operator::OperatorFile;

use super::failure::Failure;

/// Where a server that a package has installed keeps it.
const USUAL: &str = "/var/lib/linkway/operator.json";

/// The file to use: the one that is named, or the usual one where it is there or nobody may say whether it is.
///
/// # Errors
///
/// What to say where none is named and the usual one is not there.
pub fn path(named: Option<&Path>) -> Result<PathBuf, String> {
    let usual = || match Path::new(USUAL).try_exists() {
        Ok(false) => Err(format!(
            "--credentials FILE (or LINKWAY_CREDENTIALS) is required, for there is no {USUAL}: \
             operator.json of the server's data directory"
        )),
        Ok(true) | Err(_) => Ok(PathBuf::from(USUAL)),
    };
    named.map_or_else(usual, |path| Ok(path.to_owned()))
}

const WHERE_FROM: &str = "`linkway serve` writes operator.json into its data directory at its \
     first start; name that file with --credentials or LINKWAY_CREDENTIALS";

/// Reads the file, and warns on stderr when others can read it too.
pub fn load(path: &Path) -> Result<OperatorFile, Failure> {
    let unreadable = |error: &dyn std::fmt::Display| {
        Failure::Local(format!(
            "cannot read the credentials {}: {error}\n{WHERE_FROM}",
            path.display()
        ))
    };
    let text = fs::read(path).map_err(|error| unreadable(&error))?;
    warn_if_others_may_read(path, "the operator's secret key")
        .map_err(|error| unreadable(&error))?;
    serde_json::from_slice(&text).map_err(|error| {
        // The error's own text may repeat a value of the file, and one of them is a secret.
        let place = format!("line {}, column {}", error.line(), error.column());
        unreadable(&format!(
            "{place}: not an object with endpoint, region, accessKeyId and secretAccessKey"
        ))
    })
}

/// Warns on stderr when others can read a file that holds a secret.
///
/// # Errors
///
/// When the file's mode cannot be read.
pub fn warn_if_others_may_read(path: &Path, what: &str) -> io::Result<()> {
    let mode = fs::metadata(path)?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        eprintln!(
            "warning: {path} holds {what} and others may use it (mode {mode:04o}): chmod 600 {path}",
            path = path.display()
        );
    }
    Ok(())
}
