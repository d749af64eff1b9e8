//! Spinning: a short wait for a lock that is about to be free.
//!
//! A sleep and a wake-up cost some 5 to 50 us and two context switches, so
//! very short sections are waited for awake. But what a thread waits before it
//! is queued is no holder's blame, so this must stay short where it counts:
//! an unqueued thread goes on spinning only while it sees the lock change hands,
//! from one look to the next. A section that outlasts the first looks (about
//! 5 us, in a rush 30), or later [`SECTION`], sends it to the queue, where every
//! nanosecond is accounted for. There it spins some more before it sleeps.
//!
//! *Looks* cost the holder: each takes the cache line of the lock away from it, which
//! makes a section of 20 ns one of 100. So a thread that itself locks, or writes, again
//! and again without doing much in between ([`RUSH`]) makes pauses so long that the
//! others run on undisturbed meanwhile.
//!
//! *Turns* after the first looks give the rest of the time slice to others.
//! That matters where threads outnumber processors: the holder may be one of
//! those that cannot run; and it leaves whoever has the lock alone with it. Where
//! the processor goes to somebody who has other work for it, it is bad: so a thread
//! does without such turns for a while once one of them was too expensive. And one that
//! was called makes none.

use crate::clock;
use crate::sync::{MODELLED, pause, yield_now};
use crate::thread;
use core::cell::Cell;

/// Looks between which the processor pauses, each time twice as long, up to
/// [`LONGEST_PAUSE`]: before a thread queues, and in the queue.
const PAUSES: u32 = 6;
const QUEUED_PAUSES: u32 = 5;
/// And of a thread that was called, which makes no turns: while it is on its way no other
/// is, and who holds the lock thinks it awake. So it must not lose its processor.
const CALLED_PAUSES: u32 = 7;
/// It looks so often at most: a clock that was set back must not make it spin for ever.
const CALLED_LOOKS: u32 = 5_000;
/// The longest such pause is two to this power of the processor's.
const LONGEST_PAUSE: u32 = 6;
/// Looks in all: in the queue, and before.
const QUEUED_LOOKS: u32 = if MODELLED { 1 } else { QUEUED_PAUSES + 5 };
const UNQUEUED_LOOKS: u32 = if MODELLED { 0 } else { 150 };
/// How often the lock must be seen to change hands in those first looks.
const SHORT: u32 = 1;
/// A section that lasts longer is not waited for without a place in the
/// queue, in nanoseconds.
const SECTION: u64 = 20_000;
/// The longest a thread spins with turns, in nanoseconds: in the queue, ...
const QUEUED_TIME: u64 = 500_000;
/// ... and before, where it saw that only short sections are in its way.
const UNQUEUED_TIME: u64 = 2_000_000;

/// A thread that locked, or wrote, more often than once in so many nanoseconds, since it
/// last got a lock by spinning, is in a rush: ...
const RUSH: u64 = 400;
/// ... it makes so many pauses, the first of so many nanoseconds, each of the next
/// twice as long.
const RUSH_PAUSES: u32 = 4;
const RUSH_PAUSE: u64 = 2_000;

/// An unqueued thread that was away for longer in one turn, in nanoseconds, makes no more,
/// in this wait and the next: what it waits there is nobody's blame. ...
const SLICE: u64 = 200_000;
/// ... and a queued one should have slept if it was away for longer, and found that the
/// lock had been free for as long: to sleep and be woken is faster.
const COSTLY: u64 = 200_000;
/// So many waits long. Before it queues it makes some long pauses instead.
const BUSY_WAITS: u32 = 100;
const LONG_PAUSES: u32 = 16;

// The first looks read no clock.
const _: () = assert!(
    PAUSES <= CALLED_PAUSES && QUEUED_PAUSES <= CALLED_PAUSES && RUSH_PAUSES <= CALLED_PAUSES
);

thread_local! {
    /// How often this thread will still do without giving up its time slice: before it
    /// queues, and in the queue.
    static BUSY: Cell<u32> = const { Cell::new(0) };
    static QUEUED_BUSY: Cell<u32> = const { Cell::new(0) };
    /// When this thread last got a lock by spinning, and its signature then.
    static LAST: Cell<(u64, u32)> = const { Cell::new((0, 0)) };
}

