//! Who is charged for a wait for readers.
//!
//! *Pending writer*: a slow reader holds up a writer that does nothing, and five
//! readers stand behind that writer. Go charges the writer 902 ms and the slow
//! reader 191 (go#73760).
//!
//! *Last reader*: Go charges the last RUnlock alone, whoever read the longest.

mod common;

use common::reading::{assert_blamed_only, assert_conserved, blame_of, totals};
use common::{alone, stay, wait_until};
use holdup::{RwLock, named_rwlock, profile};
use std::sync::Barrier;
use std::time::{Duration, Instant};

/// Makes a function that reads, and ends the read itself. The number keeps the
/// compiler from merging functions that are otherwise equal.
macro_rules! reader {
    ($name:ident, $number:expr) => {
        #[inline(never)]
        fn $name(lock: &RwLock<u64>, inside: impl FnOnce()) {
            let guard = lock.read();
            inside();
            drop(guard);
            std::hint::black_box($number);
        }
    };
}

reader!(reads_slowly, 1);
reader!(reads_behind, 2);
reader!(reads_50_ms, 3);
reader!(reads_100_ms, 4);
reader!(reads_200_ms, 5);

#[inline(never)]
fn writes_nothing(lock: &RwLock<u64>) {
    let guard = lock.write();
    drop(guard);
    std::hint::black_box(6);
}

/// How many threads are queued for `lock`.
fn waiters(lock: &RwLock<u64>) -> usize {
    // SAFETY: the raw lock is only looked at.
    let raw: *const holdup::RawRwLock = unsafe { lock.raw() };
    // SAFETY: `holdup::RawRwLock` is a `repr(transparent)` wrapper of the core's.
    unsafe { &*raw.cast::<holdup_core::raw::RawRwLock>() }.waiters()
}

#[test]
fn a_slow_reader_is_charged_not_the_writer_that_waits_for_it() {
    static LOCK: RwLock<u64> = named_rwlock!("pending writer", 0);
    let _alone = alone();
    profile::set_period(Duration::from_nanos(1));
    let (before, before_all) = (profile::snapshot(), Instant::now());
    let released = std::thread::scope(|scope| {
        let slow = scope.spawn(|| {
            let mut released = before_all;
            reads_slowly(&LOCK, || {
                // Its time begins when all others stand in line.
                wait_until(|| waiters(&LOCK) == 6);
                stay(Duration::from_millis(200));
                released = Instant::now();
            });
            released
        });
        wait_until(|| LOCK.is_locked());
        scope.spawn(|| writes_nothing(&LOCK));
        wait_until(|| waiters(&LOCK) == 1);
        for _ in 0..5 {
            scope.spawn(|| reads_behind(&LOCK, || ()));
        }
        slow.join().unwrap()
    });
    let afterwards = released.elapsed();
    let profile = profile::snapshot().since(&before);
    let totals = totals(&profile, "pending writer");
    let slow = blame_of(&profile, "pending writer", "reads_slowly");
    let writer = blame_of(&profile, "pending writer", "writes_nothing");
    println!("slow reader {slow:?}, writer {writer:?}, {totals:?}");
    assert!(slow >= Duration::from_millis(6 * 200), "six waited 200 ms: {slow:?}");
    // More than 95 %, unless others lost their processor while they had the lock:
    // no more than all waited after the slow reader can be their blame.
    let others = totals.blamed - slow;
    assert!(others <= (totals.blamed / 20).max(6 * afterwards), "{slow:?} {totals:?}");
    assert_eq!(totals.waits, 6);
    assert_conserved(&profile, "pending writer");
    assert_blamed_only(
        &profile,
        "pending writer",
        &["reads_slowly", "writes_nothing", "reads_behind"],
    );
}

/// What `reader` owes somebody who waits from `begin` until all have ended: each
/// moment in equal shares with those that still read.
fn share(reader: usize, begin: Instant, ends: [Instant; 3]) -> Duration {
    let mut moments = ends;
    moments.sort_unstable();
    let mut share = Duration::ZERO;
    let mut from = begin;
    for (moment, readers) in moments.into_iter().zip([3, 2, 1]) {
        if moment <= ends[reader] {
            share += moment.saturating_duration_since(from) / readers;
        }
        from = from.max(moment);
    }
    share
}

#[test]
fn readers_that_overlap_are_charged_equal_shares_of_each_moment() {
    static LOCK: RwLock<u64> = named_rwlock!("last reader", 0);
    let _alone = alone();
    profile::set_period(Duration::from_nanos(1));
    let before = profile::snapshot();
    let together = Barrier::new(4);
    // Each notes when it saw that the writer stands in line, when it began to end
    // its read, and when that was over.
    let read = |milliseconds| {
        let mut times = [Instant::now(); 3];
        let inside = || {
            together.wait();
            wait_until(|| waiters(&LOCK) == 1);
            times[0] = Instant::now();
            stay(Duration::from_millis(milliseconds));
            times[1] = Instant::now();
        };
        match milliseconds {
            50 => reads_50_ms(&LOCK, inside),
            100 => reads_100_ms(&LOCK, inside),
            _ => reads_200_ms(&LOCK, inside),
        }
        times[2] = Instant::now();
        times
    };
    let (times, asked): (Vec<_>, _) = std::thread::scope(|scope| {
        let readers = [50, 100, 200].map(|length| scope.spawn(move || read(length)));
        // All three are inside before the writer asks: who comes later would queue.
        together.wait();
        let asked = Instant::now();
        scope.spawn(|| writes_nothing(&LOCK));
        (readers.into_iter().map(|reader| reader.join().unwrap()).collect(), asked)
    });
    let profile = profile::snapshot().since(&before);

    // The truth, by the readers' own clocks, lies between two bounds: the writer waits
    // from some moment after it was started and before all began; a read ends
    // between a reader's last two notes.
    let begun = times.iter().map(|time| time[0]).min().unwrap();
    for (reader, name) in ["reads_50_ms", "reads_100_ms", "reads_200_ms"].into_iter().enumerate() {
        let ends = |own: usize, others: usize| {
            let end = |other: usize| times[other][if other == reader { own } else { others }];
            [0, 1, 2].map(end)
        };
        let found = blame_of(&profile, "last reader", name);
        let least = share(reader, begun, ends(1, 2));
        let most = share(reader, asked, ends(2, 1));
        println!("{name}: {found:?}, truth {least:?} to {most:?}");
        assert!(found >= least.mul_f64(0.98) && found <= most.mul_f64(1.02), "{name}");
    }
    assert_eq!(totals(&profile, "last reader").waits, 1);
    assert_conserved(&profile, "last reader");
}
