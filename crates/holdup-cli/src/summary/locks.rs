//! Sums by lock.

use std::collections::HashMap;

use holdup::profile::{Kind, Profile};

use super::{Cost, sorted};

/// What is known of one lock class.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct LockEntry {
    /// Nanoseconds of the waits that ended.
    pub waited: u128,
    /// How many those were; unknown in profiles of Go.
    pub waits: Option<u64>,
    /// Charged to critical sections, with or without a stack.
    pub blamed: Cost,
    /// The part of `blamed` whose stack was lost.
    pub lost: Cost,
    /// Nanoseconds waited while nobody held the lock.
    pub handoff: u128,
}

/// The sums of each lock, the one most waited for first. Exact in profiles of
/// holdup, but for `lost`.
pub fn by_lock(profile: &Profile) -> Vec<(String, LockEntry)> {
    let mut entries: HashMap<String, LockEntry> = HashMap::new();
    for (name, totals) in profile.classes() {
        let entry = LockEntry {
            waited: totals.waited.as_nanos(),
            waits: Some(totals.waits).filter(|&waits| waits > 0),
            blamed: Cost { delay: totals.blamed.as_nanos(), count: totals.contentions },
            handoff: totals.handoff.as_nanos(),
            ..LockEntry::default()
        };
        // Those that were only spun for are in no queue, and in no row.
        if entry != LockEntry::default() {
            entries.insert(name.to_owned(), entry);
        }
    }
    for sample in profile.samples().iter().filter(|sample| sample.kind == Kind::Lost) {
        if let Some(entry) = entries.get_mut(&sample.lock) {
            entry.lost.add(Cost::of(sample));
        }
    }
    sorted(entries, |entry| (entry.waited, entry.blamed.delay))
}
