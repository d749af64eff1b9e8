//! All that is recorded, in memory of somebody else's choice.
//!
//! A program that is profiled from outside keeps its books in memory that it
//! shares with its profiler, which reads them whenever it likes, also after the
//! program was killed. So everything that a profile is made of lies in one
//! structure, [`Books`], of a layout that depends on nothing but the build: whatever
//! is added to what is recorded goes in here, and is found through
//! [`super::lazy::Lazy::current`] or [`totals::current`].

use super::{LongWait, Row, Sums, Times, pairs, shapes, table, totals};
use crate::class::ClassId;

/// The exact sums, the histograms and the tables of stacks of one process.
///
/// Only atomic numbers, which are valid whatever they are: so books may lie in
/// memory that another process writes to, in whatever way. All-zero memory is
/// books in which nothing was entered yet. Some 50 MiB, of which pages that were
/// never written cost nothing.
#[repr(C)]
pub struct Books {
    totals: totals::Totals,
    table: table::Table,
    victims: table::Table,
    pairs: pairs::Pairs,
    shapes: shapes::Shapes,
}

impl Books {
    /// Keeps what this process records from now on in these books. What was
    /// recorded before stays where it is.
    ///
    /// To be called while no thread records: before the first contention, or in
    /// a child of a fork before it has other threads. Five stores.
    pub fn keep_here(&'static self) {
        totals::keep_in(&self.totals);
        table::CULPRITS.keep_in(&self.table);
        table::VICTIMS.keep_in(&self.victims);
        pairs::PAIRS.keep_in(&self.pairs);
        shapes::SHAPES.keep_in(&self.shapes);
    }

    /// As [`super::for_each_row`], with what is in these books. Whatever their
    /// memory holds, it does not panic.
    pub fn for_each_row(&self, visit: impl FnMut(Row<'_>)) {
        let (table, victims) = (Some(&self.table), Some(&self.victims));
        super::rows(table, victims, Some(&self.pairs), &self.totals, visit);
    }

    /// As [`super::for_each_class`], with what is in these books.
    pub fn for_each_class(&self, mut visit: impl FnMut(ClassId, Sums)) {
        totals::for_each(&self.totals, |class| visit(class.class, class.sums));
    }

    /// As [`super::for_each_times`], with what is in these books: without waits
    /// that ended and are not yet entered, one for each thread at most.
    pub fn for_each_times(&self, visit: impl FnMut(ClassId, &Times)) {
        self.shapes.for_each(&self.totals, visit);
    }

    /// As [`super::for_each_long_wait`], with what is in these books.
    pub fn for_each_long_wait(&self, visit: impl FnMut(LongWait<'_>)) {
        let (table, victims) = (Some(&self.table), Some(&self.victims));
        super::long_waits(&self.shapes, table, victims, &self.totals, visit);
    }
}

impl core::fmt::Debug for Books {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Books").finish_non_exhaustive()
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use crate::record::Kind;

    fn fresh() -> &'static Books {
        let memory = crate::memory::map(size_of::<Books>()).expect("memory");
        // SAFETY: zeroed, aligned to a page, large enough, and never unmapped.
        unsafe { memory.cast().as_ref() }
    }

    #[test]
    fn books_of_garbage_are_read_without_a_panic() {
        let books = fresh();
        let words = core::ptr::from_ref(books).cast::<core::sync::atomic::AtomicU64>();
        let mut random = 0x2545_f491_4f6c_dd1d_u64;
        for word in 0..size_of::<Books>() / 8 {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            // SAFETY: within the books, all of whose words are atomic numbers.
            unsafe { &*words.add(word) }.store(random, core::sync::atomic::Ordering::Relaxed);
        }
        let mut rows = 0_u64;
        books.for_each_row(|row| rows += u64::from(row.kind != Kind::Handoff));
        books.for_each_class(|_, _| rows += 1);
        books.for_each_times(|_, times| rows += times.longest & 1);
        books.for_each_long_wait(|wait| rows += wait.culprit.len() as u64);
        assert!(rows > 1_000, "{rows}");
    }

    #[test]
    fn fresh_books_are_empty() {
        let books = fresh();
        books.for_each_row(|row| panic!("{row:?}"));
        books.for_each_class(|class, sums| panic!("{class:?} {sums:?}"));
        books.for_each_times(|class, times| panic!("{class:?} {times:?}"));
        books.for_each_long_wait(|wait| panic!("{wait:?}"));
    }
}
