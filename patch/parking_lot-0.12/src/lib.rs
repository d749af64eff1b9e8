//! parking_lot 0.12 as code sees it, holdup underneath.
//!
//! A program that depends on parking_lot, itself or by others, gets this crate
//! in its place by two lines in its `Cargo.toml`, and no change in any code:
//!
//! ```toml
//! [patch.crates-io]
//! parking_lot = { path = "holdup/patch/parking_lot-0.12" }
//! ```
//!
//! Then every wait for one of these locks is accounted for, exactly, and is in
//! the profile: `HOLDUP_PROFILE=locks.pb.gz ./program`.
//!
//! The types are those of `lock_api` 0.4 over holdup's raw locks, so the
//! methods, guards and traits are parking_lot's own. What differs is listed in
//! the README beside this crate.
//!
//! ```
//! use parking_lot::{Condvar, Mutex};
//!
//! static JOBS: Mutex<Vec<u32>> = parking_lot::const_mutex(Vec::new());
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

mod condvar;
#[cfg(feature = "deadlock_detection")]
pub mod deadlock;
mod mutex;
mod rwlock;

pub use ::lock_api;
pub use condvar::{Condvar, WaitTimeoutResult};
pub use holdup::{Once, OnceState, RawFairMutex, RawMutex, RawRwLock, RawThreadId};
#[cfg(feature = "arc_lock")]
pub use lock_api::{
    ArcMutexGuard, ArcReentrantMutexGuard, ArcRwLockReadGuard, ArcRwLockUpgradableReadGuard,
    ArcRwLockWriteGuard,
};
pub use mutex::*;
pub use rwlock::*;
