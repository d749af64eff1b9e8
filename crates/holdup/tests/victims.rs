//! Who is named as the victim of a critical section, how long waits were, and
//! which were the longest.

mod common;

use common::reading::{is_function, totals};
use common::{alone, compute, stay, wait_until, waiters};
use holdup::profile::{self, Kind, Pair, Profile};
use holdup::{Condvar, Mutex, RwLock};
use std::sync::Barrier;
use std::time::Duration;

/// Makes a function that waits for a lock, which its stack shows.
macro_rules! waiter {
    ($name:ident, $number:expr) => {
        #[inline(never)]
        fn $name(wait: impl FnOnce()) {
            wait();
            std::hint::black_box($number);
        }
    };
}

waiter!(first_victim, 1);
waiter!(second_victim, 2);
waiter!(third_victim, 3);
waiter!(culprit, 4);

/// Whether a function of that name is among the calls.
fn has(stack: &[profile::Frame], name: &str) -> bool {
    stack.iter().any(|frame| is_function(frame, name))
}

/// The blame of `lock` between two functions, as count and delay.
fn between(profile: &Profile, lock: &str, culprit: &str, victim: &str) -> (u64, Duration) {
    let pairs = profile.pairs().filter(|pair| pair.lock == lock && pair.kind == Kind::Blame);
    let found = pairs.filter(|pair| has(pair.culprit, culprit) && has(pair.victim, victim));
    found.fold((0, Duration::ZERO), |sum, pair| (sum.0 + pair.count, sum.1 + pair.delay))
}

/// Asserts that `found` of `all` draws, each with the chance `share`, are within five
/// standard errors of what they should be.
fn assert_share(what: &str, found: u64, all: u64, share: f64) {
    let (expected, error) = (all as f64 * share, (all as f64 * share * (1.0 - share)).sqrt());
    println!("{what}: {found} of {all}, expected {expected:.0} +- {error:.1}");
    assert!((found as f64 - expected).abs() <= 5.0 * error, "{what}: {found} of {all}");
}

/// One culprit holds `lock` while three functions wait for it, the third one in two
/// threads; `rounds` times. Nobody barges: each round begins when all are queued.
fn rounds<L: Sync>(
    lock: &L,
    rounds: usize,
    hold: impl Fn(&L, &dyn Fn()),
    wait: impl Fn(&L) + Sync,
    queued: impl Fn(&L) -> usize,
) {
    let victims: [fn(&dyn Fn()); 4] = [
        |wait| first_victim(wait),
        |wait| second_victim(wait),
        |wait| third_victim(wait),
        |wait| third_victim(wait),
    ];
    let turn = Barrier::new(victims.len() + 1);
    std::thread::scope(|scope| {
        for victim in victims {
            let (turn, wait) = (&turn, &wait);
            scope.spawn(move || {
                for _ in 0..rounds {
                    turn.wait();
                    victim(&|| wait(lock));
                    turn.wait();
                }
            });
        }
        for _ in 0..rounds {
            hold(lock, &|| {
                turn.wait();
                // They sleep soon after they are queued, and have nothing to wait for
                // but this.
                wait_until(|| queued(lock) == victims.len());
                stay(Duration::from_millis(2));
            });
            turn.wait();
        }
    });
}

/// Asserts that the victims of `culprit` have their shares of its samples.
fn assert_shares(profile: &Profile, lock: &str) {
    let counts: Vec<_> = ["first_victim", "second_victim", "third_victim"]
        .iter()
        .map(|victim| between(profile, lock, "culprit", victim).0)
        .collect();
    let named: u64 = counts.iter().sum();
    // A section is waited for by all four; some may not have slept yet.
    assert!(named > 100, "{counts:?}");
    for (share, (count, name)) in
        [0.25, 0.25, 0.5].into_iter().zip(counts.into_iter().zip(["first", "second", "third"]))
    {
        assert_share(name, count, named, share);
    }
    let blame = profile.samples().iter().filter(|one| one.lock == lock);
    for sample in blame {
        let of_it = |pair: &Pair<'_>| {
            pair.culprit == sample.stack && pair.lock == lock && pair.kind == sample.kind
        };
        let sum = profile
            .pairs()
            .filter(of_it)
            .fold((0, Duration::ZERO), |sum, pair| (sum.0 + pair.count, sum.1 + pair.delay));
        assert_eq!(sum, (sample.count, sample.delay), "all pairs of a culprit are its blame");
    }
}

#[test]
fn each_victim_of_a_mutex_is_named_in_proportion_to_what_it_waits() {
    let _alone = alone();
    profile::set_period(Duration::from_nanos(1));
    static LOCK: Mutex<()> = holdup::named_mutex!("victims of a mutex", ());
    let before = profile::snapshot();
    rounds(
        &LOCK,
        250,
        |lock, inside| {
            culprit(|| {
                let guard = lock.lock();
                inside();
                drop(guard);
            });
        },
        |lock| drop(lock.lock()),
        waiters,
    );
    let profile = profile::snapshot().since(&before);
    assert_shares(&profile, "victims of a mutex");
    let waits = profile.locks().find(|lock| lock.name == "victims of a mutex").unwrap().waits;
    assert_eq!(waits.count(), totals(&profile, "victims of a mutex").waits);
}

