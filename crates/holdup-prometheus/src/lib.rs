//! holdup's lock metrics for the library `prometheus-client`: the same, under the
//! same names, as [`holdup::metrics`] writes by itself.
//!
//! ```
//! use prometheus_client::registry::Registry;
//!
//! let mut registry = Registry::default();
//! registry.register_collector(Box::new(holdup_prometheus::Locks));
//!
//! let mut text = String::new();
//! prometheus_client::encoding::text::encode(&mut text, &registry)?;
//! assert!(text.contains("# TYPE holdup_blamed_seconds counter"));
//! # Ok::<(), std::fmt::Error>(())
//! ```
//!
//! It is a crate of its own because `prometheus-client` depends on parking_lot, and
//! holdup may stand in for that.

use holdup::profile::{Lock, Profile, Totals};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;
use std::fmt;
use std::time::Duration;

/// Collects the metrics of all locks, as they are when it is asked. Takes no lock of
/// holdup's; some microseconds for each lock class.
#[derive(Clone, Copy, Debug, Default)]
pub struct Locks;

type Seconds = fn(&Totals) -> Duration;
type Count = fn(&Totals) -> u64;

const SECONDS: &[(&str, &str, Seconds)] = &[
    ("holdup_waited", "Time that threads waited for the lock, summed over the waiters", |totals| {
        totals.waited
    }),
    ("holdup_blamed", "Time that threads waited because of critical sections", |totals| {
        totals.blamed
    }),
    ("holdup_handoff", "Time that threads waited while nobody held the lock", |totals| {
        totals.handoff
    }),
    ("holdup_spun", "Time that threads spun for the lock without queueing", |totals| totals.spun),
];

const COUNTS: &[(&str, &str, Count)] = &[
    ("holdup_contentions", "Critical sections that ended while somebody waited", |totals| {
        totals.contentions
    }),
    ("holdup_waits", "Waits that ended, in success or by time-out", |totals| totals.waits),
    ("holdup_spins", "Acquisitions that succeeded by spinning, without queueing", |totals| {
        totals.spins
    }),
];

impl Collector for Locks {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let sums = holdup::metrics::sums();
        for (name, help, value) in SECONDS {
            let metric = |lock: &Lock<'_>| ConstCounter::new(value(&lock.totals).as_secs_f64());
            let unit = Some(&Unit::Seconds);
            encode(&mut encoder, &sums, (name, help, unit), MetricType::Counter, metric)?;
        }
        for (name, help, value) in COUNTS {
            let metric = |lock: &Lock<'_>| ConstCounter::new(value(&lock.totals));
            encode(&mut encoder, &sums, (name, help, None), MetricType::Counter, metric)?;
        }
        let (name, help) = ("holdup_longest_wait", "The longest wait since the program started");
        let metric = |lock: &Lock<'_>| ConstGauge::new(lock.longest.as_secs_f64());
        let unit = Some(&Unit::Seconds);
        encode(&mut encoder, &sums, (name, help, unit), MetricType::Gauge, metric)?;
        encode_waits(&mut encoder, &sums)
    }
}

fn encode<M: EncodeMetric>(
    encoder: &mut DescriptorEncoder<'_>,
    sums: &Profile,
    (name, help, unit): (&str, &str, Option<&Unit>),
    kind: MetricType,
    metric: impl Fn(&Lock<'_>) -> M,
) -> fmt::Result {
    let mut family = encoder.encode_descriptor(name, help, unit, kind)?;
    for lock in sums.locks() {
        metric(&lock).encode(family.encode_family(&[("lock", lock.name)])?)?;
    }
    Ok(())
}

/// The histogram, with buckets at powers of two of nanoseconds, where those of holdup
/// begin, so that counts are exact.
fn encode_waits(encoder: &mut DescriptorEncoder<'_>, sums: &Profile) -> fmt::Result {
    let help = "Waits for the lock by their length";
    let unit = Some(&Unit::Seconds);
    let mut family = encoder.encode_descriptor("holdup_wait", help, unit, MetricType::Histogram)?;
    for lock in sums.locks() {
        let mut found = lock.waits.buckets().peekable();
        let mut buckets = Vec::new();
        for power in (10..=34).step_by(2) {
            let bound = Duration::from_nanos(1 << power);
            let mut count = 0;
            while let Some(bucket) = found.next_if(|bucket| bucket.most < bound) {
                count += bucket.count;
            }
            buckets.push((bound.as_secs_f64(), count));
        }
        buckets.push((f64::INFINITY, found.map(|bucket| bucket.count).sum()));
        let labels = [("lock", lock.name)];
        let mut metric = family.encode_family(&labels)?;
        let (sum, count) = (lock.totals.waited.as_secs_f64(), lock.waits.count());
        metric.encode_histogram::<[(&str, &str); 0]>(sum, count, &buckets, None)?;
    }
    Ok(())
}
