//! What was measured: for each cell, lock and metric one value a round.

use crate::locks::Contestant;
use crate::metrics::{self, Metric};
use crate::stats;
use serde_json::{Value, json};

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
    /// How this was measured: machine, date, what is missing.
    pub notes: Vec<String>,
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

    /// Whether anything of `lock` was measured.
    pub fn has(&self, lock: Contestant) -> bool {
        self.series.iter().any(|series| series.lock == lock)
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

    /// All values as JSON: an object with notes and a list.
    pub fn json(&self) -> String {
        let series: Vec<Value> = self
            .series
            .iter()
            .map(|Series { cell, lock, metric, values }| {
                json!({
                    "cell": cell, "lock": lock.name(), "metric": metric.name,
                    "unit": metric.unit, "values": values,
                })
            })
            .collect();
        format!("{:#}\n", json!({ "notes": self.notes, "series": series }))
    }

    /// Adds what [`Self::json`] wrote. An error says what is not understood.
    pub fn add_json(&mut self, text: &str) -> Result<(), String> {
        let json: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let strings = |value: &Value| -> Vec<String> {
            let list = value.as_array().into_iter().flatten();
            list.filter_map(Value::as_str).map(String::from).collect()
        };
        self.notes.extend(strings(&json["notes"]));
        for series in json["series"].as_array().ok_or("there is no list of series")? {
            let text = |key: &str| series[key].as_str().unwrap_or_default();
            let lock = Contestant::named(text("lock"));
            let lock = lock.ok_or_else(|| format!("there is no lock {}", text("lock")))?;
            let metric = metrics::named(text("metric"));
            let metric = metric.ok_or_else(|| format!("there is no metric {}", text("metric")))?;
            for value in series["values"].as_array().into_iter().flatten() {
                // What is not finite is null in JSON.
                self.add(text("cell"), lock, metric, value.as_f64().unwrap_or(f64::NAN));
            }
        }
        Ok(())
    }
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
    fn what_is_written_as_json_is_read_back() {
        let mut results = Results::default();
        results.notes.push("a \"machine\"".into());
        results.add("a", Contestant::Go, metrics::CPU, 1.5);
        results.add("a", Contestant::Go, metrics::CPU, f64::NAN);
        let mut again = Results::default();
        again.add_json(&results.json()).unwrap();
        assert_eq!(again.notes, results.notes);
        assert_eq!(again.values("a", Contestant::Go, metrics::CPU)[0], 1.5);
        assert!(again.values("a", Contestant::Go, metrics::CPU)[1].is_nan());
        assert!(again.add_json("{}").is_err());
    }
}
