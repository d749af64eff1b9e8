//! Threads that all want one lock.

use crate::locks::{Bench, Lock};
use crate::stats::{self, Histogram};
use crate::usage::Usage;
use crate::work::{Apart, Work};
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A load: what each thread does until it is told to stop.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// How many threads.
    pub threads: usize,
    /// Work under the lock.
    pub inside: Work,
    /// Work between two acquisitions.
    pub outside: Work,
    /// How long is measured.
    pub window: Duration,
}

/// Counts acquisitions. No thread reads a clock.
pub struct Throughput(pub Load);

/// What [`Throughput`] measured in the window.
pub struct Counted {
    /// Acquisitions per second, of all threads.
    pub per_second: f64,
    /// Jain's index of the threads' acquisitions.
    pub fairness: f64,
    /// Nanoseconds of processor time for each acquisition.
    pub cpu: f64,
    /// Voluntary context switches for each 1,000 acquisitions.
    pub switches: f64,
}

impl Bench for Throughput {
    type Outcome = Counted;

    fn run<L: Lock>(&self) -> Counted {
        let load = self.0;
        let lock = Box::new(Apart(L::new()));
        let lock = &lock.0;
        count(load, || section(lock, load.inside))
    }
}

/// Runs `section` again and again in the threads of `load` and counts.
pub fn count(load: Load, section: impl Fn() + Sync) -> Counted {
    let counts: Vec<Apart<AtomicU64>> = (0..load.threads).map(|_| Apart::default()).collect();
    let stop = Apart(AtomicBool::new(false));
    let start = Barrier::new(load.threads + 1);
    std::thread::scope(|scope| {
        for count in &counts {
            let (stop, start, section) = (&stop.0, &start, &section);
            scope.spawn(move || {
                start.wait();
                let mut done = 0;
                while !stop.load(Ordering::Relaxed) {
                    section();
                    done += 1;
                    count.0.store(done, Ordering::Relaxed);
                    if !load.outside.is_none() {
                        load.outside.run();
                    }
                }
            });
        }
        start.wait();
        // The start is not part of the window.
        std::thread::sleep(load.window / 8);
        let before = Moment::now(&counts);
        std::thread::sleep(load.window);
        let after = Moment::now(&counts);
        stop.0.store(true, Ordering::Relaxed);
        after.since(&before)
    })
}

#[inline(always)]
fn section<L: Lock>(lock: &L, inside: Work) {
    let mut guard = lock.lock();
    *guard += 1;
    if !inside.is_none() {
        inside.run();
    }
}

struct Moment {
    time: Instant,
    counts: Vec<u64>,
    usage: Usage,
}

impl Moment {
    fn now(counts: &[Apart<AtomicU64>]) -> Moment {
        Moment {
            time: Instant::now(),
            counts: counts.iter().map(|count| count.0.load(Ordering::Relaxed)).collect(),
            usage: Usage::now(),
        }
    }

    fn since(&self, earlier: &Moment) -> Counted {
        let shares: Vec<u64> =
            self.counts.iter().zip(&earlier.counts).map(|(now, before)| now - before).collect();
        let all = shares.iter().sum::<u64>() as f64;
        let usage = self.usage.since(earlier.usage);
        Counted {
            per_second: all / (self.time - earlier.time).as_secs_f64(),
            fairness: stats::fairness(&shares),
            cpu: usage.cpu as f64 / all,
            switches: usage.voluntary as f64 * 1_000.0 / all,
        }
    }
}

/// Each thread times its own calls of `lock`.
pub struct Waits(pub Load);

/// What [`Waits`] measured, in nanoseconds.
pub struct Waited {
    /// The longest call.
    pub longest: f64,
    /// Quantiles of all calls: one half, 99 %, 99.9 %.
    pub quantiles: [f64; 3],
}

impl Bench for Waits {
    type Outcome = Waited;

    fn run<L: Lock>(&self) -> Waited {
        let load = self.0;
        let lock = Box::new(Apart(L::new()));
        let lock = &lock.0;
        let stop = Apart(AtomicBool::new(false));
        let start = Barrier::new(load.threads + 1);
        let mut all = Histogram::new();
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..load.threads)
                .map(|_| {
                    let (stop, start) = (&stop.0, &start);
                    scope.spawn(move || {
                        let mut waits = Histogram::new();
                        start.wait();
                        while !stop.load(Ordering::Relaxed) {
                            timed_section(lock, load.inside, &mut waits);
                            if !load.outside.is_none() {
                                load.outside.run();
                            }
                        }
                        waits
                    })
                })
                .collect();
            start.wait();
            std::thread::sleep(load.window);
            stop.0.store(true, Ordering::Relaxed);
            for thread in threads {
                all.merge(&thread.join().expect("a thread of the load panicked"));
            }
        });
        Waited {
            longest: all.longest() as f64,
            quantiles: [0.5, 0.99, 0.999].map(|q| all.quantile(q) as f64),
        }
    }
}

#[inline(always)]
fn timed_section<L: Lock>(lock: &L, inside: Work, waits: &mut Histogram) {
    let asked = Instant::now();
    let mut guard = lock.lock();
    let waited = asked.elapsed();
    *guard += 1;
    if !inside.is_none() {
        inside.run();
    }
    drop(guard);
    waits.add(waited.as_nanos() as u64);
}
