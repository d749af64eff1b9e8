//! What somebody sees who looks from outside: the cells and notes of all records.

use super::{Holder, Wait};
use crate::thread::{self, Record};
use core::num::NonZeroU32;

/// A thread that waits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Waiter {
    /// Its number in this program. Given again after its end.
    pub thread: NonZeroU32,
    /// Its number to the system; zero where that is not known.
    pub os_id: u32,
    /// What it waits for.
    pub wait: Wait,
    /// Tells this wait of the thread from its others.
    pub turn: u32,
}

/// A lock that a thread holds and had to queue for, while others still waited.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Hold {
    /// The thread's number in this program.
    pub thread: NonZeroU32,
    /// The address of the lock. It may be gone.
    pub lock: usize,
    /// Whether it may be held together with others.
    pub shared: bool,
    /// When the thread got it, by [`clock::now`](crate::clock::now).
    pub since: u64,
}

/// Calls `visit` with each thread that is queued for a lock, in no order. Waits of
/// signal handlers that interrupted another wait are not shown, nor are those of
/// threads without a record, nor waits for a condition.
///
/// Takes no lock, stops nobody, allocates nothing. One or two cache lines for each
/// thread there was at a time, whether it waits or not, however many locks there are.
pub fn for_each_waiter(mut visit: impl FnMut(Waiter)) {
    thread::for_each(|thread, record| {
        if let Some((turn, wait)) = wait_of(record) {
            visit(Waiter { thread, os_id: record.os_id(), wait, turn });
        }
    });
}

/// Calls `visit` with each hold that a thread noted. As [`for_each_waiter`].
pub fn for_each_hold(mut visit: impl FnMut(Hold)) {
    thread::for_each(|thread, record| {
        record.holds.for_each(|lock, shared, since| {
            visit(Hold { thread, lock, shared, since });
        });
    });
}

/// The system's number of the thread that has, or had last, this number here;
/// zero where that is not known.
#[must_use]
pub fn os_id(thread: NonZeroU32) -> u32 {
    thread::lookup(thread.get()).map_or(0, Record::os_id)
}

/// The wait that a record shows, and what tells it from the thread's others.
pub(super) fn wait_of(record: &Record) -> Option<(u32, Wait)> {
    let mut shown = record.cell.read()?;
    if shown.condition {
        // Not yet notified, it waits for no lock.
        let moved_at = record.moved_at();
        if moved_at == 0 {
            return None;
        }
        if shown.wait.holder == Holder::Unknown {
            // It sleeps, and has not looked: whom its notifier saw.
            shown.wait.holder = Holder::from_bits(record.moved_past());
            shown.wait.looked_at = moved_at;
        }
        // Notified, it goes on as long as it must.
        (shown.wait.start, shown.wait.queued_at) = (moved_at, moved_at);
        shown.wait.timed = false;
    }
    Some((shown.turn, shown.wait))
}
