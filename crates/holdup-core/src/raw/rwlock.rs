//! The readers-writer lock: one word, the mutex's wait list, and claims that
//! share what readers cause among them.
//!
//! # States
//!
//! The flags are described in `rwlock/word.rs`. `n` is the number of readers:
//! in the word while nobody waits, in the list's account while somebody does.
//!
//! | word                                | meaning                                  |
//! |-------------------------------------|------------------------------------------|
//! | 0                                   | free                                     |
//! | LOCKED, n                           | held by n readers, nobody waits          |
//! | LOCKED, EXCLUSIVE                   | held by a writer, nobody waits           |
//! | + DEBT                              | nobody waits any more; `pot` is owed     |
//! | LOCKED, QUEUED                      | held by readers, somebody waits          |
//! | LOCKED, EXCLUSIVE, QUEUED           | held by a writer or handed to a waiter, somebody waits |
//! | QUEUED, WOKEN                       | free; the oldest waiter was woken and will try |
//! | LOCKED, QUEUED, WOKEN               | held; the one that was woken has not tried yet |
//! | + UPGRADABLE                        | one of the readers may upgrade; with n = 0, it waits to |
//! | + LIST                              | somebody works on the list and the word  |
//!
//! # How it goes
//!
//! While nobody waits each call is one CAS. What cannot be done so takes the
//! LIST bit and is a [`Session`](session::Session): it sees the readers, the
//! flags and the linked list, changes what it must, and publishes all with one
//! CAS that gives LIST back. Nothing but a push happens meanwhile, and a push
//! makes that CAS fail, so that it is linked and nothing is overlooked.
//!
//! *Writers first.* While readers hold the lock and somebody waits for it alone
//! (ALONE), new readers queue, so that it becomes free; only recursive reads enter
//! then. A free lock is for whoever comes first, reader or writer: what bounds the
//! wait of those who queue is that it is handed over.
//!
//! *Release*, by a writer or by the last reader: as with the mutex. If a reader
//! waits to upgrade, it is handed the lock. Else the lock is freed and the
//! oldest waiter woken unless one is on the way (barging), or the lock is handed
//! over if the oldest has waited too long (`handoff.rs`).
//!
//! *Letting readers in.* Whoever has the list while readers hold the lock (and it is
//! about to stay so) sees to it that the readers at the old end of the list, up to the
//! first that wants it alone, get in too. It *calls* the oldest: sets WOKEN and wakes
//! it; when that runs it takes the list, joins the readers, and calls the next. So
//! nobody holds the lock who sleeps, which would close it to writers, and behind the
//! first of those to everybody. Where that does not matter, or takes too long
//! (`handoff.rs`), it *admits* them: takes them out of the list, counts them as
//! readers, and wakes them after giving the list back. It does so for a batch
//! (`session/admission.rs`); if more stand there, the last of the batch goes on when it
//! runs. So no call walks the list, each waiter is let in once, and readers that are
//! admitted wake in parallel.
//!
//! # Accounting
//!
//! One ledger counts all waiters. A claim made while the lock was free is
//! handoff, one made during a writer's section is its blame. A claim made while
//! readers hold the lock goes into the `pot`; a reader that leaves takes
//! `pot / n`, the last one all that is left. Who waits to upgrade is no reader
//! meanwhile: that hold ended and took its share, and it is a victim now. A
//! waiter that is admitted stops being counted at that instant; until it
//! runs it waits for its processor, which is handoff, and books that itself. While
//! one that is called is on its way to join other readers, what it waits is handoff
//! too, and so is what all wait if nobody wants the lock alone. (With a writer among
//! them, what readers wait that stand in front of it, but behind the one that is
//! called, goes to those who read: how many they are nobody counts.)
//! So sum of blame + sum of handoff = sum of waits at any quiet moment.
//!
//! # Invariants
//!
//! 1. Waiters are pushed only while LOCKED is set.
//! 2. LIST is taken together with LOCKED, or while LOCKED is set. While it is
//!    taken, only pushes and who has it change the word: pushes may set QUEUED,
//!    ALONE and the high bits, nothing else.
//! 3. With QUEUED and LOCKED clear, WOKEN is set: somebody is on the way.
//! 4. WOKEN belongs to the oldest node. It is cleared, under LIST, when that
//!    node leaves the list, and when its owner saw LOCKED set and goes to sleep.
//! 5. A sleeping waiter is woken by a token that is left after `state` was set,
//!    and looks at `state` after each sleep.
//! 6. When LIST is given back with readers holding the lock, the oldest node is not
//!    one that may share it; or WOKEN is set; or a reader that was admitted with
//!    `ADMITTED_ON` has not run yet and will see to it. (It holds the lock until then.)
//! 7. A node is given `ADMITTED` only when it is off the list, the word does
//!    not lead to it, and no longer says EXCLUSIVE: its owner reads from then on,
//!    before LIST is given back, and may look at the lock.
//! 8. After the CAS that gives the lock away, nothing of the lock is touched.
//!    What is needed then (class, records) was read before.
//!
//! # Why no wake-up is lost
//!
//! Who sleeps was pushed while LOCKED was set (1). If LOCKED is cleared later,
//! that is a release with the list: it wakes the oldest, or one is on the way. The
//! one on the way either takes the lock, and its release comes later; or finds it
//! held and clears WOKEN under LIST, so that the release of that holder, which
//! needs LIST too, finds it clear; unless it may share the lock, as it sees under
//! LIST: then it does. If the lock is held by readers, whoever made that so let the
//! readers in front in, called the oldest, or left one that will (6); so does who
//! clears UPGRADABLE if an upgradable waiter is in front, and who takes the oldest out
//! of the list: one that joins, or gives up.
//!
//! # Orderings
//!
//! Taking LOCKED or adding a reader is Acquire, removing it is Release: that is
//! the lock. LIST likewise protects the list, the account and `pot`. `state` is
//! written with Release and read by its owner with Acquire, so that a lock that
//! was handed over or shared comes with all that its last writer wrote.

