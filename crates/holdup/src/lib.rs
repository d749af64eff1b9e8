//! Locks that know who held everybody up.
//!
//! holdup's [`Mutex`] accounts for every nanosecond that a thread waits for
//! it, exactly, and charges it to the critical section that caused the wait:
//! to the call stack that *ended* that section. A lock nobody waits for costs
//! what the standard library's costs: one compare-and-swap to lock, one to
//! unlock, no clock, no counter.
//!
//! ```
//! use holdup::{Mutex, named_mutex, profile};
//! use std::time::Duration;
//!
//! // A name is optional. It is shared by all locks made with it.
//! static ORDERS: Mutex<Vec<u64>> = named_mutex!("orders", Vec::new());
//!
//! let before = profile::snapshot();
//! std::thread::scope(|scope| {
//!     for id in 0..4 {
//!         scope.spawn(move || ORDERS.lock().push(id));
//!     }
//! });
//! let profile = profile::snapshot().since(&before);
//!
//! // Exact, whether or not anybody had to wait: each waited nanosecond is
//! // charged to a critical section, or was spent handing the lock over.
//! let totals = profile.totals_of("orders").unwrap_or_default();
//! assert_eq!(totals.waited, totals.blamed + totals.handoff);
//!
//! // For `go tool pprof`, Pyroscope, Parca, speedscope.
//! let mut pprof = Vec::new();
//! profile.write_pprof(&mut pprof)?;
//! // For people.
//! profile.write_text(std::io::stdout())?;
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # Without a line of code
//!
//! A program that uses these locks writes its profile at its end, and when a
//! panic aborts it, if it is told where:
//!
//! ```text
//! HOLDUP_PROFILE=locks.pb.gz ./program      # go tool pprof locks.pb.gz
//! HOLDUP_PROFILE=locks.txt   ./program      # a table to read
//! HOLDUP_PROFILE=locks.folded ./program     # for flame graphs
//! ```
//!
//! [`profile`] says more about this and about `HOLDUP_PERIOD`.
//!
//! # In place of std
//!
//! [`sync`] is the interface of `std::sync`, poisoning included: to switch,
//! change `use std::sync::…` to `use holdup::sync::…`.
//!
//! # Features
//!
//! - `send_guard`: guards may be sent to another thread and dropped there.
//! - `arc_lock`: locking through an `Arc`, with `ArcMutexGuard` and its like.
//! - `serde`: the locks that hold data are `Serialize` and `Deserialize`.
//! - `json`: profiles are written as JSON, `Profile::write_json`.
//! - `metrics`: the sums of each lock as metrics for Prometheus.
//! - `http`: profiles and metrics over HTTP, in any web framework.
//! - `serve`: the same by a server of its own, `holdup::serve`.
//! - `push`: profiles pushed to Grafana Pyroscope; with `push-tls` also by https.

mod condvar;
mod environment;
#[cfg(fuzzing)]
#[doc(hidden)]
pub use environment::fuzz as fuzz_environment;
mod fair_mutex;
mod guard;
#[cfg(feature = "http")]
pub mod http;
pub mod live;
#[cfg(feature = "metrics")]
pub mod metrics;
mod named;
mod once;
pub mod profile;
#[cfg(feature = "push")]
pub mod push;
mod raw_mutex;
mod raw_rwlock;
mod reentrant_mutex;
mod rwlock;
pub mod sync;

#[cfg(feature = "serve")]
pub use self::http::serve;
pub use condvar::{Condvar, RawCondvar, WaitTimeoutResult};
#[cfg(feature = "arc_lock")]
pub use fair_mutex::ArcFairMutexGuard;
pub use fair_mutex::{FairMutex, FairMutexGuard, MappedFairMutexGuard, RawFairMutex};
pub use live::{live, on_deadlock, set_deadlock_action, watchdog};
pub use once::{Once, OnceState};
pub use raw_mutex::RawMutex;
pub use raw_rwlock::{RawRwLock, RawRwLockRecursive};
#[cfg(feature = "arc_lock")]
pub use reentrant_mutex::ArcReentrantMutexGuard;
pub use reentrant_mutex::{
    MappedReentrantMutexGuard, RawThreadId, ReentrantMutex, ReentrantMutexGuard,
};
#[cfg(feature = "arc_lock")]
pub use rwlock::{ArcRwLockReadGuard, ArcRwLockUpgradableReadGuard, ArcRwLockWriteGuard};
pub use rwlock::{
    MappedRecursiveRwLockReadGuard, MappedRecursiveRwLockWriteGuard, MappedRwLockReadGuard,
    MappedRwLockWriteGuard, RecursiveRwLock, RecursiveRwLockReadGuard,
    RecursiveRwLockUpgradableReadGuard, RecursiveRwLockWriteGuard, RwLock, RwLockReadGuard,
    RwLockUpgradableReadGuard, RwLockWriteGuard,
};

/// A mutual exclusion lock that accounts for the time threads wait for it.
///
/// The methods are those of [`lock_api::Mutex`]: `lock`, `try_lock`,
/// `try_lock_for`, `try_lock_until`, `get_mut`, `into_inner`, ... There is no
/// poisoning. A panic inside a critical section ends it like a return does,
/// and is charged in the same way.
///
/// ```
/// let hits = holdup::Mutex::new(0);
/// *hits.lock() += 1;
/// assert_eq!(hits.into_inner(), 1);
/// ```
pub type Mutex<T> = lock_api::Mutex<RawMutex, T>;

/// Proof that the current thread holds a [`Mutex`]; dropping it unlocks.
pub type MutexGuard<'a, T> = lock_api::MutexGuard<'a, RawMutex, T>;

/// A [`MutexGuard`] for a part of the data, made by `MutexGuard::map`.
pub type MappedMutexGuard<'a, T> = lock_api::MappedMutexGuard<'a, RawMutex, T>;

/// A guard that keeps the lock alive by an `Arc` instead of a borrow.
#[cfg(feature = "arc_lock")]
pub type ArcMutexGuard<T> = lock_api::ArcMutexGuard<RawMutex, T>;

/// What the macros expand to. No part of the interface.
#[doc(hidden)]
pub mod __private {
    pub use holdup_core::class::{ClassId, Registration, register};
}
