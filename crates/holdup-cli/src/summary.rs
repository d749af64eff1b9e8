//! The sums of a profile, by whatever a table shows.
//!
//! Sums saturate: a hostile file may hold any numbers.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;

use holdup::profile::{Frame, Kind, Sample, Totals};

use crate::names;

/// Time waited and critical sections that caused it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Cost {
    /// Nanoseconds that waiters waited.
    pub delay: u128,
    /// Contentions; of a handoff, how many handoffs.
    pub count: u64,
}

impl Cost {
    /// What `sample` adds.
    pub fn of(sample: &Sample) -> Cost {
        Cost { delay: sample.delay.as_nanos(), count: sample.count }
    }

    /// Adds `other`.
    pub fn add(&mut self, other: Cost) {
        self.delay = self.delay.saturating_add(other.delay);
        self.count = self.count.saturating_add(other.count);
    }
}

/// What stands in one row: costs of its own, and with those of all it called.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Entry {
    /// Of critical sections that ended right here.
    pub flat: Cost,
    /// Of those, and of critical sections that ended in something called from here.
    pub cum: Cost,
}

/// What is shown for time that no critical section is charged with, or whose
/// stack is unknown; `None` for blame that has a stack.
pub fn without_stack(sample: &Sample) -> Option<&'static str> {
    match sample.kind {
        Kind::Handoff => Some("[handoff: nobody held the lock]"),
        Kind::Lost => Some("[lost: there was no room for the stack]"),
        Kind::Blame if sample.stack.is_empty() => Some("[blame: the stack is unknown]"),
        Kind::Blame => None,
    }
}

/// Sums `samples` by a key of each frame. The innermost frame gets the flat
/// cost; each key on the stack gets the cumulative cost, once, however often
/// recursion put it there. A sample without a stack counts under its kind.
///
/// Sorted by flat delay, then by cumulative delay, largest first.
pub fn by_frame(samples: &[Sample], key: impl Fn(&Frame) -> String) -> Vec<(String, Entry)> {
    let mut entries: HashMap<String, Entry> = HashMap::new();
    let mut seen: HashSet<String> = HashSet::new();
    for sample in samples {
        let cost = Cost::of(sample);
        if let Some(name) = without_stack(sample) {
            let entry = entries.entry(name.to_owned()).or_default();
            entry.flat.add(cost);
            entry.cum.add(cost);
            continue;
        }
        seen.clear();
        for (depth, frame) in sample.stack.iter().enumerate() {
            let key = key(frame);
            if depth > 0 && seen.contains(&key) {
                continue;
            }
            let entry = entries.entry(key.clone()).or_default();
            if depth == 0 {
                entry.flat.add(cost);
            }
            entry.cum.add(cost);
            seen.insert(key);
        }
    }
    sorted(entries, |entry| (entry.flat.delay, entry.cum.delay))
}

/// What is known of one lock class.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct LockEntry {
    /// Charged to critical sections, with or without a stack.
    pub blamed: Cost,
    /// The part of `blamed` whose stack was lost.
    pub lost: Cost,
    /// Waited while nobody held the lock.
    pub handoff: Cost,
}

/// Sums `samples` by lock, the most blamed first. Of locks whose sums are known
/// without sampling, `exact`, those stand in the row.
pub fn by_lock<'a>(
    samples: &[Sample],
    exact: impl Iterator<Item = (&'a str, Totals)>,
) -> Vec<(String, LockEntry)> {
    let mut entries: HashMap<String, LockEntry> = HashMap::new();
    for sample in samples {
        let entry = entries.entry(sample.lock.clone()).or_default();
        let cost = Cost::of(sample);
        match sample.kind {
            Kind::Blame => entry.blamed.add(cost),
            Kind::Lost => {
                entry.blamed.add(cost);
                entry.lost.add(cost);
            }
            Kind::Handoff => entry.handoff.add(cost),
        }
    }
    for (name, totals) in exact.filter(|(_, totals)| !totals.waited.is_zero()) {
        let entry = entries.entry(name.to_owned()).or_default();
        entry.blamed = Cost { delay: totals.blamed.as_nanos(), count: totals.contentions };
        entry.handoff.delay = totals.handoff.as_nanos();
    }
    sorted(entries, |entry| (entry.blamed.delay, entry.handoff.delay))
}

/// Who ended the critical sections of which lock, the most blamed first: the
/// key is (function, lock).
pub fn by_culprit(samples: &[Sample]) -> Vec<((String, String), Cost)> {
    let mut entries: HashMap<(String, String), Cost> = HashMap::new();
    for sample in samples {
        let name = match without_stack(sample) {
            Some(name) => name.to_owned(),
            None => names::function(&sample.stack[0]),
        };
        entries.entry((name, sample.lock.clone())).or_default().add(Cost::of(sample));
    }
    sorted(entries, |cost| (cost.delay, 0))
}

