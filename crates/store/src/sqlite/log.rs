//! The log: what was committed and may not be in the tables yet, in files beside the database.
//!
//! SQLite's own write-ahead log holds pages, each with the number of its frame: a batch of thirty commits is a dozen pages,
//! two system calls for each. This one holds rows: a batch is appended with one write and made durable with one sync.
//!
//! A file of the log (a *segment*) is named after the first revision in it, `DATABASE-log-00000000000000000001`. It
//! begins with a page that says whose it is, and then has records, each from the beginning of a page on:
//!
//! ```text
//!  segment  magic (8) | version (4) | checksum (4) | database (16) | salt (8) | first revision (8) | 0 ...
//!  record   checksum (4) | length of the row (4) | first revision (8) | row | 0 ... to the end of the page
//! ```
//!
//! Integers are little-endian; checksums are CRC-32 (IEEE 802.3), of a record over the segment's salt, the length, the
//! revision and the row.
//!
//! * **No page is written again once its record was acknowledged**, so a write that is torn by a loss of power costs nothing but
//!   itself, whatever the disk does to the rest of a page. A record that failed is overwritten by the next one.
//! * **A segment that is merged is used again**: writing over pages that a file has already needs no change of the file's
//!   size or blocks, so that a sync is one write of the disk. What lies in it from before has another salt, and earlier
//!   revisions.
//! * **One record at a time is on its way**, so only the last one may not be whole. If others follow one that is not, that is
//!   damage, and refused.
//! * **A segment gets its name when its first page is durable**; until then it is the *spare*, which nobody reads. It is written
//!   over when that name is durable: the disk would have a new first page under an old name otherwise, as earlier
//!   builds left it when they lost power. Nothing was acknowledged from such a one, and it is passed over.
//! * The segments of another database (a restored backup has a new identity) are refused, and so is a gap between them.

mod reading;

use std::fs::{self, File, OpenOptions};
use std::io;
use std::ops::RangeInclusive;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::row::Places;
use crate::files::{beside, sync_directory};
use crate::{Revision, StoreError};
use reading::Reading;

const MAGIC: &[u8; 8] = b"Lkwy log";
const VERSION: u32 = 1;
const PAGE: usize = 4096;
/// Before a row: its checksum, its length, its first revision.
const HEAD: usize = 4 + 4 + 8;
/// More revisions than a record has: one for each commit of a batch.
const MOST_REVISIONS: u64 = 1 << 16;
/// How far a segment grows ahead of what is written: by as much as there is, within these.
const GROWTH: RangeInclusive<u64> = 64 << 10..=1 << 20;
/// A segment that is longer than this is not kept as a spare.
const LONGEST_SPARE: u64 = 512 << 20;

/// Which database a segment belongs to.
pub(crate) type Identity = [u8; 16];

/// The files of one log.
pub(crate) struct Files {
    database: PathBuf,
    identity: Identity,
    state: Mutex<State>,
    /// Bytes that a segment, or the database, may have.
    limit: AtomicU64,
}

#[derive(Default)]
struct State {
    /// Segments that nothing is appended to any more, each with the last revision in it.
    sealed: Vec<(PathBuf, Revision)>,
    /// How many read all segments just now.
    pins: usize,
}

/// While it lives no segment goes.
pub(crate) struct Pin<'f>(&'f Files);

impl Drop for Pin<'_> {
    fn drop(&mut self) {
        self.0.state().pins -= 1;
    }
}

impl Files {
    pub(crate) fn new(database: &Path, identity: Identity) -> Self {
        let limit = AtomicU64::new(u64::MAX);
        Self { database: database.to_owned(), identity, state: Mutex::default(), limit }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets no file have more bytes, as a full disk would.
    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn set_limit(&self, bytes: u64) {
        self.limit.store(bytes, Ordering::Relaxed);
    }

    pub(crate) fn limit(&self) -> u64 {
        self.limit.load(Ordering::Relaxed)
    }

    pub(crate) fn pin(&self) -> Pin<'_> {
        self.state().pins += 1;
        Pin(self)
    }

    fn named(&self, first: Revision) -> PathBuf {
        beside(&self.database, &format!("-log-{first:020}"))
    }

    fn spare(&self) -> PathBuf {
        beside(&self.database, "-log-spare")
    }

    /// All segments, by their first revisions.
    fn segments(&self) -> io::Result<Vec<PathBuf>> {
        let prefix = beside(&self.database, "-log-");
        let prefix = prefix.file_name().unwrap_or_default().as_encoded_bytes();
        let is_segment = |path: &PathBuf| {
            let name = path.file_name().unwrap_or_default().as_encoded_bytes();
            let first = name.strip_prefix(prefix);
            first.is_some_and(|first| first.len() == 20 && first.iter().all(u8::is_ascii_digit))
        };
        let parent = self.database.parent().filter(|parent| !parent.as_os_str().is_empty());
        let entries = fs::read_dir(parent.unwrap_or(Path::new(".")))?;
        let mut segments = Vec::new();
        for entry in entries {
            segments.extend(Some(entry?.path()).filter(is_segment));
        }
        segments.sort();
        Ok(segments)
    }

