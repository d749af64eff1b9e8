//! The lock protocols, without the data they protect.

mod backoff;
mod condvar;
mod handoff;
mod mutex;
mod rwlock;
mod spin;

pub use condvar::RawCondvar;
pub use mutex::RawMutex;
pub use rwlock::RawRwLock;

#[cfg(holdup_count_steps)]
pub use crate::wait_list::steps::{LinkingWork, linking_work};
