//! Of what is charged to a critical section, the part during which its thread waited
//! for another lock itself.

use super::named::Weight;
use super::{Frame, Profile, Sample};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::Duration;

/// A part of what a culprit is charged with: its thread waited for another lock itself
/// meanwhile. Returned by [`Profile::nested`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NestedWait {
    /// The class of the lock that is charged.
    pub lock: String,
    /// The calls that ended the critical section that is charged, innermost first, as in
    /// [`Sample::stack`].
    pub culprit: Vec<Frame>,
    /// The class of the lock that the culprit's thread waited for.
    pub waited_for: String,
    /// The calls that ended the critical section it waited for, innermost first. Empty
    /// where they are unknown.
    pub held_by: Vec<Frame>,
    /// How many of the contended critical sections, estimated without bias.
    pub count: u64,
    /// How much of the delay, estimated without bias.
    pub delay: Duration,
}

impl Profile {
    /// Of what culprits are charged with, the parts during which they waited for other
    /// locks themselves, most delay first: who waits for `cache` while it holds `journal`
    /// passes on what it is charged with to who holds `cache`.
    ///
    /// These are parts of [`samples`](Profile::samples), not more of them. They are exact
    /// where the samples are, at a period of one nanosecond, for mutexes and writers;
    /// what readers of a readers-writer lock are charged with is not split. Counted is from
    /// when the culprit's thread queued. Who waited several times in one section is put
    /// down with the longest of these waits, of its last eight.
    ///
    /// May look up names, see [`samples`](Profile::samples).
    #[must_use]
    pub fn nested(&self) -> &[NestedWait] {
        &self.named().nested
    }
}

impl NestedWait {
    pub(super) fn weight(&self) -> Weight {
        let delay = u64::try_from(self.delay.as_nanos()).unwrap_or(u64::MAX);
        Weight { count: self.count, delay }
    }

    pub(super) fn frames_mut(&mut self) -> impl Iterator<Item = &mut Frame> {
        self.culprit.iter_mut().chain(&mut self.held_by)
    }

    /// The same without its weight.
    fn key(&self) -> (&str, &[Frame], &str, &[Frame]) {
        (&self.lock, &self.culprit, &self.waited_for, &self.held_by)
    }
}

/// Adds up those that differ in nothing but their weight, most delay first.
pub(super) fn merged(mut all: Vec<NestedWait>) -> Vec<NestedWait> {
    all.sort();
    all.dedup_by(|next, kept| {
        let same = next.key() == kept.key();
        if same {
            kept.count = kept.count.saturating_add(next.count);
            kept.delay = kept.delay.saturating_add(next.delay);
        }
        same
    });
    all.sort_by_key(|one| (Reverse(one.delay), Reverse(one.count)));
    all
}

/// What is left of `now` when `before` is taken away.
pub(super) fn minus(now: &[NestedWait], before: &[NestedWait]) -> Vec<NestedWait> {
    let before: BTreeMap<_, _> = before.iter().map(|one| (one.key(), one.weight())).collect();
    let left = now.iter().filter_map(|one| {
        let left = one.weight().minus(before.get(&one.key()).copied().unwrap_or_default());
        let delay = Duration::from_nanos(left.delay);
        (left != Weight::default()).then(|| NestedWait { count: left.count, delay, ..one.clone() })
    });
    merged(left.collect())
}

/// A line of the report: by the functions, whatever called them.
pub(super) struct Line<'a> {
    pub(super) culprit: &'a str,
    pub(super) lock: &'a str,
    pub(super) waited_for: &'a str,
    /// Empty where it is unknown.
    pub(super) held_by: &'a str,
    /// All that the culprit is charged with on the lock.
    pub(super) charged: Duration,
    pub(super) nested: Duration,
}

/// The lines of a report, most delay first.
pub(super) fn lines<'a>(nested: &'a [NestedWait], samples: &'a [Sample]) -> Vec<Line<'a>> {
    fn function(stack: &[Frame]) -> &str {
        stack.first().map_or("", |frame| &frame.function)
    }
    let mut sums: BTreeMap<_, Duration> = BTreeMap::new();
    for one in nested {
        let (culprit, held_by) = (function(&one.culprit), function(&one.held_by));
        let key = (culprit, one.lock.as_str(), one.waited_for.as_str(), held_by);
        *sums.entry(key).or_default() += one.delay;
    }
    let charged = |culprit: &str, lock: &str| {
        let its = samples.iter().filter(|one| one.lock == lock && function(&one.stack) == culprit);
        its.map(|one| one.delay).sum()
    };
    let mut lines: Vec<_> = sums
        .into_iter()
        .map(|((culprit, lock, waited_for, held_by), nested)| {
            let charged = charged(culprit, lock);
            Line { culprit, lock, waited_for, held_by, charged, nested }
        })
        .collect();
    lines.sort_by_key(|line| Reverse(line.nested));
    lines
}
