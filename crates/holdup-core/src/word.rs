//! The bits of the lock word, and nothing else.
//!
//! ```text
//!   63                                   4   3      2      1     0
//!  +--------------------------------------+------+-------+------+--------+
//!  | newest waiter's node >> 4, or a debt | DEBT | WOKEN | LIST | LOCKED |
//!  +--------------------------------------+------+-------+------+--------+
//! ```
//!
//! | bit      | set while                                                          |
//! |----------|--------------------------------------------------------------------|
//! | `LOCKED` | a thread holds the lock, or it was handed to one that has not run yet |
//! | `LIST`   | a thread has exclusive use of the wait list                        |
//! | `WOKEN`  | the oldest waiter was woken and has not yet had its try            |
//! | `DEBT`   | the high bits are nanoseconds owed, not a node                     |
//!
//! A word of zero is a free lock that nobody waits for. `DEBT` is set only
//! together with `LOCKED` and with neither of the others: the last waiter gave
//! up on the holder and left what it waited to be claimed by the unlock.

use crate::wait_list::Node;

pub(crate) const LOCKED: usize = 1;
pub(crate) const LIST: usize = 2;
pub(crate) const WOKEN: usize = 4;
pub(crate) const DEBT: usize = 8;
const FLAGS: usize = 15;
const DEBT_SHIFT: u32 = 4;

// The flags live in the bits that the alignment of a node leaves free.
const _: () = assert!(core::mem::align_of::<Node>() > FLAGS);

/// The newest waiter's node, null where nobody waits.
#[inline]
pub(crate) fn newest(word: usize) -> *mut Node {
    if word & DEBT == 0 {
        core::ptr::with_exposed_provenance_mut(word & !FLAGS)
    } else {
        core::ptr::null_mut()
    }
}

/// Whether the list is not empty.
#[inline]
pub(crate) fn has_waiters(word: usize) -> bool {
    word & DEBT == 0 && word > FLAGS
}

/// `word` with its high bits replaced by `node`, or cleared where it is null.
#[inline]
pub(crate) fn with_newest(word: usize, node: *mut Node) -> usize {
    (word & FLAGS & !DEBT) | node.expose_provenance()
}

/// What waiters who gave up left for the holder, in nanoseconds.
#[inline]
pub(crate) fn debt(word: usize) -> u64 {
    if word & DEBT == 0 { 0 } else { (word >> DEBT_SHIFT) as u64 }
}

/// The word of a held lock with an empty list and `debt` nanoseconds owed,
/// and the part of the debt that does not fit (never on 64-bit machines:
/// 2^60 ns are 36 years).
#[inline]
pub(crate) fn locked_with_debt(debt: u64) -> (usize, u64) {
    let fits = debt.min((usize::MAX >> DEBT_SHIFT) as u64);
    let word = if fits == 0 { LOCKED } else { ((fits as usize) << DEBT_SHIFT) | DEBT | LOCKED };
    (word, debt - fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_debt_survives_the_word() {
        for owed in [1, 2, 15, 16, 1 << 20, 1 << 59] {
            let (word, rest) = locked_with_debt(owed);
            assert_eq!((debt(word), rest), (owed, 0));
            assert!(!has_waiters(word) && newest(word).is_null());
        }
        assert_eq!(locked_with_debt(0), (LOCKED, 0));
    }

    #[test]
    fn what_does_not_fit_in_the_word_is_given_back() {
        let most = (usize::MAX >> DEBT_SHIFT) as u64;
        let (word, rest) = locked_with_debt(u64::MAX);
        assert_eq!((debt(word), rest), (most, u64::MAX - most));
    }
}