mod acquire;
mod convert;
mod fork;
mod read;
mod release;
mod session;
mod upgradable;
mod word;
mod write;

use crate::class::ClassId;
use crate::raw::backoff::Backoff;
use crate::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use crate::sync::{Instant, const_fn};
use crate::thread;
use crate::wait_list::Wanted;
use core::num::NonZeroU32;
use core::sync::atomic::AtomicU32;
use std::time::Duration;
use word::{DEBT, EXCLUSIVE, LIST, LOCKED, QUEUED};

/// A readers-writer lock without data that accounts for its waiters.
///
/// 24 bytes, all zero when unlocked and unnamed. While nobody waits each
/// method is one CAS. Writers come first: while one waits, new readers queue, so
/// a thread that reads already must use the `recursive` methods to read again. The
/// methods are those of `lock_api`'s traits, which the `holdup` crate implements
/// with them.
///
/// A wait for readers is charged to them in equal shares of each moment, a wait
/// behind a writer that itself waits to the readers that hold it up.
///
/// What is said of `fork` at [`RawMutex`](super::RawMutex) holds here too; but a lock
/// that another thread works on in the slow way at that very moment may stay held
/// in the child even if the forking thread alone held it, and its unlock there may
/// wait for ever.
///
/// ```
/// use holdup_core::raw::RawRwLock;
/// static LOCK: RawRwLock = RawRwLock::INIT;
/// LOCK.lock_shared();
/// assert!(LOCK.try_lock_shared() && !LOCK.try_lock_exclusive());
/// // SAFETY: locked twice above by this thread.
/// unsafe {
///     LOCK.unlock_shared();
///     LOCK.unlock_shared();
/// }
/// assert!(!LOCK.is_locked());
/// ```
pub struct RawRwLock {
    word: AtomicUsize,
    /// What readers who hold the lock, or a debt, owe and nobody has taken yet,
    /// in nanoseconds. Belongs to whoever has LIST.
    pot: AtomicU64,
    /// The signature of the writer that holds the lock, else zero; a hint, written apart
    /// from the word.
    owner: AtomicU32,
    class: ClassId,
}

