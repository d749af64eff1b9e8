//! What the lock protocols are made of, so that model checkers can supply it.
//!
//! In a normal build these are core's and std's own, and this file is nothing
//! but their names. Under `--cfg loom` and `--cfg shuttle` they are those of
//! the two model checkers, which then run the *real* protocols under all, or
//! under thousands of, schedules (`models/README.md`). They are cfgs of the
//! compiler rather than features of the crate: no build that users make can
//! have them by accident, and `models/Cargo.toml` is a manifest of its own for
//! these same sources, so that this crate does not even know of the checkers.
//!
//! # How code must be written to be checked
//!
//! Everything that belongs to a *protocol* (`raw`, `wait_list`, `word`,
//! `ledger`) takes from here, never from core or std:
//!
//! | what                                    | instead of                         |
//! |-----------------------------------------|------------------------------------|
//! | [`atomic`]: `AtomicUsize`, `Ordering`.. | `core::sync::atomic`               |
//! | [`Cell`], for fields of nodes           | `core::cell::Cell`                 |
//! | [`Instant`], for deadlines              | `std::time::Instant`               |
//! | [`pause`], [`yield_now`], [`nap`]       | `spin_loop`, `yield_now`, a sleep  |
//! | [`const_fn!`] around `const fn new`     | (the atomics of loom are no const) |
//! | [`place`] around what holds a node      | (kept alive, and poisoned)         |
//!
//! `crate::clock`, `crate::thread` and `crate::park` keep their names: `lib.rs`
//! puts the models' in their places. Rules:
//!
//! - A loop that waits for another thread calls [`pause`], [`yield_now`],
//!   [`nap`] or a parker in each turn, and its number of turns must not decide
//!   what it does next but by [`MODELLED`].
//! - Constants made of atomics (`INIT`) are left out under loom.
//! - Hints, which no correctness hangs on (the owner's signature, counters),
//!   stay with `core::sync::atomic`: a model has enough to look at without.
//!   Statics and thread-locals likewise stay real, and must not steer a
//!   protocol: they would outlive one run of a model.
//! - What is asserted about the size of a lock is asserted for normal builds.

/// Whether a model checker runs this. Then spinning is cut to single looks.
pub(crate) const MODELLED: bool = cfg!(any(loom, shuttle));

#[cfg(not(any(loom, shuttle)))]
pub(crate) use own::*;
#[cfg(not(any(loom, shuttle)))]
mod own {
    pub(crate) use core::cell::Cell;
    pub(crate) use core::sync::atomic;
    #[allow(unused_imports, reason = "one way to sleep uses them")]
    pub(crate) use std::sync::{Condvar, Mutex};
    pub(crate) use std::thread::yield_now;
    pub(crate) use std::time::Instant;

    /// A node in its place: where its owner's call keeps it.
    pub(crate) type Placed<T> = T;

    /// Puts a node in its place. Models keep it alive after its owner left, so
    /// that they can tell when somebody touches it then.
    #[inline(always)]
    pub(crate) fn place<T>(node: T) -> Placed<T> {
        node
    }

    /// Lets the processor rest for `turns`.
    #[inline]
    pub(crate) fn pause(turns: u32) {
        for _ in 0..turns {
            core::hint::spin_loop();
        }
    }

    /// Sleeps for 50 us. By a plain system call: the C library's sleep is a
    /// cancellation point, and a cancelled thread would leave its node on the
    /// list.
    #[cfg(all(target_os = "linux", not(miri)))]
    pub(crate) fn nap() {
        let time = libc::timespec { tv_sec: 0, tv_nsec: 50_000 };
        let left = core::ptr::null_mut::<libc::timespec>();
        // SAFETY: `time` is a live timespec. A signal that ends it early is no
        // harm.
        unsafe { libc::syscall(libc::SYS_nanosleep, &time, left) };
    }

    #[cfg(not(all(target_os = "linux", not(miri))))]
    pub(crate) fn nap() {
        std::thread::sleep(std::time::Duration::from_micros(50));
    }
}

#[cfg(any(loom, shuttle))]
pub(crate) mod model;
#[cfg(any(loom, shuttle))]
pub(crate) use model::{Cell, Condvar, Mutex, atomic, nap, pause, yield_now};
#[cfg(any(loom, shuttle))]
pub use model::{Clock, FutexParker, Instant, Placed, Run, SemaphoreParker, now, place};

/// A function that is const, except under loom, whose atomics cannot be made
/// by the compiler.
macro_rules! const_fn {
    ($(#[$attribute:meta])* $visibility:vis const fn $($rest:tt)*) => {
        #[cfg(not(loom))]
        $(#[$attribute])* $visibility const fn $($rest)*
        #[cfg(loom)]
        $(#[$attribute])* $visibility fn $($rest)*
    };
}
pub(crate) use const_fn;
