//! The mutex: one word, a wait list that hangs on it, and the two claims of
//! each contended critical section.
//!
//! `mutex/acquire.rs` and `mutex/unlock.rs` have the two sides, `mutex/list.rs`
//! what both do to the list, `mutex/fork.rs`
//! what a child of `fork` does, `handoff.rs` the policy of handing over.
//!
//! # States
//!
//! The flags are described in `word.rs`. "Waiters" means that the
//! high bits hold a node.
//!
//! | word                     | meaning                                         |
//! |--------------------------|-------------------------------------------------|
//! | 0                        | free                                            |
//! | LOCKED                   | held, nobody waits                              |
//! | LOCKED, debt             | held, nobody waits any more, who gave up left a debt |
//! | LOCKED, waiters          | held, somebody waits                            |
//! | waiters, WOKEN           | free; the oldest waiter was woken and will try  |
//! | LOCKED, waiters, WOKEN   | held; the one that was woken has not tried yet, or the lock was handed to it |
//! | + LIST                   | somebody works on the list                      |
//!
//! # How a critical section goes
//!
//! *lock, free*: CAS 0 -> LOCKED. *unlock, no waiters*: CAS LOCKED -> 0. No
//! clock, no counter, no call.
//!
//! *lock, held*: read the clock, spin a little (see `spin.rs`); push a node;
//! spin a little more, and sleep. Whoever is awake and finds the lock free
//! takes it (barging). Taking it while there are waiters takes LIST with it in
//! one CAS: link, claim the *handoff*, leave the list if it was a waiter, give
//! LIST back.
//!
//! *unlock, waiters*: take LIST; link, claim the *blame*; then either release
//! and wake the oldest unless one that was woken has still to try, or, if the
//! oldest has waited too long, hand the lock over: it stays LOCKED and belongs
//! to that waiter. A waiter that is due is woken first and handed the lock at
//! the next unlock, when it is awake: so the lock is hardly idle meanwhile. One
//! CAS publishes the outcome and gives LIST back; if it fails, waiters were
//! pushed, and they are claimed too. Wake and book after, and where the
//! sections are very short leave the processor to the waiter that was woken
//! (see `handoff.rs`).
//!
//! *time out*: take LIST while LOCKED is set; leave; what was waited since the
//! last claim stays in the ledger, or in the word where the list is now empty.
//!
//! # Invariants
//!
//! 1. Waiters are pushed only while LOCKED is set.
//! 2. LIST is taken by a holder, together with becoming one, or while LOCKED
//!    is set (a time-out, [`RawMutex::waiters`]). While it is taken, LOCKED
//!    does not change but by who has it: a release with waiters needs LIST,
//!    and a free lock with waiters is taken only when LIST is clear.
//! 3. With waiters and LOCKED clear, WOKEN is set: somebody is on the way.
//!    (A release with waiters sets WOKEN; it is cleared only by a holder, or
//!    by the woken one when it saw LOCKED set and LIST clear.)
//! 4. WOKEN belongs to the oldest node: only the oldest is woken, and it stays
//!    the oldest until it leaves. Its owner knows by the node's `state`, which
//!    is set after WOKEN is in the word.
//! 5. At most one waiter is awake because of an unlock: no wake while WOKEN.
//! 6. A sleeping waiter is woken by a token that is left after `state` was
//!    set, and looks at `state` after each sleep: no wake-up is lost.
//! 7. After the CAS that gives the lock away, nothing of the mutex is touched:
//!    it may be gone. What is needed then (class, record) was read before.
//!
//! # Orderings
//!
//! Taking LOCKED is Acquire, releasing it Release: that is the mutex. LIST
//! likewise protects the list (see `wait_list.rs`). `state`
//! is written with Release before the word is; its owner reads it with
//! Acquire, so a `HANDED` lock comes with all that its last holder wrote.

use super::backoff::Backoff;
use crate::class::ClassId;
use crate::sync::Instant;
use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::thread;
use crate::wait_list;
use crate::word::{self, LIST, LOCKED};
use core::num::NonZeroU32;
use core::sync::atomic::AtomicU32;
use std::time::Duration;

mod acquire;
mod fork;
mod list;
mod unlock;

/// A mutex without data that accounts for its waiters.
///
/// At most 16 bytes, all zero when unlocked and unnamed. Lock and unlock are
/// one CAS each where nobody waits. Not reentrant. The methods are those of
/// `lock_api`'s traits, which the `holdup` crate implements with them.
///
/// In a child of `fork` a lock that the forking thread held is held by it, one
/// that another thread held is held for ever, and nobody waits for either. Not
/// so after a fork by `_Fork` or `clone`, which run no handlers, or in a
/// signal handler that interrupted a wait: then do not use the lock in the child.
///
/// ```
/// use holdup_core::raw::RawMutex;
/// static LOCK: RawMutex = RawMutex::INIT;
/// LOCK.lock();
/// assert!(!LOCK.try_lock());
/// // SAFETY: locked above by this thread.
/// unsafe { LOCK.unlock() };
/// assert!(!LOCK.is_locked());
/// ```
pub struct RawMutex {
    word: AtomicUsize,
    /// The holder's signature: its thread number, and a count that makes it
    /// another one for each critical section; zero while nobody holds the
    /// lock. A hint: written apart from the word.
    owner: AtomicU32,
    class: ClassId,
}

#[cfg(not(any(loom, shuttle)))]
const _: () = assert!(size_of::<RawMutex>() <= 16);

