//! The exact sums of each lock, for Prometheus.
//!
//! [`text`] is what an endpoint `/metrics` answers; the features `http` and
//! `serve` have one. Times are in seconds, each metric has the label `lock`, the
//! lock's name:
//!
//! | metric | what |
//! |---|---|
//! | `holdup_waited_seconds_total` | time that threads waited, summed over the waiters |
//! | `holdup_blamed_seconds_total` | the part of it that critical sections caused |
//! | `holdup_handoff_seconds_total` | the part during which nobody held the lock |
//! | `holdup_spun_seconds_total` | time spent spinning without queueing; no part of the above |
//! | `holdup_contentions_total` | critical sections that ended while somebody waited |
//! | `holdup_waits_total` | waits that ended |
//! | `holdup_spins_total` | acquisitions that succeeded by spinning |
//! | `holdup_wait_seconds` | histogram of the waits: buckets of 1 µs to 17 s, each four times the one before |
//! | `holdup_longest_wait_seconds` | the longest wait since the program started |
//!
//! Locks with a name are there from the start, with zeros, so that `rate` and
//! `increase` miss nothing; `(unnamed)` stands for all others. The sums are
//! exact whatever the sampling period, and
//! `waited = blamed + handoff` at any quiet moment.
//!
//! What to ask Prometheus: how many threads a lock kept waiting on average,
//! `rate(holdup_waited_seconds_total[1m])`; what part of that is waking up
//! rather than work, `rate(holdup_handoff_seconds_total[1m]) /
//! rate(holdup_waited_seconds_total[1m])`; how long the slowest one of a hundred waits
//! is, `histogram_quantile(0.99, rate(holdup_wait_seconds_bucket[5m]))`.
//!
//! `prometheus-client`, the library, is served by the crate `holdup-prometheus`.
//! It is a crate of its own because `prometheus-client` depends on parking_lot,
//! and holdup may stand in for that.

use crate::profile::{Lock, Profile, Totals};
use std::fmt::Write;
use std::time::Duration;

/// How a metric's value is found in the sums.
#[derive(Clone, Copy)]
enum Value {
    Seconds(fn(&Totals) -> Duration),
    Count(fn(&Totals) -> u64),
}

/// A counter: its name without `_total`.
struct Counter {
    name: &'static str,
    help: &'static str,
    value: Value,
}

const COUNTERS: &[Counter] = &[
    Counter {
        name: "holdup_waited_seconds",
        help: "Time that threads waited for the lock, summed over the waiters.",
        value: Value::Seconds(|totals| totals.waited),
    },
    Counter {
        name: "holdup_blamed_seconds",
        help: "Time that threads waited because of critical sections.",
        value: Value::Seconds(|totals| totals.blamed),
    },
    Counter {
        name: "holdup_handoff_seconds",
        help: "Time that threads waited while nobody held the lock.",
        value: Value::Seconds(|totals| totals.handoff),
    },
    Counter {
        name: "holdup_spun_seconds",
        help: "Time that threads spun for the lock without queueing.",
        value: Value::Seconds(|totals| totals.spun),
    },
    Counter {
        name: "holdup_contentions",
        help: "Critical sections that ended while somebody waited.",
        value: Value::Count(|totals| totals.contentions),
    },
    Counter {
        name: "holdup_waits",
        help: "Waits that ended, in success or by time-out.",
        value: Value::Count(|totals| totals.waits),
    },
    Counter {
        name: "holdup_spins",
        help: "Acquisitions that succeeded by spinning, without queueing.",
        value: Value::Count(|totals| totals.spins),
    },
];

/// The two forms of text that Prometheus reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// Prometheus's own, version 0.0.4, which everything reads.
    Prometheus,
    /// OpenMetrics 1.0.0.
    OpenMetrics,
}

impl Format {
    /// The form that a client prefers who sends `accept` as its header of that
    /// name: OpenMetrics if it is named at all.
    #[must_use]
    pub fn accepted_by(accept: &str) -> Format {
        if accept.contains("application/openmetrics-text") {
            Format::OpenMetrics
        } else {
            Format::Prometheus
        }
    }

