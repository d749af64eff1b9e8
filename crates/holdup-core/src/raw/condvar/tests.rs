//! What cannot be seen, or brought about, from outside.

use super::*;
use core::sync::atomic::{AtomicBool, AtomicUsize};

#[test]
fn a_thread_without_a_record_is_notified_all_the_same() {
    let (lock, condvar) = (RawMutex::INIT, RawCondvar::INIT);
    let (waits, done) = (AtomicUsize::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                lock.lock();
                // SAFETY: locked above; no record is anybody's.
                assert!(unsafe { condvar.wait_as(None, &lock, None) });
                assert!(done.load(Ordering::Relaxed), "nobody notified it");
                waits.fetch_add(1, Ordering::Relaxed);
                // SAFETY: locked again.
                unsafe { lock.unlock() };
            });
        }
        while condvar.waiters() < 3 {
            std::thread::yield_now();
        }
        lock.lock();
        done.store(true, Ordering::Relaxed);
        assert!(condvar.notify_one());
        assert_eq!(condvar.notify_all(), 2);
        // SAFETY: locked above.
        unsafe { lock.unlock() };
    });
    assert_eq!(waits.into_inner(), 3);
    assert!(!lock.is_locked());
}

#[test]
fn a_token_that_nobody_meant_ends_no_wait() {
    let (lock, condvar, ended) = (RawMutex::INIT, RawCondvar::INIT, AtomicUsize::new(0));
    for timeout in [None, Some(Duration::from_secs(600))] {
        std::thread::scope(|scope| {
            let (sender, receiver) = std::sync::mpsc::channel();
            let (lock, condvar, ended) = (&lock, &condvar, &ended);
            scope.spawn(move || {
                lock.lock();
                sender.send(thread::record().unwrap()).unwrap();
                let deadline = timeout.map(|timeout| Instant::now() + timeout);
                // SAFETY: locked above, the record is this thread's.
                assert!(unsafe { condvar.wait_as(thread::record(), lock, deadline) });
                ended.fetch_add(1, Ordering::Relaxed);
                // SAFETY: locked again.
                unsafe { lock.unlock() };
            });
            let record = receiver.recv().unwrap();
            while condvar.waiters() == 0 {
                std::thread::yield_now();
            }
            let before = ended.load(Ordering::Relaxed);
            for _ in 0..20 {
                record.parker.unpark();
                std::thread::sleep(Duration::from_millis(1));
                assert_eq!((condvar.waiters(), ended.load(Ordering::Relaxed)), (1, before));
            }
            // Nor does one, or many, while it waits for the mutex after that.
            lock.lock();
            assert!(condvar.notify_one());
            for _ in 0..20 {
                record.parker.unpark();
                std::thread::sleep(Duration::from_millis(1));
                assert_eq!((lock.waiters(), ended.load(Ordering::Relaxed)), (1, before));
            }
            // SAFETY: locked above.
            unsafe { lock.unlock() };
        });
    }
    assert_eq!(ended.into_inner(), 2);
}

#[test]
fn a_thread_without_a_record_times_out() {
    let (lock, condvar) = (RawMutex::INIT, RawCondvar::INIT);
    lock.lock();
    let deadline = Instant::now() + Duration::from_millis(2);
    // SAFETY: locked above; no record is anybody's.
    assert!(!unsafe { condvar.wait_as(None, &lock, Some(deadline)) });
    assert!(Instant::now() >= deadline && lock.is_locked());
    assert_eq!((condvar.waiters(), condvar.notify_all()), (0, 0));
}
