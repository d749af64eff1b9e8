//! `dlclose`: what was known of the code that is gone.
//!
//! The addresses of a library that is unloaded may soon be another's. What is mapped
//! where is noted before, so that stacks which were captured in it have names; the
//! unwind rules are forgotten after, so that no stack is walked by rules of other code.

use crate::binding::later;
use crate::region;
use core::ffi::{c_int, c_void};
use holdup_core::record::stack;

later! {
    CLOSE: unsafe extern "C-unwind" fn(*mut c_void) -> c_int =
        c"dlclose", [c"GLIBC_2.34", c"GLIBC_2.2.5", c"GLIBC_2.17"]
}

/// Replaces the C library's.
///
/// # Safety
/// As the C library's.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn dlclose(library: *mut c_void) -> c_int {
    let Some(close) = CLOSE.get() else { return -1 };
    region::note_maps_again();
    // SAFETY: the caller's promise.
    let result = unsafe { close(library) };
    stack::forget_rules();
    result
}
