//! How long things take, counted in buckets. Every request is counted in two of these: without a lock, so that none waits for another.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use prometheus_client::encoding::{EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;

/// The upper bounds of the buckets, in nanoseconds; a last bucket takes the rest.
const BOUNDS: [u64; 15] = [
    5_000,
    10_000,
    25_000,
    50_000,
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    25_000_000,
    100_000_000,
    500_000_000,
    2_000_000_000,
];
const NANOS: f64 = 1e9;

/// A histogram of durations, in seconds. Clones count together.
#[derive(Clone, Debug, Default)]
pub(crate) struct Durations(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    buckets: [AtomicU64; BOUNDS.len() + 1],
    /// Of all, in nanoseconds.
    sum: AtomicU64,
}

impl Durations {
    /// Counts a duration.
    pub(crate) fn observe(&self, took: Duration) {
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        let bucket = BOUNDS.iter().position(|bound| nanos <= *bound).unwrap_or(BOUNDS.len());
        if let Some(bucket) = self.0.buckets.get(bucket) {
            bucket.fetch_add(1, Relaxed);
        }
        self.0.sum.fetch_add(nanos, Relaxed);
    }
}

impl EncodeMetric for Durations {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        #[expect(clippy::cast_precision_loss, reason = "seconds as floating-point numbers, for whoever reads them")]
        let seconds = |nanos: u64| nanos as f64 / NANOS;
        let bounds = BOUNDS.into_iter().map(seconds).chain([f64::INFINITY]);
        let buckets: Vec<(f64, u64)> = bounds.zip(self.0.buckets.iter().map(|bucket| bucket.load(Relaxed))).collect();
        let count = buckets.iter().fold(0_u64, |count, (_, bucket)| count.wrapping_add(*bucket));
        encoder.encode_histogram::<NoLabelSet>(seconds(self.0.sum.load(Relaxed)), count, &buckets, None)
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Histogram
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use prometheus_client::encoding::text::encode;
    use prometheus_client::metrics::histogram::Histogram;
    use prometheus_client::registry::Registry;

    use super::*;

    fn rendered(register: impl FnOnce(&mut Registry)) -> String {
        let (mut registry, mut text) = (Registry::default(), String::new());
        register(&mut registry);
        encode(&mut text, &registry).unwrap();
        text
    }

    #[test]
    fn it_reads_as_the_histogram_of_the_library_does() {
        let bounds = [5e-6, 1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 2.5e-2, 1e-1, 5e-1, 2.0];
        let (ours, theirs) = (Durations::default(), Histogram::new(bounds));
        for nanos in [0, 4_999, 5_000, 5_001, 10_000, 99_999, 1_000_000, 2_000_000_000, 2_000_000_001, 1 << 40] {
            let took = Duration::from_nanos(nanos);
            ours.observe(took);
            theirs.observe(took.as_secs_f64());
        }
        let texts = [
            rendered(|registry| registry.register("seconds", "How long", ours)),
            rendered(|registry| registry.register("seconds", "How long", theirs)),
        ];
        let [ours, theirs] = texts.map(|text| {
            // The sum is the same to a rounding.
            let (sum, rest): (Vec<_>, Vec<_>) =
                text.lines().map(str::to_owned).partition(|line| line.contains("_sum "));
            let sum: f64 = sum.concat().rsplit(' ').next().unwrap().parse().unwrap();
            ((sum * 1e6).round(), rest)
        });
        assert_eq!(ours, theirs);
        assert!(ours.1.iter().any(|line| line.ends_with("_bucket{le=\"+Inf\"} 10")), "{ours:?}");
    }
}
