//! A signal handler that waits for a lock of its own while it interrupts a
//! wait for another, or for a condition: the inner wait must not take the outer one's wake-up.
#![cfg(unix)]

use holdup_core::raw::{RawCondvar, RawMutex};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

static OUTER: RawMutex = RawMutex::INIT;
static CHANGED: RawCondvar = RawCondvar::INIT;
static INNER: RawMutex = RawMutex::INIT;
static HANDLED: AtomicBool = AtomicBool::new(false);

extern "C" fn wait_inside(_: libc::c_int) {
    INNER.lock();
    // SAFETY: locked above.
    unsafe { INNER.unlock() };
    HANDLED.store(true, Ordering::SeqCst);
}

fn until(what: impl Fn() -> bool) {
    let begin = Instant::now();
    while !what() {
        assert!(begin.elapsed() < Duration::from_secs(10), "a wake-up was lost");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_wait_inside_a_wait_leaves_it_its_wake_up() {
    // SAFETY: the handler has the right type; all else is zero.
    unsafe {
        let mut action: libc::sigaction = core::mem::zeroed();
        action.sa_sigaction = wait_inside as extern "C" fn(libc::c_int) as usize;
        assert_eq!(libc::sigaction(libc::SIGUSR1, &action, core::ptr::null_mut()), 0);
    }
    for round in 0..40 {
        // The outer wait is for the mutex itself, or for a condition.
        let condition = round % 2 == 1;
        static DONE: AtomicBool = AtomicBool::new(false);
        DONE.store(false, Ordering::SeqCst);
        HANDLED.store(false, Ordering::SeqCst);
        if !condition {
            OUTER.lock();
        }
        INNER.lock();
        let waiter = std::thread::spawn(move || {
            OUTER.lock();
            if condition {
                // SAFETY: locked above.
                unsafe { CHANGED.wait(&OUTER) };
            }
            // SAFETY: locked above.
            unsafe { OUTER.unlock() };
            DONE.store(true, Ordering::SeqCst);
        });
        until(|| OUTER.waiters() + CHANGED.waiters() == 1);
        // Let it fall asleep.
        std::thread::sleep(Duration::from_millis(5));
        let thread = std::os::unix::thread::JoinHandleExt::as_pthread_t(&waiter);
        // SAFETY: the thread was not joined yet.
        assert_eq!(unsafe { libc::pthread_kill(thread, libc::SIGUSR1) }, 0);
        until(|| INNER.waiters() == 1);
        std::thread::sleep(Duration::from_millis(5));
        if condition {
            assert!(CHANGED.notify_one());
        } else {
            // SAFETY: locked above.
            unsafe { OUTER.unlock() };
        }
        std::thread::sleep(Duration::from_millis(5));
        // SAFETY: as above.
        unsafe { INNER.unlock() };
        until(|| HANDLED.load(Ordering::SeqCst));
        until(|| DONE.load(Ordering::SeqCst));
        waiter.join().unwrap();
    }
}
