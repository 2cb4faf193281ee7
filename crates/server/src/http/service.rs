//! One request: read its body, call the handler, make the answer.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, request::Parts};
use hyper::body::Incoming;

use super::body::{self, OutBody};
use super::shared::Shared;
use super::watch::{Phase, Watch};
use super::{Handler, Refusal, Request, RequestId, Response};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
// osc-cli reads this one and fails without it.
const REQUEST_ID_TOO: HeaderName = HeaderName::from_static("x-amz-requestid");

/// What the requests of one connection share.
pub(super) struct Connection<H> {
    pub shared: Arc<Shared<H>>,
    pub watch: Arc<Watch>,
    pub peer: SocketAddr,
}

/// Answers one request, whatever happens.
pub(super) async fn answer<H: Handler>(
    connection: Arc<Connection<H>>,
    request: http::Request<Incoming>,
) -> Result<http::Response<OutBody>, Infallible> {
    let received = Instant::now();
    let id = RequestId::random();
    let (parts, body) = request.into_parts();
    let response = match judge(&connection, parts, body, received, id.clone()).await {
        Ok(response) => {
            if response.status.is_success() {
                connection.watch.served();
            }
            response
        }
        Err(refusal) => {
            connection.shared.telemetry.http.refused(refusal);
            if refusal.leaves_unread() {
                connection.watch.leave_unread();
            }
            refusal.response()
        }
    };
    connection.watch.enter(Phase::Writing, connection.shared.limits.write_timeout);
    Ok(encode(response, &id, &connection.watch))
}

async fn judge<H: Handler>(
    connection: &Connection<H>,
    parts: Parts,
    body: Incoming,
    received: Instant,
    request_id: RequestId,
) -> Result<Response, Refusal> {
    let Connection { shared, watch, peer } = connection;
    let limits = &shared.limits;
    let Parts { method, uri, headers, .. } = parts;
    let (peer, none) = (shared.proxies.client(*peer, &headers), Bytes::new());
    let mut request = Request { method, uri, headers, body: none, peer, received, request_id };
    if !body::is_small(&body) {
        let admitted = caught(|| shared.handler.admit(&request));
        match within(watch, Phase::Handler, limits.request_timeout, admitted).await {
            Some(Some(Ok(()))) => {}
            Some(Some(Err(response))) => {
                watch.leave_unread();
                return Ok(Response { close: true, ..response });
            }
            Some(None) => return Err(Refusal::HandlerPanic),
            None => return Err(Refusal::HandlerTimeout),
        }
    }
    let mut share = shared.bodies.share(peer.ip());
    request.body = within(watch, Phase::Body, limits.body_timeout, async {
        body::read(body, limits.max_body_bytes, &mut share).await
    })
    .await
    .unwrap_or(Err(Refusal::BodyTimeout))?;
    let limit = shared.handler.time_limit(&request).unwrap_or(limits.request_timeout);
    let in_flight = shared.telemetry.http.begin();
    let id = request.request_id.clone();
    let handled = caught(|| shared.handler.handle(request));
    let handled = within(watch, Phase::Handler, limit, handled).await;
    drop(in_flight);
    let refusal = match handled {
        Some(Some(response)) => return Ok(response),
        Some(None) => Refusal::HandlerPanic,
        None => Refusal::HandlerTimeout,
    };
    tracing::error!(request_id = id.as_str(), reason = refusal.label(), "request not answered");
    Err(refusal)
}

/// What the handler says; `None` if it panicked.
async fn caught<F: Future>(call: impl FnOnce() -> F) -> Option<F::Output> {
    // Called inside the block, so that a panic before the first await is caught too.
    let mut future = pin!(async { call().await });
    std::future::poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
        Ok(poll) => poll.map(Some),
        Err(_) => Poll::Ready(None),
    })
    .await
}

/// Runs a future as a phase of the connection; `None` when its time is over. The driver's timer
/// wakes it.
async fn within<F: Future>(
    watch: &Watch,
    phase: Phase,
    limit: Duration,
    future: F,
) -> Option<F::Output> {
    watch.enter(phase, limit);
    let mut future = pin!(future);
    std::future::poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending if watch.is_expired() => Poll::Ready(None),
        Poll::Pending => Poll::Pending,
    })
    .await
}

fn encode(response: Response, id: &RequestId, watch: &Arc<Watch>) -> http::Response<OutBody> {
    let mut headers = HeaderMap::with_capacity(8);
    headers.insert(REQUEST_ID, id.header());
    headers.insert(REQUEST_ID_TOO, id.header());
    headers.insert(CONTENT_TYPE, response.content_type);
    for (name, value) in response.headers {
        headers.insert(name, value);
    }
    if response.close {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    let mut encoded = http::Response::new(OutBody::new(response.body, watch));
    *encoded.status_mut() = response.status;
    *encoded.headers_mut() = headers;
    encoded
}
