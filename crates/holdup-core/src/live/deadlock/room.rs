//! Where the members of a suspected deadlock answer: one static room, so that nothing
//! is allocated, and an answer that comes too late touches nothing that is gone (see
//! `live/place.rs`).

use super::super::place::{Place, TICKETS};
use super::super::{Access, Wait};
use crate::class::ClassId;
use crate::record::DEPTH;
use crate::thread::Record;
use core::num::NonZeroU32;
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// The most threads of a deadlock that is found.
pub const MEMBERS: usize = 64;

static TAKEN: AtomicBool = AtomicBool::new(false);
/// Written by who has the room.
static TICKET: AtomicU32 = AtomicU32::new(0);
static PLACES: [Place; MEMBERS] = [const { Place::new() }; MEMBERS];

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

    /// The stack of the lock call that a member waits in, as `record::stack::capture`
    /// has it: fills `stack` and returns how many there are.
    pub fn stack(&self, member: usize, stack: &mut [usize; DEPTH]) -> usize {
        match PLACES.get(member) {
            Some(place) if member < self.room.asked => place.read(stack),
            _ => 0,
        }
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
        let ticket = (TICKET.load(Ordering::Relaxed) + 1) % TICKETS;
        TICKET.store(ticket, Ordering::Relaxed);
        place.ask(ticket);
        // Release: who sees the ask sees the place's state. Place and ticket in one.
        record.set_asked(ticket * MEMBERS as u32 + self.asked as u32 + 1);
        self.asked += 1;
    }

    /// Whether all who were asked have answered.
    pub(super) fn is_answered(&self) -> bool {
        PLACES[..self.asked].iter().all(Place::is_answered)
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        PLACES[..self.asked].iter().for_each(Place::take_back);
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
    PLACES[(asked - 1) as usize % MEMBERS].answer((asked - 1) / MEMBERS as u32);
}

/// In the child of a fork: nobody has the room.
pub(super) fn reset() {
    PLACES.iter().for_each(Place::reset);
    TAKEN.store(false, Ordering::Relaxed);
}
