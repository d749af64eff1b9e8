//! Sums by function, by line, and by who held up whom.

use std::collections::HashMap;

use holdup::profile::{Contents, Frame, Kind, Pair, Sample};

use super::{Cost, sorted};
use crate::{names, stacks};

/// What a row is of.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct RowKey {
    /// The function without its type arguments, or why there is none; by lock,
    /// the lock.
    pub name: String,
    /// Its file and line, if rows are by line and both are known.
    pub place: Option<String>,
    /// The function that waited for it, if rows are by pair.
    pub victim: Option<String>,
    /// The lock it waited for, if rows are by pair.
    pub lock: Option<String>,
}

impl From<&str> for RowKey {
    fn from(name: &str) -> RowKey {
        RowKey { name: name.to_owned(), ..RowKey::default() }
    }
}

/// The key of rows by function.
pub fn function_key(frame: &Frame) -> RowKey {
    RowKey { name: names::function(frame), ..RowKey::default() }
}

/// The key of rows by line.
pub fn line_key(frame: &Frame) -> RowKey {
    RowKey { place: names::place(frame), ..function_key(frame) }
}

/// What stands in one row: costs of its own, and with those of all it called.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Entry {
    /// Of critical sections that ended right here.
    pub flat: Cost,
    /// Of those, and of critical sections that ended in something called from here.
    pub cum: Cost,
}

/// Sums `pairs` by a key of each frame of the program, without the start of
/// threads: of the victims if `contents` says so, else of the culprits. The innermost gets the flat cost; each key on the stack gets the
/// cumulative cost, once, however often recursion put it there. What has no
/// stack counts under the reason.
///
/// Sorted by flat delay, then by cumulative delay, largest first.
pub fn by_frame(
    pairs: &[Pair<'_>],
    contents: Contents,
    key: impl Fn(&Frame) -> RowKey,
) -> Vec<(RowKey, Entry)> {
    let mut rows = Rows::default();
    // Frames come again and again; their keys are made once.
    let mut rows_of: HashMap<&Frame, usize> = HashMap::new();
    for (number, pair) in pairs.iter().enumerate() {
        let cost = Cost::of(pair);
        let (stack, unknown) = if contents == Contents::Victims && pair.kind == Kind::Blame {
            (pair.victim, stacks::UNKNOWN_VICTIM)
        } else {
            (pair.culprit, stacks::placeholder(pair.kind))
        };
        if stack.is_empty() {
            let row = rows.of(unknown.into());
            rows.entries[row].flat.add(cost);
            rows.entries[row].cum.add(cost);
            continue;
        }
        for (depth, frame) in names::program(names::culprit(stack)).iter().enumerate() {
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
    index: HashMap<RowKey, usize>,
    entries: Vec<Entry>,
    /// The sample that last counted in a row's cumulative cost.
    last_seen: Vec<Option<usize>>,
}

impl Rows {
    fn of(&mut self, key: RowKey) -> usize {
        *self.index.entry(key).or_insert_with(|| {
            self.entries.push(Entry::default());
            self.last_seen.push(None);
            self.entries.len() - 1
        })
    }
}

/// The function that a stack is charged with, or why it is not known.
fn charged(stack: &[Frame], unknown: &str) -> String {
    names::culprit(stack).first().map_or_else(|| unknown.to_owned(), names::function)
}

/// Who held up whom at which lock, the most delay first: the key's name is the
/// function that ended the critical section. Nobody is the victim of a handoff.
pub fn by_pair(pairs: &[Pair<'_>]) -> Vec<(RowKey, Cost)> {
    let mut entries: HashMap<RowKey, Cost> = HashMap::new();
    for pair in pairs {
        let victim = match pair.kind {
            Kind::Blame => Some(charged(pair.victim, stacks::UNKNOWN_VICTIM)),
            Kind::Handoff | Kind::Lost => None,
        };
        let name = charged(pair.culprit, stacks::placeholder(pair.kind));
        let key = RowKey { name, place: None, victim, lock: Some(pair.lock.to_owned()) };
        entries.entry(key).or_default().add(Cost::of(pair));
    }
    sorted(entries, |cost| (cost.delay, 0))
}

/// Who ended the critical sections of which lock, the most blamed first: the
/// key is (function, lock).
pub fn by_culprit(samples: &[Sample]) -> Vec<((String, String), Cost)> {
    let mut entries: HashMap<(String, String), Cost> = HashMap::new();
    for sample in samples {
        let name = charged(&sample.stack, stacks::placeholder(sample.kind));
        let cost = Cost { delay: sample.delay.as_nanos(), count: sample.count };
        entries.entry((name, sample.lock.clone())).or_default().add(cost);
    }
    sorted(entries, |cost| (cost.delay, 0))
}
