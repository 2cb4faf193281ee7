//! One endpoint: authenticate -> throttle -> authorize -> decode -> decide -> commit -> encode -> audit.
//!
//! `OvertureService.*` is for tenants, `Linkway.*` for the operator and for edges. Which operations exist for a caller is
//! decided by the kind of its principal before anything of the request's body is read. [`table`] has what is known of each
//! operation; the handlers are in one file for each resource.

mod access_key;
mod account;
pub(crate) mod account_event;
mod association_proposal;
mod audit;
mod authenticate;
mod backbone;
mod bgp_peer;
mod call;
mod connection;
mod customer_agreement;
mod database;
mod drain;
mod dx_gateway;
mod edge;
mod edge_metrics;
pub mod endpoint;
mod event;
mod explain;
mod fabric;
mod failover_test;
mod failure;
mod feed;
mod gateway_association;
mod location;
mod metrics;
mod offer;
pub mod operation;
mod operator;
mod page;
mod port;
mod protocol;
mod public_interface;
mod public_network;
mod quota;
mod route;
pub mod table;
mod tag;
mod transit_gateway;
mod transit_interface;
mod virtual_gateway;
mod virtual_interface;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use linkway_wire::error::WireError;
use linkway_wire::sigv4::Policy;
use tokio_util::sync::CancellationToken;

use self::authenticate::Authenticated;
use self::call::Call;
use self::endpoint::Side;
use self::failure::internal;
use self::protocol::Protocol;
use crate::audit::trail::Trail;
use crate::clock;
use crate::credentials::{Caller, Credentials};
use crate::feed::Feed;
use crate::http::{Body, Request, Response};
use crate::limits::in_flight::{Flight, InFlight};
use crate::limits::lockout::Lockout;
use crate::limits::replay::Replay;
use crate::limits::throttle::Throttle;
use crate::liveness::Liveness;
use crate::operators::KeyUse;
use crate::records::Records;
use crate::telemetry::Telemetry;

/// Signatures of operators' changes that are remembered, some 20 MB: in the time that a date is good nobody makes as many
/// by hand, and whoever has a program do it is refused nothing that was signed lately.
const MOST_SIGNATURES: usize = 262_144;

/// What a handler answers, or an error.
type Answered<T> = Result<T, WireError>;

/// A call costs one token, and another for this many bytes of its request and its answer.
const TOKEN_BYTES: usize = 16 * 1024;

/// Everything that answering needs. One for the life of a server.
pub struct Api {
    pub(crate) records: Arc<Records>,
    pub(crate) credentials: Credentials,
    pub(crate) liveness: Arc<Liveness>,
    pub(crate) feed: Arc<Feed>,
    pub(crate) policy: Policy,
    pub(crate) lockout: Lockout,
    pub(crate) throttle: Throttle,
    pub(crate) in_flight: Arc<InFlight>,
    pub(crate) telemetry: Arc<Telemetry>,
    pub(crate) trail: Arc<Trail>,
    pub(crate) key_use: Arc<KeyUse>,
    pub(crate) replay: Mutex<Replay>,
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
    /// What an account may have in flight.
    pub in_flight: InFlight,
    /// Metrics.
    pub telemetry: Arc<Telemetry>,
    /// What is kept of calls that change nothing.
    pub trail: Arc<Trail>,
    /// A directory for files that live as long as a request.
    pub scratch: PathBuf,
    /// Cancelled when the server shuts down.
    pub closing: CancellationToken,
}

impl Api {
    /// Over its parts; not ready before [`Api::set_ready`].
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let policy = Policy::new(parts.records.settings().region.clone());
        let (start, window) =
            (clock::timestamp(clock::now()).as_second(), policy.max_skew().as_secs());
        Self {
            credentials: Credentials::new(Arc::clone(&parts.records)),
            policy,
            operations: metrics::ByTarget::new(&parts.telemetry.operations),
            key_use: Arc::default(),
            replay: Mutex::new(Replay::new(start, window, MOST_SIGNATURES)),
            records: parts.records,
            liveness: parts.liveness,
            feed: parts.feed,
            lockout: parts.lockout,
            throttle: parts.throttle,
            in_flight: Arc::new(parts.in_flight),
            telemetry: parts.telemetry,
            trail: parts.trail,
            scratch: parts.scratch,
            ready: AtomicBool::new(false),
            closing: parts.closing,
        }
    }

    /// `/readyz` answers 200 from here on, or no more.
    pub fn set_ready(&self, ready: bool) {
        self.ready.store(ready, Ordering::Relaxed);
    }

    /// The trail of calls that change nothing.
    #[must_use]
    pub fn trail(&self) -> &Arc<Trail> {
        &self.trail
    }

    /// When operators' keys were used.
    #[must_use]
    pub fn key_use(&self) -> &Arc<KeyUse> {
        &self.key_use
    }

    /// What keeps the server from doing all that it is for, in words.
    pub(crate) fn readiness(&self) -> Result<(), &'static str> {
        if !self.ready.load(Ordering::Relaxed) {
            return Err("not ready\n");
        }
        if self.telemetry.disk.is_full(&self.telemetry.store) {
            return Err(
                "not ready: the disk of the data directory is full; changes are refused, reads are answered\n",
            );
        }
        Ok(())
    }

    /// Says that access keys were changed by something else than this API.
    pub fn access_keys_changed(&self) {
        self.credentials.changed();
    }
}

