//! Runs programs on the machine that has the routers, on the host's kernel or in User-mode Linux.
//!
//! One TCP connection for each program: the client sends the request as one line, the runner sends
//! the lines that the program writes, and last its exit status. Closing the connection kills the
//! program. Only the sandbox can reach the address: it is in a network namespace of its own.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use serde::{Deserialize, Serialize};

use super::topology::{RUNNER, SERVER_ADDRESS};

/// The longest that a program may take which is waited for.
const TIMEOUT: Duration = Duration::from_secs(60);

/// What to run.
#[derive(Serialize, Deserialize)]
struct Request {
    words: Vec<String>,
    /// Its standard input.
    input: String,
}

/// What the program does.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Event {
    /// A line on stdout.
    Out(String),
    /// A line on stderr.
    Err(String),
    /// It has ended, with this exit status; `None`: by a signal.
    Ended(Option<i32>),
    /// It cannot be started.
    Refused(String),
}

/// Runs programs for those who connect; does not return unless it fails.
///
/// # Errors
///
/// The address cannot be listened on, or connections cannot be accepted.
pub fn serve(address: SocketAddr) -> anyhow::Result<()> {
    accept_connections(&listen(address)?).context("cannot take connections")
}

/// The same in a thread, where the sandbox's own kernel has the routers.
pub fn spawn() -> anyhow::Result<()> {
    let listener = listen(RUNNER)?;
    thread::Builder::new().name("runner".to_owned()).spawn(move || {
        // Whoever connects next gets the error.
        let _ = accept_connections(&listener);
    })?;
    Ok(())
}

fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).with_context(|| format!("cannot listen on {address}"))
}

fn accept_connections(listener: &TcpListener) -> io::Result<()> {
    for stream in listener.incoming() {
        let stream = stream?;
        thread::spawn(move || {
            // The other end has closed: nobody is left to be told.
            let _ = handle(&stream);
        });
    }
    Ok(())
}

fn handle(stream: &TcpStream) -> io::Result<()> {
    let mut line = String::new();
    let mut reader = BufReader::new(stream.try_clone()?);
    reader.read_line(&mut line)?;
    let request: Request = serde_json::from_str(&line)?;
    let responder = Responder(Arc::new(Mutex::new(stream.try_clone()?)));
    let mut child = match start(&request) {
        Ok(child) => child,
        Err(error) => {
            return responder.send(&Event::Refused(format!("{}: {error}", request.words[0])));
        }
    };
    let mut input = child.stdin.take().expect("it is piped");
    // A program may end without having read all of its input.
    let _ = input.write_all(request.input.as_bytes());
    drop(input);
    let out = responder.forward(child.stdout.take().expect("it is piped"), Event::Out);
    let err = responder.forward(child.stderr.take().expect("it is piped"), Event::Err);
    let child = Arc::new(Mutex::new(child));
    let watched = Arc::clone(&child);
    thread::spawn(move || {
        let _ = reader.read_to_end(&mut Vec::new());
        // It may have ended already.
        let _ = watched.lock().unwrap_or_else(PoisonError::into_inner).kill();
    });
    // Both end with the program.
    let _ = (out.join(), err.join());
    let status = child.lock().unwrap_or_else(PoisonError::into_inner).wait()?;
    responder.send(&Event::Ended(status.code()))
}

fn start(request: &Request) -> io::Result<Child> {
    let (program, arguments) =
        request.words.split_first().ok_or_else(|| io::Error::other("no program is named"))?;
    let mut command = Command::new(program);
    command.args(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()
}

/// Sends events to the client.
#[derive(Clone)]
struct Responder(Arc<Mutex<TcpStream>>);

impl Responder {
    fn send(&self, event: &Event) -> io::Result<()> {
        let mut line = serde_json::to_vec(event)?;
        line.push(b'\n');
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write_all(&line)
    }

    fn forward(
        &self,
        from: impl Read + Send + 'static,
        event: fn(String) -> Event,
    ) -> thread::JoinHandle<()> {
        let responder = self.clone();
        thread::spawn(move || {
            for line in BufReader::new(from).split(b'\n') {
                let Ok(line) = line else { return };
                let text = String::from_utf8_lossy(&line).into_owned();
                // Read on even if nobody listens, or the program would block.
                let _ = responder.send(&event(text));
            }
        })
    }
}

/// How a program ended.
pub struct Done {
    /// Its exit status; `None`: ended by a signal.
    pub status: Option<i32>,
    /// What it wrote to stdout.
    pub out: String,
    /// What it wrote to stderr.
    pub err: String,
}

/// A running program, which is killed when this is dropped.
pub struct Running {
    stream: TcpStream,
    /// Each line with the moment at which it came.
    lines: Receiver<(Instant, String)>,
    log: Arc<Mutex<Vec<String>>>,
}

impl Running {
    /// The moment of the next line that matches; `None` if there is none in that time.
    pub fn wait_for(&self, timeout: Duration, matches: impl Fn(&str) -> bool) -> Option<Instant> {
        let deadline = Instant::now() + timeout;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let (at, line) = self.lines.recv_timeout(left).ok()?;
            if matches(&line) {
                return Some(at);
            }
        }
    }

    /// The last lines that it wrote, to stdout or stderr.
    pub fn log(&self, count: usize) -> String {
        let log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        log[log.len().saturating_sub(count)..].join("\n")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // This ends the program, if the connection has not been closed already.
        let _ = self.stream.shutdown(Shutdown::Both);
    }
}

