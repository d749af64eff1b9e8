//! A meeting point of a fixed number of threads.

use super::{Condvar, Mutex, PoisonError};
use core::fmt;
use holdup_core::class::ClassId;

/// Lets threads go on when a number of them have come, with the interface of
/// [`std::sync::Barrier`].
///
/// That some come late is no contention, and is not accounted; that they wait
/// for each other to pass is, as waits for a mutex. 56 bytes, where std's takes
/// 40.
///
/// ```
/// use holdup::sync::Barrier;
///
/// let barrier = Barrier::new(3);
/// let leaders = std::thread::scope(|scope| {
///     let threads: Vec<_> =
///         (0..3).map(|_| scope.spawn(|| barrier.wait().is_leader())).collect();
///     threads.into_iter().map(|thread| usize::from(thread.join().unwrap())).sum::<usize>()
/// });
/// assert_eq!(leaders, 1);
/// ```
pub struct Barrier {
    round: Mutex<Round>,
    over: Condvar,
    threads: usize,
}

/// Who has come since the barrier last opened.
struct Round {
    come: usize,
    /// Tells the rounds apart.
    number: usize,
}

/// Whether the thread is the one of its round that was chosen to lead.
pub struct BarrierWaitResult(bool);

impl Barrier {
    /// For `threads` threads; none and one make no difference. Name it with
    /// [`named!`](crate::named).
    #[inline]
    #[must_use]
    pub const fn new(threads: usize) -> Barrier {
        Barrier::__named(ClassId::UNNAMED, threads)
    }

    /// For `named!`.
    #[doc(hidden)]
    #[inline]
    #[must_use]
    pub const fn __named(class: ClassId, threads: usize) -> Barrier {
        let round = Round { come: 0, number: 0 };
        Barrier { round: Mutex::__named(class, round), over: Condvar::new(), threads }
    }

    /// Waits until as many threads as the barrier is for wait for it. One of
    /// them, the last to come, leads. Then the barrier is as new.
    pub fn wait(&self) -> BarrierWaitResult {
        // Nothing in here panics with the lock held.
        let mut round = self.round.lock().unwrap_or_else(PoisonError::into_inner);
        round.come += 1;
        if round.come < self.threads {
            let mine = round.number;
            let over = self.over.wait_while(round, |round| round.number == mine);
            drop(over);
            return BarrierWaitResult(false);
        }
        round.come = 0;
        round.number = round.number.wrapping_add(1);
        self.over.notify_all();
        BarrierWaitResult(true)
    }
}

impl BarrierWaitResult {
    /// True for exactly one thread of each round.
    #[must_use]
    pub fn is_leader(&self) -> bool {
        self.0
    }
}

impl fmt::Debug for Barrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Barrier").finish_non_exhaustive()
    }
}

impl fmt::Debug for BarrierWaitResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BarrierWaitResult").field("is_leader", &self.is_leader()).finish()
    }
}
