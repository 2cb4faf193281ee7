//! The program as a process: started, talked to over its socket, stopped or killed.
//!
//! Every test that includes this runs the real binary: the one that `LINKWAY_BIN` names, otherwise
//! the one that cargo built for the tests.
#![allow(dead_code, reason = "each test binary uses a part of it")]

pub mod client;
pub mod world;

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use client::{Client, Key};

/// No test waits longer than this for anything.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// The region of every server here.
pub const REGION: &str = "eu-west-2";

/// Nothing waits for a person: the simulated location does everything at once.
pub const QUICK: &str = "simulated_approval_seconds = 0.02\nsimulated_step_seconds = 0.02\n";

/// Quotas that no load meets.
pub const ROOMY: &str = "[quotas]
private_and_public_interfaces_per_connection = 4094
interfaces_per_connection = 4094
connections_per_location = 100000
unanswered_offers_per_lender = 1000000
unanswered_offers = 1000000
tag_bytes_per_account = 1000000000
";

/// The program under test.
pub fn binary() -> PathBuf {
    std::env::var_os("LINKWAY_BIN")
        .map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_linkway")), PathBuf::from)
}

/// The seed of a test: `LINKWAY_TEST_SEED`, or a new one. It is printed, so that a failure can be
/// repeated as far as threads allow.
pub fn seed() -> u64 {
    let given = std::env::var("LINKWAY_TEST_SEED").ok();
    let seed = given.map_or_else(|| fastrand::u64(..), |text| text.parse().expect("a number"));
    println!("LINKWAY_TEST_SEED={seed}");
    seed
}

/// Asks again until there is an answer.
pub fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "{what}: not within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A place for a data directory and its configuration.
pub struct Desk {
    temp: TempDir,
    data: PathBuf,
    config: String,
}

impl Desk {
    /// With a configuration as the file would say it.
    pub fn new(config: &str) -> Self {
        let temp = TempDir::new().expect("a temporary directory");
        let data = temp.path().join("data");
        Self { temp, data, config: config.to_owned() }
    }

    /// The same with the data directory somewhere else.
    pub fn with_data(config: &str, data: &Path) -> Self {
        Self { data: data.to_owned(), ..Self::new(config) }
    }

    /// Another configuration from the next start on.
    pub fn configure(&mut self, config: &str) {
        config.clone_into(&mut self.config);
    }

    /// The data directory.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// A file of the data directory.
    pub fn file(&self, name: &str) -> PathBuf {
        self.data.join(name)
    }

    /// A file beside the data directory.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.temp.path().join(name)
    }

    /// `linkway serve` on a free port, with more arguments.
    pub fn serve_command<S: AsRef<OsStr>>(&self, more: impl IntoIterator<Item = S>) -> Command {
        let config = self.beside("config.toml");
        std::fs::write(&config, &self.config).expect("the configuration is written");
        let mut command = Command::new(binary());
        command.args(["serve", "--listen", "127.0.0.1:0", "--config"]).arg(config);
        command.arg("--data-dir").arg(&self.data).args(more);
        command.stdin(Stdio::null()).env_remove("LINKWAY_LOG");
        command
    }

    /// A server that is ready.
    pub fn start(&self) -> Process {
        self.start_with([] as [&str; 0])
    }

    /// The same with more arguments.
    pub fn start_with<S: AsRef<OsStr>>(&self, more: impl IntoIterator<Item = S>) -> Process {
        match Process::spawn(self.serve_command(more)).ready() {
            Ok(process) => process,
            Err(ended) => panic!("the server did not start: {ended:?}"),
        }
    }

    /// A start that must fail: how it ended.
    pub fn refused_start(&self) -> Ended {
        match Process::spawn(self.serve_command([] as [&str; 0])).ready() {
            Ok(process) => panic!("the server started:\n{}", process.kill()),
            Err(ended) => ended,
        }
    }

    /// The operator's client.
    pub fn operator(&self, server: &Process) -> Client {
        Client::linkway(server.address(), &self.operator_key())
    }

    /// The key of `operator.json`.
    pub fn operator_key(&self) -> Key {
        let text = std::fs::read(self.file("operator.json")).expect("operator.json is there");
        let file: Value = serde_json::from_slice(&text).expect("operator.json is JSON");
        Key::of(&file)
    }

    /// Where the operator calls, and metrics are.
    pub fn admin_address(&self) -> SocketAddr {
        let text = std::fs::read(self.file("operator.json")).expect("operator.json is there");
        let file: Value = serde_json::from_slice(&text).expect("operator.json is JSON");
        let endpoint = file["adminEndpoint"].as_str().expect("a text");
        let address = endpoint.strip_prefix("http://").expect("on loopback without TLS");
        address.parse().expect("an address")
    }

    /// `linkway admin` with the credentials of the data directory.
    pub fn admin<S: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = S>) -> Ended {
        let mut command = Command::new(binary());
        command.arg("admin").args(words).stdin(Stdio::null());
        command.env("LINKWAY_CREDENTIALS", self.file("operator.json"));
        Ended::of(&mut command)
    }

    /// `linkway admin check`: the violations.
    pub fn check(&self) -> Vec<String> {
        check(&self.data)
    }
}

