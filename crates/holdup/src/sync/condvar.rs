//! The condition variable of std's face, for its mutex.

use super::MutexGuard;
use super::mutex;
use core::fmt;
use holdup_core::raw::RawCondvar;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::{LockResult, PoisonError};
use std::time::{Duration, Instant};

/// A condition variable with the interface of [`std::sync::Condvar`], for
/// [`Mutex`](super::Mutex) of this module.
///
/// Waiting for the condition is no contention. Whoever is notified moves to
/// the queue of the mutex, asleep (or is woken, where others wait for that already),
/// and from then on waits for the mutex, which is accounted for. Two things are promised that std does not: no wait ends
/// without a notification or its timeout, and one condition variable may be
/// used with several mutexes at a time. 8 bytes.
///
/// ```
/// use holdup::sync::{Condvar, Mutex};
///
/// static READY: Mutex<bool> = Mutex::new(false);
/// static CHANGED: Condvar = Condvar::new();
///
/// std::thread::spawn(|| {
///     *READY.lock().unwrap() = true;
///     CHANGED.notify_all();
/// });
/// let ready = CHANGED.wait_while(READY.lock().unwrap(), |ready| !*ready).unwrap();
/// assert!(*ready);
/// ```
pub struct Condvar {
    raw: RawCondvar,
}

impl UnwindSafe for Condvar {}
impl RefUnwindSafe for Condvar {}

/// Whether a wait with a timeout ended because of it.
#[derive(Debug, PartialEq, Eq, Copy, Clone)]
pub struct WaitTimeoutResult(bool);

impl WaitTimeoutResult {
    /// Whether the time was up. If not, the thread was notified.
    #[must_use]
    pub fn timed_out(&self) -> bool {
        self.0
    }
}

impl Condvar {
    /// A condition variable that nobody waits for.
    #[inline]
    #[must_use]
    pub const fn new() -> Condvar {
        Condvar { raw: RawCondvar::INIT }
    }

    /// Releases the mutex, waits until notified, and acquires it again.
    ///
    /// # Errors
    /// The guard inside of an error if the mutex is poisoned then.
    #[inline]
    pub fn wait<'a, T>(&self, guard: MutexGuard<'a, T>) -> LockResult<MutexGuard<'a, T>> {
        let (raw, poison) = mutex::behind(&guard);
        // SAFETY: the guard holds the lock. While it does not, nobody looks
        // through the guard: this call has it, and does not unwind.
        unsafe { self.raw.wait(raw) };
        poison.check(guard)
    }

    /// Waits until `condition` says that there is nothing more to wait for. It is
    /// asked with the mutex locked, before and after each wait.
    ///
    /// # Errors
    /// The guard inside of an error if the mutex is poisoned after a wait.
    pub fn wait_while<'a, T, F: FnMut(&mut T) -> bool>(
        &self,
        mut guard: MutexGuard<'a, T>,
        mut condition: F,
    ) -> LockResult<MutexGuard<'a, T>> {
        while condition(&mut *guard) {
            guard = self.wait(guard)?;
        }
        Ok(guard)
    }

    /// As [`wait`](Condvar::wait), for `timeout` at the longest; then the mutex
    /// is acquired again, however long that takes.
    ///
    /// # Errors
    /// Guard and result inside of an error if the mutex is poisoned then.
    pub fn wait_timeout<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        timeout: Duration,
    ) -> LockResult<(MutexGuard<'a, T>, WaitTimeoutResult)> {
        self.wait_until(guard, deadline(timeout))
    }

    /// As [`wait_timeout`](Condvar::wait_timeout), in milliseconds; whether the
    /// thread was notified.
    ///
    /// # Errors
    /// Guard and result inside of an error if the mutex is poisoned then.
    #[deprecated(note = "use `Condvar::wait_timeout`")]
    pub fn wait_timeout_ms<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        milliseconds: u32,
    ) -> LockResult<(MutexGuard<'a, T>, bool)> {
        let timeout = Duration::from_millis(milliseconds.into());
        match self.wait_timeout(guard, timeout) {
            Ok((guard, result)) => Ok((guard, !result.timed_out())),
            Err(error) => {
                let (guard, result) = error.into_inner();
                Err(PoisonError::new((guard, !result.timed_out())))
            }
        }
    }

    /// As [`wait_while`](Condvar::wait_while), for `timeout` at the longest. The
    /// result says that the time was up only if the condition still holds.
    ///
    /// # Errors
    /// Guard and result inside of an error if the mutex is poisoned after a
    /// wait.
    pub fn wait_timeout_while<'a, T, F: FnMut(&mut T) -> bool>(
        &self,
        mut guard: MutexGuard<'a, T>,
        timeout: Duration,
        mut condition: F,
    ) -> LockResult<(MutexGuard<'a, T>, WaitTimeoutResult)> {
        let deadline = deadline(timeout);
        let mut result = WaitTimeoutResult(false);
        loop {
            if !condition(&mut *guard) {
                return Ok((guard, WaitTimeoutResult(false)));
            }
            if result.timed_out() {
                return Ok((guard, result));
            }
            (guard, result) = self.wait_until(guard, deadline)?;
        }
    }

    #[inline]
    fn wait_until<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        deadline: Option<Instant>,
    ) -> LockResult<(MutexGuard<'a, T>, WaitTimeoutResult)> {
        let Some(deadline) = deadline else {
            return match self.wait(guard) {
                Ok(guard) => Ok((guard, WaitTimeoutResult(false))),
                Err(error) => Err(PoisonError::new((error.into_inner(), WaitTimeoutResult(false)))),
            };
        };
        let (raw, poison) = mutex::behind(&guard);
        // SAFETY: as in `wait`.
        let notified = unsafe { self.raw.wait_until(raw, deadline) };
        poison.check((guard, WaitTimeoutResult(!notified)))
    }

    /// Notifies the thread that has waited longest, if one waits. One load if
    /// not.
    #[inline]
    pub fn notify_one(&self) {
        self.raw.notify_one();
    }

    /// Notifies all threads that wait now. One load if none does.
    #[inline]
    pub fn notify_all(&self) {
        self.raw.notify_all();
    }
}

/// `None` where it lies past the end of time.
fn deadline(timeout: Duration) -> Option<Instant> {
    Instant::now().checked_add(timeout)
}

impl Default for Condvar {
    fn default() -> Condvar {
        Condvar::new()
    }
}

impl fmt::Debug for Condvar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Condvar").finish_non_exhaustive()
    }
}
