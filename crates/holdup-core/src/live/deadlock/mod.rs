//! Deadlocks: threads each of which waits, for good, for a lock that the next holds.
//!
//! # Who looks, and when
//!
//! The thread that blocks last closes the circle, so it is enough that each looks once,
//! after it shows its own wait: if the holder of its lock itself waits for a lock,
//! without a time limit, or readers hold it, it looks along the circle
//! `CHECK_AFTER` later. Waits in line are common and mostly short, and the look costs
//! the others a wake-up each. A thread that finds itself the holder looks
//! at once.
//! Nothing of this is on a fast path, or in a wait whose holder runs.
//!
//! A look that is not conclusive (somebody did not answer in time) is repeated, later
//! each time.
//!
//! # Why the last one finds the circle
//!
//! Say T blocks last. It shows its wait, then a fence, then looks at the owner of
//! its lock. All others did the same before, so T sees their waits, and they hold their
//! locks since before they blocked. Each has either looked at its lock after that, or is
//! woken now and looks (`fresh`): it sees the owner, who does not change any more.
//!
//! # Why there is no false alarm
//!
//! A circle that was seen is only suspected. To confirm it (`confirm`) each member is
//! asked at the same time to look at its lock again, by itself, inside its own call, and
//! to note its stack. Say M waits for A, and sees that K holds A, while K has been in
//! one and the same wait, without a time limit, from before M was asked until after M
//! answered. Then K held A when M looked, and cannot have released it, being blocked.
//! All members are in the same waits from before the first was asked until after the
//! last has answered: so all the holds exist together, and nobody will ever release one.
//!
//! Readers are in the way of a writer and of who upgrades, so one of these waits for each
//! of them. Whoever wants to read as well waits for somebody else: a writer in front of
//! it that may give up, or who may upgrade.
//!
//! Of readers is known only what those noted who had to queue (`Holds`). Such a note
//! counts if its maker got the lock after M was queued: since then the queue has not
//! been empty, so that the maker's release would have taken the note back.
//!
//! The argument needs a lock to be released by the thread that acquired it. Where guards
//! are sent to other threads and dropped there, a report may be wrong. A guard that
//! was forgotten is a lock that stays held, and reported as that.
//!
//! # What is not found
//!
//! Circles through readers who did not have to queue, through waits to read what others
//! read already (behind a writer that waits), through waits for conditions or
//! for anything that is no lock, through waits of signal handlers, and circles of more
//! than [`MEMBERS`] threads. A thread that waits for a condition while it holds a lock
//! does not look when it is notified and queued for its mutex, asleep.

mod message;
mod room;
mod search;

pub(super) use room::answer;
pub use room::{MEMBERS, Member, Report};
pub(super) use search::{Outcome, check};

use core::sync::atomic::{AtomicPtr, AtomicU8, Ordering};
use std::time::Duration;

/// How long a wait whose holder waits lasts before its thread looks.
pub(super) const CHECK_AFTER: Duration = Duration::from_millis(20);
/// The longest time between two looks that were not conclusive.
pub(super) const CHECK_AT_LEAST: Duration = Duration::from_secs(1);

/// What happens when a deadlock was found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Action {
    /// Nobody looks for deadlocks.
    Off = 0,
    /// It is reported.
    Report = 1,
    /// It is reported, and the program aborts.
    Abort = 2,
}

static ACTION: AtomicU8 = AtomicU8::new(Action::Report as u8);

/// What is called with a report instead of writing it.
type Hook = fn(&Report<'_>);

/// A [`Hook`], or null.
static HOOK: AtomicPtr<()> = AtomicPtr::new(core::ptr::null_mut());

/// Says what happens when a deadlock is found. One store.
pub fn set_action(action: Action) {
    ACTION.store(action as u8, Ordering::Relaxed);
}

/// What happens when a deadlock is found. One load.
#[must_use]
pub fn action() -> Action {
    match ACTION.load(Ordering::Relaxed) {
        0 => Action::Off,
        1 => Action::Report,
        _ => Action::Abort,
    }
}

/// Sets what is called with each report, in place of [`Report::write`]: by the
/// thread that found the deadlock and is part of it, inside its lock call. It must
/// not wait for what a member holds.
pub fn set_hook(hook: fn(&Report<'_>)) {
    HOOK.store(hook as *mut (), Ordering::Release);
}

/// Reports a deadlock that was confirmed.
#[cold]
fn tell(report: &Report<'_>) {
    let hook = HOOK.load(Ordering::Acquire);
    if hook.is_null() {
        report.write();
    } else {
        // SAFETY: what is not null was made from a function of this type.
        let hook = unsafe { core::mem::transmute::<*mut (), Hook>(hook) };
        hook(report);
    }
    if action() == Action::Abort {
        std::process::abort();
    }
}

/// In the child of a fork: no other thread is at anything.
pub(crate) fn forget_others() {
    room::reset();
    search::reset();
}
