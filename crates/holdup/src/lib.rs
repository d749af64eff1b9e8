//! Locks that know who held everybody up.
pub use holdup_core::raw;
