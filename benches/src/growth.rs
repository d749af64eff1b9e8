//! What an unlock costs when many wait.
//!
//! One thread holds the lock until all others sleep in its queue, then lets
//! go; each of them gets the lock once and times its unlock. So the k-th
//! unlock happens with all but k threads still queued.

use crate::load::Edge;
use crate::locks::{Bench, Lock};
use crate::metrics::{DRAIN, UNLOCK, UNLOCK_MEAN, Values};
use crate::stats;
use crate::work::Apart;
use std::fs;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// How much stack each waiter gets: the least that the system allows.
const STACK: usize = 16 * 1024;

/// So many threads queue for one lock.
pub struct Growth {
    /// How many.
    pub waiters: usize,
}

impl Bench for Growth {
    /// Nothing where the system did not let us have so many threads.
    fn run<L: Lock>(&self, _edge: &mut dyn FnMut(Edge)) -> Values {
        self.drain::<L>().unwrap_or_default()
    }
}

impl Growth {
    fn drain<L: Lock>(&self) -> Option<Values> {
        let lock = Box::new(Apart(L::new()));
        let lock = &lock.0;
        let times: Vec<AtomicU64> = (0..self.waiters).map(|_| AtomicU64::new(0)).collect();
        let asking = AtomicUsize::new(0);
        let left = AtomicUsize::new(self.waiters);
        let last = OnceLock::new();
        let over = AtomicBool::new(false);
        let began = std::thread::scope(|scope| {
            let guard = lock.lock();
            let mut threads = Vec::with_capacity(self.waiters);
            for time in &times {
                let (asking, left, last, over) = (&asking, &left, &last, &over);
                let builder = std::thread::Builder::new().stack_size(STACK);
                let thread = builder.spawn_scoped(scope, move || {
                    asking.fetch_add(1, Ordering::Relaxed);
                    let guard = lock.lock();
                    let start = Instant::now();
                    drop(guard);
                    time.store(start.elapsed().as_nanos() as u64, Ordering::Relaxed);
                    if left.fetch_sub(1, Ordering::AcqRel) == 1 {
                        let _ = last.set(Instant::now());
                    }
                    // A thread's end takes longer than an unlock, and locks
                    // the address space: not while others are measured.
                    while !over.load(Ordering::Acquire) {
                        std::thread::park();
                    }
                });
                let Ok(thread) = thread else {
                    over.store(true, Ordering::Release);
                    return None;
                };
                threads.push(thread);
            }
            wait_until_asleep(self.waiters, &asking);
            let began = Instant::now();
            drop(guard);
            while left.load(Ordering::Acquire) > 0 {
                std::thread::sleep(Duration::from_millis(2));
            }
            over.store(true, Ordering::Release);
            for thread in &threads {
                thread.thread().unpark();
            }
            Some(began)
        })?;
        let drained = *last.get()? - began;
        let mut times: Vec<f64> =
            times.iter().map(|time| time.load(Ordering::Relaxed) as f64).collect();
        times.sort_unstable_by(f64::total_cmp);
        // An unlock that was preempted says nothing about the lock.
        let fastest = &times[..(times.len() * 9).div_ceil(10)];
        Some(vec![
            (UNLOCK, stats::median(&times)),
            (UNLOCK_MEAN, fastest.iter().sum::<f64>() / fastest.len() as f64),
            (DRAIN, drained.as_nanos() as f64 / self.waiters as f64),
        ])
    }
}

/// Returns when `waiters` threads have announced that they will ask for the
/// lock, and all threads but this one sleep.
pub fn wait_until_asleep(waiters: usize, asking: &AtomicUsize) {
    while asking.load(Ordering::Relaxed) < waiters || awake() > 1 {
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// How many threads of this process are not asleep.
fn awake() -> usize {
    let Ok(tasks) = fs::read_dir("/proc/self/task") else { return 1 };
    tasks
        .flatten()
        .filter(|task| {
            // "number (name) state ...", and a name may hold anything.
            fs::read_to_string(task.path().join("stat"))
                .is_ok_and(|stat| !stat.rsplit(") ").next().unwrap_or("").starts_with('S'))
        })
        .count()
}
