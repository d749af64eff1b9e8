//! The exact sums of a profile, and what of them its call stacks stand for.

use std::time::Duration;

use holdup::profile::Profile;

/// A profile in a few numbers; times are in nanoseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Books {
    /// In the queues of locks, by waits that ended.
    pub waited: u128,
    /// Charged to critical sections that ended.
    pub blamed: u128,
    /// While nobody held the lock.
    pub handoff: u128,
    pub contentions: u64,
    pub waits: u64,
    /// Spinning, without a place in a queue.
    pub spun: u128,
    pub spins: u64,
    /// What the samples stand for: blame, lost and handoff together.
    pub sampled: u128,
    /// The stretch of time the profile is of; zero if it does not say.
    pub duration: Duration,
}

impl Books {
    /// Those of `profile`. A profile without exact sums, such as Go's, was
    /// given those of its samples when it was read.
    pub fn of(profile: &Profile) -> Books {
        let totals = profile.totals();
        Books {
            waited: totals.waited.as_nanos(),
            blamed: totals.blamed.as_nanos(),
            handoff: totals.handoff.as_nanos(),
            contentions: totals.contentions,
            waits: totals.waits,
            spun: totals.spun.as_nanos(),
            spins: totals.spins,
            sampled: profile
                .samples()
                .iter()
                .fold(0, |sum: u128, sample| sum.saturating_add(sample.delay.as_nanos())),
            duration: profile.duration(),
        }
    }

    /// Charged for certain, but to no stack: sampling leaves some sections out
    /// and gives others more weight. Less than zero where it gave too much.
    pub fn not_sampled(&self) -> i128 {
        minus(self.blamed.saturating_add(self.handoff), self.sampled)
    }

    /// Waited for sections that have not ended, and so are charged with
    /// nothing yet. Less than zero where waits have not ended whose sections have.
    pub fn not_charged(&self) -> i128 {
        minus(self.waited, self.blamed.saturating_add(self.handoff))
    }

    /// The rows that a table needs besides those of samples to add up to
    /// `waited`: a name and nanoseconds, none of them zero.
    pub fn rest(&self) -> impl Iterator<Item = (&'static str, i128)> {
        let sampled = match self.not_sampled() {
            rest @ 0.. => ("[not sampled: blame that no stack stands for]", rest),
            rest => ("[sampled: stacks stand for more than was blamed]", rest),
        };
        let charged = match self.not_charged() {
            rest @ 0.. => ("[not charged yet: sections that have not ended]", rest),
            rest => ("[charged before: waits that have not ended]", rest),
        };
        [sampled, charged].into_iter().filter(|row| row.1 != 0)
    }

    /// Whether nobody was in a queue, and nothing is known of anybody who was.
    pub fn is_empty(&self) -> bool {
        [self.waited, self.blamed, self.handoff, self.sampled] == [0; 4]
            && self.contentions == 0
            && self.waits == 0
    }
}

/// The difference, as far as it can be said.
fn minus(a: u128, b: u128) -> i128 {
    let amount = i128::try_from(a.abs_diff(b)).unwrap_or(i128::MAX);
    if a < b { -amount } else { amount }
}
