//! The condition variable: who is notified, how many, in which order, and that
//! the books of its mutex balance with it in the mix.

mod condvar_support;

use condvar_support::{Guarded, sums, until};
use holdup_core::class::ClassId;
use holdup_core::raw::{RawCondvar, RawMutex};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Spawns `count` threads that wait once each, and runs `notify` when all do.
/// Each says its number, in the order they came to wait, when it returned.
fn with_waiters(
    count: usize,
    notify: impl FnOnce(&Guarded<Vec<usize>>, &RawCondvar),
) -> Vec<usize> {
    let (returned, condvar) = (Guarded::new(Vec::new()), RawCondvar::INIT);
    std::thread::scope(|scope| {
        for number in 0..count {
            let (returned, condvar) = (&returned, &condvar);
            scope.spawn(move || {
                returned.with(|returned, lock| {
                    // SAFETY: `with` holds the lock.
                    unsafe { condvar.wait(lock) };
                    returned.get().push(number);
                });
            });
            until(|| condvar.waiters() == number + 1);
        }
        notify(&returned, &condvar);
    });
    assert_eq!((condvar.waiters(), condvar.notify_all()), (0, 0));
    assert!(!condvar.notify_one() && !returned.lock.is_locked());
    returned.into_inner()
}

#[test]
fn notify_all_counts_exactly_and_they_return_in_the_order_they_came() {
    for count in [1, 2, 3, 50] {
        // With the mutex held, and without.
        let returned = with_waiters(count, |returned, condvar| {
            returned.with(|_, _| assert_eq!(condvar.notify_all(), count));
        });
        assert!(returned.is_sorted() && returned.len() == count, "{returned:?}");
        let returned = with_waiters(count, |_, condvar| assert_eq!(condvar.notify_all(), count));
        assert!(returned.is_sorted() && returned.len() == count, "{returned:?}");
    }
}

#[test]
fn notify_one_lets_exactly_the_oldest_return() {
    let held = with_waiters(20, |returned, condvar| {
        for done in 1..=20 {
            returned.with(|_, _| assert!(condvar.notify_one()));
            until(|| returned.with(|returned, _| returned.get().len()) == done);
            assert_eq!(condvar.waiters(), 20 - done);
        }
        assert!(!condvar.notify_one());
    });
    assert_eq!(held, Vec::from_iter(0..20));
    let free = with_waiters(20, |returned, condvar| {
        for done in 1..=20 {
            assert!(condvar.notify_one());
            until(|| returned.with(|returned, _| returned.get().len()) == done);
        }
    });
    assert_eq!(free, Vec::from_iter(0..20));
}

#[test]
fn a_wait_that_was_notified_in_time_counts_as_notified_however_late_it_gets_the_lock() {
    let (lock, condvar) = (RawMutex::INIT, RawCondvar::INIT);
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| {
            lock.lock();
            let deadline = Instant::now() + Duration::from_millis(300);
            // SAFETY: locked above.
            let notified = unsafe { condvar.wait_until(&lock, deadline) };
            // SAFETY: locked again.
            unsafe { lock.unlock() };
            (notified, deadline, Instant::now())
        });
        until(|| condvar.waiters() == 1);
        lock.lock();
        let notified = condvar.notify_one();
        std::thread::sleep(Duration::from_millis(400));
        // SAFETY: locked above.
        unsafe { lock.unlock() };
        let (told, deadline, end) = waiter.join().unwrap();
        assert_eq!(told, notified);
        assert!(end > deadline);
    });
}

#[test]
fn a_time_out_does_not_come_early_and_holds_the_lock_again() {
    let (lock, condvar) = (RawMutex::INIT, RawCondvar::INIT);
    for timeout in [0, 1, 1_000, 20_000].map(Duration::from_micros) {
        lock.lock();
        let begin = Instant::now();
        // SAFETY: locked above.
        assert!(!unsafe { condvar.wait_for(&lock, timeout) });
        assert!(begin.elapsed() >= timeout);
        assert!(!lock.try_lock(), "not locked after the wait");
        // SAFETY: locked again.
        unsafe { lock.unlock() };
        assert_eq!(condvar.notify_all(), 0);
    }
}

