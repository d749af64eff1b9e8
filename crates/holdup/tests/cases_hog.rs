//! A hog that holds the lock for 4 ms, again and again, and victims that hold
//! it for 2 us. Nearly all that anybody waits is the hog's doing.
//!
//! abseil and JFR charge the hog with a quarter of it against four victims.

mod common;

use common::reading::{assert_charged, blame_of, totals};
use common::truth::Log;
use common::{alone, compute, wait_until, waiters};
use holdup::{Mutex, named_mutex, profile};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

static TROUGH: Mutex<u64> = named_mutex!("trough", 0);

holder!(hog, 1);
holder!(victim, 2);

const HOG: Duration = Duration::from_millis(4);
const VICTIM: Duration = Duration::from_micros(2);

/// Each time the hog has the lock, it waits until all victims are queued, and
/// then takes its 4 ms. So it is known who waits for whom.
fn in_rounds(victims: usize, rounds: usize) -> Log {
    let round = AtomicUsize::new(0);
    let served = AtomicUsize::new(0);
    let mut log = Log::default();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..victims)
            .map(|_| {
                scope.spawn(|| {
                    let mut log = Log::default();
                    for mine in 1..=rounds {
                        wait_until(|| round.load(Ordering::Acquire) >= mine);
                        victim(&TROUGH, &mut log, || compute(VICTIM));
                        served.fetch_add(1, Ordering::Release);
                    }
                    log
                })
            })
            .collect();
        for mine in 1..=rounds {
            hog(&TROUGH, &mut log, || {
                round.store(mine, Ordering::Release);
                wait_until(|| waiters(&TROUGH) == victims);
                compute(HOG);
            });
            wait_until(|| served.load(Ordering::Acquire) == mine * victims);
        }
        threads.into_iter().for_each(|thread| log.merge(thread.join().unwrap()));
    });
    log
}

#[test]
fn the_hog_gets_what_is_not_handoff() {
    let _alone = alone();
    for victims in [1, 2, 4, 8] {
        profile::set_period(Duration::from_nanos(1));
        let before = profile::snapshot();
        let log = in_rounds(victims, 12);
        let profile = profile::snapshot().since(&before);
        let truth = log.truth();

        assert_charged(&profile, "trough", &truth, &["hog", "victim"]);
        let blame = blame_of(&profile, "trough", "hog");
        let totals = totals(&profile, "trough");
        let share = blame.as_secs_f64() / totals.blamed.as_secs_f64();
        // 99 %, unless a victim lost its core while it had the lock: then the
        // truth is less.
        let others = truth.most_blame("victim").as_secs_f64();
        let hogs = truth
            .blame("hog")
            .saturating_sub(truth.unbooked(totals.waited, totals.spun))
            .as_secs_f64();
        let least = (hogs / (hogs + others)).min(0.99);
        println!("{victims} victims: the hog's share is {share:.5}, truth at least {least:.5}");
        assert!(share >= least, "{victims} victims: {share}, truth at least {least}");
    }
}
