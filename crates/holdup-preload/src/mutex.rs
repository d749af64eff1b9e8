//! `pthread_mutex_*`.
//!
//! The try that comes first is glibc's own, and so is what follows when it fails; so each
//! kind of mutex keeps its meaning:
//!
//! | kind | here |
//! |---|---|
//! | normal, adaptive | an adaptive one spins inside of glibc, which is part of the wait |
//! | recursive | only the outermost lock and unlock begin and end a section ([`glibc`]) |
//! | error-checking | `EDEADLK` and `EPERM` come through, and nothing is noted |
//! | robust | not tried first (see [`glibc::is_robust`]) but looked at; a wait that begins between the look and the lock is not counted. `EOWNERDEAD` is an acquisition; what the dead owner owed goes to the next section |
//! | priority-inheriting, -protecting | as normal; the boost is the kernel's |
//! | process-shared | the waiters of this process are seen, those of others are not |

use crate::binding::{Bound, bound, is_single_threaded, later};
use crate::glibc::{self, Section};
use crate::side::{self, How};
use crate::{names, waiting};
use core::ffi::{c_int, c_void};
use holdup_shared::Kind;
use libc::{EBUSY, clockid_t, timespec};

later! {
    TIMEDLOCK: unsafe extern "C" fn(*mut c_void, *const timespec) -> c_int =
        c"pthread_mutex_timedlock", [c"GLIBC_2.34", c"GLIBC_2.2.5", c"GLIBC_2.17"]
}
later! {
    CLOCKLOCK: unsafe extern "C" fn(*mut c_void, clockid_t, *const timespec) -> c_int =
        c"pthread_mutex_clocklock", [c"GLIBC_2.34", c"GLIBC_2.30"]
}

/// Replaces the C library's. Uncontended: its own try, and one look at a word.
///
/// # Safety
/// As the C library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_mutex_lock(mutex: *mut c_void) -> c_int {
    if is_single_threaded() {
        // SAFETY: the caller's promise to a function of the same meaning.
        return unsafe { (bound().mutex_lock)(mutex) };
    }
    // SAFETY: the caller's promise to a function of the same meaning.
    let result = unsafe { attempt(mutex) };
    if result == 0 && !side::is_watched(mutex.addr()) {
        return 0;
    }
    // SAFETY: as above.
    unsafe { after_try(mutex, result, bound().mutex_lock) }
}

/// What a try, which was not made, would have said: it is free, or seems to be.
const NOT_TRIED: c_int = -1;

/// The try that comes before each lock.
#[inline(always)]
unsafe fn attempt(mutex: *mut c_void) -> c_int {
    // SAFETY: the caller's promise.
    unsafe {
        if glibc::is_robust(mutex) {
            if glibc::is_held(mutex) { EBUSY } else { NOT_TRIED }
        } else {
            (bound().mutex_trylock)(mutex)
        }
    }
}

/// What follows a try that failed, or that succeeded while others may wait.
#[cold]
#[inline(never)]
unsafe fn after_try(
    mutex: *mut c_void,
    result: c_int,
    lock: unsafe extern "C" fn(*mut c_void) -> c_int,
) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { go_on(mutex, result, || lock(mutex)) }
}

/// As [`after_try`], with whatever waits for the lock.
#[inline(always)]
unsafe fn go_on(mutex: *mut c_void, result: c_int, lock: impl FnOnce() -> c_int) -> c_int {
    let address = mutex.addr();
    if result != EBUSY {
        let mut result = result;
        if !waiting::has_lock(result) {
            // Not tried; or whatever is wrong, the real function says.
            result = lock();
            if !(waiting::has_lock(result) && side::is_watched(address)) {
                return result;
            }
        }
        // SAFETY: a mutex that this thread has just got.
        if unsafe { glibc::lock_of(mutex) } == Section::Outermost {
            side::acquire(address, None, How::Alone);
        }
        return result;
    }
    // SAFETY: a mutex, as the caller promises.
    if unsafe { glibc::refuses(mutex) } {
        return lock();
    }
    let wait = waiting::begin(address, Kind::Mutex);
    let result = lock();
    if waiting::has_lock(result) {
        waiting::acquired(wait, How::Alone);
    } else {
        waiting::gave_up(wait);
    }
    result
}

/// Replaces the C library's.
///
/// # Safety
/// As the C library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_mutex_trylock(mutex: *mut c_void) -> c_int {
    // SAFETY: the caller's promise.
    let result = unsafe { (bound().mutex_trylock)(mutex) };
    if waiting::has_lock(result) && side::is_watched(mutex.addr()) {
        // SAFETY: a mutex that this thread has just got.
        unsafe { barged_in(mutex) };
    }
    result
}

