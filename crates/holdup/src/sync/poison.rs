//! The poison flag of a lock: whether a thread panicked while it held it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{LockResult, PoisonError, TryLockResult};

/// Whether a critical section of the lock ended in a panic.
///
/// All accesses are relaxed: the flag is written before the lock is released
/// and read after it is acquired, and the lock orders the two. Read without
/// the lock it is a snapshot.
pub(super) struct Flag(AtomicBool);

/// What a critical section remembers from its beginning.
pub(super) struct Section {
    /// The thread was panicking already: a destructor took the lock, and what
    /// ends the section is no new panic.
    panicking: bool,
}

impl Flag {
    pub(super) const fn new() -> Flag {
        Flag(AtomicBool::new(false))
    }

    /// A critical section begins.
    #[inline]
    pub(super) fn begin() -> Section {
        Section { panicking: std::thread::panicking() }
    }

    /// The critical section ends; the lock is still held.
    #[inline]
    pub(super) fn end(&self, section: &Section) {
        if !section.panicking && std::thread::panicking() {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    #[inline]
    pub(super) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    pub(super) fn clear(&self) {
        self.0.store(false, Ordering::Relaxed);
    }

    /// `value`, as an error if the flag is set.
    #[inline]
    pub(super) fn check<T>(&self, value: T) -> LockResult<T> {
        if self.is_set() { Err(PoisonError::new(value)) } else { Ok(value) }
    }

    /// The same for the result of an attempt.
    #[inline]
    pub(super) fn try_check<T>(&self, value: T) -> TryLockResult<T> {
        Ok(self.check(value)?)
    }
}
