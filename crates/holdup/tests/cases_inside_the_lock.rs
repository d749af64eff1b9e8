//! Recording does not lengthen the critical section that is recorded.
//!
//! async-profiler recorded inside of it, and so inflated what it measured
//! (#805). Here the stack is as deep as is kept, so that taking it would show.

mod common;

use common::truth::now;
use common::{alone, compute, wait_until, waiters};
use holdup::profile::{self, Totals};
use holdup::{Mutex, MutexGuard, named_mutex};
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

static SHORT: Mutex<u64> = named_mutex!("short", 0);

/// The newest round that has begun, and the newest that is over for the waiter
/// and for the watcher.
static ROUND: AtomicU64 = AtomicU64::new(0);
static WAITED: AtomicU64 = AtomicU64::new(0);
static WATCHED: AtomicU64 = AtomicU64::new(0);
/// The round in which the lock is about to be released.
static ENDING: AtomicU64 = AtomicU64::new(0);
/// The round in which the watcher looks at the lock.
static WATCHING: AtomicU64 = AtomicU64::new(0);
/// When the waiter of this round asked for the lock.
static ASKED: AtomicU64 = AtomicU64::new(0);
/// When the lock was seen free in this round.
static FREE: AtomicU64 = AtomicU64::new(0);

const SECTION: Duration = Duration::from_micros(2);

/// Ends the critical section some 60 calls deeper; says when that began.
#[inline(never)]
fn unlock_deep(depth: u32, guard: MutexGuard<'static, u64>) -> u64 {
    if depth > 0 {
        return black_box(unlock_deep(black_box(depth - 1), guard));
    }
    let began = now();
    drop(guard);
    black_box(began)
}

fn totals() -> Totals {
    profile::snapshot().totals_of("short").unwrap_or_default()
}

/// What one critical section with one waiter came to, in nanoseconds.
struct Round {
    /// From when all was set up to the end of the section as the ledger has
    /// it.
    held: i64,
    /// From when the unlock was called until another thread saw the lock free.
    release: i64,
}

/// One waiter waits while the lock is held for [`SECTION`]. Its own unlock
/// has no waiters, so what was blamed is from when it asked until the claim at
/// the end of the section.
fn round(number: u64, before: &Totals) -> (Round, Totals) {
    let guard = SHORT.lock();
    ROUND.store(number, Ordering::Release);
    wait_until(|| waiters(&SHORT) == 1);
    ENDING.store(number, Ordering::Release);
    // The watcher must be awake before there is something to see.
    wait_until(|| WATCHING.load(Ordering::Acquire) == number);
    let watched = now();
    compute(SECTION);
    let released = unlock_deep(60, guard);
    for over in [&WAITED, &WATCHED] {
        wait_until(|| over.load(Ordering::Acquire) == number);
    }
    let after = totals();
    assert_eq!(after.waits - before.waits, 1);
    let blamed = (after.blamed - before.blamed).as_nanos() as i64;
    let asked = ASKED.load(Ordering::Relaxed) as i64;
    let held = blamed - (watched as i64 - asked);
    (Round { held, release: FREE.load(Ordering::Relaxed) as i64 - released as i64 }, after)
}

fn waiter(rounds: u64) {
    for number in 1..=rounds {
        wait_until(|| ROUND.load(Ordering::Acquire) == number);
        ASKED.store(now(), Ordering::Relaxed);
        *SHORT.lock() += 1;
        WAITED.store(number, Ordering::Release);
    }
}

/// Looks at the lock, on the core that the waiter leaves free as it sleeps.
fn watcher(rounds: u64) {
    for number in 1..=rounds {
        wait_until(|| ENDING.load(Ordering::Acquire) == number);
        WATCHING.store(number, Ordering::Release);
        while SHORT.is_locked() {
            std::hint::spin_loop();
        }
        FREE.store(now(), Ordering::Relaxed);
        WATCHED.store(number, Ordering::Release);
    }
}

/// A low quantile: what a round comes to that nothing disturbs. On a busy machine most
/// watchers lose their processor at some time.
fn undisturbed(rounds: &[Round], value: impl Fn(&Round) -> i64) -> f64 {
    let mut values: Vec<i64> = rounds.iter().map(value).collect();
    values.sort_unstable();
    values[values.len() / 20] as f64
}

#[test]
fn recording_every_section_does_not_lengthen_them() {
    const BLOCKS: u64 = 60;
    const BLOCK: u64 = 25;
    let _alone = alone();
    let (mut off, mut all) = (Vec::new(), Vec::new());
    std::thread::scope(|scope| {
        scope.spawn(|| waiter(BLOCKS * BLOCK));
        scope.spawn(|| watcher(BLOCKS * BLOCK));
        let mut before = totals();
        for block in 0..BLOCKS {
            // In turns, because the machine changes more than the lock does.
            let (period, rounds) = if block % 2 == 0 { (0, &mut off) } else { (1, &mut all) };
            profile::set_period(Duration::from_nanos(period));
            for number in 1..=BLOCK {
                let (round, after) = round(block * BLOCK + number, &before);
                rounds.push(round);
                before = after;
            }
        }
    });
    let held = [&off, &all].map(|rounds| undisturbed(rounds, |round| round.held));
    let release = [&off, &all].map(|rounds| undisturbed(rounds, |round| round.release));
    println!("held, off and all recorded: {held:?} ns; released after {release:?} ns");
    assert!(held[0] >= SECTION.as_nanos() as f64 * 0.9, "the case measures no section: {held:?}");
    assert!(held[1] < 1.25 * held[0], "sections are longer when they are recorded: {held:?} ns");
    // Without optimization the draw of a victim takes as long as some of the section.
    let most = if cfg!(debug_assertions) { 2.0 } else { 1.5 } * release[0];
    assert!(release[1] < most, "recording delays the release: {release:?} ns");
}
