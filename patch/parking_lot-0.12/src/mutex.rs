//! The mutexes: names for `lock_api`'s types over holdup's raw locks.

use holdup::{RawFairMutex, RawMutex, RawThreadId};
use lock_api::{GetThreadId as _, RawMutex as _};

/// A mutual exclusion lock. One compare-and-swap to lock when it is free.
pub type Mutex<T> = lock_api::Mutex<RawMutex, T>;
/// Proof that the current thread holds a [`Mutex`]; dropping it unlocks.
pub type MutexGuard<'a, T> = lock_api::MutexGuard<'a, RawMutex, T>;
/// A [`MutexGuard`] for a part of the data.
pub type MappedMutexGuard<'a, T> = lock_api::MappedMutexGuard<'a, RawMutex, T>;

/// A [`Mutex`] that always goes to whoever has waited longest: fair, and slower.
pub type FairMutex<T> = lock_api::Mutex<RawFairMutex, T>;
/// Proof that the current thread holds a [`FairMutex`]; dropping it unlocks.
pub type FairMutexGuard<'a, T> = lock_api::MutexGuard<'a, RawFairMutex, T>;
/// A [`FairMutexGuard`] for a part of the data.
pub type MappedFairMutexGuard<'a, T> = lock_api::MappedMutexGuard<'a, RawFairMutex, T>;

/// A [`Mutex`] that the thread that holds it may lock again. Its guards give
/// shared references only.
pub type ReentrantMutex<T> = lock_api::ReentrantMutex<RawMutex, RawThreadId, T>;
/// One level of holding a [`ReentrantMutex`]; dropping it gives up the level.
pub type ReentrantMutexGuard<'a, T> = lock_api::ReentrantMutexGuard<'a, RawMutex, RawThreadId, T>;
/// A [`ReentrantMutexGuard`] for a part of the data.
pub type MappedReentrantMutexGuard<'a, T> =
    lock_api::MappedReentrantMutexGuard<'a, RawMutex, RawThreadId, T>;

/// A new unlocked [`Mutex`], in const context.
pub const fn const_mutex<T>(val: T) -> Mutex<T> {
    Mutex::const_new(RawMutex::INIT, val)
}

/// A new unlocked [`FairMutex`], in const context.
pub const fn const_fair_mutex<T>(val: T) -> FairMutex<T> {
    FairMutex::const_new(RawFairMutex::INIT, val)
}

/// A new unlocked [`ReentrantMutex`], in const context.
pub const fn const_reentrant_mutex<T>(val: T) -> ReentrantMutex<T> {
    ReentrantMutex::const_new(RawMutex::INIT, RawThreadId::INIT, val)
}
