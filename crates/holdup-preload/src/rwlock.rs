//! `pthread_rwlock_*`.
//!
//! A wait for readers is charged to the readers, in equal shares of each moment, by the
//! pot of the side table; a writer that waits holds up nobody, who waits behind it waits
//! for the readers. How many readers there are, and whether an unlock is a writer's, is
//! read from glibc's lock ([`glibc`]), just before the unlock.

use crate::binding::{OfLock, bound, later};
use crate::side::{self, How};
use crate::{glibc, mutex, waiting};
use core::ffi::{c_int, c_void};
use holdup_shared::Kind;
use libc::{EBUSY, clockid_t, timespec};

type Timed = unsafe extern "C" fn(*mut c_void, *const timespec) -> c_int;
type Clocked = unsafe extern "C" fn(*mut c_void, clockid_t, *const timespec) -> c_int;

later! {
    TIMEDRDLOCK: Timed =
        c"pthread_rwlock_timedrdlock", [c"GLIBC_2.34", c"GLIBC_2.2.5", c"GLIBC_2.17"]
}
later! {
    TIMEDWRLOCK: Timed =
        c"pthread_rwlock_timedwrlock", [c"GLIBC_2.34", c"GLIBC_2.2.5", c"GLIBC_2.17"]
}
later! {
    CLOCKRDLOCK: Clocked = c"pthread_rwlock_clockrdlock", [c"GLIBC_2.34", c"GLIBC_2.30"]
}
later! {
    CLOCKWRLOCK: Clocked = c"pthread_rwlock_clockwrlock", [c"GLIBC_2.34", c"GLIBC_2.30"]
}

/// Who asks for the lock.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Who {
    Reader,
    Writer,
}

impl Who {
    /// The try of the C library.
    #[inline(always)]
    fn attempt(self) -> OfLock {
        match self {
            Who::Reader => bound().rwlock_tryrdlock,
            Who::Writer => bound().rwlock_trywrlock,
        }
    }

    /// How the lock was just acquired.
    ///
    /// # Safety
    /// This thread has just got `lock`.
    unsafe fn acquired(self, lock: *mut c_void) -> How {
        match self {
            // SAFETY: a lock, as the caller promises.
            Who::Reader => How::AmongReaders(unsafe { glibc::readers(lock) }),
            Who::Writer => How::Alone,
        }
    }
}

/// Tries, and if that fails waits by `lock`.
#[inline(always)]
unsafe fn take(lock: *mut c_void, who: Who, real: impl FnOnce() -> c_int) -> c_int {
    // SAFETY: the caller's promise.
    let result = unsafe { (who.attempt())(lock) };
    if result == 0 && !side::is_watched(lock.addr()) {
        return 0;
    }
    // SAFETY: as above.
    unsafe { go_on(lock, who, result, real) }
}

#[cold]
#[inline(never)]
unsafe fn go_on(lock: *mut c_void, who: Who, result: c_int, real: impl FnOnce() -> c_int) -> c_int {
    let address = lock.addr();
    if result == 0 {
        // SAFETY: this thread has just got it.
        side::acquire(address, None, unsafe { who.acquired(lock) });
        return 0;
    }
    // SAFETY: a lock, as the caller promises.
    if result != EBUSY || unsafe { glibc::is_writer(lock) } {
        // Whatever is wrong, the real function says: EDEADLK, to the writer itself.
        return real();
    }
    let wait = waiting::begin(address, Kind::RwLock);
    let result = real();
    if result == 0 {
        // SAFETY: as above.
        waiting::acquired(wait, unsafe { who.acquired(lock) });
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
pub unsafe extern "C" fn pthread_rwlock_rdlock(lock: *mut c_void) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { take(lock, Who::Reader, || (bound().rwlock_rdlock)(lock)) }
}

/// Replaces the C library's.
///
/// # Safety
/// As the C library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_rwlock_wrlock(lock: *mut c_void) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { take(lock, Who::Writer, || (bound().rwlock_wrlock)(lock)) }
}

/// Replaces the C library's.
///
/// # Safety
/// As the C library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_rwlock_tryrdlock(lock: *mut c_void) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { attempt(lock, Who::Reader) }
}

/// Replaces the C library's.
///
/// # Safety
/// As the C library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_rwlock_trywrlock(lock: *mut c_void) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { attempt(lock, Who::Writer) }
}

