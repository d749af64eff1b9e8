//! Forks while readers-writer locks and condition variables are waited for:
//! parent and child go on. See `src/fork.rs`.
#![cfg(target_os = "linux")]

mod fault_support;

use fault_support::{Thread, alone, assert_conserved, fork, random, wait_until, with};
use holdup_core::class::ClassId;
use holdup_core::raw::{RawCondvar, RawMutex, RawRwLock};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

/// Reads and writes, `rounds` times, with time-outs.
fn mix(lock: &RawRwLock, seed: u64, rounds: u64) {
    let mut state = 0x9e37_79b9 ^ (seed << 32);
    for _ in 0..rounds {
        let dice = random(&mut state);
        let patience = Duration::from_nanos(dice >> 8 & 0xf_ffff);
        // SAFETY: each unlock follows a lock of its kind.
        unsafe {
            match dice % 8 {
                0..3 => {
                    lock.lock_exclusive();
                    lock.unlock_exclusive();
                }
                3 if lock.try_lock_exclusive_for(patience) => lock.unlock_exclusive(),
                4 if lock.try_lock_shared_for(patience) => lock.unlock_shared(),
                5 => {
                    lock.lock_upgradable();
                    lock.upgrade();
                    lock.downgrade();
                    lock.unlock_shared();
                }
                _ => {
                    lock.lock_shared();
                    lock.unlock_shared();
                }
            }
        }
    }
}

/// Threads of the child that contend.
fn contend(lock: &RawRwLock) {
    std::thread::scope(|scope| {
        (1..=3).for_each(|seed| drop(scope.spawn(move || mix(lock, seed, 300))))
    });
    assert_eq!((lock.is_locked(), lock.waiters()), (false, 0));
}

#[test]
fn a_readers_writer_lock_of_the_forking_thread_goes_on_in_child_and_parent() {
    let _alone = alone();
    let class = ClassId::of("fork: rwlock");
    let lock = RawRwLock::with_class(class);
    for round in 0..6 {
        let writes = round % 2 == 0;
        if writes {
            lock.lock_exclusive()
        } else {
            lock.lock_shared()
        }
        // SAFETY: locked above.
        let unlock =
            || unsafe { if writes { lock.unlock_exclusive() } else { lock.unlock_shared() } };
        std::thread::scope(|scope| {
            // A writer first: readers do not pass it.
            for waiter in 0..=round {
                let lock = &lock;
                scope.spawn(move || {
                    // SAFETY: each unlock follows a lock of its kind.
                    unsafe {
                        if waiter % 3 == 0 {
                            lock.lock_exclusive();
                            lock.unlock_exclusive();
                        } else {
                            lock.lock_shared();
                            lock.unlock_shared();
                        }
                    }
                });
                wait_until(|| lock.waiters() == waiter + 1);
            }
            let child = fork(|| {
                assert!(lock.is_locked());
                assert_eq!(lock.waiters(), 0, "they do not exist here");
                unlock();
                assert_conserved(class);
                contend(&lock);
                assert_conserved(class);
            });
            let waiting = lock.waiters();
            unlock();
            assert_eq!(waiting, round + 1, "the parent has all its waiters");
            child.ends_well();
        });
        assert_conserved(class);
    }
}

