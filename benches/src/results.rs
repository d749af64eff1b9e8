//! What was measured: for each cell, lock and metric one value a round.

use crate::locks::Contestant;
use crate::stats;

/// What a value is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Metric {
    /// Its name, in tables and JSON.
    pub name: &'static str,
    /// Its unit.
    pub unit: &'static str,
}

/// The values of one cell, lock and metric, in the order of the rounds.
pub struct Series {
    /// The cell.
    pub cell: String,
    /// The lock.
    pub lock: Contestant,
    /// The metric.
    pub metric: Metric,
    /// One value for each round.
    pub values: Vec<f64>,
}

/// All series.
#[derive(Default)]
pub struct Results {
    series: Vec<Series>,
}

impl Results {
    /// Enters the next round's value.
    pub fn add(&mut self, cell: &str, lock: Contestant, metric: Metric, value: f64) {
        let known = self
            .series
            .iter_mut()
            .find(|series| series.cell == cell && series.lock == lock && series.metric == metric);
        match known {
            Some(series) => series.values.push(value),
            None => self.series.push(Series {
                cell: cell.to_string(),
                lock,
                metric,
                values: vec![value],
            }),
        }
    }

    /// The values of one series; empty where nothing was measured.
    pub fn values(&self, cell: &str, lock: Contestant, metric: Metric) -> &[f64] {
        self.series
            .iter()
            .find(|series| series.cell == cell && series.lock == lock && series.metric == metric)
            .map_or(&[], |series| &series.values)
    }

    /// The median of one series, NaN where nothing was measured.
    pub fn median(&self, cell: &str, lock: Contestant, metric: Metric) -> f64 {
        stats::median(self.values(cell, lock, metric))
    }

    /// The cells that have `metric`, in order.
    pub fn cells(&self, metric: Metric) -> Vec<&str> {
        let mut cells: Vec<&str> = Vec::new();
        for series in self.series.iter().filter(|series| series.metric == metric) {
            if !cells.contains(&series.cell.as_str()) {
                cells.push(&series.cell);
            }
        }
        cells
    }

    /// The series as JSON: an object with the machine and a list.
    pub fn json(&self, machine: &str) -> String {
        let mut json = format!("{{\"machine\": {}, \"series\": [", quoted(machine));
        for (index, series) in self.series.iter().enumerate() {
            let Series { cell, lock, metric, values } = series;
            let values: Vec<String> = values
                .iter()
                .map(|value| if value.is_finite() { value.to_string() } else { "null".into() })
                .collect();
            json.push_str(&format!(
                "{}\n  {{\"cell\": {}, \"lock\": {}, \"metric\": {}, \"unit\": {}, \"values\": [{}]}}",
                if index == 0 { "" } else { "," },
                quoted(cell),
                quoted(lock.name()),
                quoted(metric.name),
                quoted(metric.unit),
                values.join(", "),
            ));
        }
        json.push_str("\n]}\n");
        json
    }
}

fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            control if control < ' ' => quoted.push_str(&format!("\\u{:04x}", control as u32)),
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPEED: Metric = Metric { name: "speed", unit: "1/s" };

    #[test]
    fn values_are_found_by_cell_lock_and_metric() {
        let mut results = Results::default();
        results.add("a", Contestant::Std, SPEED, 1.0);
        results.add("b", Contestant::Std, SPEED, 5.0);
        results.add("a", Contestant::Holdup, SPEED, 7.0);
        results.add("a", Contestant::Std, SPEED, 3.0);
        assert_eq!(results.median("a", Contestant::Std, SPEED), 2.0);
        assert_eq!(results.cells(SPEED), ["a", "b"]);
        assert!(results.median("b", Contestant::Holdup, SPEED).is_nan());
    }

    #[test]
    fn json_escapes_what_it_must() {
        assert_eq!(quoted("a\"b\\c\n"), "\"a\\\"b\\\\c\\u000a\"");
    }
}
