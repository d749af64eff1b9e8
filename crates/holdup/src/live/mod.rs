//! Who waits right now, for whom, since when.
//!
//! A profile shows waits that are over; the worst have not ended. [`live()`] shows
//! those: each lock that somebody waits for at this moment, who holds it, and who
//! waits, the longest first.
//!
//! ```
//! use holdup::named_mutex;
//!
//! static JOURNAL: holdup::Mutex<()> = named_mutex!("journal", ());
//!
//! for lock in holdup::live().locks {
//!     println!("{} is held by {}", lock.name, lock.holder);
//!     for waiter in &lock.waiters {
//!         println!("  {} has waited for {:?}", waiter.thread, waiter.waited);
//!     }
//! }
//! ```
//!
//! It stops nobody and takes no lock of holdup's: what it reads is written by the
//! waiters themselves, just before they sleep. So it shows a moment of each thread,
//! not one moment of all: a wait that ends meanwhile may be in it or not, and between
//! a release and the next acquisition the last holder is still shown.
//!
//! # What is known of holders
//!
//! Of a mutex and of a writer always who it is, from a moment after it got the lock.
//! Since when, if it had to queue for the lock and others were still waiting when it
//! got it; a lock that nobody waits for costs no look at a clock, so that moment is not
//! known. Of readers, that there are some; which ones, of those who had to queue.
//!
//! Where the feature `send_guard` is on and a guard was sent to another thread, the one
//! that acquired the lock is shown.

pub(crate) mod deadlock;
#[cfg(feature = "json")]
mod json;
mod thread;
mod watchdog;

pub use deadlock::{Action as DeadlockAction, Deadlock, Member, on_deadlock, set_deadlock_action};
pub use thread::Thread;
#[cfg(target_os = "linux")]
pub use thread::use_signal_for_stacks;
pub use watchdog::{Overdue, Watchdog, watchdog};

use crate::profile::{ClassNames, Frame, Symbolizer};
use core::fmt;
use core::num::NonZeroU32;
use holdup_core::live as core_live;
use holdup_core::record;
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

pub use core_live::Access;

/// What [`live()`] found.
#[derive(Clone, Debug)]
pub struct Live {
    /// When it looked.
    pub time: SystemTime,
    /// The locks somebody waits for, that with the longest wait first.
    pub locks: Vec<Lock>,
}

/// A lock that somebody waits for.
#[derive(Clone, Debug)]
pub struct Lock {
    /// The name of its class; `(unnamed)` for locks without.
    pub name: String,
    /// Where it is, or was: it may be gone.
    pub address: usize,
    /// Who holds it.
    pub holder: Holder,
    /// Who waits for it, the longest first.
    pub waiters: Vec<Waiter>,
}

/// Who holds a lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holder {
    /// One thread, alone.
    Thread(Held),
    /// Readers. Those among them that are known: who had to queue.
    Readers(Vec<Held>),
    /// Nobody, or somebody who got it this moment.
    Unknown,
}

/// A thread that holds a lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The thread.
    pub thread: Thread,
    /// For how long, if that is known.
    pub held: Option<Duration>,
}

/// A thread that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiter {
    /// The thread.
    pub thread: Thread,
    /// For how long it has waited so far.
    pub waited: Duration,
    /// How it wants the lock.
    pub access: Access,
    /// Whether its wait ends by itself.
    pub timed: bool,
    /// Tells this wait of the thread from its others.
    pub(crate) turn: u32,
    /// Return addresses of the lock call, innermost first.
    pub(crate) addresses: Vec<usize>,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Holder::Thread(held) => write!(f, "{held}"),
            Holder::Readers(known) if known.is_empty() => f.write_str("readers"),
            Holder::Readers(known) => {
                f.write_str("readers, among them ")?;
                for (index, held) in known.iter().enumerate() {
                    write!(f, "{}{held}", if index == 0 { "" } else { ", " })?;
                }
                Ok(())
            }
            Holder::Unknown => f.write_str("nobody yet"),
        }
    }
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.thread)?;
        match self.held {
            Some(held) => write!(f, " for {held:.1?}"),
            None => Ok(()),
        }
    }
}

