//! The tables and the ratios under them.

use crate::locks::Contestant::{self, Holdup, HoldupOff, ParkingLot, Std};
use crate::plan::{LONGEST, MIXED, PER_SECOND, READ_ALONE, UNCONTENDED, WRITE_ALONE};
use crate::results::{Metric, Results};
use crate::stats;

/// A table of `metric`: a line for each cell, a column for each lock, with
/// the spread (half the distance of the quartiles) behind each median.
pub fn table(results: &Results, metric: Metric, locks: &[Contestant]) {
    let cells = results.cells(metric);
    if cells.is_empty() {
        return;
    }
    let width = cells.iter().map(|cell| cell.len()).max().unwrap_or(0).max(10);
    println!("\n{} [{}], median ± spread", metric.name, metric.unit);
    print!("{:width$}", "");
    for lock in locks {
        print!("  {:>16}", lock.name());
    }
    println!();
    for cell in cells {
        print!("{cell:width$}");
        for &lock in locks {
            let values = results.values(cell, lock, metric);
            if values.iter().all(|value| value.is_nan()) {
                print!("  {:>16}", "-");
            } else {
                let shown = short(stats::median(values));
                print!("  {:>10} ±{:>3.0} %", shown, 100.0 * stats::spread(values));
            }
        }
        println!();
    }
}

/// A number with about four digits, and a letter for the thousands.
fn short(value: f64) -> String {
    let (value, letter) = match value.abs() {
        size if size >= 1e9 => (value / 1e9, " G"),
        size if size >= 1e6 => (value / 1e6, " M"),
        size if size >= 1e4 => (value / 1e3, " k"),
        _ => (value, ""),
    };
    let digits = match value.abs() {
        size if size >= 1000.0 => 0,
        size if size >= 100.0 => 1,
        size if size >= 10.0 => 2,
        _ => 3,
    };
    format!("{value:.digits$}{letter}")
}

/// The lines that say how holdup compares.
pub fn ratios(results: &Results) {
    println!("\nratios");
    for other in [HoldupOff, Contestant::HoldupAll, Std, ParkingLot, Contestant::Pthread] {
        uncontended(results, "uncontended", UNCONTENDED, other);
    }
    for other in [Std, ParkingLot] {
        uncontended(results, "rwlock/read alone", READ_ALONE, other);
        uncontended(results, "rwlock/write alone", WRITE_ALONE, other);
    }
    for cell in results.cells(MIXED) {
        let ratio = results.median(cell, Holdup, MIXED) / better(results, cell, MIXED, f64::max);
        println!("  {cell:32} throughput {ratio:6.3} of the better of std and parking_lot");
    }
    for cell in results.cells(PER_SECOND) {
        let ours = results.median(cell, Holdup, PER_SECOND);
        let ratio = ours / better(results, cell, PER_SECOND, f64::max);
        let waits = results.median(cell, Holdup, LONGEST);
        let longest = waits / better(results, cell, LONGEST, f64::min);
        if ratio.is_finite() {
            print!("  {cell:32} throughput {ratio:6.3} of the better of std and parking_lot");
            if longest.is_finite() {
                print!(", longest wait {longest:6.3} of the shorter");
            }
            println!();
        }
    }
    for metric in [PER_SECOND, MIXED] {
        let best = |cell: &str, round| {
            let of = |lock| at(results, cell, lock, metric, round);
            of(Std).max(of(ParkingLot))
        };
        let title = format!("{}, holdup / better of std and parking_lot", metric.name);
        overall(
            results,
            metric,
            &title,
            |cell| results.median(cell, Holdup, metric) / better(results, cell, metric, f64::max),
            |cell, round| at(results, cell, Holdup, metric, round) / best(cell, round),
        );
    }
    for (metric, what) in [(PER_SECOND, "throughput"), (LONGEST, "longest wait")] {
        for other in [Std, ParkingLot, Contestant::Pthread, HoldupOff, Contestant::HoldupAll] {
            let title = format!("{what}, holdup / {}", other.name());
            overall(
                results,
                metric,
                &title,
                |cell| results.median(cell, Holdup, metric) / results.median(cell, other, metric),
                |cell, round| {
                    at(results, cell, Holdup, metric, round)
                        / at(results, cell, other, metric, round)
                },
            );
        }
    }
}

fn uncontended(results: &Results, cell: &str, metric: Metric, other: Contestant) {
    let ours = results.values(cell, Holdup, metric);
    let theirs = results.values(cell, other, metric);
    let rounds: Vec<f64> = ours.iter().zip(theirs).map(|(a, b)| a / b).collect();
    if rounds.is_empty() {
        return;
    }
    let fastest = |values: &[f64]| values.iter().copied().fold(f64::INFINITY, f64::min);
    println!(
        "  {cell}, holdup / {}: minimum {:.3}, median of the rounds' ratios {:.3} ({:.3} to {:.3})",
        other.name(),
        fastest(ours) / fastest(theirs),
        stats::median(&rounds),
        stats::quantile(&rounds, 0.25),
        stats::quantile(&rounds, 0.75),
    );
}

/// The better of the medians of std and parking_lot.
fn better(results: &Results, cell: &str, metric: Metric, pick: fn(f64, f64) -> f64) -> f64 {
    // `f64::max` and `min` pass over a NaN: one of the two is enough.
    pick(results.median(cell, Std, metric), results.median(cell, ParkingLot, metric))
}

fn at(results: &Results, cell: &str, lock: Contestant, metric: Metric, round: usize) -> f64 {
    results.values(cell, lock, metric).get(round).copied().unwrap_or(f64::NAN)
}

/// The geometric mean over all cells: of the ratios of the medians, and how
/// that of single rounds scatters.
fn overall(
    results: &Results,
    metric: Metric,
    title: &str,
    of_medians: impl Fn(&str) -> f64,
    of_round: impl Fn(&str, usize) -> f64,
) {
    let cells = results.cells(metric);
    let mean = stats::geometric_mean(cells.iter().map(|cell| of_medians(cell)));
    if mean.is_nan() {
        return;
    }
    let rounds =
        cells.iter().map(|cell| results.values(cell, Holdup, metric).len()).min().unwrap_or(0);
    let means: Vec<f64> = (0..rounds)
        .map(|round| stats::geometric_mean(cells.iter().map(|cell| of_round(cell, round))))
        .collect();
    println!(
        "  geometric mean of {} cells: {title}: {mean:.3} (single rounds: median {:.3}, {:.3} to {:.3})",
        cells.len(),
        stats::median(&means),
        stats::quantile(&means, 0.0),
        stats::quantile(&means, 1.0),
    );
}
