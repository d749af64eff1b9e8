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
//!
//! Locks with a name are there from the start, with zeros, so that `rate` and
//! `increase` miss nothing; `(unnamed)` stands for all others. The sums are
//! exact whatever the sampling period, and
//! `waited = blamed + handoff` at any quiet moment.
//!
//! What to ask Prometheus: how many threads a lock kept waiting on average,
//! `rate(holdup_waited_seconds_total[1m])`; what part of that is waking up
//! rather than work, `rate(holdup_handoff_seconds_total[1m]) /
//! rate(holdup_waited_seconds_total[1m])`.
//!
//! `prometheus-client`, the library, is served by the crate `holdup-prometheus`.
//! It is a crate of its own because `prometheus-client` depends on parking_lot,
//! and holdup may stand in for that.

use crate::profile::{Totals, current_classes};
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
    let classes = current_classes();
    for counter in COUNTERS {
        write_counter(&mut text, counter, &classes, format);
    }
    if format == Format::OpenMetrics {
        text.push_str("# EOF\n");
    }
    text
}

/// Writing to a string cannot fail: hence no results.
fn write_counter(
    text: &mut String,
    counter: &Counter,
    classes: &[(String, Totals)],
    format: Format,
) {
    let Counter { name, help, value } = counter;
    // OpenMetrics speaks of the family without the ending of its samples.
    let family = match format {
        Format::Prometheus => format!("{name}_total"),
        Format::OpenMetrics => (*name).to_owned(),
    };
    let _ = writeln!(text, "# HELP {family} {help}\n# TYPE {family} counter");
    if let (Format::OpenMetrics, Value::Seconds(_)) = (format, value) {
        let _ = writeln!(text, "# UNIT {family} seconds");
    }
    for (lock, totals) in classes {
        let lock = escaped(lock);
        let _ = match value {
            Value::Seconds(of) => {
                writeln!(text, "{name}_total{{lock=\"{lock}\"}} {}", seconds(of(totals)))
            }
            Value::Count(of) => writeln!(text, "{name}_total{{lock=\"{lock}\"}} {}", of(totals)),
        };
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
