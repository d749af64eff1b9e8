//! [`RawRwLock`] behind the traits of `lock_api` 0.4, which have no guard state
//! but know recursive reads. A file of its own for the length of it.

use super::RawRwLock;
use crate::guard;
use std::time::{Duration, Instant};

// SAFETY: as for `lock_api` 0.5 in `raw_rwlock.rs`.
unsafe impl<const RECURSIVE: bool> lock_api_04::RawRwLock for RawRwLock<RECURSIVE> {
    const INIT: Self = <Self as lock_api::RawRwLock>::INIT;

    type GuardMarker = guard::Marker;

    #[inline]
    fn lock_shared(&self) {
        self.shared();
    }

    #[inline]
    fn try_lock_shared(&self) -> bool {
        self.try_shared()
    }

    #[inline]
    unsafe fn unlock_shared(&self) {
        // SAFETY: the caller holds the shared lock.
        unsafe { self.0.unlock_shared() }
    }

    #[inline]
    fn lock_exclusive(&self) {
        self.0.lock_exclusive();
    }

    #[inline]
    fn try_lock_exclusive(&self) -> bool {
        self.0.try_lock_exclusive()
    }

    #[inline]
    unsafe fn unlock_exclusive(&self) {
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

// SAFETY: as for `lock_api` 0.5 in `raw_rwlock.rs`.
unsafe impl<const RECURSIVE: bool> lock_api_04::RawRwLockFair for RawRwLock<RECURSIVE> {
    #[inline]
    unsafe fn unlock_shared_fair(&self) {
        // SAFETY: the caller holds the shared lock.
        unsafe { self.0.unlock_shared_fair() }
    }

    #[inline]
    unsafe fn unlock_exclusive_fair(&self) {
        // SAFETY: the caller holds the exclusive lock.
        unsafe { self.0.unlock_exclusive_fair() }
    }

    #[inline]
    unsafe fn bump_shared(&self) {
        // SAFETY: the caller holds the shared lock.
        unsafe { self.bump() }
    }

    #[inline]
    unsafe fn bump_exclusive(&self) {
        // SAFETY: the caller holds the exclusive lock.
        unsafe { self.0.bump_exclusive() }
    }
}

// SAFETY: as for `lock_api` 0.5 in `raw_rwlock.rs`.
unsafe impl<const RECURSIVE: bool> lock_api_04::RawRwLockDowngrade for RawRwLock<RECURSIVE> {
    #[inline]
    unsafe fn downgrade(&self) {
        // SAFETY: the caller holds the exclusive lock.
        unsafe { self.0.downgrade() }
    }
}

// SAFETY: as for `lock_api` 0.5 in `raw_rwlock.rs`.
unsafe impl<const RECURSIVE: bool> lock_api_04::RawRwLockTimed for RawRwLock<RECURSIVE> {
    type Duration = Duration;
    type Instant = Instant;

    #[inline]
    fn try_lock_shared_for(&self, timeout: Duration) -> bool {
        self.try_shared_for(timeout)
    }

    #[inline]
    fn try_lock_shared_until(&self, deadline: Instant) -> bool {
        self.try_shared_until(deadline)
    }

    #[inline]
    fn try_lock_exclusive_for(&self, timeout: Duration) -> bool {
        self.0.try_lock_exclusive_for(timeout)
    }

    #[inline]
    fn try_lock_exclusive_until(&self, deadline: Instant) -> bool {
        self.0.try_lock_exclusive_until(deadline)
    }
}

// SAFETY: as for `lock_api` 0.5 in `raw_rwlock.rs`.
unsafe impl<const RECURSIVE: bool> lock_api_04::RawRwLockRecursive for RawRwLock<RECURSIVE> {
    #[inline]
    fn lock_shared_recursive(&self) {
        self.0.lock_shared_recursive();
    }

    #[inline]
    fn try_lock_shared_recursive(&self) -> bool {
        self.0.try_lock_shared_recursive()
    }
}

// SAFETY: as for `lock_api` 0.5 in `raw_rwlock.rs`.
unsafe impl<const RECURSIVE: bool> lock_api_04::RawRwLockRecursiveTimed for RawRwLock<RECURSIVE> {
    #[inline]
    fn try_lock_shared_recursive_for(&self, timeout: Duration) -> bool {
        self.0.try_lock_shared_recursive_for(timeout)
    }

    #[inline]
    fn try_lock_shared_recursive_until(&self, deadline: Instant) -> bool {
        self.0.try_lock_shared_recursive_until(deadline)
    }
}

// SAFETY: as for `lock_api` 0.5 in `raw_rwlock.rs`.
unsafe impl<const RECURSIVE: bool> lock_api_04::RawRwLockUpgrade for RawRwLock<RECURSIVE> {
    #[inline]
    fn lock_upgradable(&self) {
        self.0.lock_upgradable();
    }

    #[inline]
    fn try_lock_upgradable(&self) -> bool {
        self.0.try_lock_upgradable()
    }

    #[inline]
    unsafe fn unlock_upgradable(&self) {
        // SAFETY: the caller holds the upgradable lock.
        unsafe { self.0.unlock_upgradable() }
    }

    #[inline]
    unsafe fn upgrade(&self) {
        // SAFETY: the caller holds the upgradable lock.
        unsafe { self.0.upgrade() }
    }

    #[inline]
    unsafe fn try_upgrade(&self) -> bool {
        // SAFETY: the caller holds the upgradable lock.
        unsafe { self.0.try_upgrade() }
    }
}

// SAFETY: as for `lock_api` 0.5 in `raw_rwlock.rs`.
unsafe impl<const RECURSIVE: bool> lock_api_04::RawRwLockUpgradeFair for RawRwLock<RECURSIVE> {
    #[inline]
    unsafe fn unlock_upgradable_fair(&self) {
        // SAFETY: the caller holds the upgradable lock.
        unsafe { self.0.unlock_upgradable_fair() }
    }

    #[inline]
    unsafe fn bump_upgradable(&self) {
        // SAFETY: the caller holds the upgradable lock.
        unsafe { self.0.bump_upgradable() }
    }
}

// SAFETY: as for `lock_api` 0.5 in `raw_rwlock.rs`.
unsafe impl<const RECURSIVE: bool> lock_api_04::RawRwLockUpgradeDowngrade for RawRwLock<RECURSIVE> {
    #[inline]
    unsafe fn downgrade_upgradable(&self) {
        // SAFETY: the caller holds the upgradable lock.
        unsafe { self.0.downgrade_upgradable() }
    }

    #[inline]
    unsafe fn downgrade_to_upgradable(&self) {
        // SAFETY: the caller holds the exclusive lock.
        unsafe { self.0.downgrade_to_upgradable() }
    }
}

// SAFETY: as for `lock_api` 0.5 in `raw_rwlock.rs`.
unsafe impl<const RECURSIVE: bool> lock_api_04::RawRwLockUpgradeTimed for RawRwLock<RECURSIVE> {
    #[inline]
    fn try_lock_upgradable_for(&self, timeout: Duration) -> bool {
        self.0.try_lock_upgradable_for(timeout)
    }

    #[inline]
    fn try_lock_upgradable_until(&self, deadline: Instant) -> bool {
        self.0.try_lock_upgradable_until(deadline)
    }

    #[inline]
    unsafe fn try_upgrade_for(&self, timeout: Duration) -> bool {
        // SAFETY: the caller holds the upgradable lock.
        unsafe { self.0.try_upgrade_for(timeout) }
    }

    #[inline]
    unsafe fn try_upgrade_until(&self, deadline: Instant) -> bool {
        // SAFETY: the caller holds the upgradable lock.
        unsafe { self.0.try_upgrade_until(deadline) }
    }
}
