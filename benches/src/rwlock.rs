//! Readers-writer locks: alone, and under threads that mostly read.

use crate::contended::count;
use crate::load::{Dice, Edge, Load, Worker};
use crate::locks::Contestant;
use crate::metrics::{MIXED, PER_SECOND, READ_ALONE, Values, WRITE_ALONE};
use crate::work::{Apart, Work};
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

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
read_write!(parking_lot_0_13::RwLock<u64>);
read_write!(usync::RwLock<u64>);
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

impl ReadWriteBench {
    /// Runs it once with `lock`; nothing if it has no readers-writer lock here.
    pub fn run(&self, lock: Contestant, edge: &mut dyn FnMut(Edge)) -> Values {
        match lock {
            Contestant::Holdup
            | Contestant::HoldupOff
            | Contestant::HoldupAll
            | Contestant::HoldupSemaphore => self.of::<holdup::RwLock<u64>>(edge),
            Contestant::Std => self.of::<std::sync::RwLock<u64>>(edge),
            Contestant::ParkingLot => self.of::<parking_lot::RwLock<u64>>(edge),
            Contestant::ParkingLot13 => self.of::<parking_lot_0_13::RwLock<u64>>(edge),
            Contestant::Usync => self.of::<usync::RwLock<u64>>(edge),
            Contestant::Pthread | Contestant::Go | Contestant::Abseil => Values::new(),
        }
    }

    fn of<L: ReadWrite>(&self, edge: &mut dyn FnMut(Edge)) -> Values {
        match *self {
            ReadWriteBench::Alone { write, pairs } => {
                let metric = if write { WRITE_ALONE } else { READ_ALONE };
                vec![(metric, alone::<L>(write, pairs))]
            }
            ReadWriteBench::Mixed { load, writes } => {
                let counted = mixed::<L>(load, writes, edge);
                counted
                    .into_iter()
                    .filter(|(metric, _)| *metric == PER_SECOND)
                    .map(|(_, value)| (MIXED, value))
                    .collect()
            }
        }
    }
}

fn alone<L: ReadWrite>(write: bool, pairs: u32) -> f64 {
    let lock = Box::new(Apart(L::new()));
    let run = |pairs| if write { write_pairs(&lock.0, pairs) } else { read_pairs(&lock.0, pairs) };
    run(pairs);
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

struct Mixing<'a, L> {
    lock: &'a L,
    writes: u64,
    dice: Dice,
}

impl<L: ReadWrite> Worker for Mixing<'_, L> {
    #[inline(always)]
    fn section(&mut self, _lock: usize, inside: Work) {
        if self.dice.roll() % 1_000 < self.writes {
            self.lock.write(|value| {
                *value += 1;
                inside.run();
            });
        } else {
            self.lock.read(|value| {
                black_box(*value);
                inside.run();
            });
        }
    }
}

fn mixed<L: ReadWrite>(load: Load, writes: u64, edge: &mut dyn FnMut(Edge)) -> Values {
    let lock = Box::new(Apart(L::new()));
    let lock = &lock.0;
    let seeds = AtomicU64::new(0);
    let new_worker = || {
        // Relaxed: it only has to be another for each thread.
        let dice = Dice::new(seeds.fetch_add(1, Ordering::Relaxed));
        Mixing { lock, writes, dice }
    };
    count(load, new_worker, edge)
}
