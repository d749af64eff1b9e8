//! The library's text says the same as holdup's own.

use holdup::metrics::Format;
use holdup::{Mutex, named_mutex};
use prometheus_client::registry::Registry;
use std::collections::BTreeMap;
use std::time::Duration;

static ORDERS: Mutex<()> = named_mutex!("same: \"orders\"", ());

/// The value of each line, by its metric and labels in any order.
fn values(text: &str) -> BTreeMap<String, f64> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let values = lines.map(|line| {
        let (metric, value) = line.rsplit_once(' ').unwrap();
        let (name, labels) = metric.trim_end_matches('}').split_once('{').unwrap();
        // How a bound is written is up to whoever writes it.
        let mut labels: Vec<String> = labels
            .split(',')
            .map(|label| match label.strip_prefix("le=\"") {
                Some(bound) => match bound.trim_end_matches('"').parse::<f64>() {
                    Ok(bound) if bound.is_finite() => format!("le={bound}"),
                    _ => "le=inf".to_owned(),
                },
                None => label.to_owned(),
            })
            .collect();
        labels.sort();
        (format!("{name} {}", labels.join(",")), value.parse().unwrap())
    });
    values.collect()
}

#[test]
fn the_librarys_text_has_the_same_metrics_and_values_as_holdups_own() {
    let guard = ORDERS.lock();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| ORDERS.try_lock_for(Duration::from_millis(5)).is_none());
        assert!(waiting.join().unwrap(), "it waited in vain");
    });
    drop(guard);
    let mut registry = Registry::default();
    registry.register_collector(Box::new(holdup_prometheus::Locks));
    let mut theirs = String::new();
    prometheus_client::encoding::text::encode(&mut theirs, &registry).unwrap();
    let ours = holdup::metrics::text(Format::OpenMetrics);
    let (ours, theirs) = (values(&ours), values(&theirs));
    let names = |values: &BTreeMap<String, f64>| values.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&ours), names(&theirs));
    for (metric, value) in &ours {
        assert!((value - theirs[metric]).abs() <= 1e-9, "{metric}: {value}, {}", theirs[metric]);
    }
    assert!(ours.iter().any(|(metric, value)| metric.contains("orders") && *value > 0.004));
}
