//! The mutex of std's face: the core's raw mutex, a poison flag and the data.

use super::poison::{Flag, Section};
use core::cell::UnsafeCell;
use core::fmt;
use core::marker::PhantomData;
use core::ops::{Deref, DerefMut};
use holdup_core::class::ClassId;
use holdup_core::raw::RawMutex;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::{LockResult, TryLockError, TryLockResult};

/// A mutual exclusion lock with the interface of [`std::sync::Mutex`] that
/// accounts for the time threads wait for it.
///
/// Locking and unlocking cost one compare-and-swap each where nobody waits. A
/// panic inside a critical section *poisons* the lock: from then on it is
/// returned inside of an error, for the caller to decide. 24 bytes with a
/// `u8` inside, where std's takes 8.
///
/// ```
/// use holdup::sync::{Arc, Mutex};
///
/// let hits = Arc::new(Mutex::new(0));
/// let threads: Vec<_> = (0..4)
///     .map(|_| {
///         let hits = Arc::clone(&hits);
///         std::thread::spawn(move || *hits.lock().unwrap() += 1)
///     })
///     .collect();
/// threads.into_iter().for_each(|thread| thread.join().unwrap());
/// assert_eq!(*hits.lock().unwrap(), 4);
/// ```
pub struct Mutex<T: ?Sized> {
    raw: RawMutex,
    poison: Flag,
    data: UnsafeCell<T>,
}

// SAFETY: the mutex owns its data.
unsafe impl<T: ?Sized + Send> Send for Mutex<T> {}
// SAFETY: one thread at a time has access to the data, which moves from thread
// to thread with the lock.
unsafe impl<T: ?Sized + Send> Sync for Mutex<T> {}
// A panic while the data was in disorder is seen by the next who locks.
impl<T: ?Sized> UnwindSafe for Mutex<T> {}
impl<T: ?Sized> RefUnwindSafe for Mutex<T> {}

/// Proof that the current thread holds a [`Mutex`]; dropping it unlocks.
///
/// As std's, it cannot be sent to another thread, with the feature
/// `send_guard` either.
#[must_use = "the mutex is unlocked at once if the guard is not kept"]
#[clippy::has_significant_drop]
pub struct MutexGuard<'a, T: ?Sized + 'a> {
    mutex: &'a Mutex<T>,
    section: Section,
    not_send: PhantomData<*const ()>,
}

// SAFETY: a shared guard gives a `&T` and nothing else.
unsafe impl<T: ?Sized + Sync> Sync for MutexGuard<'_, T> {}

impl<T> Mutex<T> {
    /// An unlocked mutex around `value`. Name it with
    /// [`named!`](crate::named).
    #[inline]
    pub const fn new(value: T) -> Mutex<T> {
        Mutex::__named(ClassId::UNNAMED, value)
    }

    /// For `named!`.
    #[doc(hidden)]
    #[inline]
    #[must_use]
    pub const fn __named(class: ClassId, value: T) -> Mutex<T> {
        let raw = RawMutex::with_class(class);
        Mutex { raw, poison: Flag::new(), data: UnsafeCell::new(value) }
    }

    /// The data, without locking: nobody else has the mutex.
    ///
    /// # Errors
    /// The data inside of an error if the mutex is poisoned.
    pub fn into_inner(self) -> LockResult<T> {
        let Mutex { poison, data, .. } = self;
        poison.check(data.into_inner())
    }
}

impl<T: ?Sized> Mutex<T> {
    /// Acquires the lock; waits as long as it must. A thread that locks it
    /// again waits forever.
    ///
    /// # Errors
    /// The guard inside of an error if the mutex is poisoned.
    #[inline]
    pub fn lock(&self) -> LockResult<MutexGuard<'_, T>> {
        self.raw.lock();
        self.poison.check(self.guard())
    }

    /// Acquires the lock if it is free. Does not wait.
    ///
    /// # Errors
    /// [`TryLockError::WouldBlock`] if it is held; the guard inside of
    /// [`TryLockError::Poisoned`] if the mutex is poisoned.
    #[inline]
    pub fn try_lock(&self) -> TryLockResult<MutexGuard<'_, T>> {
        if self.raw.try_lock() {
            self.poison.try_check(self.guard())
        } else {
            Err(TryLockError::WouldBlock)
        }
    }

    /// A guard, for a lock just acquired.
    #[inline]
    fn guard(&self) -> MutexGuard<'_, T> {
        MutexGuard { mutex: self, section: Flag::begin(), not_send: PhantomData }
    }

    /// Whether a thread panicked while it held the lock. A snapshot unless the
    /// lock is held. One load.
    #[inline]
    pub fn is_poisoned(&self) -> bool {
        self.poison.is_set()
    }

    /// Declares the data to be in order again. One store.
    #[inline]
    pub fn clear_poison(&self) {
        self.poison.clear();
    }

    /// The data, without locking: nobody else has the mutex.
    ///
    /// # Errors
    /// The reference inside of an error if the mutex is poisoned.
    pub fn get_mut(&mut self) -> LockResult<&mut T> {
        let Mutex { poison, data, .. } = self;
        poison.check(data.get_mut())
    }
}

impl<T> From<T> for Mutex<T> {
    /// As [`Mutex::new`].
    fn from(value: T) -> Mutex<T> {
        Mutex::new(value)
    }
}

impl<T: Default> Default for Mutex<T> {
    fn default() -> Mutex<T> {
        Mutex::new(T::default())
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for Mutex<T> {
    /// Tries to lock, to show the data; does not wait.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // In quotes, as std's has it.
        super::debug_lock(f, "Mutex", self.try_lock(), &"<locked>", &self.poison)
    }
}

impl<T: ?Sized> Deref for MutexGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the guard holds the lock.
        unsafe { &*self.mutex.data.get() }
    }
}

impl<T: ?Sized> DerefMut for MutexGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the guard holds the lock, and is borrowed exclusively.
        unsafe { &mut *self.mutex.data.get() }
    }
}

impl<T: ?Sized> Drop for MutexGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.mutex.poison.end(&self.section);
        // SAFETY: the guard holds the lock, and is gone after this.
        unsafe { self.mutex.raw.unlock() }
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Display> fmt::Display for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

/// What a condition variable needs of the mutex that `guard` holds.
pub(super) fn behind<'a, T: ?Sized>(guard: &MutexGuard<'a, T>) -> (&'a RawMutex, &'a Flag) {
    (&guard.mutex.raw, &guard.mutex.poison)
}
