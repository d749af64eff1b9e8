//! parking_lot 0.13 as code sees it, holdup underneath.
//!
//! A program that depends on parking_lot, itself or by others, gets this crate
//! in its place by two lines in its `Cargo.toml`, and no change in any code:
//!
//! ```toml
//! [patch.crates-io]
//! parking_lot = { path = "holdup/patch/parking_lot-0.13" }
//! ```
//!
//! Then every wait for one of these locks is accounted for, exactly, and is in
//! the profile: `HOLDUP_PROFILE=locks.pb.gz ./program`.
//!
//! Like parking_lot 0.13, holdup has its types from `lock_api` 0.5: this crate
//! is a list of names. What differs is listed in the README beside it.
//!
//! ```
//! use parking_lot::{Condvar, Mutex};
//!
//! static JOBS: Mutex<Vec<u32>> = Mutex::new(Vec::new());
//! static MORE: Condvar = Condvar::new();
//!
//! std::thread::scope(|scope| {
//!     scope.spawn(|| {
//!         JOBS.lock().push(7);
//!         MORE.notify_one();
//!     });
//!     let mut jobs = JOBS.lock();
//!     MORE.wait_while(&mut jobs, |jobs| jobs.is_empty());
//!     assert_eq!(*jobs, [7]);
//! });
//! ```

#[cfg(feature = "deadlock_detection")]
pub mod deadlock;

pub use ::lock_api;
pub use holdup::{
    Condvar, FairMutex, FairMutexGuard, MappedFairMutexGuard, MappedMutexGuard,
    MappedRecursiveRwLockReadGuard, MappedRecursiveRwLockWriteGuard, MappedReentrantMutexGuard,
    MappedRwLockReadGuard, MappedRwLockWriteGuard, Mutex, MutexGuard, Once, OnceState, RawCondvar,
    RawFairMutex, RawMutex, RawRwLock, RawRwLockRecursive, RawThreadId, RecursiveRwLock,
    RecursiveRwLockReadGuard, RecursiveRwLockUpgradableReadGuard, RecursiveRwLockWriteGuard,
    ReentrantMutex, ReentrantMutexGuard, RwLock, RwLockReadGuard, RwLockUpgradableReadGuard,
    RwLockWriteGuard, WaitTimeoutResult,
};
#[cfg(feature = "arc_lock")]
pub use lock_api::{
    ArcMutexGuard, ArcReentrantMutexGuard, ArcRwLockReadGuard, ArcRwLockUpgradableReadGuard,
    ArcRwLockWriteGuard,
};
