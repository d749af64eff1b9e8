//! The condition variable. `lock_api` 0.4 has none, so this is a type of our
//! own over holdup's raw one, which takes the guards of `lock_api` 0.4.

use crate::MutexGuard;
use core::fmt;
use core::ops::DerefMut;
use holdup::{RawCondvar, RawMutex};
use lock_api_05::{RawCondvar as _, RawCondvarTimed as _};
use std::time::{Duration, Instant};

/// The state of a held lock in `lock_api` 0.5: a unit, whatever `send_guard` says.
type Held = <RawMutex as lock_api_05::RawMutex>::Guard;

/// Whether a wait ended because its time was up.
#[derive(Debug, PartialEq, Eq, Copy, Clone)]
pub struct WaitTimeoutResult(bool);

impl WaitTimeoutResult {
    /// Whether the wait was given up.
    #[inline]
    pub fn timed_out(self) -> bool {
        self.0
    }
}

/// A place where threads wait until another says that something changed.
///
/// Waiting here is charged to nobody. Who is notified is moved to the queue of
/// its mutex, and the wait for the mutex begins then. In contrast to
/// parking_lot's, threads may wait with different mutexes at a time: there is
/// no panic then.
pub struct Condvar(RawCondvar);

impl Condvar {
    /// A condition variable that nobody waits on.
    #[inline]
    pub const fn new() -> Condvar {
        Condvar(RawCondvar::INIT)
    }

    /// Wakes one waiter; whether there was one.
    #[inline]
    pub fn notify_one(&self) -> bool {
        self.0.notify_one()
    }

    /// Wakes all waiters; how many there were.
    #[inline]
    pub fn notify_all(&self) -> usize {
        self.0.notify_all()
    }

    /// Releases the mutex, waits to be notified, and locks the mutex again.
    #[inline]
    pub fn wait<T: ?Sized>(&self, mutex_guard: &mut MutexGuard<'_, T>) {
        // SAFETY: the guard proves that this thread holds the mutex, it is
        // borrowed for the whole wait, and `wait` returns with the mutex held.
        unsafe { self.0.wait(MutexGuard::mutex(mutex_guard).raw(), &mut Held::new()) }
    }

    /// As [`wait`](Self::wait), until `timeout` at most.
    #[inline]
    pub fn wait_until<T: ?Sized>(
        &self,
        mutex_guard: &mut MutexGuard<'_, T>,
        timeout: Instant,
    ) -> WaitTimeoutResult {
        let mutex = MutexGuard::mutex(mutex_guard);
        // SAFETY: as in `wait`.
        WaitTimeoutResult(unsafe { self.0.wait_until(mutex.raw(), &mut Held::new(), &timeout) })
    }

    /// As [`wait`](Self::wait), for `timeout` at most; without limit if the
    /// clock cannot tell when that ends.
    #[inline]
    pub fn wait_for<T: ?Sized>(
        &self,
        mutex_guard: &mut MutexGuard<'_, T>,
        timeout: Duration,
    ) -> WaitTimeoutResult {
        let mutex = MutexGuard::mutex(mutex_guard);
        // SAFETY: as in `wait`.
        WaitTimeoutResult(unsafe { self.0.wait_for(mutex.raw(), &mut Held::new(), &timeout) })
    }

    /// Waits as long as `condition` holds.
    #[inline]
    pub fn wait_while<T, F>(&self, mutex_guard: &mut MutexGuard<'_, T>, mut condition: F)
    where
        T: ?Sized,
        F: FnMut(&mut T) -> bool,
    {
        while condition(mutex_guard.deref_mut()) {
            self.wait(mutex_guard);
        }
    }

    /// Waits as long as `condition` holds, until `timeout` at most. Whether
    /// the last wait was given up; the condition may hold or not then.
    #[inline]
    pub fn wait_while_until<T, F>(
        &self,
        mutex_guard: &mut MutexGuard<'_, T>,
        mut condition: F,
        timeout: Instant,
    ) -> WaitTimeoutResult
    where
        T: ?Sized,
        F: FnMut(&mut T) -> bool,
    {
        while condition(mutex_guard.deref_mut()) {
            let result = self.wait_until(mutex_guard, timeout);
            if result.timed_out() {
                return result;
            }
        }
        WaitTimeoutResult(false)
    }

    /// As [`wait_while_until`](Self::wait_while_until), for `timeout` at most;
    /// without limit if the clock cannot tell when that ends.
    #[inline]
    pub fn wait_while_for<T: ?Sized, F>(
        &self,
        mutex_guard: &mut MutexGuard<'_, T>,
        condition: F,
        timeout: Duration,
    ) -> WaitTimeoutResult
    where
        F: FnMut(&mut T) -> bool,
    {
        match RawCondvar::checked_duration_to_instant(&timeout) {
            Some(deadline) => self.wait_while_until(mutex_guard, condition, deadline),
            None => {
                self.wait_while(mutex_guard, condition);
                WaitTimeoutResult(false)
            }
        }
    }
}

impl Default for Condvar {
    #[inline]
    fn default() -> Condvar {
        Condvar::new()
    }
}

impl fmt::Debug for Condvar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("Condvar { .. }")
    }
}
