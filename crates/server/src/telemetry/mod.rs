//! What the server counts, in the text format that Prometheus reads. Every metric is registered
//! when the server starts and used through a handle, so that counting is a few atomic additions;
//! labels come from closed sets (operations, error codes, states), so that no caller can make the
//! set of series grow.

mod disk;
mod fleet;
mod format;
mod histogram;
mod http;
mod operation;
mod process;
mod store;
mod webhook;

use std::sync::OnceLock;

use linkway_domain::quota::Quota;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use crate::limits::throttle::Scope;

pub use self::disk::DiskMetrics;
pub use self::fleet::FleetMetrics;
pub use self::format::Format;
pub use self::histogram::Histogram;
pub use self::http::{HttpMetrics, InFlight, OpenConnection};
pub use self::operation::{Operation, Operations};
pub use self::store::StoreMetrics;
pub use self::webhook::WebhookMetrics;

/// A series with one label.
type One<M> = Family<[(&'static str, &'static str); 1], M>;

/// A series that is there or not, without labels.
type NoLabels = [(&'static str, &'static str); 0];

/// All metrics of one server.
pub struct Telemetry {
    registry: Registry,
    resident: Gauge,
    /// 1: the server is ready.
    pub ready: Gauge,
    /// Connections, refusals, requests in flight.
    pub http: HttpMetrics,
    /// Requests by operation and code, with their latency.
    pub operations: Operations,
    /// Commits, conflicts, batches, syncs.
    pub store: StoreMetrics,
    /// What is sent to accounts' webhooks.
    pub webhooks: WebhookMetrics,
    /// Interfaces and connections by state.
    pub fleet: FleetMetrics,
    /// Space on the disk.
    pub disk: DiskMetrics,
    certificate_expiry: Family<NoLabels, Gauge>,
    certificate: OnceLock<Gauge>,
    /// Edges that have never reported to any server.
    pub edges_never_reported: Gauge,
    throttled: One<Counter>,
    quota_refusals: One<Counter>,
    /// Requests whose signature was refused.
    pub signatures_refused: Counter,
    /// Requests refused because their key is locked after bad signatures.
    pub locked_out: Counter,
    /// Events that the journal had to drop.
    pub journal_dropped: Counter,
}

impl Telemetry {
    /// Registers everything. `version` and `revision` describe the build.
    #[must_use]
    pub fn new(version: &'static str, revision: &'static str) -> Self {
        let mut registry = Registry::default();
        let build = Info::new([("version", version), ("revision", revision)]);
        registry.register("linkway_build", "The running build", build);
        let resident = process::register(&mut registry);
        let throttled = One::<Counter>::default();
        let help = "Requests refused because their key or account sends too many";
        registry.register("linkway_throttled", help, throttled.clone());
        let quota_refusals = One::<Counter>::default();
        let help = "Requests refused because a quota is used up";
        registry.register("linkway_quota_refusals", help, quota_refusals.clone());
        for quota in Quota::ALL {
            drop(quota_refusals.get_or_create(&[("quota", quota.as_str())]));
        }
        // A rate needs the zero before the first.
        for scope in [Scope::Key, Scope::Account, Scope::InFlight] {
            drop(throttled.get_or_create(&[("scope", scope.label())]));
        }
        let signatures_refused = counter(
            &mut registry,
            "linkway_signatures_refused",
            "Requests refused for their signature",
        );
        let locked_out = counter(
            &mut registry,
            "linkway_locked_out",
            "Requests refused because their key is locked after bad signatures",
        );
        let journal_dropped = counter(
            &mut registry,
            "linkway_journal_events_dropped",
            "Events of reads and refusals that the journal could not keep",
        );
        let certificate_expiry = Family::<NoLabels, Gauge>::default();
        let help = "When the certificate that is served expires, Unix time";
        registry.register_with_unit(
            "linkway_tls_certificate_expiry_timestamp",
            help,
            Unit::Seconds,
            certificate_expiry.clone(),
        );
        let edges_never_reported = gauge(
            &mut registry,
            "linkway_edges_never_reported",
            "Edges that have never reported to any server",
        );
        let ready = gauge(&mut registry, "linkway_ready", "Whether /readyz answers 200");
        Self {
            ready,
            disk: DiskMetrics::register(&mut registry),
            certificate_expiry,
            certificate: OnceLock::new(),
            edges_never_reported,
            resident,
            http: HttpMetrics::register(&mut registry),
            operations: Operations::register(&mut registry),
            store: StoreMetrics::register(&mut registry),
            webhooks: WebhookMetrics::register(&mut registry),
            fleet: FleetMetrics::register(&mut registry),
            throttled,
            quota_refusals,
            signatures_refused,
            locked_out,
            journal_dropped,
            registry,
        }
    }

    /// When the certificate that is served expires, in seconds since the Unix epoch: a handle that whoever replaces the
    /// certificate keeps right. Without one there is no such series. Only the first call counts.
    pub fn certificate_expiry(&self, expiry: Gauge) {
        let _only_the_first_counts = self.certificate.set(expiry);
    }

    /// Counts a request that was throttled.
    pub fn throttled(&self, scope: Scope) {
        self.throttled.get_or_create(&[("scope", scope.label())]).inc();
    }

