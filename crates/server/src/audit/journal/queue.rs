//! What waits for the writer: whole lines in one buffer. The writer is woken when there is enough for one write, and
//! otherwise looks once in a while: waking it for each event would cost a busy server more than the event itself.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Longest time that an event waits in memory.
const PAUSE: Duration = Duration::from_secs(1);
/// Bytes that are written at once.
const ENOUGH: usize = 64 * 1024;
/// Bytes that may wait for the writer.
const MOST: usize = 4 * 1024 * 1024;

/// Lines, each with its newline.
#[derive(Debug, Default)]
pub(super) struct Lines {
    bytes: Vec<u8>,
    count: u64,
    /// How many lines there were before these and up to their end, since the journal was opened.
    up_to: u64,
}

impl Lines {
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub fn count(&self) -> u64 {
        self.count
    }

    /// Leaves the memory for the next ones.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.count = 0;
    }
}

/// The lines that wait, and who waits for them.
#[derive(Debug, Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    /// For the writer: enough is there, somebody wants all of it written, or the journal is closed.
    wanted: Condvar,
    /// For who wants it written.
    written: Condvar,
}

#[derive(Debug, Default)]
struct State {
    lines: Lines,
    /// All lines up to this one are in the file, or were dropped.
    done: u64,
    hurry: bool,
    closed: bool,
}

impl Queue {
    /// Adds a line; false if too much is waiting.
    pub fn add(&self, mut line: Vec<u8>) -> bool {
        line.push(b'\n');
        let mut state = self.state();
        let before = state.lines.bytes.len();
        if before + line.len() > MOST {
            return false;
        }
        state.lines.bytes.extend_from_slice(&line);
        state.lines.count += 1;
        state.lines.up_to += 1;
        drop(state);
        if before < ENOUGH && before + line.len() >= ENOUGH {
            self.wanted.notify_one();
        }
        true
    }

    /// Waits until everything added before was taken care of, at most `limit`; whether it was.
    pub fn flush(&self, limit: Duration) -> bool {
        let began = Instant::now();
        let mut state = self.state();
        let asked = state.lines.up_to;
        while state.done < asked {
            state.hurry = true;
            self.wanted.notify_one();
            let Some(left) = limit.checked_sub(began.elapsed()) else { return false };
            state =
                self.written.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    /// No more will be added.
    pub fn close(&self) {
        self.state().closed = true;
        self.wanted.notify_one();
    }

    /// For the writer: waits for lines and takes them all, in exchange for empty ones; false when there are none and
    /// will be none.
    pub fn swap(&self, empty: &mut Lines) -> bool {
        let idle =
            |state: &mut State| state.lines.bytes.len() < ENOUGH && !state.hurry && !state.closed;
        let waited = self.wanted.wait_timeout_while(self.state(), PAUSE, idle);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner).0;
        state.hurry = false;
        empty.up_to = state.lines.up_to;
        std::mem::swap(&mut state.lines, empty);
        empty.count > 0 || !state.closed
    }

    /// For the writer: these lines were taken care of.
    pub fn written(&self, lines: &Lines) {
        self.state().done = lines.up_to;
        self.written.notify_all();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // What a panic leaves behind is whole lines all the same.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
