//! News of links and addresses, so that the agent looks when something changed and not only now and then.
//!
//! Routes are left out: a BGP router's churn would wake the agent without end, and what it needs to know of them it reads.
//! The agent's own changes are news as well.

use std::time::{Duration, Instant};

use super::error::KernelError;
use super::socket::{NEWS, Silence, Socket};

/// How long it must be quiet for a burst to be over.
const QUIET: Duration = Duration::from_millis(20);
/// How long a burst is waited out at most.
const BURST: Duration = Duration::from_millis(500);

/// Hears of changes of links and addresses, in the network namespace where it was opened, from that moment on.
pub struct Monitor {
    socket: Socket,
}

impl Monitor {
    /// Begins to listen.
    ///
    /// # Errors
    /// When the socket cannot be opened.
    pub fn open() -> Result<Self, KernelError> {
        Ok(Self { socket: Socket::listening(NEWS)? })
    }

    /// Waits for a change of a link or an address, at most this long; whether there was one. A burst is one change: this
    /// returns when it has been quiet for 20 ms, or after half a second of it. More news than the kernel kept for us is
    /// a change.
    ///
    /// # Errors
    /// When the socket fails.
    pub fn wait(&mut self, timeout: Duration) -> Result<bool, KernelError> {
        if !self.socket.ready(timeout)? {
            return Ok(false);
        }
        let end = Instant::now() + BURST;
        loop {
            self.drain(end)?;
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() || !self.socket.ready(left.min(QUIET))? {
                return Ok(true);
            }
        }
    }

    fn drain(&mut self, end: Instant) -> Result<(), KernelError> {
        while Instant::now() < end {
            match self.socket.receive(true) {
                Ok(_) | Err(Silence::Lost) => (),
                Err(Silence::Quiet) => return Ok(()),
                Err(Silence::Failed(error)) => return Err(error),
            }
        }
        Ok(())
    }
}