#[cfg(not(any(loom, shuttle)))]
const _: () = assert!(size_of::<RawRwLock>() <= 24);

/// Flags without which a reader comes and goes with one CAS.
const SLOW: usize = LIST | DEBT | QUEUED;

impl RawRwLock {
    /// An unlocked lock without a name.
    #[cfg(not(loom))]
    #[expect(clippy::declare_interior_mutable_const, reason = "the way lock_api makes locks")]
    pub const INIT: RawRwLock = RawRwLock::with_class(ClassId::UNNAMED);

    const_fn! {
        /// An unlocked lock of the lock class `class`.
        #[must_use]
        pub const fn with_class(class: ClassId) -> RawRwLock {
            RawRwLock {
                word: AtomicUsize::new(0),
                pot: AtomicU64::new(0),
                owner: AtomicU32::new(0),
                class,
            }
        }
    }

    /// Whether somebody holds the lock in any way. A snapshot.
    #[inline]
    #[must_use]
    pub fn is_locked(&self) -> bool {
        self.word.load(Ordering::Relaxed) & LOCKED != 0
    }

    /// Whether a writer holds the lock, or it is being handed to a waiter. A snapshot.
    #[inline]
    #[must_use]
    pub fn is_locked_exclusive(&self) -> bool {
        self.word.load(Ordering::Relaxed) & EXCLUSIVE != 0
    }

    /// The number of the thread that holds the lock as a writer, if one does and
    /// has already written its number. A snapshot.
    #[must_use]
    pub fn holder(&self) -> Option<NonZeroU32> {
        let signature = self.owner.load(Ordering::Relaxed);
        NonZeroU32::new(thread::signed_by(signature)).filter(|_| self.is_locked_exclusive())
    }

    /// How many threads are queued. A snapshot; for tests and views of a running
    /// program: takes the list for a moment.
    #[must_use]
    pub fn waiters(&self) -> usize {
        let mut backoff = Backoff::new();
        loop {
            let word = self.word.load(Ordering::Relaxed);
            if !word::is_queued(word) {
                return 0;
            }
            // Of a free lock somebody is about to take both (invariant 2).
            if word & LOCKED != 0
                && let Some(taken) = self.try_take_list(word)
            {
                let mut session = session::Session::of(self, taken);
                let waiters = session.account().ledger.waiters() as usize;
                session.publish();
                return waiters;
            }
            backoff.wait();
        }
    }

    /// Whether somebody waits in the queue. A snapshot.
    #[inline]
    #[must_use]
    pub fn has_waiters(&self) -> bool {
        word::is_queued(self.word.load(Ordering::Relaxed))
    }

    /// The class of the lock.
    #[must_use]
    pub const fn class(&self) -> ClassId {
        self.class
    }

    /// What tells this lock from others while it lives.
    #[inline]
    fn address(&self) -> usize {
        core::ptr::from_ref(self).addr()
    }

    #[inline]
    fn owned(&self) {
        self.owner.store(thread::sign(), Ordering::Relaxed);
    }

    /// Acquires what is `wanted` in the slow way; a writer signs it.
    #[cold]
    fn acquire(&self, wanted: Wanted, deadline: Option<Instant>) -> bool {
        let acquired = self.acquire_slow(wanted, deadline);
        if acquired && wanted == Wanted::Exclusive {
            self.owned();
        }
        acquired
    }

    #[cold]
    fn try_acquire(&self, wanted: Wanted, recursive: bool) -> bool {
        let acquired = self.try_slow(wanted, recursive);
        if acquired && wanted == Wanted::Exclusive {
            self.owned();
        }
        acquired
    }
}

/// A deadline `timeout` from now; none if that is past the end of time.
fn after(timeout: Duration) -> Option<Instant> {
    Instant::now().checked_add(timeout)
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests;
