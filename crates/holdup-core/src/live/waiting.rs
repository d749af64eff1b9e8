//! What a waiter and a holder write into their own records.

use super::deadlock::{self, Action, Outcome};
use super::look::wait_of;
use super::{Holder, Lock, Wait};
use crate::clock;
use crate::record::RowId;
use crate::thread::{self, Record};
use crate::wait_list::Node;
use core::cell::Cell;
use core::sync::atomic::{Ordering, fence};
use std::time::{Duration, Instant};

/// When a waiter looks again that saw no owner in a lock that is held.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// A wait that others can see, from when the thread is queued until this is dropped.
pub(crate) struct Waiting {
    record: &'static Record,
    queued_at: Cell<u64>,
    suspicion: Cell<Suspicion>,
    /// Where it waits.
    stack: Cell<RowId>,
    /// Whether it is shown: not in a signal handler that interrupted another wait.
    shown: bool,
}

impl Waiting {
    /// Shows that the calling thread, whose record this is, has been queued; its wait
    /// began at `start`.
    pub(crate) fn begin(record: &'static Record, lock: Lock, start: u64, timed: bool) -> Waiting {
        let now = clock::now();
        let shown = record.cell.begin(&wait(lock, start, now, timed), false);
        Waiting {
            record,
            queued_at: Cell::new(now),
            suspicion: Cell::new(Suspicion::Undecided),
            stack: Cell::new(0),
            shown,
        }
    }

    /// Shows that the calling thread, whose record this is, is about to wait for a
    /// condition, and then for `lock`.
    pub(crate) fn for_condition(record: &'static Record, lock: Lock, timed: bool) -> Waiting {
        record.set_moved(0, 0);
        let shown = record.cell.begin(&wait(lock, 0, 0, timed), true);
        Waiting {
            record,
            queued_at: Cell::new(0),
            suspicion: Cell::new(Suspicion::Undecided),
            stack: Cell::new(0),
            shown,
        }
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
    /// should look at the lock again. True if the `deadline` has passed instead. `called`
    /// tells whether somebody called the thread.
    pub(crate) fn sleep(
        &self,
        deadline: Option<Instant>,
        node: &Node,
        holder: impl Fn() -> Holder,
        called: impl Fn() -> bool,
    ) -> bool {
        self.stack.set(node.victim());
        let again = self.look(deadline, &holder, &called);
        let parker = &self.record.parker;
        match (deadline, again) {
            (None, None) => parker.park(),
            (None, Some(again)) => {
                parker.park_until(again);
            }
            (Some(deadline), Some(again)) if again < deadline => {
                parker.park_until(again);
            }
            (Some(deadline), _) => return !parker.park_until(deadline),
        }
        false
    }

    /// As a thread that waits for a condition, before it sleeps: shows whom it sees
    /// hold the mutex, if it was queued for that.
    pub(crate) fn look_if_moved(&self, holder: impl Fn() -> Holder) {
        if self.shown && self.record.moved_at() != 0 {
            self.show(holder());
            deadlock::answer(self.record);
        }
    }

    /// Shows whom the thread sees hold the lock. When it must look again at the
    /// latest, if it must.
    fn look(
        &self,
        deadline: Option<Instant>,
        holder: &dyn Fn() -> Holder,
        called: &dyn Fn() -> bool,
    ) -> Option<Instant> {
        if !self.shown {
            return None;
        }
        // The wait is shown before this, and what others show is read after: of two
        // that do so, one sees the other.
        fence(Ordering::SeqCst);
        let seen = holder();
        let at = self.show(seen);
        deadlock::answer(self.record);
        if seen == Holder::Unknown {
            return Some(Instant::now() + LOOK_AGAIN);
        }
        if deadline.is_some() || deadlock::action() == Action::Off {
            return None;
        }
        if let Suspicion::Undecided = self.suspicion.get() {
            self.suspicion.set(self.suspect(seen, at));
        }
        let Suspicion::Due { at: due, since, after } = self.suspicion.get() else { return None };
        if Instant::now() < due {
            return Some(due);
        }
        let look = || {
            self.show(holder());
            deadlock::answer(self.record);
        };
        let after = (after * 2).min(deadlock::CHECK_AT_LEAST);
        let suspicion = match deadlock::check(self.record, since, called, &look) {
            Outcome::Done => Suspicion::Over,
            Outcome::Later => Suspicion::Due { at: Instant::now() + after, since, after },
        };
        self.suspicion.set(suspicion);
        // The look took a while, and may have taken a token: not asleep before the
        // state was seen again.
        Some(Instant::now())
    }

    fn show(&self, holder: Holder) -> u64 {
        let at = clock::now();
        self.record.cell.look(holder, at, self.stack.get());
        at
    }

    /// Whether this wait may be part of a deadlock, seen at its first look.
    fn suspect(&self, holder: Holder, since: u64) -> Suspicion {
        let after = deadlock::CHECK_AFTER;
        let suspicious = match holder {
            Holder::Unknown | Holder::Readers => true,
            // Itself: at once.
            Holder::Thread(number) if number.get() == thread::number() => {
                return Suspicion::Due { at: Instant::now(), since, after };
            }
            Holder::Thread(number) => {
                thread::lookup(number.get()).and_then(wait_of).is_some_and(|(_, wait)| !wait.timed)
            }
        };
        if suspicious {
            Suspicion::Due { at: Instant::now() + after, since, after }
        } else {
            Suspicion::Over
        }
    }
}

/// Whether a wait may be part of a deadlock.
#[derive(Clone, Copy)]
enum Suspicion {
    /// Nobody has looked yet.
    Undecided,
    /// It may: to be checked at this time, or so long after another check. `since` is
    /// the instant of the first look.
    Due { at: Instant, since: u64, after: Duration },
    /// No more.
    Over,
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
        stack: 0,
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if self.shown {
            self.record.cell.end(clock::now());
        }
    }
}

/// Shows that a notifier queued the thread whose record this is, which waits for a
/// condition, for its mutex. To be called before it does.
/// `holder` is whom it sees hold that.
pub(crate) fn moved(record: &Record, now: u64, holder: Holder) {
    record.set_moved(now, holder.to_bits());
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
