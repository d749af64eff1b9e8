//! A cache that many threads ask for the same missing values at once: one
//! computes each, the others wait for it. Then values come and go at random.

use moka::sync::Cache;
use patch_loads::held_up;
use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

const THREADS: u64 = 8;
const KEYS: u64 = 20;

/// A value that takes a while to compute.
fn slow_square(key: u64) -> u64 {
    thread::sleep(Duration::from_millis(2));
    key * key
}

fn main() {
    held_up("moka::", || {
        let cache: Cache<u64, u64> =
            Cache::builder().max_capacity(KEYS / 2).time_to_live(Duration::from_millis(20)).build();
        let (computed, start) = (AtomicU64::new(0), Barrier::new(THREADS as usize));
        thread::scope(|scope| {
            for thread in 0..THREADS {
                let (cache, computed, start) = (&cache, &computed, &start);
                scope.spawn(move || {
                    for key in 0..KEYS {
                        start.wait();
                        let value = cache.get_with(key, || {
                            computed.fetch_add(1, Ordering::Relaxed);
                            slow_square(key)
                        });
                        assert_eq!(value, key * key);
                        cache.insert(KEYS + thread, value);
                        cache.invalidate(&(KEYS + (thread + 1) % THREADS));
                    }
                });
            }
        });
        cache.run_pending_tasks();
        assert!(cache.entry_count() <= KEYS / 2, "the capacity holds");
        // Each at least once; and far from once for each thread.
        let computed = computed.load(Ordering::Relaxed);
        assert!((KEYS..KEYS * THREADS / 2).contains(&computed), "computed {computed} times");
    });
}
