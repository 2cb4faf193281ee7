//! One endpoint: authenticate -> throttle -> authorize -> decode -> decide -> commit -> encode -> audit.
//!
//! `OvertureService.*` is for tenants, `Linkway.*` for the operator and for edges. Which operations exist for a caller is
//! decided by the kind of its principal before anything of the request's body is read. [`table`] has what is known of each
//! operation; the handlers are in one file for each resource.

mod access_key;
mod account;
mod audit;
mod authenticate;
mod bgp_peer;
mod call;
mod connection;
mod customer_agreement;
mod database;
mod edge;
mod edge_metrics;
mod event;
mod fabric;
mod failure;
mod feed;
mod location;
mod metrics;
mod offer;
pub mod operation;
mod page;
mod port;
mod protocol;
pub mod table;
mod tag;
mod virtual_gateway;
mod virtual_interface;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::{Method, StatusCode};
use linkway_wire::error::{Code, WireError};
use linkway_wire::operation::Target;
use linkway_wire::sigv4::Policy;
use tokio_util::sync::CancellationToken;

use self::call::Call;
use self::failure::internal;
use self::operation::Effect;
use self::protocol::Protocol;
use crate::audit::journal::Journal;
use crate::clock;
use crate::credentials::Credentials;
use crate::feed::Feed;
use crate::http::{Handler, Request, Response, respond};
use crate::limits::lockout::Lockout;
use crate::limits::throttle::Throttle;
use crate::liveness::Liveness;
use crate::records::Records;
use crate::telemetry::{self, Telemetry};

/// What a handler answers, or an error.
type Answered<T> = Result<T, WireError>;

/// Everything that answering needs. One for the life of a server.
pub struct Api {
    pub(crate) records: Arc<Records>,
    pub(crate) credentials: Credentials,
    pub(crate) liveness: Arc<Liveness>,
    pub(crate) feed: Arc<Feed>,
    pub(crate) policy: Policy,
    pub(crate) lockout: Lockout,
    pub(crate) throttle: Throttle,
    pub(crate) telemetry: Arc<Telemetry>,
    pub(crate) journal: Arc<Journal>,
    pub(crate) operations: metrics::ByTarget,
    /// Where a backup is put together before it is sent.
    pub(crate) scratch: PathBuf,
    pub(crate) ready: AtomicBool,
    /// Cancelled when the server shuts down, so that long polls end at once.
    pub(crate) closing: CancellationToken,
}

/// The parts of a server that its API is made of.
pub struct Parts {
    /// The records.
    pub records: Arc<Records>,
    /// When edges were last heard.
    pub liveness: Arc<Liveness>,
    /// What edges must know.
    pub feed: Arc<Feed>,
    /// Locks after bad signatures.
    pub lockout: Lockout,
    /// Rate limits.
    pub throttle: Throttle,
    /// Metrics.
    pub telemetry: Arc<Telemetry>,
    /// Reads and refusals.
    pub journal: Arc<Journal>,
    /// A directory for files that live as long as a request.
    pub scratch: PathBuf,
    /// Cancelled when the server shuts down.
    pub closing: CancellationToken,
}

impl Api {
    /// Over its parts; not ready before [`Api::set_ready`].
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let region = parts.records.settings().region.clone();
        Self {
            credentials: Credentials::new(Arc::clone(&parts.records)),
            policy: Policy::new(region),
            operations: metrics::ByTarget::new(&parts.telemetry.operations),
            records: parts.records,
            liveness: parts.liveness,
            feed: parts.feed,
            lockout: parts.lockout,
            throttle: parts.throttle,
            telemetry: parts.telemetry,
            journal: parts.journal,
            scratch: parts.scratch,
            ready: AtomicBool::new(false),
            closing: parts.closing,
        }
    }

    /// `/readyz` answers 200 from here on, or no more.
    pub fn set_ready(&self, ready: bool) {
        self.ready.store(ready, Ordering::Relaxed);
    }

    /// Says that access keys were changed by something else than this API.
    pub fn access_keys_changed(&self) {
        self.credentials.changed();
    }
}

