//! The results as Markdown: what is claimed and found, then all medians.

use crate::below;
use crate::goals;
use crate::locks::Contestant;
use crate::metrics::{self, Metric, PER_SECOND};
use crate::plots;
use crate::results::Results;
use crate::stats;
use std::fmt::Write as _;

/// Where it is read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum For {
    /// As it is.
    Terminal,
    /// With plots beside it, and long tables folded.
    File,
}

/// A table with more lines is folded.
const LONG: usize = 20;

/// The whole report.
pub fn markdown(results: &Results, locks: &[Contestant], place: For) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "# Speed, side by side\n");
    if place == For::File {
        let _ = writeln!(
            text,
            "Written by `cargo run --release -p holdup-benches -- --report benches`; how it is\nmeasured and how to read it: [docs/benchmarks.md](../docs/benchmarks.md).\n"
        );
    }
    for note in &results.notes {
        let _ = writeln!(text, "- {note}");
    }
    let _ = writeln!(text, "\n## What must hold, and what was found\n");
    text.push_str(&goals::table(results));
    text.push_str(&below::section(results));
    if place == For::File {
        for plot in plots::ALL {
            let _ = writeln!(text, "\n## {}\n\n![{}](plots/{})", plot.title, plot.title, plot.file);
        }
    }
    for metric in metrics::ALL {
        table(&mut text, results, metric, locks, place);
    }
    // Columns of one width are for the eye; a file is smaller without.
    if place == For::File { without_padding(&text) } else { text }
}

fn without_padding(text: &str) -> String {
    let mut lines = String::with_capacity(text.len());
    for line in text.lines() {
        if line.starts_with('|') {
            let mut words = line.split(' ').filter(|word| !word.is_empty());
            lines.push_str(words.next().unwrap_or_default());
            words.for_each(|word| lines.extend([" ", word]));
        } else {
            lines.push_str(line);
        }
        lines.push('\n');
    }
    lines
}

/// A line for each cell, a column for each lock; each median with the spread
/// (half the distance of the quartiles) behind it.
fn table(text: &mut String, results: &Results, metric: Metric, locks: &[Contestant], place: For) {
    let cells = results.cells(metric);
    if cells.is_empty() {
        return;
    }
    // A column of dashes says nothing.
    let locks: Vec<Contestant> = locks
        .iter()
        .copied()
        .filter(|&lock| cells.iter().any(|cell| results.median(cell, lock, metric).is_finite()))
        .collect();
    let fold = place == For::File && cells.len() > LONG;
    let _ = writeln!(text, "\n## {} [{}]\n", capital(metric.name), metric.unit);
    if fold {
        let _ = writeln!(text, "<details><summary>{} cells</summary>\n", cells.len());
    }
    let width = cells.iter().map(|cell| cell.len()).max().unwrap_or(0).max(10);
    let _ = write!(text, "| {:width$} |", "");
    locks.iter().for_each(|lock| write!(text, " {:>16} |", lock.name()).unwrap_or_default());
    let compared = metric == PER_SECOND && locks.contains(&Contestant::Holdup);
    if compared {
        text.push_str(" holdup / best peer |");
    }
    let _ = write!(text, "\n|-{:-<width$}-|", "");
    locks.iter().for_each(|_| write!(text, "-{:->16}:|", "").unwrap_or_default());
    text.push_str(if compared { "--:|\n" } else { "\n" });
    for cell in cells {
        let _ = write!(text, "| {cell:width$} |");
        for &lock in &locks {
            let values = results.values(cell, lock, metric);
            let shown = match (stats::median(values), stats::spread(values)) {
                (median, _) if median.is_nan() => "-".to_string(),
                (median, spread) if values.len() < 2 || spread.is_nan() => short(median),
                (median, spread) => format!("{} ±{:.0} %", short(median), 100.0 * spread),
            };
            let _ = write!(text, " {shown:>16} |");
        }
        if compared {
            let ratio = goals::to_best_peer(results, cell, metric, f64::max);
            let _ = write!(text, " {} |", if ratio.is_nan() { "-".into() } else { short(ratio) });
        }
        text.push('\n');
    }
    if fold {
        let _ = writeln!(text, "\n</details>");
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}

/// A number with three or four digits, and a letter for the thousands.
pub fn short(value: f64) -> String {
    let (value, letter) = match value.abs() {
        size if size >= 1e9 => (value / 1e9, " G"),
        size if size >= 1e6 => (value / 1e6, " M"),
        size if size >= 1e4 => (value / 1e3, " k"),
        _ => (value, ""),
    };
    let digits = match value.abs() {
        size if size >= 100.0 => 0,
        size if size >= 10.0 => 1,
        _ => 2,
    };
    format!("{value:.digits$}{letter}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_a_line_for_each_cell_and_a_column_for_each_lock_that_has_values() {
        let mut results = Results::default();
        results.add("grid/t=2/cs=0ns/out=0x", Contestant::Holdup, PER_SECOND, 2.5e6);
        results.add("grid/t=2/cs=0ns/out=0x", Contestant::Std, PER_SECOND, 5e6);
        results.add("grid/t=4/cs=0ns/out=0x", Contestant::Std, PER_SECOND, 123.4);
        let text =
            markdown(&results, &[Contestant::Holdup, Contestant::Std, Contestant::Go], For::File);
        let line = text.lines().find(|line| line.contains("t=4")).unwrap();
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        assert_eq!(cells, ["", "grid/t=4/cs=0ns/out=0x", "-", "123", "-", ""]);
        assert!(text.contains(" 0.50 |"));
        assert!(text.contains("2.50 M"));
    }
}
