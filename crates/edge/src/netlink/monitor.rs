//! News of the kernel, so that the agent looks when something changed and not only now and then.

use std::time::{Duration, Instant};

use super::error::KernelError;
use super::news::Heard;
use super::socket::{Silence, Socket, own_ports};
use crate::mark::Marks;

/// How long it must be quiet for a burst to be over.
const QUIET: Duration = Duration::from_millis(20);
/// How long a burst is waited out at most.
const BURST: Duration = Duration::from_millis(500);

/// Hears of changes of links, addresses, settings, rules, filters and of those routes that are not BIRD's, in the network
/// namespace where it was opened, from that moment on. What this process itself changes is left out where the kernel tells so.
pub struct Monitor {
    socket: Socket,
    marks: Marks,
}

impl Monitor {
    /// Begins to listen. The marks say which routes matter.
    ///
    /// # Errors
    /// When the socket cannot be opened.
    pub fn open(marks: Marks) -> Result<Self, KernelError> {
        Ok(Self { socket: Socket::listening(&marks)?, marks })
    }

    /// Waits for a change, at most this long; whether there was one. A burst is one change: this returns when it has been
    /// quiet for 20 ms, or after half a second of it. More news than the kernel kept for us is a change.
    ///
    /// # Errors
    /// When the socket fails.
    pub fn wait(&mut self, timeout: Duration) -> Result<bool, KernelError> {
        let end = Instant::now() + timeout;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if !self.socket.ready(left)? {
                return Ok(false);
            }
            if self.burst()? {
                return Ok(true);
            }
        }
    }

    /// Waits out a burst; whether anything in it matters.
    fn burst(&mut self) -> Result<bool, KernelError> {
        let end = Instant::now() + BURST;
        let mut heard = false;
        loop {
            heard |= self.drain(end)?;
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() || !self.socket.ready(left.min(QUIET))? {
                return Ok(heard);
            }
        }
    }

    fn drain(&mut self, end: Instant) -> Result<bool, KernelError> {
        let own = own_ports();
        let mut heard = Heard::default();
        while Instant::now() < end {
            match self.socket.receive(true) {
                Ok(datagram) => heard.hear(datagram, &self.marks, &own),
                Err(Silence::Lost) => heard.everything = true,
                Err(Silence::Quiet) => break,
                Err(Silence::Failed(error)) => return Err(error),
            }
        }
        Ok(!heard.is_empty())
    }
}
