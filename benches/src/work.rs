//! Work of a known length that reads no clock, and a line of its own for each
//! thing that threads must not share by accident.

use std::hint::black_box;
use std::time::{Duration, Instant};

/// Something alone on its cache lines (128 bytes: two lines are fetched as a
/// pair on many processors).
#[repr(align(128))]
#[derive(Default)]
pub struct Apart<T>(pub T);

/// How long one turn of [`Work`] takes on this machine.
#[derive(Clone, Copy, Debug)]
pub struct Calibration {
    /// Nanoseconds of one turn.
    pub turn: f64,
}

/// A stretch of computing: a chain of shifts and multiplications, each of which
/// needs the one before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Work {
    turns: u64,
}

impl Calibration {
    /// Measures a turn: the fastest of many short runs, because whatever
    /// disturbs a run only makes it longer.
    pub fn measure() -> Calibration {
        const TURNS: u64 = 20_000;
        let work = Work { turns: TURNS };
        let fastest = (0..500)
            .map(|_| {
                let start = Instant::now();
                work.run();
                start.elapsed()
            })
            .min()
            .unwrap_or_default();
        Calibration { turn: fastest.as_nanos() as f64 / TURNS as f64 }
    }

    /// Work that takes `length` on an undisturbed core.
    pub fn work(&self, length: Duration) -> Work {
        Work { turns: (length.as_nanos() as f64 / self.turn).round() as u64 }
    }
}

impl Work {
    /// So many turns, as another process was told.
    pub fn of_turns(turns: u64) -> Work {
        Work { turns }
    }

    /// How many turns it takes.
    pub fn turns(self) -> u64 {
        self.turns
    }

    /// Does the work.
    #[inline(never)]
    pub fn run(self) {
        let mut x = black_box(1_u64);
        for _ in 0..self.turns {
            // No compiler makes one turn of two. (The constant of Knuth's MMIX
            // generator; any odd multiplier does.)
            x = (x ^ (x >> 29)).wrapping_mul(6_364_136_223_846_793_005);
        }
        black_box(x);
    }

    /// Whether there is nothing to do.
    #[inline]
    pub fn is_none(self) -> bool {
        self.turns == 0
    }
}
