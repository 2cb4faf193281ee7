//! The disk that the data directory is on.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

use super::StoreMetrics;

/// With less than this no change has room.
const NOTHING: u64 = 64 << 10;
/// With less than this, changes that fail do so for lack of space.
const LITTLE: u64 = 16 << 20;

/// How much space is left, and how much the store takes: measured when somebody asks.
pub struct DiskMetrics {
    directory: OnceLock<PathBuf>,
    free: Gauge,
    store: Gauge,
}

impl DiskMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let disk =
            Self { directory: OnceLock::new(), free: Gauge::default(), store: Gauge::default() };
        let help = "Space left on the disk of the data directory";
        registry.register_with_unit("linkway_disk_free", help, Unit::Bytes, disk.free.clone());
        let help = "Length of the store's files: the database and its logs";
        registry.register_with_unit("linkway_store_size", help, Unit::Bytes, disk.store.clone());
        disk
    }

    /// The data directory; only the first call counts.
    pub fn watch(&self, directory: &Path) {
        let _only_the_first_counts = self.directory.set(directory.to_owned());
    }

    /// Whether changes are refused because the disk is full.
    #[must_use]
    pub fn is_full(&self, store: &StoreMetrics) -> bool {
        let free = self.directory.get().and_then(|directory| free_bytes(directory));
        free.is_some_and(|free| is_full(free, store.is_failing()))
    }

    pub(super) fn measure(&self) {
        let Some(directory) = self.directory.get() else { return };
        if let Some(free) = free_bytes(directory) {
            self.free.set(i64::try_from(free).unwrap_or(i64::MAX));
        }
        self.store.set(i64::try_from(store_bytes(directory)).unwrap_or(i64::MAX));
    }
}

/// `is_failing`: the last changes failed with the store.
fn is_full(free: u64, is_failing: bool) -> bool {
    free < NOTHING || is_failing && free < LITTLE
}

/// Bytes that a process without privileges may still write there; `None` where that cannot be asked.
fn free_bytes(directory: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(directory).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// Files that vanish meanwhile count nothing: logs that were merged are removed.
fn store_bytes(directory: &Path) -> u64 {
    let entries = directory.read_dir().into_iter().flatten().flatten();
    let of_store =
        entries.filter(|entry| entry.file_name().to_string_lossy().starts_with("linkway.db"));
    of_store.filter_map(|entry| Some(entry.metadata().ok()?.len())).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_with_room_to_spare_is_not_a_full_disk() {
        for (free, is_failing, full) in [
            (0, false, true),
            (NOTHING - 1, false, true),
            (NOTHING, false, false),
            (NOTHING, true, true),
            (LITTLE - 1, true, true),
            (LITTLE, true, false),
        ] {
            assert_eq!(is_full(free, is_failing), full, "{free} {is_failing}");
        }
    }

    #[test]
    fn the_store_is_its_files_and_no_others() {
        let directory = tempfile::tempdir().expect("a directory");
        for (name, bytes) in [("linkway.db", 3), ("linkway.db-log-01", 4), ("linkway.key", 32)] {
            std::fs::write(directory.path().join(name), vec![0; bytes]).expect("written");
        }
        assert_eq!(store_bytes(directory.path()), 7);
        assert_eq!(store_bytes(&directory.path().join("gone")), 0);
        assert!(free_bytes(directory.path()).is_some());
    }
}