/// The violations that `linkway admin check` finds in a data directory.
pub fn check(data: &Path) -> Vec<String> {
    let mut command = Command::new(binary());
    command.args(["admin", "check", "--output", "json"]).arg(data).stdin(Stdio::null());
    let ended = Ended::of(&mut command);
    let report: Value = serde_json::from_str(&ended.stdout)
        .unwrap_or_else(|error| panic!("check gave no report: {error}: {ended:?}"));
    let found = report["violations"].as_array().expect("a list").iter();
    let found: Vec<_> = found.map(|v| v.as_str().expect("a sentence").to_owned()).collect();
    assert_eq!(ended.code, Some(i32::from(!found.is_empty())), "{ended:?}");
    found
}

/// How a run ended.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Ended {
    /// Runs it to its end.
    pub fn of(command: &mut Command) -> Self {
        let output = command.output().expect("the program starts");
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).expect("text"),
            stderr: String::from_utf8(output.stderr).expect("text"),
        }
    }

    /// Standard output as JSON, of a run that went well.
    pub fn json(&self) -> Value {
        assert_eq!(self.code, Some(0), "{self:?}");
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// A `linkway serve` that runs. Dropping it kills it.
pub struct Process {
    child: Child,
    address: Option<SocketAddr>,
    logs: Arc<Mutex<String>>,
    listening: mpsc::Receiver<String>,
    reader: Option<JoinHandle<()>>,
}

impl Process {
    /// Starts it and waits for nothing.
    pub fn spawn(mut command: Command) -> Self {
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        let stderr = child.stderr.take().expect("piped");
        let logs = Arc::new(Mutex::new(String::new()));
        let (told, listening) = mpsc::channel();
        let kept = Arc::clone(&logs);
        let reader = Some(std::thread::spawn(move || keep(stderr, &kept, &told)));
        Self { child, address: None, logs, listening, reader }
    }

    /// Waits until it is ready, or has ended.
    pub fn ready(mut self) -> Result<Self, Ended> {
        let Ok(endpoint) = self.listening.recv_timeout(PATIENCE) else {
            // The log ended, so the program has, or will at once.
            let status = self.wait();
            let (code, stdout) = (status.code(), String::new());
            return Err(Ended { code, stdout, stderr: self.finish() });
        };
        let (_, authority) = endpoint.rsplit_once('/').expect("scheme://authority");
        let port = authority.rsplit(':').next().expect("a port");
        let address = SocketAddr::from(([127, 0, 0, 1], port.parse().expect("a port")));
        self.address = Some(address);
        if endpoint.starts_with("http://") {
            wait_for("/readyz", || {
                // A server on a full disk reads, and says why it is not ready.
                let answer = client::get(address, "/readyz").ok()?;
                (answer.status == 200 || answer.text().contains("disk")).then_some(())
            });
        }
        Ok(self)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address.expect("it is ready")
    }

    /// What it has logged.
    pub fn logs(&self) -> String {
        self.logs.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The process's number.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal by its name, as in `TERM`.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("sh")
            .args(["-c", "kill -s \"$0\" \"$1\"", name, &self.child.id().to_string()])
            .status();
        assert!(sent.expect("sh runs").success(), "signal {name}");
    }

    /// Waits for its end.
    pub fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("it is our child") {
                return status;
            }
            assert!(Instant::now() < deadline, "it does not end:\n{}", self.logs());
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// SIGTERM, and everything that it logged; it must end well.
    pub fn stop(mut self) -> String {
        self.signal("TERM");
        let status = self.wait();
        let logs = self.finish();
        assert_eq!(status.code(), Some(0), "{logs}");
        logs
    }

    /// SIGKILL, and everything that it logged.
    pub fn kill(mut self) -> String {
        // It may have ended by itself already.
        let _ = self.child.kill();
        self.wait();
        self.finish()
    }

    fn finish(&mut self) -> String {
        if let Some(reader) = self.reader.take() {
            reader.join().expect("the log's reader does not panic");
        }
        self.logs()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Keeps what is logged, and tells the endpoint once it is known.
fn keep(stderr: ChildStderr, logs: &Mutex<String>, told: &mpsc::Sender<String>) {
    let mut told = Some(told);
    for line in BufReader::new(stderr).lines().map_while(Result::ok) {
        let event: Value = serde_json::from_str(&line).unwrap_or_default();
        if let Some(endpoint) =
            event["endpoint"].as_str().filter(|_| event["message"] == "listening")
            && let Some(told) = told.take()
        {
            // Whoever started it may not wait for this.
            let _ = told.send(endpoint.to_owned());
        }
        let mut logs = logs.lock().unwrap_or_else(PoisonError::into_inner);
        writeln!(logs, "{line}").expect("memory");
    }
}
