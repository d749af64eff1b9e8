//! The raw reader-writer lock: the core's protocol behind the traits of
//! `lock_api`.
//!
//! As in `raw_mutex.rs`, the newtype adds nothing: each method is one inlined
//! call. `RECURSIVE` alone decides which of two of them a read takes.

mod v0_4;

use crate::guard;
use core::fmt;
use core::num::NonZeroU32;
use holdup_core::class::ClassId;
use std::time::{Duration, Instant};

/// A reader-writer lock without data: any number of readers, or one writer;
/// 24 bytes, all zero when unlocked and unnamed.
///
/// Most programs use [`RwLock`](crate::RwLock), which wraps this type. It
/// implements the `RawRwLock` traits of `lock_api` 0.5 *and* 0.4, so that
/// crates generic over either version take it.
///
/// While a writer waits, new readers queue behind it; so a thread must not
/// take a second read lock while it holds one. With `RECURSIVE` it may: reads
/// then join the readers that are inside, at the price that writers may
/// starve. `lock_api` 0.4's `read_recursive` does the same for a single read.
///
/// ```
/// // A crate generic over the traits of lock_api, any lock will do.
/// use lock_api::{RawRwLock, RwLock};
///
/// struct Table<R: RawRwLock>(RwLock<R, Vec<u32>>);
///
/// let table: Table<holdup::RawRwLock> = Table(RwLock::new(vec![1]));
/// table.0.write().push(2);
/// assert_eq!(*table.0.read(), [1, 2]);
/// ```
#[repr(transparent)]
pub struct RawRwLock<const RECURSIVE: bool = false>(holdup_core::raw::RawRwLock);

/// The [`RawRwLock`] whose reads are all recursive.
pub type RawRwLockRecursive = RawRwLock<true>;

impl<const RECURSIVE: bool> RawRwLock<RECURSIVE> {
    /// An unlocked lock of the class `class`. The macros name locks with it.
    #[doc(hidden)]
    #[inline]
    #[must_use]
    pub const fn with_class(class: ClassId) -> Self {
        RawRwLock(holdup_core::raw::RawRwLock::with_class(class))
    }

    /// The thread that holds the lock as its writer, by holdup's own thread
    /// number, if one does. A snapshot: it may be stale when it is returned.
    #[inline]
    #[must_use]
    pub fn holder(&self) -> Option<NonZeroU32> {
        self.0.holder()
    }

    /// Whether somebody waits for the lock. A snapshot: it may be stale when it
    /// is returned. One relaxed load.
    #[inline]
    #[must_use]
    pub fn has_waiters(&self) -> bool {
        self.0.has_waiters()
    }

    #[inline]
    fn shared(&self) {
        if RECURSIVE {
            self.0.lock_shared_recursive();
        } else {
            self.0.lock_shared();
        }
    }

    #[inline]
    fn try_shared(&self) -> bool {
        if RECURSIVE { self.0.try_lock_shared_recursive() } else { self.0.try_lock_shared() }
    }

    #[inline]
    fn try_shared_for(&self, timeout: Duration) -> bool {
        if RECURSIVE {
            self.0.try_lock_shared_recursive_for(timeout)
        } else {
            self.0.try_lock_shared_for(timeout)
        }
    }

    #[inline]
    fn try_shared_until(&self, deadline: Instant) -> bool {
        if RECURSIVE {
            self.0.try_lock_shared_recursive_until(deadline)
        } else {
            self.0.try_lock_shared_until(deadline)
        }
    }

    /// # Safety
    ///
    /// The caller holds a shared lock.
    #[inline]
    unsafe fn bump(&self) {
        if RECURSIVE {
            // Who queues behind the writer here, and holds another read lock
            // that the writer waits for, would wait for ever.
            // SAFETY: the caller holds a shared lock.
            unsafe { self.0.unlock_shared_fair() };
            self.0.lock_shared_recursive();
        } else {
            // SAFETY: the caller holds a shared lock.
            unsafe { self.0.bump_shared() }
        }
    }
}

impl<const RECURSIVE: bool> fmt::Debug for RawRwLock<RECURSIVE> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawRwLock")
            .field("locked", &self.0.is_locked())
            .field("exclusive", &self.0.is_locked_exclusive())
            .field("holder", &self.0.holder())
            .finish_non_exhaustive()
    }
}

