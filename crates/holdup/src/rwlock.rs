//! The reader-writer locks with data: names for `lock_api`'s types over our
//! raw lock.

use crate::raw_rwlock::{RawRwLock, RawRwLockRecursive};

/// A reader-writer lock that accounts for the time threads wait for it.
///
/// The methods are those of [`lock_api::RwLock`]: `read`, `write`,
/// `upgradable_read`, `try_…`, `try_…_for`, `try_…_until`, `get_mut`,
/// `into_inner`, ... There is no poisoning. Readers share the blame for those
/// who wait on them, each moment in equal parts. New readers queue behind a
/// writer that waits, so a thread must not take a second read lock while it
/// holds one; [`RecursiveRwLock`] lets it.
///
/// ```
/// let prices = holdup::RwLock::new(vec![10, 20]);
/// prices.write().push(30);
/// assert_eq!(prices.read().len(), 3);
/// ```
pub type RwLock<T> = lock_api::RwLock<RawRwLock, T>;

/// Proof that the current thread reads an [`RwLock`]; dropping it unlocks.
pub type RwLockReadGuard<'a, T> = lock_api::RwLockReadGuard<'a, RawRwLock, T>;

/// Proof that the current thread writes an [`RwLock`]; dropping it unlocks.
pub type RwLockWriteGuard<'a, T> = lock_api::RwLockWriteGuard<'a, RawRwLock, T>;

/// Proof that the current thread reads an [`RwLock`], and is the only one that
/// may become its writer without letting go.
pub type RwLockUpgradableReadGuard<'a, T> = lock_api::RwLockUpgradableReadGuard<'a, RawRwLock, T>;

/// An [`RwLockReadGuard`] for a part of the data, made by `RwLockReadGuard::map`.
pub type MappedRwLockReadGuard<'a, T> = lock_api::MappedRwLockReadGuard<'a, RawRwLock, T>;

/// An [`RwLockWriteGuard`] for a part of the data, made by `RwLockWriteGuard::map`.
pub type MappedRwLockWriteGuard<'a, T> = lock_api::MappedRwLockWriteGuard<'a, RawRwLock, T>;

/// An [`RwLockReadGuard`] that keeps the lock alive by an `Arc` instead of a borrow.
#[cfg(feature = "arc_lock")]
pub type ArcRwLockReadGuard<T> = lock_api::ArcRwLockReadGuard<RawRwLock, T>;

/// An [`RwLockWriteGuard`] that keeps the lock alive by an `Arc` instead of a borrow.
#[cfg(feature = "arc_lock")]
pub type ArcRwLockWriteGuard<T> = lock_api::ArcRwLockWriteGuard<RawRwLock, T>;

/// An [`RwLockUpgradableReadGuard`] that keeps the lock alive by an `Arc`
/// instead of a borrow.
#[cfg(feature = "arc_lock")]
pub type ArcRwLockUpgradableReadGuard<T> = lock_api::ArcRwLockUpgradableReadGuard<RawRwLock, T>;

/// An [`RwLock`] that a thread may read again while it reads. Readers do not
/// queue behind a writer that waits while others read: writers may starve.
///
/// ```
/// let lock = holdup::RecursiveRwLock::new(5);
/// let (outer, inner) = (lock.read(), lock.read());
/// assert_eq!(*outer, *inner);
/// ```
pub type RecursiveRwLock<T> = lock_api::RwLock<RawRwLockRecursive, T>;

/// Proof that the current thread reads a [`RecursiveRwLock`].
pub type RecursiveRwLockReadGuard<'a, T> = lock_api::RwLockReadGuard<'a, RawRwLockRecursive, T>;

/// Proof that the current thread writes a [`RecursiveRwLock`].
pub type RecursiveRwLockWriteGuard<'a, T> = lock_api::RwLockWriteGuard<'a, RawRwLockRecursive, T>;

/// Proof that the current thread reads a [`RecursiveRwLock`], and may become
/// its writer without letting go.
pub type RecursiveRwLockUpgradableReadGuard<'a, T> =
    lock_api::RwLockUpgradableReadGuard<'a, RawRwLockRecursive, T>;

/// A [`RecursiveRwLockReadGuard`] for a part of the data.
pub type MappedRecursiveRwLockReadGuard<'a, T> =
    lock_api::MappedRwLockReadGuard<'a, RawRwLockRecursive, T>;

/// A [`RecursiveRwLockWriteGuard`] for a part of the data.
pub type MappedRecursiveRwLockWriteGuard<'a, T> =
    lock_api::MappedRwLockWriteGuard<'a, RawRwLockRecursive, T>;
