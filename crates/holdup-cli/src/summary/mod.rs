//! The sums of a profile, by whatever a report shows: tables, JSON and
//! differences are all made of these.
//!
//! Sums saturate: a hostile file may hold any numbers.

mod books;
mod difference;
mod frames;
mod locks;
mod rows;
#[cfg(test)]
mod tests;

pub use books::Books;
pub use difference::{Change, difference};
pub use frames::{Entry, RowKey, by_culprit, by_frame, by_pair, function_key, line_key};
pub use locks::{LockEntry, Shape, by_lock};
pub use rows::{By, Rows};

use std::collections::HashMap;
use std::hash::Hash;

use holdup::profile::Pair;

/// Time waited and critical sections that caused it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Cost {
    /// Nanoseconds that waiters waited.
    pub delay: u128,
    /// Contentions; of a handoff, how many handoffs.
    pub count: u64,
}

impl Cost {
    /// What `pair` adds.
    pub fn of(pair: &Pair<'_>) -> Cost {
        Cost { delay: pair.delay.as_nanos(), count: pair.count }
    }

    /// Adds `other`.
    pub fn add(&mut self, other: Cost) {
        self.delay = self.delay.saturating_add(other.delay);
        self.count = self.count.saturating_add(other.count);
    }

    /// As much, `factor` times.
    pub fn times(self, factor: f64) -> Cost {
        let count = times(self.count.into(), factor);
        Cost { delay: times(self.delay, factor), count: u64::try_from(count).unwrap_or(u64::MAX) }
    }

    /// All of `costs` together.
    pub fn sum(costs: impl IntoIterator<Item = Cost>) -> Cost {
        let mut sum = Cost::default();
        costs.into_iter().for_each(|cost| sum.add(cost));
        sum
    }
}

/// `number` as often as `factor` says; exact where that is one.
pub fn times(number: u128, factor: f64) -> u128 {
    // A float becomes the nearest integer that there is.
    if factor == 1.0 { number } else { (number as f64 * factor).round() as u128 }
}

/// Largest weight first; equals by key, so that the order is always the same.
fn sorted<K: Ord + Hash + Eq, V>(
    entries: HashMap<K, V>,
    weight: impl Fn(&V) -> (u128, u128),
) -> Vec<(K, V)> {
    let mut entries: Vec<(K, V)> = entries.into_iter().collect();
    entries.sort_by(|a, b| weight(&b.1).cmp(&weight(&a.1)).then_with(|| a.0.cmp(&b.0)));
    entries
}
