//! Guards in the hands of code that fails: panics inside the critical section, in
//! the drops of a thread that unwinds, and guards that are never dropped.

mod common;

use common::reading::{assert_conserved, sampled, totals};
use common::{alone, wait_until, waiters};
use holdup::profile::{self, Kind};
use holdup::{Mutex, named_mutex};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;

/// Panics without the hook that prints.
fn panic_quietly() -> ! {
    resume_unwind(Box::new("on purpose"))
}

#[test]
fn a_panic_in_the_critical_section_releases_it_and_is_charged() {
    let _alone = alone();
    static LOCK: Mutex<u64> = named_mutex!("panic inside", 0);
    profile::set_period(Duration::from_nanos(1));
    let before = profile::snapshot();
    const WAITERS: usize = 4;
    std::thread::scope(|scope| {
        let panicking = scope.spawn(|| {
            let mut guard = LOCK.lock();
            *guard += 1;
            wait_until(|| waiters(&LOCK) == WAITERS);
            panic_quietly();
        });
        wait_until(|| LOCK.is_locked());
        for _ in 0..WAITERS {
            scope.spawn(|| *LOCK.lock() += 1);
        }
        assert!(panicking.join().is_err());
    });
    assert_eq!(*LOCK.lock(), WAITERS as u64 + 1, "the lock is not poisoned");
    let profile = profile::snapshot().since(&before);
    assert_conserved(&profile, "panic inside");
    let totals = totals(&profile, "panic inside");
    assert!(totals.blamed > Duration::ZERO);
    assert_eq!(sampled(&profile, "panic inside", Kind::Blame).1, totals.blamed);
}

/// Waits for a lock when it is dropped.
struct WaitsInDrop<'a>(&'a Mutex<u64>);

impl Drop for WaitsInDrop<'_> {
    fn drop(&mut self) {
        *self.0.lock() += 1;
    }
}

#[test]
fn a_thread_that_unwinds_may_wait_for_a_lock_in_a_drop() {
    let _alone = alone();
    static LOCK: Mutex<u64> = named_mutex!("waits in drop", 0);
    let before = profile::snapshot();
    const WAITERS: usize = 4;
    let guard = LOCK.lock();
    std::thread::scope(|scope| {
        let unwinding: Vec<_> = (0..WAITERS)
            .map(|_| {
                scope.spawn(|| {
                    let _waits = WaitsInDrop(&LOCK);
                    panic_quietly();
                })
            })
            .collect();
        wait_until(|| waiters(&LOCK) == WAITERS);
        drop(guard);
        assert!(unwinding.into_iter().all(|thread| thread.join().is_err()));
    });
    assert_eq!(*LOCK.lock(), WAITERS as u64);
    let profile = profile::snapshot().since(&before);
    assert_conserved(&profile, "waits in drop");
    assert!(totals(&profile, "waits in drop").waits >= WAITERS as u64);
}

/// Panics when it is dropped.
struct PanicsInDrop;

impl Drop for PanicsInDrop {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            panic_quietly();
        }
    }
}

#[test]
fn a_drop_that_panics_inside_the_lock_releases_it() {
    let _alone = alone();
    static LOCK: Mutex<u64> = named_mutex!("panics in drop", 0);
    let before = profile::snapshot();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..200 {
                    let panic = catch_unwind(AssertUnwindSafe(|| {
                        let mut guard = LOCK.lock();
                        *guard += 1;
                        drop(PanicsInDrop);
                    }));
                    assert!(panic.is_err());
                }
            });
        }
    });
    assert_eq!((*LOCK.lock(), waiters(&LOCK)), (800, 0));
    assert_conserved(&profile::snapshot().since(&before), "panics in drop");
}

#[test]
fn a_guard_that_is_forgotten_keeps_the_lock_and_the_books() {
    let _alone = alone();
    static LOCK: Mutex<u64> = named_mutex!("forgotten", 0);
    profile::set_period(Duration::from_nanos(1));
    let before = profile::snapshot();
    // Its holder is even gone.
    std::thread::scope(|scope| {
        scope.spawn(|| std::mem::forget(LOCK.lock()));
    });
    assert!(LOCK.try_lock().is_none());
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for _ in 0..5 {
                    assert!(LOCK.try_lock_for(Duration::from_millis(2)).is_none());
                }
            });
        }
    });
    assert_eq!((LOCK.is_locked(), waiters(&LOCK)), (true, 0));
    // SAFETY: locked above, and its guard was forgotten. `holdup::RawMutex` is a
    // `repr(transparent)` wrapper of the core's.
    unsafe {
        let raw: *const holdup::RawMutex = LOCK.raw();
        (*raw.cast::<holdup_core::raw::RawMutex>()).unlock();
    }
    *LOCK.lock() += 1;
    let profile = profile::snapshot().since(&before);
    assert_conserved(&profile, "forgotten");
    let totals = totals(&profile, "forgotten");
    assert_eq!((totals.waits, totals.contentions), (15, 1), "{totals:?}");
    // All of it is the blame of who unlocked at last.
    assert_eq!(sampled(&profile, "forgotten", Kind::Blame), (1, totals.waited));
}
