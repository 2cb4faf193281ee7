//! Programs run on the machine that has the routers, whichever kernel that is.
//!
//! One TCP connection for each program: the first line is the order, then come the lines that the
//! program writes, and last how it ended. Whoever closes the connection ends the program. Only the
//! stage can reach the address: it is in a network namespace that nothing else is in.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use serde::{Deserialize, Serialize};

use super::wiring::{HANDS, SERVER_ADDRESS};

/// No program that is waited for takes longer.
const PATIENCE: Duration = Duration::from_secs(60);

/// What to run.
#[derive(Serialize, Deserialize)]
struct Order {
    words: Vec<String>,
    /// What it reads.
    input: String,
}

/// What comes of it.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Said {
    /// A line on stdout.
    Out(String),
    /// A line on stderr.
    Err(String),
    /// It has ended, with this exit status; `None`: by a signal.
    Ended(Option<i32>),
    /// It cannot be started.
    Refused(String),
}

/// Runs programs for whoever connects, for ever.
pub fn serve(address: SocketAddr) -> anyhow::Result<()> {
    take_orders(&listen(address)?).context("cannot take connections")
}

/// The same in a thread, for a stage whose own kernel has the routers.
pub fn spawn() -> anyhow::Result<()> {
    let listener = listen(HANDS)?;
    thread::Builder::new().name("hands".to_owned()).spawn(move || {
        // The next one who connects notices.
        let _ = take_orders(&listener);
    })?;
    Ok(())
}

fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).with_context(|| format!("cannot listen on {address}"))
}

fn take_orders(listener: &TcpListener) -> io::Result<()> {
    for stream in listener.incoming() {
        let stream = stream?;
        thread::spawn(move || {
            // Whoever connected has gone away: nobody is left to be told.
            let _ = obey(&stream);
        });
    }
    Ok(())
}

fn obey(stream: &TcpStream) -> io::Result<()> {
    let mut line = String::new();
    let mut reader = BufReader::new(stream.try_clone()?);
    reader.read_line(&mut line)?;
    let order: Order = serde_json::from_str(&line)?;
    let teller = Teller(Arc::new(Mutex::new(stream.try_clone()?)));
    let mut child = match start(&order) {
        Ok(child) => child,
        Err(error) => return teller.tell(&Said::Refused(format!("{}: {error}", order.words[0]))),
    };
    let mut input = child.stdin.take().expect("it is piped");
    // A program that does not read to the end is no failure of ours.
    let _ = input.write_all(order.input.as_bytes());
    drop(input);
    let out = teller.carry(child.stdout.take().expect("it is piped"), Said::Out);
    let err = teller.carry(child.stderr.take().expect("it is piped"), Said::Err);
    let child = Arc::new(Mutex::new(child));
    let watched = Arc::clone(&child);
    thread::spawn(move || {
        let _ = reader.read_to_end(&mut Vec::new());
        // Ended already: then there is nothing to end.
        let _ = watched.lock().unwrap_or_else(PoisonError::into_inner).kill();
    });
    // Both end with the program.
    let _ = (out.join(), err.join());
    let status = child.lock().unwrap_or_else(PoisonError::into_inner).wait()?;
    teller.tell(&Said::Ended(status.code()))
}

