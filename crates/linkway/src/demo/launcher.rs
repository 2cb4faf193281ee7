//! The launcher: what a person starts. It checks the requirements, starts the sandbox in namespaces
//! of its own, waits, and cleans up.

use std::env;
use std::fs;
use std::io::{BufRead as _, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitCode, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::Context as _;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::report::Report;
use super::sandbox::{PRIVATE, REPORT, SANDBOX_PID};
use super::{DemoArgs, Kernel, requirements};

/// The longest that a demo may take. Every step of the scenario has a shorter limit of its own.
const LIMIT: Duration = Duration::from_secs(300);

/// Exit status of a program that was interrupted, as shells have it.
const INTERRUPTED: u8 = 130;

/// Runs the demo in namespaces that end with it.
pub fn run(args: &DemoArgs) -> anyhow::Result<ExitCode> {
    let aws = requirements::aws(args.aws.as_deref())?;
    requirements::root()?;
    let kernel = requirements::choose(args.kernel)?;
    requirements::check(kernel)?;
    let report = args.report.as_deref().map(prepare_report).transpose()?;
    let directory = Directory::make()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let ended = runtime.block_on(async {
        // Before the sandbox starts, so that no signal is missed.
        let signals = Signals::new().context("cannot listen for signals")?;
        let (child, stdin) = start(args, kernel, &aws, &directory.0)?;
        wait(child, signals, (!args.keep).then_some(LIMIT), stdin).await
    })?;
    let (code, problem) = match ended {
        Ended::Itself(status) if status.success() => (ExitCode::SUCCESS, String::new()),
        Ended::Itself(status) => (ExitCode::FAILURE, format!("the sandbox ended: {status}")),
        Ended::Interrupted => (ExitCode::from(INTERRUPTED), "interrupted".to_owned()),
        Ended::Overdue => (ExitCode::FAILURE, format!("not done after {} s", LIMIT.as_secs())),
    };
    let written = directory.0.join(REPORT);
    // If there is a report, the sandbox has printed the result itself.
    if !written.exists() {
        eprintln!("\ndemo: {problem}; everything was removed");
    }
    if let Some(report) = report {
        write_report(&report, &written, kernel, problem)?;
    }
    Ok(code)
}

/// Empties the file, so that an earlier run's report is not taken for this one's.
fn prepare_report(path: &Path) -> anyhow::Result<PathBuf> {
    let path = std::path::absolute(path).context("--report")?;
    let preparing = || format!("--report {}", path.display());
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).with_context(preparing)?;
    }
    fs::write(&path, "").with_context(preparing)?;
    Ok(path)
}

/// The sandbox's report, or one that says why there is none.
fn write_report(to: &Path, from: &Path, kernel: Kernel, problem: String) -> anyhow::Result<()> {
    let bytes = fs::read(from).unwrap_or_else(|_| {
        let report = Report { error: Some(problem), kernel: kernel.name(), ..Report::default() };
        serde_json::to_vec_pretty(&report).expect("a report is strings and numbers")
    });
    fs::write(to, [&bytes[..], b"\n"].concat())
        .with_context(|| format!("--report {}", to.display()))
}

/// A temporary directory, removed when this is dropped.
struct Directory(PathBuf);

impl Directory {
    fn make() -> anyhow::Result<Self> {
        let place = env::temp_dir();
        // The sandbox may mount a file system of its own on /run.
        let place = if place.starts_with("/run") { PathBuf::from("/tmp") } else { place };
        let path = place.join(format!("linkway-demo-{}", std::process::id()));
        let made = fs::DirBuilder::new().mode(0o700).create(&path);
        made.with_context(|| format!("cannot make {}", path.display()))?;
        let directory = Self(path);
        fs::create_dir(directory.0.join(PRIVATE))?;
        Ok(directory)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // It has the report alone: the sandbox's files were in a tmpfs.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Starts the sandbox: process 1 of its own namespaces, all of which end with it.
fn start(
    args: &DemoArgs,
    kernel: Kernel,
    aws: &Path,
    directory: &Path,
) -> anyhow::Result<(Child, Arc<Mutex<ChildStdin>>)> {
    let program = env::current_exe().context("cannot tell where this program is")?;
    let mut command = Command::new("unshare");
    command.args(["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]);
    command.arg(program).args(["demo", "--inside"]).arg(directory);
    command.args(["--kernel", if kernel == Kernel::Uml { "uml" } else { "host" }]);
    command.arg("--aws").arg(aws);
    if args.keep {
        command.arg("--keep");
    }
    for (name, _) in env::vars_os() {
        let upper = name.to_string_lossy().to_uppercase();
        // No AWS profile, and no proxy: a proxy cannot be reached from the sandbox's network.
        if upper.starts_with("AWS_") || upper.starts_with("LINKWAY_") || upper.ends_with("_PROXY") {
            command.env_remove(name);
        }
    }
    command.env("PATH", requirements::path());
    // Ctrl-C goes to the launcher alone, which then ends the sandbox.
    command.stdin(Stdio::piped()).process_group(0);
    let mut child = command.spawn().context("cannot start unshare")?;
    fs::write(directory.join(SANDBOX_PID), child.id().to_string())?;
    // The sandbox ends when this is closed, so it is kept open as long as the launcher runs.
    let stdin = Arc::new(Mutex::new(child.stdin.take().expect("it is piped")));
    if args.keep {
        forward_enter(Arc::clone(&stdin));
    }
    Ok((child, stdin))
}

fn forward_enter(to: Arc<Mutex<ChildStdin>>) {
    thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            let mut stdin = to.lock().unwrap_or_else(PoisonError::into_inner);
            if line.is_err() || stdin.write_all(b"\n").is_err() {
                return;
            }
        }
    });
}

struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
    child: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
            child: signal(SignalKind::child())?,
        })
    }
}

enum Ended {
    Itself(ExitStatus),
    Interrupted,
    Overdue,
}

/// Waits for the sandbox, and ends it if it must end.
async fn wait(
    mut child: Child,
    mut signals: Signals,
    limit: Option<Duration>,
    _stdin: Arc<Mutex<ChildStdin>>,
) -> anyhow::Result<Ended> {
    let limit = limit.unwrap_or(Duration::from_secs(u32::MAX.into()));
    let overdue = tokio::time::sleep(limit);
    tokio::pin!(overdue);
    let ended = loop {
        if let Some(status) = child.try_wait().context("cannot wait for the sandbox")? {
            return Ok(Ended::Itself(status));
        }
        tokio::select! {
            _ = signals.child.recv() => {}
            _ = signals.interrupt.recv() => break Ended::Interrupted,
            _ = signals.terminate.recv() => break Ended::Interrupted,
            _ = signals.hangup.recv() => break Ended::Interrupted,
            () = &mut overdue => break Ended::Overdue,
        }
    };
    // All processes that it started end with it (`--kill-child`).
    child.kill().and_then(|()| child.wait()).context("cannot end the sandbox")?;
    Ok(ended)
}
