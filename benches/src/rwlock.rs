//! Readers-writer locks: alone, and under threads that mostly read.

use crate::contended::{Counted, Load, count};
use crate::locks::Contestant;
use crate::work::Apart;
use std::cell::Cell;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// A readers-writer lock around a `u64`.
pub trait ReadWrite: Send + Sync {
    /// An unlocked lock around zero.
    fn new() -> Self;
    /// Runs `inside` under the lock, shared.
    fn read(&self, inside: impl FnOnce(&u64));
    /// Runs `inside` under the lock, exclusive.
    fn write(&self, inside: impl FnOnce(&mut u64));
}

macro_rules! read_write {
    ($type:ty $(, $unwrap:ident)?) => {
        impl ReadWrite for $type {
            fn new() -> Self {
                <$type>::new(0)
            }
            #[inline(always)]
            fn read(&self, inside: impl FnOnce(&u64)) {
                inside(&self.read()$(.$unwrap())?);
            }
            #[inline(always)]
            fn write(&self, inside: impl FnOnce(&mut u64)) {
                inside(&mut self.write()$(.$unwrap())?);
            }
        }
    };
}

read_write!(holdup::RwLock<u64>);
read_write!(parking_lot::RwLock<u64>);
// What users of std write.
read_write!(std::sync::RwLock<u64>, unwrap);

/// What is measured with each lock.
#[derive(Clone, Copy, Debug)]
pub enum ReadWriteBench {
    /// So many pairs of lock and unlock, by one thread: nanoseconds of one.
    Alone {
        /// Whether they write.
        write: bool,
        /// How many.
        pairs: u32,
    },
    /// Threads that write in so many of 1,000 sections, else read.
    Mixed {
        /// The threads and their work.
        load: Load,
        /// Writes in 1,000 sections.
        writes: u64,
    },
}

/// What one run yields.
pub enum Outcome {
    /// Nanoseconds of one pair.
    Pair(f64),
    /// The counts of a mixed load.
    Mixed(Counted),
}

impl ReadWriteBench {
    /// Runs it once with `lock`; none if there is no such readers-writer lock here.
    pub fn run(&self, lock: Contestant) -> Option<Outcome> {
        Some(match lock {
            Contestant::Holdup => self.with_period(crate::locks::default_period()),
            Contestant::HoldupOff => self.with_period(Duration::ZERO),
            Contestant::HoldupAll => self.with_period(Duration::from_nanos(1)),
            Contestant::Std => self.of::<std::sync::RwLock<u64>>(),
            Contestant::ParkingLot => self.of::<parking_lot::RwLock<u64>>(),
            Contestant::Pthread => return None,
        })
    }

    fn with_period(&self, period: Duration) -> Outcome {
        // Before it is changed for the first time.
        crate::locks::default_period();
        holdup::profile::set_period(period);
        self.of::<holdup::RwLock<u64>>()
    }

    fn of<L: ReadWrite>(&self) -> Outcome {
        match *self {
            ReadWriteBench::Alone { write, pairs } => Outcome::Pair(alone::<L>(write, pairs)),
            ReadWriteBench::Mixed { load, writes } => Outcome::Mixed(mixed::<L>(load, writes)),
        }
    }
}

fn alone<L: ReadWrite>(write: bool, pairs: u32) -> f64 {
    let lock = Box::new(Apart(L::new()));
    let run = |pairs| if write { write_pairs(&lock.0, pairs) } else { read_pairs(&lock.0, pairs) };
    run(pairs / 16);
    let start = Instant::now();
    run(pairs);
    start.elapsed().as_nanos() as f64 / f64::from(pairs)
}

#[inline(never)]
fn read_pairs<L: ReadWrite>(lock: &L, pairs: u32) {
    for _ in 0..pairs {
        black_box(lock).read(|value| {
            black_box(*value);
        });
    }
}

#[inline(never)]
fn write_pairs<L: ReadWrite>(lock: &L, pairs: u32) {
    for _ in 0..pairs {
        black_box(lock).write(|value| *value += 1);
    }
}

thread_local! {
    static RANDOM: Cell<u64> = const { Cell::new(0) };
}

/// A number below 1,000, each thread's own sequence.
fn dice() -> u64 {
    RANDOM.with(|random| {
        let mut state = random.get();
        if state == 0 {
            state = (random.as_ptr().addr() as u64) | 1;
        }
        // xorshift64 (Marsaglia 2003).
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        random.set(state);
        (state >> 20) % 1_000
    })
}

fn mixed<L: ReadWrite>(load: Load, writes: u64) -> Counted {
    let lock = Box::new(Apart(L::new()));
    let lock = &lock.0;
    count(load, || {
        if dice() < writes {
            lock.write(|value| {
                *value += 1;
                load.inside.run();
            });
        } else {
            lock.read(|value| {
                black_box(*value);
                load.inside.run();
            });
        }
    })
}