fn start(order: &Order) -> io::Result<Child> {
    let (program, arguments) =
        order.words.split_first().ok_or_else(|| io::Error::other("no program is named"))?;
    let mut command = Command::new(program);
    command.args(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()
}

/// The way back.
#[derive(Clone)]
struct Teller(Arc<Mutex<TcpStream>>);

impl Teller {
    fn tell(&self, said: &Said) -> io::Result<()> {
        let mut line = serde_json::to_vec(said)?;
        line.push(b'\n');
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write_all(&line)
    }

    fn carry(
        &self,
        from: impl Read + Send + 'static,
        as_what: fn(String) -> Said,
    ) -> thread::JoinHandle<()> {
        let teller = self.clone();
        thread::spawn(move || {
            for line in BufReader::new(from).split(b'\n') {
                let Ok(line) = line else { return };
                let text = String::from_utf8_lossy(&line).into_owned();
                // Read on even when nobody listens, or the program would stand still.
                let _ = teller.tell(&as_what(text));
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

/// A program that runs until this is dropped.
pub struct Running {
    stream: TcpStream,
    /// When each line came, and the line, as long as somebody takes them.
    lines: Receiver<(Instant, String)>,
    log: Arc<Mutex<Vec<String>>>,
}

impl Running {
    /// The moment of the next line for which `fits` holds; `None` if there is none in that time.
    pub fn wait_for(&self, patience: Duration, fits: impl Fn(&str) -> bool) -> Option<Instant> {
        let deadline = Instant::now() + patience;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let (at, line) = self.lines.recv_timeout(left).ok()?;
            if fits(&line) {
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
        // This is what ends the program; a connection that is gone has done it already.
        let _ = self.stream.shutdown(Shutdown::Both);
    }
}

/// The hands, as the story uses them.
#[derive(Clone, Copy)]
pub struct Hands(SocketAddr);

impl Hands {
    /// Those at the demo's own address.
    pub fn new() -> Self {
        Self(HANDS)
    }

    /// Waits until they are there; `alive` says whether they can still come.
    pub fn wait(patience: Duration, mut alive: impl FnMut() -> bool) -> anyhow::Result<Self> {
        let deadline = Instant::now() + patience;
        while TcpStream::connect_timeout(&HANDS, Duration::from_secs(1)).is_err() {
            ensure!(alive(), "the machine has ended");
            ensure!(Instant::now() < deadline, "the machine is not up after {patience:?}");
            // There is nothing to wait for: the other side of the wire may not exist yet.
            thread::sleep(Duration::from_millis(50));
        }
        Ok(Self::new())
    }

    fn order(self, words: &[&str], input: &str) -> anyhow::Result<TcpStream> {
        let calling = || format!("cannot reach the machine to run {}", words.join(" "));
        let mut stream = TcpStream::connect(self.0).with_context(calling)?;
        let words = words.iter().map(|word| (*word).to_owned()).collect();
        let order = Order { words, input: input.to_owned() };
        let mut line = serde_json::to_vec(&order).expect("an order is texts");
        line.push(b'\n');
        stream.write_all(&line).with_context(calling)?;
        Ok(stream)
    }

    /// Runs a program to its end, whatever that is.
    pub fn attempt(self, words: &[&str], input: &str) -> anyhow::Result<Done> {
        let stream = self.order(words, input)?;
        stream.set_read_timeout(Some(PATIENCE)).context("no timeout on the machine's wire")?;
        let (mut out, mut err) = (String::new(), String::new());
        for line in BufReader::new(&stream).lines() {
            let line = line.with_context(|| format!("no end of {}", words.join(" ")))?;
            match serde_json::from_str(&line).context("the machine's hands speak otherwise")? {
                Said::Out(text) => out.extend([&text, "\n"]),
                Said::Err(text) => err.extend([&text, "\n"]),
                Said::Ended(status) => return Ok(Done { status, out, err }),
                Said::Refused(why) => bail!("{why}"),
            }
        }
        bail!("the machine ended while it ran {}", words.join(" "))
    }

    /// Runs a program that must end with exit status 0; what it wrote to stdout.
    pub fn run(self, words: &[&str], input: &str) -> anyhow::Result<String> {
        let done = self.attempt(words, input)?;
        ensure!(done.status == Some(0), "{}: {}", words.join(" "), done.err.trim());
        Ok(done.out)
    }

    /// Starts a program.
    pub fn start(self, words: &[&str]) -> anyhow::Result<Running> {
        let stream = self.order(words, "")?;
        let reading = stream.try_clone().context("cannot listen to the machine")?;
        let (sender, lines) = channel();
        let log: Arc<Mutex<Vec<String>>> = Arc::default();
        let kept = Arc::clone(&log);
        thread::spawn(move || {
            for line in BufReader::new(reading).lines() {
                let Ok(line) = line else { return };
                let text = match serde_json::from_str(&line) {
                    Ok(Said::Out(text) | Said::Err(text) | Said::Refused(text)) => text,
                    Ok(Said::Ended(status)) => format!("(ended: {status:?})"),
                    Err(error) => format!("(not understood: {error})"),
                };
                kept.lock().unwrap_or_else(PoisonError::into_inner).push(text.clone());
                // Not everybody takes the lines.
                let _ = sender.send((Instant::now(), text));
            }
        });
        Ok(Running { stream, lines, log })
    }
}

/// Runs a program in one of the demo's places, for a person who looks around.
pub fn look(place: &str, words: &[String]) -> anyhow::Result<ExitCode> {
    // Elsewhere that address may be anybody's, and this order is not for everybody.
    let is_stage = UdpSocket::bind((SERVER_ADDRESS, 0)).is_ok();
    ensure!(is_stage, "this is not the demo's network: enter it as `linkway demo --keep` tells");
    let mut line = vec!["ip", "netns", "exec", place];
    line.extend(words.iter().map(String::as_str));
    let stream = Hands::new().order(&line, "")?;
    for said in BufReader::new(&stream).lines() {
        let said = said.context("the demo has ended")?;
        match serde_json::from_str(&said).context("the machine's hands speak otherwise")? {
            Said::Out(text) => crate::admin::print(&format!("{text}\n")),
            Said::Err(text) => eprintln!("{text}"),
            Said::Ended(Some(0)) => return Ok(ExitCode::SUCCESS),
            Said::Ended(_) => return Ok(ExitCode::FAILURE),
            Said::Refused(why) => bail!("{why}"),
        }
    }
    bail!("the demo has ended")
}
