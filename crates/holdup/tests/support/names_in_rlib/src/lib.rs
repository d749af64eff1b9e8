//! Named locks as a user's library has them. Linked into the tests from an
//! rlib: there the linker is free to leave out what nobody refers to.
#![forbid(unsafe_code)]

use holdup::{Mutex, named_mutex};

/// A lock the tests use.
pub static USED: Mutex<u32> = named_mutex!("rlib: used static", 0);

/// A function the tests call; its lock is a local.
#[must_use]
pub fn local() -> u32 {
    let local = named_mutex!("rlib: local", 3);
    local.into_inner()
}

/// Nobody calls this module, so its object file may never be linked.
pub mod unused {
    use super::{Mutex, named_mutex};

    /// A lock nobody uses.
    pub static UNUSED: Mutex<u32> = named_mutex!("rlib: unused static", 0);
}
