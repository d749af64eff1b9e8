//! Nobody keeps in line: threads take the lock as often as they get it, past
//! those that wait. What each waits is charged to the critical sections it
//! waits for, by the threads' own clocks, and the time from one section to the
//! next, while the lock is free and a waiter wakes up, to nobody.

mod common;

use common::reading::{assert_charged, assert_conserved, sampled, totals};
use common::truth::Log;
use common::{alone, compute};
use holdup::profile::{self, Kind};
use holdup::{Mutex, named_mutex};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

static PASSED_ON: Mutex<u64> = named_mutex!("passed on", 0);
static TROUGH: Mutex<u64> = named_mutex!("trough", 0);

holder!(holds, 1);
holder!(hog, 2);
holder!(victim, 3);

const HOG: Duration = Duration::from_millis(4);
const VICTIM: Duration = Duration::from_micros(2);
/// What lies between a note and the moment it means.
const EDGE: Duration = Duration::from_nanos(100);

/// Threads that hold the lock about as long as they leave it alone.
fn load(threads: usize, sections: usize) -> Log {
    let length = Duration::from_micros(100);
    let mut log = Log::default();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(move || {
                    let mut log = Log::default();
                    for _ in 0..sections {
                        holds(&PASSED_ON, &mut log, || compute(length));
                        compute(length);
                    }
                    log
                })
            })
            .collect();
        threads.into_iter().for_each(|thread| log.merge(thread.join().unwrap()));
    });
    log
}

/// Hog and victims take the lock as often as they get it.
fn free_for_all(victims: usize, sections: usize) -> Log {
    let stop = AtomicBool::new(false);
    let mut log = Log::default();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..victims)
            .map(|_| {
                scope.spawn(|| {
                    let mut log = Log::default();
                    while !stop.load(Ordering::Relaxed) {
                        victim(&TROUGH, &mut log, || compute(VICTIM));
                        compute(VICTIM);
                    }
                    log
                })
            })
            .collect();
        for _ in 0..sections {
            hog(&TROUGH, &mut log, || compute(HOG));
            compute(VICTIM);
        }
        stop.store(true, Ordering::Relaxed);
        threads.into_iter().for_each(|thread| log.merge(thread.join().unwrap()));
    });
    log
}

#[test]
fn time_without_a_holder_is_charged_to_nobody() {
    let _alone = alone();
    // Without samples, so that ending a section takes no longer than it must.
    profile::set_period(Duration::ZERO);
    for threads in [2, 4, 8, 16] {
        let before = profile::snapshot();
        let log = load(threads, 3_200 / threads);
        let profile = profile::snapshot().since(&before);
        let totals = totals(&profile, "passed on");
        assert_conserved(&profile, "passed on");
        assert_eq!(sampled(&profile, "passed on", Kind::Handoff).1, totals.handoff);

        let truth = log.truth();
        let (least, most) = (truth.blame("holds"), truth.blame_and_release("holds"));
        let handoff = truth.waited() - least;
        println!(
            "{threads} threads: blamed {:?}, truth {least:?} to {most:?}; handoff {:?} of {handoff:?}; spun {:?}",
            totals.blamed, totals.handoff, totals.spun
        );
        assert!(totals.contentions > 0);
        // A wait begins before the thread is queued, by as long as it spins:
        // with sections this long, that is far less than 5 %.
        let tolerance = EDGE * u32::try_from(log.len() * threads).unwrap()
            + (truth.waited() / 20).max(Duration::from_millis(2));
        // What the notes hold and the books do not: who still spins is no waiter yet,
        // nor is who loses its processor between its clock and the lock.
        let spun = truth.unbooked(totals.waited, totals.spun) + tolerance;
        assert!(totals.blamed <= most + tolerance, "too much is blamed");
        assert!(totals.blamed + spun >= least, "too little is blamed");
        assert!(totals.handoff <= handoff + tolerance, "too much is handoff");
        assert!(totals.handoff + spun + (most - least) >= handoff, "too little is handoff");
    }
}

#[test]
fn hog_and_victims_get_their_due_in_a_free_for_all() {
    let _alone = alone();
    for victims in [1, 2, 4, 8] {
        profile::set_period(Duration::from_nanos(1));
        let before = profile::snapshot();
        let log = free_for_all(victims, 30);
        let profile = profile::snapshot().since(&before);
        let truth = log.truth();
        println!("{victims} victims");
        assert_charged(&profile, "trough", &truth, &["hog", "victim"]);
    }
}
