//! The mutex that is always unlocked fairly.

use crate::RawMutex;
use crate::guard;
use core::num::NonZeroU32;
use holdup_core::class::ClassId;
use std::time::{Duration, Instant};

/// A [`Mutex`](crate::Mutex) that is handed to the thread that waits longest
/// whenever it is unlocked, so that nobody takes it past a waiter who is queued.
///
/// Costs throughput where the lock is contended: each section begins with a
/// thread that must be woken first. That time is in the profile as *handoff*. A
/// plain `Mutex` lets whoever runs have the lock, and hands it over once somebody
/// has waited about a millisecond; it is what most programs want.
///
/// The methods, the size and the accounting are those of `Mutex`.
///
/// ```
/// let turns = holdup::FairMutex::new(Vec::new());
/// std::thread::scope(|scope| {
///     for thread in 0..2 {
///         let turns = &turns;
///         scope.spawn(move || turns.lock().push(thread));
///     }
/// });
/// assert_eq!(turns.into_inner().len(), 2);
/// ```
pub type FairMutex<T> = lock_api::Mutex<RawFairMutex, T>;

/// Proof that the current thread holds a [`FairMutex`]; dropping it unlocks.
pub type FairMutexGuard<'a, T> = lock_api::MutexGuard<'a, RawFairMutex, T>;

/// A [`FairMutexGuard`] for a part of the data, made by `FairMutexGuard::map`.
pub type MappedFairMutexGuard<'a, T> = lock_api::MappedMutexGuard<'a, RawFairMutex, T>;

/// A guard that keeps the lock alive by an `Arc` instead of a borrow.
#[cfg(feature = "arc_lock")]
pub type ArcFairMutexGuard<T> = lock_api::ArcMutexGuard<RawFairMutex, T>;

/// A [`RawMutex`] whose `unlock` is `unlock_fair`; implements the same traits.
///
/// ```
/// use lock_api_04::{Mutex, RawMutex};
/// let lock: Mutex<holdup::RawFairMutex, i32> = Mutex::new(1);
/// assert_eq!(*lock.lock(), 1);
/// assert!(!lock.is_locked());
/// ```
#[repr(transparent)]
pub struct RawFairMutex(RawMutex);

impl RawFairMutex {
    /// An unlocked mutex of the class `class`. The macros name locks with it.
    #[doc(hidden)]
    #[inline]
    #[must_use]
    pub const fn with_class(class: ClassId) -> RawFairMutex {
        RawFairMutex(RawMutex::with_class(class))
    }

    /// The thread that holds the lock; see [`RawMutex::holder`].
    #[inline]
    #[must_use]
    pub fn holder(&self) -> Option<NonZeroU32> {
        self.0.holder()
    }
}

impl core::fmt::Debug for RawFairMutex {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_tuple("RawFairMutex").field(&self.0).finish()
    }
}

// SAFETY: all is done by `RawMutex`, whose `unlock_fair` releases the lock as its
// `unlock` does.
unsafe impl lock_api::RawMutex for RawFairMutex {
    const INIT: RawFairMutex = RawFairMutex(<RawMutex as lock_api::RawMutex>::INIT);

    type Guard = guard::Guard;

    #[inline]
    fn lock(&self) -> Self::Guard {
        lock_api::RawMutex::lock(&self.0)
    }

    #[inline]
    fn try_lock(&self) -> Option<Self::Guard> {
        lock_api::RawMutex::try_lock(&self.0)
    }

    #[inline]
    unsafe fn unlock(&self, guard: Self::Guard) {
        // SAFETY: the caller holds the lock.
        unsafe { lock_api::RawMutexFair::unlock_fair(&self.0, guard) }
    }

    #[inline]
    fn is_locked(&self) -> bool {
        lock_api::RawMutex::is_locked(&self.0)
    }
}

// SAFETY: as for `RawMutex` above.
unsafe impl lock_api::RawMutexFair for RawFairMutex {
    #[inline]
    unsafe fn unlock_fair(&self, guard: Self::Guard) {
        // SAFETY: the caller holds the lock.
        unsafe { lock_api::RawMutexFair::unlock_fair(&self.0, guard) }
    }

    #[inline]
    unsafe fn bump(&self, guard: &mut Self::Guard) {
        // SAFETY: the caller holds the lock.
        unsafe { lock_api::RawMutexFair::bump(&self.0, guard) }
    }
}

// SAFETY: as for `RawMutex` above.
unsafe impl lock_api::RawMutexTimed for RawFairMutex {
    type Duration = Duration;
    type Instant = Instant;

    #[inline]
    fn try_lock_for(&self, timeout: Duration) -> Option<Self::Guard> {
        lock_api::RawMutexTimed::try_lock_for(&self.0, timeout)
    }

    #[inline]
    fn try_lock_until(&self, deadline: Instant) -> Option<Self::Guard> {
        lock_api::RawMutexTimed::try_lock_until(&self.0, deadline)
    }
}

// SAFETY: as for `lock_api` 0.5 above.
unsafe impl lock_api_04::RawMutex for RawFairMutex {
    const INIT: RawFairMutex = RawFairMutex(<RawMutex as lock_api_04::RawMutex>::INIT);

    type GuardMarker = guard::Marker;

    #[inline]
    fn lock(&self) {
        lock_api_04::RawMutex::lock(&self.0);
    }

    #[inline]
    fn try_lock(&self) -> bool {
        lock_api_04::RawMutex::try_lock(&self.0)
    }

    #[inline]
    unsafe fn unlock(&self) {
        // SAFETY: the caller holds the lock.
        unsafe { lock_api_04::RawMutexFair::unlock_fair(&self.0) }
    }

    #[inline]
    fn is_locked(&self) -> bool {
        lock_api_04::RawMutex::is_locked(&self.0)
    }
}

// SAFETY: as for `lock_api` 0.5 above.
unsafe impl lock_api_04::RawMutexFair for RawFairMutex {
    #[inline]
    unsafe fn unlock_fair(&self) {
        // SAFETY: the caller holds the lock.
        unsafe { lock_api_04::RawMutexFair::unlock_fair(&self.0) }
    }

    #[inline]
    unsafe fn bump(&self) {
        // SAFETY: the caller holds the lock.
        unsafe { lock_api_04::RawMutexFair::bump(&self.0) }
    }
}

// SAFETY: as for `lock_api` 0.5 above.
unsafe impl lock_api_04::RawMutexTimed for RawFairMutex {
    type Duration = Duration;
    type Instant = Instant;

    #[inline]
    fn try_lock_for(&self, timeout: Duration) -> bool {
        lock_api_04::RawMutexTimed::try_lock_for(&self.0, timeout)
    }

    #[inline]
    fn try_lock_until(&self, deadline: Instant) -> bool {
        lock_api_04::RawMutexTimed::try_lock_until(&self.0, deadline)
    }
}
