//! The profiler does not hear itself: taking and writing profiles neither
//! shows up in the profile nor adds to it.
//!
//! In Go the profiler's own lock was among the most contended of its profiles.

mod common;

use common::reading::{assert_blamed_only, assert_conserved, stack, totals};
use common::truth::Log;
use common::{alone, compute};
use holdup::profile::{self, Profile};
use holdup::{Mutex, named_mutex};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

static LOUD: Mutex<u64> = named_mutex!("loud", 0);

holder!(makes_noise, 1);

/// Takes profiles, and does all with one that can be done.
fn use_the_profiler(before: &Profile) {
    for _ in 0..100 {
        drop(profile::snapshot());
    }
    let since = profile::snapshot().since(before);
    let mut bytes = Vec::new();
    since.write_pprof(&mut bytes).expect("a Vec takes all");
    since.write_folded(&mut bytes).expect("a Vec takes all");
    since.write_text(&mut bytes).expect("a Vec takes all");
    assert!(!bytes.is_empty());
}

/// Several threads use the profiler at the same time, again and again, until
/// `enough` says so.
fn echoes(before: &Profile, enough: impl Fn(u64) -> bool + Sync) {
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut turns = 0;
                while !enough(turns) {
                    use_the_profiler(before);
                    turns += 1;
                }
            });
        }
    });
}

#[test]
fn taking_profiles_under_load_does_not_show_in_them() {
    let _alone = alone();
    profile::set_period(Duration::from_nanos(1));
    let before = profile::snapshot();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let mut log = Log::default();
                while !stop.load(Ordering::Relaxed) {
                    makes_noise(&LOUD, &mut log, || compute(Duration::from_micros(5)));
                }
            });
        }
        echoes(&before, |turns| turns == 2);
        stop.store(true, Ordering::Relaxed);
    });
    let profile = profile::snapshot().since(&before);
    assert!(totals(&profile, "loud").contentions > 0);
    for (lock, totals) in profile.classes() {
        let silent = (totals.contentions, totals.waits, totals.spins) == (0, 0, 0);
        assert!(lock == "loud" || silent, "{lock}: {totals:?}");
    }
    for sample in profile.samples() {
        assert_eq!(sample.lock, "loud", "{}", stack(sample));
        let ours = |name: &str| name.contains("use_the_profiler") || name.contains("snapshot");
        assert!(
            !sample.stack.iter().any(|frame| ours(&frame.function)),
            "the profiler shows up: {}",
            stack(sample)
        );
    }
    assert_blamed_only(&profile, "loud", &["makes_noise"]);
    assert_conserved(&profile, "loud");
}

#[test]
fn taking_profiles_of_a_quiet_program_adds_nothing() {
    let _alone = alone();
    profile::set_period(Duration::from_nanos(1));
    let before = profile::snapshot();
    echoes(&before, |turns| turns == 2);
    let since = profile::snapshot().since(&before);
    let totals = since.totals();
    assert_eq!((totals.contentions, totals.waits, totals.spins), (0, 0, 0), "{totals:?}");
    let times = [totals.waited, totals.blamed, totals.handoff, totals.spun];
    assert_eq!(times, [Duration::ZERO; 4], "{totals:?}");
    assert!(since.samples().is_empty(), "{:?}", since.samples());
}
