//! What a waiter and a holder write into their own records.

use super::{Holder, Lock, Wait};
use crate::clock;
use crate::thread::{self, Record};
use core::cell::Cell;
use std::time::{Duration, Instant};

/// When a waiter looks again that saw no owner in a lock that is held.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// A wait that others can see, from when the thread is queued until this is dropped.
pub(crate) struct Waiting {
    record: &'static Record,
    queued_at: Cell<u64>,
    /// Whether it is shown: not in a signal handler that interrupted another wait.
    shown: bool,
}

impl Waiting {
    /// Shows that the calling thread, whose record this is, has been queued; its wait
    /// began at `start`.
    pub(crate) fn begin(record: &'static Record, lock: Lock, start: u64, timed: bool) -> Waiting {
        let now = clock::now();
        let shown = record.cell.begin(&wait(lock, start, now, timed), false);
        Waiting { record, queued_at: Cell::new(now), shown }
    }

    /// Shows that the calling thread, whose record this is, is about to wait for a
    /// condition, and then for `lock`.
    pub(crate) fn for_condition(record: &'static Record, lock: Lock, timed: bool) -> Waiting {
        record.set_moved_at(0);
        let shown = record.cell.begin(&wait(lock, 0, 0, timed), true);
        Waiting { record, queued_at: Cell::new(0), shown }
    }

    /// Shows, after [`for_condition`](Waiting::for_condition), that the thread was
    /// notified and has been queued for the lock.
    pub(crate) fn queued(&self) {
        let now = clock::now();
        self.queued_at.set(now);
        if self.shown {
            self.record.cell.queued(self.record.moved_at(), now);
        }
    }

    /// An instant at which the thread was queued for the lock already.
    pub(crate) fn queued_at(&self) -> u64 {
        self.queued_at.get()
    }

    /// Shows whom the thread sees hold the lock, and sleeps: until it is woken, or
    /// should look at the lock again. True if the `deadline` has passed instead.
    pub(crate) fn sleep(&self, deadline: Option<Instant>, holder: impl FnOnce() -> Holder) -> bool {
        let look = self.look(holder);
        let parker = &self.record.parker;
        match (deadline, look) {
            (None, None) => parker.park(),
            (None, Some(look)) => {
                parker.park_until(look);
            }
            (Some(deadline), Some(look)) if look < deadline => {
                parker.park_until(look);
            }
            (Some(deadline), _) => return !parker.park_until(deadline),
        }
        false
    }

    /// Shows whom the thread sees hold the lock. When it must look again at the
    /// latest, if it must.
    fn look(&self, holder: impl FnOnce() -> Holder) -> Option<Instant> {
        if !self.shown {
            return None;
        }
        let holder = holder();
        self.record.cell.look(holder, clock::now());
        (holder == Holder::Unknown).then(|| Instant::now() + LOOK_AGAIN)
    }
}

/// What a cell shows of a wait before the first look.
fn wait(lock: Lock, start: u64, queued_at: u64, timed: bool) -> Wait {
    let Lock { address, class, access } = lock;
    Wait {
        lock: address,
        class,
        access,
        timed,
        start,
        queued_at,
        holder: Holder::Unknown,
        looked_at: 0,
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if self.shown {
            self.record.cell.end();
        }
    }
}

/// Shows that a notifier queued the thread whose record this is, which waits for a
/// condition, for its mutex. To be called before it does.
pub(crate) fn moved(record: &Record, now: u64) {
    record.set_moved_at(now);
}

/// Notes that the calling thread, whose record this is, got a lock that others wait
/// for, after a wait.
pub(crate) fn got(record: &Record, lock: usize, shared: bool, since: u64) {
    record.holds.push(lock, shared, since);
    record.set_holding(true);
}

/// The calling thread releases a lock that somebody waited for. Two loads where it
/// noted no such lock.
#[inline]
pub(crate) fn released(lock: usize) {
    if let Some(record) = thread::own()
        && record.is_holding()
    {
        forget(record, lock);
    }
}

#[cold]
fn forget(record: &Record, lock: usize) {
    record.holds.pop(lock);
    record.set_holding(!record.holds.is_empty());
}
