//! One slow holder, and 16 waiters that have nothing to do once they get the
//! lock. The slow one held up all of them, they held up nobody.
//!
//! Go 1.25's runtime locks bill 3.6 to 4.7 times too much, most of it to those
//! whose unlock merely came next.

mod common;

use common::reading::{assert_charged, blame_of, sampled, totals};
use common::truth::Log;
use common::{alone, stay, wait_until, waiters};
use holdup::profile::{self, Kind};
use holdup::{Mutex, named_mutex};
use std::time::Duration;

const WAITERS: usize = 16;
const LENGTH: Duration = Duration::from_millis(200);

static SLOW: Mutex<u64> = named_mutex!("slow", 0);

holder!(slow_holder, 1);
holder!(innocent, 2);

/// The case at one sampling period.
fn assert_innocent(period: Duration) {
    profile::set_period(period);
    let before = profile::snapshot();
    let mut log = Log::default();
    std::thread::scope(|scope| {
        let mut threads = Vec::new();
        slow_holder(&SLOW, &mut log, || {
            threads.extend((0..WAITERS).map(|_| {
                scope.spawn(|| {
                    let mut log = Log::default();
                    innocent(&SLOW, &mut log, || {});
                    log
                })
            }));
            wait_until(|| waiters(&SLOW) == WAITERS);
            stay(LENGTH);
        });
        threads.into_iter().for_each(|thread| log.merge(thread.join().unwrap()));
    });
    let profile = profile::snapshot().since(&before);
    let truth = log.truth();

    assert_charged(&profile, "slow", &truth, &["slow_holder", "innocent"]);
    let slow = blame_of(&profile, "slow", "slow_holder");
    assert!(slow >= LENGTH * WAITERS as u32, "{slow:?}");
    let totals = totals(&profile, "slow");
    assert_eq!(totals.waits, WAITERS as u64);
    assert_eq!(sampled(&profile, "slow", Kind::Handoff).1, totals.handoff);
}

#[test]
fn who_merely_unlocks_next_is_not_charged() {
    let _alone = alone();
    for period in [Duration::from_nanos(1), Duration::from_micros(100)] {
        assert_innocent(period);
    }
}
