//! The one packet filter rule that is not tc's: IPv6 packets from customers need a route back to their source.
//!
//! Linux has no `rp_filter` for IPv6; the match `rpfilter` of ip6tables-extensions(8) is its counterpart, and asks the table of
//! the VRF that the packet's link is in. Which of the two programs works depends on the kernel: `ip6tables` on most systems
//! is the one for nf_tables, and `ip6tables-legacy` the one for kernels without.

use std::io::{self, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use crate::program;

const PROGRAMS: [&str; 2] = ["ip6tables", "ip6tables-legacy"];
const RULE: &[&str] =
    &["PREROUTING", "-i", "dxvif-+", "-m", "rpfilter", "--loose", "--invert", "-j", "DROP"];
/// How long a program waits for another one's lock (`-w`), in seconds.
const LOCK: &str = "2";
/// How long a program may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// More rules of ours than there can be.
const MANY: usize = 16;

/// Which program has the rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Ip6tables {
    /// Nobody was asked yet.
    #[default]
    Unknown,
    /// None; and nobody but this agent makes it.
    Without,
    /// This one.
    With(&'static str),
}

impl Ip6tables {
    fn ask() -> Self {
        let has = PROGRAMS.into_iter().find(|program| run(program, "-C").is_ok());
        has.map_or(Self::Without, Self::With)
    }

    /// Whether sources are checked. Asks the program that had the rule, and all of them only where that does not tell.
    pub(super) fn checks(&mut self) -> bool {
        *self = match *self {
            Self::Without => Self::Without,
            Self::With(program) if run(program, "-C").is_ok() => Self::With(program),
            Self::With(_) | Self::Unknown => Self::ask(),
        };
        *self != Self::Without
    }

    /// Makes it so; an error in words.
    pub(super) fn set(&mut self, check: bool) -> Result<(), String> {
        if check { self.add() } else { self.remove() }
    }

    fn add(&mut self) -> Result<(), String> {
        *self = Self::ask();
        if *self != Self::Without {
            return Ok(());
        }
        let mut refusals = Vec::new();
        for program in PROGRAMS {
            match run(program, "-I") {
                Ok(()) => {
                    *self = Self::With(program);
                    return Ok(());
                }
                Err(refusal) => refusals.push(refusal),
            }
        }
        Err(format!(
            "{} (needed: the package iptables, and of the kernel nf_tables and nft_compat or ip6table_raw, with \
             ip6t_rpfilter)",
            refusals.join("; ")
        ))
    }

    fn remove(&mut self) -> Result<(), String> {
        for program in PROGRAMS {
            // Each call takes one.
            (0..MANY).take_while(|_| run(program, "-D").is_ok()).for_each(drop);
        }
        *self = Self::ask();
        match self {
            Self::With(program) => Err(format!("{program}: the rule cannot be removed")),
            Self::Without | Self::Unknown => Ok(()),
        }
    }
}

/// Adds, checks or deletes the rule.
fn run(name: &str, verb: &str) -> Result<(), String> {
    let program = program::find(Path::new(name));
    match finish(&program, verb) {
        Ok((status, _)) if status.success() => Ok(()),
        Ok((_, text)) => Err(format!("{name}: {}", text.lines().next().unwrap_or_default())),
        Err(error) => Err(format!("{name}: {error}")),
    }
}

fn finish(program: &Path, verb: &str) -> io::Result<(ExitStatus, String)> {
    let mut child = Command::new(program)
        .args(["-w", LOCK, "-t", "raw", verb])
        .args(RULE)
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    let status = wait(&mut child)?;
    // A few lines at most, which the pipe has kept.
    let mut text = String::new();
    if let Some(errors) = child.stderr.take() {
        errors.take(4096).read_to_string(&mut text)?;
    }
    Ok((status, text))
}

fn wait(child: &mut Child) -> io::Result<ExitStatus> {
    let process = pidfd_open(Pid::from_child(child), PidfdFlags::empty())?;
    let mut ended = [PollFd::new(&process, PollFlags::IN)];
    let patience = Timespec::try_from(PATIENCE).expect("seconds are few");
    let in_time = loop {
        match poll(&mut ended, Some(&patience)) {
            Ok(count) => break count > 0,
            Err(Errno::INTR) => (),
            Err(why) => return Err(why.into()),
        }
    };
    if !in_time {
        child.kill()?;
    }
    let status = child.wait()?;
    if in_time { Ok(status) } else { Err(io::Error::new(io::ErrorKind::TimedOut, "no answer")) }
}
