//! The audit trail of reads and refusals: JSON lines in a few files of bounded size. It may lose
//! its last second in a crash and drops events (and counts them) rather than slow a request down or
//! fill a disk. What changes something is recorded in the change's own commit, not here.

mod files;
mod queue;
mod read;
mod writer;

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;

use self::queue::Queue;
pub use self::read::read;
use crate::audit::event::AuditEvent;

/// Where and how much.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalOptions {
    /// The directory of the files; made (0700) if absent.
    pub dir: PathBuf,
    /// A file that reaches this size is closed and the next one begun.
    pub file_bytes: u64,
    /// Files kept, the current one included; the oldest is deleted when there are more.
    pub files: usize,
}

/// The writing end. Dropping it writes what is queued and ends the writer.
#[derive(Debug)]
pub struct Journal {
    queue: Arc<Queue>,
    writer: Option<JoinHandle<()>>,
    dropped: Counter,
    dir: PathBuf,
}

impl Journal {
    /// Opens the directory and starts the writer. `dropped` counts events that were lost.
    pub fn open(options: JournalOptions, dropped: Counter) -> io::Result<Arc<Self>> {
        let dir = options.dir.clone();
        let log = writer::Log::open(options)?;
        let queue = Arc::new(Queue::default());
        let (waiting, lost) = (Arc::clone(&queue), dropped.clone());
        let writer = std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || writer::run(log, &waiting, &lost))?;
        Ok(Arc::new(Self { queue, writer: Some(writer), dropped, dir }))
    }

    /// Records an event, unless the writer is that far behind. Never waits.
    pub fn record(&self, event: &AuditEvent<'_>) {
        // A moment beyond the calendar cannot be written: not worth more than its place in the count.
        let recorded = serde_json::to_vec(event).is_ok_and(|line| self.queue.add(line));
        if !recorded {
            self.dropped.inc();
        }
    }

    /// Waits until everything recorded before is in the file, at most `limit`; whether it is.
    pub fn flush(&self, limit: Duration) -> bool {
        self.queue.flush(limit)
    }

    /// Events after `after` in the order of their recording, at most `limit`; see [`read`].
    pub fn read(
        &self,
        after: Option<Cursor>,
        limit: usize,
    ) -> io::Result<(Vec<AuditEvent<'static>>, Cursor)> {
        read(&self.dir, after, limit)
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.queue.close();
        if let Some(writer) = self.writer.take() {
            // A writer that panicked has nothing left to write.
            let _ = writer.join();
        }
    }
}

/// A place in the journal: between two events. As text `<file>:<byte>`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor {
    /// Sequence number of the file; the first is 1.
    pub file: u64,
    /// Offset in it.
    pub byte: u64,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.byte)
    }
}

/// A text that is not a cursor.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a journal cursor: two numbers with a colon between them are expected")]
pub struct NotACursor;

impl FromStr for Cursor {
    type Err = NotACursor;

    fn from_str(text: &str) -> Result<Self, NotACursor> {
        let (file, byte) = text.split_once(':').ok_or(NotACursor)?;
        let number = |text: &str| text.parse().map_err(|_| NotACursor);
        Ok(Self { file: number(file)?, byte: number(byte)? })
    }
}
