//! The time of day is set, forwards and backwards, all the time: no wait and no
//! book looks at it.
//!
//! This program has a `clock_gettime` of its own, which the standard library in
//! it calls, too. The monotonic clock is the system's; the time of day leaps.
#![cfg(target_os = "linux")]

mod fault_support;

use fault_support::{alone, assert_conserved, mix, with};
use holdup_core::class::ClassId;
use holdup_core::raw::{RawCondvar, RawMutex};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

static ASKED: AtomicU64 = AtomicU64::new(0);
static TIME_OF_DAY_ASKED: AtomicU64 = AtomicU64::new(0);

#[unsafe(no_mangle)]
extern "C" fn clock_gettime(clock: libc::clockid_t, time: *mut libc::timespec) -> libc::c_int {
    ASKED.fetch_add(1, Ordering::Relaxed);
    // SAFETY: callers of `clock_gettime` give room for the time.
    unsafe {
        let result = libc::syscall(libc::SYS_clock_gettime, clock, time);
        if clock == libc::CLOCK_REALTIME {
            // An hour back and forth.
            let step = TIME_OF_DAY_ASKED.fetch_add(1, Ordering::Relaxed);
            (*time).tv_sec += if step.is_multiple_of(2) { 3_600 } else { -3_600 };
        }
        result as libc::c_int
    }
}

#[test]
fn setting_the_time_of_day_changes_no_wait() {
    let _alone = alone();
    // The clocks here are what the standard library reads.
    let leap = SystemTime::now().duration_since(SystemTime::now());
    assert!(leap.is_ok_and(|leap| leap > Duration::from_secs(7_000)));
    let before = (ASKED.load(Ordering::Relaxed), TIME_OF_DAY_ASKED.load(Ordering::Relaxed));
    let class = ClassId::of("clock steps");
    let lock = RawMutex::with_class(class);
    let (inside, condvar) = (AtomicBool::new(false), RawCondvar::new());
    std::thread::scope(|scope| {
        for seed in 1..=4 {
            let (lock, inside, condvar) = (&lock, &inside, &condvar);
            scope.spawn(move || {
                mix(lock, inside, seed, 500);
                let begin = Instant::now();
                let patience = Duration::from_millis(20);
                // SAFETY: locked by `with`.
                let notified = with(lock, || unsafe { condvar.wait_for(lock, patience) });
                assert!(!notified && begin.elapsed() >= patience);
                // Not an hour.
                assert!(begin.elapsed() < Duration::from_secs(600));
            });
        }
    });
    let sums = assert_conserved(class);
    assert!(Duration::from_nanos(sums.waited) < Duration::from_secs(600), "{sums:?}");
    assert!(ASKED.load(Ordering::Relaxed) > before.0);
    assert_eq!(TIME_OF_DAY_ASKED.load(Ordering::Relaxed), before.1, "nobody asked for it");
}
