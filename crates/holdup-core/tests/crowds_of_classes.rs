//! More classes than the table of sums has slots for. The only test here: it
//! leaves none to others.

mod fault_support;

use fault_support::{wait_until, with};
use holdup_core::class::ClassId;
use holdup_core::raw::RawMutex;
use holdup_core::record::for_each_class;
use std::sync::atomic::{AtomicUsize, Ordering};

#[test]
fn classes_beyond_the_table_are_summed_together() {
    // More than there are slots; each has one wait.
    const CLASSES: u32 = 3_000;
    let sum = || {
        let (mut waits, mut waited, mut accounted) = (0, 0, 0);
        for_each_class(|_, sums| {
            waits += sums.waits;
            waited += sums.waited;
            accounted += sums.blamed + sums.handoff;
        });
        (waits, waited, accounted)
    };
    let locks: Vec<RawMutex> =
        (0..CLASSES).map(|number| RawMutex::with_class(ClassId(0xc1a5_0000 + number))).collect();
    let before = sum();
    let locked = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for lock in &locks {
                lock.lock();
                locked.fetch_add(1, Ordering::Release);
                wait_until(|| lock.waiters() == 1);
                // SAFETY: locked just now.
                unsafe { lock.unlock() };
            }
        });
        for (at, lock) in locks.iter().enumerate() {
            wait_until(|| locked.load(Ordering::Acquire) > at);
            with(lock, || ());
        }
    });
    let after = sum();
    assert_eq!(after.1, after.2, "the books of all classes balance");
    assert!(after.0 - before.0 >= u64::from(CLASSES));
}
