//! From a claim to a row of the profile.
//!
//! A claim arrives here after the lock was released, never inside the critical
//! section. Its exact amount is added to the [`totals`] of the lock's class;
//! the [`sampler`] decides whether it is also kept with its call stack
//! ([`stack`]) in the fixed-size [`table`]. Nothing on this path allocates or
//! takes a foreign lock, so locks may be used inside a global allocator.

use crate::class::ClassId;

pub mod stack;

/// What a row of the profile stands for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Kind {
    /// Time that waiters waited during a critical section; the stack is that
    /// of the call that ended it.
    Blame,
    /// Time that waiters waited while nobody held the lock: wake-up latency
    /// and scheduling. Has no stack: no critical section caused it.
    Handoff,
    /// Blame whose stack could not be kept (the table was full, or the
    /// profiler was entered again by a signal handler). Has no stack.
    Lost,
}

/// One row of the profile as it is kept: addresses, not yet names.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    /// Return addresses, innermost first; the first ones are holdup's own.
    /// Subtract one from each to be inside the call instruction.
    pub stack: &'a [usize],
    /// The class of the lock.
    pub class: ClassId,
    /// What the row stands for.
    pub kind: Kind,
    /// Contended critical sections, estimated without bias from the sample.
    pub count: u64,
    /// Nanoseconds that waiters waited, estimated without bias.
    pub delay: u64,
}

/// Exact sums since the program started, in nanoseconds where they are times.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Sums {
    /// Critical sections that ended while somebody waited, or that a waiter
    /// gave up on.
    pub contentions: u64,
    /// Waits that ended, in success or by time-out.
    pub waits: u64,
    /// The time those waits took.
    pub waited: u64,
    /// The part charged to critical sections.
    pub blamed: u64,
    /// The part during which nobody held the lock.
    pub handoff: u64,
    /// Handoff claims that were not zero.
    pub handoffs: u64,
    /// Acquisitions that succeeded while spinning, before they queued.
    pub spins: u64,
    /// The time those took. Not part of `waited`.
    pub spun: u64,
}
