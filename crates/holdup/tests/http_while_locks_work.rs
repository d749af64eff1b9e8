//! Reading a profile loses nothing of what is recorded meanwhile.
#![cfg(feature = "http")]

mod common;

use common::{wait_until, waiters};
use holdup::http::Handler;
use holdup::profile::{self, Kind, Profile};
use holdup::{Mutex, named_mutex};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

static BUSY: Mutex<u64> = named_mutex!("busy while read", 0);

/// Ends a section for which another thread waits: a contention, and at this
/// period a sample, for certain.
fn be_held_up_once(rounds: &AtomicU64) {
    let guard = BUSY.lock();
    std::thread::scope(|scope| {
        scope.spawn(|| *BUSY.lock() += 1);
        wait_until(|| waiters(&BUSY) == 1);
        drop(guard);
    });
    rounds.fetch_add(1, Ordering::Relaxed);
}

#[test]
fn what_is_recorded_during_reads_is_all_there_by_count_and_by_time() {
    profile::set_period(Duration::from_nanos(1));
    let handler = Handler::new();
    let (done, rounds) = (AtomicBool::new(false), AtomicU64::new(0));
    let mut reads = 0;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                be_held_up_once(&rounds);
            }
        });
        // A thousand samples at least, while reads go on all the time.
        let begin = Instant::now();
        while rounds.load(Ordering::Relaxed) < 1000 {
            let path = "/debug/pprof/mutex";
            let request = http::Request::get(path).body(()).unwrap().into_parts().0;
            assert_eq!(handler.respond(&request).status(), 200);
            reads += 1;
        }
        println!("{rounds:?} rounds, {reads} reads in {:?}", begin.elapsed());
        done.store(true, Ordering::Relaxed);
    });
    assert!(reads > 0);
    let request = http::Request::get("/debug/pprof/mutex").body(()).unwrap().into_parts().0;
    let profile = Profile::read_pprof(&handler.respond(&request).into_body()[..]).unwrap();
    let totals = profile.totals_of("busy while read").unwrap();
    let of = |kind| {
        let samples = profile.samples().iter();
        let samples = samples.filter(move |one| one.lock == "busy while read" && one.kind == kind);
        samples.fold((0, Duration::ZERO), |sum, one| (sum.0 + one.count, sum.1 + one.delay))
    };
    assert_eq!(of(Kind::Lost), (0, Duration::ZERO));
    // With a sample of every nanosecond of delay, the samples are the sums.
    assert_eq!(of(Kind::Blame), (totals.contentions, totals.blamed));
    assert!(totals.contentions >= rounds.load(Ordering::Relaxed), "{totals:?}");
    assert_eq!(totals.waited, totals.blamed + totals.handoff);
}
