//! Once: one run, poisoning, and who is charged for the wait.

use holdup::profile::{self, Kind};
use holdup::{Once, OnceState, named_once};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Barrier, mpsc};
use std::time::Duration;

#[test]
fn of_many_callers_one_runs_and_all_see_what_it_did() {
    for _ in 0..50 {
        let (once, runs, barrier) = (Once::new(), AtomicUsize::new(0), Barrier::new(8));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    barrier.wait();
                    once.call_once(|| {
                        std::thread::yield_now();
                        runs.fetch_add(1, Ordering::Relaxed);
                    });
                    assert_eq!((runs.load(Ordering::Relaxed), once.state()), (1, OnceState::Done));
                });
            }
        });
    }
}

#[test]
fn the_state_follows_the_initializer() {
    let once = Once::default();
    assert_eq!(once.state(), OnceState::New);
    assert_eq!(format!("{once:?}"), "Once { state: New }");
    once.call_once_force(|state| {
        assert_eq!((state, once.state()), (OnceState::New, OnceState::InProgress));
    });
    assert!(once.state().done() && !once.state().poisoned());
    once.call_once_force(|_| panic!("a second run"));
    once.call_once(|| panic!("a second run"));
}

#[test]
fn a_panic_poisons_it_until_a_forced_run_succeeds() {
    let once = Once::new();
    let panics = |act: &dyn Fn()| catch_unwind(AssertUnwindSafe(act)).is_err();
    let fail = || std::panic::resume_unwind(Box::new("failed"));
    assert!(panics(&|| once.call_once(fail)));
    assert!(once.state().poisoned() && !once.state().done());
    // Poisoned: nothing runs, and the caller panics.
    let runs = AtomicUsize::new(0);
    assert!(panics(&|| once.call_once(|| _ = runs.fetch_add(1, Ordering::Relaxed))));
    assert_eq!(runs.load(Ordering::Relaxed), 0);
    // A forced run that fails leaves it poisoned.
    assert!(panics(&|| once.call_once_force(|state| {
        assert!(state.poisoned() && once.state() == OnceState::InProgress);
        fail();
    })));
    assert!(once.state().poisoned());
    once.call_once_force(|state| assert!(state.poisoned()));
    assert!(once.state().done());
    once.call_once(|| panic!("a second run"));
}

#[test]
fn who_waits_for_an_initializer_that_panics_panics_too_or_runs_its_own() {
    let once = Once::new();
    let (started, starts) = mpsc::channel();
    let forced = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let result = catch_unwind(AssertUnwindSafe(|| {
                once.call_once(|| {
                    started.send(()).unwrap();
                    std::thread::sleep(Duration::from_millis(20));
                    std::panic::resume_unwind(Box::new("failed"));
                });
            }));
            assert!(result.is_err());
        });
        starts.recv().unwrap();
        for _ in 0..3 {
            scope.spawn(|| {
                once.call_once_force(|state| {
                    assert!(state.poisoned());
                    forced.fetch_add(1, Ordering::Relaxed);
                });
            });
        }
    });
    assert_eq!((forced.into_inner(), once.state()), (1, OnceState::Done));
}

#[inline(never)]
fn initializes(once: &Once, started: &mpsc::Sender<()>) {
    once.call_once(|| {
        started.send(()).unwrap();
        std::thread::sleep(Duration::from_millis(30));
    });
    std::hint::black_box("no tail call");
}

#[test]
fn the_wait_for_an_initializer_is_charged_to_the_call_that_ran_it() {
    // Whether the others come while it runs cannot be seen from outside, and on a
    // busy machine they may come too late: then once more.
    static ONCES: [Once; 20] = [const { named_once!("once: slow initializer") }; 20];
    profile::set_period(Duration::from_nanos(1));
    let charged = ONCES.iter().any(|once| {
        let before = profile::snapshot();
        let (started, starts) = mpsc::channel();
        std::thread::scope(|scope| {
            scope.spawn(move || initializes(once, &started));
            starts.recv().unwrap();
            for _ in 0..3 {
                scope.spawn(|| once.call_once(|| panic!("a second run")));
            }
        });
        let profile = profile::snapshot().since(&before);
        let totals = profile.totals_of("once: slow initializer").unwrap_or_default();
        assert_eq!(totals.waited, totals.blamed + totals.handoff);
        let delay_of = |which: &dyn Fn(&str) -> bool| -> Duration {
            profile
                .samples()
                .iter()
                .filter(|one| one.lock == "once: slow initializer" && one.kind == Kind::Blame)
                .filter(|one| which(&one.stack[0].function))
                .map(|one| one.delay)
                .sum()
        };
        let all = delay_of(&|_| true);
        let initializer = delay_of(&|name| name == "once::initializes");
        println!("{initializer:?} of {all:?}: {totals:?}");
        initializer * 10 > all * 9
    });
    assert!(charged, "the initializer is not charged");
}
