//! The measured processes: starting them, waiting until they are ready, their CPU time and memory.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use linkway_domain::quota::Quota;
use linkway_wire::operator::OperatorFile;

use crate::seed;

/// Clock ticks a second in /proc: fixed on every Linux that Rust's standard library runs on.
const TICKS: f64 = 100.0;
/// The longest that a process may take to answer.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A listening process; it is killed when this is dropped.
pub struct Process {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Resident memory, in MiB.
#[derive(Clone, Copy, Debug)]
pub struct Resident {
    /// The current value.
    pub now: f64,
    /// The peak.
    pub peak: f64,
}

impl Process {
    /// Starts a command that will listen on `address`.
    pub fn start(command: &mut Command, address: SocketAddr, input: &str) -> Result<Self> {
        let mut child = command
            .stdin(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", command.get_program().display()))?;
        child.stdin.take().context("standard input is a pipe")?.write_all(input.as_bytes())?;
        Ok(Self { child, address })
    }

    /// Waits until a GET of `path` is answered: with any status if `anything`, otherwise with 200.
    ///
    /// # Errors
    ///
    /// The process ends, or does not answer within [`TIMEOUT`].
    pub fn wait_for(&mut self, path: &str, anything: bool) -> Result<()> {
        let began = Instant::now();
        loop {
            match get(self.address, path) {
                Ok(answer) if anything || answer.starts_with("HTTP/1.1 200") => return Ok(()),
                Ok(_) | Err(_) => {}
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("the process that should listen on {} has ended: {status}", self.address);
            }
            if began.elapsed() > TIMEOUT {
                bail!("nothing answers on {} after {TIMEOUT:?}", self.address);
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// CPU time since its start, in seconds.
    pub fn cpu(&self) -> Result<f64> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // The name, in parentheses, may hold anything; utime and stime are fields 14 and 15.
        let fields = stat.rsplit_once(')').context("stat has a name")?.1;
        let ticks: Vec<f64> =
            fields.split_whitespace().skip(11).take(2).map(str::parse).collect::<Result<_, _>>()?;
        Ok(ticks.iter().sum::<f64>() / TICKS)
    }

    /// Its resident memory.
    pub fn resident(&self) -> Result<Resident> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let field = |name: &str| -> Result<f64> {
            let line =
                status.lines().find_map(|line| line.strip_prefix(name)).context("status has it")?;
            let kib: f64 = line.split_whitespace().next().context("a number")?.parse()?;
            Ok(kib / 1024.0)
        };
        Ok(Resident { now: field("VmRSS:")?, peak: field("VmHWM:")? })
    }
}

/// A free address on the loopback interface.
pub fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

/// The answer to a GET, with its head.
pub fn get(address: SocketAddr, path: &str) -> Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    stream.write_all(
        format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").as_bytes(),
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// The arguments of a `linkway serve`.
pub struct Linkway {
    program: PathBuf,
    dir: PathBuf,
    config: PathBuf,
}

impl Linkway {
    /// On a filled data directory. Throttling is off, because all requests are from few keys; edges become silent after a
    /// day, because none reports here.
    pub fn new(program: &Path, dir: &Path, max_batch: Option<usize>) -> Result<Self> {
        let mut text = "log_level = \"warn\"\nedge_silent_seconds = 86400\n".to_owned();
        if let Some(commits) = max_batch {
            text.push_str(&format!("store_max_batch = {commits}\n"));
        }
        text.push_str("[throttle]\nkey_per_second = 0\naccount_per_second = 0\n");
        let quotas = seed::quotas();
        text.push_str("[quotas]\n");
        for quota in Quota::ALL {
            text.push_str(&format!("{} = {}\n", quota.as_str(), quotas.limit(quota)));
        }
        let config = dir.join("bench.toml");
        std::fs::write(&config, text)?;
        Ok(Self { program: program.to_owned(), dir: dir.to_owned(), config })
    }

    /// Starts it and waits until it is ready; the process and how long that took.
    pub fn start(&self) -> Result<(Process, Duration)> {
        let address = free_address()?;
        let mut command = Command::new(&self.program);
        command.args([
            "serve",
            "--region",
            crate::requests::REGION,
            "--listen",
            &address.to_string(),
        ]);
        command.arg("--data-dir").arg(&self.dir).arg("--config").arg(&self.config);
        let began = Instant::now();
        let mut process = Process::start(&mut command, address, "")?;
        process.wait_for("/readyz", false)?;
        Ok((process, began.elapsed()))
    }

    /// Where a started server has its metrics.
    pub fn admin_address(&self) -> Result<SocketAddr> {
        let text = std::fs::read(self.dir.join("operator.json"))?;
        let file: OperatorFile = serde_json::from_slice(&text)?;
        let endpoint = file.admin_endpoint.context("operator.json has no adminEndpoint")?;
        Ok(endpoint.trim_start_matches("http://").parse()?)
    }
}
