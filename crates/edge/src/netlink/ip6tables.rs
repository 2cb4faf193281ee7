//! The one packet filter rule that is not tc's: IPv6 packets from customers need a route back to their source.
//!
//! Linux has no `rp_filter` for IPv6; the match `rpfilter` of ip6tables-extensions(8) is its counterpart, and asks the table of
//! the VRF that the packet's link is in. Which of the two programs works depends on the kernel: `ip6tables` on most systems
//! is the one for nf_tables, and `ip6tables-legacy` the one for kernels without.

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::bird::find_program;

const PROGRAMS: [&str; 2] = ["ip6tables", "ip6tables-legacy"];
const RULE: &[&str] = &[
    "PREROUTING",
    "-i",
    "dxvif-+",
    "-m",
    "rpfilter",
    "--loose",
    "--invert",
    "-m",
    "comment",
    "--comment",
    "linkway",
    "-j",
    "DROP",
];
/// How long a program waits for another one's lock (`-w`), in seconds.
const LOCK: &str = "2";
/// How long a program may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// More rules of ours than there can be.
const MANY: usize = 16;

/// Whether sources are checked.
pub(super) fn checks() -> bool {
    PROGRAMS.iter().any(|program| run(program, "-C").is_ok())
}

/// Makes it so; an error in words.
pub(super) fn set(check: bool) -> Result<(), String> {
    if !check {
        for program in PROGRAMS {
            // Each takes one.
            (0..MANY).take_while(|_| run(program, "-D").is_ok()).for_each(drop);
        }
        return if checks() { Err("the rule cannot be removed".to_owned()) } else { Ok(()) };
    }
    if checks() {
        return Ok(());
    }
    let mut refusals = Vec::new();
    for program in PROGRAMS {
        match run(program, "-I") {
            Ok(()) => return Ok(()),
            Err(refusal) => refusals.push(refusal),
        }
    }
    Err(format!(
        "{} (needed: the package iptables, and of the kernel ip6table_raw, ip6t_rpfilter and xt_comment or nf_tables and \
         nft_compat)",
        refusals.join("; ")
    ))
}

/// Adds, checks or deletes the rule.
fn run(name: &str, verb: &str) -> Result<(), String> {
    let program = find_program(Path::new(name));
    match finish(&program, verb) {
        Ok((status, _)) if status.success() => Ok(()),
        Ok((_, text)) => Err(format!("{name}: {}", text.lines().next().unwrap_or_default())),
        Err(error) => Err(format!("{name}: {error}")),
    }
}

fn finish(program: &PathBuf, verb: &str) -> io::Result<(ExitStatus, String)> {
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
    let end = Instant::now() + PATIENCE;
    let mut pause = Duration::from_micros(500);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if Instant::now() >= end {
            child.kill()?;
            child.wait()?;
            return Err(io::Error::new(io::ErrorKind::TimedOut, "no answer"));
        }
        thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(20));
    }
}
