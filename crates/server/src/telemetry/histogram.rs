//! A histogram made of atomics. The library's own takes a write lock for each observation, which
//! two cores at tens of thousands of requests a second would feel.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use prometheus_client::encoding::{EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::{MetricType, TypedMetric};

/// Upper bounds of latencies, in nanoseconds: 100 µs to 10 s.
const LATENCY: [u64; 16] = [
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    25_000_000,
    50_000_000,
    100_000_000,
    250_000_000,
    500_000_000,
    1_000_000_000,
    2_500_000_000,
    5_000_000_000,
    10_000_000_000,
];
/// Upper bounds of batch sizes.
const SIZES: [u64; 11] = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024];

/// Observations by size. Clones count into the same histogram.
#[derive(Clone, Debug)]
pub struct Histogram(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    bounds: &'static [u64],
    /// What one unit shown is in units observed.
    scale: f64,
    /// One more than bounds: the last counts what exceeds them all.
    counts: Box<[AtomicU64]>,
    sum: AtomicU64,
}

impl Histogram {
    fn new(bounds: &'static [u64], scale: f64) -> Self {
        let counts = (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect();
        Self(Arc::new(Inner { bounds, scale, counts, sum: AtomicU64::new(0) }))
    }

    /// Of durations, shown in seconds.
    #[must_use]
    pub fn of_durations() -> Self {
        Self::new(&LATENCY, 1e9)
    }

    /// Of counts.
    #[must_use]
    pub fn of_sizes() -> Self {
        Self::new(&SIZES, 1.0)
    }

    /// Adds a duration.
    pub fn observe(&self, duration: Duration) {
        self.observe_value(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX));
    }

    /// Adds a count.
    pub fn observe_size(&self, size: usize) {
        self.observe_value(size as u64);
    }

    fn observe_value(&self, value: u64) {
        let index = self.0.bounds.partition_point(|bound| *bound < value);
        self.0.counts[index].fetch_add(1, Relaxed);
        self.0.sum.fetch_add(value, Relaxed);
    }
}

impl TypedMetric for Histogram {
    const TYPE: MetricType = MetricType::Histogram;
}

impl EncodeMetric for Histogram {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> Result<(), std::fmt::Error> {
        let Inner { bounds, scale, counts, sum } = &*self.0;
        let bounds = bounds.iter().map(|bound| *bound as f64 / scale).chain([f64::INFINITY]);
        let counts = counts.iter().map(|count| count.load(Relaxed));
        let buckets: Vec<(f64, u64)> = bounds.zip(counts).collect();
        let count = buckets.iter().map(|(_, count)| count).sum();
        let sum = sum.load(Relaxed) as f64 / scale;
        encoder.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)
    }

    fn metric_type(&self) -> MetricType {
        Self::TYPE
    }
}