unsafe fn attempt(lock: *mut c_void, who: Who) -> c_int {
    // SAFETY: the caller's promise.
    let result = unsafe { (who.attempt())(lock) };
    if result == 0 && side::is_watched(lock.addr()) {
        // SAFETY: this thread has just got it.
        side::acquire(lock.addr(), None, unsafe { who.acquired(lock) });
    }
    result
}

/// Replaces the C library's.
///
/// # Safety
/// As the C library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_rwlock_timedrdlock(
    lock: *mut c_void,
    until: *const timespec,
) -> c_int {
    let Some(real) = TIMEDRDLOCK.get() else { return libc::ENOSYS };
    // SAFETY: the caller's promise.
    unsafe { take(lock, Who::Reader, || real(lock, until)) }
}

/// Replaces the C library's.
///
/// # Safety
/// As the C library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_rwlock_timedwrlock(
    lock: *mut c_void,
    until: *const timespec,
) -> c_int {
    let Some(real) = TIMEDWRLOCK.get() else { return libc::ENOSYS };
    // SAFETY: the caller's promise.
    unsafe { take(lock, Who::Writer, || real(lock, until)) }
}

/// The C library checks clock and time before it tries: only what it would accept is
/// tried here.
fn is_valid(clock: clockid_t, until: *const timespec) -> bool {
    // SAFETY: a live timespec, as the C library demands.
    let nanoseconds = unsafe { (*until).tv_nsec };
    (0..1_000_000_000).contains(&nanoseconds)
        && (clock == libc::CLOCK_REALTIME || clock == libc::CLOCK_MONOTONIC)
}

/// Replaces the C library's.
///
/// # Safety
/// As the C library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_rwlock_clockrdlock(
    lock: *mut c_void,
    clock: clockid_t,
    until: *const timespec,
) -> c_int {
    let Some(real) = CLOCKRDLOCK.get() else { return libc::ENOSYS };
    if !is_valid(clock, until) {
        // SAFETY: the caller's promise.
        return unsafe { real(lock, clock, until) };
    }
    // SAFETY: the caller's promise.
    unsafe { take(lock, Who::Reader, || real(lock, clock, until)) }
}

/// Replaces the C library's.
///
/// # Safety
/// As the C library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_rwlock_clockwrlock(
    lock: *mut c_void,
    clock: clockid_t,
    until: *const timespec,
) -> c_int {
    let Some(real) = CLOCKWRLOCK.get() else { return libc::ENOSYS };
    if !is_valid(clock, until) {
        // SAFETY: the caller's promise.
        return unsafe { real(lock, clock, until) };
    }
    // SAFETY: the caller's promise.
    unsafe { take(lock, Who::Writer, || real(lock, clock, until)) }
}

/// Replaces the C library's. Nobody waits: one look at a word, and its own.
///
/// # Safety
/// As the C library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_rwlock_unlock(lock: *mut c_void) -> c_int {
    if side::is_watched(lock.addr()) {
        // SAFETY: the caller's promise.
        return unsafe { unlock_watched(lock) };
    }
    // SAFETY: the caller's promise.
    unsafe { (bound().rwlock_unlock)(lock) }
}

#[cold]
#[inline(never)]
unsafe fn unlock_watched(lock: *mut c_void) -> c_int {
    let address = lock.addr();
    let unlock = bound().rwlock_unlock;
    // SAFETY: a lock that this thread has, as the caller promises.
    if unsafe { glibc::is_writer(lock) } {
        let claim = side::release(address);
        // SAFETY: as above. From here on the lock may be gone.
        let result = unsafe { unlock(lock) };
        waiting::book(claim);
        return result;
    }
    // SAFETY: as above.
    let claim = side::leave_readers(address, || unsafe { glibc::readers(lock) });
    // SAFETY: as above.
    let result = unsafe { unlock(lock) };
    if claim.is_some()
        && let Some((class, sums)) = side::left_readers(address)
    {
        holdup_core::record::book(class, &sums);
    }
    waiting::book(claim);
    result
}

/// Replaces the C library's: a lock that comes to the same place is another one.
///
/// # Safety
/// As the C library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_rwlock_destroy(lock: *mut c_void) -> c_int {
    mutex::gone(lock);
    // SAFETY: the caller's promise.
    unsafe { (bound().rwlock_destroy)(lock) }
}