impl Api {
    /// Whether more than a small body is read for a call: not if the head alone shows that the call is refused.
    async fn admit(&self, protocol: Protocol, request: &Request) -> Result<(), Response> {
        let judged = failure::logged_as(&request.request_id, self.authenticate_head(request));
        let Err(refused) = judged.await else { return Ok(()) };
        let target = protocol.target(request).ok();
        self.record_refused(request, target, &refused).await;
        let metric = self.operations.of(target.as_ref());
        metric.record(refused.error.code.as_str(), request.received.elapsed());
        Err(refused.response(protocol))
    }

    /// Answers a call of an operation.
    async fn call(&self, side: &Side, protocol: Protocol, request: Request) -> Response {
        let target = protocol.target(&request);
        let metric = self.operations.of(target.as_ref().ok());
        let received = request.received;
        let id = request.request_id.clone();
        let authenticated = failure::logged_as(&id, self.authenticate(&request));
        let answered = match authenticated.await {
            Err(refused) => {
                let named = target.as_ref().ok().copied();
                self.record_refused(&request, named, &refused).await;
                Err(refused)
            }
            Ok(Authenticated { caller, flight, signed }) => {
                let (source, request_id) = (request.peer.ip(), request.request_id.clone());
                match target {
                    Err(error) => {
                        let who = audit::unknown_operation(&caller, source, &request_id, &error);
                        self.trail.record(&who);
                        Err(error.into())
                    }
                    Ok(target) => {
                        let encodings = feed::Encodings::of(&request.headers);
                        let (body, flight) = (request.body, Mutex::new(flight));
                        let call = Call {
                            caller,
                            target,
                            protocol,
                            body,
                            source,
                            request_id,
                            encodings,
                            signed,
                            showed_nothing: AtomicBool::new(false),
                            flight,
                        };
                        let answered = failure::logged_as(&id, self.answer(side, call));
                        answered.await.map_err(Refused::from)
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

    async fn answer(&self, side: &Side, call: Call) -> Answered<Response> {
        let row = table::row(call.target);
        let allowed = self.authorize(side, &call, &row).and_then(|()| self.is_new(&call, &row));
        let answered = match allowed {
            Err(error) => Err(error),
            Ok(()) => self.dispatch(&call).await,
        };
        self.record_answered(&call, row.effect, answered.as_ref().err()).await;
        let Some(flight) = call.end_flight() else { return answered };
        answered.map(|response| self.land(&call, flight, response))
    }

    /// Has an account's answer count as in flight until its client has taken it, and charges what large ones cost.
    fn land(&self, call: &Call, flight: Flight, response: Response) -> Response {
        let Body::Full(answer) = response.body else { return response };
        let bytes = call.body.len() + answer.len();
        if let (Ok(tokens @ 1..), Some(account)) =
            (u32::try_from(bytes / TOKEN_BYTES), call.principal().account())
        {
            let key = call.caller.access_key_id.as_str();
            self.throttle.charge(key, account.as_str(), tokens, Instant::now());
        }
        Response { body: Body::Full(flight.carry(answer)), ..response }
    }
}

/// An error on its way out, and when to try again.
struct Refused {
    error: WireError,
    retry_after: Option<Duration>,
    known: Option<Known>,
}

/// Who was refused although the signature was right.
enum Known {
    /// Somebody who calls too often.
    Throttled(Arc<Caller>),
    /// Whoever has the secret of a disabled key.
    Disabled(Arc<Caller>),
}

impl From<WireError> for Refused {
    fn from(error: WireError) -> Self {
        Self { error, retry_after: None, known: None }
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
