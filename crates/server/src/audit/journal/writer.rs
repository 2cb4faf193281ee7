//! The writing thread and its file.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::time::{Duration, Instant};

use prometheus_client::metrics::counter::Counter;

use super::queue::{Lines, Queue};
use super::{JournalOptions, files};

/// Pause after a failed write.
const PAUSE: Duration = Duration::from_secs(1);
/// Bytes that are read at once, looking for the end of a line.
const CHUNK: usize = 64 * 1024;

/// Writes what is queued until the journal is dropped.
pub(super) fn run(mut log: Log, queue: &Queue, dropped: &Counter) {
    let mut lines = Lines::default();
    while queue.swap(&mut lines) {
        log.write(&lines, dropped);
        queue.written(&lines);
        lines.clear();
    }
}

/// The current file.
pub(super) struct Log {
    options: JournalOptions,
    sequence: u64,
    file: File,
    /// Bytes of whole lines in the file.
    length: u64,
    retry_at: Option<Instant>,
}

impl Log {
    /// Goes on with the newest file; a line that a crash left unfinished is cut off.
    pub fn open(options: JournalOptions) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(&options.dir)?;
        let sequence = files::sequences(&options.dir)?.last().copied().unwrap_or(1);
        let mut file = open(&options, sequence)?;
        let length = end_of_lines(&mut file)?;
        file.set_len(length)?;
        file.seek(SeekFrom::End(0))?;
        let mut log = Self { options, sequence, file, length, retry_at: None };
        log.remove_old()?;
        Ok(log)
    }

    /// Writes lines, or drops them if that fails: the disk may be full for a long time.
    fn write(&mut self, lines: &Lines, dropped: &Counter) {
        if lines.count() == 0 {
            return;
        }
        let outcome = match self.retry_at {
            Some(at) if Instant::now() < at => None,
            Some(_) | None => Some(self.try_write(lines.bytes())),
        };
        match outcome {
            Some(Ok(())) => {
                if self.retry_at.take().is_some() {
                    tracing::info!("the journal is written again");
                }
            }
            Some(Err(error)) => {
                if self.retry_at.is_none() {
                    tracing::error!(%error, "the journal cannot be written; events are dropped");
                }
                self.retry_at = Instant::now().checked_add(PAUSE);
                dropped.inc_by(lines.count());
            }
            None => {
                dropped.inc_by(lines.count());
            }
        }
    }

    /// Writes whole lines, beginning a new file wherever the next one would not fit any more.
    fn try_write(&mut self, mut lines: &[u8]) -> io::Result<()> {
        while !lines.is_empty() {
            let room = self.options.file_bytes.saturating_sub(self.length);
            let (now, later) = lines.split_at(whole_lines(lines, room, self.length == 0));
            if now.is_empty() {
                self.rotate()?;
                continue;
            }
            if let Err(error) = self.file.write_all(now) {
                // Part of it may be there: back to the last whole line, so that what follows is
                // readable.
                self.file.set_len(self.length)?;
                self.file.seek(SeekFrom::Start(self.length))?;
                return Err(error);
            }
            self.length += now.len() as u64;
            lines = later;
        }
        Ok(())
    }

    fn rotate(&mut self) -> io::Result<()> {
        let file = open(&self.options, self.sequence + 1)?;
        self.sequence += 1;
        self.file = file;
        self.length = 0;
        self.remove_old()
    }

    fn remove_old(&mut self) -> io::Result<()> {
        let sequences = files::sequences(&self.options.dir)?;
        let surplus = sequences.len().saturating_sub(self.options.files.max(1));
        for sequence in &sequences[..surplus] {
            std::fs::remove_file(files::path(&self.options.dir, *sequence))?;
        }
        Ok(())
    }
}

/// How many bytes of the lines fit into so much room, as whole lines; at least one line if one must.
fn whole_lines(lines: &[u8], room: u64, at_least_one: bool) -> usize {
    let room = usize::try_from(room).unwrap_or(usize::MAX).min(lines.len());
    let is_end = |byte: &u8| *byte == b'\n';
    match lines[..room].iter().rposition(is_end) {
        Some(end) => end + 1,
        None if at_least_one => lines.iter().position(is_end).map_or(lines.len(), |end| end + 1),
        None => 0,
    }
}

fn open(options: &JournalOptions, sequence: u64) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(files::path(&options.dir, sequence))
}

/// The offset behind the last newline.
fn end_of_lines(file: &mut File) -> io::Result<u64> {
    let mut end = file.seek(SeekFrom::End(0))?;
    let mut chunk = vec![0; CHUNK];
    while end > 0 {
        let length = usize::try_from(end).map_or(CHUNK, |end| end.min(CHUNK));
        let start = end - length as u64;
        file.seek(SeekFrom::Start(start))?;
        file.read_exact(&mut chunk[..length])?;
        if let Some(newline) = chunk[..length].iter().rposition(|byte| *byte == b'\n') {
            return Ok(start + newline as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}
