//! What the kernel says of this process, under the names that every Prometheus dashboard knows.

use std::time::{SystemTime, UNIX_EPOCH};

use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::registry::{Registry, Unit};

pub(super) fn register(registry: &mut Registry) -> Gauge {
    let started = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    let help = "Start time of the process since the Unix epoch";
    registry.register_with_unit(
        "process_start_time",
        help,
        Unit::Seconds,
        ConstGauge::new(started),
    );
    let resident = Gauge::default();
    let help = "Resident memory of the process";
    registry.register_with_unit("process_resident_memory", help, Unit::Bytes, resident.clone());
    resident
}

/// `VmRSS` of /proc/self/status (proc(5)); 0 where there is none.
pub(super) fn resident_bytes() -> i64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<i64>().ok());
    kilobytes.unwrap_or(0) * 1024
}
