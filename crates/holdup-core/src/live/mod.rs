//! Who waits for what right now, and who holds it.
//!
//! A profile shows waits that are over. This shows those that are not, from
//! thread records alone (`thread.rs`): these are never freed, while a lock may be
//! gone the moment its last user leaves. So nobody who looks from outside ever
//! follows the address of a lock. What there is to know about a lock is written
//! into the records by those for whom it lives for certain: its waiters, who are
//! inside `lock()`, and who just got it.
//!
//! # What each record holds
//!
//! | what | written | says |
//! |---|---|---|
//! | `WaitCell` (`cell.rs`) | when the thread is queued, before each sleep, and when it has the lock or gave up | what it waits for, how, since when; whom it saw hold it, and when it looked |
//! | `moved_at` | by the notifier that queues a thread, asleep, for its mutex | that the wait for a condition became one for the mutex |
//! | `Holds` (`holds.rs`) | when the thread got a lock that others still wait for, and when it releases that | which locks, since when |
//!
//! Nothing is written where nobody waits, so an uncontended lock pays nothing.
//!
//! # Who holds a lock
//!
//! Of all that the records say about one address, the latest: a waiter that saw
//! the owner's number when it looked, or a thread that noted that it got the lock.
//!
//! 1. Who got the lock past or before others that wait is found. If it had queued,
//!    it noted so. If it barged in, the oldest waiter was woken before or is about to
//!    be (`raw/mutex.rs`, invariant 3); that one looks before it sleeps again.
//! 2. Who got the lock while nobody waited is found: the first waiter looks after it
//!    was queued, and the lock is held then.
//! 3. What is stale is older: whoever holds the lock after it fulfils 1 or 2 later.
//!    Between a release and the next acquisition the last holder is still shown.
//!
//! The owner's number is written a moment after the lock was taken; a waiter that
//! finds none looks again some milliseconds later (`LOOK_AGAIN`).
//!
//! Readers leave no number in a lock. Those who had to queue note what they got;
//! of others is known only that there are readers.
//!
//! # Orderings
//!
//! The cell is a seqlock, argued in `cell.rs`. A record's other fields are single
//! values, Relaxed, with a time each: what is torn or late is at worst older.

use crate::class::ClassId;
use crate::record::RowId;
use crate::wait_list::Wanted;
use core::num::NonZeroU32;

pub(crate) mod cell;
#[cfg(not(any(loom, shuttle)))]
pub mod deadlock;
#[cfg(not(any(loom, shuttle)))]
pub(crate) mod holds;
#[cfg(not(any(loom, shuttle)))]
mod look;
#[cfg(not(any(loom, shuttle)))]
mod place;
#[cfg(all(target_os = "linux", not(any(loom, shuttle))))]
pub mod stack_now;
// In a model nobody looks from outside; the cell is checked on its own.
#[cfg_attr(any(loom, shuttle), path = "../sync/model/waiting.rs")]
mod waiting;

#[cfg(not(any(loom, shuttle)))]
pub use look::{Hold, Waiter, for_each_hold, for_each_waiter, os_id};
pub(crate) use waiting::{Waiting, got, moved, released};

/// How a thread wants a lock.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u32)]
pub enum Access {
    /// A mutex.
    Mutex = 0,
    /// A readers-writer lock, to write.
    Write = 1,
    /// A readers-writer lock, to read.
    Read = 2,
    /// A readers-writer lock, to read with the right to upgrade.
    Upgradable = 3,
    /// A readers-writer lock that it reads with that right, to write.
    Upgrade = 4,
}

impl Access {
    /// Whether readers are in the way of it.
    pub(crate) fn is_alone(self) -> bool {
        matches!(self, Access::Mutex | Access::Write | Access::Upgrade)
    }

    fn from_bits(bits: u32) -> Access {
        match bits {
            0 => Access::Mutex,
            1 => Access::Write,
            2 => Access::Read,
            3 => Access::Upgradable,
            _ => Access::Upgrade,
        }
    }

    /// How a readers-writer lock is wanted.
    pub(crate) fn to_rwlock(wanted: Wanted) -> Access {
        match wanted {
            Wanted::Exclusive => Access::Write,
            Wanted::Shared => Access::Read,
            Wanted::Upgradable => Access::Upgradable,
            Wanted::Upgrade => Access::Upgrade,
        }
    }
}

/// Whom a waiter saw hold what it waits for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Holder {
    /// Nobody, or somebody who had not yet said so.
    Unknown,
    /// The thread of this number.
    Thread(NonZeroU32),
    /// Readers. They leave no numbers.
    Readers,
}

impl Holder {
    const READERS: u32 = u32::MAX;

    /// The holder whose number stands in the lock, zero for none.
    pub(crate) fn numbered(number: u32) -> Holder {
        NonZeroU32::new(number).map_or(Holder::Unknown, Holder::Thread)
    }

    fn to_bits(self) -> u32 {
        match self {
            Holder::Unknown => 0,
            Holder::Thread(number) => number.get(),
            Holder::Readers => Holder::READERS,
        }
    }

    fn from_bits(bits: u32) -> Holder {
        if bits == Holder::READERS { Holder::Readers } else { Holder::numbered(bits) }
    }
}

/// A wait that has not ended. Times are those of [`clock::now`](crate::clock::now).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Wait {
    /// The address of the lock. It may be gone.
    pub lock: usize,
    /// The class of the lock.
    pub class: ClassId,
    /// How it is wanted.
    pub access: Access,
    /// Whether the wait ends by itself.
    pub timed: bool,
    /// When it began.
    pub start: u64,
    /// An instant at which it was queued already.
    pub queued_at: u64,
    /// Who held the lock when the waiter last looked.
    pub holder: Holder,
    /// When that was.
    pub looked_at: u64,
    /// Where it waits, for [`crate::record::victim_stack`]; zero if unknown.
    pub stack: RowId,
}

/// A lock, as those see it who are inside a call of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lock {
    pub(crate) address: usize,
    pub(crate) class: ClassId,
    pub(crate) access: Access,
}
