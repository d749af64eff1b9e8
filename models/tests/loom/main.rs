//! The mutex under loom.
#![cfg(loom)]
use holdup_core::class::ClassId;
use holdup_core::model::{Clock, Run, place};
use holdup_core::raw::RawMutex;
use std::sync::Arc;

#[test]
fn two_threads_get_the_lock_one_after_the_other() {
    let mut b = loom::model::Builder::new();
    b.preemption_bound = Some(2);
    b.check(|| {
        let _run = Run::begin(Clock::Slow);
        let lock = Arc::new(place(RawMutex::with_class(ClassId(1))));
        let other = {
            let lock = lock.clone();
            loom::thread::spawn(move || {
                lock.lock();
                // SAFETY: locked above.
                unsafe { lock.unlock() };
            })
        };
        lock.lock();
        // SAFETY: locked above.
        unsafe { lock.unlock() };
        other.join().unwrap();
    });
}