    /// The value of `Content-Type`.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Format::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Format::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// The metrics of all locks as they are now.
///
/// Takes no lock of holdup's; some microseconds for each lock class. Needs the
/// feature `metrics`.
///
/// ```
/// use holdup::metrics::{Format, text};
/// static ORDERS: holdup::Mutex<u32> = holdup::named_mutex!("orders", 0);
/// *ORDERS.lock() += 1;
/// let text = text(Format::Prometheus);
/// assert!(text.contains("\nholdup_waits_total{lock=\"orders\"} 0\n"));
/// ```
#[must_use]
pub fn text(format: Format) -> String {
    let mut text = String::new();
    let sums = sums();
    let locks: Vec<_> = sums.locks().map(|lock| (escaped(lock.name), lock)).collect();
    for counter in COUNTERS {
        write_counter(&mut text, counter, &locks, format);
    }
    write_histogram(&mut text, &locks, format);
    write_longest(&mut text, &locks, format);
    if format == Format::OpenMetrics {
        text.push_str("# EOF\n");
    }
    text
}

/// The sums, the histograms and the longest wait of each lock as they are now, for
/// metrics of your own: a profile without stacks, which costs as little as [`text`].
/// Locks with a name are there also when nobody waited for them.
///
/// ```
/// for lock in holdup::metrics::sums().locks() {
///     println!("{}: {:?}", lock.name, lock.totals.blamed);
/// }
/// ```
#[must_use]
pub fn sums() -> Profile {
    crate::profile::sums()
}

/// Writing to a string cannot fail: hence no results.
fn write_counter(
    text: &mut String,
    counter: &Counter,
    locks: &[(String, Lock<'_>)],
    format: Format,
) {
    let Counter { name, help, value } = counter;
    // OpenMetrics speaks of the family without the ending of its samples.
    let family = match format {
        Format::Prometheus => format!("{name}_total"),
        Format::OpenMetrics => (*name).to_owned(),
    };
    let in_seconds = matches!(value, Value::Seconds(_));
    write_titles(text, &family, help, "counter", in_seconds, format);
    for (label, Lock { totals, .. }) in locks {
        let _ = match value {
            Value::Seconds(of) => {
                writeln!(text, "{name}_total{{lock=\"{label}\"}} {}", seconds(of(totals)))
            }
            Value::Count(of) => writeln!(text, "{name}_total{{lock=\"{label}\"}} {}", of(totals)),
        };
    }
}

fn write_titles(
    text: &mut String,
    family: &str,
    help: &str,
    kind: &str,
    in_seconds: bool,
    format: Format,
) {
    let _ = writeln!(text, "# HELP {family} {help}\n# TYPE {family} {kind}");
    if in_seconds && format == Format::OpenMetrics {
        let _ = writeln!(text, "# UNIT {family} seconds");
    }
}

/// The bounds of the histogram's buckets, in nanoseconds: powers of two, where
/// buckets of [`Histogram`](crate::profile::Histogram) begin, so that counts are
/// exact. (A wait of just as many nanoseconds counts as longer.)
fn bounds() -> impl Iterator<Item = Duration> {
    (10..=34).step_by(2).map(|power| Duration::from_nanos(1 << power))
}

fn write_histogram(text: &mut String, locks: &[(String, Lock<'_>)], format: Format) {
    let name = "holdup_wait_seconds";
    write_titles(text, name, "Waits for the lock by their length.", "histogram", true, format);
    for (label, Lock { totals, waits, .. }) in locks {
        let mut buckets = waits.buckets().peekable();
        let mut count = 0_u64;
        for bound in bounds() {
            while let Some(bucket) = buckets.next_if(|bucket| bucket.most < bound) {
                count += bucket.count;
            }
            let bound = seconds(bound);
            let _ = writeln!(text, "{name}_bucket{{lock=\"{label}\",le=\"{bound}\"}} {count}");
        }
        count += buckets.map(|bucket| bucket.count).sum::<u64>();
        let sum = seconds(totals.waited);
        let _ = writeln!(
            text,
            "{name}_bucket{{lock=\"{label}\",le=\"+Inf\"}} {count}\n\
             {name}_sum{{lock=\"{label}\"}} {sum}\n{name}_count{{lock=\"{label}\"}} {count}"
        );
    }
}

fn write_longest(text: &mut String, locks: &[(String, Lock<'_>)], format: Format) {
    let name = "holdup_longest_wait_seconds";
    let help = "The longest wait since the program started.";
    write_titles(text, name, help, "gauge", true, format);
    for (label, lock) in locks {
        let _ = writeln!(text, "{name}{{lock=\"{label}\"}} {}", seconds(lock.longest));
    }
}

/// To the nanosecond.
fn seconds(time: Duration) -> String {
    let (whole, nanoseconds) = (time.as_secs(), time.subsec_nanos());
    if nanoseconds == 0 { whole.to_string() } else { format!("{whole}.{nanoseconds:09}") }
}

/// The value of a label, as it stands between quotation marks.
fn escaped(label: &str) -> String {
    label.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    static HOSTILE: crate::Mutex<()> = crate::named_mutex!("metrics \"\\\n} 1", ());

    #[test]
    fn a_named_lock_is_there_before_anybody_waits_for_it() {
        drop(HOSTILE.lock());
        for format in [Format::Prometheus, Format::OpenMetrics] {
            let text = text(format);
            let lock = r#"{lock="metrics \"\\\n} 1"} 0"#;
            for counter in COUNTERS {
                let line = format!("\n{}_total{lock}\n", counter.name);
                assert!(text.contains(&line), "{line} is not in {text}");
            }
        }
    }

    #[test]
    fn each_format_has_its_own_titles_and_end() {
        let (plain, open) = (text(Format::Prometheus), text(Format::OpenMetrics));
        assert!(plain.contains("\n# TYPE holdup_blamed_seconds_total counter\n"));
        assert!(!plain.contains("# UNIT") && !plain.contains("# EOF"));
        assert!(open.contains(
            "\n# TYPE holdup_blamed_seconds counter\n# UNIT holdup_blamed_seconds seconds\n"
        ));
        assert!(open.ends_with("\n# EOF\n"));
        for text in [plain, open] {
            let lines: Vec<&str> = text.lines().collect();
            let mut unique = lines.clone();
            unique.sort_unstable();
            unique.dedup();
            assert_eq!(unique.len(), lines.len(), "nothing comes twice");
        }
    }

    #[test]
    fn the_buckets_of_the_histogram_add_up_to_the_waits() {
        static SLOW: crate::Mutex<()> = crate::named_mutex!("metrics: slow", ());
        let guard = SLOW.lock();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| SLOW.try_lock_for(Duration::from_millis(5)).is_none());
            assert!(waiting.join().unwrap(), "it waited for at least five milliseconds");
        });
        drop(guard);
        let text = text(Format::Prometheus);
        let value = |line: &str| -> f64 {
            let found = text.lines().find_map(|one| one.strip_prefix(line));
            found.unwrap_or_else(|| panic!("{line} is not in {text}")).trim().parse().unwrap()
        };
        let bucket = |le: &str| {
            value(&format!("holdup_wait_seconds_bucket{{lock=\"metrics: slow\",le=\"{le}\"}}"))
        };
        assert_eq!((bucket("0.004194304"), bucket("+Inf")), (0.0, 1.0));
        let mut last = 0.0;
        for bound in bounds() {
            assert!(bucket(&seconds(bound)) >= last, "they are cumulative");
            last = bucket(&seconds(bound));
        }
        assert_eq!(value("holdup_wait_seconds_count{lock=\"metrics: slow\"}"), 1.0);
        let waited = value("holdup_wait_seconds_sum{lock=\"metrics: slow\"}");
        assert_eq!(waited, value("holdup_waited_seconds_total{lock=\"metrics: slow\"}"));
        let longest = value("holdup_longest_wait_seconds{lock=\"metrics: slow\"}");
        assert!((0.005..=waited).contains(&longest), "{longest} of {waited}");
    }

    #[test]
    fn seconds_keep_every_nanosecond() {
        for (nanoseconds, text) in
            [(0, "0"), (1, "0.000000001"), (1_500_000_000, "1.500000000"), (7_000_000_000, "7")]
        {
            assert_eq!(seconds(Duration::from_nanos(nanoseconds)), text);
        }
    }

    #[test]
    fn open_metrics_go_to_those_who_ask_for_them() {
        let prometheus = "application/openmetrics-text;version=1.0.0;q=0.6,text/plain;q=0.3";
        assert_eq!(Format::accepted_by(prometheus), Format::OpenMetrics);
        assert_eq!(Format::accepted_by("*/*"), Format::Prometheus);
        assert_eq!(Format::accepted_by(""), Format::Prometheus);
    }
}
