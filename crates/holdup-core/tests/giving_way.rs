//! More threads than processors, sections of next to nothing: there a thread
//! that was woken waits for a processor far longer than for the lock, and all
//! that time each section would have to account for it.
#![cfg(target_os = "linux")]

mod crowd_support;

use crowd_support::on_two_processors;
use holdup_core::raw::RawMutex;
use holdup_core::record;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

fn contentions() -> u64 {
    let mut sum = 0;
    record::for_each_class(|_, sums| sum += sums.contentions);
    sum
}

/// The share of the sections that end while somebody is queued.
fn contended(threads: usize) -> f64 {
    let lock = RawMutex::INIT;
    let (sections, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    let before = contentions();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    lock.lock();
                    sections.fetch_add(1, Ordering::Relaxed);
                    // SAFETY: locked above.
                    unsafe { lock.unlock() };
                }
            });
        }
        std::thread::sleep(Duration::from_millis(200));
        stop.store(true, Ordering::Relaxed);
    });
    (contentions() - before) as f64 / sections.into_inner() as f64
}

#[test]
fn a_queue_for_a_lock_of_very_short_sections_does_not_last() {
    on_two_processors();
    let shares: Vec<f64> = [4, 8, 32].into_iter().map(contended).collect();
    println!("{shares:.3?}");
    // Without giving way most sections find a queue, with it 1 % or fewer.
    let mean = shares.iter().sum::<f64>() / shares.len() as f64;
    assert!(mean < 0.3, "{shares:.3?}");
}
