use super::sync::{Arc, Condvar, Mutex, TryLockError};
use crate::panics;
use std::thread;
use std::time::{Duration, Instant};

const MOMENT: Duration = Duration::from_millis(10);
const FOREVER: Duration = Duration::from_secs(600);

#[test]
fn a_notified_thread_has_the_lock_and_sees_the_change() {
    static STATE: (Mutex<bool>, Condvar) = (Mutex::new(false), Condvar::new());
    let (mutex, changed) = &STATE;
    let mut ready = mutex.lock().unwrap();
    let thread = thread::spawn(|| {
        // Only while the other waits is the lock free.
        *STATE.0.lock().unwrap() = true;
        STATE.1.notify_one();
    });
    while !*ready {
        ready = changed.wait(ready).unwrap();
    }
    assert!(matches!(mutex.try_lock(), Err(TryLockError::WouldBlock)));
    drop(ready);
    thread.join().unwrap();
}

#[test]
fn notify_all_wakes_all_and_notify_one_one_after_the_other() {
    for all in [true, false] {
        // How many wait, and how many may go.
        let state = Arc::new((Mutex::new((0, 0)), Condvar::new()));
        let threads: Vec<_> = (0..6)
            .map(|_| {
                let state = Arc::clone(&state);
                thread::spawn(move || {
                    let (mutex, changed) = &*state;
                    let mut numbers = mutex.lock().unwrap();
                    numbers.0 += 1;
                    numbers = changed.wait_while(numbers, |numbers| numbers.1 == 0).unwrap();
                    numbers.1 -= 1;
                })
            })
            .collect();
        while state.0.lock().unwrap().0 < 6 {
            thread::yield_now();
        }
        if all {
            state.0.lock().unwrap().1 = 6;
            state.1.notify_all();
        } else {
            for _ in 0..6 {
                state.0.lock().unwrap().1 += 1;
                state.1.notify_one();
            }
        }
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(*state.0.lock().unwrap(), (6, 0));
    }
}

#[test]
fn a_notification_that_nobody_waits_for_is_gone() {
    let (mutex, changed) = (Mutex::new(()), Condvar::default());
    changed.notify_one();
    changed.notify_all();
    let (_guard, result) =
        changed.wait_timeout_while(mutex.lock().unwrap(), MOMENT, |()| true).unwrap();
    assert!(result.timed_out());
}

#[test]
fn a_wait_with_a_timeout_lasts_that_long_and_ends_with_the_lock() {
    let (mutex, changed) = (Mutex::new(1), Condvar::new());
    let start = Instant::now();
    let (guard, result) =
        changed.wait_timeout_while(mutex.lock().unwrap(), MOMENT, |_| true).unwrap();
    assert!(result.timed_out() && start.elapsed() >= MOMENT);
    assert!(mutex.try_lock().is_err());
    let (guard, result) = changed.wait_timeout(guard, Duration::ZERO).unwrap();
    assert!(result.timed_out());
    #[allow(deprecated)]
    let (guard, _woken) = changed.wait_timeout_ms(guard, 0).unwrap();
    assert_eq!(*guard, 1);
    drop(guard);
    assert!(mutex.try_lock().is_ok());
}

#[test]
fn a_condition_that_does_not_hold_is_not_waited_for() {
    let (mutex, changed) = (Mutex::new(3), Condvar::new());
    let guard = changed.wait_while(mutex.lock().unwrap(), |value| *value != 3).unwrap();
    let (guard, result) =
        changed.wait_timeout_while(guard, Duration::ZERO, |value| *value != 3).unwrap();
    assert!(!result.timed_out());
    let (guard, result) = changed
        .wait_timeout_while(guard, FOREVER, |value| {
            *value += 1;
            false
        })
        .unwrap();
    assert!(!result.timed_out() && *guard == 4);
}

#[test]
fn a_condition_that_is_met_when_the_time_is_up_did_not_time_out() {
    let (mutex, changed) = (Mutex::new(0), Condvar::new());
    let (asked, result) = changed
        .wait_timeout_while(mutex.lock().unwrap(), MOMENT, |asked| {
            *asked += 1;
            *asked < 2
        })
        .unwrap();
    assert!(*asked == 2 && !result.timed_out());
}

#[test]
fn a_wait_with_a_timeout_that_is_notified_did_not_time_out() {
    let state = Arc::new((Mutex::new(false), Condvar::new()));
    let guard = state.0.lock().unwrap();
    let thread = thread::spawn({
        let state = Arc::clone(&state);
        move || {
            *state.0.lock().unwrap() = true;
            state.1.notify_all();
        }
    });
    let (guard, result) = state.1.wait_timeout_while(guard, FOREVER, |ready| !*ready).unwrap();
    assert!(*guard && !result.timed_out());
    drop(guard);
    thread.join().unwrap();
}

#[test]
fn the_longest_timeout_there_is_does_not_overflow() {
    let state = Arc::new((Mutex::new(()), Condvar::new()));
    let guard = state.0.lock().unwrap();
    let thread = thread::spawn({
        let state = Arc::clone(&state);
        move || {
            drop(state.0.lock().unwrap());
            state.1.notify_one();
        }
    });
    let (guard, result) = state.1.wait_timeout(guard, Duration::MAX).unwrap();
    assert!(!result.timed_out());
    drop(guard);
    thread.join().unwrap();
}

#[test]
fn a_mutex_that_was_poisoned_meanwhile_comes_back_in_an_error() {
    let state = Arc::new((Mutex::new(false), Condvar::new()));
    let mut guard = state.0.lock().unwrap();
    let thread = thread::spawn({
        let state = Arc::clone(&state);
        move || {
            let mut ready = state.0.lock().unwrap();
            *ready = true;
            state.1.notify_one();
            panic!("with the lock held");
        }
    });
    let mut poisoned = false;
    while !*guard {
        guard = state.1.wait(guard).unwrap_or_else(|error| {
            poisoned = true;
            error.into_inner()
        });
    }
    assert!(poisoned);
    drop(guard);
    assert!(thread.join().is_err());
    let guard = state.0.lock().unwrap_err().into_inner();
    let (guard, result) = state.1.wait_timeout(guard, Duration::ZERO).unwrap_err().into_inner();
    assert!(*guard && result.timed_out());
    let error = state.1.wait_timeout_while(guard, MOMENT, |_| true).unwrap_err();
    let (guard, result) = error.into_inner();
    assert!(result.timed_out());
    // Where nothing is waited for, nothing is looked at.
    assert!(*state.1.wait_while(guard, |_| false).unwrap());
}

#[test]
fn a_condition_that_panics_poisons_the_mutex_it_is_shown() {
    let (mutex, changed) = (Mutex::new(()), Condvar::new());
    assert!(panics(|| changed.wait_while(mutex.lock().unwrap(), |()| panic!("condition"))));
    assert!(mutex.is_poisoned());
}

#[test]
fn two_condvars_may_share_a_mutex() {
    let state = Arc::new((Mutex::new(0), Condvar::new(), Condvar::new()));
    let thread = thread::spawn({
        let state = Arc::clone(&state);
        move || {
            for turn in 0..100 {
                let mut guard =
                    state.1.wait_while(state.0.lock().unwrap(), |now| *now != 2 * turn).unwrap();
                *guard += 1;
                state.2.notify_one();
            }
        }
    });
    for turn in 0..100 {
        let mut guard =
            state.2.wait_while(state.0.lock().unwrap(), |now| *now != 2 * turn + 1).unwrap();
        *guard += 1;
        state.1.notify_one();
    }
    thread.join().unwrap();
    assert_eq!(*state.0.lock().unwrap(), 200);
}
