//! Sums by function, by line, and by who held up whom.

use std::collections::HashMap;

use holdup::profile::{Frame, Sample};

use super::{Cost, sorted, without_stack};
use crate::names;

/// What a row is of.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct FrameKey {
    /// The function without its type arguments, or why there is none.
    pub function: String,
    /// Its file and line, if rows are by line and both are known.
    pub place: Option<String>,
}

impl From<&str> for FrameKey {
    fn from(function: &str) -> FrameKey {
        FrameKey { function: function.to_owned(), place: None }
    }
}

/// The key of rows by function.
pub fn function_key(frame: &Frame) -> FrameKey {
    FrameKey { function: names::function(frame), place: None }
}

/// The key of rows by line.
pub fn line_key(frame: &Frame) -> FrameKey {
    FrameKey { function: names::function(frame), place: names::place(frame) }
}

/// What stands in one row: costs of its own, and with those of all it called.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Entry {
    /// Of critical sections that ended right here.
    pub flat: Cost,
    /// Of those, and of critical sections that ended in something called from here.
    pub cum: Cost,
}

/// Sums `samples` by a key of each frame of the program, without the start of
/// threads. The innermost gets the flat cost; each key on the stack gets the
/// cumulative cost, once, however often recursion put it there. A sample
/// without a stack counts under its kind.
///
/// Sorted by flat delay, then by cumulative delay, largest first.
pub fn by_frame(samples: &[Sample], key: impl Fn(&Frame) -> FrameKey) -> Vec<(FrameKey, Entry)> {
    let mut rows = Rows::default();
    // Frames come again and again; their keys are made once.
    let mut rows_of: HashMap<&Frame, usize> = HashMap::new();
    for (number, sample) in samples.iter().enumerate() {
        let cost = Cost::of(sample);
        if let Some(name) = without_stack(sample) {
            let row = rows.of(name.into());
            rows.entries[row].flat.add(cost);
            rows.entries[row].cum.add(cost);
            continue;
        }
        for (depth, frame) in names::program(names::culprit(&sample.stack)).iter().enumerate() {
            let row = *rows_of.entry(frame).or_insert_with(|| rows.of(key(frame)));
            if depth == 0 {
                rows.entries[row].flat.add(cost);
            }
            if rows.last_seen[row] != Some(number) {
                rows.last_seen[row] = Some(number);
                rows.entries[row].cum.add(cost);
            }
        }
    }
    let entries = rows.index.into_iter().map(|(key, row)| (key, rows.entries[row])).collect();
    sorted(entries, |entry| (entry.flat.delay, entry.cum.delay))
}

/// Rows under construction.
#[derive(Default)]
struct Rows {
    index: HashMap<FrameKey, usize>,
    entries: Vec<Entry>,
    /// The sample that last counted in a row's cumulative cost.
    last_seen: Vec<Option<usize>>,
}

impl Rows {
    fn of(&mut self, key: FrameKey) -> usize {
        *self.index.entry(key).or_insert_with(|| {
            self.entries.push(Entry::default());
            self.last_seen.push(None);
            self.entries.len() - 1
        })
    }
}

/// Who ended the critical sections of which lock, the most blamed first: the
/// key is (function, lock).
pub fn by_culprit(samples: &[Sample]) -> Vec<((String, String), Cost)> {
    let mut entries: HashMap<(String, String), Cost> = HashMap::new();
    for sample in samples {
        let name = match without_stack(sample) {
            Some(name) => name.to_owned(),
            None => names::function(&names::culprit(&sample.stack)[0]),
        };
        entries.entry((name, sample.lock.clone())).or_default().add(Cost::of(sample));
    }
    sorted(entries, |cost| (cost.delay, 0))
}