#[test]
fn each_victim_of_a_writer_and_of_a_reader_is_named_in_proportion() {
    let _alone = alone();
    profile::set_period(Duration::from_nanos(1));
    static LOCK: RwLock<()> = holdup::named_rwlock!("victims of a writer", ());
    static READ: RwLock<()> = holdup::named_rwlock!("victims of a reader", ());
    let before = profile::snapshot();
    let queued = |lock: &RwLock<()>| {
        // SAFETY: the raw lock is only looked at, and `holdup::RawRwLock` is a
        // transparent wrapper of the core's.
        let raw: *const holdup::RawRwLock = unsafe { lock.raw() };
        // SAFETY: as above; it lives as long as `lock`.
        unsafe { &*raw.cast::<holdup_core::raw::RawRwLock>() }.waiters()
    };
    rounds(
        &LOCK,
        250,
        |lock, inside| {
            culprit(|| {
                let guard = lock.write();
                inside();
                drop(guard);
            });
        },
        |lock| drop(lock.write()),
        queued,
    );
    rounds(
        &READ,
        250,
        |lock, inside| {
            culprit(|| {
                let guard = lock.read();
                inside();
                drop(guard);
            });
        },
        |lock| drop(lock.write()),
        queued,
    );
    let profile = profile::snapshot().since(&before);
    assert_shares(&profile, "victims of a writer");
    assert_shares(&profile, "victims of a reader");
}

#[test]
fn who_waits_twice_as_long_is_named_twice_as_often() {
    let _alone = alone();
    profile::set_period(Duration::from_nanos(1));
    static LOCK: Mutex<()> = holdup::named_mutex!("long and short", ());
    let before = profile::snapshot();
    let (long, short) = (Barrier::new(2), Barrier::new(2));
    const ROUNDS: usize = 200;
    let mut truth = [Duration::ZERO; 2];
    std::thread::scope(|scope| {
        for (victim, turn) in [
            ((|wait| first_victim(wait)) as fn(&dyn Fn()), &long),
            (|wait| second_victim(wait), &short),
        ] {
            scope.spawn(move || {
                for _ in 0..ROUNDS {
                    turn.wait();
                    victim(&|| drop(LOCK.lock()));
                    turn.wait();
                }
            });
        }
        for _ in 0..ROUNDS {
            culprit(|| {
                let guard = LOCK.lock();
                long.wait();
                wait_until(|| waiters(&LOCK) == 1);
                let first = std::time::Instant::now();
                stay(Duration::from_millis(2));
                short.wait();
                wait_until(|| waiters(&LOCK) == 2);
                let second = std::time::Instant::now();
                stay(Duration::from_millis(2));
                truth[0] += first.elapsed();
                truth[1] += second.elapsed();
                drop(guard);
            });
            long.wait();
            short.wait();
        }
    });
    let profile = profile::snapshot().since(&before);
    let counts = ["first_victim", "second_victim"]
        .map(|victim| between(&profile, "long and short", "culprit", victim).0);
    let share = truth[0].as_secs_f64() / (truth[0] + truth[1]).as_secs_f64();
    assert!(counts[0] + counts[1] > ROUNDS as u64 / 2, "{counts:?}");
    assert_share("the long one", counts[0], counts[0] + counts[1], share);
}

#[test]
fn a_waiter_that_a_notifier_moved_is_named_by_its_wait() {
    let _alone = alone();
    profile::set_period(Duration::from_nanos(1));
    static LOCK: Mutex<u32> = holdup::named_mutex!("moved victims", 0);
    static CHANGED: Condvar = Condvar::new();
    let before = profile::snapshot();
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| {
            first_victim(|| {
                let mut guard = LOCK.lock();
                while *guard == 0 {
                    CHANGED.wait(&mut guard);
                }
            });
        });
        // Asleep, not just on the way: else it has no stack yet.
        stay(Duration::from_millis(50));
        culprit(|| {
            let mut guard = LOCK.lock();
            *guard = 1;
            CHANGED.notify_one();
            compute(Duration::from_millis(5));
            drop(guard);
        });
        waiter.join().unwrap();
    });
    let profile = profile::snapshot().since(&before);
    let (count, delay) = between(&profile, "moved victims", "culprit", "first_victim");
    assert!(count == 1 && delay >= Duration::from_millis(5), "{count} {delay:?}");
}

