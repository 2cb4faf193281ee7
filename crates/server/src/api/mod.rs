//! One endpoint: authenticate -> throttle -> authorize -> decode -> decide -> commit -> encode -> audit.
//!
//! `OvertureService.*` is for tenants, `Linkway.*` for the operator and for edges. Which operations exist for a caller is
//! decided by the kind of its principal before anything of the request's body is read.

mod audit;
mod authenticate;
mod describe;
mod edge_metrics;
mod events;
mod feed;
mod metrics;
mod operator;
mod page;
mod tenant;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, StatusCode};
use linkway_domain::Fault;
use linkway_domain::decide::{Command, Outcome};
use linkway_domain::fault::FaultKind;
use linkway_domain::id::AccountId;
use linkway_store::StoreError;
use linkway_wire::convert;
use linkway_wire::error::{Code, WireError};
use linkway_wire::operation::Target;
use linkway_wire::sigv4::Policy;
use tokio_util::sync::CancellationToken;

use crate::audit::journal::Journal;
use crate::clock;
use crate::credentials::{Caller, Credentials};
use crate::feed::Feed;
use crate::http::respond;
use crate::http::{Handler, Request, RequestId, Response};
use crate::limits::lockout::Lockout;
use crate::limits::throttle::Throttle;
use crate::liveness::Liveness;
use crate::records::{Failure, Records};
use crate::telemetry::{self, Telemetry};

/// The body of a good answer, or an error.
type Answered = Result<Vec<u8>, WireError>;

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
    pub(crate) scratch: std::path::PathBuf,
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
    pub scratch: std::path::PathBuf,
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

/// An authenticated call.
struct Call {
    caller: Arc<Caller>,
    target: Target,
    body: Bytes,
    source: std::net::IpAddr,
    request_id: RequestId,
    encodings: feed::Encodings,
}

impl Call {
    /// The account that calls.
    fn account(&self) -> Option<&AccountId> {
        self.caller.principal.account()
    }

    /// The account that calls a tenants' operation.
    fn tenant(&self) -> Result<&AccountId, Fault> {
        let denied = || Fault::of(FaultKind::AccessDenied, "This operation is for accounts.");
        self.account().ok_or_else(denied)
    }
}

impl Api {
    /// Decides and commits a call's command, with its audit record in the same commit.
    async fn run(&self, call: &Call, command: &Command) -> Result<Outcome, WireError> {
        let audit = |time, outcome: &Outcome| audit::of_change(call, time, outcome);
        let decided = self.records.run(&call.caller.principal, command, Some(&audit)).await?;
        if !decided.changed {
            // Nothing was committed, so nothing was audited: to the trail this is a read.
            self.journal.record(&audit::event(call, clock::now(), "ok", None));
        }
        Ok(decided.outcome)
    }

    fn view<'a>(&'a self, reader: Option<&'a AccountId>, edge_silent: bool) -> convert::View<'a> {
        convert::View {
            region: &self.records.settings().region,
            now: clock::now(),
            reader,
            edge_silent,
        }
    }

    /// Answers a `POST /`.
    async fn call(&self, request: Request) -> Response {
        let target =
            request.headers.get("x-amz-target").map(|value| Target::parse(value.as_bytes()));
        let metric = self.operations.of(target.as_ref().and_then(|target| target.as_ref().ok()));
        let received = request.received;
        let answered = match self.authenticate(&request).await {
            Err(refused) => {
                self.journal.record(&audit::anonymous(&request, &refused.error));
                Err(refused)
            }
            Ok(caller) => {
                let (source, request_id) = (request.peer.ip(), request.request_id.clone());
                let target = match target {
                    Some(Ok(target)) => Ok(target),
                    Some(Err(error)) => Err(WireError::from(error)),
                    None => Err(WireError::new(
                        Code::UnknownOperationException,
                        "The header x-amz-target is required: it names the operation, as in \
                         OvertureService.DescribeConnections.",
                    )),
                };
                match target {
                    Err(error) => {
                        let who = audit::unknown_operation(&caller, source, &request_id, &error);
                        self.journal.record(&who);
                        Err(error.into())
                    }
                    Ok(target) => {
                        let encodings = feed::Encodings::of(&request.headers);
                        let body = request.body;
                        let call = Call { caller, target, body, source, request_id, encodings };
                        self.answer(call).await
                    }
                }
            }
        };
        let (code, response) = match answered {
            Ok(response) => ("ok", response),
            Err(refused) => (refused.error.code.as_str(), refused.response()),
        };
        metric.record(code, received.elapsed());
        response
    }

    async fn answer(&self, call: Call) -> Result<Response, Refused> {
        let answered = match self.authorize(&call) {
            Err(error) => Err(error),
            Ok(()) => self.dispatch(&call).await,
        };
        match &answered {
            Ok(_) if audit::is_read(call.target) => {
                self.journal.record(&audit::event(&call, clock::now(), "ok", None));
            }
            Ok(_) => {}
            Err(error) => {
                let event =
                    audit::event(&call, clock::now(), error.code.as_str(), Some(&error.message));
                self.journal.record(&event);
            }
        }
        Ok(answered?)
    }

    async fn dispatch(&self, call: &Call) -> Result<Response, WireError> {
        match call.target {
            Target::Tenant(operation) => self.tenant(operation, call).await.map(respond::success),
            Target::Linkway(operation) => self.linkway(operation, call).await,
        }
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
    fn response(&self) -> Response {
        let status = StatusCode::from_u16(self.error.code.status())
            .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = respond::error(status, self.error.code.as_str(), &self.error.message);
        if let Some(wait) = self.retry_after {
            let seconds = wait.as_secs_f64().ceil().max(1.0) as u64;
            response.headers.push((http::header::RETRY_AFTER, seconds.into()));
        }
        response
    }
}

impl From<Failure> for WireError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Fault(fault) => fault.into(),
            Failure::Contended => Self::new(
                Code::ServiceUnavailable,
                "Too many others are changing the same things right now. Try again.",
            ),
            Failure::Store(StoreError::Full) => {
                tracing::error!("the store is full");
                Self::new(
                    Code::DirectConnectServerException,
                    "The service has no space left. Nothing was changed.",
                )
            }
            Failure::Store(error) => {
                tracing::error!(%error, "the store failed");
                internal()
            }
            Failure::Codec { key, error } => {
                tracing::error!(key, %error, "a stored record cannot be read");
                internal()
            }
            Failure::Refused(error) => {
                tracing::error!(error, "a commit was refused");
                internal()
            }
        }
    }
}

fn internal() -> WireError {
    WireError::new(
        Code::DirectConnectServerException,
        "The service failed. Its log names this request's id.",
    )
}

impl Handler for Api {
    async fn handle(&self, request: Request) -> Response {
        match (&request.method, request.path()) {
            // Boxed: every layer above moves this future, which is as large as the largest operation.
            (&Method::POST, "/") => Box::pin(self.call(request)).await,
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
        // A long poll may wait for as long as the feed allows, and a backup is as large as the store.
        match request.header("x-amz-target") {
            Some("Linkway.GetEdgeConfig") => {
                Some(Duration::from_secs(linkway_wire::feed::LONGEST_WAIT + 30))
            }
            Some("Linkway.Backup") => Some(Duration::from_secs(3600)),
            _ => None,
        }
    }
}

fn plain(status: StatusCode, text: &'static str) -> Response {
    respond::text(status, "text/plain; charset=utf-8", text)
}
