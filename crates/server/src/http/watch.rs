//! What a connection is doing and until when: one small value shared by its socket, its service and
//! its driver, which all run in one task. One timer per connection serves every limit, and it is
//! touched only when a poll ends without an answer, so that a request answered at once costs no
//! timer at all.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use super::Limits;

/// What a connection is waiting for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Phase {
    /// The first byte of a request.
    Idle,
    /// The end of the headers.
    Head,
    /// The end of the body.
    Body,
    /// The handler.
    Handler,
    /// The client, to take the answer.
    Writing,
    /// The client, to end a connection that serves no more requests.
    Closing,
}

const PHASES: [Phase; 6] =
    [Phase::Idle, Phase::Head, Phase::Body, Phase::Handler, Phase::Writing, Phase::Closing];

/// The deadline is not computed yet.
const UNSET: u64 = u64::MAX;

/// Atomics because futures must be `Send`, and because the accept loop looks at the phase; nothing else is shared.
pub(super) struct Watch {
    phase: AtomicU8,
    limit_millis: AtomicU64,
    deadline_millis: AtomicU64,
    expired: AtomicBool,
    written: AtomicU64,
    streaming: AtomicBool,
    muted: AtomicBool,
    unread: AtomicBool,
    served: AtomicBool,
    idle: Duration,
    head: Duration,
    least_written: u64,
}

impl Watch {
    pub fn new(limits: &Limits) -> Self {
        let (idle, head) = (limits.idle_timeout, limits.header_timeout);
        let least = limits.min_answer_rate as f64 * limits.write_timeout.as_secs_f64();
        let watch = Self {
            phase: AtomicU8::new(Phase::Idle as u8),
            limit_millis: AtomicU64::new(0),
            deadline_millis: AtomicU64::new(UNSET),
            expired: AtomicBool::new(false),
            written: AtomicU64::new(0),
            streaming: AtomicBool::new(false),
            muted: AtomicBool::new(false),
            unread: AtomicBool::new(false),
            served: AtomicBool::new(false),
            idle,
            head,
            least_written: (least as u64).max(1),
        };
        // Whoever connects has something to ask.
        watch.enter(Phase::Idle, head);
        watch
    }

    pub fn phase(&self) -> Phase {
        PHASES[usize::from(self.phase.load(Relaxed))]
    }

    /// Begins a phase that may last `limit`.
    pub fn enter(&self, phase: Phase, limit: Duration) {
        self.phase.store(phase as u8, Relaxed);
        self.limit_millis.store(millis(limit), Relaxed);
        self.deadline_millis.store(UNSET, Relaxed);
        self.expired.store(false, Relaxed);
        self.written.store(0, Relaxed);
    }

    /// The end of the phase, in milliseconds of the clock that `now` reads (only if it has to).
    pub fn deadline(&self, now: impl FnOnce() -> u64) -> u64 {
        match self.deadline_millis.load(Relaxed) {
            UNSET => {
                let deadline = now().saturating_add(self.limit_millis.load(Relaxed));
                self.deadline_millis.store(deadline, Relaxed);
                deadline
            }
            deadline => deadline,
        }
    }

    /// Grants the phase its limit anew if the client took enough since the last call.
    pub fn renewed(&self) -> bool {
        let enough = self.written.swap(0, Relaxed) >= self.least_written;
        if enough {
            self.deadline_millis.store(UNSET, Relaxed);
        }
        enough
    }

    /// Tells the future that runs in this phase that its time is over.
    pub fn expire(&self) {
        self.expired.store(true, Relaxed);
    }

    pub fn is_expired(&self) -> bool {
        self.expired.load(Relaxed)
    }

    /// Bytes came in.
    pub fn bytes_read(&self) {
        if self.phase() == Phase::Idle {
            self.enter(Phase::Head, self.head);
        }
    }

    /// Bytes went out.
    pub fn bytes_written(&self, count: usize) {
        self.written.fetch_add(count as u64, Relaxed);
    }

    /// Everything written so far went out.
    pub fn flushed(&self) {
        if self.phase() == Phase::Writing && !self.streaming.load(Relaxed) {
            self.enter(Phase::Idle, self.idle);
        }
    }

    /// Whether it waits for its client, and not the client for an answer.
    pub fn waits(&self) -> bool {
        self.phase() != Phase::Handler
    }

    /// Whether it waits for its client to take an answer.
    pub fn is_writing(&self) -> bool {
        self.phase() == Phase::Writing
    }

    /// A request was answered, and not with an error.
    pub fn served(&self) {
        self.served.store(true, Relaxed);
    }

    pub fn was_served(&self) -> bool {
        self.served.load(Relaxed)
    }

    /// Part of the answer is still to be written: a flush is not its end.
    pub fn set_streaming(&self, streaming: bool) {
        self.streaming.store(streaming, Relaxed);
    }

    /// hyper writes without having called the service: its own bare answer to a request that it
    /// could not parse. It is swallowed; the driver writes one that has a request id and an error
    /// body.
    pub fn mutes_writes(&self) -> bool {
        let mute = matches!(self.phase(), Phase::Idle | Phase::Head);
        if mute {
            self.muted.store(true, Relaxed);
        }
        mute
    }

    pub fn has_muted(&self) -> bool {
        self.muted.load(Relaxed)
    }

    /// The request was answered before its end: the rest must be drained before closing.
    pub fn leave_unread(&self) {
        self.unread.store(true, Relaxed);
    }

    pub fn has_unread(&self) -> bool {
        self.unread.load(Relaxed)
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(UNSET / 2)
}
