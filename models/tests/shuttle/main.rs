//! Thousands of random schedules of several threads; see models/README.md.
#![cfg(shuttle)]

#[path = "../common/mod.rs"]
mod common;
mod condvar;
mod mutex;
mod rwlock;

use shuttle::scheduler::{PctScheduler, RandomScheduler};
use shuttle::{Config, Runner};

/// Runs `model` under random schedules, and under such as change few times
/// (PCT). `HOLDUP_TIMES` multiplies their number, `HOLDUP_SEED` chooses others.
fn explore(schedules: usize, model: impl Fn() + Sync + Send + Copy + 'static) {
    let number = |name| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let schedules = schedules * number("HOLDUP_TIMES").unwrap_or(1) as usize;
    let seed = number("HOLDUP_SEED").unwrap_or(1);
    let mut config = Config::new();
    config.stack_size = 1 << 16;
    let random = RandomScheduler::new_from_seed(seed, schedules);
    Runner::new(random, config.clone()).run(model);
    for changes in [2, 4] {
        let few = PctScheduler::new_from_seed(seed + changes as u64, changes, schedules / 4);
        Runner::new(few, config.clone()).run(model);
    }
}