    /// Passes each row of more than the revision `known` to `each`, in order, with where its writes lie; the last revision that
    /// there is. A record at the end that is not whole was never acknowledged, and is passed over.
    pub(crate) fn replay(
        &self,
        known: Revision,
        mut each: impl FnMut(&[u8], Places) -> Result<(), StoreError>,
    ) -> Result<Revision, StoreError> {
        let mut last = known;
        let segments = self.segments().map_err(|error| failed("looking for", "the log", &error))?;
        for path in segments {
            let shown = path.display();
            let unread = |error| failed("reading", &shown, &error);
            let mut reading = Reading::open(&path, &self.identity)?;
            if self.named(reading.next) != path && reading.is_empty().map_err(unread)? {
                continue;
            }
            if reading.next > last + 1 {
                let gap = format!("revisions {} to {} are missing", last + 1, reading.next - 1);
                return Err(StoreError::Corrupt(format!("before {shown}, {gap}")));
            }
            loop {
                while let Some((row, places)) = reading.record().map_err(unread)? {
                    if reading.next > last + 1 {
                        last = reading.next - 1;
                        each(&row, places)?;
                    }
                }
                if !reading.goes_on().map_err(unread)? {
                    break;
                }
                // Somebody may be appending: whatever has a successor must be whole.
                if reading.here().map_err(unread)?.is_none() {
                    let what = format!("{shown} is damaged: revision {} cannot be read", last + 1);
                    return Err(StoreError::Corrupt(format!("{what}, and others follow it")));
                }
            }
        }
        Ok(last)
    }

    /// Everything that is there now is to go when all up to `last` is merged.
    pub(crate) fn adopt(&self, last: Revision) -> io::Result<()> {
        let segments = self.segments()?.into_iter();
        self.state().sealed.extend(segments.map(|path| (path, last)));
        Ok(())
    }

    /// What was committed up to `mark` is in the tables, durably: its segments go, but for one that is used again.
    pub(crate) fn trim(&self, mark: Revision) {
        let mut state = self.state();
        if state.pins > 0 {
            return;
        }
        for (path, _) in state.sealed.extract_if(.., |(_, last)| *last <= mark) {
            let is_short = fs::metadata(&path).is_ok_and(|file| file.len() <= LONGEST_SPARE);
            // Whatever fails here: a segment that stays is found to be merged at the next start.
            let _left = match is_short && !self.spare().exists() {
                true => fs::rename(&path, self.spare()),
                false => fs::remove_file(&path),
            };
        }
    }

    /// A file of the log that is there, if there is one.
    pub(crate) fn any(&self) -> io::Result<Option<PathBuf>> {
        let spare = Some(self.spare()).filter(|spare| spare.symlink_metadata().is_ok());
        Ok(self.segments()?.into_iter().next().or(spare))
    }

    /// Nobody appends any more.
    pub(crate) fn drop_spare(&self) {
        let _there_is_none = fs::remove_file(self.spare());
    }
}

/// What could not be done with which file.
fn failed(what: &str, file: impl std::fmt::Display, error: &io::Error) -> StoreError {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    match error.kind() {
        StorageFull | QuotaExceeded | FileTooLarge => StoreError::Full,
        _ => StoreError::Unavailable(format!("{what} {file}: {error}")),
    }
}

fn checksum(parts: &[&[u8]]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    parts.iter().for_each(|part| hasher.update(part));
    hasher.finalize()
}

fn record_checksum(salt: u64, length: u32, first: Revision, row: &[u8]) -> u32 {
    checksum(&[&salt.to_le_bytes(), &length.to_le_bytes(), &first.to_le_bytes(), row])
}

/// The first page of a segment.
fn title(identity: &Identity, salt: u64, first: Revision) -> Vec<u8> {
    let fields = [&identity[..], &salt.to_le_bytes(), &first.to_le_bytes()].concat();
    let version = VERSION.to_le_bytes();
    let sum = checksum(&[MAGIC, &version, &fields]).to_le_bytes();
    let mut page = [MAGIC, &version[..], &sum, &fields].concat();
    page.resize(PAGE, 0);
    page
}

/// The writer's end of the log.
pub(crate) struct Log {
    files: Arc<Files>,
    segment: Option<Segment>,
    /// The record in the making; kept for its memory.
    record: Vec<u8>,
}

