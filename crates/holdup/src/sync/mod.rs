//! The interface of [`std::sync`], on locks that account for the time threads
//! wait for them.
//!
//! ```
//! use holdup::sync::{Arc, Mutex, OnceLock};     // instead of std::sync
//! # let _ = (Arc::new(Mutex::new(0)), OnceLock::<u8>::new());
//! ```
//!
//! Everything stable in `std::sync` of Rust 1.95 is here under its name, with
//! the same methods, poisoning, auto traits, `Debug` output and panics.
//! [`Arc`], [`Weak`], [`LockResult`], [`PoisonError`], [`TryLockError`] and the
//! modules [`atomic`] and [`mpsc`] *are* std's: code that names them by either
//! path mixes freely.
//!
//! What differs:
//!
//! - The locks are larger (each page says by how much), and allocate as little
//!   as std's: nothing.
//! - Waiting for a channel of [`mpsc`] is not accounted: nobody holds it.
//! - clippy's lint `await_holding_lock` does not know these guards. It takes
//!   their names from the setting `await-holding-invalid-types`.
//!
//! A name in reports costs one macro around the constructor:
//!
//! ```
//! use holdup::sync::Mutex;
//!
//! static ORDERS: Mutex<Vec<u64>> = holdup::named!("orders", Mutex::new(Vec::new()));
//! ```

mod barrier;
mod condvar;
mod lazy_lock;
mod mutex;
mod once;
mod once_lock;
mod poison;
mod rwlock;

pub use barrier::{Barrier, BarrierWaitResult};
pub use condvar::{Condvar, WaitTimeoutResult};
pub use lazy_lock::LazyLock;
pub use mutex::{Mutex, MutexGuard};
#[expect(deprecated, reason = "std has it")]
pub use once::ONCE_INIT;
pub use once::{Once, OnceState};
pub use once_lock::OnceLock;
pub use rwlock::{RwLock, RwLockReadGuard, RwLockWriteGuard};

#[doc(no_inline)]
pub use std::sync::{
    Arc, LockResult, PoisonError, TryLockError, TryLockResult, Weak, atomic, mpsc,
};

use core::fmt;
use core::ops::Deref;

/// `Debug` of a lock, given an attempt to lock it, and what to show where that
/// failed.
fn debug_lock<T: ?Sized + fmt::Debug>(
    f: &mut fmt::Formatter<'_>,
    name: &str,
    attempt: TryLockResult<impl Deref<Target = T>>,
    locked: &dyn fmt::Debug,
    poison: &poison::Flag,
) -> fmt::Result {
    let mut text = f.debug_struct(name);
    match attempt {
        Ok(guard) => text.field("data", &&*guard),
        Err(TryLockError::Poisoned(error)) => text.field("data", &&**error.get_ref()),
        Err(TryLockError::WouldBlock) => text.field("data", locked),
    };
    text.field("poisoned", &poison.is_set()).finish_non_exhaustive()
}

/// `Debug` of a cell that has a value or not.
fn debug_cell<T: fmt::Debug>(
    f: &mut fmt::Formatter<'_>,
    name: &str,
    value: Option<&T>,
) -> fmt::Result {
    let mut text = f.debug_tuple(name);
    match value {
        Some(value) => text.field(value),
        None => text.field(&format_args!("<uninit>")),
    };
    text.finish()
}
