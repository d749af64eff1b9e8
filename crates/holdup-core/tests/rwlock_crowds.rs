//! A readers-writer lock of many more threads than processors, with sections of next
//! to nothing. Who is let in while it sleeps keeps the lock closed to writers until it
//! runs; then all others find it closed when their turn comes, and sleep too.
#![cfg(target_os = "linux")]

mod crowd_support;

use crowd_support::on_two_processors;
use holdup_core::raw::RawRwLock;
use holdup_core::record;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

fn waits() -> u64 {
    let mut sum = 0;
    record::for_each_class(|_, sums| sum += sums.waits);
    sum
}

/// The sections of 64 threads, `writes` of a thousand writes, and how many of them begin
/// with a wait in the queue, once all threads have begun.
fn queued(writes: u64) -> (u64, u64) {
    let lock = RawRwLock::INIT;
    let stop = AtomicBool::new(false);
    let counts = [const { AtomicU64::new(0) }; 64];
    let sections = || counts.iter().map(|count| count.load(Ordering::Relaxed)).sum::<u64>();
    std::thread::scope(|scope| {
        for (seed, count) in (1..).zip(&counts) {
            let (lock, stop) = (&lock, &stop);
            scope.spawn(move || {
                let mut dice = u64::wrapping_mul(seed, 0x9e37_79b9_7f4a_7c15) | 1;
                while !stop.load(Ordering::Relaxed) {
                    // xorshift64: Marsaglia 2003.
                    dice ^= dice << 13;
                    dice ^= dice >> 7;
                    dice ^= dice << 17;
                    if (dice >> 20) % 1_000 < writes {
                        lock.lock_exclusive();
                        // SAFETY: locked above.
                        unsafe { lock.unlock_exclusive() };
                    } else {
                        lock.lock_shared();
                        // SAFETY: locked above.
                        unsafe { lock.unlock_shared() };
                    }
                    count.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        while counts.iter().any(|count| count.load(Ordering::Relaxed) == 0) {
            std::thread::sleep(Duration::from_millis(1));
        }
        let before = (waits(), sections());
        std::thread::sleep(Duration::from_millis(150));
        let after = (waits(), sections());
        stop.store(true, Ordering::Relaxed);
        (after.0 - before.0, after.1 - before.1)
    })
}

#[test]
fn where_sections_are_short_readers_do_not_queue_for_those_that_sleep() {
    on_two_processors();
    let windows: Vec<_> = [50, 50, 50, 20, 20, 20].into_iter().map(queued).collect();
    println!("{windows:?}");
    // Of all windows together: what was disturbed has few sections.
    let (waits, sections) = windows.iter().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    // Three of four, if all readers in front are let in at once; else 1 % or fewer.
    assert!(waits * 10 < sections, "{windows:?}");
}
