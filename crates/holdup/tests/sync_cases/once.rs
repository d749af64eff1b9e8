use super::sync::{Arc, Once, mpsc};
use crate::panics;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

fn poisoned() -> Once {
    let once = Once::new();
    assert!(panics(|| once.call_once(|| panic!("initializer"))));
    once
}

#[test]
fn the_first_initializer_runs_and_no_other() {
    static ONCE: Once = Once::new();
    assert!(!ONCE.is_completed());
    let mut runs = 0;
    ONCE.call_once(|| runs += 1);
    assert!(ONCE.is_completed());
    ONCE.call_once(|| runs += 1);
    ONCE.call_once_force(|_| runs += 1);
    assert_eq!(runs, 1);
}

#[test]
fn all_threads_see_what_the_one_that_ran_did() {
    let (once, runs) = (Once::new(), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..4 {
                    thread::yield_now();
                    once.call_once(|| {
                        assert!(!once.is_completed());
                        for _ in 0..20 {
                            thread::yield_now();
                        }
                        runs.store(runs.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
                    });
                    assert_eq!(runs.load(Ordering::Relaxed), 1);
                    assert!(once.is_completed());
                }
            });
        }
    });
}

#[test]
fn a_panic_in_an_initializer_poisons() {
    let once = poisoned();
    assert!(!once.is_completed());
    let mut runs = 0;
    assert!(panics(|| once.call_once(|| runs += 1)));
    assert!(panics(|| once.wait()));
    assert_eq!(runs, 0);
}

#[test]
fn a_forced_initializer_learns_of_the_poison_and_heals() {
    let once = poisoned();
    assert!(panics(|| once.call_once_force(|state| {
        assert!(state.is_poisoned());
        panic!("again");
    })));
    let mut seen = None;
    once.call_once_force(|state| seen = Some(state.is_poisoned()));
    assert_eq!(seen, Some(true));
    assert!(once.is_completed());
    once.call_once(|| unreachable!());
    once.wait();
}

#[test]
fn a_forced_initializer_of_a_new_once_finds_no_poison() {
    let mut seen = None;
    Once::new().call_once_force(|state| seen = Some(state.is_poisoned()));
    assert_eq!(seen, Some(false));
}

#[test]
fn who_came_while_an_initializer_ran_shares_its_fate() {
    for fails in [false, true] {
        let once = Once::new();
        thread::scope(|scope| {
            let (entered, running) = mpsc::channel();
            let (go, wait) = mpsc::channel::<()>();
            let once = &once;
            let first = scope.spawn(move || {
                panics(|| {
                    once.call_once(|| {
                        entered.send(()).unwrap();
                        wait.recv().unwrap();
                        assert!(!fails, "as told");
                    })
                })
            });
            running.recv().unwrap();
            let others: Vec<_> =
                (0..3).map(|_| scope.spawn(move || panics(|| once.call_once(|| ())))).collect();
            let waiting = scope.spawn(move || panics(|| once.wait()));
            go.send(()).unwrap();
            assert_eq!(first.join().unwrap(), fails);
            for other in others {
                assert_eq!(other.join().unwrap(), fails);
            }
            assert_eq!(waiting.join().unwrap(), fails);
        });
    }
}

#[test]
fn waiting_ends_when_somebody_comes_and_initializes() {
    let once = Arc::new(Once::new());
    let value = Arc::new(AtomicUsize::new(0));
    let threads: Vec<_> = (0..4)
        .map(|forced| {
            let (once, value) = (Arc::clone(&once), Arc::clone(&value));
            thread::spawn(move || {
                if forced % 2 == 0 {
                    once.wait()
                } else {
                    once.wait_force()
                }
                value.load(Ordering::Relaxed)
            })
        })
        .collect();
    // So that at least some of them sleep; it holds for those that do not, too.
    thread::sleep(std::time::Duration::from_millis(20));
    once.call_once(|| value.store(5, Ordering::Relaxed));
    for thread in threads {
        assert_eq!(thread.join().unwrap(), 5);
    }
}

#[test]
fn a_forced_wait_outlasts_initializers_that_panic() {
    let once = Arc::new(poisoned());
    let thread = thread::spawn({
        let once = Arc::clone(&once);
        move || {
            once.wait_force();
            assert!(once.is_completed());
        }
    });
    for _ in 0..3 {
        thread::sleep(std::time::Duration::from_millis(5));
        assert!(panics(|| once.call_once_force(|_| panic!("again"))));
        assert!(!thread.is_finished());
    }
    once.call_once_force(|_| ());
    thread.join().unwrap();
}
