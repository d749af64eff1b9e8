//! The raw mutex: the core's protocol behind the traits of `lock_api`.
//!
//! The newtype exists because the core depends on no crate of traits. It adds
//! nothing: each method is one inlined call.

use crate::guard;
use core::num::NonZeroU32;
use holdup_core::class::ClassId;
use std::time::{Duration, Instant};

/// A mutex without data: 16 bytes, all zero when unlocked and unnamed.
///
/// Most programs use [`Mutex`](crate::Mutex), which wraps this type. It
/// implements `RawMutex`, `RawMutexFair` and `RawMutexTimed` of `lock_api` 0.5
/// *and* 0.4, so that crates generic over either version take it.
///
/// Locking and unlocking without contention costs one compare-and-swap each:
/// no clock is read and nothing is counted.
///
/// ```
/// // A crate generic over the traits of lock_api, any lock will do.
/// use lock_api::{Mutex, RawMutex};
///
/// struct Cache<R: RawMutex>(Mutex<R, Vec<u32>>);
///
/// let cache: Cache<holdup::RawMutex> = Cache(Mutex::new(vec![1]));
/// cache.0.lock().push(2);
/// assert_eq!(*cache.0.lock(), [1, 2]);
/// ```
#[repr(transparent)]
pub struct RawMutex(holdup_core::raw::RawMutex);

impl RawMutex {
    /// An unlocked mutex of the class `class`. The macros name locks with it.
    #[doc(hidden)]
    #[inline]
    #[must_use]
    pub const fn with_class(class: ClassId) -> RawMutex {
        RawMutex(holdup_core::raw::RawMutex::with_class(class))
    }

    /// The core's mutex.
    #[inline]
    pub(crate) fn core(&self) -> &holdup_core::raw::RawMutex {
        &self.0
    }

    /// The thread that holds the lock, by holdup's own thread number, or
    /// `None` when it is free. A snapshot: it may be stale when it is
    /// returned. One relaxed load or two.
    #[inline]
    #[must_use]
    pub fn holder(&self) -> Option<NonZeroU32> {
        self.0.holder()
    }
}

impl core::fmt::Debug for RawMutex {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("RawMutex")
            .field("locked", &self.0.is_locked())
            .field("holder", &self.0.holder())
            .finish_non_exhaustive()
    }
}

// SAFETY: the core's mutex provides mutual exclusion, acquire on lock and
// release on unlock (its protocol, invariants and orderings are in
// `holdup_core::raw`). The guard state is a unit, so forgetting it is safe; a
// mutex that is moved or dropped has no waiters, because waiters borrow it.
// `lock` does not unwind.
unsafe impl lock_api::RawMutex for RawMutex {
    const INIT: RawMutex = RawMutex(holdup_core::raw::RawMutex::INIT);

    type Guard = guard::Guard;

    #[inline]
    fn lock(&self) -> Self::Guard {
        self.0.lock();
        Self::Guard::new()
    }

    #[inline]
    fn try_lock(&self) -> Option<Self::Guard> {
        self.0.try_lock().then(Self::Guard::new)
    }

    #[inline]
    unsafe fn unlock(&self, _guard: Self::Guard) {
        // SAFETY: the caller holds the lock; that is this method's contract too.
        unsafe { self.0.unlock() }
    }

    #[inline]
    fn is_locked(&self) -> bool {
        self.0.is_locked()
    }
}

// SAFETY: as for `RawMutex`; `bump` returns with the lock held, and the unit
// state stands for the new acquisition as well as for the old one.
unsafe impl lock_api::RawMutexFair for RawMutex {
    #[inline]
    unsafe fn unlock_fair(&self, _guard: Self::Guard) {
        // SAFETY: the caller holds the lock.
        unsafe { self.0.unlock_fair() }
    }

    #[inline]
    unsafe fn bump(&self, _guard: &mut Self::Guard) {
        // SAFETY: the caller holds the lock.
        unsafe { self.0.bump() }
    }
}

// SAFETY: as for `RawMutex`; a guard state is returned only after success.
unsafe impl lock_api::RawMutexTimed for RawMutex {
    type Duration = Duration;
    type Instant = Instant;

    #[inline]
    fn try_lock_for(&self, timeout: Duration) -> Option<Self::Guard> {
        self.0.try_lock_for(timeout).then(Self::Guard::new)
    }

    #[inline]
    fn try_lock_until(&self, deadline: Instant) -> Option<Self::Guard> {
        self.0.try_lock_until(deadline).then(Self::Guard::new)
    }
}

// SAFETY: as for `lock_api` 0.5 above.
unsafe impl lock_api_04::RawMutex for RawMutex {
    const INIT: RawMutex = RawMutex(holdup_core::raw::RawMutex::INIT);

    type GuardMarker = guard::Marker;

    #[inline]
    fn lock(&self) {
        self.0.lock();
    }

    #[inline]
    fn try_lock(&self) -> bool {
        self.0.try_lock()
    }

    #[inline]
    unsafe fn unlock(&self) {
        // SAFETY: the caller holds the lock.
        unsafe { self.0.unlock() }
    }

    #[inline]
    fn is_locked(&self) -> bool {
        self.0.is_locked()
    }
}

// SAFETY: as for `lock_api` 0.5 above.
unsafe impl lock_api_04::RawMutexFair for RawMutex {
    #[inline]
    unsafe fn unlock_fair(&self) {
        // SAFETY: the caller holds the lock.
        unsafe { self.0.unlock_fair() }
    }

    #[inline]
    unsafe fn bump(&self) {
        // SAFETY: the caller holds the lock.
        unsafe { self.0.bump() }
    }
}

// SAFETY: as for `lock_api` 0.5 above.
unsafe impl lock_api_04::RawMutexTimed for RawMutex {
    type Duration = Duration;
    type Instant = Instant;

    #[inline]
    fn try_lock_for(&self, timeout: Duration) -> bool {
        self.0.try_lock_for(timeout)
    }

    #[inline]
    fn try_lock_until(&self, deadline: Instant) -> bool {
        self.0.try_lock_until(deadline)
    }
}

const _: () = {
    const SIZE: usize = size_of::<RawMutex>();
    assert!(SIZE <= 16, "a raw mutex takes at most 16 bytes");
    // SAFETY: a byte array of the same size takes any initialized bytes, and
    // the compiler rejects this constant should one of them be padding.
    let bytes: [u8; SIZE] = unsafe { core::mem::transmute(<RawMutex as lock_api::RawMutex>::INIT) };
    let mut i = 0;
    while i < SIZE {
        // So that a zeroed page holds unlocked locks, and statics go to .bss.
        assert!(bytes[i] == 0, "an unlocked, unnamed mutex is all zero");
        i += 1;
    }
};
