//! `pthread_spin_*`: a wait is the time between the first look and the lock. Their
//! unlock is a single store in glibc, and a look, a jump and that store here.

use crate::binding::{OfLock, later};
use crate::side::{self, How};
use crate::{mutex, waiting};
use core::ffi::{c_int, c_void};
use holdup_shared::Kind;

later! { LOCK: OfLock = c"pthread_spin_lock", [c"GLIBC_2.34", c"GLIBC_2.2.5", c"GLIBC_2.17"] }
later! {
    TRYLOCK: OfLock = c"pthread_spin_trylock", [c"GLIBC_2.34", c"GLIBC_2.2.5", c"GLIBC_2.17"]
}
later! { UNLOCK: OfLock = c"pthread_spin_unlock", [c"GLIBC_2.34", c"GLIBC_2.2.5", c"GLIBC_2.17"] }
later! {
    DESTROY: OfLock = c"pthread_spin_destroy", [c"GLIBC_2.34", c"GLIBC_2.2.5", c"GLIBC_2.17"]
}

/// Replaces the C library's.
///
/// # Safety
/// As the C library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_spin_lock(lock: *mut c_void) -> c_int {
    let Some(attempt) = TRYLOCK.get() else { return libc::ENOSYS };
    // SAFETY: the caller's promise.
    let result = unsafe { attempt(lock) };
    if result == 0 && !side::is_watched(lock.addr()) {
        return 0;
    }
    // SAFETY: as above.
    unsafe { after_try(lock, result) }
}

#[cold]
#[inline(never)]
unsafe fn after_try(lock: *mut c_void, result: c_int) -> c_int {
    let Some(real) = LOCK.get() else { return libc::ENOSYS };
    if result == 0 {
        side::acquire(lock.addr(), None, How::Alone);
        return 0;
    }
    let wait = waiting::begin(lock.addr(), Kind::Spin);
    // SAFETY: the caller's promise.
    let result = unsafe { real(lock) };
    waiting::acquired(wait, How::Alone);
    result
}

/// Replaces the C library's.
///
/// # Safety
/// As the C library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_spin_trylock(lock: *mut c_void) -> c_int {
    let Some(attempt) = TRYLOCK.get() else { return libc::ENOSYS };
    // SAFETY: the caller's promise.
    let result = unsafe { attempt(lock) };
    if result == 0 && side::is_watched(lock.addr()) {
        side::acquire(lock.addr(), None, How::Alone);
    }
    result
}

/// Replaces the C library's.
///
/// # Safety
/// As the C library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_spin_unlock(lock: *mut c_void) -> c_int {
    let Some(unlock) = UNLOCK.get() else { return libc::ENOSYS };
    if side::is_watched(lock.addr()) {
        let claim = side::release(lock.addr());
        // SAFETY: the caller's promise. From here on the lock may be gone.
        let result = unsafe { unlock(lock) };
        waiting::book(claim);
        return result;
    }
    // SAFETY: the caller's promise.
    unsafe { unlock(lock) }
}

/// Replaces the C library's: a lock that comes to the same place is another one.
///
/// # Safety
/// As the C library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_spin_destroy(lock: *mut c_void) -> c_int {
    mutex::gone(lock);
    let Some(destroy) = DESTROY.get() else { return libc::ENOSYS };
    // SAFETY: the caller's promise.
    unsafe { destroy(lock) }
}
