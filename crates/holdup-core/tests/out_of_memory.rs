//! No memory when locks and the recorder first want it: for the records of more
//! threads than have one by birth, and for the table of stacks.
#![cfg(target_os = "linux")]

mod fault_support;

use fault_support::{assert_conserved, rows, with};
use holdup_core::class::ClassId;
use holdup_core::raw::{RawCondvar, RawMutex, RawRwLock};
use holdup_core::record::{Kind, set_period};
use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// More than there are static records.
const THREADS: usize = 100;

/// Lets the process map what it has and no more; the limit before.
fn limit_memory(to: Option<libc::rlim_t>) -> libc::rlim_t {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is valid for reads and writes.
    unsafe {
        assert_eq!(libc::getrlimit(libc::RLIMIT_AS, &mut limit), 0);
        let before = limit.rlim_cur;
        limit.rlim_cur = to.unwrap_or(0);
        assert_eq!(libc::setrlimit(libc::RLIMIT_AS, &limit), 0);
        before
    }
}

// The only test here: it must be the first use of everything.
#[test]
fn locks_work_without_memory_and_the_profile_says_what_it_lost() {
    set_period(1);
    let class = ClassId::of("no memory");
    let (lock, shared) = (RawMutex::with_class(class), RawRwLock::with_class(class));
    let (mutex, condvar) = (RawMutex::with_class(class), RawCondvar::new());
    let ready = Barrier::new(THREADS + 1);
    let (sections, ended) = (AtomicU64::new(0), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                // Has its stack, and knows how to wait here, before memory ends.
                ready.wait();
                ready.wait();
                for _ in 0..20 {
                    with(&lock, || {
                        let before = sections.load(Ordering::Relaxed);
                        std::thread::yield_now();
                        sections.store(before + 1, Ordering::Relaxed);
                    });
                    // SAFETY: each unlock follows a lock of its kind.
                    unsafe {
                        if lock.try_lock_for(Duration::from_micros(20)) {
                            lock.unlock();
                        }
                        shared.lock_shared();
                        shared.unlock_shared();
                        shared.lock_exclusive();
                        shared.unlock_exclusive();
                        mutex.lock();
                        condvar.wait_for(&mutex, Duration::from_micros(20));
                        mutex.unlock();
                    }
                }
                ended.fetch_add(1, Ordering::Relaxed);
                ready.wait();
            });
        }
        ready.wait();
        let before = limit_memory(None);
        ready.wait();
        // All are through before there is memory again; no assertion until then.
        ready.wait();
        limit_memory(Some(before));
    });
    assert_eq!(sections.into_inner(), THREADS as u64 * 20, "two in one critical section");
    assert_eq!(ended.into_inner(), THREADS as u64);
    assert_eq!((lock.waiters(), shared.waiters(), condvar.waiters()), (0, 0, 0));
    let sums = assert_conserved(class);
    println!("{sums:?}");
    assert!(sums.contentions > 0 && sums.spins > 0, "{sums:?}");
    // There was no memory for the table of stacks.
    assert_eq!(rows(class, Kind::Blame), (0, 0));
    assert_eq!(rows(class, Kind::Lost), (sums.contentions, sums.blamed));
    // There is now.
    lock.lock();
    std::thread::scope(|scope| {
        scope.spawn(|| with(&lock, || ()));
        fault_support::wait_until(|| lock.waiters() == 1);
        // SAFETY: locked above.
        unsafe { lock.unlock() };
    });
    assert_eq!(rows(class, Kind::Blame).0, 1);
}
