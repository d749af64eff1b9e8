//! The reader-writer lock of std's face: the core's raw lock, a poison flag
//! and the data.

use super::poison::{Flag, Section};
use core::cell::UnsafeCell;
use core::fmt;
use core::marker::PhantomData;
use core::mem::ManuallyDrop;
use core::ops::{Deref, DerefMut};
use core::ptr::NonNull;
use holdup_core::class::ClassId;
use holdup_core::raw::RawRwLock;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::{LockResult, TryLockError, TryLockResult};

/// A reader-writer lock with the interface of [`std::sync::RwLock`] that
/// accounts for the time threads wait for it.
///
/// Locking and unlocking cost one compare-and-swap each where nobody waits,
/// for readers and for writers. A writer that waits goes before readers that
/// come later, so a thread that has a read guard must not ask for another. A
/// panic of a writer *poisons* the lock. 32 bytes with a `u8` inside, where
/// std's takes 12.
///
/// ```
/// use holdup::sync::RwLock;
///
/// let prices = RwLock::new(vec![3, 5]);
/// {
///     let (one, other) = (prices.read().unwrap(), prices.read().unwrap());
///     assert_eq!(one[0] + other[1], 8);
/// }
/// prices.write().unwrap().push(7);
/// assert_eq!(prices.into_inner().unwrap(), [3, 5, 7]);
/// ```
pub struct RwLock<T: ?Sized> {
    raw: RawRwLock,
    poison: Flag,
    data: UnsafeCell<T>,
}

// SAFETY: the lock owns its data.
unsafe impl<T: ?Sized + Send> Send for RwLock<T> {}
// SAFETY: readers share the data among threads (`Sync`); a writer has it alone,
// and it moves from thread to thread with the lock (`Send`).
unsafe impl<T: ?Sized + Send + Sync> Sync for RwLock<T> {}
// A panic while the data was in disorder is seen by the next who locks.
impl<T: ?Sized> UnwindSafe for RwLock<T> {}
impl<T: ?Sized> RefUnwindSafe for RwLock<T> {}

/// Proof that the current thread may read what is in an [`RwLock`]; dropping
/// it ends that.
///
/// As std's, it cannot be sent to another thread, with the feature
/// `send_guard` either.
#[must_use = "the lock is released at once if the guard is not kept"]
#[clippy::has_significant_drop]
pub struct RwLockReadGuard<'a, T: ?Sized + 'a> {
    raw: &'a RawRwLock,
    /// Not a reference, which would have to be valid until the end of a call that
    /// drops the guard; and so that the guard is covariant.
    data: NonNull<T>,
}

// SAFETY: a shared guard gives a `&T` and nothing else. (`NonNull` makes it
// neither `Send` nor `Sync`.)
unsafe impl<T: ?Sized + Sync> Sync for RwLockReadGuard<'_, T> {}

/// Proof that the current thread alone has what is in an [`RwLock`]; dropping
/// it ends that.
///
/// As std's, it cannot be sent to another thread, with the feature
/// `send_guard` either.
#[must_use = "the lock is released at once if the guard is not kept"]
#[clippy::has_significant_drop]
pub struct RwLockWriteGuard<'a, T: ?Sized + 'a> {
    lock: &'a RwLock<T>,
    section: Section,
    not_send: PhantomData<*const ()>,
}

// SAFETY: a shared guard gives a `&T` and nothing else.
unsafe impl<T: ?Sized + Sync> Sync for RwLockWriteGuard<'_, T> {}

impl<T> RwLock<T> {
    /// An unlocked lock around `value`. Name it with [`named!`](crate::named).
    #[inline]
    pub const fn new(value: T) -> RwLock<T> {
        RwLock::__named(ClassId::UNNAMED, value)
    }

    /// For `named!`.
    #[doc(hidden)]
    #[inline]
    #[must_use]
    pub const fn __named(class: ClassId, value: T) -> RwLock<T> {
        let raw = RawRwLock::with_class(class);
        RwLock { raw, poison: Flag::new(), data: UnsafeCell::new(value) }
    }

    /// The data, without locking: nobody else has the lock.
    ///
    /// # Errors
    /// The data inside of an error if the lock is poisoned.
    pub fn into_inner(self) -> LockResult<T> {
        let RwLock { poison, data, .. } = self;
        poison.check(data.into_inner())
    }
}

