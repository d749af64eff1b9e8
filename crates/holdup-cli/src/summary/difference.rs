//! Two sums beside each other: what changed from one profile to another.

use std::collections::HashMap;
use std::hash::Hash;

use super::{Cost, sorted};

/// What a row was charged with before and after.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Change {
    pub before: Cost,
    pub after: Cost,
}

impl Change {
    /// Nanoseconds more than before; less than zero if it got better.
    pub fn delay(&self) -> i128 {
        let amount = i128::try_from(self.before.delay.abs_diff(self.after.delay));
        let amount = amount.unwrap_or(i128::MAX);
        if self.after.delay < self.before.delay { -amount } else { amount }
    }
}

/// Joins rows by their keys; the largest changes first, whatever their sign.
/// Rows with nothing in them are left out.
pub fn difference<K: Ord + Hash + Eq>(
    before: impl IntoIterator<Item = (K, Cost)>,
    after: impl IntoIterator<Item = (K, Cost)>,
) -> Vec<(K, Change)> {
    let mut rows: HashMap<K, Change> = HashMap::new();
    for (key, cost) in before {
        rows.entry(key).or_default().before.add(cost);
    }
    for (key, cost) in after {
        rows.entry(key).or_default().after.add(cost);
    }
    rows.retain(|_, change| *change != Change::default());
    sorted(rows, |change| (change.delay().unsigned_abs(), change.after.delay))
}