/// How far one spinning thread has come.
pub(super) struct Spin {
    looks: u32,
    most: u32,
    /// So many looks come before the first turn.
    pauses: u32,
    in_rush: bool,
    is_queued: bool,
    start: u64,
    time: u64,
    /// How long the last turn took, unless the thread slept since.
    away: u64,
}

impl Spin {
    /// For a thread that is queued and looks at the lock from `start` on.
    pub(super) fn queued(start: u64) -> Spin {
        Spin {
            looks: 0,
            most: QUEUED_LOOKS,
            pauses: QUEUED_PAUSES,
            in_rush: false,
            is_queued: true,
            start,
            time: QUEUED_TIME,
            away: 0,
        }
    }

    /// Begins again at `now`, as a thread that was called by who expects to hand it the
    /// lock within `stay` nanoseconds, zero if it does not.
    pub(super) fn called(&mut self, now: u64, stay: u64) {
        let (most, time) = match stay {
            _ if MODELLED => (QUEUED_LOOKS, QUEUED_TIME),
            0 => (CALLED_PAUSES, 0),
            _ => (CALLED_LOOKS, stay),
        };
        (self.looks, self.most, self.pauses) = (0, most, u32::MAX);
        (self.start, self.time) = (now, time);
    }

    /// The thread is about to sleep.
    pub(super) fn sleeps(&mut self) {
        self.away = 0;
    }

    /// Waits until the next look. False if there were enough.
    pub(super) fn turn(&mut self) -> bool {
        if self.looks >= self.most {
            return false;
        }
        self.looks += 1;
        if self.looks <= self.pauses {
            if self.in_rush {
                pause_for(RUSH_PAUSE << (self.looks - 1));
            } else {
                pause(1 << self.looks.min(LONGEST_PAUSE));
            }
            return self.looks <= CALLED_PAUSES || self.has_time(clock::now());
        }
        let busy = if self.is_queued { &QUEUED_BUSY } else { &BUSY };
        if busy.get() > 0 {
            if self.is_queued || self.looks > self.pauses + LONG_PAUSES {
                busy.set(busy.get().saturating_sub(1));
                return false;
            }
            pause(1 << LONGEST_PAUSE);
            return true;
        }
        let before = clock::now();
        yield_now();
        let now = clock::now();
        self.away = now.saturating_sub(before);
        if !self.is_queued && self.away > SLICE {
            BUSY.set(BUSY_WAITS);
        }
        self.has_time(now)
    }

    fn has_time(&self, now: u64) -> bool {
        now.saturating_sub(self.start) < self.time
    }

    /// The thread got the lock from the queue, after that had been free, or handed to
    /// it, for `free` nanoseconds.
    #[inline]
    pub(super) fn found_free(&self, free: u64) {
        if self.away > COSTLY && free > COSTLY {
            QUEUED_BUSY.set(BUSY_WAITS);
        }
    }
}

/// Pauses the processor for so many nanoseconds, by a clock that may be set back.
fn pause_for(nanoseconds: u64) {
    let start = clock::now();
    for _ in 0..nanoseconds / 4 {
        if clock::now().saturating_sub(start) >= nanoseconds {
            break;
        }
        pause(8);
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
        let in_rush = !MODELLED && in_rush(start);
        let spin = Spin {
            looks: 0,
            most: UNQUEUED_LOOKS,
            pauses: if in_rush { RUSH_PAUSES } else { PAUSES },
            in_rush,
            is_queued: false,
            start,
            time: UNQUEUED_TIME,
            away: 0,
        };
        Watch { spin, section, start, since: start, changes: 0 }
    }

    /// When the wait began.
    pub(super) fn start(&self) -> u64 {
        self.start
    }

    /// How long the wait has lasted at `now`, when the thread got the lock without
    /// queueing, or gives up.
    pub(super) fn end(&self, now: u64, acquired: bool) -> u64 {
        if acquired {
            LAST.set((now, thread::signature()));
        }
        now.saturating_sub(self.start)
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
        if self.spin.looks >= self.spin.pauses
            && (self.changes < SHORT || clock::now().saturating_sub(since) > SECTION)
        {
            return false;
        }
        self.spin.turn()
    }
}

/// Whether the thread, which has to wait at `now`, has locked without doing much in between
/// since it last got a lock by spinning. After 4,096 locks the answer is by chance.
fn in_rush(now: u64) -> bool {
    let (last, signature) = LAST.get();
    let locks = thread::sections_since(signature).max(1);
    now.saturating_sub(last) < u64::from(locks) * RUSH
}