impl<T: ?Sized> RwLock<T> {
    /// Acquires the lock to read, together with other readers; waits as long as
    /// it must.
    ///
    /// # Errors
    /// The guard inside of an error if the lock is poisoned.
    #[inline]
    pub fn read(&self) -> LockResult<RwLockReadGuard<'_, T>> {
        self.raw.lock_shared();
        self.poison.check(self.read_guard())
    }

    /// Acquires the lock to read if that does not take waiting.
    ///
    /// # Errors
    /// [`TryLockError::WouldBlock`] if it does; the guard inside of
    /// [`TryLockError::Poisoned`] if the lock is poisoned.
    #[inline]
    pub fn try_read(&self) -> TryLockResult<RwLockReadGuard<'_, T>> {
        if self.raw.try_lock_shared() {
            self.poison.try_check(self.read_guard())
        } else {
            Err(TryLockError::WouldBlock)
        }
    }

    /// Acquires the lock to write, alone; waits as long as it must.
    ///
    /// # Errors
    /// The guard inside of an error if the lock is poisoned.
    #[inline]
    pub fn write(&self) -> LockResult<RwLockWriteGuard<'_, T>> {
        self.raw.lock_exclusive();
        self.poison.check(self.write_guard())
    }

    /// Acquires the lock to write if it is free. Does not wait.
    ///
    /// # Errors
    /// [`TryLockError::WouldBlock`] if it is not; the guard inside of
    /// [`TryLockError::Poisoned`] if the lock is poisoned.
    #[inline]
    pub fn try_write(&self) -> TryLockResult<RwLockWriteGuard<'_, T>> {
        if self.raw.try_lock_exclusive() {
            self.poison.try_check(self.write_guard())
        } else {
            Err(TryLockError::WouldBlock)
        }
    }

    /// A guard, for a lock just acquired to read.
    #[inline]
    fn read_guard(&self) -> RwLockReadGuard<'_, T> {
        // SAFETY: inside of `self`, so not null.
        let data = unsafe { NonNull::new_unchecked(self.data.get()) };
        RwLockReadGuard { raw: &self.raw, data }
    }

    /// A guard, for a lock just acquired to write.
    #[inline]
    fn write_guard(&self) -> RwLockWriteGuard<'_, T> {
        RwLockWriteGuard { lock: self, section: Flag::begin(), not_send: PhantomData }
    }

    /// Whether a thread panicked while it held the lock to write. A snapshot
    /// unless the lock is held. One load.
    #[inline]
    pub fn is_poisoned(&self) -> bool {
        self.poison.is_set()
    }

    /// Declares the data to be in order again. One store.
    #[inline]
    pub fn clear_poison(&self) {
        self.poison.clear();
    }

    /// The data, without locking: nobody else has the lock.
    ///
    /// # Errors
    /// The reference inside of an error if the lock is poisoned.
    pub fn get_mut(&mut self) -> LockResult<&mut T> {
        let RwLock { poison, data, .. } = self;
        poison.check(data.get_mut())
    }
}

impl<'a, T: ?Sized> RwLockWriteGuard<'a, T> {
    /// Goes on as a reader, without a moment at which another writer could come
    /// between. Readers that wait are let in.
    #[inline]
    pub fn downgrade(this: Self) -> RwLockReadGuard<'a, T> {
        // As with std's, this poisons nothing, while the thread panics either.
        let lock = ManuallyDrop::new(this).lock;
        // SAFETY: the guard, which is not dropped, holds the lock to write; what
        // it held is the read guard's from here on.
        unsafe { lock.raw.downgrade() };
        lock.read_guard()
    }
}

impl<T> From<T> for RwLock<T> {
    /// As [`RwLock::new`].
    fn from(value: T) -> RwLock<T> {
        RwLock::new(value)
    }
}

impl<T: Default> Default for RwLock<T> {
    fn default() -> RwLock<T> {
        RwLock::new(T::default())
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwLock<T> {
    /// Tries to lock, to show the data; does not wait.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let locked = &format_args!("<locked>");
        super::debug_lock(f, "RwLock", self.try_read(), locked, &self.poison)
    }
}

impl<T: ?Sized> Deref for RwLockReadGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the guard holds the lock, which keeps writers away and the
        // data alive.
        unsafe { self.data.as_ref() }
    }
}

impl<T: ?Sized> Deref for RwLockWriteGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the guard holds the lock.
        unsafe { &*self.lock.data.get() }
    }
}

impl<T: ?Sized> DerefMut for RwLockWriteGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the guard holds the lock to write, and is borrowed exclusively.
        unsafe { &mut *self.lock.data.get() }
    }
}

impl<T: ?Sized> Drop for RwLockReadGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: the guard holds the lock to read, and is gone after this.
        unsafe { self.raw.unlock_shared() }
    }
}

impl<T: ?Sized> Drop for RwLockWriteGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.lock.poison.end(&self.section);
        // SAFETY: the guard holds the lock to write, and is gone after this.
        unsafe { self.lock.raw.unlock_exclusive() }
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwLockReadGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Display> fmt::Display for RwLockReadGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwLockWriteGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Display> fmt::Display for RwLockWriteGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
