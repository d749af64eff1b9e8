//! The bits of the lock word, and nothing else.
//!
//! ```text
//!   63                                              7 6     5          4         3      2           1    0
//!  +-------------------------------------------------+-----+----------+---------+------+-----------+----+------+
//!  | QUEUED: newest waiter's node >> 7, else readers |ALONE|UPGRADABLE|EXCLUSIVE|QUEUED|WOKEN, DEBT|LIST|LOCKED|
//!  +-------------------------------------------------+-----+----------+---------+------+-----------+----+------+
//! ```
//!
//! | bit          | set while                                                          |
//! |--------------|--------------------------------------------------------------------|
//! | `LOCKED`     | the lock is held in any way, or handed to one that has not run yet |
//! | `LIST`       | a thread has exclusive use of the wait list and of what the word says |
//! | `WOKEN`      | (with `QUEUED`) the oldest waiter was woken and has not yet had its try |
//! | `DEBT`       | (without `QUEUED`) the holders owe what waiters who gave up waited |
//! | `QUEUED`     | somebody waits: the high bits are a node                           |
//! | `EXCLUSIVE`  | the lock is held by one writer, or handed to any waiter            |
//! | `UPGRADABLE` | one of the readers may upgrade, or waits to                        |
//! | `ALONE`      | (with `QUEUED`) somebody waits for the lock for itself alone       |
//!
//! A word of zero is a free lock that nobody waits for.

use crate::wait_list::{Node, Wanted};

pub(super) const LOCKED: usize = 1;
pub(super) const LIST: usize = 2;
pub(super) const WOKEN: usize = 4;
pub(super) const DEBT: usize = 4;
pub(super) const QUEUED: usize = 8;
pub(super) const EXCLUSIVE: usize = 16;
pub(super) const UPGRADABLE: usize = 32;
pub(super) const ALONE: usize = 64;
/// One reader, in a word without `QUEUED`.
pub(super) const READER: usize = 128;
const FLAGS: usize = READER - 1;

/// So many readers never all leave.
pub(super) const FOR_EVER: usize = usize::MAX / READER / 4;

// The flags live in the bits that the alignment of a node leaves free.
const _: () = assert!(core::mem::align_of::<Node>() > FLAGS);

/// Whether the lock is held so that `wanted` may share it. Who waits for itself alone
/// is not asked.
#[inline]
pub(super) fn may_share(word: usize, wanted: Wanted) -> bool {
    let conflicts = match wanted {
        Wanted::Shared => EXCLUSIVE,
        Wanted::Upgradable => EXCLUSIVE | UPGRADABLE,
        Wanted::Exclusive | Wanted::Upgrade => return false,
    };
    word & LOCKED != 0 && word & conflicts == 0
}

/// The newest waiter's node. `word` has `QUEUED`.
#[inline]
pub(super) fn newest(word: usize) -> *mut Node {
    debug_assert!(is_queued(word));
    core::ptr::with_exposed_provenance_mut(word & !FLAGS)
}

/// Whether somebody waits.
#[inline]
pub(super) fn is_queued(word: usize) -> bool {
    word & QUEUED != 0
}

/// How many readers hold the lock. `word` does not have `QUEUED`.
#[inline]
pub(super) fn readers(word: usize) -> usize {
    debug_assert!(!is_queued(word));
    word / READER
}

/// Whether one more reader would be too many: the count must not run into nothing
/// sensible. `word` does not have `QUEUED`. (2^56 readers on 64-bit machines, 2^24 on
/// 32-bit ones: guards that leak.)
#[inline]
pub(super) fn is_full(word: usize) -> bool {
    word.cast_signed() < 0
}

/// The word of a lock with the waiters of the list `newest`.
#[inline]
pub(super) fn with_newest(newest: *mut Node, flags: usize) -> usize {
    debug_assert!(flags & !FLAGS == 0);
    newest.expose_provenance() | flags | QUEUED
}

/// The word of a lock that nobody waits for.
#[inline]
pub(super) fn with_readers(readers: usize, flags: usize) -> usize {
    debug_assert!(flags & !FLAGS == 0 && flags & (QUEUED | ALONE) == 0);
    (readers * READER) | flags
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readers_and_flags_do_not_touch_each_other() {
        for readers_in in [0, 1, 2, 1_000, usize::MAX / READER] {
            for flags in [LOCKED, LOCKED | UPGRADABLE, LOCKED | LIST | DEBT] {
                let word = with_readers(readers_in, flags);
                assert_eq!((readers(word), word & FLAGS), (readers_in, flags));
                assert_eq!(is_full(word), readers_in > 1_000);
            }
        }
    }
}
