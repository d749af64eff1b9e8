//! What the stress tests share.

use holdup_core::class::ClassId;
use holdup_core::record::{Sums, for_each_class};
use std::panic::resume_unwind;
use std::time::{Duration, Instant};

/// When to end: after as many seconds as `HOLDUP_STRESS_SECONDS` says, 2 by default.
pub fn end() -> Instant {
    let seconds = std::env::var("HOLDUP_STRESS_SECONDS").ok();
    let seconds = seconds.map_or(2, |seconds| seconds.parse().expect("a number of seconds"));
    Instant::now() + Duration::from_secs(seconds)
}

/// The next number of a xorshift64 generator (Marsaglia 2003).
pub fn next(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

pub fn spin(turns: u64) {
    for _ in 0..turns {
        std::hint::spin_loop();
    }
}

/// What a critical section may do: work, yield, sleep, or panic on purpose.
pub fn work(dice: u64) {
    if dice >> 40 & 3 == 0 {
        spin((dice >> 44) % 3_000);
    }
    match dice >> 42 & 0x3ff {
        0..8 => std::thread::yield_now(),
        8 => std::thread::sleep(Duration::from_micros(1_500)),
        9..12 => resume_unwind(Box::new("on purpose")),
        _ => {}
    }
}

/// The sums of the locks of `class`.
pub fn sums(class: ClassId) -> Sums {
    let mut found = Sums::default();
    for_each_class(|of, sums| {
        if of == class {
            found = sums;
        }
    });
    found
}
