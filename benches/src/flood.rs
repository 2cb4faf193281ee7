//! A stranger's flood, and what it costs a tenant: the tenant's latency in turns without and with it, in one run.
//!
//! The flood comes from addresses of its own and shares the cores with the server, so it is paced: what it takes of a core
//! is a figure of its own, and what it leaves over is the server's to divide between the stranger and the tenant.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use serde_json::json;
use socket2::{Domain, Protocol, Socket, Type};

use crate::Plan;
use crate::process::Process;
use crate::report::{Report, median};
use crate::requests::{self, Key};
use crate::rounds::{Contender, Turn};
use crate::seed::{Extent, Population};
use crate::workload;

/// What the stranger does in a second.
const RATE: u32 = 1_000;
/// Addresses that the flood comes from.
const ADDRESSES: u8 = 32;
/// Kept-alive connections for what is answered.
const KEPT: usize = 64;
/// Sockets that are held at one time: silent ones, those with an unfinished body, those whose answers nobody reads.
const HELD: [usize; 3] = [512, 160, 96];
/// Unsigned requests behind each other whose answers nobody reads.
const UNREAD: usize = 16;
/// How long the flood goes on before a turn is measured.
const RISE: Duration = Duration::from_millis(1500);
/// The tenant's connections: fewer than would keep the cores busy with waiting alone.
const CONNECTIONS: usize = 4;
/// How much longer the tenant's median may be.
const BAR: f64 = 2.0;

/// A flood that goes on until it is stopped.
struct Flood {
    over: Arc<AtomicBool>,
    thread: JoinHandle<Result<Did>>,
}

/// What a flood did.
struct Did {
    events: u32,
    elapsed: Duration,
    cpu: Duration,
}

impl Flood {
    fn start(target: SocketAddr, population: &Population) -> Result<Self> {
        let mut stranger = Stranger::new(target, population)?;
        let over = Arc::new(AtomicBool::new(false));
        let is_over = Arc::clone(&over);
        let thread = thread::spawn(move || stranger.run(&is_over));
        Ok(Self { over, thread })
    }

    fn stop(self) -> Result<Did> {
        self.over.store(true, Ordering::Relaxed);
        self.thread.join().unwrap_or_else(|_| Err(anyhow!("the flood's thread panicked")))
    }
}

/// The flood's sockets, and what they send.
struct Stranger {
    target: SocketAddr,
    /// With signatures of keys that exist, by another secret.
    forged: Vec<Vec<u8>>,
    unsigned: Vec<u8>,
    unfinished: Vec<u8>,
    unread: Vec<u8>,
    kept: Vec<Option<TcpStream>>,
    held: [VecDeque<TcpStream>; 3],
    opened: u32,
}

impl Stranger {
    fn new(target: SocketAddr, population: &Population) -> Result<Self> {
        let ask = |key: &Key| requests::signed(key, "DescribeConnections", &json!({}));
        let forge = |key: &Key| ask(&Key { id: key.id.clone(), secret: "x".repeat(40) });
        let tenants = population.tenants.iter().take(KEPT);
        let forged = tenants.map(|tenant| forge(&tenant.key)).collect::<Result<Vec<_>>>()?;
        let head = "POST / HTTP/1.1\r\nhost: bench.invalid\r\ncontent-type: application/x-amz-json-1.1\r\n\
                    x-amz-target: OvertureService.DescribeConnections\r\n";
        let unsigned = format!("{head}content-length: 2\r\n\r\n{{}}").into_bytes();
        // It names a key, so that it is not refused for having none.
        let signed = String::from_utf8(forged.first().context("there are tenants")?.clone())?;
        let unfinished = signed.replace("content-length: 2\r\n", "content-length: 200000\r\n");
        Ok(Self {
            target,
            unread: unsigned.repeat(UNREAD),
            unsigned,
            unfinished: unfinished.into_bytes(),
            forged,
            kept: (0..KEPT).map(|_| None).collect(),
            held: [const { VecDeque::new() }; 3],
            opened: 0,
        })
    }

    fn run(&mut self, over: &AtomicBool) -> Result<Did> {
        let (began, cpu) = (Instant::now(), thread_cpu()?);
        let mut events = 0;
        while !over.load(Ordering::Relaxed) {
            let due = began + Duration::from_secs(1) * events / RATE;
            thread::sleep(due.saturating_duration_since(Instant::now()));
            self.event(events);
            events += 1;
        }
        Ok(Did { events, elapsed: began.elapsed(), cpu: thread_cpu()? - cpu })
    }

    /// One of the things that strangers do. What the server refuses is what a flood expects.
    fn event(&mut self, nth: u32) {
        let at = nth as usize;
        match at % 10 {
            0..4 => {
                let request = self.forged[at % self.forged.len()].clone();
                self.ask(at % KEPT, &request);
            }
            4..7 => {
                let request = self.unsigned.clone();
                self.ask(at % KEPT, &request);
            }
            7 => self.hold(0, &[]),
            8 => self.hold(1, &self.unfinished.clone()),
            _ => self.hold(2, &self.unread.clone()),
        }
    }

