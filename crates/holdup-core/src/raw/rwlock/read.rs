//! Reading: together with others.

use super::word::{self, EXCLUSIVE, LOCKED, READER, UPGRADABLE};
use super::{RawRwLock, SLOW, after};
use crate::sync::Instant;
use crate::sync::atomic::Ordering;
use crate::wait_list::Wanted;
use std::time::Duration;

/// Reading.
impl RawRwLock {
    #[inline]
    fn try_fast_shared(&self) -> bool {
        let word = self.word.load(Ordering::Relaxed);
        word & (SLOW | EXCLUSIVE) == 0
            && !word::is_full(word)
            // Acquire: what the last writer wrote.
            && self
                .word
                .compare_exchange(
                    word,
                    (word + READER) | LOCKED,
                    Ordering::Acquire,
                    Ordering::Relaxed,
                )
                .is_ok()
    }

    /// Acquires the lock together with other readers; waits as long as it must,
    /// also for writers that wait. One CAS if no writer holds it and nobody waits.
    #[inline]
    pub fn lock_shared(&self) {
        if !self.try_fast_shared() {
            self.acquire(Wanted::Shared, None);
        }
    }

    /// Acquires the lock together with other readers unless that takes a wait.
    #[inline]
    #[must_use]
    pub fn try_lock_shared(&self) -> bool {
        self.try_fast_shared() || self.try_acquire(Wanted::Shared, false)
    }

    /// [`lock_shared`](RawRwLock::lock_shared) unless it takes longer than
    /// `timeout`. Returns whether it did.
    #[inline]
    #[must_use]
    pub fn try_lock_shared_for(&self, timeout: Duration) -> bool {
        self.try_fast_shared() || self.acquire(Wanted::Shared, after(timeout))
    }

    /// [`lock_shared`](RawRwLock::lock_shared) unless it takes until after
    /// `deadline`. Returns whether it did.
    #[inline]
    #[must_use]
    pub fn try_lock_shared_until(&self, deadline: Instant) -> bool {
        self.try_fast_shared() || self.acquire(Wanted::Shared, Some(deadline))
    }

    /// As [`lock_shared`](RawRwLock::lock_shared), but enters past waiting writers
    /// where readers hold the lock: for threads that read already.
    #[inline]
    pub fn lock_shared_recursive(&self) {
        if !self.try_lock_shared_recursive() {
            self.acquire(Wanted::Shared, None);
        }
    }

    /// [`lock_shared_recursive`](RawRwLock::lock_shared_recursive) unless that
    /// takes a wait.
    #[inline]
    #[must_use]
    pub fn try_lock_shared_recursive(&self) -> bool {
        self.try_fast_shared() || self.try_acquire(Wanted::Shared, true)
    }

    /// [`lock_shared_recursive`](RawRwLock::lock_shared_recursive) unless it takes
    /// longer than `timeout`. Returns whether it did.
    #[inline]
    #[must_use]
    pub fn try_lock_shared_recursive_for(&self, timeout: Duration) -> bool {
        self.try_lock_shared_recursive() || self.acquire(Wanted::Shared, after(timeout))
    }

    /// [`lock_shared_recursive`](RawRwLock::lock_shared_recursive) unless it takes
    /// until after `deadline`. Returns whether it did.
    #[inline]
    #[must_use]
    pub fn try_lock_shared_recursive_until(&self, deadline: Instant) -> bool {
        self.try_lock_shared_recursive() || self.acquire(Wanted::Shared, Some(deadline))
    }

    /// Ends a read. One CAS if nobody waits.
    ///
    /// # Safety
    /// The lock is held by a reader, and this call ends that hold.
    #[inline]
    pub unsafe fn unlock_shared(&self) {
        self.leave_fast(LOCKED, false);
    }

    /// Ends a read; if it was the last, hands the lock to the oldest waiter.
    ///
    /// # Safety
    /// As for [`unlock_shared`](RawRwLock::unlock_shared).
    #[inline]
    pub unsafe fn unlock_shared_fair(&self) {
        self.leave_fast(LOCKED, true);
    }

    /// Lets a waiter, if there is one, have the lock before this reader gets
    /// it back. One load if nobody waits.
    ///
    /// # Safety
    /// The lock is held by a reader.
    #[inline]
    pub unsafe fn bump_shared(&self) {
        if word::is_queued(self.word.load(Ordering::Relaxed)) {
            // SAFETY: the caller's promise.
            unsafe { self.unlock_shared_fair() };
            self.lock_shared();
        }
    }

    /// Ends a reader's hold. `flags` are those it holds: with UPGRADABLE or not.
    #[inline(always)]
    pub(super) fn leave_fast(&self, flags: usize, fair: bool) {
        let mut word = self.word.load(Ordering::Relaxed);
        while word & SLOW == 0 {
            let left = (word - READER) & !(flags & UPGRADABLE);
            let left = if left < READER { 0 } else { left };
            // Release: the next writer comes after this read.
            match self.word.compare_exchange_weak(word, left, Ordering::Release, Ordering::Relaxed)
            {
                Ok(_) => return,
                Err(now) => word = now,
            }
        }
        self.leave_slow(flags, fair);
        // A function whose last act is to unlock keeps its frame so.
        core::hint::black_box(());
    }
}
