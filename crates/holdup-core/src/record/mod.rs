//! From a claim to a row of the profile.
//!
//! A claim arrives here after the lock was released, never inside the critical
//! section. Its exact amount is added to the `totals` of the lock's class;
//! the `sampler` decides whether it is also kept with its call stack
//! ([`stack`]) in the fixed-size `table`. Nothing on this path allocates or
//! takes a foreign lock, so locks may be used inside a global allocator.

use crate::class::ClassId;
use core::cell::Cell;

mod books;
pub mod histogram;
mod sampler;
pub mod stack;
mod table;
mod totals;

pub use books::Books;
pub use sampler::{period, set_period};
pub use totals::OTHERS;

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
    /// The time those took, and what others spun for sections that ended before
    /// they queued. Not part of `waited`.
    pub spun: u64,
}

impl Sums {
    /// Adds a claim of time during which nobody held the lock.
    #[inline]
    pub fn add_handoff(&mut self, amount: u64) {
        self.handoffs += u64::from(amount > 0);
        self.handoff += amount;
    }

    /// Adds a wait that ended.
    #[inline]
    pub fn add_wait(&mut self, waited: u64) {
        self.waits += 1;
        self.waited += waited;
    }

    /// Adds other sums to these.
    pub fn add(&mut self, other: &Sums) {
        self.contentions += other.contentions;
        self.waits += other.waits;
        self.waited += other.waited;
        self.blamed += other.blamed;
        self.handoff += other.handoff;
        self.handoffs += other.handoffs;
        self.spins += other.spins;
        self.spun += other.spun;
    }

    /// Adds a claim of a critical section; it may make more than one.
    #[inline]
    pub fn add_blame(&mut self, amount: u64, first: bool) {
        self.contentions += u64::from(first);
        self.blamed += amount;
    }
}

/// How many frames of a stack are kept, the innermost ones.
pub const DEPTH: usize = 64;

/// Adds to the exact sums of `class`: for locks that are accounted for outside
/// of this crate, as those of the pthread interposer are. Allocates nothing, takes
/// no lock; some relaxed additions.
#[inline]
pub fn book(class: ClassId, sums: &Sums) {
    totals::add(class, sums);
}

/// Keeps the blame of a critical section with the stack of the caller, if it
/// is sampled. To be called after the lock was released, by the thread that did
/// it. Allocates nothing, takes no lock; some nanoseconds, or what
/// [`stack::capture`] takes and some 50 ns more if it is sampled.
#[inline]
pub fn sample(class: ClassId, blame: u64) {
    // A model has no stacks to keep; its sums are kept.
    if crate::sync::MODELLED {
        return;
    }
    if let Some((count, delay)) = sampler::sample(blame) {
        keep(class, count, delay);
    }
}

/// Counts blame that no thread could claim with its stack.
#[cold]
pub(crate) fn book_lost(class: ClassId, delay: u64) {
    totals::add_lost(class, 1, delay);
}

thread_local! {
    /// Whether this thread is keeping a sample: a signal handler that
    /// interrupts it must not enter a second time.
    static KEEPING: Cell<bool> = const { Cell::new(false) };
}

#[cold]
#[inline(never)]
fn keep(class: ClassId, count: u64, delay: u64) {
    let kept = !KEEPING.replace(true) && {
        let mut stack = [0; DEPTH];
        let depth = stack::capture(&mut stack);
        let kept = table::add(&stack[..depth], class, count, delay);
        KEEPING.set(false);
        kept
    };
    if !kept {
        totals::add_lost(class, count, delay);
    }
}

/// Calls `visit` with each row of the profile: the stacks with what was
/// sampled at them, and for each class one row of its exact handoff and one of
/// what was lost, unless zero. A stack may come in more than one row. Rows
/// that grow meanwhile are seen as they are when they are visited. Takes no
/// lock, allocates nothing; linear in the size of the table.
pub fn for_each_row(visit: impl FnMut(Row<'_>)) {
    rows(table::current(), totals::current(), visit);
}

fn rows(table: Option<&table::Table>, totals: &totals::Totals, mut visit: impl FnMut(Row<'_>)) {
    if let Some(table) = table {
        table::for_each(table, |stack, class, count, delay| {
            visit(Row { stack, class, kind: Kind::Blame, count, delay });
        });
    }
    totals::for_each(totals, |class| {
        let totals::Class { class, sums, lost } = class;
        if (sums.handoffs, sums.handoff) != (0, 0) {
            let (count, delay) = (sums.handoffs, sums.handoff);
            visit(Row { stack: &[], class, kind: Kind::Handoff, count, delay });
        }
        if lost != (0, 0) {
            visit(Row { stack: &[], class, kind: Kind::Lost, count: lost.0, delay: lost.1 });
        }
    });
}

/// The exact sums of one class, for models and tests.
#[cfg(any(test, loom, shuttle))]
#[must_use]
pub fn sums_of(class: ClassId) -> Sums {
    totals::of(class)
}

/// Calls `visit` with each class that was ever contended and its exact sums.
/// Takes no lock, allocates nothing.
pub fn for_each_class(mut visit: impl FnMut(ClassId, Sums)) {
    totals::for_each(totals::current(), |class| visit(class.class, class.sums));
}