struct Segment {
    file: File,
    path: PathBuf,
    salt: u64,
    /// Where the next record begins.
    end: u64,
    size: u64,
    last: Revision,
}

impl Log {
    pub(crate) fn new(files: Arc<Files>) -> Self {
        Self { files, segment: None, record: Vec::new() }
    }

    /// Makes a row durable: the batch of the revisions `first` to `last`. Whatever fails, the log is as it was.
    pub(crate) fn append(
        &mut self,
        first: Revision,
        last: Revision,
        row: &[u8],
    ) -> Result<(), StoreError> {
        let segment = match &mut self.segment {
            Some(segment) => segment,
            none => none.insert(Segment::begin(&self.files, first)?),
        };
        let length = u32::try_from(row.len()).expect("a batch is at most 256 commits of 1 MiB");
        let sum = record_checksum(segment.salt, length, first, row).to_le_bytes();
        self.record.clear();
        for part in [&sum[..], &length.to_le_bytes(), &first.to_le_bytes(), row] {
            self.record.extend_from_slice(part);
        }
        self.record.resize(self.record.len().next_multiple_of(PAGE), 0);
        segment.append(&self.record, self.files.limit())?;
        segment.last = last;
        Ok(())
    }

    /// What follows goes into another segment, so that this one can go when it is merged.
    pub(crate) fn seal(&mut self) {
        if let Some(Segment { path, last, .. }) = self.segment.take() {
            self.files.state().sealed.push((path, last));
        }
    }
}

impl Segment {
    fn begin(files: &Files, first: Revision) -> Result<Self, StoreError> {
        // The lock: a segment that has just been merged may become the spare.
        let mut state = files.state();
        let (spare, path) = (files.spare(), files.named(first));
        let shown = path.display();
        let mut salt = [0; 8];
        getrandom::fill(&mut salt)
            .map_err(|error| StoreError::Unavailable(format!("no random numbers: {error}")))?;
        let salt = u64::from_le_bytes(salt);
        let begin = || {
            let mut options = OpenOptions::new();
            let file = options.create(true).truncate(false).write(true).mode(0o600).open(&spare)?;
            sync_directory(&spare)?;
            file.write_all_at(&title(&files.identity, salt, first), 0)?;
            file.sync_data()?;
            fs::rename(&spare, &path)?;
            sync_directory(&path)?;
            let size = file.metadata()?.len();
            Ok((file, size))
        };
        let (file, size) = begin().map_err(|error| failed("beginning", shown, &error))?;
        // One that a crash has left without a record had the same name.
        state.sealed.retain(|(sealed, _)| *sealed != path);
        Ok(Self { file, path, salt, end: PAGE as u64, size, last: first })
    }

    fn append(&mut self, record: &[u8], limit: u64) -> Result<(), StoreError> {
        let end = self.end + record.len() as u64;
        if end > limit {
            return Err(StoreError::Full);
        }
        if end > self.size {
            self.grow(end);
        }
        let written = self.file.write_all_at(record, self.end).and_then(|()| self.file.sync_data());
        written.map_err(|error| failed("writing", self.path.display(), &error))?;
        self.end = end;
        Ok(())
    }

