//! The API at one of the two listeners: calls of operations, health, and metrics.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Method, StatusCode, header};
use linkway_domain::fault::shown;
use linkway_wire::error::Code;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::operation::Callers;
use super::protocol::Protocol;
use super::{Api, table};
use crate::http::{Handler, Refusal, Request, Response, respond};
use crate::telemetry::Format;

/// Answers with metrics that may be unread at a time.
const MOST_SCRAPES: usize = 16;
/// From so many on they share one text, which is as old as this at most.
const SHARED_FROM: usize = 4;
const FRESH: Duration = Duration::from_secs(1);

/// Whom a listener is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Side {
    /// Tenants and edges, and the operator unless `admin_listen` says where the operator calls.
    Public {
        /// Whether the operator's operations are answered.
        operator: bool,
    },
    /// The operator and those that watch the server.
    Admin(Watchers),
}

/// The metrics, and who may read them.
#[derive(Clone, Debug)]
pub struct Watchers {
    /// Names by which the listener is reached, besides addresses and `localhost`.
    hosts: Arc<[String]>,
    /// What was rendered last, in which format, and when.
    last: Arc<Mutex<Option<(Format, Instant, Bytes)>>>,
    scrapes: Arc<Semaphore>,
}

impl PartialEq for Watchers {
    fn eq(&self, other: &Self) -> bool {
        self.hosts == other.hosts
    }
}

impl Eq for Watchers {}

impl Watchers {
    /// With the names that a `Host` header may have.
    #[must_use]
    pub fn new(hosts: &[String]) -> Self {
        let scrapes = Arc::new(Semaphore::new(MOST_SCRAPES));
        Self { hosts: hosts.into(), last: Arc::default(), scrapes }
    }

    /// Whether a request is meant for this server. A page of another site, whose name its owner made an address of this
    /// machine, has a browser send that name ("DNS rebinding").
    fn knows(&self, request: &Request) -> bool {
        let Some(host) = request.header(header::HOST) else { return false };
        let Ok(authority) = host.parse::<http::uri::Authority>() else { return false };
        let name = authority.host().trim_end_matches('.');
        let bare = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(name);
        bare.parse::<std::net::IpAddr>().is_ok()
            || name.eq_ignore_ascii_case("localhost")
            || self.hosts.iter().any(|known| known.eq_ignore_ascii_case(name))
    }

    /// The metrics: as they are, or as they just were where many ask and few read.
    fn text(&self, format: Format, render: impl FnOnce() -> String) -> Bytes {
        let shared = MOST_SCRAPES - self.scrapes.available_permits() >= SHARED_FROM;
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        match &*last {
            Some((of, when, text)) if *of == format && shared && when.elapsed() < FRESH => {
                text.clone()
            }
            Some(_) | None => {
                let text = Bytes::from(render());
                *last = Some((format, Instant::now(), text.clone()));
                text
            }
        }
    }

    fn scrape(&self, request: &Request, render: impl FnOnce() -> String) -> Response {
        let Ok(permit) = Arc::clone(&self.scrapes).try_acquire_owned() else {
            return respond::error(
                StatusCode::SERVICE_UNAVAILABLE,
                Code::ServiceUnavailable.as_str(),
                "Too many answers with metrics are unread.",
            );
        };
        let accept = request.headers.get(header::ACCEPT);
        let format = Format::accepted(accept.and_then(|accept| accept.to_str().ok()));
        let text = self.text(format, || format.of(render()));
        let text = Bytes::from_owner(Scrape { text, _permit: permit });
        respond::text(StatusCode::OK, format.content_type(), text)
    }
}

/// An answer with metrics, as long as it is in memory.
struct Scrape {
    text: Bytes,
    _permit: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Scrape {
    fn as_ref(&self) -> &[u8] {
        &self.text
    }
}

impl Side {
    /// Whether operations for these callers are answered here.
    #[must_use]
    pub fn serves(&self, callers: Callers) -> bool {
        match (self, callers) {
            (Self::Public { operator }, Callers::Operator | Callers::Admin) => *operator,
            (Self::Public { .. }, Callers::Accounts | Callers::Edges) => true,
            (Self::Admin(_), callers) => match callers {
                Callers::Operator | Callers::Admin => true,
                Callers::Accounts | Callers::Edges => false,
            },
        }
    }
}

/// The API as the handler of a listener.
pub struct Endpoint {
    /// The API.
    pub api: Arc<Api>,
    /// Whom the listener is for.
    pub side: Side,
}

impl Endpoint {
    fn page(&self, request: &Request) -> Response {
        match (&request.method, request.path()) {
            (&Method::GET | &Method::HEAD, "/healthz") => plain(StatusCode::OK, "ok\n"),
            (&Method::GET | &Method::HEAD, "/readyz") => match self.api.readiness() {
                Ok(()) => plain(StatusCode::OK, "ready\n"),
                Err(why) => plain(StatusCode::SERVICE_UNAVAILABLE, why),
            },
            (&Method::GET, "/metrics") => match &self.side {
                Side::Admin(watchers) if watchers.knows(request) => {
                    watchers.scrape(request, || self.api.scrape())
                }
                Side::Admin(_) => respond::error(
                    StatusCode::FORBIDDEN,
                    Code::AccessDeniedException.as_str(),
                    "The header host must be an address, localhost, or one of the setting admin_hosts.",
                ),
                Side::Public { .. } => respond::error(
                    StatusCode::NOT_FOUND,
                    Code::UnknownOperationException.as_str(),
                    "Metrics are at the address of the setting admin_listen.",
                ),
            },
            (_, "/") => respond::error(
                StatusCode::METHOD_NOT_ALLOWED,
                Code::UnknownOperationException.as_str(),
                "The API is POST / with a header x-amz-target; /healthz and /readyz answer to GET.",
            ),
            (_, path) => respond::error(
                StatusCode::NOT_FOUND,
                Code::UnknownOperationException.as_str(),
                &format!("There is nothing at {}: the API is POST /.", shown(path)),
            ),
        }
    }
}

impl Handler for Endpoint {
    async fn admit(&self, request: &Request) -> Result<(), Response> {
        match Protocol::of(request) {
            Some(protocol) => self.api.admit(protocol, request).await,
            None => Err(Refusal::BodyTooLarge { max: 0 }.response()),
        }
    }

    async fn handle(&self, request: Request) -> Response {
        match Protocol::of(&request) {
            // Boxed: every layer above moves this future, which is as large as the largest operation.
            Some(protocol) => Box::pin(self.api.call(&self.side, protocol, request)).await,
            None => self.page(&request),
        }
    }

    fn time_limit(&self, request: &Request) -> Option<Duration> {
        table::row(Protocol::of(request)?.target(request).ok()?).time_limit
    }
}

fn plain(status: StatusCode, text: &'static str) -> Response {
    respond::text(status, "text/plain; charset=utf-8", text)
}
