//! The heart of holdup: locks that account, exactly and in constant time, for
//! every nanosecond their waiters wait.
//!
//! People depend on the `holdup` crate; this one holds what it is made of.
//! One nanosecond of waiting walks through the modules in this order:
//!
//! 1. [`raw`]: the lock protocols;
//! 2. the wait list: who waits, in order;
//! 3. [`ledger`]: how long, because of whom;
//! 4. [`record`]: from a claim to a row of the profile.
//!
//! Beside the walk, [`live`] shows the waits that have not ended.
//!
//! Nothing points back.

#![cfg_attr(
    any(not(unix), loom, shuttle),
    allow(dead_code, reason = "what is there for forked children alone")
)]

pub mod class;
#[cfg(not(any(loom, shuttle)))]
pub mod clock;
#[cfg(any(loom, shuttle))]
pub mod clock {
    //! The clock of the models.
    pub use crate::sync::now;
}
#[cfg(all(unix, not(any(loom, shuttle))))]
mod fork;
pub mod ledger;
pub mod live;
mod memory;
pub mod nested;
mod park;
pub mod raw;
pub mod record;
mod sync;
#[cfg_attr(any(loom, shuttle), path = "sync/model/thread.rs")]
mod thread;
mod wait_list;
mod word;

/// For model checks: what a run of a model is made of.
#[cfg(any(loom, shuttle))]
pub mod model {
    pub use crate::live::cell::WaitCell;
    pub use crate::sync::{Clock, FutexParker, Instant, Placed, Run, SemaphoreParker, now, place};
}
