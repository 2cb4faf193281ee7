//! The accept loop.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinError, JoinSet};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::admission::{Connections, Place};
use super::shared::Shared;
use super::watch::Watch;
use super::{Handler, Limits, Proxies, Refusal, connection, linger, proxy};
use crate::telemetry::Telemetry;

/// Connections that are being told that there are too many; beyond that they are just closed.
const MAX_REFUSALS: usize = 64;
/// Pause after an accept error that will not go away at once (no file descriptors, no memory).
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// How to serve.
#[derive(Clone)]
pub struct Options {
    /// What is allowed.
    pub limits: Limits,
    /// TLS, or plain HTTP if absent.
    pub tls: Option<Arc<rustls::ServerConfig>>,
    /// Where connections and refusals are counted.
    pub telemetry: Arc<Telemetry>,
    /// Who may speak for others.
    pub proxies: Proxies,
}

/// How serving ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stopped {
    /// Connections that were cut because their requests took longer than the shutdown may take.
    pub cut: usize,
}

/// Serves connections of `listener` until `shutdown` is cancelled, then lets requests in flight
/// end. Neither an accept error nor a panic of the handler ends it.
pub async fn serve<H: Handler>(
    listener: TcpListener,
    options: Options,
    handler: H,
    shutdown: CancellationToken,
) -> Stopped {
    let Options { limits, tls, telemetry, proxies } = options;
    let shared = Arc::new(Shared::new(limits.clone(), proxies, telemetry, handler));
    let mut server = Server {
        shared,
        tls: tls.map(TlsAcceptor::from),
        connections: Connections::new(limits.max_connections, limits.max_connections_per_address),
        open: JoinSet::new(),
        refused: JoinSet::new(),
        pause: FIRST_PAUSE,
    };
    loop {
        tokio::select! {
            biased;
            () = shutdown.cancelled() => break,
            Some(ended) = server.open.join_next() => server.ended(ended),
            Some(_) = server.refused.join_next() => {}
            accepted = listener.accept() => server.accepted(accepted).await,
        }
    }
    drop(listener);
    server.stop().await
}

struct Server<H> {
    shared: Arc<Shared<H>>,
    tls: Option<TlsAcceptor>,
    connections: Connections,
    /// Each ends with its number.
    open: JoinSet<u64>,
    refused: JoinSet<()>,
    pause: Duration,
}

impl<H: Handler> Server<H> {
    async fn accepted(&mut self, accepted: io::Result<(TcpStream, SocketAddr)>) {
        match accepted {
            Ok((stream, peer)) => {
                self.pause = FIRST_PAUSE;
                let one_source = !self.shared.proxies.are_at(peer.ip());
                match self.connections.place(peer.ip(), one_source) {
                    Place::Free => self.open(stream, peer),
                    Place::Instead(other) => {
                        self.shared.telemetry.http.refused(Refusal::TooManyConnections);
                        self.connections.cut(other);
                        self.open(stream, peer);
                    }
                    Place::None => self.refuse(stream),
                }
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                self.shared.telemetry.http.accept_failed();
                tracing::warn!(%error, "cannot accept connections for the moment");
                tokio::time::sleep(self.pause).await;
                self.pause = (self.pause * 2).min(LONGEST_PAUSE);
            }
        }
    }

    fn open(&mut self, stream: TcpStream, peer: SocketAddr) {
        // Answers are single small writes: waiting to fill a segment would only delay them.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "connection ended before it began");
            return;
        }
        let shared = Arc::clone(&self.shared);
        let tls = self.tls.clone();
        let watch = Arc::new(Watch::new(&shared.limits));
        let (id, own) = (self.connections.number(), Arc::clone(&watch));
        let task = self.open.spawn(async move {
            let _open = shared.telemetry.http.connected();
            serve_one(tls, stream, peer, own, shared).await;
            id
        });
        self.connections.insert(id, peer.ip(), watch, task);
    }

    fn ended(&mut self, ended: Result<u64, JoinError>) {
        match ended {
            Ok(id) => self.connections.remove(id),
            // Whoever cut it has removed it.
            Err(error) if error.is_cancelled() => {}
            // It panicked: its number is not told.
            Err(_) => self.connections.remove_finished(),
        }
    }

    fn refuse(&mut self, stream: TcpStream) {
        self.shared.telemetry.http.refused(Refusal::TooManyConnections);
        // Over TLS an answer would cost a handshake: the very thing that there is too much of.
        if self.tls.is_none() && self.refused.len() < MAX_REFUSALS {
            self.refused.spawn(async move {
                let answer = Refusal::TooManyConnections.raw();
                linger::answer_and_close(stream, &answer).await;
            });
        }
    }

    async fn stop(mut self) -> Stopped {
        self.shared.stop();
        let all = async { while self.open.join_next().await.is_some() {} };
        let in_time = timeout(self.shared.limits.shutdown_timeout, all).await.is_ok();
        let cut = if in_time { 0 } else { self.open.len() };
        self.open.shutdown().await;
        self.refused.shutdown().await;
        Stopped { cut }
    }
}

/// One connection, from the header that a proxy may send before it.
async fn serve_one<H: Handler>(
    tls: Option<TlsAcceptor>,
    mut stream: TcpStream,
    mut peer: SocketAddr,
    watch: Arc<Watch>,
    shared: Arc<Shared<H>>,
) {
    if shared.proxies.protocol {
        if !shared.proxies.are_at(peer.ip()) {
            tracing::debug!(%peer, "not a trusted proxy");
            return;
        }
        match timeout(shared.limits.header_timeout, proxy::read_header(&mut stream)).await {
            Ok(Ok(client)) => peer = client.unwrap_or(peer),
            Ok(Err(error)) => return tracing::debug!(%peer, %error, "connection refused"),
            Err(_) => return,
        }
    }
    match tls {
        None => connection::drive(stream, peer, watch, shared).await,
        Some(tls) => secured(tls, stream, peer, watch, shared).await,
    }
}

async fn secured<H: Handler>(
    tls: TlsAcceptor,
    stream: TcpStream,
    peer: SocketAddr,
    watch: Arc<Watch>,
    shared: Arc<Shared<H>>,
) {
    let handshake = timeout(shared.limits.header_timeout, tls.accept(stream));
    let outcome = tokio::select! {
        biased;
        () = shared.stop.notified() => return,
        outcome = handshake => outcome,
    };
    match outcome {
        Ok(Ok(stream)) => connection::drive(stream, peer, watch, shared).await,
        Ok(Err(error)) => {
            shared.telemetry.http.handshake_failed();
            tracing::debug!(%peer, %error, "TLS handshake failed");
        }
        Err(_) => shared.telemetry.http.handshake_failed(),
    }
}

/// Errors that concern one connection that is gone already; the listener is as good as before.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::PermissionDenied
    )
}