impl RawMutex {
    /// An unlocked mutex without a name.
    #[cfg(not(loom))]
    #[expect(clippy::declare_interior_mutable_const, reason = "the way lock_api makes locks")]
    pub const INIT: RawMutex = RawMutex::with_class(ClassId::UNNAMED);

    crate::sync::const_fn! {
        /// An unlocked mutex of the lock class `class`.
        #[must_use]
        pub const fn with_class(class: ClassId) -> RawMutex {
            RawMutex { word: AtomicUsize::new(0), owner: AtomicU32::new(0), class }
        }
    }

    /// Acquires the lock; waits as long as it must. One CAS if it is free.
    #[inline]
    pub fn lock(&self) {
        if !self.try_fast() {
            self.lock_slow(None);
        }
        self.owned();
    }

    /// Acquires the lock if it is free, even past waiters. Does not wait.
    #[inline]
    #[must_use]
    pub fn try_lock(&self) -> bool {
        let locked = self.try_fast() || self.try_slow();
        if locked {
            self.owned();
        }
        locked
    }

    /// Acquires the lock unless that takes longer than `timeout`. Returns
    /// whether it did.
    #[inline]
    #[must_use]
    pub fn try_lock_for(&self, timeout: Duration) -> bool {
        let locked = self.try_fast() || {
            // A deadline past the end of time is none.
            self.lock_slow(Instant::now().checked_add(timeout))
        };
        if locked {
            self.owned();
        }
        locked
    }

    /// Acquires the lock unless that takes until after `deadline`. Returns
    /// whether it did.
    #[inline]
    #[must_use]
    pub fn try_lock_until(&self, deadline: Instant) -> bool {
        let locked = self.try_fast() || self.lock_slow(Some(deadline));
        if locked {
            self.owned();
        }
        locked
    }

    /// Releases the lock. One CAS if nobody waits.
    ///
    /// # Safety
    /// The lock is held, and this call ends the critical section.
    #[inline]
    pub unsafe fn unlock(&self) {
        self.release(false);
    }

    /// Releases the lock, and hands it to the oldest waiter if there is one,
    /// so that nobody else can take it before.
    ///
    /// # Safety
    /// As for [`unlock`](RawMutex::unlock).
    #[inline]
    pub unsafe fn unlock_fair(&self) {
        self.release(true);
    }

    /// Lets the oldest waiter, if there is one, have the lock before the
    /// caller gets it back. One load if nobody waits.
    ///
    /// # Safety
    /// The lock is held by the caller.
    #[inline]
    pub unsafe fn bump(&self) {
        if word::has_waiters(self.word.load(Ordering::Relaxed)) {
            // SAFETY: the caller's promise.
            unsafe { self.unlock_fair() };
            self.lock();
        }
    }

    /// Whether somebody holds the lock. A snapshot.
    #[inline]
    #[must_use]
    pub fn is_locked(&self) -> bool {
        self.word.load(Ordering::Relaxed) & LOCKED != 0
    }

    /// The number of the thread that holds the lock, if one does and has
    /// already written its number. A snapshot.
    #[must_use]
    pub fn holder(&self) -> Option<NonZeroU32> {
        let signature = self.owner.load(Ordering::Relaxed);
        NonZeroU32::new(thread::signed_by(signature)).filter(|_| self.is_locked())
    }

    /// Whether somebody is queued. A snapshot.
    #[inline]
    pub(super) fn is_awaited(&self) -> bool {
        word::has_waiters(self.word.load(Ordering::Relaxed))
    }

    /// The class of the lock.
    #[must_use]
    pub const fn class(&self) -> ClassId {
        self.class
    }

    /// How many threads are queued. A snapshot; for tests and views of a
    /// running program: takes the list for a moment.
    #[must_use]
    pub fn waiters(&self) -> usize {
        let mut backoff = Backoff::new();
        let mut word = self.word.load(Ordering::Relaxed);
        let newest = loop {
            if !word::has_waiters(word) {
                return 0;
            }
            // Invariant 2. Of a free lock somebody is about to take both.
            if word & LOCKED == 0 {
                word = self.word.load(Ordering::Relaxed);
            } else {
                match self.try_take_list(word) {
                    Ok(taken) => break word::newest(taken),
                    Err(now) => word = now,
                }
            }
            backoff.wait();
        };
        // SAFETY: we took LIST, `newest` is from the word we took it from.
        let waiters = unsafe {
            wait_list::link(newest);
            wait_list::account(newest).ledger.waiters()
        };
        self.word.fetch_and(!LIST, Ordering::Release);
        waiters as usize
    }

    #[inline]
    fn try_fast(&self) -> bool {
        // Acquire: sees what the last holder wrote.
        self.word.compare_exchange(0, LOCKED, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    #[inline]
    pub(super) fn owned(&self) {
        self.owner.store(thread::sign(), Ordering::Relaxed);
    }

    #[inline(always)]
    fn release(&self, fair: bool) {
        self.owner.store(0, Ordering::Relaxed);
        // Release: the next holder sees the critical section.
        if self.word.compare_exchange(LOCKED, 0, Ordering::Release, Ordering::Relaxed).is_err() {
            self.unlock_slow(fair);
            // A function whose last act is to unlock would otherwise jump there
            // and leave no frame, and its caller be blamed for what it did.
            core::hint::black_box(());
        }
    }
}

#[cfg(test)]
mod tests;
