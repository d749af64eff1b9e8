//! The lock protocols, without the data they protect.

mod mutex;

pub use mutex::RawMutex;
