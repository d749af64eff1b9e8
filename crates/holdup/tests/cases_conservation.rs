//! The conservation law: whatever threads do with a lock, at any quiet moment
//! the sum of blame and handoff is the sum of the waits, to the tick; and
//! that is as long as the threads themselves say they waited.

mod common;

use common::reading::{assert_conserved, sampled, totals};
use common::truth::now;
use common::{alone, random, wait_until, waiters};
use holdup::profile::{self, Kind, Profile};
use holdup::{Mutex, MutexGuard, named_mutex};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

static MIXED: Mutex<u64> = named_mutex!("mixed", 0);

/// What one thread did, or several.
#[derive(Clone, Copy, Default, Debug)]
struct Done {
    /// Acquisitions.
    sections: u64,
    /// Calls that gave up.
    gave_up: u64,
    /// Panics inside the lock.
    panics: u64,
    /// Calls that may wait.
    calls: u64,
    /// The time they took, by the thread's own clock.
    timed: u64,
}

impl Done {
    fn add(&mut self, other: Done) {
        self.sections += other.sections;
        self.gave_up += other.gave_up;
        self.panics += other.panics;
        self.calls += other.calls;
        self.timed += other.timed;
    }
}

/// Acquires the lock in one way or another, or gives up.
fn acquire(dice: u64, done: &mut Done) -> Option<MutexGuard<'static, u64>> {
    let patience = |most: u64| Duration::from_nanos((dice >> 8) % most);
    if dice.is_multiple_of(8) {
        // Does not wait, so its time does not count.
        return MIXED.try_lock();
    }
    let asked = now();
    let guard = match dice % 8 {
        1 => MIXED.try_lock_for(patience(4_000)),
        2 => MIXED.try_lock_for(patience(1_000_000)),
        3 => MIXED.try_lock_until(Instant::now() + patience(100_000)),
        _ => Some(MIXED.lock()),
    };
    done.timed += now() - asked;
    done.calls += 1;
    done.gave_up += u64::from(guard.is_none());
    guard
}

/// Ends a critical section in one way or another.
fn end(dice: u64, mut guard: MutexGuard<'static, u64>, done: &mut Done) {
    match dice >> 56 & 15 {
        0 | 1 => MutexGuard::unlock_fair(guard),
        2 => {
            // Gives the lock up and takes it again: that is a wait.
            let asked = now();
            MutexGuard::bump(&mut guard);
            done.timed += now() - asked;
            done.calls += 1;
        }
        3 => {
            let mut asked = 0;
            MutexGuard::unlocked(&mut guard, || {
                std::thread::yield_now();
                asked = now();
            });
            done.timed += now() - asked;
            done.calls += 1;
        }
        4 => {
            done.panics += 1;
            let panic = catch_unwind(AssertUnwindSafe(|| {
                let _guard = guard;
                // Does not run the hook that prints.
                resume_unwind(Box::new(dice));
            }));
            assert_eq!(*panic.unwrap_err().downcast::<u64>().unwrap(), dice);
        }
        _ => drop(guard),
    }
}

/// Uses the lock `rounds` times.
fn mix(seed: u64, rounds: u64, longest: u64) -> Done {
    let mut done = Done::default();
    let mut state = seed << 32 | 0x5eed;
    let spin = |turns: u64| (0..turns).for_each(|_| std::hint::spin_loop());
    for _ in 0..rounds {
        let dice = random(&mut state);
        if let Some(mut guard) = acquire(dice, &mut done) {
            *guard += 1;
            done.sections += 1;
            if dice >> 32 & 3 == 0 {
                spin((dice >> 34) % longest);
            }
            if dice >> 40 & 63 == 0 {
                std::thread::yield_now();
            }
            end(dice, guard, &mut done);
        }
        if dice >> 50 & 1 == 0 {
            spin((dice >> 52) % longest);
        }
    }
    done
}

/// Many threads at once; what they did and what the profile says of it.
fn load(threads: u64, rounds: u64, longest: u64) -> (Done, Profile) {
    let before = profile::snapshot();
    let value = *MIXED.lock();
    let mut all = Done::default();
    std::thread::scope(|scope| {
        let running: Vec<_> = (1..=threads)
            .map(|seed| scope.spawn(move || mix(seed, rounds / threads, longest)))
            .collect();
        running.into_iter().for_each(|thread| all.add(thread.join().unwrap()));
    });
    assert_eq!((MIXED.is_locked(), waiters(&MIXED)), (false, 0));
    assert_eq!(*MIXED.lock() - value, all.sections, "two were in the critical section");
    (all, profile::snapshot().since(&before))
}

