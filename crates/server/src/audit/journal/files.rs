//! The files of a journal: `journal-<sequence>.jsonl`.

use std::io;
use std::path::{Path, PathBuf};

pub(super) fn path(dir: &Path, sequence: u64) -> PathBuf {
    dir.join(format!("journal-{sequence:010}.jsonl"))
}

/// Sequence numbers of the files there are, ascending. Other files are left alone.
pub(super) fn sequences(dir: &Path) -> io::Result<Vec<u64>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let name = entry?.file_name();
        let number = name.to_str().and_then(|name| {
            name.strip_prefix("journal-")?.strip_suffix(".jsonl")?.parse::<u64>().ok()
        });
        found.extend(number);
    }
    found.sort_unstable();
    Ok(found)
}
