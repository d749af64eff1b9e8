//! Many threads on one lock, many locks.

mod fault_support;

use fault_support::{alone, assert_conserved, mix, wait_until, with};
use holdup_core::class::ClassId;
use holdup_core::raw::{RawCondvar, RawMutex, RawRwLock};
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

const CROWD: usize = 2_000;

/// Runs `work` in as many threads at a time, by their numbers.
fn crowd(threads: usize, work: impl Fn(usize) + Sync) {
    let small = || std::thread::Builder::new().stack_size(64 << 10);
    std::thread::scope(|scope| {
        for number in 0..threads {
            let work = &work;
            small().spawn_scoped(scope, move || work(number)).unwrap();
        }
    });
}

#[test]
fn two_thousand_threads_share_one_lock() {
    let _alone = alone();
    let class = ClassId::of("crowd");
    let lock = RawMutex::with_class(class);
    let (inside, sections) = (AtomicBool::new(false), AtomicU64::new(0));
    lock.lock();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            crowd(CROWD, |number| {
                with(&lock, || sections.fetch_add(1, Ordering::Relaxed));
                sections.fetch_add(mix(&lock, &inside, number as u64, 4), Ordering::Relaxed);
            });
        });
        // All of them are queued at a time.
        wait_until(|| lock.waiters() == CROWD);
        // SAFETY: locked above.
        unsafe { lock.unlock() };
    });
    assert_eq!((lock.is_locked(), lock.waiters()), (false, 0));
    let sums = assert_conserved(class);
    assert!(sums.waits >= CROWD as u64 && sections.into_inner() >= CROWD as u64, "{sums:?}");
}

#[test]
fn two_thousand_threads_read_and_write_and_are_notified() {
    let _alone = alone();
    let class = ClassId::of("crowd: shared");
    let (shared, lock) = (RawRwLock::with_class(class), RawMutex::with_class(class));
    let condvar = RawCondvar::new();
    let notified = AtomicUsize::new(0);
    let readers = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            crowd(CROWD, |number| {
                lock.lock();
                // SAFETY: each unlock follows a lock of its kind.
                unsafe {
                    condvar.wait(&lock);
                    lock.unlock();
                    if number % 8 == 0 {
                        shared.lock_exclusive();
                        assert_eq!(readers.load(Ordering::Relaxed), 0);
                        shared.unlock_exclusive();
                    } else {
                        shared.lock_shared();
                        readers.fetch_add(1, Ordering::Relaxed);
                        std::hint::spin_loop();
                        readers.fetch_sub(1, Ordering::Relaxed);
                        shared.unlock_shared();
                    }
                }
            });
        });
        wait_until(|| condvar.waiters() == CROWD);
        notified.store(condvar.notify_all(), Ordering::Relaxed);
    });
    assert_eq!(notified.into_inner(), CROWD);
    assert_eq!((shared.waiters(), lock.waiters(), condvar.waiters()), (0, 0, 0));
    assert_conserved(class);
}

#[test]
fn a_hundred_thousand_locks_are_each_one_of_their_own() {
    let _alone = alone();
    const LOCKS: usize = 100_000;
    let class = ClassId::of("crowd: locks");
    let locks: Vec<RawMutex> = (0..LOCKS).map(|_| RawMutex::with_class(class)).collect();
    let holders: Vec<AtomicUsize> = (0..LOCKS).map(|_| AtomicUsize::new(0)).collect();
    // All walk the same way, hand over hand, so that they are in each other's.
    let start = Barrier::new(4);
    crowd(4, |number| {
        start.wait();
        locks[0].lock();
        for at in 0..LOCKS {
            assert_eq!(holders[at].swap(number + 1, Ordering::Relaxed), 0, "lock {at}");
            if at + 1 < LOCKS {
                locks[at + 1].lock();
            }
            assert_eq!(holders[at].swap(0, Ordering::Relaxed), number + 1, "lock {at}");
            // SAFETY: locked above.
            unsafe { locks[at].unlock() };
        }
    });
    assert!(locks.iter().all(|lock| !lock.is_locked() && lock.waiters() == 0));
    assert_conserved(class);
}
