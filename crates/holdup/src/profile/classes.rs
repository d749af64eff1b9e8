//! Lock classes: their names and their exact sums.

use super::UNNAMED;
use holdup_core::class::{self, ClassId};
use holdup_core::record::{self, Sums};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Exact sums over a stretch of time, of one lock class or of all.
///
/// At any quiet moment `waited == blamed + handoff`: when no thread waits for a
/// lock, and none holds one that somebody waited for in vain. A section is
/// charged when it ends, also with the waits that timed out meanwhile.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Critical sections that ended while somebody waited, or that a waiter
    /// gave up on.
    pub contentions: u64,
    /// Waits that ended, in success or by time-out.
    pub waits: u64,
    /// The time those waits took, summed over the waiters: ten threads that
    /// wait for one millisecond have waited for ten.
    pub waited: Duration,
    /// The part of it that critical sections caused.
    pub blamed: Duration,
    /// The part of it during which nobody held the lock: waking up a thread
    /// and getting it onto a processor.
    pub handoff: Duration,
    /// Time spent spinning for critical sections that ended before the thread
    /// queued, or without queueing at all. Not part of `waited`.
    pub spun: Duration,
    /// How many acquisitions succeeded that way.
    pub spins: u64,
}

impl From<Sums> for Totals {
    fn from(sums: Sums) -> Totals {
        Totals {
            contentions: sums.contentions,
            waits: sums.waits,
            waited: Duration::from_nanos(sums.waited),
            blamed: Duration::from_nanos(sums.blamed),
            handoff: Duration::from_nanos(sums.handoff),
            spun: Duration::from_nanos(sums.spun),
            spins: sums.spins,
        }
    }
}

/// A lock class and its exact sums.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Class {
    /// Unknown in profiles that were read.
    pub(super) id: Option<ClassId>,
    pub(super) name: String,
    pub(super) sums: Sums,
}

/// The sum of all `parts`.
pub(super) fn sum(parts: impl Iterator<Item = Sums>) -> Sums {
    let mut all = Sums::default();
    for sums in parts {
        let add = |to: &mut u64, amount: u64| *to = to.saturating_add(amount);
        add(&mut all.contentions, sums.contentions);
        add(&mut all.waits, sums.waits);
        add(&mut all.waited, sums.waited);
        add(&mut all.blamed, sums.blamed);
        add(&mut all.handoff, sums.handoff);
        add(&mut all.handoffs, sums.handoffs);
        add(&mut all.spins, sums.spins);
        add(&mut all.spun, sums.spun);
    }
    all
}

/// What is left of `now` when `before` is taken away, never less than nothing.
pub(super) fn minus(now: Sums, before: Sums) -> Sums {
    Sums {
        contentions: now.contentions.saturating_sub(before.contentions),
        waits: now.waits.saturating_sub(before.waits),
        waited: now.waited.saturating_sub(before.waited),
        blamed: now.blamed.saturating_sub(before.blamed),
        handoff: now.handoff.saturating_sub(before.handoff),
        handoffs: now.handoffs.saturating_sub(before.handoffs),
        spins: now.spins.saturating_sub(before.spins),
        spun: now.spun.saturating_sub(before.spun),
    }
}

/// The names of lock classes, from the core's registry.
pub(super) struct ClassNames(BTreeMap<ClassId, BTreeSet<&'static str>>);

impl ClassNames {
    pub(super) fn load() -> ClassNames {
        let mut names: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        class::for_each(|id, name| {
            names.entry(id).or_default().insert(name);
        });
        ClassNames(names)
    }

    pub(super) fn of(&self, id: ClassId) -> String {
        match (id, self.0.get(&id)) {
            (_, Some(names)) => names.iter().copied().collect::<Vec<_>>().join("|"),
            (ClassId::UNNAMED, None) => UNNAMED.to_owned(),
            // Where the core adds up classes for which it had no room.
            (record::OTHERS, None) => "(others)".to_owned(),
            // The lock has a number, but the name's constructor never ran.
            (ClassId(number), None) => format!("(class {number:#010x})"),
        }
    }
}

/// All classes that have a name or were contended, sorted by name, with their
/// sums as they are now. Takes no lock.
#[cfg(feature = "metrics")]
pub(crate) fn current_classes() -> Vec<(String, Totals)> {
    let mut sums = BTreeMap::from([(ClassId::UNNAMED, Sums::default())]);
    class::for_each(|id, _| {
        sums.insert(id, Sums::default());
    });
    record::for_each_class(|id, found| {
        sums.insert(id, found);
    });
    let names = ClassNames::load();
    let mut classes: Vec<_> =
        sums.into_iter().map(|(id, sums)| (names.of(id), Totals::from(sums))).collect();
    classes.sort_by(|a, b| a.0.cmp(&b.0));
    classes
}