// SAFETY: the core's lock keeps writers alone, acquires on lock and releases
// on unlock (its protocol, invariants and orderings are in
// `holdup_core::raw`). The guard states are units, so forgetting one is safe; a
// lock that is moved or dropped has no waiters, because waiters borrow it.
// Acquiring does not unwind.
unsafe impl<const RECURSIVE: bool> lock_api::RawRwLock for RawRwLock<RECURSIVE> {
    const INIT: Self = RawRwLock(holdup_core::raw::RawRwLock::INIT);

    type SharedGuard = guard::Guard;
    type ExclusiveGuard = guard::Guard;
    #[inline]
    fn lock_shared(&self) -> guard::Guard {
        self.shared();
        guard::Guard::new()
    }
    #[inline]
    fn try_lock_shared(&self) -> Option<guard::Guard> {
        self.try_shared().then(guard::Guard::new)
    }
    #[inline]
    unsafe fn unlock_shared(&self, _guard: guard::Guard) {
        // SAFETY: the caller holds the shared lock.
        unsafe { self.0.unlock_shared() }
    }
    #[inline]
    fn lock_exclusive(&self) -> guard::Guard {
        self.0.lock_exclusive();
        guard::Guard::new()
    }
    #[inline]
    fn try_lock_exclusive(&self) -> Option<guard::Guard> {
        self.0.try_lock_exclusive().then(guard::Guard::new)
    }
    #[inline]
    unsafe fn unlock_exclusive(&self, _guard: guard::Guard) {
        // SAFETY: the caller holds the exclusive lock.
        unsafe { self.0.unlock_exclusive() }
    }
    #[inline]
    fn is_locked(&self) -> bool {
        self.0.is_locked()
    }
    #[inline]
    fn is_locked_exclusive(&self) -> bool {
        self.0.is_locked_exclusive()
    }
}

// SAFETY: as for `RawRwLock`; a bump returns with the lock held as before.
unsafe impl<const RECURSIVE: bool> lock_api::RawRwLockFair for RawRwLock<RECURSIVE> {
    #[inline]
    unsafe fn unlock_shared_fair(&self, _guard: guard::Guard) {
        // SAFETY: the caller holds the shared lock.
        unsafe { self.0.unlock_shared_fair() }
    }
    #[inline]
    unsafe fn unlock_exclusive_fair(&self, _guard: guard::Guard) {
        // SAFETY: the caller holds the exclusive lock.
        unsafe { self.0.unlock_exclusive_fair() }
    }
    #[inline]
    unsafe fn bump_shared(&self, _guard: &mut guard::Guard) {
        // SAFETY: the caller holds the shared lock.
        unsafe { self.bump() }
    }
    #[inline]
    unsafe fn bump_exclusive(&self, _guard: &mut guard::Guard) {
        // SAFETY: the caller holds the exclusive lock.
        unsafe { self.0.bump_exclusive() }
    }
}

// SAFETY: as for `RawRwLock`; the writer becomes a reader with no writer between.
unsafe impl<const RECURSIVE: bool> lock_api::RawRwLockDowngrade for RawRwLock<RECURSIVE> {
    #[inline]
    unsafe fn downgrade(&self, guard: guard::Guard) -> guard::Guard {
        // SAFETY: the caller holds the exclusive lock.
        unsafe { self.0.downgrade() };
        guard
    }
}

// SAFETY: as for `RawRwLock`; a guard state is returned only after success.
unsafe impl<const RECURSIVE: bool> lock_api::RawRwLockTimed for RawRwLock<RECURSIVE> {
    type Duration = Duration;
    type Instant = Instant;

    #[inline]
    fn try_lock_shared_for(&self, timeout: Duration) -> Option<guard::Guard> {
        self.try_shared_for(timeout).then(guard::Guard::new)
    }
    #[inline]
    fn try_lock_shared_until(&self, deadline: Instant) -> Option<guard::Guard> {
        self.try_shared_until(deadline).then(guard::Guard::new)
    }
    #[inline]
    fn try_lock_exclusive_for(&self, timeout: Duration) -> Option<guard::Guard> {
        self.0.try_lock_exclusive_for(timeout).then(guard::Guard::new)
    }
    #[inline]
    fn try_lock_exclusive_until(&self, deadline: Instant) -> Option<guard::Guard> {
        self.0.try_lock_exclusive_until(deadline).then(guard::Guard::new)
    }
}