/// The client's side of the runner.
#[derive(Clone, Copy)]
pub struct Runner(SocketAddr);

impl Runner {
    /// At the demo's own address.
    pub fn new() -> Self {
        Self(RUNNER)
    }

    /// Waits until it answers; `alive` says whether the machine still runs.
    ///
    /// # Errors
    ///
    /// The machine has ended, or the time is over.
    pub fn wait(timeout: Duration, mut alive: impl FnMut() -> bool) -> anyhow::Result<Self> {
        let deadline = Instant::now() + timeout;
        while TcpStream::connect_timeout(&RUNNER, Duration::from_secs(1)).is_err() {
            ensure!(alive(), "the machine has ended");
            ensure!(Instant::now() < deadline, "the machine is not up after {timeout:?}");
            // Polling: the other end of the link may not exist yet.
            thread::sleep(Duration::from_millis(50));
        }
        Ok(Self::new())
    }

    fn request(self, words: &[&str], input: &str) -> anyhow::Result<TcpStream> {
        let calling = || format!("cannot reach the machine to run {}", words.join(" "));
        let mut stream = TcpStream::connect(self.0).with_context(calling)?;
        let words = words.iter().map(|word| (*word).to_owned()).collect();
        let request = Request { words, input: input.to_owned() };
        let mut line = serde_json::to_vec(&request).expect("a request is strings");
        line.push(b'\n');
        stream.write_all(&line).with_context(calling)?;
        Ok(stream)
    }

    /// Runs a program to its end; its exit status may be any.
    ///
    /// # Errors
    ///
    /// It cannot be started, or takes longer than [`TIMEOUT`].
    pub fn attempt(self, words: &[&str], input: &str) -> anyhow::Result<Done> {
        let stream = self.request(words, input)?;
        stream.set_read_timeout(Some(TIMEOUT)).context("cannot set the connection's timeout")?;
        let (mut out, mut err) = (String::new(), String::new());
        for line in BufReader::new(&stream).lines() {
            let line = line.with_context(|| format!("no end of {}", words.join(" ")))?;
            match serde_json::from_str(&line).context("the runner's answer is not understood")? {
                Event::Out(text) => out.extend([&text, "\n"]),
                Event::Err(text) => err.extend([&text, "\n"]),
                Event::Ended(status) => return Ok(Done { status, out, err }),
                Event::Refused(why) => bail!("{why}"),
            }
        }
        bail!("the machine ended while it ran {}", words.join(" "))
    }

    /// Runs a program; what it wrote to stdout.
    ///
    /// # Errors
    ///
    /// As for [`Self::attempt`], or its exit status is not 0.
    pub fn run(self, words: &[&str], input: &str) -> anyhow::Result<String> {
        let done = self.attempt(words, input)?;
        ensure!(done.status == Some(0), "{}: {}", words.join(" "), done.err.trim());
        Ok(done.out)
    }

    /// Starts a program, which runs until the result is dropped.
    pub fn start(self, words: &[&str]) -> anyhow::Result<Running> {
        let stream = self.request(words, "")?;
        let reading = stream.try_clone().context("cannot listen to the machine")?;
        let (sender, lines) = channel();
        let log: Arc<Mutex<Vec<String>>> = Arc::default();
        let kept = Arc::clone(&log);
        thread::spawn(move || {
            for line in BufReader::new(reading).lines() {
                let Ok(line) = line else { return };
                let text = match serde_json::from_str(&line) {
                    Ok(Event::Out(text) | Event::Err(text) | Event::Refused(text)) => text,
                    Ok(Event::Ended(status)) => format!("(ended: {status:?})"),
                    Err(error) => format!("(not understood: {error})"),
                };
                kept.lock().unwrap_or_else(PoisonError::into_inner).push(text.clone());
                // The receiver may be gone: the log is kept all the same.
                let _ = sender.send((Instant::now(), text));
            }
        });
        Ok(Running { stream, lines, log })
    }
}

/// Runs a program in one of the demo's namespaces, for a person who inspects the demo.
///
/// # Errors
///
/// This is not the demo's network, the demo has ended, or the program cannot be started.
pub fn run_at(namespace: &str, words: &[String]) -> anyhow::Result<ExitCode> {
    // In another network that address may belong to somebody else, who must not get this request.
    let is_sandbox = UdpSocket::bind((SERVER_ADDRESS, 0)).is_ok();
    ensure!(
        is_sandbox,
        "this is not the demo's network: `linkway demo --keep` says how to enter it"
    );
    let mut line = vec!["ip", "netns", "exec", namespace];
    line.extend(words.iter().map(String::as_str));
    let stream = Runner::new().request(&line, "")?;
    for event in BufReader::new(&stream).lines() {
        let event = event.context("the demo has ended")?;
        match serde_json::from_str(&event).context("the runner's answer is not understood")? {
            Event::Out(text) => crate::print::print(&format!("{text}\n")),
            Event::Err(text) => eprintln!("{text}"),
            Event::Ended(Some(0)) => return Ok(ExitCode::SUCCESS),
            Event::Ended(_) => return Ok(ExitCode::FAILURE),
            Event::Refused(why) => bail!("{why}"),
        }
    }
    bail!("the demo has ended")
}
