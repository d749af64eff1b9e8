//! Sleeping on a binary semaphore of the thread's own, made of std's mutex and
//! condition variable: it works wherever std does. On Linux those allocate
//! nothing; where they are boxed (macOS) a thread's first sleep allocates.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Instant;

/// A thread's place to sleep.
pub(crate) struct Parker {
    token: Mutex<bool>,
    arrived: Condvar,
}

impl Parker {
    pub(crate) const fn new() -> Parker {
        Parker { token: Mutex::new(false), arrived: Condvar::new() }
    }

    /// Sleeps until there is a token, and takes it. Only the owner calls this.
    pub(crate) fn park(&self) {
        let mut token = self.token.lock().unwrap_or_else(PoisonError::into_inner);
        while !*token {
            token = self.arrived.wait(token).unwrap_or_else(PoisonError::into_inner);
        }
        *token = false;
    }

    /// The same until `deadline` at the latest. Returns whether there was a
    /// token.
    pub(crate) fn park_until(&self, deadline: Instant) -> bool {
        let mut token = self.token.lock().unwrap_or_else(PoisonError::into_inner);
        while !*token {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            token =
                self.arrived.wait_timeout(token, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        core::mem::replace(&mut *token, false)
    }

    /// Leaves a token. Called after the lock was released: does not touch
    /// anything but this parker, which is never freed.
    pub(crate) fn unpark(&self) {
        let mut token = self.token.lock().unwrap_or_else(PoisonError::into_inner);
        let had_one = core::mem::replace(&mut *token, true);
        drop(token);
        if !had_one {
            self.arrived.notify_one();
        }
    }
}
