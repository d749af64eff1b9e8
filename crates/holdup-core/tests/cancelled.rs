//! A thread that is cancelled (`pthread_cancel`) gets its lock all the same: a
//! wait that ended halfway would leave a dead node on the list.
#![cfg(target_os = "linux")]

use core::ffi::c_void;
use holdup_core::raw::{RawCondvar, RawMutex};
use std::time::Duration;

static LOCK: RawMutex = RawMutex::INIT;
static CHANGED: RawCondvar = RawCondvar::INIT;

extern "C" fn wait(done: *mut c_void) -> *mut c_void {
    // SAFETY: the thread cancels itself.
    unsafe { libc::pthread_cancel(libc::pthread_self()) };
    LOCK.lock();
    // Nor is a wait for a condition.
    // SAFETY: locked above.
    unsafe { CHANGED.wait(&LOCK) };
    // SAFETY: locked again.
    unsafe { LOCK.unlock() };
    done
}

// The only test here: the clock must not have been read before.
#[test]
fn waiting_is_no_cancellation_point() {
    LOCK.lock();
    let (mut thread, mut result, mut done) = (0, core::ptr::null_mut(), 0_u8);
    let done = core::ptr::from_mut(&mut done).cast();
    // SAFETY: all pointers are live, the thread is joined, LOCK locked above.
    unsafe {
        assert_eq!(libc::pthread_create(&mut thread, core::ptr::null(), wait, done), 0);
        std::thread::sleep(Duration::from_millis(50));
        LOCK.unlock();
        while CHANGED.waiters() == 0 {
            std::thread::yield_now();
        }
        std::thread::sleep(Duration::from_millis(50));
        assert!(CHANGED.notify_one());
        assert_eq!(libc::pthread_join(thread, &mut result), 0);
    }
    assert_eq!(result, done);
    assert!(!LOCK.is_locked());
}