#[test]
fn a_time_out_longer_than_time_is_none() {
    let returned = Guarded::new(false);
    let condvar = RawCondvar::INIT;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            returned.with(|returned, lock| {
                // SAFETY: `with` holds the lock.
                assert!(unsafe { condvar.wait_for(lock, Duration::MAX) });
                *returned.get() = true;
            });
        });
        until(|| condvar.waiters() == 1);
        assert!(condvar.notify_one());
    });
    assert!(returned.into_inner());
}

#[test]
fn time_outs_from_anywhere_in_the_list_leave_the_others_in_order() {
    // Who came to wait for long, and who returned from that, in this order.
    let (order, condvar) = (Guarded::new((Vec::new(), Vec::new())), RawCondvar::INIT);
    let gave_up = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for number in 0..30 {
            let (order, condvar, gave_up) = (&order, &condvar, &gave_up);
            scope.spawn(move || {
                order.with(|order, lock| {
                    if number % 3 == 1 {
                        order.get().0.push(number);
                        // SAFETY: `with` holds the lock.
                        unsafe { condvar.wait(lock) };
                        order.get().1.push(number);
                    } else {
                        let patience = Duration::from_micros(number * 700);
                        // SAFETY: `with` holds the lock.
                        assert!(!unsafe { condvar.wait_for(lock, patience) });
                        gave_up.fetch_add(1, Ordering::Relaxed);
                    }
                });
            });
        }
        until(|| gave_up.load(Ordering::Relaxed) == 20 && condvar.waiters() == 10);
        assert_eq!(condvar.notify_all(), 10);
    });
    let (came, returned) = order.into_inner();
    assert_eq!((came.len(), &came), (10, &returned));
}

#[test]
fn one_condvar_serves_several_mutexes_at_a_time() {
    let locks = [const { RawMutex::INIT }; 3];
    let condvar = RawCondvar::INIT;
    let returned = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for number in 0..12 {
            let (lock, condvar, returned) = (&locks[number % 3], &condvar, &returned);
            scope.spawn(move || {
                lock.lock();
                // SAFETY: locked above.
                unsafe { condvar.wait(lock) };
                assert!(!lock.try_lock());
                returned.fetch_add(1, Ordering::Relaxed);
                // SAFETY: locked again.
                unsafe { lock.unlock() };
            });
            until(|| condvar.waiters() == number + 1);
        }
        // One of them is held by another, one by the notifier, one by nobody.
        locks[0].lock();
        assert!(condvar.notify_one());
        assert_eq!(condvar.notify_all(), 11);
        until(|| returned.load(Ordering::Relaxed) == 8);
        // The mutex that is held has got its own waiters, and no others.
        assert_eq!((locks[0].waiters(), locks[1].waiters(), locks[2].waiters()), (4, 0, 0));
        // SAFETY: locked above.
        unsafe { locks[0].unlock() };
    });
    assert_eq!(returned.into_inner(), 12);
    assert!(locks.iter().all(|lock| !lock.is_locked() && lock.waiters() == 0));
}

