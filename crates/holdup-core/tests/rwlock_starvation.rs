//! Nobody waits for ever for a readers-writer lock: shown by who passes whom.

use holdup_core::raw::RawRwLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Returns when `condition` holds; how fast it looks decides nothing.
fn wait_until(condition: impl Fn() -> bool) {
    while !condition() {
        std::thread::sleep(Duration::from_micros(50));
    }
}

#[test]
fn no_reader_that_comes_later_enters_while_a_writer_waits_for_readers() {
    for _ in 0..100 {
        let lock = RawRwLock::INIT;
        let released = AtomicBool::new(false);
        lock.lock_shared();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                lock.lock_exclusive();
                // SAFETY: held by this thread.
                unsafe { lock.unlock_exclusive() };
            });
            wait_until(|| lock.waiters() == 1);
            assert!(!lock.try_lock_shared(), "a reader passed");
            assert!(!lock.try_lock_shared_for(Duration::from_micros(10)), "a reader passed");
            for _ in 0..4 {
                scope.spawn(|| {
                    lock.lock_shared();
                    assert!(released.load(Ordering::Relaxed), "a reader passed");
                    // SAFETY: held by this thread.
                    unsafe { lock.unlock_shared() };
                });
            }
            wait_until(|| lock.waiters() == 5);
            // Only who reads already may read again.
            assert!(lock.try_lock_shared_recursive());
            released.store(true, Ordering::Relaxed);
            // SAFETY: held twice by this thread.
            unsafe {
                lock.unlock_shared();
                lock.unlock_shared();
            }
        });
    }
}

#[test]
fn readers_that_wait_are_let_in_together() {
    // Many more than are let in by one call.
    const READERS: usize = 100;
    let lock = RawRwLock::INIT;
    let inside = AtomicU64::new(0);
    lock.lock_exclusive();
    std::thread::scope(|scope| {
        for _ in 0..READERS {
            scope.spawn(|| {
                lock.lock_shared();
                inside.fetch_add(1, Ordering::Relaxed);
                // Nobody leaves before all are in.
                wait_until(|| inside.load(Ordering::Relaxed) == READERS as u64);
                // SAFETY: held by this thread.
                unsafe { lock.unlock_shared() };
            });
        }
        wait_until(|| lock.waiters() == READERS);
        // SAFETY: held by this thread.
        unsafe { lock.unlock_exclusive() };
    });
    assert!(!lock.is_locked());
}

/// Sections of at least so long: then a time bounds a count.
const SECTION: Duration = Duration::from_micros(100);
/// A waiter is handed the lock about 1 ms after it asked, at the end of a
/// section, and at most 1 ms after the last one was: some 30 sections.
const MOST: u64 = 200;

fn spend(length: Duration) {
    let start = Instant::now();
    while start.elapsed() < length {
        std::hint::spin_loop();
    }
}

/// How many sections of two threads that write all the time pass one waiter, from
/// when it is queued until `acquire` returns.
fn passed_by_writers(acquire: impl FnOnce(&RawRwLock) + Send) -> u64 {
    let lock = RawRwLock::INIT;
    let (passed, done) = (AtomicU64::new(0), AtomicBool::new(false));
    lock.lock_exclusive();
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| {
            acquire(&lock);
            let passed = passed.load(Ordering::Relaxed);
            done.store(true, Ordering::Relaxed);
            passed
        });
        wait_until(|| lock.waiters() == 1);
        for _ in 0..2 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    lock.lock_exclusive();
                    passed.fetch_add(1, Ordering::Relaxed);
                    spend(SECTION);
                    // SAFETY: held by this thread.
                    unsafe { lock.unlock_exclusive() };
                }
            });
        }
        wait_until(|| passed.load(Ordering::Relaxed) > 0 || lock.waiters() == 3);
        // SAFETY: held by this thread.
        unsafe { lock.unlock_exclusive() };
        waiter.join().unwrap()
    })
}

#[test]
fn a_stream_of_writers_passes_a_reader_only_so_often() {
    let most = (0..30)
        .map(|_| {
            passed_by_writers(|lock| {
                lock.lock_shared();
                // SAFETY: held by this thread.
                unsafe { lock.unlock_shared() };
            })
        })
        .max();
    println!("at most {most:?} sections");
    assert!(most < Some(MOST), "{most:?}");
}

#[test]
fn a_stream_of_writers_passes_a_writer_only_so_often() {
    let most = (0..30)
        .map(|_| {
            passed_by_writers(|lock| {
                lock.lock_exclusive();
                // SAFETY: held by this thread.
                unsafe { lock.unlock_exclusive() };
            })
        })
        .max();
    println!("at most {most:?} sections");
    assert!(most < Some(MOST), "{most:?}");
}

#[test]
fn a_stream_of_readers_passes_a_writer_only_while_they_do_not_see_it() {
    // Three threads read all the time, so that at least one is always inside.
    let lock = RawRwLock::INIT;
    let done = AtomicBool::new(false);
    let entered = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    lock.lock_shared();
                    entered.fetch_add(1, Ordering::Relaxed);
                    spend(SECTION);
                    // SAFETY: held by this thread.
                    unsafe { lock.unlock_shared() };
                }
            });
        }
        let writer = scope.spawn(|| {
            let mut most = 0;
            for _ in 0..50 {
                // They get on with it before each time.
                let before = entered.load(Ordering::Relaxed);
                wait_until(|| entered.load(Ordering::Relaxed) > before + 10);
                let before = entered.load(Ordering::Relaxed);
                lock.lock_exclusive();
                most = most.max(entered.load(Ordering::Relaxed) - before);
                // SAFETY: held by this thread.
                unsafe { lock.unlock_exclusive() };
            }
            done.store(true, Ordering::Relaxed);
            most
        });
        let most = writer.join().unwrap();
        println!("at most {most} sections");
        // Those inside, and those that came while it had not queued yet: also
        // where it loses its processor just then, far from for ever.
        assert!(most < 10 * MOST, "{most}");
    });
}
