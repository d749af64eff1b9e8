//! A wait for one of the C library's locks, from the failed try to its end, and what is
//! booked when a section ends.

use crate::side::{self, Claim, How};
use crate::{names, region};
use core::ffi::c_int;
use core::sync::atomic::Ordering;
use holdup_core::class::ClassId;
use holdup_core::ledger::Ticket;
use holdup_core::{clock, record};
use holdup_shared::Kind;

/// A wait that was noted.
pub(crate) struct Wait {
    address: usize,
    class: ClassId,
    ticket: Ticket,
}

/// The lock at `address` was tried in vain: a wait begins. None if it is not to be, or
/// cannot be, accounted for.
pub(crate) fn begin(address: usize, kind: Kind) -> Option<Wait> {
    // First of all: what follows may take a while, the first time.
    let start = clock::now();
    let process = region::process()?;
    let class = names::class_of(address, kind, process);
    let ticket = side::join(address, class, start);
    if ticket.is_none() {
        process.missed.fetch_add(1, Ordering::Relaxed);
    }
    Some(Wait { address, class, ticket: ticket? })
}

/// The wait is over, with the lock.
pub(crate) fn acquired(wait: Option<Wait>, how: How) {
    if let Some(Wait { address, class, ticket }) = wait
        && let Some(waited) = side::acquire(address, Some(ticket), how)
    {
        // Inside of the section: nothing else is called after it. Some nanoseconds.
        record::add_wait(class, waited);
    }
}

/// The wait is over, without the lock.
pub(crate) fn gave_up(wait: Option<Wait>) {
    if let Some(Wait { address, class, ticket }) = wait
        && let Some(waited) = side::give_up(address, ticket)
    {
        record::add_wait(class, waited);
    }
}

/// Books a claim and samples it, with the stack of the caller. After the release, where
/// that can be.
#[inline]
pub(crate) fn book(claim: Option<Claim>) {
    let Some(Claim { class, blame, hold, sums }) = claim else { return };
    if let Some(sums) = sums {
        record::book(class, &sums);
    }
    if let Some(blame) = blame {
        record::add_hold(class, hold);
        record::sample(class, blame);
    }
}

/// Whether a lock function's result means that the caller has the lock.
#[inline(always)]
pub(crate) fn has_lock(result: c_int) -> bool {
    // A robust mutex whose owner died is the caller's.
    result == 0 || result == libc::EOWNERDEAD
}
