//! The condition variable: the core's protocol behind the traits of `lock_api`.

use crate::RawMutex;
use std::time::{Duration, Instant};

pub use lock_api::WaitTimeoutResult;

/// A condition variable for [`Mutex`](crate::Mutex): threads wait until another
/// one says that what they wait for may have come about.
///
/// The methods are those of [`lock_api::Condvar`]: `wait`, `wait_for`,
/// `wait_until`, `wait_while`, `wait_while_for`, `wait_while_until`,
/// `notify_one`, `notify_all`. It takes 8 bytes, and `new` is const.
///
/// - **No spurious wake-ups.** A wait ends when it was notified, or when its time
///   is up. `notify_one` returns whether it notified somebody, `notify_all`
///   how many, exactly. A wait that was notified in time does not count as
///   timed out, however long it then waits for the mutex.
/// - **First come, first served.** The thread that has waited longest is notified
///   first.
/// - **No herd.** Who is notified while the mutex is held stays asleep, and moves
///   to the queue of the mutex; the threads of a `notify_all` are woken one after
///   the other, each when it can have the mutex. Where others wait for the mutex
///   already, the first 16 are woken instead, and queue when they run.
/// - **One condvar, any mutexes.** Threads may wait on it with different mutexes
///   at a time. Nothing panics.
///
/// # What is accounted for
///
/// Waiting for a condition is no contention, and appears in no profile; nor does
/// a notification while the mutex is free. But a thread that is notified while
/// somebody holds the mutex waits for that from then on (one that was woken: from when
/// it runs): a notifier that goes on holding it is charged. A wait releases the mutex: the section that
/// ends with it is charged like one that ends with an unlock.
///
/// # Cost
///
/// Notifying when nobody waits is one load. A wait allocates nothing.
///
/// ```
/// use holdup::{Condvar, Mutex};
/// use std::time::Duration;
///
/// static JOBS: Mutex<Vec<u32>> = Mutex::new(Vec::new());
/// static ARRIVED: Condvar = Condvar::new();
///
/// std::thread::scope(|scope| {
///     let worker = scope.spawn(|| {
///         let mut jobs = JOBS.lock();
///         ARRIVED.wait_while(&mut jobs, |jobs| jobs.is_empty());
///         jobs.pop()
///     });
///     JOBS.lock().push(7);
///     ARRIVED.notify_one();
///     assert_eq!(worker.join().unwrap(), Some(7));
/// });
///
/// let mut jobs = JOBS.lock();
/// assert!(ARRIVED.wait_for(&mut jobs, Duration::from_millis(1)).timed_out());
/// assert_eq!(ARRIVED.notify_all(), 0);
/// ```
pub type Condvar = lock_api::Condvar<RawCondvar>;

/// What a [`Condvar`] is made of; implements `RawCondvar` and `RawCondvarTimed` of
/// `lock_api` 0.5, without spurious wake-ups, so that what notifications
/// return is exact.
///
/// ```
/// // A crate that is generic over the traits of lock_api.
/// fn wake<C: lock_api::RawCondvar>(all: &lock_api::Condvar<C>) -> usize {
///     all.notify_all()
/// }
/// assert_eq!(wake(&holdup::Condvar::new()), 0);
/// ```
#[repr(transparent)]
pub struct RawCondvar(holdup_core::raw::RawCondvar);

impl core::fmt::Debug for RawCondvar {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("RawCondvar").finish_non_exhaustive()
    }
}

// SAFETY: the core's wait is on the condvar's list before it unlocks the mutex, so
// that no notification after that is missed, and returns with the mutex
// locked. It does not unwind. The guard state is a unit, and stands for the
// new acquisition as well as for the old one.
unsafe impl lock_api::RawCondvar for RawCondvar {
    const INIT: RawCondvar = RawCondvar(holdup_core::raw::RawCondvar::INIT);

    type RawMutex = RawMutex;

    #[inline]
    unsafe fn wait(&self, mutex: &RawMutex, _guard: &mut crate::guard::Guard) {
        // SAFETY: the caller holds the mutex.
        unsafe { self.0.wait(mutex.core()) }
    }

    #[inline]
    fn notify_one(&self) -> bool {
        self.0.notify_one()
    }

    #[inline]
    fn notify_all(&self) -> usize {
        self.0.notify_all()
    }
}

// SAFETY: as for `RawCondvar`; what was not notified was waited for until the
// deadline.
unsafe impl lock_api::RawCondvarTimed for RawCondvar {
    #[inline]
    fn checked_duration_to_instant(timeout: &Duration) -> Option<Instant> {
        Instant::now().checked_add(*timeout)
    }

    #[inline]
    unsafe fn wait_until(
        &self,
        mutex: &RawMutex,
        _guard: &mut crate::guard::Guard,
        timeout: &Instant,
    ) -> bool {
        // SAFETY: the caller holds the mutex.
        unsafe { !self.0.wait_until(mutex.core(), *timeout) }
    }
}