impl Api {
    /// Answers a call of an operation.
    async fn call(&self, protocol: Protocol, request: Request) -> Response {
        let target = protocol.target(&request);
        let metric = self.operations.of(target.as_ref().ok());
        let received = request.received;
        let answered = match self.authenticate(&request).await {
            Err(refused) => {
                let named = target.as_ref().ok().copied();
                self.journal.record(&audit::anonymous(&request, named, &refused.error));
                Err(refused)
            }
            Ok(caller) => {
                let (source, request_id) = (request.peer.ip(), request.request_id.clone());
                match target {
                    Err(error) => {
                        let who = audit::unknown_operation(&caller, source, &request_id, &error);
                        self.journal.record(&who);
                        Err(error.into())
                    }
                    Ok(target) => {
                        let encodings = feed::Encodings::of(&request.headers);
                        let body = request.body;
                        let call =
                            Call { caller, target, protocol, body, source, request_id, encodings };
                        self.answer(call).await.map_err(Refused::from)
                    }
                }
            }
        };
        let (code, response) = match answered {
            Ok(response) => ("ok", response),
            Err(refused) => (refused.error.code.as_str(), refused.response(protocol)),
        };
        metric.record(code, received.elapsed());
        response
    }

    async fn answer(&self, call: Call) -> Answered<Response> {
        let row = table::row(call.target);
        let answered = match self.authorize(&call, &row) {
            Err(error) => Err(error),
            Ok(()) => self.dispatch(&call).await,
        };
        match (&answered, row.effect) {
            (Ok(_), Effect::Read) => {
                self.journal.record(&audit::event(&call, clock::now(), "ok", None));
            }
            (Ok(_), Effect::Change | Effect::NotRecorded(_)) => {}
            (Err(error), _) => {
                let code = error.code.as_str();
                self.journal.record(&audit::event(&call, clock::now(), code, Some(&error.message)));
            }
        }
        answered
    }
}

/// An error on its way out, and when to try again.
struct Refused {
    error: WireError,
    retry_after: Option<Duration>,
}

impl From<WireError> for Refused {
    fn from(error: WireError) -> Self {
        Self { error, retry_after: None }
    }
}

impl Refused {
    fn response(&self, protocol: Protocol) -> Response {
        let mut response = protocol.error(&self.error);
        if let Some(wait) = self.retry_after {
            let seconds = wait.as_secs_f64().ceil().max(1.0) as u64;
            response.headers.push((http::header::RETRY_AFTER, seconds.into()));
        }
        response
    }
}

impl Handler for Api {
    async fn handle(&self, request: Request) -> Response {
        if let Some(protocol) = Protocol::of(&request) {
            // Boxed: every layer above moves this future, which is as large as the largest operation.
            return Box::pin(self.call(protocol, request)).await;
        }
        match (&request.method, request.path()) {
            (&Method::GET | &Method::HEAD, "/healthz") => plain(StatusCode::OK, "ok\n"),
            (&Method::GET | &Method::HEAD, "/readyz") => match self.ready.load(Ordering::Relaxed) {
                true => plain(StatusCode::OK, "ready\n"),
                false => plain(StatusCode::SERVICE_UNAVAILABLE, "not ready\n"),
            },
            (&Method::GET, "/metrics") => {
                respond::text(StatusCode::OK, telemetry::CONTENT_TYPE, self.scrape())
            }
            (_, "/") => respond::error(
                StatusCode::METHOD_NOT_ALLOWED,
                Code::UnknownOperationException.as_str(),
                "The API is POST / with a header x-amz-target; /healthz, /readyz and /metrics answer to GET.",
            ),
            (_, path) => respond::error(
                StatusCode::NOT_FOUND,
                Code::UnknownOperationException.as_str(),
                &format!(
                    "There is nothing at {}: the API is POST /.",
                    linkway_domain::fault::shown(path)
                ),
            ),
        }
    }

    fn time_limit(&self, request: &Request) -> Option<Duration> {
        let target: Target = Protocol::of(request)?.target(request).ok()?;
        table::row(target).time_limit
    }
}

fn plain(status: StatusCode, text: &'static str) -> Response {
    respond::text(status, "text/plain; charset=utf-8", text)
}
