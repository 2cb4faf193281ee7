//! The load generator: epoll, keep-alive connections that each wait for their answer before they
//! send the next request. It shares the cores with the measured server, so it does little: requests
//! are signed beforehand, and of an answer it reads the status, the length and whether a marker is in
//! the body. It has a thread for each core, so that it is not slower than the server.

use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use memchr::memmem::{self, Finder};
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

/// The longest wait for outstanding answers at the end of a round.
const DRAIN: Duration = Duration::from_secs(30);

/// Requests, ready to be sent, and what must be in each answer's body.
pub struct Requests {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    marker: Finder<'static>,
    next: AtomicUsize,
    repeat: bool,
}

impl Requests {
    /// Empty. With `repeat` the requests are sent again from the first; otherwise a round ends with the last.
    pub fn new(marker: &str, repeat: bool) -> Self {
        let marker = Finder::new(marker).into_owned();
        Self { bytes: Vec::new(), ends: Vec::new(), marker, next: AtomicUsize::new(0), repeat }
    }

    /// Adds a request.
    pub fn push(&mut self, request: &[u8]) {
        self.bytes.extend_from_slice(request);
        self.ends.push(self.bytes.len());
    }

    /// How many requests were sent.
    pub fn sent(&self) -> usize {
        self.next.load(Ordering::Relaxed).min(self.ends.len())
    }

    fn take(&self) -> Option<usize> {
        let index = self.next.fetch_add(1, Ordering::Relaxed);
        let index = if self.repeat { index % self.ends.len() } else { index };
        (index < self.ends.len()).then_some(index)
    }

    fn get(&self, index: usize) -> &[u8] {
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.bytes[start..self.ends[index]]
    }
}

/// The result of a round.
#[derive(Clone, Debug)]
pub struct Round {
    /// Correct answers within the time.
    pub answers: usize,
    /// Its duration.
    pub elapsed: Duration,
    /// The latency of each answer, in microseconds, ascending.
    pub latencies: Vec<u32>,
}

impl Round {
    /// Answers a second.
    pub fn rate(&self) -> f64 {
        self.answers as f64 / self.elapsed.as_secs_f64()
    }

    /// A quantile of the latency, in milliseconds; `share` is from 0 to 1.
    pub fn latency(&self, share: f64) -> f64 {
        let last = self.latencies.len().saturating_sub(1);
        let at = (last as f64 * share).round() as usize;
        self.latencies.get(at).map_or(0.0, |micros| f64::from(*micros) / 1000.0)
    }
}

/// Sends requests over `connections` connections for `time`.
///
/// # Errors
///
/// A connection fails, or an answer is not 200 with the marker.
pub fn run(
    target: SocketAddr,
    connections: usize,
    time: Duration,
    requests: &Requests,
) -> Result<Round> {
    let threads = thread::available_parallelism()?.get().min(connections);
    let share = |nth: usize| connections / threads + usize::from(nth < connections % threads);
    let rounds: Vec<Result<Round>> = thread::scope(|scope| {
        let spawn = |nth| scope.spawn(move || run_share(target, share(nth), time, requests));
        let running: Vec<_> = (0..threads).map(spawn).collect();
        let join = |thread: thread::ScopedJoinHandle<'_, _>| {
            thread.join().unwrap_or_else(|_| bail!("a thread of the load generator panicked"))
        };
        running.into_iter().map(join).collect()
    });
    let mut whole = Round { answers: 0, elapsed: Duration::ZERO, latencies: Vec::new() };
    for round in rounds {
        let round = round?;
        whole.answers += round.answers;
        whole.elapsed = whole.elapsed.max(round.elapsed);
        whole.latencies.extend(round.latencies);
    }
    whole.latencies.sort_unstable();
    Ok(whole)
}

fn run_share(
    target: SocketAddr,
    connections: usize,
    time: Duration,
    requests: &Requests,
) -> Result<Round> {
    let mut poll = Poll::new()?;
    let mut open = Vec::with_capacity(connections);
    for index in 0..connections {
        open.push(Connection::open(&poll, target, Token(index))?);
    }
    let mut buffer = vec![0; 64 * 1024];
    let mut latencies = Vec::with_capacity(1 << 16);
    let began = Instant::now();
    let end = began + time;
    let mut busy = 0;
    for connection in &mut open {
        busy += usize::from(connection.send_next(requests)?);
    }
    let mut events = Events::with_capacity(connections);
    let mut elapsed = None;
    while busy > 0 {
        poll.poll(&mut events, Some(DRAIN))?;
        if events.is_empty() {
            bail!("{busy} requests to {target} were not answered within {DRAIN:?}");
        }
        for event in &events {
            let connection = &mut open[event.token().0];
            if event.is_writable() {
                connection.flush(requests)?;
            }
            if !event.is_readable() || !connection.receive(&mut buffer, requests)? {
                continue;
            }
            let now = Instant::now();
            busy -= 1;
            if now <= end {
                latencies.push(
                    u32::try_from((now - connection.sent_at).as_micros()).unwrap_or(u32::MAX),
                );
                connection.reopen_if_closing(&poll, target, event.token())?;
                busy += usize::from(connection.send_next(requests)?);
            }
            if busy == 0 || now > end {
                elapsed.get_or_insert(now.min(end) - began);
            }
        }
    }
    let elapsed = elapsed.unwrap_or(time);
    Ok(Round { answers: latencies.len(), elapsed, latencies })
}

