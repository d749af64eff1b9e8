//! Writing: alone.

use super::word::{self, EXCLUSIVE, LOCKED};
use super::{RawRwLock, after};
use crate::sync::Instant;
use crate::sync::atomic::Ordering;
use crate::wait_list::Wanted;
use std::time::Duration;

/// Writing.
impl RawRwLock {
    #[inline]
    fn try_fast_exclusive(&self) -> bool {
        // Acquire: what readers and writers before did.
        let acquired = self
            .word
            .compare_exchange(0, LOCKED | EXCLUSIVE, Ordering::Acquire, Ordering::Relaxed)
            .is_ok();
        if acquired {
            self.owned();
        }
        acquired
    }

    /// Acquires the lock for the caller alone; waits as long as it must. One CAS
    /// if it is free.
    #[inline]
    pub fn lock_exclusive(&self) {
        if !self.try_fast_exclusive() {
            self.acquire(Wanted::Exclusive, None);
        }
    }

    /// Acquires the lock for the caller alone unless that takes a wait.
    #[inline]
    #[must_use]
    pub fn try_lock_exclusive(&self) -> bool {
        self.try_fast_exclusive() || self.try_acquire(Wanted::Exclusive, false)
    }

    /// [`lock_exclusive`](RawRwLock::lock_exclusive) unless it takes longer than
    /// `timeout`. Returns whether it did.
    #[inline]
    #[must_use]
    pub fn try_lock_exclusive_for(&self, timeout: Duration) -> bool {
        self.try_fast_exclusive() || self.acquire(Wanted::Exclusive, after(timeout))
    }

    /// [`lock_exclusive`](RawRwLock::lock_exclusive) unless it takes until after
    /// `deadline`. Returns whether it did.
    #[inline]
    #[must_use]
    pub fn try_lock_exclusive_until(&self, deadline: Instant) -> bool {
        self.try_fast_exclusive() || self.acquire(Wanted::Exclusive, Some(deadline))
    }

    /// Ends a write. One CAS if nobody waits.
    ///
    /// # Safety
    /// The lock is held by a writer, and this call ends that hold.
    #[inline]
    pub unsafe fn unlock_exclusive(&self) {
        self.end_write(false);
    }

    /// Ends a write, and hands the lock to the oldest waiter if there is one, so
    /// that nobody else can take it before.
    ///
    /// # Safety
    /// As for [`unlock_exclusive`](RawRwLock::unlock_exclusive).
    #[inline]
    pub unsafe fn unlock_exclusive_fair(&self) {
        self.end_write(true);
    }

    /// Lets the oldest waiter, if there is one, have the lock before the caller
    /// gets it back. One load if nobody waits.
    ///
    /// # Safety
    /// The lock is held by the caller as a writer.
    #[inline]
    pub unsafe fn bump_exclusive(&self) {
        if word::is_queued(self.word.load(Ordering::Relaxed)) {
            // SAFETY: the caller's promise.
            unsafe { self.unlock_exclusive_fair() };
            self.lock_exclusive();
        }
    }

    #[inline(always)]
    fn end_write(&self, fair: bool) {
        self.owner.store(0, Ordering::Relaxed);
        // Release: what was written.
        if self
            .word
            .compare_exchange(LOCKED | EXCLUSIVE, 0, Ordering::Release, Ordering::Relaxed)
            .is_err()
        {
            self.end_write_slow(fair);
            // A function whose last act is to unlock keeps its frame so.
            core::hint::black_box(());
        }
    }
}
