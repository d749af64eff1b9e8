//! The lock protocols, without the data they protect.

mod mutex;
mod spin;

pub use mutex::RawMutex;
