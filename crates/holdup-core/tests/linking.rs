//! Nothing walks the list: the steps of linking, counted. Only in a build
//! with `--cfg holdup_count_steps`; `./test` makes one.
#![cfg(holdup_count_steps)]

use holdup_core::raw::{RawCondvar, RawMutex, linking_work};

/// Queues `waiters` threads behind one holder, lets them all through, and
/// returns steps and uses of the list meanwhile.
fn work_for(waiters: usize) -> (u64, u64) {
    let lock = RawMutex::INIT;
    lock.lock();
    let before = linking_work();
    std::thread::scope(|scope| {
        for _ in 0..waiters {
            std::thread::Builder::new()
                .stack_size(32 << 10)
                .spawn_scoped(scope, || {
                    lock.lock();
                    // SAFETY: locked above.
                    unsafe { lock.unlock() };
                })
                .unwrap();
        }
        // Not with `waiters()`, which links what it finds.
        while (linking_work().pushes - before.pushes) < waiters as u64 {
            std::thread::yield_now();
        }
        // SAFETY: locked above.
        unsafe { lock.unlock() };
    });
    let after = linking_work();
    (after.steps - before.steps, after.uses - before.uses)
}

#[test]
fn linking_takes_at_most_two_steps_for_each_use_whatever_the_number_of_waiters() {
    for waiters in [2, 10, 100, 1_000, 10_000] {
        let (steps, calls) = work_for(waiters);
        println!("{waiters} waiters: {steps} steps in {calls} uses of the list");
        assert!(calls as usize >= waiters, "each waiter uses the list at least once");
        assert!(steps <= 2 * calls, "{waiters} waiters: {steps} steps, {calls} uses");
        // Each pushed node is visited once, so never more than were pushed.
        assert!(steps as usize <= waiters, "{waiters} waiters: {steps} steps");
    }
}

#[test]
fn a_notified_waiter_is_visited_once_on_each_of_its_two_lists_whatever_their_number() {
    for waiters in [2, 100, 3_000] {
        let (lock, condvar) = (RawMutex::INIT, RawCondvar::INIT);
        let before = linking_work();
        let pushes = || (linking_work().pushes - before.pushes) as usize;
        std::thread::scope(|scope| {
            for _ in 0..waiters {
                std::thread::Builder::new()
                    .stack_size(32 << 10)
                    .spawn_scoped(scope, || {
                        lock.lock();
                        // SAFETY: locked above.
                        unsafe { condvar.wait(&lock) };
                        // SAFETY: locked again.
                        unsafe { lock.unlock() };
                    })
                    .unwrap();
            }
            let mut waiting = 0;
            while waiting < waiters {
                std::thread::yield_now();
                waiting = condvar.waiters();
            }
            let entered = pushes();
            lock.lock();
            assert_eq!(condvar.notify_all(), waiters);
            // All of them moved, by one push each.
            assert_eq!(pushes() - entered, waiters);
            // SAFETY: locked above.
            unsafe { lock.unlock() };
        });
        let steps = (linking_work().steps - before.steps) as usize;
        println!("{waiters} waiters: {steps} steps, {} pushes", pushes());
        assert!(steps <= pushes(), "{waiters} waiters: {steps} steps, {} pushes", pushes());
    }
}
