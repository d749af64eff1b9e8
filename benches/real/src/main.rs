//! A cache under a load: threads look up keys, a few of them asked for far more often
//! than all others, and enter what they do not find.
//!
//! ```text
//! holdup-real-load moka|quick_cache THREADS MILLISECONDS
//! ```
//!
//! Prints one line: the locks' name, lookups, hits, and lookups a second.

use std::hint::black_box;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How many keys there are, and how many of them have room.
const KEYS: u64 = 100_000;
const ROOM: u64 = 10_000;
/// Lookups between two looks at the clock.
const BATCH: u64 = 256;

/// What the load needs of a cache.
trait Cache: Sync {
    fn get(&self, key: u64) -> Option<u64>;
    fn insert(&self, key: u64, value: u64);
}

impl Cache for moka::sync::Cache<u64, u64> {
    fn get(&self, key: u64) -> Option<u64> {
        moka::sync::Cache::get(self, &key)
    }

    fn insert(&self, key: u64, value: u64) {
        moka::sync::Cache::insert(self, key, value);
    }
}

impl Cache for quick_cache::sync::Cache<u64, u64> {
    fn get(&self, key: u64) -> Option<u64> {
        quick_cache::sync::Cache::get(self, &key)
    }

    fn insert(&self, key: u64, value: u64) {
        quick_cache::sync::Cache::insert(self, key, value);
    }
}

/// The next number of a xorshift64 generator (Marsaglia 2003).
fn random(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

/// A key: the square of a uniform number makes small ones likelier, so that half of
/// all lookups are of a quarter of the keys, and a tenth of a hundredth.
fn key(state: &mut u64) -> u64 {
    let uniform = (random(state) >> 11) as f64 / (1_u64 << 53) as f64;
    (uniform * uniform * KEYS as f64) as u64
}

/// Uses `cache` until `stop`; lookups and hits.
fn look_up(cache: &impl Cache, seed: u64, stop: &AtomicBool) -> (u64, u64) {
    let (mut state, mut lookups, mut hits) = (seed << 32 | 0x5eed, 0, 0);
    while !stop.load(Ordering::Relaxed) {
        for _ in 0..BATCH {
            let key = key(&mut state);
            match cache.get(key) {
                Some(value) => {
                    assert_eq!(value, key * 3, "a value of another key");
                    hits += 1;
                }
                None => cache.insert(key, black_box(key * 3)),
            }
        }
        lookups += BATCH;
    }
    (lookups, hits)
}

/// Lookups, hits and the time.
fn run(cache: &impl Cache, threads: u64, length: Duration) -> (u64, u64, Duration) {
    let stop = AtomicBool::new(false);
    let start = Instant::now();
    let (lookups, hits) = std::thread::scope(|scope| {
        let stop = &stop;
        let threads: Vec<_> = (1..=threads)
            .map(|seed| scope.spawn(move || look_up(cache, seed, stop)))
            .collect();
        // The length of the run, not a way to wait for anything.
        std::thread::sleep(length);
        stop.store(true, Ordering::Relaxed);
        let each = threads.into_iter().map(|thread| thread.join().expect("a thread failed"));
        each.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
    });
    (lookups, hits, start.elapsed())
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [cache, threads, length] = arguments.as_slice() else { return usage() };
    let (Ok(threads @ 1..=1024), Ok(length @ 1..=600_000)) = (threads.parse(), length.parse())
    else {
        return usage();
    };
    let length = Duration::from_millis(length);
    let (lookups, hits, took) = match cache.as_str() {
        "moka" => run(&moka::sync::Cache::<u64, u64>::new(ROOM), threads, length),
        "quick_cache" => {
            run(&quick_cache::sync::Cache::<u64, u64>::new(ROOM as usize), threads, length)
        }
        _ => return usage(),
    };
    let locks = std::any::type_name::<parking_lot::RawMutex>();
    println!("{locks} {lookups} {hits} {:.0}", lookups as f64 / took.as_secs_f64());
    ExitCode::SUCCESS
}

fn usage() -> ExitCode {
    eprintln!("usage: holdup-real-load moka|quick_cache THREADS(1..1024) MILLISECONDS");
    ExitCode::from(2)
}
