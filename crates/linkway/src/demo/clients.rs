//! The server, and its two command-line clients: `linkway admin` and the AWS CLI.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use serde_json::Value;

use super::terminal::{Terminal, shell_line};
use super::topology::SERVER;

const READY_TIMEOUT: Duration = Duration::from_secs(60);
const STOP_TIMEOUT: Duration = Duration::from_secs(20);

/// Runs the clients, and prints the commands that a person would type.
#[derive(Clone)]
pub struct Clients {
    program: PathBuf,
    aws: PathBuf,
    directory: PathBuf,
    terminal: Terminal,
}

impl Clients {
    /// With this AWS CLI; its files and the server's are in the directory.
    pub fn new(aws: PathBuf, directory: &Path, terminal: Terminal) -> anyhow::Result<Self> {
        let program = std::env::current_exe().context("cannot tell where this program is")?;
        Ok(Self { program, aws, directory: directory.to_owned(), terminal })
    }

    /// This program.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// The file with the operator's key.
    pub fn operator_file(&self) -> PathBuf {
        self.directory.join("data/operator.json")
    }

    /// Runs and prints `linkway admin WORDS`; the answer.
    pub fn admin(&self, words: &[&str]) -> anyhow::Result<Value> {
        self.terminal.command("operator", &format!("linkway admin {}", shell_line(words)));
        self.quiet_admin(words)
    }

    /// Runs `linkway admin WORDS` without printing it; the answer.
    pub fn quiet_admin(&self, words: &[&str]) -> anyhow::Result<Value> {
        let mut command = Command::new(&self.program);
        command.args(["admin", "--output", "json"]).args(words);
        command.env("LINKWAY_CREDENTIALS", self.operator_file());
        self.answer(command, &format!("linkway admin {}", shell_line(words)))
    }

    /// Runs and prints `aws directconnect WORDS` as one of the tenants; the answer.
    pub fn aws(&self, tenant: &str, words: &[&str]) -> anyhow::Result<Value> {
        let shown = format!("aws directconnect {}", shell_line(words));
        self.terminal.command(tenant, &shown);
        let mut command = Command::new(&self.aws);
        command.arg("directconnect").args(words).args(["--output", "json"]);
        command.env("AWS_PROFILE", tenant).env("AWS_PAGER", "");
        command.env("AWS_EC2_METADATA_DISABLED", "true");
        self.answer(command, &shown)
    }

    /// The AWS CLI's files and its home are inside the directory.
    fn answer(&self, mut command: Command, shown: &str) -> anyhow::Result<Value> {
        let at = &self.directory;
        command.env("HOME", at).stdin(Stdio::null());
        command.env("AWS_CONFIG_FILE", at.join("aws-config"));
        command.env("AWS_SHARED_CREDENTIALS_FILE", at.join("aws-credentials"));
        let done = command.output().with_context(|| format!("cannot start {shown}"))?;
        parse(&done).with_context(|| shown.to_owned())
    }

    /// `linkway admin check` on the data of a server that was stopped; its output.
    pub fn check(&self) -> anyhow::Result<String> {
        let mut command = Command::new(&self.program);
        command.args(["admin", "check"]).arg(self.directory.join("data"));
        let done = command.output().context("cannot start linkway admin check")?;
        let text = String::from_utf8_lossy(&done.stdout).trim().to_owned();
        ensure!(done.status.success(), "linkway admin check: {text}");
        Ok(text)
    }
}

fn parse(done: &Output) -> anyhow::Result<Value> {
    if !done.status.success() {
        bail!("{}", String::from_utf8_lossy(&done.stderr).trim());
    }
    if done.stdout.trim_ascii().is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_slice(&done.stdout).context("the answer is not JSON")
}

/// A string member of an answer.
///
/// # Errors
///
/// There is none of this name.
pub fn text(answer: &Value, name: &str) -> anyhow::Result<String> {
    let found = answer[name].as_str().with_context(|| format!("the answer has no {name}"))?;
    Ok(found.to_owned())
}

/// The only element of a list in an answer.
///
/// # Errors
///
/// There is no such list, or it does not have exactly one element.
pub fn only<'a>(answer: &'a Value, name: &str) -> anyhow::Result<&'a Value> {
    match answer[name].as_array().map(Vec::as_slice) {
        Some([one]) => Ok(one),
        Some(many) => bail!("one of {name} was expected, not {}", many.len()),
        None => bail!("the answer has no {name}"),
    }
}

/// A running `linkway serve`.
pub struct Server {
    child: Child,
    log: PathBuf,
}

impl Server {
    /// Starts it on an empty data directory and waits until it answers the operator.
    ///
    /// # Errors
    ///
    /// It cannot be started, ends, or is not ready within [`READY_TIMEOUT`].
    pub fn start(clients: &Clients) -> anyhow::Result<Self> {
        let directory = &clients.directory;
        let log = directory.join("serve.log");
        let config = directory.join("serve.toml");
        fs::write(&config, "log_format = \"json\"\n")
            .context("cannot write the server's configuration")?;
        let out = File::create(&log).context("cannot create the server's log")?;
        let mut command = Command::new(&clients.program);
        command
            .args(["serve", "--allow-plaintext", "--listen", SERVER, "--data-dir"])
            .arg(directory.join("data"));
        command.arg("--config").arg(config);
        command.stdin(Stdio::null()).stderr(out.try_clone()?).stdout(out);
        let mut server = Self { child: command.spawn().context("cannot start the server")?, log };
        let deadline = Instant::now() + READY_TIMEOUT;
        while clients.quiet_admin(&["location", "list"]).is_err() {
            let ended = server.child.try_wait().context("cannot read the server's status")?;
            ensure!(ended.is_none(), "the server has ended: {}", server.log(12));
            ensure!(Instant::now() < deadline, "the server is not up: {}", server.log(12));
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(server)
    }

    /// The last lines of its log; it names requests, never secrets.
    pub fn log(&self, count: usize) -> String {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<_> = text.lines().collect();
        lines[lines.len().saturating_sub(count)..].join("\n")
    }

    /// Stops it gracefully.
    ///
    /// # Errors
    ///
    /// It ends with another exit status than 0, or not within [`STOP_TIMEOUT`].
    pub fn stop(&mut self) -> anyhow::Result<()> {
        let line = format!("kill -TERM {}", self.child.id());
        let asked = Command::new("sh").args(["-c", &line]).status();
        ensure!(asked.is_ok_and(|status| status.success()), "cannot signal the server");
        let deadline = Instant::now() + STOP_TIMEOUT;
        loop {
            if let Some(status) =
                self.child.try_wait().context("cannot read the server's status")?
            {
                ensure!(status.success(), "the server ended with {status}: {}", self.log(12));
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "the server has not ended after {STOP_TIMEOUT:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}