    /// Sends a request on a kept-alive connection, after what has come there.
    fn ask(&mut self, slot: usize, request: &[u8]) {
        let kept = self.kept[slot].take().filter(|stream| !is_ended(stream));
        let Some(mut stream) = kept.or_else(|| self.open().ok()) else { return };
        if stream.write_all(request).is_ok() {
            self.kept[slot] = Some(stream);
        }
    }

    /// Opens a socket and holds it; the oldest of its kind goes.
    fn hold(&mut self, kind: usize, begin: &[u8]) {
        let Ok(mut stream) = self.open() else { return };
        if stream.write_all(begin).is_err() {
            return;
        }
        self.held[kind].push_back(stream);
        if self.held[kind].len() > HELD[kind] {
            self.held[kind].pop_front();
        }
    }

    fn open(&mut self) -> std::io::Result<TcpStream> {
        self.opened += 1;
        let host = (self.opened % u32::from(ADDRESSES)) as u8 + 1;
        let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
        socket.bind(&SocketAddr::from((Ipv4Addr::new(127, 0, 1, host), 0)).into())?;
        socket.connect_timeout(&self.target.into(), Duration::from_millis(100))?;
        socket.set_nonblocking(true)?;
        Ok(socket.into())
    }
}

/// Takes what has come; whether the other end has closed.
fn is_ended(mut stream: &TcpStream) -> bool {
    let mut buffer = [0; 4096];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(error) => return error.kind() != ErrorKind::WouldBlock,
        }
    }
}

/// The CPU time of this thread.
fn thread_cpu() -> Result<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanos = text.split_whitespace().next().context("schedstat has a time")?;
    Ok(Duration::from_nanos(nanos.parse()?))
}

/// The tenant's turns of one operation.
#[derive(Default)]
struct Turns {
    quiet: Vec<Turn>,
    flooded: Vec<Turn>,
}

/// Measures a tenant's latency without and with the flood, in turns.
///
/// # Errors
///
/// The tenant is not answered, or wrongly; the flood falls behind its pace by more than a half.
pub fn measure(
    report: &mut Report,
    plan: &Plan,
    server: &Process,
    (population, extent): (&Population, Extent),
) -> Result<()> {
    let mut describe = Contender::new(server, workload::describes(population, extent));
    let mut allocate = Contender::new(server, workload::allocations(population, extent));
    let mut of = [Turns::default(), Turns::default()];
    let mut floods = Vec::new();
    for round in 0..=plan.rounds {
        for (contender, turns) in [&mut describe, &mut allocate].into_iter().zip(&mut of) {
            let quiet = contender.turn_with(CONNECTIONS, plan.turn).context("without the flood")?;
            let flood = Flood::start(server.address, population)?;
            thread::sleep(RISE);
            let flooded = contender.turn_with(CONNECTIONS, plan.turn).context("in the flood")?;
            floods.push(flood.stop()?);
            ensure!(
                flooded.answers > 0.0,
                "in the flood nothing was answered within {:?}",
                plan.turn
            );
            // The first round warms up.
            if round > 0 {
                turns.quiet.push(quiet);
                turns.flooded.push(flooded);
            }
        }
    }
    let seconds: f64 = floods.iter().map(|did| did.elapsed.as_secs_f64()).sum();
    let events = floods.iter().map(|did| f64::from(did.events)).sum::<f64>() / seconds;
    let cpu = floods.iter().map(|did| did.cpu.as_secs_f64()).sum::<f64>() / seconds;
    anyhow::ensure!(
        events * 2.0 > f64::from(RATE),
        "the flood made only {events:.0} events a second"
    );
    report.figure("flood: what the stranger does", events, "1/s");
    report.figure("flood: the generator's part of a core", cpu, "ratio");
    for (name, turns) in ["Describe", "Allocate"].into_iter().zip(&of) {
        figures(report, name, turns);
    }
    Ok(())
}

fn figures(report: &mut Report, name: &str, Turns { quiet, flooded }: &Turns) {
    let of = |turns: &[Turn], figure: fn(&Turn) -> f64| {
        median(&turns.iter().map(figure).collect::<Vec<_>>())
    };
    for (percentile, figure) in
        [("median", (|turn| turn.median_ms) as fn(&Turn) -> f64), ("99 %", |turn| turn.p99_ms)]
    {
        let (without, with) = (of(quiet, figure), of(flooded, figure));
        report.figure(format!("{name} alone: latency, {percentile}"), without, "ms");
        report.figure(format!("{name} in the flood: latency, {percentile}"), with, "ms");
        let name = format!("(e) {name} in the flood / alone, {percentile}");
        match percentile {
            "median" => report.at_most(BAR, name, with / without, "ratio"),
            _ => report.figure(name, with / without, "ratio"),
        }
    }
}
