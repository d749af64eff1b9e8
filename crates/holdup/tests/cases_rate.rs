//! The sampling period changes how much is kept, not what it says: over many
//! events, the samples' sums are the exact totals.
//!
//! Go 1.25's over-count grows with the rate, to 49.6 times the truth.
//!
//! How close the sums must come follows from the load. A claim of `d` is kept
//! with probability `d/R`, as `R` of delay and `R/d` claims, if it is shorter
//! than the period `R`. The variance that adds is `d(R - d)` to the delay and
//! `R/d - 1` to the count. The load goes on until the standard error that
//! follows is below 1 %, so that 5 % are at least five of them.

mod common;

use common::reading::{assert_blamed_only, assert_conserved, sampled, totals};
use common::truth::Log;
use common::{alone, compute, random};
use holdup::profile::{self, Kind, Profile, Totals};
use holdup::{Mutex, named_mutex};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

static LOADED: Mutex<u64> = named_mutex!("loaded", 0);
static HURRIED: Mutex<u64> = named_mutex!("hurried", 0);

holder!(loads, 1);
holder!(hurries, 2);

/// Threads that use `mutex` by `section` until the waits for its critical
/// sections add up to `goal`. All that was noted and profiled meanwhile.
fn load<T: Sync>(
    mutex: &'static Mutex<T>,
    name: &str,
    threads: u64,
    goal: Duration,
    section: impl Fn(&mut Log, &mut u64) + Sync,
) -> (Profile, Log) {
    let before = profile::snapshot();
    let stop = AtomicBool::new(false);
    let mut log = Log::default();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (1..=threads)
            .map(|thread| {
                let (stop, section) = (&stop, &section);
                scope.spawn(move || {
                    let mut log = Log::default();
                    let mut dice = thread << 32 | 0x5eed;
                    while !stop.load(Ordering::Relaxed) {
                        section(&mut log, &mut dice);
                    }
                    log
                })
            })
            .collect();
        let reached = || {
            let since = profile::snapshot().since(&before);
            since.totals_of(name).is_some_and(|totals| totals.blamed >= goal)
        };
        while !reached() {
            std::thread::sleep(Duration::from_millis(20));
        }
        stop.store(true, Ordering::Relaxed);
        threads.into_iter().for_each(|thread| log.merge(thread.join().unwrap()));
    });
    assert!(!mutex.is_locked());
    (profile::snapshot().since(&before), log)
}

/// The samples' sum over the exact one.
fn ratio(sampled: Duration, exact: Duration) -> f64 {
    sampled.as_secs_f64() / exact.as_secs_f64()
}

/// Asserts what holds at every period: sums that are exact are exact.
fn assert_exact(profile: &Profile, name: &str, period: Duration) -> Totals {
    let totals = totals(profile, name);
    assert_conserved(profile, name);
    assert_eq!(sampled(profile, name, Kind::Handoff).1, totals.handoff);
    if period == Duration::from_nanos(1) {
        let kept = sampled(profile, name, Kind::Blame);
        assert_eq!(kept, (totals.contentions, totals.blamed), "1 ns must keep all");
    }
    totals
}

/// Sections of 2 to 30 us and over 100 waiters: each ends with blame of between
/// a quarter of a millisecond and four.
fn assert_unbiased(period: Duration) {
    profile::set_period(period);
    // The bound on the relative error of the delay is sqrt(period / goal).
    let goal = (period * 20_000).max(Duration::from_secs(20));
    let (profile, log) = load(&LOADED, "loaded", 128, goal, |log, dice| {
        let length = Duration::from_nanos(2_000 + random(dice) % 28_000);
        loads(&LOADED, log, || compute(length));
    });
    let exact = assert_exact(&profile, "loaded", period);
    let kept = sampled(&profile, "loaded", Kind::Blame);
    let (delay_error, count_error) = standard_errors(&log, period, exact);
    let delay = ratio(kept.1, exact.blamed);
    let count = kept.0 as f64 / exact.contentions as f64;
    println!(
        "{period:?}: {} events, {:?} of delay; delay x {delay:.4} ± {delay_error:.4}, \
         count x {count:.4} ± {count_error:.4}",
        exact.contentions, exact.blamed
    );
    assert!(delay_error < 0.01, "too few events to tell: ± {delay_error}");
    assert!((delay - 1.0).abs() < 0.05, "delay x {delay} at {period:?}");
    assert!((count - 1.0).abs() < (5.0 * count_error).max(0.05), "count x {count} at {period:?}");
    assert_blamed_only(&profile, "loaded", &["loads"]);
}

/// The relative standard errors of delay and count that follow from the
/// threads' own notes.
fn standard_errors(log: &Log, period: Duration, exact: Totals) -> (f64, f64) {
    let period = period.as_nanos() as f64;
    let (mut delay, mut count) = (0.0, 0.0);
    for blame in log.truth().blames() {
        let blame = blame.as_nanos() as f64;
        if blame > 0.0 && blame < period {
            delay += blame * (period - blame);
            count += period / blame - 1.0;
        }
    }
    (delay.sqrt() / exact.blamed.as_nanos() as f64, count.sqrt() / exact.contentions as f64)
}

#[test]
fn the_samples_say_the_same_at_every_period() {
    let _alone = alone();
    let (nano, micro, milli) = (Duration::from_nanos, Duration::from_micros, Duration::from_millis);
    for period in [nano(1), micro(10), milli(1), milli(10)] {
        assert_unbiased(period);
    }
}

#[test]
fn events_much_shorter_than_the_period_are_not_lost() {
    let _alone = alone();
    for period in [1, 10_000, 100_000].map(Duration::from_nanos) {
        profile::set_period(period);
        // sqrt(period / goal) is 1 %.
        let goal = (period * 10_000).max(Duration::from_millis(100));
        let (profile, _) = load(&HURRIED, "hurried", 4, goal, |log, dice| {
            let length = Duration::from_nanos(random(dice) % 2_000);
            hurries(&HURRIED, log, || compute(length));
        });
        let exact = assert_exact(&profile, "hurried", period);
        let mean = exact.blamed / u32::try_from(exact.contentions).unwrap();
        let delay = ratio(sampled(&profile, "hurried", Kind::Blame).1, exact.blamed);
        println!("{period:?}: {} events of {mean:?}; delay x {delay:.4}", exact.contentions);
        assert!((delay - 1.0).abs() < 0.05, "delay x {delay} at {period:?}");
    }
}

#[test]
fn at_period_zero_the_totals_are_exact_and_no_blame_is_kept() {
    let _alone = alone();
    profile::set_period(Duration::ZERO);
    let (profile, log) = load(&LOADED, "loaded", 8, Duration::from_millis(500), |log, _| {
        loads(&LOADED, log, || compute(Duration::from_micros(20)));
    });
    let exact = assert_exact(&profile, "loaded", Duration::ZERO);
    assert!(exact.contentions > 0 && log.len() as u64 >= exact.contentions);
    assert_eq!(sampled(&profile, "loaded", Kind::Blame), (0, Duration::ZERO));
    assert_eq!(sampled(&profile, "loaded", Kind::Lost), (0, Duration::ZERO));
}
