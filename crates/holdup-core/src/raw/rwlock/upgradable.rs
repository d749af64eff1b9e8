//! Reading, with the right to upgrade.

use super::word::{self, EXCLUSIVE, LOCKED, READER, UPGRADABLE};
use super::{RawRwLock, SLOW, after};
use crate::sync::Instant;
use crate::sync::atomic::Ordering;
use crate::wait_list::Wanted;
use std::time::Duration;

/// Reading, with the right to upgrade: one at a time, beside other readers.
impl RawRwLock {
    #[inline]
    fn try_fast_upgradable(&self) -> bool {
        let word = self.word.load(Ordering::Relaxed);
        word & (SLOW | EXCLUSIVE | UPGRADABLE) == 0
            && !word::is_full(word)
            // Acquire: what the last writer wrote.
            && self
                .word
                .compare_exchange(
                    word,
                    (word + READER) | LOCKED | UPGRADABLE,
                    Ordering::Acquire,
                    Ordering::Relaxed,
                )
                .is_ok()
    }

    /// Acquires the lock as the one reader that may upgrade; waits as long as it
    /// must. One CAS if no writer and no such reader holds it and nobody waits.
    #[inline]
    pub fn lock_upgradable(&self) {
        if !self.try_fast_upgradable() {
            self.acquire(Wanted::Upgradable, None);
        }
    }

    /// [`lock_upgradable`](RawRwLock::lock_upgradable) unless that takes a wait.
    #[inline]
    #[must_use]
    pub fn try_lock_upgradable(&self) -> bool {
        self.try_fast_upgradable() || self.try_acquire(Wanted::Upgradable, false)
    }

    /// [`lock_upgradable`](RawRwLock::lock_upgradable) unless it takes longer than
    /// `timeout`. Returns whether it did.
    #[inline]
    #[must_use]
    pub fn try_lock_upgradable_for(&self, timeout: Duration) -> bool {
        self.try_fast_upgradable() || self.acquire(Wanted::Upgradable, after(timeout))
    }

    /// [`lock_upgradable`](RawRwLock::lock_upgradable) unless it takes until after
    /// `deadline`. Returns whether it did.
    #[inline]
    #[must_use]
    pub fn try_lock_upgradable_until(&self, deadline: Instant) -> bool {
        self.try_fast_upgradable() || self.acquire(Wanted::Upgradable, Some(deadline))
    }

    /// Ends an upgradable read. One CAS if nobody waits.
    ///
    /// # Safety
    /// The lock is held by an upgradable reader, and this call ends that hold.
    #[inline]
    pub unsafe fn unlock_upgradable(&self) {
        self.leave_fast(LOCKED | UPGRADABLE, false);
    }

    /// Ends an upgradable read; if no reader is left, hands the lock to the oldest
    /// waiter.
    ///
    /// # Safety
    /// As for [`unlock_upgradable`](RawRwLock::unlock_upgradable).
    #[inline]
    pub unsafe fn unlock_upgradable_fair(&self) {
        self.leave_fast(LOCKED | UPGRADABLE, true);
    }

    /// Lets a waiter, if there is one, have the lock before the caller gets it
    /// back. One load if nobody waits.
    ///
    /// # Safety
    /// The lock is held by the caller as an upgradable reader.
    #[inline]
    pub unsafe fn bump_upgradable(&self) {
        if word::is_queued(self.word.load(Ordering::Relaxed)) {
            // SAFETY: the caller's promise.
            unsafe { self.unlock_upgradable_fair() };
            self.lock_upgradable();
        }
    }
}
