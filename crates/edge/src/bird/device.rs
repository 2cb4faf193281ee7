//! BIRD's look at the links, at its start.
//!
//! Each kernel protocol has BIRD look at all links when it starts, some ten of them together once: with thousands of both that is
//! many minutes. So a BIRD of many tables is started with its device protocol disabled, where there is nothing to look
//! at, and that is enabled when the kernel protocols have started. Only at the start: a BIRD that knows of links and loses its
//! device protocol takes them for gone, with all sessions.

use std::thread;
use std::time::{Duration, Instant};

use super::control::Control;
use super::{Bird, PACE, parse, process};
use crate::session::{DaemonError, Sessions};

/// From so many tables on the device protocol has to wait.
const MANY: usize = 64;
/// How often in a row it has to be found at rest: on a busy machine it may have waited for the processor.
const RESTS: u32 = 3;
/// How long at most.
const LONGEST: Duration = Duration::from_secs(10);
/// The name that BIRD gives the device protocol.
const PROTOCOL: &str = "device1";

/// Whether a BIRD of so many tables is to be started without its device protocol.
#[must_use]
pub const fn waits(tables: usize) -> bool {
    tables > MANY
}

impl Bird {
    /// Enables the device protocol when BIRD has done what it has to do without it, which is when it rests.
    pub(super) fn start_device(&mut self) -> Result<(), DaemonError> {
        let deadline = Instant::now() + LONGEST;
        let (mut used, mut rested) = (process::processor_time(&self.files), 0);
        while rested < RESTS && Instant::now() < deadline {
            // Some ticks of the clock by which processes are measured.
            thread::sleep(PACE * 4);
            let now = process::processor_time(&self.files);
            rested = if now == used { rested + 1 } else { 0 };
            used = now;
        }
        let Some(mut control) = Control::connect(&self.files.socket)? else { return Ok(()) };
        let command = format!("enable \"{PROTOCOL}\"");
        self.command(&mut control, "to look at the links", &command, &Sessions::default())?;
        self.device_is_on = true;
        Ok(())
    }

    /// An agent that was killed may have left BIRD without its device protocol.
    pub(super) fn check_device(&mut self, control: &mut Control) -> Result<(), DaemonError> {
        if self.device_is_on {
            return Ok(());
        }
        let answer =
            control.show("its device protocol", &format!("show protocols \"{PROTOCOL}\""))?;
        let is_off = parse::protocols(answer.lines()).iter().any(|one| one.state == "down");
        self.device_is_on = true;
        if is_off { self.start_device() } else { Ok(()) }
    }
}