#[test]
fn waiting_for_a_condition_is_not_booked_and_for_the_mutex_after_it_is() {
    let class = ClassId::of("condition waits are no contention");
    let (lock, condvar) = (RawMutex::with_class(class), RawCondvar::INIT);
    let slept = std::thread::scope(|scope| {
        scope.spawn(|| {
            lock.lock();
            // SAFETY: locked above.
            unsafe { condvar.wait(&lock) };
            // SAFETY: locked again.
            unsafe { lock.unlock() };
        });
        until(|| condvar.waiters() == 1 && !lock.is_locked());
        let begin = Instant::now();
        std::thread::sleep(Duration::from_millis(100));
        // Nothing so far: neither a wait nor a contention.
        assert_eq!(sums(class), Default::default());
        lock.lock();
        assert!(condvar.notify_one());
        let notified = Instant::now();
        assert_eq!((condvar.waiters(), lock.waiters()), (0, 1));
        std::thread::sleep(Duration::from_millis(100));
        let held = notified.elapsed();
        // SAFETY: locked above.
        unsafe { lock.unlock() };
        (begin.elapsed(), held)
    });
    let sums = sums(class);
    let (all, held) = (slept.0.as_nanos() as u64, slept.1.as_nanos() as u64);
    assert_eq!((sums.waits, sums.contentions), (1, 1));
    assert_eq!(sums.blamed + sums.handoff, sums.waited);
    // The notifier is charged for the time from the notification to its unlock.
    assert!(sums.blamed >= held, "{sums:?}, held for {held}");
    assert!(sums.blamed < all, "{sums:?}, {all} in all");
}

#[test]
fn a_waiter_that_is_notified_while_the_mutex_is_free_is_no_contention() {
    let class = ClassId::of("notified while the mutex is free");
    let (lock, condvar) = (RawMutex::with_class(class), RawCondvar::INIT);
    let notify: [&dyn Fn() -> usize; 2] =
        [&|| usize::from(condvar.notify_one()), &|| condvar.notify_all()];
    for notify in notify {
        for _ in 0..50 {
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    lock.lock();
                    // SAFETY: locked above.
                    unsafe { condvar.wait(&lock) };
                    // SAFETY: locked again.
                    unsafe { lock.unlock() };
                });
                until(|| condvar.waiters() == 1 && !lock.is_locked());
                assert_eq!(notify(), 1);
            });
        }
    }
    assert_eq!(sums(class), Default::default());
}

/// Sleeps of the calling thread so far.
#[cfg(target_os = "linux")]
fn sleeps() -> usize {
    // SAFETY: all zero is a valid value, and it is written by the call.
    unsafe {
        let mut usage: libc::rusage = core::mem::zeroed();
        assert_eq!(libc::getrusage(libc::RUSAGE_THREAD, &mut usage), 0);
        usage.ru_nvcsw as usize
    }
}

#[test]
#[cfg(target_os = "linux")]
fn notify_all_wakes_no_herd() {
    const WAITERS: usize = 64;
    // How often the waiters slept in all, from the notification to their return.
    let woken_in_vain = |held: bool| {
        let (lock, condvar) = (RawMutex::INIT, RawCondvar::INIT);
        let slept = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..WAITERS {
                scope.spawn(|| {
                    lock.lock();
                    let before = sleeps();
                    // SAFETY: locked above.
                    unsafe { condvar.wait(&lock) };
                    slept.fetch_add(sleeps() - before, Ordering::Relaxed);
                    // Long enough that a herd would be sent back to sleep.
                    std::thread::sleep(Duration::from_micros(200));
                    // SAFETY: locked again.
                    unsafe { lock.unlock() };
                });
            }
            until(|| condvar.waiters() == WAITERS);
            if held {
                lock.lock();
            }
            assert_eq!(condvar.notify_all(), WAITERS);
            if held {
                // A herd would wake now.
                std::thread::sleep(Duration::from_millis(20));
                // SAFETY: locked above.
                unsafe { lock.unlock() };
            }
        });
        slept.into_inner()
    };
    for held in [true, false] {
        // One sleep each is the wait itself. A herd sleeps some WAITERS / 2
        // times each, or at least twice: once more for the mutex.
        let slept = woken_in_vain(held);
        println!("held: {held}: {slept} sleeps of {WAITERS} waiters");
        assert!(slept < WAITERS * 3 / 2, "{slept} sleeps");
    }
}