// SAFETY: as for `RawRwLock`; there is one upgradable reader at a time, and a
// failed upgrade leaves it one.
unsafe impl<const RECURSIVE: bool> lock_api::RawRwLockUpgrade for RawRwLock<RECURSIVE> {
    type UpgradableGuard = guard::Guard;

    #[inline]
    fn lock_upgradable(&self) -> guard::Guard {
        self.0.lock_upgradable();
        guard::Guard::new()
    }
    #[inline]
    fn try_lock_upgradable(&self) -> Option<guard::Guard> {
        self.0.try_lock_upgradable().then(guard::Guard::new)
    }
    #[inline]
    unsafe fn unlock_upgradable(&self, _guard: guard::Guard) {
        // SAFETY: the caller holds the upgradable lock.
        unsafe { self.0.unlock_upgradable() }
    }
    #[inline]
    unsafe fn upgrade(&self, guard: guard::Guard) -> guard::Guard {
        // SAFETY: the caller holds the upgradable lock.
        unsafe { self.0.upgrade() };
        guard
    }
    #[inline]
    unsafe fn try_upgrade(&self, guard: guard::Guard) -> Result<guard::Guard, guard::Guard> {
        // SAFETY: the caller holds the upgradable lock.
        if unsafe { self.0.try_upgrade() } { Ok(guard) } else { Err(guard) }
    }
}

// SAFETY: as for `RawRwLockUpgrade`.
unsafe impl<const RECURSIVE: bool> lock_api::RawRwLockUpgradeFair for RawRwLock<RECURSIVE> {
    #[inline]
    unsafe fn unlock_upgradable_fair(&self, _guard: guard::Guard) {
        // SAFETY: the caller holds the upgradable lock.
        unsafe { self.0.unlock_upgradable_fair() }
    }
    #[inline]
    unsafe fn bump_upgradable(&self, _guard: &mut guard::Guard) {
        // SAFETY: the caller holds the upgradable lock.
        unsafe { self.0.bump_upgradable() }
    }
}

// SAFETY: as for `RawRwLockUpgrade`; no writer comes between.
unsafe impl<const RECURSIVE: bool> lock_api::RawRwLockUpgradeDowngrade for RawRwLock<RECURSIVE> {
    #[inline]
    unsafe fn downgrade_upgradable(&self, guard: guard::Guard) -> guard::Guard {
        // SAFETY: the caller holds the upgradable lock.
        unsafe { self.0.downgrade_upgradable() };
        guard
    }
    #[inline]
    unsafe fn downgrade_to_upgradable(&self, guard: guard::Guard) -> guard::Guard {
        // SAFETY: the caller holds the exclusive lock.
        unsafe { self.0.downgrade_to_upgradable() };
        guard
    }
}

// SAFETY: as for `RawRwLockUpgrade`; who times out is an upgradable reader still.
unsafe impl<const RECURSIVE: bool> lock_api::RawRwLockUpgradeTimed for RawRwLock<RECURSIVE> {
    #[inline]
    fn try_lock_upgradable_for(&self, timeout: Duration) -> Option<guard::Guard> {
        self.0.try_lock_upgradable_for(timeout).then(guard::Guard::new)
    }
    #[inline]
    fn try_lock_upgradable_until(&self, deadline: Instant) -> Option<guard::Guard> {
        self.0.try_lock_upgradable_until(deadline).then(guard::Guard::new)
    }
    #[inline]
    unsafe fn try_upgrade_for(
        &self,
        guard: guard::Guard,
        timeout: Duration,
    ) -> Result<guard::Guard, guard::Guard> {
        // SAFETY: the caller holds the upgradable lock.
        if unsafe { self.0.try_upgrade_for(timeout) } { Ok(guard) } else { Err(guard) }
    }
    #[inline]
    unsafe fn try_upgrade_until(
        &self,
        guard: guard::Guard,
        deadline: Instant,
    ) -> Result<guard::Guard, guard::Guard> {
        // SAFETY: the caller holds the upgradable lock.
        if unsafe { self.0.try_upgrade_until(deadline) } { Ok(guard) } else { Err(guard) }
    }
}

const _: () = {
    const SIZE: usize = size_of::<RawRwLock>();
    assert!(SIZE <= 24, "a raw reader-writer lock takes at most 24 bytes");
    assert!(SIZE == size_of::<RawRwLockRecursive>());
};