/// All `samples` of any of `kinds` together.
pub fn total(samples: &[Sample], kinds: &[Kind]) -> Cost {
    let mut total = Cost::default();
    for sample in samples.iter().filter(|sample| kinds.contains(&sample.kind)) {
        total.add(Cost::of(sample));
    }
    total
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn sample(stack: &[&str], lock: &str, kind: Kind, count: u64, delay: u64) -> Sample {
        let frame = |name: &&str| Frame {
            function: (*name).to_owned(),
            file: Some(format!("{name}.rs")),
            line: Some(7),
            address: 0x10,
            inlined: false,
        };
        Sample {
            stack: stack.iter().map(frame).collect(),
            lock: lock.to_owned(),
            kind,
            count,
            delay: Duration::from_nanos(delay),
        }
    }

    fn example() -> Vec<Sample> {
        vec![
            sample(&["unlock", "work", "main"], "a", Kind::Blame, 2, 100),
            sample(&["work", "work", "main"], "b", Kind::Blame, 1, 50),
            sample(&[], "a", Kind::Handoff, 3, 7),
            sample(&[], "b", Kind::Lost, 1, 5),
        ]
    }

    #[test]
    fn a_recursive_function_counts_once_in_the_cumulative_sum() {
        let rows = by_frame(&example(), names::function);
        let of = |name: &str| rows.iter().find(|row| row.0 == name).unwrap().1;
        assert_eq!(of("unlock").flat, Cost { delay: 100, count: 2 });
        assert_eq!(of("work").flat, Cost { delay: 50, count: 1 });
        assert_eq!(of("work").cum, Cost { delay: 150, count: 3 });
        assert_eq!(of("main").flat, Cost::default());
        assert_eq!(of("main").cum, Cost { delay: 150, count: 3 });
    }

    #[test]
    fn flat_sums_add_up_to_the_whole_profile() {
        let samples = example();
        let whole = total(&samples, &[Kind::Blame, Kind::Handoff, Kind::Lost]);
        for rows in [by_frame(&samples, names::function), by_frame(&samples, names::line)] {
            let mut sum = Cost::default();
            rows.iter().for_each(|row| sum.add(row.1.flat));
            assert_eq!(sum, whole);
        }
        let mut sum = Cost::default();
        by_culprit(&samples).iter().for_each(|row| sum.add(row.1));
        assert_eq!(sum, whole);
        for (_, entry) in by_lock(&samples, std::iter::empty()) {
            sum.delay -= entry.blamed.delay + entry.handoff.delay;
        }
        assert_eq!(sum.delay, 0);
    }

    #[test]
    fn lost_blame_is_blame_of_its_lock() {
        let rows = by_lock(&example(), std::iter::empty());
        assert_eq!(rows[0].0, "a");
        assert_eq!(rows[1].1.blamed, Cost { delay: 55, count: 2 });
        assert_eq!(rows[1].1.lost, Cost { delay: 5, count: 1 });
        assert_eq!(rows[0].1.handoff, Cost { delay: 7, count: 3 });
    }

    #[test]
    fn what_is_known_of_a_lock_without_sampling_goes_before_samples() {
        let known = |blamed, waited| Totals {
            contentions: 9,
            waited: Duration::from_nanos(waited),
            blamed: Duration::from_nanos(blamed),
            handoff: Duration::from_nanos(waited - blamed),
            ..Totals::default()
        };
        // No sample is of "c", and nobody queued for "d".
        let exact = [("a", known(90, 98)), ("c", known(400, 401)), ("d", known(0, 0))];
        let rows = by_lock(&example(), exact.into_iter());
        let names: Vec<_> = rows.iter().map(|row| row.0.as_str()).collect();
        assert_eq!(names, ["c", "a", "b"]);
        assert_eq!(rows[0].1.blamed, Cost { delay: 400, count: 9 });
        assert_eq!(rows[0].1.handoff.delay, 1);
        assert_eq!(rows[1].1.blamed, Cost { delay: 90, count: 9 });
        assert_eq!(rows[1].1.handoff.delay, 8);
        assert_eq!(rows[2].1.blamed, Cost { delay: 55, count: 2 });
    }

    #[test]
    fn blame_without_a_stack_says_so() {
        let rows = by_frame(&[sample(&[], "a", Kind::Blame, 1, 1)], names::function);
        assert_eq!(rows[0].0, "[blame: the stack is unknown]");
    }

    #[test]
    fn absurd_numbers_saturate() {
        let mut absurd = sample(&["f"], "a", Kind::Blame, u64::MAX, 0);
        absurd.delay = Duration::MAX;
        let rows = by_frame(&[absurd.clone(), absurd], names::function);
        assert_eq!(rows[0].1.flat.count, u64::MAX);
        assert_eq!(rows[0].1.flat.delay, 2 * Duration::MAX.as_nanos());
    }
}
