//! The mutex under shuttle.
#![cfg(shuttle)]
use holdup_core::class::ClassId;
use holdup_core::model::{Clock, Run, place};
use holdup_core::raw::RawMutex;
use std::sync::Arc;

#[test]
fn two_threads_get_the_lock_one_after_the_other() {
    shuttle::check_random(
        || {
            let _run = Run::begin(Clock::Mixed);
            let lock = Arc::new(place(RawMutex::with_class(ClassId(1))));
            let other = {
                let lock = lock.clone();
                shuttle::thread::spawn(move || {
                    lock.lock();
                    // SAFETY: locked above.
                    unsafe { lock.unlock() };
                })
            };
            lock.lock();
            // SAFETY: locked above.
            unsafe { lock.unlock() };
            other.join().unwrap();
        },
        10000,
    );
}
