//! From a claim to a row of the profile.
//!
//! A claim arrives here after the lock was released, never inside the critical
//! section. Its exact amount is added to the `totals` of the lock's class;
//! the `sampler` decides whether it is also kept with its call stack
//! ([`stack`]) in the fixed-size `table`, and with that of one who waited in the
//! table of `pairs`. How long each wait and each contended section was goes to the
//! `shapes` of the class: a [`histogram`] of each, and the `longest` waits; a wait
//! is noted on the `slate` of its thread until that is outside of the critical
//! section. Nothing on this path allocates or takes a foreign lock, so locks may be
//! used inside a global allocator.

use crate::class::ClassId;
use core::cell::Cell;

mod books;
pub mod histogram;
mod lazy;
mod longest;
mod pairs;
mod sampler;
mod shapes;
mod slate;
pub mod stack;
mod table;
mod totals;

pub use books::Books;
pub(crate) use longest::Ended;
pub(crate) use sampler::{Draw, random_below};
pub use sampler::{period, set_period};
pub use shapes::Times;
pub(crate) use slate::Slate;
pub use table::RowId;
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
    /// Those of a thread that waited, up from where it slept. Empty if unknown.
    pub victim: &'a [usize],
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

/// Counts a wait in the histogram of `class`: for locks that are accounted for
/// outside of this crate. Constant time, allocates nothing.
#[inline]
pub fn add_wait(class: ClassId, nanoseconds: u64) {
    if let Some(shapes) = shapes::SHAPES.get() {
        shapes.of(class).add_wait(histogram::index(nanoseconds));
    }
}

/// Counts the time for which others waited for a critical section in the histogram
/// of `class`, as [`add_wait`] does.
#[inline]
pub fn add_hold(class: ClassId, nanoseconds: u64) {
    shapes::add_hold(class, nanoseconds);
}

/// Keeps the blame of a critical section with the stack of the caller, if it
/// is sampled. To be called after the lock was released, by the thread that did
/// it. Allocates nothing, takes no lock; some nanoseconds, or what
/// [`stack::capture`] takes and some 50 ns more if it is sampled.
#[inline]
pub fn sample(class: ClassId, blame: u64) {
    sample_drawn(class, &Draw::new(), &Section { blame, ..Section::default() });
}

/// A critical section that others waited for, as it ended.
#[derive(Clone, Copy, Default)]
pub(crate) struct Section {
    /// What it is charged with.
    pub(crate) blame: u64,
    /// The part of it during which who holds the lock waited for another one.
    pub(crate) nested: u64,
    /// Who waited, if a victim was chosen and is known.
    pub(crate) victim: RowId,
    /// For how long it was waited for, if that ended with it.
    pub(crate) hold: Option<u64>,
    /// When it ended.
    pub(crate) at: u64,
}

/// Keeps what is to be kept of a critical section. To be called after the lock was
/// released, by the thread that did it.
#[inline]
pub(crate) fn section_ended(class: ClassId, draw: &Draw, section: &Section) {
    // A model has no stacks to keep; its sums are kept.
    if crate::sync::MODELLED {
        return;
    }
    if let Some(record) = crate::thread::record() {
        record.slate.settle();
    }
    if let Some(hold) = section.hold {
        shapes::add_hold(class, hold);
    }
    sample_drawn(class, draw, section);
}