    /// Counts a request that a quota refused.
    pub fn quota_refused(&self, quota: Quota) {
        self.quota_refusals.get_or_create(&[("quota", quota.as_str())]).inc();
    }

    /// All metrics, in OpenMetrics; see [`Format`].
    #[must_use]
    pub fn render(&self) -> String {
        self.resident.set(process::resident_bytes());
        self.disk.measure();
        if let Some(expiry) = self.certificate.get() {
            self.certificate_expiry.get_or_create(&[]).set(expiry.get());
        }
        let mut text = String::with_capacity(16 * 1024);
        encode(&mut text, &self.registry).expect("writing to a string cannot fail");
        text
    }
}

fn counter(registry: &mut Registry, name: &str, help: &str) -> Counter {
    let counter = Counter::default();
    registry.register(name, help, counter.clone());
    counter
}

fn gauge(registry: &mut Registry, name: &str, help: &str) -> Gauge {
    let gauge = Gauge::default();
    registry.register(name, help, gauge.clone());
    gauge
}

fn seconds(registry: &mut Registry, name: &str, help: &str, histogram: &Histogram) {
    registry.register_with_unit(name, help, Unit::Seconds, histogram.clone());
}

fn seconds_family(registry: &mut Registry, name: &str, help: &str) -> One<Histogram> {
    let family = Family::new_with_constructor(Histogram::of_durations as fn() -> Histogram);
    registry.register_with_unit(name, help, Unit::Seconds, family.clone());
    family
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::http::Refusal;

    fn value<'a>(text: &'a str, series: &str) -> Option<&'a str> {
        text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '))
    }

    #[test]
    fn there_is_an_expiry_only_with_a_certificate() {
        let name = "linkway_tls_certificate_expiry_timestamp_seconds{}";
        let telemetry = Telemetry::new("1.2.3", "abc");
        assert_eq!(value(&telemetry.render(), name), None);
        let expiry = Gauge::default();
        telemetry.certificate_expiry(expiry.clone());
        expiry.set(1_924_992_000);
        assert_eq!(value(&telemetry.render(), name), Some("1924992000"));
    }

    #[test]
    fn what_was_counted_is_rendered() {
        let telemetry = Telemetry::new("1.2.3", "abc");
        let describe = telemetry.operations.operation("DescribeConnections");
        describe.record("ok", Duration::from_micros(300));
        describe.record("ok", Duration::from_millis(3));
        describe.record("ThrottlingException", Duration::from_secs(60));
        telemetry.operations.operation("DescribeConnections").record("ok", Duration::ZERO);
        telemetry.throttled(Scope::Key);
        telemetry.quota_refused(Quota::UnansweredOffers);
        telemetry.http.refused(Refusal::NotHttp);
        telemetry.store.committed(3);
        telemetry.store.synced(Duration::from_millis(2));
        telemetry.store.conflict();
        telemetry.fleet.interfaces("available", 7);
        let open = telemetry.http.connected();
        let text = telemetry.render();
        drop(open);
        let code = |code: &str| {
            format!("linkway_requests_total{{operation=\"DescribeConnections\",code=\"{code}\"}}")
        };
        let latency = |rest: &str| format!("linkway_request_duration_seconds{rest}");
        let bucket = |le: &str| {
            latency(&format!("_bucket{{le=\"{le}\",operation=\"DescribeConnections\"}}"))
        };
        let table = [
            (code("ok"), "3"),
            (code("ThrottlingException"), "1"),
            (latency("_count{operation=\"DescribeConnections\"}"), "4"),
            (bucket("0.00025"), "1"),
            (bucket("0.0005"), "2"),
            (bucket("10.0"), "3"),
            (bucket("+Inf"), "4"),
            ("linkway_throttled_total{scope=\"key\"}".into(), "1"),
            ("linkway_quota_refusals_total{quota=\"unanswered_offers\"}".into(), "1"),
            ("linkway_quota_refusals_total{quota=\"tags_per_resource\"}".into(), "0"),
            ("linkway_http_refused_total{reason=\"not_http\"}".into(), "1"),
            ("linkway_store_commits_total".into(), "3"),
            ("linkway_store_conflicts_total".into(), "1"),
            ("linkway_store_batch_size_count".into(), "1"),
            ("linkway_store_sync_duration_seconds_count".into(), "1"),
            ("linkway_interfaces{state=\"available\"}".into(), "7"),
            ("linkway_http_connections".into(), "1"),
            ("linkway_build_info{version=\"1.2.3\",revision=\"abc\"}".into(), "1"),
        ];
        for (series, expected) in table {
            assert_eq!(value(&text, &series), Some(expected), "{series} in\n{text}");
        }
        assert!(text.ends_with("# EOF\n"));
        let resident = value(&text, "process_resident_memory_bytes").map(str::parse::<u64>);
        assert!(resident.is_some_and(|bytes| bytes.is_ok_and(|bytes| bytes > 100_000)));
        assert_eq!(value(&telemetry.render(), "linkway_http_connections"), Some("0"));
    }

    #[test]
    fn every_metric_has_a_help_text() {
        let text = Telemetry::new("1", "1").render();
        for line in text.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
            let name = line.split(' ').next().unwrap();
            assert!(text.contains(&format!("# HELP {name} ")), "{name}");
            assert!(name.starts_with("linkway_") || name.starts_with("process_"), "{name}");
        }
    }
}
