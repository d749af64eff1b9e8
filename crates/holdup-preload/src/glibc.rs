//! What glibc's locks say about themselves.
//!
//! Whether an unlock ends a critical section, and how many readers there are, is in
//! the lock. The layout is glibc's interface: programs are compiled with it, by the
//! initializers in `<bits/struct_mutex.h>` and `<bits/struct_rwlock.h>`, the same on
//! all 64-bit architectures since 2.25. Only read, and only where the caller has just
//! got the lock or is about to release it, so that it is there.

use core::ffi::c_void;
use core::sync::atomic::{AtomicI32, AtomicU32, Ordering};

/// The beginning of `pthread_mutex_t`.
#[repr(C)]
struct Mutex {
    lock: AtomicI32,
    count: AtomicU32,
    owner: AtomicI32,
    users: AtomicU32,
    kind: AtomicI32,
}

/// The beginning of `pthread_rwlock_t`.
#[repr(C)]
struct RwLock {
    /// Readers times 8, and three bits of state.
    readers: AtomicU32,
    others: [AtomicU32; 5],
    writer: AtomicI32,
}

/// `PTHREAD_MUTEX_KIND_MASK_NP`: what is not how it behaves otherwise.
const TYPE: i32 = 3;
const RECURSIVE: i32 = 1;
const ERROR_CHECKING: i32 = 2;
/// Robust mutexes check who unlocks them, too.
const ROBUST: i32 = 16;

/// What a lock or an unlock by this thread means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Section {
    /// Begins or ends a critical section.
    Outermost,
    /// A recursive one within another, or refused by the mutex: nothing changes.
    None,
}

/// What the unlock of `mutex`, which is about to happen, does.
///
/// # Safety
/// `mutex` is a mutex of the C library.
pub(crate) unsafe fn unlock_of(mutex: *mut c_void) -> Section {
    // SAFETY: the caller's promise; the layout is as above.
    let mutex = unsafe { &*mutex.cast::<Mutex>() };
    let kind = mutex.kind.load(Ordering::Relaxed);
    let checks = matches!(kind & TYPE, RECURSIVE | ERROR_CHECKING) || kind & ROBUST != 0;
    if !checks {
        return Section::Outermost;
    }
    // The upper bits of the owner are flags only while it is nobody's.
    let own = mutex.owner.load(Ordering::Relaxed) == crate::local::thread_number();
    let inner = kind & TYPE == RECURSIVE && mutex.count.load(Ordering::Relaxed) > 1;
    if own && !inner { Section::Outermost } else { Section::None }
}

/// What the lock of `mutex` meant that this thread has just got.
///
/// # Safety
/// As for [`unlock_of`].
pub(crate) unsafe fn lock_of(mutex: *mut c_void) -> Section {
    // SAFETY: as above.
    let mutex = unsafe { &*mutex.cast::<Mutex>() };
    let recursive = mutex.kind.load(Ordering::Relaxed) & TYPE == RECURSIVE;
    if recursive && mutex.count.load(Ordering::Relaxed) > 1 {
        Section::None
    } else {
        Section::Outermost
    }
}

/// Whether this thread has `mutex`, and the mutex would refuse to be locked again.
///
/// # Safety
/// As for [`unlock_of`].
pub(crate) unsafe fn refuses(mutex: *mut c_void) -> bool {
    // SAFETY: as above.
    let mutex = unsafe { &*mutex.cast::<Mutex>() };
    mutex.kind.load(Ordering::Relaxed) & TYPE == ERROR_CHECKING
        && mutex.owner.load(Ordering::Relaxed) == crate::local::thread_number()
}

/// Whether `mutex` is robust: then it must not be tried before it is locked. Of one that
/// is beyond recovery (its owner died, and nobody made it consistent) glibc's try says so,
/// but leaves it locked, up to 2.36 at least; a lock leaves it as it was.
///
/// # Safety
/// As for [`unlock_of`].
#[inline(always)]
pub(crate) unsafe fn is_robust(mutex: *mut c_void) -> bool {
    // SAFETY: as above.
    let mutex = unsafe { &*mutex.cast::<Mutex>() };
    mutex.kind.load(Ordering::Relaxed) & ROBUST != 0
}

/// Whether a robust `mutex` has an owner that lives.
///
/// # Safety
/// As for [`unlock_of`].
pub(crate) unsafe fn is_held(mutex: *mut c_void) -> bool {
    /// The kernel's bits of the word of a robust mutex (`<linux/futex.h>`).
    const OWNER_DIED: i32 = 0x4000_0000;
    const THREAD: i32 = 0x3fff_ffff;
    // SAFETY: as above.
    let word = unsafe { &*mutex.cast::<Mutex>() }.lock.load(Ordering::Relaxed);
    word & THREAD != 0 && word & OWNER_DIED == 0
}

/// Whether this thread has `lock` for writing: what glibc itself asks to tell the two
/// kinds of unlocks apart.
///
/// # Safety
/// `lock` is a readers-writer lock of the C library.
pub(crate) unsafe fn is_writer(lock: *mut c_void) -> bool {
    // SAFETY: the caller's promise; the layout is as above.
    let lock = unsafe { &*lock.cast::<RwLock>() };
    lock.writer.load(Ordering::Relaxed) == crate::local::thread_number()
}

/// How many readers have `lock`, of which the caller is one.
///
/// # Safety
/// As for [`is_writer`].
pub(crate) unsafe fn readers(lock: *mut c_void) -> u32 {
    // SAFETY: as above.
    let lock = unsafe { &*lock.cast::<RwLock>() };
    lock.readers.load(Ordering::Relaxed) >> 3
}
