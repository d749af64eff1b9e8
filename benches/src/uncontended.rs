//! Lock and unlock by one thread, nobody else about.

use crate::load::Edge;
use crate::locks::{Bench, Lock};
use crate::metrics::{UNCONTENDED, Values};
use crate::work::Apart;
use std::hint::black_box;
use std::time::Instant;

/// Lock, increment, unlock, so many times; and as often before, to warm up a
/// process that has just begun.
pub struct Uncontended {
    /// How many pairs are timed together.
    pub pairs: u32,
}

impl Bench for Uncontended {
    fn run<L: Lock>(&self, _edge: &mut dyn FnMut(Edge)) -> Values {
        let lock = Box::new(Apart(L::new()));
        pairs(&lock.0, self.pairs);
        let start = Instant::now();
        pairs(&lock.0, self.pairs);
        let nanoseconds = start.elapsed().as_nanos() as f64;
        assert_eq!(*lock.0.lock(), u64::from(2 * self.pairs));
        vec![(UNCONTENDED, nanoseconds / f64::from(self.pairs))]
    }
}

#[inline(never)]
fn pairs<L: Lock>(lock: &L, pairs: u32) {
    for _ in 0..pairs {
        *black_box(lock).lock() += 1;
    }
}
