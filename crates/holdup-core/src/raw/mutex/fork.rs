//! A mutex in the child of a fork (see `fork.rs` of the crate).

use super::RawMutex;
use super::list::claim_handoff;
use crate::clock;
use crate::record::Ended;
use crate::sync::atomic::Ordering;
use crate::wait_list::{self, Awaited, HANDED};
use crate::word::{self, LIST, LOCKED};

impl Awaited for RawMutex {
    unsafe fn forget_waiters(&self) {
        // Relaxed: there is one thread.
        let word = self.word.load(Ordering::Relaxed);
        if !word::has_waiters(word) {
            return;
        }
        if word & LIST != 0 {
            // Invariant 2: whoever worked on the list, the lock is held.
            self.word.store(LOCKED, Ordering::Relaxed);
            return;
        }
        let newest = word::newest(word);
        // SAFETY: nobody else can use the list, and it is in order; the nodes
        // are where their owners left them.
        unsafe {
            wait_list::link(newest);
            // Handed over, but still queued: its critical section has not begun.
            let handed = (*wait_list::oldest(newest)).state.load(Ordering::Relaxed) == HANDED;
            let free = word & LOCKED == 0 || handed;
            let (account, now) = if free {
                let (account, now, _) = claim_handoff(newest);
                (account, now)
            } else {
                let account = wait_list::account(newest);
                let now = account.ledger.not_before(clock::now());
                (account, now)
            };
            wait_list::for_each(newest, |node| {
                let waited = account.leave(node, now);
                account.unbooked.add_wait(waited);
                let (culprit, victim) = (Ended::default(), node.victim());
                node.record.slate.note_wait(self.class, waited, now, culprit, victim);
            });
            let (rest, excess) =
                if free { (0, 0) } else { word::locked_with_debt(account.ledger.owed()) };
            self.word.store(rest, Ordering::Relaxed);
            self.book_last(account.unbooked, excess);
        }
    }
}
