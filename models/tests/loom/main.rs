//! All schedules of two or three threads, within a bound on preemptions; see
//! models/README.md.
#![cfg(loom)]

#[path = "../common/mod.rs"]
mod common;
mod condvar;
mod list;
mod live;
mod mutex;
mod park;
mod rwlock;

use std::time::Duration;

/// How many preemptions are explored; `HOLDUP_PREEMPTIONS` adds to it.
fn explore(preemptions: usize, model: impl Fn() + Sync + Send + 'static) {
    let number = |name| std::env::var(name).ok().and_then(|value| value.parse::<usize>().ok());
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions + number("HOLDUP_PREEMPTIONS").unwrap_or(0));
    builder.max_branches = 20_000;
    builder.max_duration =
        number("HOLDUP_SECONDS").map(|seconds| Duration::from_secs(seconds as u64));
    let runs = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
    let count = runs.clone();
    builder.check(move || {
        count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        model();
    });
    println!("{} schedules", runs.load(std::sync::atomic::Ordering::Relaxed));
}
