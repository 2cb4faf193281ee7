//! A server with a handler that does what the path says, and a client that speaks raw HTTP.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use linkway_server::http::respond;
use linkway_server::http::{Handler, Limits, Options, Proxies, Request, Response, Stopped, serve};
use linkway_server::telemetry::Telemetry;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// No test waits longer than this for anything.
pub const PATIENCE: Duration = Duration::from_secs(30);

pub struct TestHandler {
    /// `/gate` waits for a permit.
    pub gate: Arc<Semaphore>,
    /// `/gate` adds one when it has begun.
    pub begun: Arc<Semaphore>,
}

impl Handler for TestHandler {
    // Not an async fn: `/panic-at-once` is to panic before there is a future.
    #[allow(clippy::manual_async_fn)]
    fn handle(&self, request: Request) -> impl Future<Output = Response> + Send {
        assert_ne!(request.path(), "/panic-at-once", "asked for");
        async move {
            match request.path() {
                "/panic" => {
                    tokio::task::yield_now().await;
                    panic!("asked for");
                }
                "/hang" | "/hang-briefly" => std::future::pending().await,
                "/gate" => {
                    self.begun.add_permits(1);
                    self.gate.acquire().await.expect("never closed").forget();
                    respond::success("{}")
                }
                "/stream" => {
                    let length = request.query().parse().expect("a length");
                    respond::stream("application/octet-stream", tokio::io::repeat(b'x'), length)
                }
                "/short-stream" => respond::stream("text/plain", tokio::io::empty(), 10),
                "/bytes" => {
                    let length = request.query().parse().expect("a length");
                    respond::text(StatusCode::OK, "text/plain", vec![b'y'; length])
                }
                "/peer" => respond::success(request.peer.ip().to_string()),
                "/error" => respond::error(StatusCode::BAD_REQUEST, "SomeException", "a \"b\" c."),
                _ => {
                    let Request { method, uri, headers, body, .. } = &request;
                    let sum: u64 = body.iter().map(|byte| u64::from(*byte)).sum();
                    let count = headers.len();
                    let length = body.len();
                    respond::success(format!("{method} {uri} {count} {length} {sum}"))
                }
            }
        }
    }

    async fn admit(&self, request: &Request) -> Result<(), Response> {
        match request.path() {
            "/unwanted" => {
                Err(respond::error(StatusCode::FORBIDDEN, "AccessDeniedException", "Not wanted."))
            }
            _ => Ok(()),
        }
    }

    fn time_limit(&self, request: &Request) -> Option<Duration> {
        (request.path() == "/hang-briefly").then_some(Duration::from_millis(50))
    }
}

pub struct Server {
    pub address: SocketAddr,
    pub telemetry: Arc<Telemetry>,
    pub gate: Arc<Semaphore>,
    pub begun: Arc<Semaphore>,
    pub shutdown: CancellationToken,
    pub stopped: JoinHandle<Stopped>,
}

impl Server {
    pub async fn start(limits: Limits) -> Self {
        Self::start_with(limits, None).await
    }

    pub async fn start_with(limits: Limits, tls: Option<Arc<rustls::ServerConfig>>) -> Self {
        Self::start_behind(Proxies::default(), limits, tls).await
    }

    pub async fn start_behind(
        proxies: Proxies,
        limits: Limits,
        tls: Option<Arc<rustls::ServerConfig>>,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let telemetry = Arc::new(Telemetry::new("0", "0"));
        let (gate, begun) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        let handler = TestHandler { gate: Arc::clone(&gate), begun: Arc::clone(&begun) };
        let shutdown = CancellationToken::new();
        let telemetry_too = Arc::clone(&telemetry);
        let options = Options { limits, tls, telemetry: telemetry_too, proxies };
        let stopped = tokio::spawn(serve(listener, options, handler, shutdown.clone()));
        Self { address, telemetry, gate, begun, shutdown, stopped }
    }

    pub async fn connect(&self) -> Client<TcpStream> {
        Client::new(TcpStream::connect(self.address).await.unwrap())
    }

