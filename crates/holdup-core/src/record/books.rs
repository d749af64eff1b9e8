//! All that is recorded, in memory of somebody else's choice.
//!
//! A program that is profiled from outside keeps its books in memory that it
//! shares with its profiler, which reads them whenever it likes, also after the
//! program was killed. So everything that a profile is made of lies in one
//! structure, [`Books`], of a layout that depends on nothing but the build: whatever
//! is added to what is recorded goes in here, and is found through [`table::current`]
//! or [`totals::current`], or in the same way.

use super::{Row, Sums, table, totals};
use crate::class::ClassId;

/// The exact sums and the table of stacks of one process.
///
/// Only atomic numbers, which are valid whatever they are: so books may lie in
/// memory that another process writes to, in whatever way. All-zero memory is
/// books in which nothing was entered yet. Some 10 MiB, of which pages that were
/// never written cost nothing.
#[repr(C)]
pub struct Books {
    totals: totals::Totals,
    table: table::Table,
}

impl Books {
    /// Keeps what this process records from now on in these books. What was
    /// recorded before stays where it is.
    ///
    /// To be called while no thread records: before the first contention, or in
    /// a child of a fork before it has other threads. Two stores.
    pub fn keep_here(&'static self) {
        totals::keep_in(&self.totals);
        table::keep_in(&self.table);
    }

    /// As [`super::for_each_row`], with what is in these books. Whatever their
    /// memory holds, it does not panic.
    pub fn for_each_row(&self, visit: impl FnMut(Row<'_>)) {
        super::rows(Some(&self.table), &self.totals, visit);
    }

    /// As [`super::for_each_class`], with what is in these books.
    pub fn for_each_class(&self, mut visit: impl FnMut(ClassId, Sums)) {
        totals::for_each(&self.totals, |class| visit(class.class, class.sums));
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
        assert!(rows > 1_000, "{rows}");
    }

    #[test]
    fn fresh_books_are_empty() {
        let books = fresh();
        books.for_each_row(|row| panic!("{row:?}"));
        books.for_each_class(|class, sums| panic!("{class:?} {sums:?}"));
    }
}