#[test]
fn with_sampling_off_no_stack_is_taken_and_the_histograms_go_on() {
    let _alone = alone();
    profile::set_period(Duration::ZERO);
    static LOCK: Mutex<()> = holdup::named_mutex!("sampling is off", ());
    let before = profile::snapshot();
    rounds(
        &LOCK,
        3,
        |lock, inside| culprit(|| inside_of(lock, inside)),
        |lock| drop(lock.lock()),
        waiters,
    );
    let profile = profile::snapshot().since(&before);
    profile::set_period(Duration::from_micros(100));
    assert!(profile.pairs().all(|pair| pair.kind == Kind::Handoff), "{:?}", profile.samples());
    let lock = profile.locks().find(|lock| lock.name == "sampling is off").unwrap();
    assert_eq!(lock.waits.count(), lock.totals.waits);
    assert!(lock.waits.count() >= 12 && !lock.holds.is_empty());
    assert!(profile.longest_waits().iter().all(|wait| wait.victim.is_empty()));
}

fn inside_of(lock: &Mutex<()>, inside: &dyn Fn()) {
    let guard = lock.lock();
    inside();
    drop(guard);
}

#[test]
fn the_longest_wait_has_both_stacks_both_threads_and_its_time() {
    let _alone = alone();
    profile::set_period(Duration::from_micros(100));
    static LOCK: Mutex<()> = holdup::named_mutex!("a long wait", ());
    let before = profile::snapshot();
    let from = std::time::SystemTime::now();
    let turn = Barrier::new(2);
    std::thread::scope(|scope| {
        let named = |name: &str| std::thread::Builder::new().name(name.to_owned());
        named("the hog")
            .spawn_scoped(scope, || {
                culprit(|| {
                    inside_of(&LOCK, &|| {
                        turn.wait();
                        wait_until(|| waiters(&LOCK) == 2);
                        stay(Duration::from_millis(60));
                    });
                });
            })
            .unwrap();
        turn.wait();
        for name in ["one who waits", "another"] {
            named(name).spawn_scoped(scope, || first_victim(|| drop(LOCK.lock()))).unwrap();
        }
    });
    let to = std::time::SystemTime::now();
    let profile = profile::snapshot().since(&before);
    let waits: Vec<_> =
        profile.longest_waits().iter().filter(|wait| wait.lock == "a long wait").collect();
    let mut threads: Vec<_> = waits.iter().map(|wait| wait.victim_thread.as_str()).collect();
    threads.sort_unstable();
    // The second one waited for the first as well, but for the hog most.
    assert_eq!(threads, ["another", "one who waits"]);
    for wait in &waits {
        assert!(wait.wait >= Duration::from_millis(60), "{wait:?}");
        assert_eq!(wait.culprit_thread, "the hog");
        assert!(has(&wait.culprit, "culprit"), "{wait:?}");
        assert!(has(&wait.victim, "first_victim"), "{wait:?}");
        assert!((from..=to).contains(&wait.time), "{wait:?}");
    }
    let lock = profile.locks().find(|lock| lock.name == "a long wait").unwrap();
    assert_eq!(lock.longest, waits[0].wait);
    // The percentile is of the same bucket.
    let most = lock.waits.percentile(100.0).unwrap();
    assert!(most.abs_diff(waits[0].wait) * 20 <= waits[0].wait, "{most:?}");
}

#[test]
fn a_wait_that_timed_out_is_counted_by_its_length() {
    let _alone = alone();
    profile::set_period(Duration::from_micros(100));
    static LOCK: Mutex<()> = holdup::named_mutex!("timed out", ());
    let before = profile::snapshot();
    let guard = LOCK.lock();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            first_victim(|| assert!(LOCK.try_lock_for(Duration::from_millis(20)).is_none()));
        });
    });
    drop(guard);
    let profile = profile::snapshot().since(&before);
    let lock = profile.locks().find(|lock| lock.name == "timed out").unwrap();
    assert_eq!((lock.totals.waits, lock.waits.count()), (1, 1));
    let half = lock.waits.percentile(50.0).unwrap();
    assert!(half.abs_diff(lock.totals.waited) * 20 <= lock.totals.waited, "{half:?} {lock:?}");
    let wait = &profile.longest_waits()[0];
    assert!(has(&wait.victim, "first_victim"), "{wait:?}");
    // It has the name of the thread that started it, or of the program.
    assert!(cfg!(not(target_os = "linux")) || !wait.victim_thread.is_empty(), "{wait:?}");
}

#[test]
fn holds_are_counted_from_when_they_were_waited_for() {
    let _alone = alone();
    static LOCK: Mutex<()> = holdup::named_mutex!("holds", ());
    let before = profile::snapshot();
    std::thread::scope(|scope| {
        inside_of(&LOCK, &|| {
            // Nobody waits yet: not part of it.
            stay(Duration::from_millis(30));
            scope.spawn(|| drop(LOCK.lock()));
            wait_until(|| waiters(&LOCK) == 1);
            stay(Duration::from_millis(10));
        });
    });
    let profile = profile::snapshot().since(&before);
    let lock = profile.locks().find(|lock| lock.name == "holds").unwrap();
    assert_eq!(lock.holds.count(), 1);
    let hold = lock.holds.percentile(50.0).unwrap();
    // What was waited for is what one waiter waited.
    assert!(hold.abs_diff(lock.totals.blamed) * 20 <= lock.totals.blamed, "{hold:?} {lock:?}");
}
