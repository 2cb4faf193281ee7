//! The rim: what a person starts. Checks, makes the stage's namespaces, waits, cleans up.

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
use super::stage::{ANCHOR, PRIVATE, REPORT};
use super::{DemoArgs, Kernel, need};

/// The last resort: every step of the story has a bound of its own.
const BOUND: Duration = Duration::from_secs(300);

/// Exit status of a program that was interrupted, as shells have it.
const INTERRUPTED: u8 = 130;

/// Plays the story in namespaces that end with it.
pub fn run(args: &DemoArgs) -> anyhow::Result<ExitCode> {
    let aws = need::aws(args.aws.as_deref())?;
    need::root()?;
    let kernel = need::choose(args.kernel)?;
    need::check(kernel)?;
    let report = args.report.as_deref().map(prepare_report).transpose()?;
    let directory = Directory::make()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let ended = runtime.block_on(async {
        // Before the stage starts: none of them may be missed.
        let signals = Signals::new().context("cannot listen for signals")?;
        let (child, stdin) = start(args, kernel, &aws, &directory.0)?;
        wait(child, signals, (!args.keep).then_some(BOUND), stdin).await
    })?;
    let (code, problem) = match ended {
        Ended::Itself(status) if status.success() => (ExitCode::SUCCESS, String::new()),
        Ended::Itself(status) => (ExitCode::FAILURE, format!("the stage ended: {status}")),
        Ended::Interrupted => (ExitCode::from(INTERRUPTED), "interrupted".to_owned()),
        Ended::Overdue => (ExitCode::FAILURE, format!("not done after {} s", BOUND.as_secs())),
    };
    let told = directory.0.join(REPORT);
    // With a report, the stage has said itself how it went.
    if !told.exists() {
        eprintln!("\ndemo: {problem}; all is gone again");
    }
    if let Some(report) = report {
        write_report(&report, &told, kernel, problem)?;
    }
    Ok(code)
}

/// What is left of an earlier run is not taken for this one's.
fn prepare_report(path: &Path) -> anyhow::Result<PathBuf> {
    let path = std::path::absolute(path).context("--report")?;
    let preparing = || format!("--report {}", path.display());
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).with_context(preparing)?;
    }
    fs::write(&path, "").with_context(preparing)?;
    Ok(path)
}

/// The stage's report, or one that says why there is none.
fn write_report(to: &Path, from: &Path, kernel: Kernel, problem: String) -> anyhow::Result<()> {
    let bytes = fs::read(from).unwrap_or_else(|_| {
        let report = Report { error: Some(problem), kernel: kernel.name(), ..Report::default() };
        serde_json::to_vec_pretty(&report).expect("a report is texts and numbers")
    });
    fs::write(to, [&bytes[..], b"\n"].concat())
        .with_context(|| format!("--report {}", to.display()))
}

/// A directory that goes away.
struct Directory(PathBuf);

impl Directory {
    fn make() -> anyhow::Result<Self> {
        let place = env::temp_dir();
        // The stage may put a file system of its own over /run.
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
        // Empty but for the report: the stage's files were in its own memory.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Starts the stage: process 1 of its own namespaces, all of which end with it.
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
        // Neither somebody's profile nor a proxy, which cannot reach the stage's network.
        if upper.starts_with("AWS_") || upper.starts_with("LINKWAY_") || upper.ends_with("_PROXY") {
            command.env_remove(name);
        }
    }
    command.env("PATH", need::path());
    // Ctrl-C is for the rim, which then ends the stage.
    command.stdin(Stdio::piped()).process_group(0);
    let mut child = command.spawn().context("cannot start unshare")?;
    fs::write(directory.join(ANCHOR), child.id().to_string())?;
    // The stage ends when this is closed: so it must live as long as the rim.
    let stdin = Arc::new(Mutex::new(child.stdin.take().expect("it is piped")));
    if args.keep {
        pass_enter_on(Arc::clone(&stdin));
    }
    Ok((child, stdin))
}

fn pass_enter_on(to: Arc<Mutex<ChildStdin>>) {
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

/// Waits for the stage, and ends it if it must end.
async fn wait(
    mut child: Child,
    mut signals: Signals,
    bound: Option<Duration>,
    _stdin: Arc<Mutex<ChildStdin>>,
) -> anyhow::Result<Ended> {
    let bound = bound.unwrap_or(Duration::from_secs(u32::MAX.into()));
    let overdue = tokio::time::sleep(bound);
    tokio::pin!(overdue);
    let ended = loop {
        if let Some(status) = child.try_wait().context("cannot wait for the stage")? {
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
    // Its end is the end of all that it started (`--kill-child`).
    child.kill().and_then(|()| child.wait()).context("cannot end the stage")?;
    Ok(ended)
}
