//! Looking along the circle, and confirming it.

use super::super::look::wait_of;
use super::super::{Holder, Wait};
use super::room::{MEMBERS, Member, Report, Room};
use super::tell;
use crate::clock;
use crate::sync::nap;
use crate::thread::{self, Record};
use core::num::NonZeroU32;
use core::sync::atomic::{AtomicBool, Ordering};

/// Naps of 50 us in which somebody who was woken must have answered.
const PATIENCE: u32 = 400;
/// How many threads are looked at in one search.
const STEPS: u32 = 4_096;
/// Of how many readers of one lock the waits are followed.
const READERS: usize = 16;
/// Whether a thread looks at all others.
static LOOKING_AT_ALL: AtomicBool = AtomicBool::new(false);
/// By how much the clocks of two processors may differ, in nanoseconds.
const SKEW: u64 = 1_000;

/// What a look came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::live) enum Outcome {
    /// Whatever there is, this thread need not look again in this wait.
    Done,
    /// Not known yet.
    Later,
}

/// Why a search ended without a circle.
enum Stop {
    /// There is none, this way.
    Clear,
    Later,
}

/// Looks whether the calling thread, whose record this is, is part of a circle, and
/// reports that. `since` is an instant after it showed its wait; `called` tells whether
/// the wait may be over; `look` shows whom it sees hold its lock.
#[cold]
#[inline(never)]
pub(in crate::live) fn check(
    record: &'static Record,
    since: u64,
    called: &dyn Fn() -> bool,
    look: &dyn Fn(),
) -> Outcome {
    look();
    let Some(me) = member(thread::number(), record) else { return Outcome::Done };
    let mut search = Search { since, called, steps: 0, path: [me; MEMBERS], length: 1 };
    match search.go() {
        Ok(()) => search.confirm(look),
        Err(Stop::Clear) => Outcome::Done,
        Err(Stop::Later) => Outcome::Later,
    }
}

/// The thread of this number, if it waits without a time limit.
fn member(thread: u32, record: &'static Record) -> Option<Member> {
    let (turn, wait) = wait_of(record).filter(|(_, wait)| !wait.timed)?;
    Some(Member::new(NonZeroU32::new(thread)?, record, turn, &wait))
}

/// Whether `member` is still in the wait it was found in: what it shows of it.
fn still(member: &Member) -> Option<Wait> {
    let (turn, wait) = wait_of(member.record)?;
    (turn == member.turn && !wait.timed).then_some(wait)
}

/// Whether `reader` noted that it reads what `wait` waits for, and still does.
fn reads(reader: &Record, wait: &Wait) -> bool {
    let mut reads = false;
    reader.holds.for_each(|lock, shared, since| {
        reads |= shared && lock == wait.lock && since > wait.queued_at + SKEW;
    });
    reads
}

struct Search<'a> {
    since: u64,
    called: &'a dyn Fn() -> bool,
    steps: u32,
    /// The first `length`: each waits for what the next holds.
    path: [Member; MEMBERS],
    length: usize,
}

impl Search<'_> {
    /// Goes on from the last of the path. Ok if that leads back to the first.
    fn go(&mut self) -> Result<(), Stop> {
        let wait = self.fresh(self.path[self.length - 1])?;
        match wait.holder {
            Holder::Thread(holder) => self.go_to(holder),
            Holder::Unknown => Err(Stop::Later),
            Holder::Readers if wait.access.is_alone() => self.go_to_readers(&wait),
            // It waits for another who waits, or for who may upgrade: not for each reader.
            Holder::Readers => Err(Stop::Clear),
        }
    }

    /// Goes on from each of those who noted that they read what `wait` waits for.
    fn go_to_readers(&mut self, wait: &Wait) -> Result<(), Stop> {
        let mut readers = [NonZeroU32::MIN; READERS];
        let mut count = 0;
        // One at a time: where thousands wait for readers, each of them looks at all
        // threads. Acquire and Release for form: nothing comes with it.
        if LOOKING_AT_ALL.swap(true, Ordering::Acquire) {
            return Err(Stop::Later);
        }
        thread::for_each(|reader, record| {
            if count < READERS && reads(record, wait) {
                readers[count] = reader;
                count += 1;
            }
        });
        LOOKING_AT_ALL.store(false, Ordering::Release);
        for &reader in &readers[..count] {
            match self.go_to(reader) {
                Err(Stop::Clear) => {}
                result => return result,
            }
        }
        Err(Stop::Clear)
    }

    /// Goes on from `holder`, which holds what the last of the path waits for.
    fn go_to(&mut self, holder: NonZeroU32) -> Result<(), Stop> {
        self.steps += 1;
        if holder == self.path[0].thread {
            return Ok(());
        }
        // A circle without this thread is for those who are in it.
        let known = self.path[..self.length].iter().any(|member| member.thread == holder);
        if known || self.length == MEMBERS || self.steps > STEPS {
            return Err(Stop::Clear);
        }
        let next = thread::lookup(holder.get()).and_then(|record| member(holder.get(), record));
        self.path[self.length] = next.ok_or(Stop::Clear)?;
        self.length += 1;
        self.go().inspect_err(|_| self.length -= 1)
    }

    /// What `member` waits for and whom it sees hold that, as of after `since`.
    fn fresh(&self, member: Member) -> Result<Wait, Stop> {
        for turn in 0..PATIENCE {
            let wait = still(&member).ok_or(Stop::Clear)?;
            if wait.looked_at >= self.since && wait.holder != Holder::Unknown {
                return Ok(wait);
            }
            if turn % 64 == 0 {
                // It looks before it sleeps again.
                member.record.parker.unpark();
            }
            if (self.called)() {
                break;
            }
            nap();
        }
        Err(Stop::Later)
    }

    /// Confirms the circle, and reports it, once.
    fn confirm(&self, look: &dyn Fn()) -> Outcome {
        let members = &self.path[..self.length];
        let Some(mut room) = Room::take() else { return Outcome::Later };
        // All are in their waits now ...
        if !members.iter().all(|member| still(member).is_some()) {
            return Outcome::Later;
        }
        let asked_at = clock::now();
        let me = &members[0];
        for member in members {
            room.ask(member.record);
            if member.thread != me.thread {
                member.record.parker.unpark();
            }
        }
        look();
        let mut turns = 0;
        while !room.is_answered() {
            turns += 1;
            if turns > PATIENCE || (self.called)() {
                return Outcome::Later;
            }
            nap();
        }
        // ... and have been all the time, and what they saw meanwhile is the circle.
        for (index, member) in members.iter().enumerate() {
            let next = &members[(index + 1) % members.len()];
            let Some(wait) = still(member) else { return Outcome::Later };
            let held = match wait.holder {
                Holder::Thread(holder) => holder == next.thread,
                Holder::Readers => wait.access.is_alone() && reads(next.record, &wait),
                Holder::Unknown => false,
            };
            if !held || wait.looked_at + SKEW < asked_at {
                return Outcome::Later;
            }
        }
        if members.iter().all(|member| member.record.reported() == member.turn) {
            return Outcome::Done;
        }
        for member in members {
            member.record.set_reported(member.turn);
        }
        tell(&Report { members, room: &room });
        Outcome::Done
    }
}

/// In the child of a fork: nobody looks.
pub(super) fn reset() {
    LOOKING_AT_ALL.store(false, Ordering::Relaxed);
}
