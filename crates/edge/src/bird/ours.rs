//! Recognising the BIRD that is ours, and ending it.
//!
//! It is the one whose command line has our socket. Its number is in `bird.pid`; but files get lost, with the whole directory
//! even, and a second BIRD beside the first would fight it for the port and for the routes. So where the file leads to none,
//! every process of the machine is looked at.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use super::process::Files;
use crate::session::DaemonError;

/// How long a process may take to be gone once it was killed.
const PATIENCE: Duration = Duration::from_secs(30);

/// Our BIRD, alive when it was looked at.
struct Ours {
    pid: Pid,
    /// It stays with the process that was looked at, even if the number does not.
    process: OwnedFd,
}

/// Whether our BIRD is alive.
pub fn is_alive(files: &Files) -> Result<bool, DaemonError> {
    let found = find(files).map_err(|why| fault("look for a running BIRD", why))?;
    Ok(found.is_some())
}

/// Ends our BIRD, which has no socket any more and so can only be ended. By SIGKILL: asked politely it would tell the
/// customers' routers goodbye, and they would drop our routes; so they keep them until its successor is there.
/// Another process that has the number by now is left alone.
pub fn end(files: &Files) -> Result<(), DaemonError> {
    end_all(files).map_err(|why| fault("end the old BIRD", why))
}

fn fault(doing: &str, why: io::Error) -> DaemonError {
    DaemonError::Io { doing: doing.to_owned(), why }
}

/// More than one can there be, of an agent that could not find the first.
fn end_all(files: &Files) -> io::Result<()> {
    while let Some(ours) = find(files)? {
        // By its file the next start knows that a BIRD has died and that its routes have to be held, also if we are killed
        // before that start.
        if noted(&files.pid) != Some(ours.pid) {
            fs::write(&files.pid, format!("{}\n", ours.pid.as_raw_nonzero()))?;
        }
        match pidfd_send_signal(&ours.process, Signal::KILL) {
            Ok(()) | Err(Errno::SRCH) => wait(&ours.process)?,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Waits until the process has ended: then its descriptor can be read from (pidfd_open(2)).
fn wait(process: &OwnedFd) -> io::Result<()> {
    let limit = Timespec::try_from(PATIENCE).expect("it is seconds");
    match poll(&mut [PollFd::new(process, PollFlags::IN)], Some(&limit))? {
        0 => Err(io::ErrorKind::TimedOut.into()),
        _ => Ok(()),
    }
}

fn find(files: &Files) -> io::Result<Option<Ours>> {
    if let Some(ours) = noted(&files.pid).map(|pid| look(pid, files)).transpose()?.flatten() {
        return Ok(Some(ours));
    }
    // Another edge in a container has its files at the same paths, and its BIRD is among our processes. But it cannot be in
    // our network.
    let network = fs::read_link("/proc/self/ns/net")?;
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(pid) = name.to_str().and_then(number) else { continue };
        let is_here = || fs::read_link(of(pid, "ns/net")).is_ok_and(|its| its == network);
        if is_ours(pid, files)
            && is_here()
            && let Some(ours) = look(pid, files)?
        {
            return Ok(Some(ours));
        }
    }
    Ok(None)
}

/// The number in the file.
fn noted(file: &Path) -> Option<Pid> {
    number(fs::read_to_string(file).ok()?.trim())
}

fn number(text: &str) -> Option<Pid> {
    Pid::from_raw(text.parse().ok()?)
}

fn of(pid: Pid, what: &str) -> PathBuf {
    PathBuf::from(format!("/proc/{}/{what}", pid.as_raw_nonzero()))
}

fn look(pid: Pid, files: &Files) -> io::Result<Option<Ours>> {
    // The descriptor first, then the look.
    match pidfd_open(pid, PidfdFlags::empty()) {
        Ok(process) => Ok(is_ours(pid, files).then_some(Ours { pid, process })),
        Err(Errno::SRCH) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Whether the process is a BIRD that was started with our socket. A process that is gone, or a zombie, has no command
/// line. Upgraded under its feet, its program is called `bird (deleted)`.
fn is_ours(pid: Pid, files: &Files) -> bool {
    let Ok(program) = fs::read_link(of(pid, "exe")) else { return false };
    let Ok(words) = fs::read(of(pid, "cmdline")) else { return false };
    let is_bird = program.file_name().is_some_and(|name| name.as_bytes().starts_with(b"bird"));
    let words: Vec<&[u8]> = words.split(|byte| *byte == 0).collect();
    is_bird && words.windows(2).any(|pair| pair == [b"-s", files.socket.as_os_str().as_bytes()])
}