#[cold]
unsafe fn barged_in(mutex: *mut c_void) {
    // SAFETY: the caller's promise.
    if unsafe { glibc::lock_of(mutex) } == Section::Outermost {
        side::acquire(mutex.addr(), None, How::Alone);
    }
}

/// Replaces the C library's.
///
/// # Safety
/// As the C library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_mutex_timedlock(
    mutex: *mut c_void,
    until: *const timespec,
) -> c_int {
    // SAFETY: the caller's promise.
    let result = unsafe { attempt(mutex) };
    if result == 0 && !side::is_watched(mutex.addr()) {
        return 0;
    }
    let Some(real) = TIMEDLOCK.get() else { return libc::ENOSYS };
    // SAFETY: as above.
    unsafe { go_on(mutex, result, || real(mutex, until)) }
}

/// Replaces the C library's.
///
/// # Safety
/// As the C library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_mutex_clocklock(
    mutex: *mut c_void,
    clock: clockid_t,
    until: *const timespec,
) -> c_int {
    let Some(real) = CLOCKLOCK.get() else { return libc::ENOSYS };
    if clock != libc::CLOCK_REALTIME && clock != libc::CLOCK_MONOTONIC {
        // Refused, also where a try would succeed.
        // SAFETY: the caller's promise.
        return unsafe { real(mutex, clock, until) };
    }
    // SAFETY: the caller's promise.
    let result = unsafe { attempt(mutex) };
    if result == 0 && !side::is_watched(mutex.addr()) {
        return 0;
    }
    // SAFETY: as above.
    unsafe { go_on(mutex, result, || real(mutex, clock, until)) }
}

/// Replaces the C library's. Nobody waits: one look at a word, and its own.
///
/// # Safety
/// As the C library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_mutex_unlock(mutex: *mut c_void) -> c_int {
    if side::is_watched(mutex.addr()) {
        // SAFETY: the caller's promise.
        return unsafe { unlock_watched(mutex) };
    }
    // SAFETY: the caller's promise.
    unsafe { (bound().mutex_unlock)(mutex) }
}

#[cold]
#[inline(never)]
unsafe fn unlock_watched(mutex: *mut c_void) -> c_int {
    let Bound { mutex_unlock, .. } = bound();
    // SAFETY: the caller's promise.
    let claim = match unsafe { glibc::unlock_of(mutex) } {
        Section::Outermost => side::release(mutex.addr()),
        Section::None => None,
    };
    // SAFETY: as above. From here on the mutex may be gone.
    let result = unsafe { mutex_unlock(mutex) };
    waiting::book(claim);
    result
}

/// Replaces the C library's: a lock that comes to the same place is another one.
///
/// # Safety
/// As the C library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_mutex_destroy(mutex: *mut c_void) -> c_int {
    gone(mutex);
    // SAFETY: the caller's promise.
    unsafe { (bound().mutex_destroy)(mutex) }
}

/// What is known of a lock that will not be there any more.
pub(crate) fn gone(lock: *mut c_void) {
    names::forget(lock.addr());
    if side::is_watched(lock.addr())
        && let Some((class, sums)) = side::remove(lock.addr())
    {
        holdup_core::record::book(class, &sums);
    }
}

/// A mutex that its thread has is about to be released by a wait for a condition.
///
/// # Safety
/// `mutex` is a mutex of the C library.
#[inline]
pub(crate) unsafe fn before_wait(mutex: *mut c_void) {
    if side::is_watched(mutex.addr()) {
        // SAFETY: the caller's promise.
        unsafe { release_by_wait(mutex) };
    }
}

#[cold]
unsafe fn release_by_wait(mutex: *mut c_void) {
    // SAFETY: the caller's promise.
    if unsafe { glibc::unlock_of(mutex) } == Section::Outermost {
        // Inside the critical section, since what follows does not return before the
        // mutex is taken again, and perhaps never. It is after the claim: the time this
        // takes is in the next one.
        waiting::book(side::release(mutex.addr()));
    }
}

/// A wait for a condition has taken its mutex again.
///
/// # Safety
/// As for [`before_wait`].
#[inline]
pub(crate) unsafe fn after_wait(mutex: *mut c_void) {
    if side::is_watched(mutex.addr()) {
        // SAFETY: the caller's promise.
        unsafe { barged_in(mutex) };
    }
}
