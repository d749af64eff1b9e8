//! Lock classes: their names and their exact sums.

#[cfg(doc)]
use super::Profile;
use super::{Histogram, UNNAMED};
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

/// One lock class: how much was waited, and how long each wait was. Returned
/// by [`Profile::locks`].
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Lock<'a> {
    /// The name of the class; `(unnamed)` for all locks without one.
    pub name: &'a str,
    /// The exact sums.
    pub totals: Totals,
    /// The waits that ended, by their length. At any quiet moment there are as
    /// many as [`Totals::waits`]. Empty in a profile that was read from a file
    /// that has none.
    pub waits: &'a Histogram,
    /// Critical sections that others waited for, by how long they were waited
    /// for: from when the lock was acquired, or the first waiter came if that
    /// was later, to the release. Readers that hold a lock together are one
    /// section, which ends when the last one leaves. Sections that were waited
    /// for only by some who gave up are left out.
    pub holds: &'a Histogram,
    /// The longest wait; zero if there was none, or it is unknown.
    pub longest: Duration,
}

impl<'a> Lock<'a> {
    pub(super) fn of(class: &'a Class) -> Lock<'a> {
        Lock {
            name: &class.name,
            totals: class.sums.into(),
            waits: &class.waits,
            holds: &class.holds,
            longest: Duration::from_nanos(class.longest),
        }
    }
}

/// A lock class, its exact sums and its histograms.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Class {
    /// Unknown in profiles that were read.
    pub(super) id: Option<ClassId>,
    pub(super) name: String,
    pub(super) sums: Sums,
    pub(super) waits: Histogram,
    pub(super) holds: Histogram,
    /// The longest wait, in nanoseconds.
    pub(super) longest: u64,
}

impl Class {
    /// Adds what happened to one of the same name.
    pub(super) fn add(&mut self, other: &Class) {
        self.sums = sum([self.sums, other.sums].into_iter());
        self.waits = self.waits.and(&other.waits);
        self.holds = self.holds.and(&other.holds);
        self.longest = self.longest.max(other.longest);
    }

    /// What happened to it since it was `before`.
    pub(super) fn minus(&self, before: &Class) -> Class {
        let waits = self.waits.minus(&before.waits);
        // A longer one than ever before is new. Else the longest bucket that
        // something was added to says.
        let longest = if self.longest > before.longest {
            self.longest
        } else {
            let last = waits.buckets().last().map_or(Duration::ZERO, |bucket| bucket.most);
            u64::try_from(last.as_nanos()).unwrap_or(u64::MAX).min(self.longest)
        };
        Class {
            sums: minus(self.sums, before.sums),
            waits,
            holds: self.holds.minus(&before.holds),
            longest,
            ..self.clone()
        }
    }
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
fn minus(now: Sums, before: Sums) -> Sums {
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
pub(crate) struct ClassNames(BTreeMap<ClassId, BTreeSet<&'static str>>);

impl ClassNames {
    pub(crate) fn load() -> ClassNames {
        let mut names: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        class::for_each(|id, name| {
            names.entry(id).or_default().insert(name);
        });
        ClassNames(names)
    }

    pub(crate) fn of(&self, id: ClassId) -> String {
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
