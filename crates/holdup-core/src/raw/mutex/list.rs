//! The list of one mutex: taking it, claiming the handoff, leaving it.

use super::RawMutex;
use crate::clock;
use crate::live;
use crate::raw::backoff::Backoff;
use crate::record::{self, Sums};
use crate::sync::atomic::Ordering;
use crate::thread;
use crate::wait_list::{self, Account, Node};
use crate::word::{self, LIST, WOKEN};

impl RawMutex {
    /// The lock is ours, and the list: claims the handoff, takes `node` out,
    /// and gives the list back. For how long nobody had held the lock.
    pub(super) fn acquired(&self, node: &Node) -> u64 {
        let word = self.word.load(Ordering::Acquire);
        let newest = word::newest(word);
        // SAFETY: we have LIST, `newest` was read since.
        let (account, now, free) = unsafe { claim_handoff(newest) };
        let waited = account.leave(node, now);
        account.unbooked.add_wait(waited);
        let start = node.ticket.get().start;
        let (culprit, victim) = (account.culprit_of(start), node.victim());
        node.record.slate.note_wait(self.class, waited, now, culprit, victim);
        if self.leave_list(word, node) {
            live::got(node.record, core::ptr::from_ref(self).addr(), false, now);
        }
        free
    }

    /// Takes `node`, which the ledger no longer counts, out of the list that
    /// was linked from `word`, and gives LIST back. LOCKED is set. Whether somebody
    /// else is left on it.
    pub(super) fn leave_list(&self, word: usize, node: &Node) -> bool {
        let this = core::ptr::from_ref(node).cast_mut();
        let mut newest = word::newest(word);
        // Invariant 4: WOKEN is the oldest's.
        // SAFETY: we have LIST, and `newest` is linked.
        let woken = if unsafe { wait_list::oldest(newest) } == this { WOKEN } else { 0 };
        if newest == this {
            // SAFETY: as above; `node` is on the list. What this does is void
            // if the CAS fails.
            let next = unsafe { wait_list::remove(newest, node) };
            // SAFETY: as above.
            let account = unsafe { wait_list::account(newest) };
            let (rest, excess) = if next.is_null() {
                word::locked_with_debt(account.ledger.owed())
            } else {
                (word::with_newest(word, next) & !(LIST | woken), 0)
            };
            // Release: gives the list back.
            match self.word.compare_exchange(word, rest, Ordering::Release, Ordering::Acquire) {
                Ok(_) => {
                    if next.is_null() {
                        // Nobody is left to carry the sums to the unlock.
                        self.book_last(account.unbooked, excess);
                    }
                    return !next.is_null();
                }
                // Only a push can have come between.
                Err(now) => newest = word::newest(now),
            }
            // SAFETY: as above; the failed CAS was an Acquire.
            unsafe { wait_list::link(newest) };
        }
        // SAFETY: as above; `node` is not the newest, so that this is final.
        unsafe { wait_list::remove(newest, node) };
        // Release: gives the list back.
        self.word.fetch_and(!(LIST | woken), Ordering::Release);
        true
    }

    /// Books the sums of a list that ended, and of a debt what had no room.
    pub(super) fn book_last(&self, mut unbooked: Sums, excess: u64) {
        unbooked.blamed += excess;
        record::book(self.class, &unbooked);
        if excess > 0 {
            record::book_lost(self.class, excess);
        }
    }

    /// Takes the LIST bit if it is free in `word` and the list is not empty.
    /// The word with the bit, or as it is now.
    pub(super) fn try_take_list(&self, word: usize) -> Result<usize, usize> {
        if word & LIST != 0 || !word::has_waiters(word) {
            return Err(self.word.load(Ordering::Relaxed));
        }
        // Acquire: what the last user of the list wrote, and pushed nodes.
        self.word
            .compare_exchange_weak(word, word | LIST, Ordering::Acquire, Ordering::Relaxed)
            .map(|word| word | LIST)
    }

    /// Takes the LIST bit of a list that stays not empty.
    pub(super) fn take_list(&self) {
        let mut backoff = Backoff::new();
        let mut word = self.word.load(Ordering::Relaxed);
        while let Err(now) = self.try_take_list(word) {
            word = now;
            backoff.wait();
        }
    }
}

/// Claims, for a lock just acquired, the time since nobody held it. Returns the
/// account, the instant of the claim, and how long that time was.
///
/// # Safety
/// As for [`wait_list::link`] and [`wait_list::account`].
#[inline]
pub(super) unsafe fn claim_handoff<'a>(newest: *mut Node) -> (&'a mut Account, u64, u64) {
    // SAFETY: the caller's promise.
    let account = unsafe {
        wait_list::link(newest);
        wait_list::account(newest)
    };
    let now = account.ledger.not_before(clock::now());
    let free = account.ledger.since_claim(now);
    let handoff = account.ledger.claim(now);
    account.unbooked.add_handoff(handoff);
    account.began = now;
    account.nested.begin(thread::number(), thread::own_waited(), account.ledger.waiters());
    (account, now, free)
}