#[test]
fn blame_and_handoff_are_the_waits_to_the_tick() {
    let _alone = alone();
    let periods = [0, 1, 10_000, 100_000].map(Duration::from_nanos);
    for threads in [2, 3, 4, 8, 16, 64] {
        for longest in [1, 100, 2_000] {
            for period in periods {
                profile::set_period(period);
                let (done, profile) = load(threads, 6_000, longest);
                let totals = totals(&profile, "mixed");
                assert_conserved(&profile, "mixed");
                assert!(totals.waits <= done.calls, "{totals:?} {done:?}");
                // Samples have names, and looking these up takes its time.
                if period == Duration::from_nanos(1) && longest == 100 {
                    let [kept, handoff, lost] = [Kind::Blame, Kind::Handoff, Kind::Lost]
                        .map(|kind| sampled(&profile, "mixed", kind));
                    assert_eq!(handoff.1, totals.handoff);
                    assert_eq!(kept.1 + lost.1, totals.blamed);
                    assert_eq!(kept.0 + lost.0, totals.contentions);
                }
            }
        }
    }
}

/// How long a call takes that does not wait, with reading the clock.
fn edge() -> Duration {
    const CALLS: u32 = 10_000;
    let mut done = Done::default();
    let began = Instant::now();
    (0..CALLS).for_each(|_| drop(acquire(7, &mut done)));
    began.elapsed() / CALLS
}

#[test]
fn the_waits_are_as_long_as_the_threads_say() {
    let _alone = alone();
    profile::set_period(Duration::from_micros(100));
    let edge = edge();
    for threads in [2, 8, 64] {
        let (done, profile) = load(threads, 60_000, 2_000);
        let totals = totals(&profile, "mixed");
        let (reported, timed) = (totals.waited + totals.spun, Duration::from_nanos(done.timed));
        println!("{threads} threads: {reported:?} of {timed:?}; {done:?}");
        assert!(done.gave_up > 0 && done.panics > 0 && totals.waits > 0, "{done:?} {totals:?}");
        // Each wait lies within a call that was timed. Two clocks may differ
        // by one part in 10,000.
        assert!(reported <= timed + timed / 10_000, "{reported:?} waited of {timed:?}");
        let edges = edge * 10 * u32::try_from(done.calls).unwrap();
        assert!(
            reported + timed / 20 + edges >= timed,
            "waits are missing: {reported:?} {timed:?}"
        );
    }
}

#[test]
fn waiters_that_give_up_over_and_over_are_charged_to_the_holder() {
    let _alone = alone();
    profile::set_period(Duration::from_nanos(1));
    let before = profile::snapshot();
    let (timed, calls) = (AtomicU64::new(0), AtomicU64::new(0));
    let guard = MIXED.lock();
    let until = Instant::now() + Duration::from_millis(300);
    std::thread::scope(|scope| {
        for patience in [1, 10, 100, 1_000].map(Duration::from_micros) {
            let (timed, calls) = (&timed, &calls);
            scope.spawn(move || {
                while Instant::now() < until {
                    let asked = now();
                    assert!(MIXED.try_lock_for(patience).is_none());
                    timed.fetch_add(now() - asked, Ordering::Relaxed);
                    calls.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!(waiters(&MIXED), 0);
    // All have gone; what they waited is still this holder's.
    drop(guard);
    let profile = profile::snapshot().since(&before);
    let totals = totals(&profile, "mixed");
    let (timed, calls) = (Duration::from_nanos(timed.into_inner()), calls.into_inner());
    println!("{calls} calls, {timed:?}: {totals:?}");
    assert_eq!(totals.handoff, Duration::ZERO, "the lock was held all the time");
    assert_eq!(totals.contentions, 1, "there was one critical section");
    assert_eq!(sampled(&profile, "mixed", Kind::Blame), (1, totals.blamed));
    assert!(totals.waits <= calls && totals.blamed <= timed);
    assert_conserved(&profile, "mixed");
}

#[test]
fn a_lock_nobody_waits_for_is_not_in_the_profile() {
    let _alone = alone();
    static ALONE: Mutex<u64> = named_mutex!("nobody waits", 0);
    profile::set_period(Duration::from_nanos(1));
    for _ in 0..1_000 {
        *ALONE.lock() += 1;
        assert!(ALONE.try_lock_for(Duration::ZERO).is_some());
    }
    let profile = profile::snapshot();
    assert!(profile.samples().iter().all(|sample| sample.lock != "nobody waits"));
    let totals = profile.totals_of("nobody waits").unwrap_or_default();
    assert_eq!((totals.contentions, totals.waits, totals.spins), (0, 0, 0));
    // And one that is asked for while it is held, by one who does not wait.
    let guard = ALONE.lock();
    std::thread::scope(|scope| {
        scope.spawn(|| assert!(ALONE.try_lock().is_none()));
    });
    drop(guard);
    wait_until(|| !ALONE.is_locked());
    assert_eq!(profile::snapshot().since(&profile).totals().waits, 0);
}
