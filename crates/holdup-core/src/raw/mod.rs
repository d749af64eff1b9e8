//! The lock protocols, without the data they protect.

mod backoff;
mod handoff;
mod mutex;
mod spin;

pub use mutex::RawMutex;

#[cfg(holdup_count_steps)]
pub use crate::wait_list::steps::{LinkingWork, linking_work};
