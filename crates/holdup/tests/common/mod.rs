//! What the accuracy cases share: an account of their own to compare the
//! profile with, and ways to bring threads into a known position.
#![allow(dead_code, reason = "each case uses a part of this")]

pub mod reading;
pub mod truth;

use holdup::Mutex;
use std::sync::{Mutex as StdMutex, MutexGuard as StdMutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Cases of one file run one after the other: they share the sampling period
/// and two cores.
pub fn alone() -> StdMutexGuard<'static, ()> {
    static ALONE: StdMutex<()> = StdMutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns when `condition` holds. It is looked at again and again; how fast
/// changes nothing but the time this takes.
pub fn wait_until(mut condition: impl FnMut() -> bool) {
    for turn in 0_u32.. {
        if condition() {
            return;
        }
        if turn < 64 {
            std::thread::yield_now();
        } else {
            std::thread::sleep(Duration::from_micros(100));
        }
    }
}

/// How many threads are queued for `mutex`. The core knows; the public face
/// does not tell.
pub fn waiters<T>(mutex: &Mutex<T>) -> usize {
    // SAFETY: the raw lock is only looked at.
    let raw: *const holdup::RawMutex = unsafe { mutex.raw() };
    // SAFETY: `holdup::RawMutex` is a `repr(transparent)` wrapper of the
    // core's, which lives as long as `mutex` does.
    unsafe { &*raw.cast::<holdup_core::raw::RawMutex>() }.waiters()
}

/// Computes for as long as `length`. Keeps its core.
pub fn compute(length: Duration) {
    let start = Instant::now();
    while start.elapsed() < length {
        std::hint::spin_loop();
    }
}

/// Stays for as long as `length`, asleep for most of it, so that nobody else
/// is kept from a core.
pub fn stay(length: Duration) {
    let start = Instant::now();
    while let Some(left) = length.checked_sub(start.elapsed()) {
        if left > Duration::from_millis(1) {
            std::thread::sleep(left - Duration::from_millis(1));
        } else {
            std::hint::spin_loop();
        }
    }
}

/// The next number of a xorshift64 generator (Marsaglia 2003).
pub fn random(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

/// Makes a function that holds `mutex` for a while and ends the critical
/// section itself, so that the profile tells holders apart by function. The
/// number keeps the compiler from merging functions that are otherwise equal.
#[macro_export]
macro_rules! holder {
    ($name:ident, $number:expr) => {
        #[inline(never)]
        fn $name<T>(
            mutex: &holdup::Mutex<T>,
            log: &mut $crate::common::truth::Log,
            inside: impl FnOnce(),
        ) {
            let asked = $crate::common::truth::now();
            let guard = mutex.lock();
            let got = $crate::common::truth::now();
            inside();
            let released = $crate::common::truth::now();
            drop(guard);
            std::hint::black_box($number);
            let over = $crate::common::truth::now();
            log.add(stringify!($name), asked, got, released, over);
        }
    };
}
