//! Who waits for a lock sleeps. A futex that compares a stale value never
//! does: its waiters spin through the whole critical section.

mod common;

use common::reading::{assert_between, assert_conserved, totals};
use common::truth::{Log, now};
use common::{alone, stay, wait_until, waiters};
use holdup::{Mutex, named_mutex, profile};
use std::time::Duration;

const WAITERS: usize = 16;

static HELD: Mutex<u64> = named_mutex!("held", 0);

holder!(long_holder, 1);

/// Processor time of the calling thread, in user and kernel mode.
fn processor_time() -> Duration {
    // SAFETY: all-zero is a valid rusage, and it is valid for writes.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        assert_eq!(libc::getrusage(libc::RUSAGE_THREAD, &mut usage), 0);
        usage
    };
    [usage.ru_utime, usage.ru_stime]
        .map(|time| Duration::new(time.tv_sec as u64, time.tv_usec as u32 * 1_000))
        .iter()
        .sum()
}

/// Waits by `wait`, and returns what that took of the processor.
fn waits(wait: impl FnOnce()) -> Duration {
    let before = processor_time();
    wait();
    processor_time() - before
}

/// 16 threads wait by `wait` while the lock is held for a second.
fn assert_asleep(wait: fn()) {
    let before = profile::snapshot();
    let mut log = Log::default();
    let times: Vec<Duration> = std::thread::scope(|scope| {
        let mut threads = Vec::new();
        long_holder(&HELD, &mut log, || {
            threads.extend((0..WAITERS).map(|_| scope.spawn(move || waits(wait))));
            wait_until(|| waiters(&HELD) == WAITERS);
            let began = now();
            stay(Duration::from_secs(1));
            assert!(now() - began >= 1_000_000_000);
        });
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let longest = times.iter().max().unwrap();
    println!("processor time of the waiters: {times:?}");
    // Of the one second that each waited, less than a fiftieth.
    assert!(*longest * 50 < Duration::from_secs(1), "a waiter did not sleep: {times:?}");
    let profile = profile::snapshot().since(&before);
    let totals = totals(&profile, "held");
    assert_eq!(totals.waits, WAITERS as u64);
    assert!(totals.blamed >= Duration::from_secs(WAITERS as u64));
    assert_conserved(&profile, "held");
}

#[test]
fn who_waits_a_second_uses_almost_no_processor_time() {
    let _alone = alone();
    assert_asleep(|| *HELD.lock() += 1);
}

#[test]
fn who_waits_with_a_deadline_sleeps_as_well() {
    let _alone = alone();
    assert_asleep(|| {
        *HELD.try_lock_for(Duration::from_secs(600)).expect("ten minutes are over") += 1;
    });
}

#[test]
fn who_gives_up_slept_until_then() {
    let _alone = alone();
    let before = profile::snapshot();
    let mut log = Log::default();
    let patience = Duration::from_millis(500);
    let (time, waited) = std::thread::scope(|scope| {
        let mut waiter = None;
        long_holder(&HELD, &mut log, || {
            let thread = scope.spawn(move || {
                let asked = now();
                let time = waits(|| assert!(HELD.try_lock_for(patience).is_none()));
                (time, Duration::from_nanos(now() - asked))
            });
            wait_until(|| thread.is_finished());
            waiter = Some(thread);
        });
        waiter.unwrap().join().unwrap()
    });
    println!("processor time {time:?} of {waited:?}");
    assert!(waited >= patience);
    assert!(time * 50 < waited, "it did not sleep: {time:?} of {waited:?}");
    let profile = profile::snapshot().since(&before);
    let totals = totals(&profile, "held");
    assert_eq!((totals.waits, totals.contentions), (1, 1));
    // It may lose its processor between its clock and the lock.
    assert_between("blame of the holder it gave up on", totals.blamed, waited / 2, waited);
    assert_conserved(&profile, "held");
}
