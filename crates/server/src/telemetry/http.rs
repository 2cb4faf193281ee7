//! What happens on the sockets.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::{One, counter, gauge};
use crate::http::Refusal;

/// Connections, requests in flight, and what was refused before (or instead of) the API's answer.
pub struct HttpMetrics {
    connections: Gauge,
    in_flight: Gauge,
    refused: [Counter; Refusal::COUNT],
    accept_errors: Counter,
    handshakes_failed: Counter,
}

/// A connection, as long as it lives.
pub struct OpenConnection(Gauge);

/// A request in the hands of the handler, as long as it is.
pub struct InFlight<'a>(&'a Gauge);

impl HttpMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let refusals = One::<Counter>::default();
        let help = "Requests answered without the API having judged them";
        registry.register("linkway_http_refused", help, refusals.clone());
        Self {
            connections: gauge(registry, "linkway_http_connections", "Open connections"),
            in_flight: gauge(
                registry,
                "linkway_http_requests_in_flight",
                "Requests that are being answered",
            ),
            refused: Refusal::LABELS
                .map(|reason| refusals.get_or_create_owned(&[("reason", reason)])),
            accept_errors: counter(
                registry,
                "linkway_http_accept_errors",
                "Failures to accept connections, such as no file descriptors",
            ),
            handshakes_failed: counter(
                registry,
                "linkway_tls_handshakes_failed",
                "TLS handshakes that failed or took too long",
            ),
        }
    }

    /// Counts a connection until the guard is dropped.
    #[must_use]
    pub fn connected(&self) -> OpenConnection {
        self.connections.inc();
        OpenConnection(self.connections.clone())
    }

    pub(crate) fn begin(&self) -> InFlight<'_> {
        self.in_flight.inc();
        InFlight(&self.in_flight)
    }

    pub(crate) fn refused(&self, refusal: Refusal) {
        self.refused[refusal.index()].inc();
    }

    pub(crate) fn accept_failed(&self) {
        self.accept_errors.inc();
    }

    pub(crate) fn handshake_failed(&self) {
        self.handshakes_failed.inc();
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.dec();
    }
}
