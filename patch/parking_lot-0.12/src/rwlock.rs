//! The reader-writer lock: names for `lock_api`'s types over holdup's raw lock.

use holdup::RawRwLock;

/// A reader-writer lock. New readers queue behind a writer that waits.
pub type RwLock<T> = lock_api::RwLock<RawRwLock, T>;
/// Proof that the current thread reads an [`RwLock`]; dropping it unlocks.
pub type RwLockReadGuard<'a, T> = lock_api::RwLockReadGuard<'a, RawRwLock, T>;
/// Proof that the current thread writes an [`RwLock`]; dropping it unlocks.
pub type RwLockWriteGuard<'a, T> = lock_api::RwLockWriteGuard<'a, RawRwLock, T>;
/// An [`RwLockReadGuard`] for a part of the data.
pub type MappedRwLockReadGuard<'a, T> = lock_api::MappedRwLockReadGuard<'a, RawRwLock, T>;
/// An [`RwLockWriteGuard`] for a part of the data.
pub type MappedRwLockWriteGuard<'a, T> = lock_api::MappedRwLockWriteGuard<'a, RawRwLock, T>;
/// Proof that the current thread reads an [`RwLock`], and alone may become its writer.
pub type RwLockUpgradableReadGuard<'a, T> = lock_api::RwLockUpgradableReadGuard<'a, RawRwLock, T>;

/// A new unlocked [`RwLock`], in const context.
pub const fn const_rwlock<T>(val: T) -> RwLock<T> {
    RwLock::const_new(<RawRwLock as lock_api::RawRwLock>::INIT, val)
}
