//! HTTP/1.1 on a listener: hyper parses, this module bounds. A handler is called with a request
//! that is wholly in memory and answers with a value; time limits, size limits, refusals, panics
//! and shutdown are settled here, so that "whatever bytes arrive, the answer is an API error or a
//! result, within bounded memory and time" does not depend on any operation.

mod admission;
mod bodies;
mod body;
mod connection;
mod io;
mod linger;
mod proxy;
mod refusal;
pub mod respond;
mod server;
mod service;
mod shared;
mod watch;

use std::fmt;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{HeaderName, HeaderValue};
use http::{HeaderMap, Method, StatusCode, Uri};
use tokio::io::AsyncRead;

pub use self::proxy::Proxies;
pub use self::refusal::Refusal;
pub use self::server::{Options, Stopped, serve};

/// What one server allows. Times run from the moment named; reaching one never harms another
/// connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Longest request body, in bytes; a longer one is answered with 413.
    pub max_body_bytes: usize,
    /// Bytes of all request bodies above 16 KiB that are being read or answered; beyond that 503.
    pub max_bodies_bytes: usize,
    /// The same for the connections of one address.
    pub max_bodies_bytes_per_address: usize,
    /// Longest request line plus headers, in bytes; more is answered with 431.
    pub max_header_bytes: usize,
    /// From the first byte of a request to the end of its headers; then 408. The TLS handshake has
    /// the same, and a new connection to its first byte.
    pub header_timeout: Duration,
    /// From the end of the headers to the end of the body; then 408.
    pub body_timeout: Duration,
    /// For the handler, unless [`Handler::time_limit`] says otherwise; then 503.
    pub request_timeout: Duration,
    /// For the client to take its answer, or at least what [`Limits::min_answer_rate`] makes of this time; then the
    /// connection is dropped.
    pub write_timeout: Duration,
    /// The slowest that a client may take its answer, in bytes a second.
    pub min_answer_rate: u64,
    /// A kept-alive connection without a request is closed after this.
    pub idle_timeout: Duration,
    /// Connections at one time. One more takes the place of one that waits for a request; if all are being answered, it
    /// is answered with 503 (plain HTTP) or closed (TLS).
    pub max_connections: usize,
    /// The same for the connections of one address.
    pub max_connections_per_address: usize,
    /// How long requests in flight may take after shutdown was asked for.
    pub shutdown_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_body_bytes: 256 * 1024,
            max_bodies_bytes: 64 * 1024 * 1024,
            max_bodies_bytes_per_address: 16 * 1024 * 1024,
            max_header_bytes: 32 * 1024,
            header_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(30),
            request_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(30),
            min_answer_rate: 16 * 1024,
            idle_timeout: Duration::from_secs(75),
            // With the largest headers and small bodies on each, about 200 MiB.
            max_connections: 4096,
            max_connections_per_address: 1024,
            shutdown_timeout: Duration::from_secs(10),
        }
    }
}

/// A request, wholly read.
#[derive(Debug)]
pub struct Request {
    /// The method as sent.
    pub method: Method,
    /// The target as sent; path and query are raw, as a signature needs them.
    pub uri: Uri,
    /// The headers as sent.
    pub headers: HeaderMap,
    /// The whole body, at most [`Limits::max_body_bytes`].
    pub body: Bytes,
    /// The other end of the connection, or the client that a trusted proxy names.
    pub peer: SocketAddr,
    /// When the headers were complete.
    pub received: Instant,
    /// The id that the answer will carry.
    pub request_id: RequestId,
}

impl Request {
    /// The path as sent, percent-encoding untouched; at least `/`.
    #[must_use]
    pub fn path(&self) -> &str {
        match self.uri.path() {
            "" => "/",
            path => path,
        }
    }

    /// The query as sent without its `?`; empty if there is none.
    #[must_use]
    pub fn query(&self) -> &str {
        self.uri.query().unwrap_or("")
    }

    /// The first value of a header as text; `None` if absent or not visible ASCII.
    #[must_use]
    pub fn header(&self, name: impl http::header::AsHeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// A random UUID (version 4, RFC 9562) that names one request in answers, logs and events.
#[derive(Clone, PartialEq, Eq)]
pub struct RequestId(HeaderValue);

impl RequestId {
    /// A new id. Unique, not secret: it comes from a generator of the thread, not from the system.
    #[must_use]
    pub fn random() -> Self {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        let mut bytes = fastrand::u128(..).to_be_bytes();
        bytes[6] = (bytes[6] & 0x0f) | 0x40;
        bytes[8] = (bytes[8] & 0x3f) | 0x80;
        let mut text = [b'-'; 36];
        let mut at = 0;
        for (index, byte) in bytes.into_iter().enumerate() {
            if matches!(index, 4 | 6 | 8 | 10) {
                at += 1;
            }
            text[at] = HEX[usize::from(byte >> 4)];
            text[at + 1] = HEX[usize::from(byte & 15)];
            at += 2;
        }
        let value = HeaderValue::from_maybe_shared(Bytes::copy_from_slice(&text));
        Self(value.expect("hexadecimal digits and dashes are a header value"))
    }

    /// The id as text, 36 characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.to_str().expect("made of hexadecimal digits and dashes")
    }

    pub(crate) fn header(&self) -> HeaderValue {
        self.0.clone()
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An answer. Request-id headers, length and date are added when it is sent.
/// [`crate::http::respond`] makes the usual ones.
#[derive(Debug)]
pub struct Response {
    /// The status.
    pub status: StatusCode,
    /// Content type of the body.
    pub content_type: HeaderValue,
    /// Further headers.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The body.
    pub body: Body,
    /// Close the connection after this answer.
    pub close: bool,
}

/// The body of an answer.
pub enum Body {
    /// Bytes in memory.
    Full(Bytes),
    /// Exactly `length` bytes from a reader; the connection is cut if it ends early.
    Stream {
        /// Where the bytes come from, for example a `tokio::fs::File`.
        reader: Box<dyn AsyncRead + Send + Unpin>,
        /// How many there are.
        length: u64,
    },
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // Bodies hold secrets (keys of interfaces): only the size may reach a log.
            Self::Full(bytes) => write!(f, "Full({} bytes)", bytes.len()),
            Self::Stream { length, .. } => write!(f, "Stream({length} bytes)"),
        }
    }
}

/// What answers requests.
///
/// The future may be dropped at an await point: when its time limit is reached, when the connection
/// breaks, and when shutdown takes too long. What must not be lost half-way belongs into another
/// task.
pub trait Handler: Send + Sync + 'static {
    /// Whether a body of more than 16 KiB is read for this request, whose body is empty here. Refused is whatever can be
    /// without it, so that a stranger's body takes no memory.
    ///
    /// # Errors
    ///
    /// The answer, if the body is not wanted.
    fn admit(&self, _request: &Request) -> impl Future<Output = Result<(), Response>> + Send {
        async { Ok(()) }
    }

    /// Answers one request. A panic is answered with 500 and counted.
    fn handle(&self, request: Request) -> impl Future<Output = Response> + Send;

    /// How long this request may take; `None` for [`Limits::request_timeout`].
    fn time_limit(&self, _request: &Request) -> Option<Duration> {
        None
    }
}
