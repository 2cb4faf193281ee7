//! One connection from its first byte to its last: drives hyper and the one timer beside it.

use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, Sleep, sleep_until};

use super::io::WatchedIo;
use super::service::{Connection, answer};
use super::shared::Shared;
use super::watch::{Phase, Watch};
use super::{Handler, Refusal, linger};

/// How a connection ended.
enum End {
    /// In order: nothing more to say.
    Done,
    /// The request could not be understood or did not come; the client is told.
    Refused(Refusal),
    /// Idle for too long, broken, or the client does not take its answer.
    Cut,
}

/// Serves one connection until it ends.
pub(super) async fn drive<I, H>(io: I, peer: SocketAddr, watch: Arc<Watch>, shared: Arc<Shared<H>>)
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    H: Handler,
{
    let limits = &shared.limits;
    let connection = Connection { shared: Arc::clone(&shared), watch: Arc::clone(&watch), peer };
    let connection = Arc::new(connection);
    let service = service_fn(move |request| answer(Arc::clone(&connection), request));
    let mut http = http1::Builder::new()
        .header_read_timeout(None)
        .max_header_size(limits.max_header_bytes)
        .max_buf_size(limits.max_header_bytes)
        // A client that has sent all it will send may still read its answer.
        .half_close(true)
        .serve_connection(TokioIo::new(WatchedIo::new(io, Arc::clone(&watch))), service);
    let mut timer = Timer::new();
    let mut stop = pin!(shared.stop.notified());
    let mut stopping = Stopping::Unregistered;
    let end = std::future::poll_fn(|cx| {
        loop {
            if let Poll::Ready(result) = Pin::new(&mut http).poll(cx) {
                return Poll::Ready(end_of(result, &watch));
            }
            if stopping.begins(&shared, || stop.as_mut().poll(cx).is_ready()) {
                Pin::new(&mut http).graceful_shutdown();
                continue;
            }
            match timer.poll(cx, &watch) {
                Poll::Ready(Some(end)) => return Poll::Ready(end),
                Poll::Ready(None) => {}
                Poll::Pending => return Poll::Pending,
            }
        }
    })
    .await;
    let io = http.into_parts().io.into_inner().into_inner();
    let has_unread = watch.has_unread();
    watch.enter(Phase::Closing, Duration::ZERO);
    match end {
        End::Refused(refusal) => {
            shared.telemetry.http.refused(refusal);
            linger::answer_and_close(io, &refusal.raw()).await;
        }
        End::Done if has_unread => linger::drain_and_close(io).await,
        End::Done => linger::close(io).await,
        End::Cut => {}
    }
}

fn end_of(result: hyper::Result<()>, watch: &Watch) -> End {
    let Err(error) = result else { return End::Done };
    tracing::debug!(%error, "connection ended");
    let unanswered = matches!(watch.phase(), Phase::Head) || watch.has_muted();
    match unanswered {
        true if error.is_parse_too_large() => End::Refused(Refusal::HeaderTooLarge),
        true if error.is_parse() || error.is_incomplete_message() => End::Refused(Refusal::NotHttp),
        true => End::Cut,
        // A broken body was answered by the service; hyper reports it again at the end.
        false if watch.has_unread() => End::Done,
        false => End::Cut,
    }
}

/// Whether this connection knows that the server stops.
#[derive(PartialEq, Eq)]
enum Stopping {
    Unregistered,
    Registered,
    Told,
}

impl Stopping {
    /// True once, when the server begins to stop. The notification is polled only the first time,
    /// to leave the task's waker there: later polls would take its lock for every request of every
    /// connection.
    fn begins<H>(&mut self, shared: &Shared<H>, poll: impl FnOnce() -> bool) -> bool {
        let mut told = false;
        match self {
            Self::Told => return false,
            Self::Unregistered => {
                told = poll();
                *self = Self::Registered;
            }
            Self::Registered => {}
        }
        told |= shared.is_stopping();
        if told {
            *self = Self::Told;
        }
        told
    }
}

/// When a future that should have ended at its deadline is looked at again.
const SECOND_LOOK: Duration = Duration::from_secs(1);

/// The timer of a connection. It is moved only when it is set later than the deadline, or has
/// fired: a busy connection touches the runtime's timer wheel once per timeout, not once per
/// request.
struct Timer {
    start: Instant,
    armed: u64,
    sleep: Pin<Box<Sleep>>,
}

impl Timer {
    fn new() -> Self {
        let start = Instant::now();
        Self { start, armed: u64::MAX, sleep: Box::pin(sleep_until(start)) }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn arm(&mut self, millis: u64) {
        self.armed = millis;
        let far = Duration::from_secs(365 * 24 * 3600);
        let at = self.start + Duration::from_millis(millis).min(far);
        self.sleep.as_mut().reset(at);
    }

    /// `Ready(Some)` when the connection has to end, `Ready(None)` when it has to be polled again.
    fn poll(&mut self, cx: &mut Context<'_>, watch: &Watch) -> Poll<Option<End>> {
        let deadline = watch.deadline(|| self.now());
        if deadline < self.armed {
            self.arm(deadline);
        }
        if self.sleep.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        let now = self.now();
        if now < deadline {
            self.arm(deadline);
            return Poll::Ready(None);
        }
        match watch.phase() {
            Phase::Idle | Phase::Closing => return Poll::Ready(Some(End::Cut)),
            Phase::Head => return Poll::Ready(Some(End::Refused(Refusal::HeaderTimeout))),
            Phase::Writing if !watch.renewed() => return Poll::Ready(Some(End::Cut)),
            Phase::Writing => self.arm(now),
            Phase::Body | Phase::Handler => {
                watch.expire();
                self.arm(now.saturating_add(u64::try_from(SECOND_LOOK.as_millis()).unwrap_or(0)));
            }
        }
        Poll::Ready(None)
    }
}
