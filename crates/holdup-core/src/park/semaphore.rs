//! Sleeping on a binary semaphore of the thread's own, made of std's mutex and
//! condition variable: it works wherever std does. On Linux those allocate
//! nothing; where they are boxed (macOS) a thread's first sleep allocates.
//!
//! Not for signal handlers: one that waits for a lock may have interrupted its thread
//! inside std's mutex, which its own wait needs, and whoever would wake it. The futex has
//! no such place.

use crate::sync::{Condvar, Instant, Mutex, const_fn};
use core::cell::UnsafeCell;
use std::sync::PoisonError;

/// A thread's place to sleep.
pub(crate) struct Parker(UnsafeCell<Semaphore>);

struct Semaphore {
    token: Mutex<bool>,
    arrived: Condvar,
}

// SAFETY: all but `reset` use it by shared reference, and a `Semaphore` is
// Sync; `reset` asks for exclusive use.
unsafe impl Sync for Parker {}

impl Parker {
    const_fn! {
        pub(crate) const fn new() -> Parker {
            Parker(UnsafeCell::new(Semaphore {
                token: Mutex::new(false),
                arrived: Condvar::new(),
            }))
        }
    }

    fn semaphore(&self) -> &Semaphore {
        // SAFETY: see `Sync`.
        unsafe { &*self.0.get() }
    }

    /// Makes it as new: no token, nobody sleeps.
    ///
    /// # Safety
    /// Nobody else uses it: whoever did does not exist in this process.
    #[cfg(all(unix, not(any(loom, shuttle))))]
    pub(crate) unsafe fn reset(&self) {
        // Not dropped: a thread that is gone may hold it for ever.
        // SAFETY: the caller's promise.
        unsafe { self.0.get().write(Parker::new().0.into_inner()) }
    }

    /// Sleeps until there is a token, and takes it. Only the owner calls this.
    pub(crate) fn park(&self) {
        let mut token = self.semaphore().token.lock().unwrap_or_else(PoisonError::into_inner);
        while !*token {
            token = self.semaphore().arrived.wait(token).unwrap_or_else(PoisonError::into_inner);
        }
        *token = false;
    }

    /// The same until `deadline` at the latest. Returns whether there was a
    /// token.
    pub(crate) fn park_until(&self, deadline: Instant) -> bool {
        let mut token = self.semaphore().token.lock().unwrap_or_else(PoisonError::into_inner);
        while !*token {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            token = self
                .semaphore()
                .arrived
                .wait_timeout(token, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        core::mem::replace(&mut *token, false)
    }

    /// Leaves a token. Called after the lock was released: does not touch
    /// anything but this parker, which is never freed.
    pub(crate) fn unpark(&self) {
        let mut token = self.semaphore().token.lock().unwrap_or_else(PoisonError::into_inner);
        let had_one = core::mem::replace(&mut *token, true);
        drop(token);
        if !had_one {
            self.semaphore().arrived.notify_one();
        }
    }
}
