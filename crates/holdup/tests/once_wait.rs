//! Waiting for a `Once` without running anything oneself.

use holdup::{Once, OnceState, named_once};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

fn fail() {
    resume_unwind(Box::new("failed"));
}

#[test]
fn who_waits_before_anybody_began_returns_when_it_is_done_and_sees_what_was_written() {
    for _ in 0..200 {
        let (once, value) = (Once::new(), AtomicUsize::new(0));
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    once.wait();
                    assert_eq!(value.load(Ordering::Relaxed), 7);
                });
                scope.spawn(|| {
                    once.wait_force();
                    assert_eq!(value.load(Ordering::Relaxed), 7);
                });
            }
            once.call_once(|| value.store(7, Ordering::Relaxed));
        });
        assert!(once.is_completed());
        once.wait();
        once.wait_force();
    }
}

#[test]
fn a_panic_ends_a_wait_by_a_panic_but_not_a_forced_one() {
    for _ in 0..50 {
        let once = Once::new();
        let waiting = AtomicUsize::new(0);
        thread::scope(|scope| {
            let plain = scope.spawn(|| {
                waiting.fetch_add(1, Ordering::Relaxed);
                catch_unwind(AssertUnwindSafe(|| once.wait())).is_err()
            });
            let forced = scope.spawn(|| {
                waiting.fetch_add(1, Ordering::Relaxed);
                once.wait_force();
                once.state()
            });
            // They wait already, or come when it is poisoned: the same to both.
            while waiting.load(Ordering::Relaxed) < 2 {
                thread::yield_now();
            }
            assert!(catch_unwind(AssertUnwindSafe(|| once.call_once(fail))).is_err());
            assert!(plain.join().unwrap(), "the wait panicked");
            assert!(!once.is_completed() && !forced.is_finished(), "nobody has run to the end");
            once.call_once_force(|state| assert!(state.is_poisoned()));
            assert_eq!(forced.join().unwrap(), OnceState::Done);
        });
    }
}

#[test]
fn waiting_for_a_running_initializer_is_charged_to_it_and_before_it_began_to_nobody() {
    static ONCE: Once = named_once!("waited for");
    let (started, is_running) = mpsc::channel();
    thread::scope(|scope| {
        let early = scope.spawn(|| ONCE.wait());
        scope.spawn(|| {
            ONCE.call_once(|| {
                started.send(()).unwrap();
                // The critical section whose length is looked at below.
                thread::sleep(std::time::Duration::from_millis(100));
            });
        });
        is_running.recv().unwrap();
        ONCE.wait();
        early.join().unwrap();
    });
    let totals = holdup::profile::snapshot().totals_of("waited for").unwrap();
    assert!(totals.waits >= 1, "{totals:?}");
    assert!(totals.blamed > totals.handoff, "{totals:?}");
    assert_eq!(totals.waited, totals.blamed + totals.handoff);
}

#[test]
fn one_that_is_made_completed_runs_nothing() {
    static ONCE: Once = Once::new_completed();
    assert_eq!(ONCE.state(), OnceState::Done);
    ONCE.wait();
    ONCE.call_once(|| unreachable!());
    ONCE.call_once_force(|_| unreachable!());
}
