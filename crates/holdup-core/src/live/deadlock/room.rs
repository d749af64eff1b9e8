//! Where the members of a suspected deadlock answer: one static room, so that nothing
//! is allocated, and an answer that comes too late touches nothing that is gone.
//!
//! | state of a place   | meaning                                                     |
//! |--------------------|-------------------------------------------------------------|
//! | `FREE`             | nobody was asked                                            |
//! | ticket, `ASKED`    | the member with this ticket may answer                      |
//! | ticket, `WRITING`  | it does                                                     |
//! | ticket, `ANSWERED` | its stack is complete                                       |
//!
//! Whoever has the room (`TAKEN`) gives out tickets, which never come again, and takes
//! back those that were not answered: `ASKED` becomes `FREE` by a compare-exchange,
//! and a member that writes is waited for.

use super::super::{Access, Wait};
use crate::class::ClassId;
use crate::record::{self, DEPTH};
use crate::thread::Record;
use core::num::NonZeroU32;
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};

/// The most threads of a deadlock that is found.
pub const MEMBERS: usize = 64;

const FREE: u32 = 0;
const ASKED: u32 = 1;
const WRITING: u32 = 2;
const ANSWERED: u32 = 3;
const STEPS: u32 = 4;

struct Place {
    state: AtomicU32,
    depth: AtomicU32,
    stack: [AtomicUsize; DEPTH],
}

static TAKEN: AtomicBool = AtomicBool::new(false);
/// Written by who has the room.
static TICKETS: AtomicU32 = AtomicU32::new(0);
static PLACES: [Place; MEMBERS] = [const {
    Place {
        state: AtomicU32::new(FREE),
        depth: AtomicU32::new(0),
        stack: [const { AtomicUsize::new(0) }; DEPTH],
    }
}; MEMBERS];

/// A thread of a deadlock.
#[derive(Clone, Copy)]
pub struct Member {
    /// Its number in this program.
    pub thread: NonZeroU32,
    /// Its number to the system; zero where that is not known.
    pub os_id: u32,
    /// The lock it waits for; it lives, since the thread is inside its `lock()`.
    pub lock: usize,
    /// The class of that lock.
    pub class: ClassId,
    /// How it is wanted.
    pub access: Access,
    /// When the wait began, by [`crate::clock::now`].
    pub start: u64,
    pub(super) record: &'static Record,
    pub(super) turn: u32,
}

impl Member {
    pub(super) fn new(
        thread: NonZeroU32,
        record: &'static Record,
        turn: u32,
        wait: &Wait,
    ) -> Member {
        Member {
            thread,
            os_id: record.os_id(),
            lock: wait.lock,
            class: wait.class,
            access: wait.access,
            start: wait.start,
            record,
            turn,
        }
    }
}

/// A deadlock: each member waits for a lock that the next holds, the last for one that
/// the first holds.
pub struct Report<'a> {
    pub(super) members: &'a [Member],
    pub(super) room: &'a Room,
}

impl Report<'_> {
    /// The threads.
    #[must_use]
    pub fn members(&self) -> &[Member] {
        self.members
    }

    /// The stack of the lock call that a member waits in, as [`record::stack::capture`]
    /// has it: fills `stack` and returns how many there are.
    pub fn stack(&self, member: usize, stack: &mut [usize; DEPTH]) -> usize {
        let Some(place) = PLACES.get(member).filter(|_| member < self.room.asked) else {
            return 0;
        };
        // Acquire: the stack is complete.
        if place.state.load(Ordering::Acquire) % STEPS != ANSWERED {
            return 0;
        }
        for (to, from) in stack.iter_mut().zip(&place.stack) {
            *to = from.load(Ordering::Relaxed);
        }
        place.depth.load(Ordering::Relaxed) as usize
    }
}

/// The room, for as long as one has it.
pub struct Room {
    asked: usize,
}

impl Room {
    /// Takes the room, if nobody has it.
    pub(super) fn take() -> Option<Room> {
        // Acquire: what its last user did. Not `then_some`: a room that is made is
        // given back.
        (!TAKEN.swap(true, Ordering::Acquire)).then(|| Room { asked: 0 })
    }

    /// Lets the thread of `record` look again and note its stack, in the next place.
    /// It must be woken to do so, unless it is the caller: then it answers next.
    pub(super) fn ask(&mut self, record: &Record) {
        let Some(place) = PLACES.get(self.asked) else { return };
        let ticket = TICKETS.load(Ordering::Relaxed).wrapping_add(1) % (u32::MAX / 1024);
        TICKETS.store(ticket, Ordering::Relaxed);
        place.state.store(ticket * STEPS + ASKED, Ordering::Relaxed);
        // Release: who sees the ask sees the place's state. Place and ticket in one.
        record.set_asked(ticket * MEMBERS as u32 + self.asked as u32 + 1);
        self.asked += 1;
    }

    /// Whether all who were asked have answered.
    pub(super) fn is_answered(&self) -> bool {
        // Acquire: what was shown before the answer.
        PLACES[..self.asked]
            .iter()
            .all(|place| place.state.load(Ordering::Acquire) % STEPS == ANSWERED)
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        for place in &PLACES[..self.asked] {
            loop {
                let state = place.state.load(Ordering::Relaxed);
                // A member that writes needs a moment.
                if state % STEPS == WRITING {
                    crate::sync::yield_now();
                } else if place
                    .state
                    .compare_exchange(state, FREE, Ordering::Acquire, Ordering::Relaxed)
                    .is_ok()
                {
                    break;
                }
            }
        }
        // Release: to the next.
        TAKEN.store(false, Ordering::Release);
    }
}

/// Answers, if the calling thread was asked. It has just shown whom it sees hold the
/// lock it waits for.
#[inline]
pub(in crate::live) fn answer(record: &Record) {
    let asked = record.asked();
    if asked != 0 {
        answer_at(record, asked);
    }
}

#[cold]
#[inline(never)]
fn answer_at(record: &Record, asked: u32) {
    record.set_asked(0);
    let (ticket, place) = ((asked - 1) / MEMBERS as u32, &PLACES[(asked - 1) as usize % MEMBERS]);
    let state = |step| ticket * STEPS + step;
    // Acquire: it was asked. If not, the answer comes too late, and is not given.
    if place
        .state
        .compare_exchange(state(ASKED), state(WRITING), Ordering::Acquire, Ordering::Relaxed)
        .is_err()
    {
        return;
    }
    let mut stack = [0; DEPTH];
    let depth = record::stack::capture(&mut stack);

    for (to, from) in place.stack.iter().zip(&stack[..depth]) {
        to.store(*from, Ordering::Relaxed);
    }
    place.depth.store(depth as u32, Ordering::Relaxed);
    // Release: the stack, and what was shown before.
    place.state.store(state(ANSWERED), Ordering::Release);
}

/// In the child of a fork: nobody has the room.
pub(super) fn reset() {
    for place in &PLACES {
        place.state.store(FREE, Ordering::Relaxed);
    }
    TAKEN.store(false, Ordering::Relaxed);
}
