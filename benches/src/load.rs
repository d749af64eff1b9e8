//! Loads: what threads do that all want one lock, or a few of many.

use crate::work::{Apart, Work};
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// What makes the threads differ, or the locks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shape {
    /// All do the same with one lock.
    Same,
    /// One more thread holds the lock for 1 ms, again and again, without a
    /// pause. Its sections are not counted, nor its waits.
    Hog,
    /// Each thread takes the lock [`BURST`] times, then sleeps until the next
    /// multiple of [`PAUSE`].
    Bursts,
    /// [`LOCKS`] locks, of which each second section takes one of the first
    /// [`HOT`], and the others any.
    Many,
}

/// Sections of a burst.
pub const BURST: u64 = 64;
/// From the begin of a burst to that of the next.
pub const PAUSE: Duration = Duration::from_millis(5);
/// The locks of [`Shape::Many`].
pub const LOCKS: usize = 1_024;
/// How many of them are contended.
pub const HOT: u64 = 4;
/// A section of the hog.
pub const HOGGED: Duration = Duration::from_millis(1);

impl Shape {
    /// All of them.
    pub const ALL: [Shape; 4] = [Shape::Same, Shape::Hog, Shape::Bursts, Shape::Many];

    /// The name, in cells and between processes.
    pub fn name(self) -> &'static str {
        match self {
            Shape::Same => "same",
            Shape::Hog => "hog",
            Shape::Bursts => "bursts",
            Shape::Many => "many",
        }
    }

    /// How many locks there are.
    pub fn locks(self) -> usize {
        if self == Shape::Many { LOCKS } else { 1 }
    }
}

/// What each thread does until it is told to stop.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// What makes the threads differ.
    pub shape: Shape,
    /// How many threads, without the hog.
    pub threads: usize,
    /// Work under the lock.
    pub inside: Work,
    /// Work between two acquisitions.
    pub outside: Work,
    /// Work of the hog under the lock.
    pub hogged: Work,
    /// How long is measured.
    pub window: Duration,
}

/// The begin and the end of the time that is measured.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Edge {
    /// It begins.
    Begin,
    /// It ends.
    End,
}

/// What a thread of a load does.
pub trait Worker: Send {
    /// One section: which of the locks, and the work under it.
    fn section(&mut self, lock: usize, inside: Work);
}

/// The sections that each thread did before each edge.
pub struct Driven<W> {
    /// The workers, the hog's left out.
    pub workers: Vec<W>,
    /// How many sections each did between the edges.
    pub counts: Vec<u64>,
    /// The time between the edges.
    pub time: Duration,
}

/// Runs `load`; `edge` is called when the measured time begins and ends.
pub fn drive<W: Worker>(
    load: Load,
    new_worker: impl Fn() -> W + Sync,
    edge: &mut dyn FnMut(Edge),
) -> Driven<W> {
    let hogs = usize::from(load.shape == Shape::Hog);
    let counts: Vec<Apart<AtomicU64>> = (0..load.threads).map(|_| Apart::default()).collect();
    let stop = Apart(AtomicBool::new(false));
    let start = Barrier::new(load.threads + hogs + 1);
    std::thread::scope(|scope| {
        let (stop, start, new_worker) = (&stop.0, &start, &new_worker);
        let threads: Vec<_> = counts
            .iter()
            .enumerate()
            .map(|(index, count)| {
                scope.spawn(move || {
                    let mut worker = new_worker();
                    start.wait();
                    run(load, &mut worker, index as u64, &count.0, stop);
                    worker
                })
            })
            .collect();
        for _ in 0..hogs {
            scope.spawn(move || {
                let mut worker = new_worker();
                start.wait();
                while !stop.load(Ordering::Relaxed) {
                    worker.section(0, load.hogged);
                }
            });
        }
        start.wait();
        // The start is not part of the window.
        std::thread::sleep(load.window / 8);
        edge(Edge::Begin);
        let (began, before) = (Instant::now(), read(&counts));
        std::thread::sleep(load.window);
        let (time, after) = (began.elapsed(), read(&counts));
        edge(Edge::End);
        stop.store(true, Ordering::Relaxed);
        Driven {
            workers: threads
                .into_iter()
                .map(|thread| thread.join().expect("a thread of the load panicked"))
                .collect(),
            counts: after.iter().zip(before).map(|(after, before)| after - before).collect(),
            time,
        }
    })
}

fn read(counts: &[Apart<AtomicU64>]) -> Vec<u64> {
    counts.iter().map(|count| count.0.load(Ordering::Relaxed)).collect()
}

#[inline(always)]
fn run(load: Load, worker: &mut impl Worker, seed: u64, count: &AtomicU64, stop: &AtomicBool) {
    let mut dice = Dice::new(seed);
    let mut done = 0;
    while !stop.load(Ordering::Relaxed) {
        let lock = if load.shape == Shape::Many { dice.lock() } else { 0 };
        worker.section(lock, load.inside);
        done += 1;
        count.store(done, Ordering::Relaxed);
        if !load.outside.is_none() {
            load.outside.run();
        }
        if load.shape == Shape::Bursts && done % BURST == 0 {
            sleep_until_next_burst();
        }
    }
}

fn sleep_until_next_burst() {
    // Any clock will do that all threads read alike.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let left = PAUSE.as_nanos() - now.as_nanos() % PAUSE.as_nanos();
    std::thread::sleep(Duration::from_nanos(left as u64));
}

/// Random numbers: xorshift64 (Marsaglia 2003), each thread's own sequence.
pub struct Dice(u64);

impl Dice {
    /// A sequence for each seed.
    pub fn new(seed: u64) -> Dice {
        Dice((seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// The next number.
    #[inline]
    pub fn roll(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 >> 20
    }

    #[inline]
    fn lock(&mut self) -> usize {
        let number = self.roll();
        let among = if number & 1 == 0 { HOT } else { LOCKS as u64 };
        ((number >> 1) % among) as usize
    }
}
