//! `pthread_cond_wait` and its like.
//!
//! They release a mutex and take it again. The release ends a critical section, which
//! is claimed as at an unlock. The taking happens inside of glibc, after a wait that is
//! for the condition first and for the mutex then; where the one becomes the other
//! cannot be told from outside. So of that wait for the mutex nothing is counted: such a
//! thread is no waiter. When it has the mutex, that is an acquisition like any other,
//! and what others waited while nobody had the mutex is claimed as handoff.
//!
//! Signals and broadcasts touch no mutex, and are not replaced.
//!
//! These are cancellation points: a cancelled thread unwinds through the functions here,
//! which therefore have nothing to drop.

use crate::binding::later;
use crate::mutex;
use core::ffi::{c_int, c_void};
use libc::{clockid_t, timespec};

later! {
    WAIT: unsafe extern "C-unwind" fn(*mut c_void, *mut c_void) -> c_int =
        c"pthread_cond_wait", [c"GLIBC_2.3.2", c"GLIBC_2.17"]
}
later! {
    TIMEDWAIT: unsafe extern "C-unwind" fn(*mut c_void, *mut c_void, *const timespec) -> c_int =
        c"pthread_cond_timedwait", [c"GLIBC_2.3.2", c"GLIBC_2.17"]
}
later! {
    CLOCKWAIT: unsafe extern "C-unwind" fn(
        *mut c_void,
        *mut c_void,
        clockid_t,
        *const timespec,
    ) -> c_int = c"pthread_cond_clockwait", [c"GLIBC_2.34", c"GLIBC_2.30"]
}

/// Whether the mutex is the caller's again.
fn has_mutex(result: c_int) -> bool {
    !matches!(result, libc::EINVAL | libc::EPERM)
}

/// Replaces the C library's.
///
/// # Safety
/// As the C library's.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn pthread_cond_wait(cond: *mut c_void, mutex: *mut c_void) -> c_int {
    let Some(real) = WAIT.get() else { return libc::ENOSYS };
    // SAFETY: the caller's promise.
    unsafe {
        mutex::before_wait(mutex);
        let result = real(cond, mutex);
        if has_mutex(result) {
            mutex::after_wait(mutex);
        }
        result
    }
}

/// Replaces the C library's.
///
/// # Safety
/// As the C library's.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn pthread_cond_timedwait(
    cond: *mut c_void,
    mutex: *mut c_void,
    until: *const timespec,
) -> c_int {
    let Some(real) = TIMEDWAIT.get() else { return libc::ENOSYS };
    // SAFETY: the caller's promise.
    unsafe {
        mutex::before_wait(mutex);
        let result = real(cond, mutex, until);
        if has_mutex(result) {
            mutex::after_wait(mutex);
        }
        result
    }
}

/// Replaces the C library's.
///
/// # Safety
/// As the C library's.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn pthread_cond_clockwait(
    cond: *mut c_void,
    mutex: *mut c_void,
    clock: clockid_t,
    until: *const timespec,
) -> c_int {
    let Some(real) = CLOCKWAIT.get() else { return libc::ENOSYS };
    // SAFETY: the caller's promise.
    unsafe {
        mutex::before_wait(mutex);
        let result = real(cond, mutex, clock, until);
        if has_mutex(result) {
            mutex::after_wait(mutex);
        }
        result
    }
}
