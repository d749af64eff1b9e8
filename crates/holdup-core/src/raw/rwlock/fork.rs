//! A readers-writer lock in the child of a fork (see `fork.rs` of the crate).

use super::RawRwLock;
use super::session::Session;
use super::word::{self, EXCLUSIVE, LIST, LOCKED, UPGRADABLE};
use crate::sync::atomic::Ordering;
use crate::wait_list::Awaited;

impl Awaited for RawRwLock {
    unsafe fn forget_waiters(&self) {
        // Relaxed, here and below: there is one thread.
        let word = self.word.load(Ordering::Relaxed);
        if word & LIST != 0 {
            // What the list says is unknown. By invariant 2 the lock is held: by
            // a writer; or by readers, how many stood in the account. One that is
            // gone may be among them, so it stays held, whoever else leaves.
            let readers = if !word::is_queued(word) {
                word::readers(word)
            } else if word & EXCLUSIVE == 0 {
                word::FOR_EVER
            } else {
                0
            };
            self.pot.store(0, Ordering::Relaxed);
            let flags = word & (LOCKED | EXCLUSIVE | UPGRADABLE);
            self.word.store(word::with_readers(readers, flags), Ordering::Relaxed);
        } else if word::is_queued(word) {
            // A session needs both; no other thread is there to see them.
            let taken = word | LIST | LOCKED;
            self.word.store(taken, Ordering::Relaxed);
            Session::of(self, taken).end_all_waits(word & LOCKED == 0);
        }
    }
}