    /// One request on a connection of its own.
    pub async fn answer_to(&self, request: impl AsRef<[u8]>) -> Answer {
        let mut client = self.connect().await;
        client.send(request).await;
        client.answer().await
    }

    pub fn metric(&self, series: &str) -> u64 {
        let text = self.telemetry.render();
        let value = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        value.unwrap_or_else(|| panic!("no {series} in {text}")).parse().unwrap()
    }

    pub fn refused(&self, reason: &str) -> u64 {
        self.metric(&format!("linkway_http_refused_total{{reason=\"{reason}\"}}"))
    }

    /// Waits until there are this many connections.
    pub async fn has_connections(&self, count: u64) {
        let mut ticks = tokio::time::interval(Duration::from_millis(2));
        while self.metric("linkway_http_connections") != count {
            ticks.tick().await;
        }
    }
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HashMap<String, String>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub fn closes(&self) -> bool {
        self.headers.get("connection").is_some_and(|value| value == "close")
    }

    /// Asserts that it is an AWS JSON error with all that clients look at.
    pub fn assert_error(&self, status: u16, code: &str, what: &str) {
        assert_eq!(self.status, status, "{what}: {self:?}");
        assert_eq!(self.headers["content-type"], "application/json", "{what}");
        assert_eq!(self.headers["x-amzn-errortype"], code, "{what}");
        let body: HashMap<String, String> = serde_json::from_slice(&self.body).unwrap();
        assert_eq!(body["__type"], code, "{what}");
        assert!(!body["message"].is_empty(), "{what}: {body:?}");
        self.assert_request_id(what);
    }

    pub fn assert_request_id(&self, what: &str) {
        let id = &self.headers["x-amzn-requestid"];
        assert_eq!(id, &self.headers["x-amz-requestid"], "{what}");
        let groups: Vec<usize> = id.split('-').map(str::len).collect();
        assert_eq!(groups, [8, 4, 4, 4, 12], "{what}: {id}");
        assert!(id.chars().all(|c| c == '-' || c.is_ascii_hexdigit()), "{what}: {id}");
        assert_eq!(&id[14..15], "4", "{what}: {id}");
    }
}

pub struct Client<I> {
    pub io: BufReader<I>,
}

impl<I: AsyncRead + AsyncWrite + Unpin> Client<I> {
    pub fn new(io: I) -> Self {
        Self { io: BufReader::new(io) }
    }

    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.io.write_all(bytes.as_ref()).await.unwrap();
        self.io.flush().await.unwrap();
    }

    /// Reads some of what has come, if anything has.
    pub async fn take(&mut self, most: usize) {
        let mut buffer = vec![0; most];
        let read = self.io.get_mut().read(&mut buffer);
        let _ = tokio::time::timeout(Duration::from_millis(10), read).await;
    }

    pub async fn answer(&mut self) -> Answer {
        self.try_answer().await.unwrap()
    }

    pub async fn try_answer(&mut self) -> io::Result<Answer> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.io.read_u8().await?);
        }
        let head = String::from_utf8(head).unwrap();
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers: HashMap<String, String> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
            .collect();
        let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
        let mut body = vec![0; length];
        self.io.read_exact(&mut body).await?;
        Ok(Answer { status, headers, body })
    }

    /// Asserts that the other side closes in order, with nothing more to say.
    pub async fn assert_closed(&mut self, what: &str) {
        let mut rest = Vec::new();
        let outcome = self.io.read_to_end(&mut rest).await;
        assert!(outcome.is_ok() && rest.is_empty(), "{what}: {outcome:?} {rest:?}");
    }
}

pub fn get(target: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nhost: h\r\n\r\n")
}

pub fn post(body: &[u8]) -> Vec<u8> {
    let head = format!("POST / HTTP/1.1\r\nhost: h\r\ncontent-length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

/// Runs a test with an end.
pub fn bounded(test: impl Future<Output = ()>) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let outcome = runtime.block_on(async { tokio::time::timeout(PATIENCE, test).await });
    // The runtime is not waited for: a hanging task is to fail the test, not to hang it.
    runtime.shutdown_background();
    outcome.expect("the test takes too long");
}
