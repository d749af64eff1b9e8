//! The lock of a shard: holdup's. Recursive, because threads may look at two
//! entries of one shard at a time, and must not queue for a writer in between.

pub use holdup::RawRwLockRecursive as RawRwLock;

pub type RwLock<T> = lock_api::RwLock<RawRwLock, T>;
pub type RwLockReadGuard<'a, T> = lock_api::RwLockReadGuard<'a, RawRwLock, T>;
pub type RwLockWriteGuard<'a, T> = lock_api::RwLockWriteGuard<'a, RawRwLock, T>;