#[test]
fn a_readers_writer_lock_of_another_thread_stays_held_in_the_child() {
    let _alone = alone();
    let class = ClassId::of("fork: rwlock of another");
    let lock = RawRwLock::with_class(class);
    let (reads, release) = (AtomicBool::new(false), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            lock.lock_upgradable();
            wait_until(|| reads.load(Ordering::Relaxed));
            // Waits for the other reader.
            // SAFETY: locked above, as an upgradable reader.
            unsafe {
                lock.upgrade();
                lock.unlock_exclusive();
            }
        });
        scope.spawn(|| {
            lock.lock_shared();
            reads.store(true, Ordering::Relaxed);
            wait_until(|| release.load(Ordering::Relaxed));
            // SAFETY: locked above.
            unsafe { lock.unlock_shared() };
        });
        wait_until(|| lock.waiters() == 1);
        let child = fork(|| {
            assert!(!lock.try_lock_exclusive_for(Duration::from_millis(5)));
            assert!(lock.try_lock_shared(), "readers hold it, and no writer waits");
            // SAFETY: locked just now.
            unsafe { lock.unlock_shared() };
            assert!(!lock.try_lock_exclusive() && !lock.try_lock_upgradable());
            assert_eq!(lock.waiters(), 0);
        });
        release.store(true, Ordering::Relaxed);
        child.ends_well();
    });
    assert_conserved(class);
}

#[test]
fn forks_at_any_moment_leave_readers_writer_locks_usable() {
    let _alone = alone();
    let class = ClassId::of("fork: rwlock at any moment");
    let lock = RawRwLock::with_class(class);
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for thread in 0..6 {
            let (lock, stop) = (&lock, &stop);
            scope.spawn(move || {
                for round in 0.. {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    mix(lock, round * 8 + thread, 20);
                }
            });
        }
        for round in 0..60 {
            lock.lock_exclusive();
            std::thread::sleep(Duration::from_micros(round * 7 % 300));
            let child = fork(|| {
                // SAFETY: locked above by the thread that forked.
                unsafe { lock.unlock_exclusive() };
                contend(&lock);
            });
            // SAFETY: locked above.
            unsafe { lock.unlock_exclusive() };
            let good = child.status(0) == 0;
            stop.fetch_or(!good, Ordering::Relaxed);
            assert!(good, "the child failed in round {round}");
        }
        stop.store(true, Ordering::Relaxed);
    });
    assert_conserved(class);
}

#[test]
fn a_condvar_with_waiters_is_empty_in_the_child_and_works() {
    let _alone = alone();
    let class = ClassId::of("fork: condvar");
    let lock = RawMutex::with_class(class);
    let condvar = RawCondvar::new();
    let open = AtomicU32::new(0);
    const WAITERS: usize = 5;
    let threads = [const { Thread::new() }; WAITERS];
    std::thread::scope(|scope| {
        for thread in &threads {
            let (lock, condvar, open) = (&lock, &condvar, &open);
            scope.spawn(move || {
                thread.is_this();
                with(lock, || {
                    while open.load(Ordering::Relaxed) == 0 {
                        // SAFETY: locked by `with`.
                        unsafe { condvar.wait(lock) };
                    }
                });
            });
        }
        wait_until(|| condvar.waiters() == WAITERS);
        threads.iter().for_each(Thread::sleeps);
        lock.lock();
        open.store(1, Ordering::Relaxed);
        // Two of them go to the list of the mutex, the second by itself: who comes where
        // others wait is woken.
        assert!(condvar.notify_one() && condvar.notify_one());
        let child = fork(|| {
            assert_eq!((condvar.waiters(), lock.waiters()), (0, 0));
            assert!(!condvar.notify_one());
            // SAFETY: locked above by the thread that forked.
            unsafe { lock.unlock() };
            assert_conserved(class);
            open.store(0, Ordering::Relaxed);
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    with(&lock, || {
                        while open.load(Ordering::Relaxed) == 0 {
                            // SAFETY: locked by `with`.
                            unsafe { condvar.wait(&lock) };
                        }
                    });
                });
                wait_until(|| condvar.waiters() == 1);
                with(&lock, || open.store(1, Ordering::Relaxed));
                assert_eq!(condvar.notify_all(), 1);
            });
            assert_conserved(class);
        });
        wait_until(|| lock.waiters() == 2);
        // SAFETY: locked above.
        unsafe { lock.unlock() };
        assert_eq!(condvar.notify_all(), WAITERS - 2);
        child.ends_well();
    });
    assert_conserved(class);
}