#[inline]
fn sample_drawn(class: ClassId, draw: &Draw, section: &Section) {
    if crate::sync::MODELLED {
        return;
    }
    if let Some((count, delay)) = draw.weigh(section.blame) {
        keep(class, count, delay, section);
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
fn keep(class: ClassId, count: u64, delay: u64, section: &Section) {
    let kept = !KEEPING.replace(true) && {
        let mut stack = [0; DEPTH];
        let depth = stack::capture(&mut stack);
        let kept = keep_at(&stack[..depth], class, count, delay, section);
        KEEPING.set(false);
        kept
    };
    if !kept {
        totals::add_lost(class, count, delay);
    }
}

fn keep_at(stack: &[usize], class: ClassId, count: u64, delay: u64, section: &Section) -> bool {
    let Some(culprits) = table::CULPRITS.get() else { return false };
    let Some(row) = culprits.enter(stack, class) else { return false };
    let victim = section.victim;
    let paired =
        victim != 0 && pairs::PAIRS.get().is_some_and(|pairs| pairs.add(row, victim, count, delay));
    if section.nested > 0 {
        keep_nested(culprits, row, count, delay, section);
    }
    // In one place, whole: what a culprit is charged with is the sum of both.
    if !paired {
        culprits.add(row, count, delay);
    }
    if let (Some(hold), Some(record)) = (section.hold, crate::thread::record()) {
        let name = record.slate.own_name();
        record.slate.note_row(section.at, hold, row);
        // Who waited for this section may have been kept before its stack was known.
        if let Some(shapes) = shapes::SHAPES.current() {
            let longest = &shapes.of(class).longest;
            if longest.wants(hold) {
                let thread = crate::thread::number();
                longest.name_culprit(Ended { thread, at: section.at }, row, name);
            }
        }
    }
    true
}

/// Keeps, of a sample kept at `row`, the part during which its thread waited for another
/// lock: with that one and who held it, the longest of the thread's waits since the
/// section began.
#[cold]
fn keep_nested(culprits: &table::Table, row: RowId, count: u64, delay: u64, section: &Section) {
    let (Some(nested), Some(record)) = (pairs::NESTED.get(), crate::thread::own()) else { return };
    let began = section.at.saturating_sub(section.hold.unwrap_or(0));
    let Some((class, by)) = record.slate.longest_wait_since(began) else { return };
    let by = crate::thread::slate_of(by.thread).and_then(|slate| slate.row_of(by.at));
    // Who held it may not be sampled: then there is its class, without a stack.
    let Some(by) = by.or_else(|| culprits.enter(&[], class)) else { return };
    // What the sample stands for is nested in the proportion that the section is.
    let part = u128::from(delay) * u128::from(section.nested) / u128::from(section.blame.max(1));
    nested.add(row, by, count, part as u64);
}

/// A part of a row of the profile: what was waited while the thread that is charged with
/// it waited for another lock itself.
#[derive(Clone, Copy, Debug)]
pub struct Nested<'a> {
    /// The return addresses that ended the critical section that is charged.
    pub stack: &'a [usize],
    /// The class of its lock.
    pub class: ClassId,
    /// Those that ended the section which that thread waited for. Empty if unknown.
    pub held_by: &'a [usize],
    /// The class of the lock which that thread waited for.
    pub waited_for: ClassId,
    /// As in the row.
    pub count: u64,
    /// The part of the row's delay.
    pub delay: u64,
}

/// Calls `visit` with the parts of rows that are nested. Takes no lock, allocates nothing;
/// linear in the size of the table.
pub fn for_each_nested(mut visit: impl FnMut(Nested<'_>)) {
    let (Some(nested), Some(table)) = (pairs::NESTED.current(), table::CULPRITS.current()) else {
        return;
    };
    let (mut one, mut other) = ([0; DEPTH], [0; DEPTH]);
    nested.for_each(|culprit, by, count, delay| {
        let Some((stack, class)) = table.read(culprit, &mut one) else { return };
        let Some((held_by, waited_for)) = table.read(by, &mut other) else { return };
        visit(Nested { stack, class, held_by, waited_for, count, delay });
    });
}

/// The stack of the caller, who is about to sleep, as a victim's; zero where there is
/// no room for it, or sampling is off. Some 100 ns, allocates nothing.
#[cold]
#[inline(never)]
pub(crate) fn enter_victim() -> RowId {
    if crate::sync::MODELLED || period() == 0 || KEEPING.replace(true) {
        return 0;
    }
    let mut stack = [0; DEPTH];
    let depth = stack::capture(&mut stack);
    let victims = table::VICTIMS.get();
    let row = victims.and_then(|victims| victims.enter(&stack[..depth], ClassId::UNNAMED));
    KEEPING.set(false);
    row.unwrap_or(0)
}

/// The stack of a waiter that was entered as `row`: fills `stack` and returns how many
/// return addresses there are, innermost first; none if unknown.
pub fn victim_stack(row: RowId, stack: &mut [usize; DEPTH]) -> usize {
    let victims = table::VICTIMS.current();
    victims.and_then(|victims| victims.read(row, stack)).map_or(0, |(stack, _)| stack.len())
}

/// Calls `visit` with each row of the profile: the stacks with what was
/// sampled at them, and for each class one row of its exact handoff and one of
/// what was lost, unless zero. A stack may come in more than one row. Rows
/// that grow meanwhile are seen as they are when they are visited. Takes no
/// lock, allocates nothing; linear in the size of the table.
pub fn for_each_row(visit: impl FnMut(Row<'_>)) {
    let (culprits, victims) = (table::CULPRITS.current(), table::VICTIMS.current());
    rows(culprits, victims, pairs::PAIRS.current(), totals::current(), visit);
}

fn rows(
    table: Option<&table::Table>,
    victims: Option<&table::Table>,
    pairs: Option<&pairs::Pairs>,
    totals: &totals::Totals,
    mut visit: impl FnMut(Row<'_>),
) {
    let kind = Kind::Blame;
    if let Some(table) = table {
        table::for_each(table, |stack, class, count, delay| {
            visit(Row { stack, victim: &[], class, kind, count, delay });
        });
    }
    if let (Some(table), Some(pairs)) = (table, pairs) {
        let (mut stack, mut other) = ([0; DEPTH], [0; DEPTH]);
        pairs.for_each(|culprit, victim, count, delay| {
            let Some((stack, class)) = table.read(culprit, &mut stack) else { return };
            let victim = victims.and_then(|victims| victims.read(victim, &mut other));
            let victim = victim.map_or(&[][..], |(victim, _)| victim);
            visit(Row { stack, victim, class, kind, count, delay });
        });
    }
    totals::for_each(totals, |class| {
        let totals::Class { class, sums, lost } = class;
        let (stack, victim) = (&[], &[]);
        if (sums.handoffs, sums.handoff) != (0, 0) {
            let (count, delay) = (sums.handoffs, sums.handoff);
            visit(Row { stack, victim, class, kind: Kind::Handoff, count, delay });
        }
        if lost != (0, 0) {
            let (count, delay) = lost;
            visit(Row { stack, victim, class, kind: Kind::Lost, count, delay });
        }
    });
}

/// Calls `visit` with the times of waits and holds of each class that has any. Takes
/// no lock, allocates nothing.
pub fn for_each_times(visit: impl FnMut(ClassId, &Times)) {
    if let Some(shapes) = shapes::SHAPES.current() {
        shapes.for_each(totals::current(), visit);
    }
}

/// Calls `visit` with the class and the bucket of each wait that ended and is not
/// yet in the histogram of its class. To be called after [`for_each_times`]: then no
/// wait is seen twice, and none is missing whose thread does nothing meanwhile.
pub fn for_each_pending_wait(mut visit: impl FnMut(ClassId, usize)) {
    crate::thread::for_each_slate(|slate| {
        if let Some((class, bucket)) = slate.pending() {
            visit(totals::class_at(totals::place(class), class), bucket);
        }
    });
}

/// One of the longest waits, as it is kept.
#[derive(Clone, Copy, Debug)]
pub struct LongWait<'a> {
    /// The class of the lock.
    pub class: ClassId,
    /// How long it was, in nanoseconds.
    pub nanoseconds: u64,
    /// When it ended, by [`crate::clock`].
    pub ended_at: u64,
    /// The return addresses that ended the longest section during the wait. Empty if
    /// unknown.
    pub culprit: &'a [usize],
    /// Those of the thread that waited. Empty if unknown.
    pub victim: &'a [usize],
    /// The names of both threads, filled up with zeros, cut to 16 bytes.
    pub culprit_name: [u8; 16],
    /// See `culprit_name`.
    pub victim_name: [u8; 16],
}

/// Calls `visit` with the longest waits of each class, in no order. Takes no lock,
/// allocates nothing.
pub fn for_each_long_wait(mut visit: impl FnMut(LongWait<'_>)) {
    if let Some(shapes) = shapes::SHAPES.current() {
        let (culprits, victims) = (table::CULPRITS.current(), table::VICTIMS.current());
        long_waits(shapes, culprits, victims, totals::current(), &mut visit);
        let (mut one, mut other) = ([0; DEPTH], [0; DEPTH]);
        crate::thread::for_each_slate(|slate| {
            if let Some((class, kept)) = slate.pending_wait() {
                let class = totals::class_at(totals::place(class), class);
                visit(LongWait::of(class, &kept, (culprits, victims), (&mut one, &mut other)));
            }
        });
    }
}

fn long_waits(
    shapes: &shapes::Shapes,
    culprits: Option<&table::Table>,
    victims: Option<&table::Table>,
    totals: &totals::Totals,
    mut visit: impl FnMut(LongWait<'_>),
) {
    let (mut one, mut other) = ([0; DEPTH], [0; DEPTH]);
    shapes.for_each_longest(totals, |class, longest| {
        longest.for_each(|kept| {
            visit(LongWait::of(class, &kept, (culprits, victims), (&mut one, &mut other)));
        });
    });
}

impl<'a> LongWait<'a> {
    fn of(
        class: ClassId,
        kept: &longest::Kept,
        (culprits, victims): (Option<&table::Table>, Option<&table::Table>),
        (one, other): (&'a mut [usize; DEPTH], &'a mut [usize; DEPTH]),
    ) -> LongWait<'a> {
        let culprit = culprits.and_then(|table| table.read(kept.culprit, one));
        let victim = victims.and_then(|table| table.read(kept.victim, other));
        LongWait {
            class,
            nanoseconds: kept.nanoseconds,
            ended_at: kept.ended_at,
            culprit: culprit.map_or(&[], |(stack, _)| stack),
            victim: victim.map_or(&[], |(stack, _)| stack),
            culprit_name: kept.culprit_name.bytes(),
            victim_name: kept.victim_name.bytes(),
        }
    }
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
