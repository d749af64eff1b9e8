//! Spinning: a short wait for a lock that is about to be free.
//!
//! A sleep and a wake-up cost some 5 to 50 us and two context switches, so
//! very short sections are waited for awake. But what a thread waits before it
//! is queued is no holder's blame, so this must stay short where it counts:
//! an unqueued thread goes on spinning only while it sees the lock change hands,
//! from one look to the next. A section that outlasts the first looks (about
//! 1 us), or later [`SECTION`], sends it to the queue, where every nanosecond
//! is accounted for. There it spins some more before it sleeps.
//!
//! After the first looks a turn gives the rest of the time slice to others.
//! That matters where threads outnumber processors: the holder may be one of
//! those that cannot run; and it leaves whoever has the lock alone with it.

use crate::clock;
use crate::sync::{MODELLED, pause, yield_now};
use core::cell::Cell;

/// Looks between which the processor pauses, each time twice as long.
const PAUSES: u32 = 5;
/// Looks in all: in the queue, and before.
const QUEUED_LOOKS: u32 = if MODELLED { 1 } else { 40 };
const UNQUEUED_LOOKS: u32 = if MODELLED { 0 } else { 150 };
/// How often the lock must be seen to change hands in those first looks: then
/// its sections are shorter than half a microsecond.
const SHORT: u32 = 2;
/// A section that lasts longer is not waited for without a place in the
/// queue, in nanoseconds.
const SECTION: u64 = 20_000;
/// The longest a thread spins, in nanoseconds: in the queue, ...
const QUEUED_TIME: u64 = 500_000;
/// ... and before, where it saw that only short sections are in its way.
const UNQUEUED_TIME: u64 = 4_000_000;

/// A turn that took longer, in nanoseconds, was spent by somebody who has
/// other work for the processor than to wait for this lock.
const SLICE: u64 = 200_000;
/// Then a thread does without such turns in so many waits: to sleep and be
/// woken is faster. Before it queues it makes some long pauses instead.
const BUSY_WAITS: u32 = 100;
const LONG_PAUSES: u32 = 16;
const LONG_PAUSE: u32 = 64;

thread_local! {
    /// How often this thread will still do without giving up its time slice.
    static BUSY: Cell<u32> = const { Cell::new(0) };
}

/// How far one spinning thread has come.
pub(super) struct Spin {
    looks: u32,
    most: u32,
    /// Long pauses it makes where it must not give up its time slice.
    pauses: u32,
    start: u64,
    time: u64,
}

impl Spin {
    /// For a thread that is queued and looks at the lock from `start` on.
    pub(super) fn queued(start: u64) -> Spin {
        Spin { looks: 0, most: QUEUED_LOOKS, pauses: 0, start, time: QUEUED_TIME }
    }

    /// Waits until the next look. False if there were enough.
    pub(super) fn turn(&mut self) -> bool {
        if self.looks >= self.most {
            return false;
        }
        self.looks += 1;
        if self.looks <= PAUSES {
            pause(1 << self.looks);
            return true;
        }
        if BUSY.get() > 0 {
            if self.looks > PAUSES + self.pauses {
                BUSY.set(BUSY.get() - 1);
                return false;
            }
            pause(LONG_PAUSE);
            return true;
        }
        let before = clock::now();
        yield_now();
        let now = clock::now();
        if now.saturating_sub(before) > SLICE {
            BUSY.set(BUSY_WAITS);
        }
        now.saturating_sub(self.start) < self.time
    }
}

/// What an unqueued thread sees of the holders.
///
/// A thread may lose its processor between any two steps, and find another
/// section when it runs again, which it did not wait for all the time. So the
/// section is looked at before the clock is read at the start, and once more
/// right before the thread queues.
pub(super) struct Watch {
    spin: Spin,
    /// The critical section seen last, as the lock's owner word names it.
    section: u32,
    start: u64,
    /// Since when that section is known to last; the time before is no blame of it.
    since: u64,
    changes: u32,
}

impl Watch {
    /// For a wait that began at `start`. `section` was seen before that.
    pub(super) fn new(section: u32, start: u64) -> Watch {
        let spin = Spin {
            looks: 0,
            most: UNQUEUED_LOOKS,
            pauses: LONG_PAUSES,
            start,
            time: UNQUEUED_TIME,
        };
        Watch { spin, section, start, since: start, changes: 0 }
    }

    /// When the wait began.
    pub(super) fn start(&self) -> u64 {
        self.start
    }

    /// Sees `section` now. Since when it is known to be waited for.
    #[inline]
    pub(super) fn look(&mut self, section: u32) -> u64 {
        // Zero: the lock is just changing hands.
        if section != self.section || section == 0 {
            self.since = clock::now().max(self.start);
            self.changes += u32::from(section == 0 || self.section != 0);
            self.section = section;
        }
        self.since
    }

    /// Waits until the next look, having seen `section` now. False if it is
    /// time to queue instead.
    pub(super) fn turn(&mut self, section: u32) -> bool {
        let since = self.look(section);
        if self.spin.looks >= PAUSES
            && (self.changes < SHORT || clock::now().saturating_sub(since) > SECTION)
        {
            return false;
        }
        self.spin.turn()
    }
}
