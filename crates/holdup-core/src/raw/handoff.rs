//! What an unlock does for the oldest waiter beyond waking it.
//!
//! Barging keeps a lock and its data on one processor, and is what makes it
//! fast; but it has no bound for those who sleep. *Handing over* bounds their
//! waits: who has waited long gets the lock from the unlock itself, as soon as
//! it is awake, or unseen where it does not come. So it is told when it is called how
//! long it should stay awake: a lock that is handed to a sleeper is idle for the 30 us
//! that it takes to wake up.
//!
//! *Giving way* keeps queues of locks with very short sections short. While
//! somebody is queued each section makes two claims, which cost as much as
//! such a section; and where all processors are busy, a woken waiter gets one
//! only when a time slice of milliseconds ends, which may well belong to a
//! thread that takes and releases this very lock all the time. So who releases
//! the lock then gives the rest of its slice to the waiter.
//!
//! Not to one that a condvar's notifier moved here, though: what it waits for is
//! being made by those who run, the more of it the better, and a switch of
//! threads for each item is what a queue between threads is there to avoid.
//!
//! *Letting in* is for the readers of a readers-writer lock that others hold who read: see
//! [`must_let_in`].

use crate::sync::atomic::Ordering;
use crate::wait_list::{AWAKE, Account, CALLED, Node};

/// A waiter that has waited longer is handed the lock directly, in
/// nanoseconds ...
const HANDOFF_AFTER: u64 = 1_000_000;
/// ... unless another was handed it just before: a direct handoff moves the
/// lock and its data to another processor, and may leave it idle until its new
/// owner runs. So there is one for each `HANDOFF_ROUND / waiters`: whoever
/// waits gets the lock after about one round, however many wait, ...
const HANDOFF_ROUND: u64 = 8_000_000;
/// ... within these bounds.
const HANDOFF_INTERVAL: (u64, u64) = (100_000, 1_000_000);
/// How long an unlock leaves a woken waiter the time to come before it hands
/// it the lock unseen. Sections that are as long are handed over at once: the way of
/// the waiter does not count beside them.
const HANDOFF_PATIENCE: u64 = 200_000;
/// What a sleeping thread needs to be there, in nanoseconds, with some to spare.
const WAKE_UP: u64 = 50_000;

/// Whether the lock must go to the oldest waiter: it has waited too long, and
/// either it is awake, so that it goes on at once, or there is a reason not to
/// wait for that. `section` is how long ago the claim before the one that ends the
/// critical section was.
pub(super) fn must_hand_over(account: &Account, oldest: &Node, section: u64, now: u64) -> bool {
    if !is_due(oldest, now) || until_handoff(account, now) > 0 {
        return false;
    }
    match oldest.state.load(Ordering::Relaxed) {
        AWAKE => true,
        // It is on the way; is it coming?
        CALLED => now.wrapping_sub(account.called_at) >= HANDOFF_PATIENCE,
        // It stayed awake for it and lost all the same, or its way does not count.
        _ => oldest.stay.load(Ordering::Relaxed) > 0 || section >= HANDOFF_PATIENCE,
    }
}

/// How long the oldest waiter, which is called now, should stay awake because the lock
/// will be handed to it: until that may be, its own way, and for two more sections. Zero
/// if it is not its turn soon, or gets the lock asleep.
pub(super) fn time_to_stay(account: &Account, oldest: &Node, section: u64, now: u64) -> u64 {
    if !is_due(oldest, now) {
        return 0;
    }
    let left = until_handoff(account, now);
    if left.max(section) >= HANDOFF_PATIENCE { 0 } else { left + WAKE_UP + 2 * section }
}

fn is_due(oldest: &Node, now: u64) -> bool {
    now.wrapping_sub(oldest.ticket.get().start) >= HANDOFF_AFTER
}

/// How long no lock must be handed over yet, because one was just before.
fn until_handoff(account: &Account, now: u64) -> u64 {
    let (least, most) = HANDOFF_INTERVAL;
    let interval = (HANDOFF_ROUND / account.ledger.waiters()).clamp(least, most);
    interval.saturating_sub(now.wrapping_sub(account.handed_at))
}

/// A writer's section from which on all who waited behind it are let in at once, in
/// nanoseconds: a switch of threads for each of them does not count beside it.
const LET_IN_SECTION: u64 = 20_000;
/// Else a batch is if the oldest waited longer than it takes to wake all who wait one by
/// one, and the last was let in as long ago: so many nanoseconds for each, and no less
/// than `HANDOFF_AFTER`.
const LET_IN_PACE: u64 = 20_000;

/// Whether the oldest waiter, a reader, is to be let in while others read, before it runs.
///
/// A lock that is held by somebody who sleeps is closed to all writers, and, since one of
/// those will be waiting, soon to all readers, until it ran. Where sections are short, and
/// many threads wait, each of them then finds the lock closed, and sleeps in its turn. So
/// there readers are woken one by one, and get the lock when they run.
#[inline]
pub(super) fn must_let_in(account: &Account, oldest: &Node, now: u64) -> bool {
    let pace = account.ledger.waiters().saturating_mul(LET_IN_PACE).max(HANDOFF_AFTER);
    account.held >= LET_IN_SECTION
        || now.wrapping_sub(oldest.ticket.get().start) >= pace
            && now.wrapping_sub(account.handed_at) >= pace
}

/// An unlock gives way where sections are shorter than this, in nanoseconds, ...
const GIVE_WAY_SECTION: u64 = 2_000;
/// ... and its waiter was called, or given way to, as long ago.
const GIVE_WAY_INTERVAL: u64 = 500;

/// Whether who releases the lock should leave its processor to the oldest
/// waiter, which was called before. One that is awake has a processor, and finds the
/// lock free meanwhile.
#[inline]
pub(super) fn must_give_way(account: &Account, oldest: &Node, section: u64, now: u64) -> bool {
    now.wrapping_sub(account.gave_way_at) >= GIVE_WAY_INTERVAL
        && section < GIVE_WAY_SECTION
        && oldest.state.load(Ordering::Relaxed) != AWAKE
}
