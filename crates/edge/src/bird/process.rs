//! BIRD as a process: its files, finding its program, starting it as a daemon of its own.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit};

use super::version::Version;
use crate::session::DaemonError;

/// How long a program that is to end by itself may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often is looked.
const PACE: Duration = Duration::from_millis(10);

/// The directory of the fragments of configurations, which lies beside them: BIRD takes a path from there.
pub const FRAGMENTS: &str = "bird.d";

/// The files of one BIRD.
#[derive(Clone, Debug)]
pub struct Files {
    /// The directory, ours alone.
    pub dir: PathBuf,
    /// The configuration that BIRD has, or is to have.
    pub config: PathBuf,
    /// The next configuration, until BIRD has found it good.
    pub next: PathBuf,
    /// The directory of the fragments of both.
    pub fragments: PathBuf,
    /// The control socket.
    pub socket: PathBuf,
    /// The process's number.
    pub pid: PathBuf,
    /// What BIRD logs.
    pub log: PathBuf,
    /// What it logged before that: it keeps one older file.
    pub older_log: PathBuf,
    /// The sessions that are kept shut.
    pub shut: PathBuf,
    /// What BIRD said when it was last started.
    pub said: PathBuf,
}

impl Files {
    /// The files in a directory, by absolute paths: they are BIRD's command line, by which it is recognised.
    pub fn of(dir: &Path) -> Self {
        let dir = std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned());
        let file = |name: &str| dir.join(name);
        Self {
            config: file("bird.conf"),
            next: file("bird.conf.new"),
            fragments: file(FRAGMENTS),
            socket: file("bird.ctl"),
            pid: file("bird.pid"),
            log: file("bird.log"),
            older_log: file("bird.log.1"),
            shut: file("bird.shut"),
            said: file("bird.start"),
            dir,
        }
    }

    /// The words after the program that start the daemon. `-R`: routes and sessions are taken over from the BIRD before
    /// it (graceful restart), if one has died; while it waits for the sessions nothing is announced, so a first BIRD does
    /// without.
    fn words(&self) -> Vec<&OsStr> {
        let word = OsStr::new;
        let mut words = vec![
            word("-c"),
            self.config.as_os_str(),
            word("-s"),
            self.socket.as_os_str(),
            word("-P"),
            self.pid.as_os_str(),
        ];
        if self.daemon_has_died() {
            words.push(word("-R"));
        }
        words
    }

    /// Whether a BIRD has died since the machine was started: one that shuts down gracefully removes its file.
    pub fn daemon_has_died(&self) -> bool {
        let noted = fs::metadata(&self.pid).and_then(|file| file.modified());
        let uptime = fs::read_to_string("/proc/uptime").ok().and_then(|text| {
            text.split('.').next().and_then(|seconds| seconds.parse().ok()).map(Duration::from_secs)
        });
        let age = noted.ok().and_then(|at| at.elapsed().ok());
        match (age, uptime) {
            (Some(age), Some(uptime)) => age <= uptime,
            (Some(_), None) => true,
            (None, _) => false,
        }
    }
}

/// Asks a program for its version.
pub fn version(program: &Path) -> Result<Version, DaemonError> {
    let doing = || format!("run {} --version", program.display());
    let output = Command::new(program)
        .arg("--version")
        .stdin(Stdio::null())
        .output()
        .map_err(|why| DaemonError::Io { doing: doing(), why })?;
    let text = [output.stderr, output.stdout].concat();
    let text = String::from_utf8_lossy(&text);
    Version::find(&text).ok_or_else(|| DaemonError::Refused {
        what: "to say its version",
        text: text.chars().take(200).collect(),
    })
}

/// The process's number, as its file has it.
pub fn id(files: &Files) -> Option<u32> {
    fs::read_to_string(&files.pid).ok()?.trim().parse().ok()
}

/// How much time of a processor BIRD's main thread has used; `None`: there is none that can be looked at. BFD has a thread of its own.
pub fn processor_time(files: &Files) -> Option<Duration> {
    let pid = id(files)?;
    let text = fs::read_to_string(format!("/proc/{pid}/task/{pid}/stat")).ok()?;
    // After the name, which may have anything in it: the 14th and 15th field are what counts (proc(5)).
    let (_, rest) = text.rsplit_once(')')?;
    let ticks = rest.split_whitespace().skip(11).take(2).map(|word| word.parse::<u64>().ok());
    let ticks: u64 = ticks.sum::<Option<u64>>()?;
    Some(Duration::from_millis(ticks * 1000 / rustix::param::clock_ticks_per_second()))
}

/// Has a configuration checked by the program. `Err` holds its words.
pub fn check(program: &Path, files: &Files) -> Result<Result<(), String>, DaemonError> {
    let words = ["-p".as_ref(), "-c".as_ref(), files.next.as_os_str()];
    let (status, text) = run(program, &words, files)?;
    Ok(if status.success() { Ok(()) } else { Err(text) })
}

/// Starts the daemon. It leaves our session and process group by itself, so it outlives us. `Err` holds its words.
pub fn start(program: &Path, files: &Files) -> Result<Result<(), String>, DaemonError> {
    raise_file_limit();
    let (status, text) = run(program, &files.words(), files)?;
    Ok(if status.success() { Ok(()) } else { Err(text) })
}

/// Runs the program to its end. What it says goes to a file: the daemon that it leaves behind would keep a pipe open.
fn run(
    program: &Path,
    words: &[&OsStr],
    files: &Files,
) -> Result<(ExitStatus, String), DaemonError> {
    let doing = || format!("run {}", program.display());
    let fault = |why| DaemonError::Io { doing: doing(), why };
    let said = File::create(&files.said).map_err(fault)?;
    let mut child = Command::new(program)
        .args(words)
        .current_dir(&files.dir)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(said)
        .spawn()
        .map_err(fault)?;
    let deadline = Instant::now() + PATIENCE;
    let status = loop {
        if let Some(status) = child.try_wait().map_err(fault)? {
            break status;
        }
        if Instant::now() > deadline {
            child.kill().and_then(|()| child.wait()).map_err(fault)?;
            return Err(DaemonError::Silent { what: "its start", seconds: PATIENCE.as_secs() });
        }
        thread::sleep(PACE);
    };
    let text = fs::read(&files.said).map_err(fault)?;
    let text = String::from_utf8_lossy(&text);
    Ok((status, text.chars().take(2000).collect::<String>().trim().to_owned()))
}

/// BIRD needs some four files for each routing domain and two for each session; a service is given 1,024. The limit is
/// inherited, and BIRD does not raise it. As much as we may have is asked for.
fn raise_file_limit() {
    const WANTED: u64 = 1 << 19;
    let old = rustix::process::getrlimit(Resource::Nofile);
    if old.current.is_none_or(|current| current >= WANTED) {
        return;
    }
    let full = Rlimit { current: Some(WANTED), maximum: old.maximum.map(|m| m.max(WANTED)) };
    if rustix::process::setrlimit(Resource::Nofile, full).is_err() {
        let fair = Rlimit { current: old.maximum, maximum: old.maximum };
        if rustix::process::setrlimit(Resource::Nofile, fair).is_err() {
            tracing::warn!("the limit of open files could not be raised for BIRD");
        }
    }
}