    /// Writes nothing but zeros, beyond `end`, so that most records need not make the file longer.
    fn grow(&mut self, end: u64) {
        let size = end + end.clamp(*GROWTH.start(), *GROWTH.end());
        let zeros = vec![0; (size - self.size) as usize];
        // If the disk has no room for that, it may have some for the record, which says so itself if not.
        self.size = match self.file.write_all_at(&zeros, self.size) {
            Ok(()) => size,
            Err(_) => end,
        };
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use tempfile::TempDir;

    use super::*;
    use crate::sqlite::row::{self, Written};

    fn files(dir: &TempDir) -> Arc<Files> {
        Arc::new(Files::new(&dir.path().join("db"), [7; 16]))
    }

    /// A log without a record.
    fn empty() -> (TempDir, Arc<Files>, Log) {
        let dir = tempfile::tempdir().unwrap();
        let files = files(&dir);
        let log = Log::new(Arc::clone(&files));
        (dir, files, log)
    }

    /// A row of so many commits.
    fn row(commits: Revision, value: &[u8]) -> Vec<u8> {
        let mut row = Vec::new();
        for _ in 0..commits {
            row::begin(&mut row);
            row::append(&mut row, Written { key: "key", value: Some(value) });
        }
        row
    }

    /// What there is after a revision: the first revision and the length of each row.
    fn replayed(files: &Files, known: Revision) -> (BTreeMap<Revision, usize>, Revision) {
        let mut rows = BTreeMap::new();
        let last = files.replay(known, |row, places| {
            assert!(rows.insert(places[0].0, row.len()).is_none());
            Ok(())
        });
        (rows, last.unwrap())
    }

    #[test]
    fn what_is_appended_is_replayed_in_order_from_wherever_it_is_wanted() {
        let (_dir, files, mut log) = empty();
        let (mut first, mut expected) = (1, BTreeMap::new());
        for nth in 0..60 {
            let row = row(1 + nth % 3, &vec![1; nth as usize * 999]);
            log.append(first, first + nth % 3, &row).unwrap();
            expected.insert(first, row.len());
            first += 1 + nth % 3;
            if nth % 20 == 19 {
                log.seal();
            }
        }
        assert_eq!(files.segments().unwrap().len(), 3);
        assert_eq!(replayed(&files, 0), (expected.clone(), first - 1));
        let half = *expected.keys().nth(30).unwrap();
        assert_eq!(replayed(&files, half - 1).0, expected.split_off(&half));
    }

    #[test]
    fn a_merged_segment_is_used_again_and_what_is_left_in_it_is_not_read() {
        let (dir, files, mut log) = empty();
        let row = row(1, &[1; 5000]);
        for revision in 1..=400 {
            log.append(revision, revision, &row).unwrap();
            // A segment is merged when the next one is in use already.
            let known = (revision - 1) / 10 * 10;
            files.trim(known);
            let expected = (known + 1..=revision).map(|first| (first, row.len()));
            assert_eq!(replayed(&files, known).0, expected.collect());
            if revision % 10 == 0 {
                log.seal();
            }
        }
        let names = fs::read_dir(dir.path()).unwrap().count();
        assert_eq!(names, 2, "the one in use and the spare");
    }

    #[test]
    fn a_record_that_did_not_fit_is_written_over() {
        let (_dir, files, mut log) = empty();
        log.append(1, 1, &row(1, b"small")).unwrap();
        files.set_limit(13_000);
        assert_eq!(log.append(2, 2, &row(1, &[1; 5000])), Err(StoreError::Full));
        log.append(2, 3, &row(2, b"small")).unwrap();
        assert_eq!(replayed(&files, 0).1, 3);
    }

    #[test]
    fn what_is_appended_meanwhile_does_not_look_like_damage() {
        let (_dir, files, mut log) = empty();
        let row = row(1, &[1; 50_000]);
        log.append(1, 1, &row).unwrap();
        std::thread::scope(|scope| {
            let appending = scope.spawn(|| {
                for revision in 2..=500 {
                    log.append(revision, revision, &row).unwrap();
                }
            });
            let mut last = 0;
            while !appending.is_finished() {
                let (rows, now) = replayed(&files, last);
                assert_eq!(rows.len() as u64, now - last);
                last = now;
            }
        });
        assert_eq!(replayed(&files, 0).1, 500);
    }

    #[test]
    fn a_segment_without_a_record_makes_room_for_its_successor() {
        let dir = tempfile::tempdir().unwrap();
        let crashed = files(&dir);
        Segment::begin(&crashed, 1).unwrap();
        let files = files(&dir);
        assert_eq!(replayed(&files, 0).1, 0);
        files.adopt(0).unwrap();
        let mut log = Log::new(Arc::clone(&files));
        log.append(1, 1, &row(1, b"value")).unwrap();
        files.trim(0);
        assert_eq!(replayed(&files, 0).1, 1);
    }

    #[test]
    fn a_new_first_page_under_an_old_name_is_passed_over() {
        let (dir, running, mut log) = empty();
        for revision in 1..=2 {
            log.append(revision, revision, &row(1, b"value")).unwrap();
            log.seal();
        }
        running.trim(1);
        Segment::begin(&running, 3).unwrap();
        // As on a disk that has heard of the page, but of neither renaming.
        fs::rename(running.named(3), running.named(1)).unwrap();
        let files = files(&dir);
        let firsts = |known| replayed(&files, known).0.into_keys().collect::<Vec<_>>();
        assert_eq!(firsts(1), [2]);
        files.adopt(2).unwrap();
        let mut log = Log::new(Arc::clone(&files));
        log.append(3, 3, &row(1, b"value")).unwrap();
        assert_eq!(firsts(1), [2, 3]);
        files.trim(2);
        assert_eq!(firsts(2), [3]);
        assert_eq!(files.segments().unwrap(), [files.named(3)]);
    }

    #[test]
    fn nothing_goes_while_somebody_reads_all() {
        let (_dir, files, mut log) = empty();
        log.append(1, 1, &row(1, b"value")).unwrap();
        log.seal();
        let pin = files.pin();
        files.trim(1);
        assert_eq!(replayed(&files, 0).1, 1);
        drop(pin);
        files.trim(1);
        assert_eq!(files.segments().unwrap().len(), 0);
    }
}