/// Looks at all waits of this program that have not ended.
///
/// Holds up no thread, and does not touch a lock: a lock that is dropped
/// meanwhile is no problem. Costs a look at one or two cache lines for each thread
/// that the program had at a time, however many locks there are, and some
/// microseconds for each thread shown, whose name is asked of the system. Allocates.
///
/// Not shown are waits for a condition (the wait for the mutex after it is), waits
/// that still spin before they queue, and what a signal handler waits for that
/// interrupted another wait.
///
/// ```
/// static QUEUE: holdup::Mutex<u32> = holdup::named_mutex!("queue", 0);
///
/// let guard = QUEUE.lock();
/// std::thread::scope(|scope| {
///     scope.spawn(|| *QUEUE.lock() += 1);
///     // It may take a moment until the other thread waits.
///     let found = loop {
///         match holdup::live().locks.into_iter().find(|lock| lock.name == "queue") {
///             Some(lock) => break lock,
///             None => std::thread::yield_now(),
///         }
///     };
///     assert_eq!(found.waiters.len(), 1);
///     drop(guard);
/// });
/// ```
#[must_use]
pub fn live() -> Live {
    let time = SystemTime::now();
    let mut waiters = Vec::new();
    core_live::for_each_waiter(|waiter| waiters.push(waiter));
    let mut holds = Vec::new();
    if !waiters.is_empty() {
        core_live::for_each_hold(|hold| holds.push(hold));
    }
    // Who got its lock between the two looks, or is just writing that it did.
    waiters.retain(|waiter| {
        let got = |hold: &core_live::Hold| {
            hold.thread == waiter.thread
                && hold.lock == waiter.wait.lock
                && hold.since > waiter.wait.queued_at
        };
        !holds.iter().any(got)
    });
    // After the looks: no wait began later than this.
    let now = holdup_core::clock::now();
    // In the order in which they began to wait.
    waiters.sort_by_key(|waiter| waiter.wait.start);
    let mut order = Vec::new();
    let mut by_lock: BTreeMap<usize, Vec<core_live::Waiter>> = BTreeMap::new();
    for waiter in waiters {
        let of_lock = by_lock.entry(waiter.wait.lock).or_default();
        if of_lock.is_empty() {
            order.push(waiter.wait.lock);
        }
        of_lock.push(waiter);
    }
    let names = ClassNames::load();
    let locks = order.iter().map(|address| {
        let waiters = &by_lock[address];
        Lock {
            name: names.of(waiters[0].wait.class),
            address: *address,
            holder: holder(waiters, holds.iter().filter(|hold| hold.lock == *address), now),
            waiters: waiters.iter().map(|waiter| Waiter::of(waiter, now)).collect(),
        }
    });
    Live { time, locks: locks.collect() }
}

impl Waiter {
    fn of(waiter: &core_live::Waiter, now: u64) -> Waiter {
        Waiter {
            thread: Thread::of(waiter.thread, waiter.os_id),
            waited: since(waiter.wait.start, now),
            access: waiter.wait.access,
            timed: waiter.wait.timed,
            turn: waiter.turn,
            addresses: addresses(waiter.wait.stack),
        }
    }
}

impl Waiter {
    /// Where it waits: the calls, innermost first, the first of which is the lock call's
    /// caller. Empty for one that has not slept yet, and where the sampling of stacks is
    /// off.
    ///
    /// Looks up the names each time: it reads the debug information of the program and
    /// of its libraries, which takes from milliseconds to seconds, and allocates.
    #[must_use]
    pub fn stack(&self) -> Vec<Frame> {
        Symbolizer::new().stack(&self.addresses)
    }
}

/// The return addresses of a waiter's stack.
fn addresses(row: record::RowId) -> Vec<usize> {
    let mut stack = [0; record::DEPTH];
    let depth = record::victim_stack(row, &mut stack);
    stack[..depth].to_vec()
}

/// Who holds a lock, by the latest word about it (see `holdup_core::live`).
fn holder<'a>(
    waiters: &[core_live::Waiter],
    holds: impl Iterator<Item = &'a core_live::Hold> + Clone,
    now: u64,
) -> Holder {
    let seen = waiters
        .iter()
        .map(|waiter| (waiter.wait.looked_at, waiter.wait.holder))
        .filter(|(_, holder)| *holder != core_live::Holder::Unknown)
        .max_by_key(|(at, _)| *at);
    let noted = holds.clone().max_by_key(|hold| hold.since);
    let noted = noted.map(|hold| {
        let holder = match hold.shared {
            true => core_live::Holder::Readers,
            false => core_live::Holder::Thread(hold.thread),
        };
        (hold.since, holder)
    });
    let last = seen.into_iter().chain(noted).max_by_key(|(at, _)| *at);
    let held = |thread: NonZeroU32, since: Option<u64>| Held {
        thread: Thread::of(thread, core_live::os_id(thread)),
        held: since.map(|since| self::since(since, now)),
    };
    match last {
        None | Some((_, core_live::Holder::Unknown)) => Holder::Unknown,
        Some((_, core_live::Holder::Thread(thread))) => {
            let its = |hold: &&core_live::Hold| hold.thread == thread && !hold.shared;
            let since = holds.filter(its).map(|hold| hold.since).max();
            Holder::Thread(held(thread, since))
        }
        Some((_, core_live::Holder::Readers)) => {
            let readers = holds.filter(|hold| hold.shared);
            Holder::Readers(readers.map(|hold| held(hold.thread, Some(hold.since))).collect())
        }
    }
}

fn since(start: u64, now: u64) -> Duration {
    Duration::from_nanos(now.saturating_sub(start))
}