struct Connection {
    stream: TcpStream,
    /// The outstanding request, and how many bytes of it were written.
    current: Option<(usize, usize)>,
    sent_at: Instant,
    /// The first part of an answer that did not arrive in one piece.
    partial: Vec<u8>,
    closing: bool,
}

impl Connection {
    fn open(poll: &Poll, target: SocketAddr, token: Token) -> Result<Self> {
        let stream = std::net::TcpStream::connect(target)
            .with_context(|| format!("connecting to {target}"))?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        let mut stream = TcpStream::from_std(stream);
        poll.registry().register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
        Ok(Self {
            stream,
            current: None,
            sent_at: Instant::now(),
            partial: Vec::new(),
            closing: false,
        })
    }

    /// Reconnects if the server closes the connection after each answer.
    fn reopen_if_closing(&mut self, poll: &Poll, target: SocketAddr, token: Token) -> Result<()> {
        if self.closing {
            *self = Self::open(poll, target, token)?;
        }
        Ok(())
    }

    /// Sends the next request; false if there is none.
    fn send_next(&mut self, requests: &Requests) -> Result<bool> {
        let Some(index) = requests.take() else { return Ok(false) };
        self.current = Some((index, 0));
        self.sent_at = Instant::now();
        self.flush(requests)?;
        Ok(true)
    }

    fn flush(&mut self, requests: &Requests) -> Result<()> {
        let Some((index, written)) = &mut self.current else { return Ok(()) };
        let request = requests.get(*index);
        while *written < request.len() {
            match self.stream.write(&request[*written..]) {
                Ok(more) => *written += more,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error).context("sending a request"),
            }
        }
        Ok(())
    }

    /// Reads available bytes; whether they complete a correct answer.
    fn receive(&mut self, buffer: &mut [u8], requests: &Requests) -> Result<bool> {
        if self.current.is_none() {
            return Ok(false);
        }
        loop {
            let read = match self.stream.read(buffer) {
                Ok(0) => bail!("the server closed a connection instead of answering"),
                Ok(read) => &buffer[..read],
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error).context("receiving an answer"),
            };
            let whole = if self.partial.is_empty() {
                read
            } else {
                self.partial.extend_from_slice(read);
                &self.partial
            };
            if let Some(answer) = Answer::parse(whole)? {
                answer.check(&requests.marker)?;
                self.closing = answer.closing;
                self.partial.clear();
                self.current = None;
                return Ok(true);
            }
            if self.partial.is_empty() {
                self.partial.extend_from_slice(read);
            }
        }
    }
}

/// A complete answer.
struct Answer<'a> {
    status: &'a [u8],
    closing: bool,
    body: &'a [u8],
}

impl<'a> Answer<'a> {
    /// `None` if it is incomplete.
    fn parse(bytes: &'a [u8]) -> Result<Option<Self>> {
        let Some(end) = memmem::find(bytes, b"\r\n\r\n") else { return Ok(None) };
        let (head, body) = (&bytes[..end], &bytes[end + 4..]);
        let (mut length, mut closing) = (None, head.starts_with(b"HTTP/1.0"));
        for line in head.split(|byte| *byte == b'\n').skip(1) {
            if let Some(value) = value_of(line, "content-length") {
                length = value.parse::<usize>().ok();
            } else if let Some(value) = value_of(line, "connection") {
                closing = value.eq_ignore_ascii_case("close");
            }
        }
        let length = length.context("an answer has no content-length")?;
        let status = head.get(9..12).context("an answer has no status")?;
        Ok((body.len() >= length).then(|| Self { status, closing, body: &body[..length] }))
    }

    fn check(&self, marker: &Finder<'_>) -> Result<()> {
        if self.status == b"200" && marker.find(self.body).is_some() {
            return Ok(());
        }
        let (status, body) =
            (String::from_utf8_lossy(self.status), String::from_utf8_lossy(self.body));
        let shown: String = body.chars().take(300).collect();
        bail!("an answer is not the one expected: {status} {shown}")
    }
}

/// The value of a header line, if it has this name.
fn value_of<'a>(line: &'a [u8], name: &str) -> Option<&'a str> {
    let rest = line.get(name.len()..)?;
    let named =
        line[..name.len()].eq_ignore_ascii_case(name.as_bytes()) && rest.first() == Some(&b':');
    if named { str::from_utf8(&rest[1..]).ok().map(str::trim) } else { None }
}

/// Sends one request; the body of the answer.
///
/// # Errors
///
/// The connection fails, or the answer's status is not 200.
pub fn once(target: SocketAddr, request: &[u8]) -> Result<String> {
    let mut stream = std::net::TcpStream::connect(target)?;
    stream.set_read_timeout(Some(DRAIN))?;
    stream.write_all(request)?;
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        if let Some(answer) = Answer::parse(&bytes)? {
            answer.check(&Finder::new(""))?;
            return Ok(String::from_utf8(answer.body.to_vec())?);
        }
        match stream.read(&mut buffer)? {
            0 => bail!("{target} closed the connection instead of answering"),
            read => bytes.extend_from_slice(&buffer[..read]),
        }
    }
}
