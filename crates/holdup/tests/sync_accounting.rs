//! Who waits for a lock of `holdup::sync` is held up by the function that
//! ends the critical section: that is where the profile puts it, and no frame
//! of the lock's own comes before. Who waits for an event is held up by nobody.

mod common;

use common::reading::{assert_conserved, blame_of, is_function, list, totals};
use common::{alone, stay};
use holdup::named;
use holdup::profile::{self, Kind, Profile};
use holdup::sync::{Barrier, Condvar, LazyLock, Mutex, Once, OnceLock, RwLock, RwLockWriteGuard};
use std::hint::black_box;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const LENGTH: Duration = Duration::from_millis(5);
const LONG: Duration = Duration::from_millis(100);

/// Calls `hold` with a function that it shall call in its critical section:
/// that starts two threads that call `come`, and stays for a while. Returns
/// how long the two took in all.
fn hold_up(length: Duration, hold: impl FnOnce(&dyn Fn()), come: impl Fn() + Sync) -> Duration {
    let (coming, waited) = (AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        hold(&|| {
            for _ in 0..2 {
                scope.spawn(|| {
                    let start = Instant::now();
                    coming.fetch_add(1, Ordering::Release);
                    come();
                    waited.fetch_add(start.elapsed().as_nanos() as usize, Ordering::Relaxed);
                });
            }
            while coming.load(Ordering::Acquire) < 2 {
                thread::yield_now();
            }
            stay(length);
        });
    });
    Duration::from_nanos(waited.into_inner() as u64)
}

/// What is recorded while `section` runs.
fn profile_of(section: impl FnOnce()) -> Profile {
    profile::set_period(Duration::from_nanos(1));
    let before = profile::snapshot();
    section();
    profile::snapshot().since(&before)
}

/// Repeats `round` until `culprit` is blamed for a wait for `lock`, with a
/// stack that begins with it.
fn assert_blamed(lock: &str, culprit: &str, round: impl Fn()) {
    let _alone = alone();
    let start = Instant::now();
    loop {
        let profile = profile_of(&round);
        assert_conserved(&profile, lock);
        let sample = profile.samples().iter().find(|sample| {
            let of_culprit = sample.stack.iter().any(|frame| is_function(frame, culprit));
            sample.lock == lock && sample.kind == Kind::Blame && of_culprit
        });
        if let Some(sample) = sample {
            assert!(is_function(&sample.stack[0], culprit), "{}", list(&profile, lock));
            return;
        }
        assert!(start.elapsed() < Duration::from_secs(120), "{}", list(&profile, lock));
    }
}

#[test]
fn waiting_for_a_mutex_is_blamed_on_who_drops_the_guard() {
    static MUTEX: Mutex<u64> = named!("sync: mutex", Mutex::new(0));
    #[inline(never)]
    fn drops_a_guard(inside: &dyn Fn()) {
        let guard = MUTEX.lock().unwrap();
        inside();
        drop(guard);
        black_box("drops_a_guard");
    }
    assert_blamed("sync: mutex", "drops_a_guard", || {
        hold_up(LENGTH, drops_a_guard, || *MUTEX.lock().unwrap() += 1);
    });
}

#[test]
fn waiting_for_an_initializer_is_blamed_on_who_called_it() {
    #[inline(never)]
    fn calls_once(once: &Once, inside: &dyn Fn()) {
        once.call_once(inside);
        black_box("calls_once");
    }
    assert_blamed("sync: once", "calls_once", || {
        let once = named!("sync: once", Once::new());
        hold_up(LENGTH, |inside| calls_once(&once, inside), || once.call_once(|| unreachable!()));
    });

    #[inline(never)]
    fn waited_for(once: &Once, inside: &dyn Fn()) {
        once.call_once_force(|_| inside());
        black_box("waited_for");
    }
    assert_blamed("sync: once, wait", "waited_for", || {
        let once = named!("sync: once, wait", Once::new());
        hold_up(LENGTH, |inside| waited_for(&once, inside), || once.wait());
    });

    #[inline(never)]
    fn fills_a_cell(cell: &OnceLock<u8>, inside: &dyn Fn()) {
        cell.get_or_init(|| {
            inside();
            7
        });
        black_box("fills_a_cell");
    }
    assert_blamed("sync: once lock", "fills_a_cell", || {
        let cell = named!("sync: once lock", OnceLock::new());
        let come = || assert_eq!(cell.get_or_init(|| unreachable!()), &7);
        hold_up(LENGTH, |inside| fills_a_cell(&cell, inside), come);
    });

    #[inline(never)]
    fn dereferences<T, F: FnOnce() -> T>(lazy: &LazyLock<T, F>) {
        black_box::<&T>(lazy);
        black_box("dereferences");
    }
    assert_blamed("sync: lazy lock", "dereferences", || {
        static INSIDE: Mutex<Option<&'static str>> = Mutex::new(None);
        let coming = AtomicUsize::new(0);
        let lazy = named!(
            "sync: lazy lock",
            LazyLock::new(|| {
                while coming.load(Ordering::Acquire) == 0 {
                    thread::yield_now();
                }
                stay(LENGTH);
                *INSIDE.lock().unwrap() = Some("made");
            })
        );
        thread::scope(|scope| {
            scope.spawn(|| dereferences(&lazy));
            scope.spawn(|| {
                coming.store(1, Ordering::Release);
                dereferences(&lazy);
            });
        });
        assert_eq!(*INSIDE.lock().unwrap(), Some("made"));
    });
}

#[test]
fn a_slow_initializer_is_charged_with_what_all_waited() {
    #[inline(never)]
    fn initializes_slowly(once: &Once, inside: &dyn Fn()) {
        once.call_once(inside);
        black_box("initializes_slowly");
    }
    let _alone = alone();
    let mut waited = Duration::ZERO;
    let profile = profile_of(|| {
        for _ in 0..5 {
            let once = named!("sync: slow once", Once::new());
            let come = || once.call_once(|| unreachable!());
            waited += hold_up(LONG, |inside| initializes_slowly(&once, inside), come);
        }
    });
    let blame = blame_of(&profile, "sync: slow once", "initializes_slowly");
    let totals = totals(&profile, "sync: slow once");
    println!("waited {waited:?}, blamed {blame:?} of {totals:?}");
    // The rest is the way to the lock before, and to a processor after it.
    assert!(blame <= waited && blame >= waited / 2, "{blame:?} of {waited:?}");
    // Who only looks whether it is done is charged with next to nothing.
    assert!(blame >= totals.blamed.mul_f64(0.9), "{}", list(&profile, "sync: slow once"));
    assert_conserved(&profile, "sync: slow once");
}

#[test]
fn waiting_for_what_nobody_has_begun_is_not_accounted() {
    let _alone = alone();
    let mut waited = Duration::ZERO;
    let profile = profile_of(|| {
        let once = named!("sync: awaited once", Once::new());
        thread::scope(|scope| {
            let waiter = scope.spawn(|| {
                let start = Instant::now();
                once.wait();
                start.elapsed()
            });
            stay(LONG);
            once.call_once(|| ());
            waited = waiter.join().unwrap();
        });
    });
    let accounted = totals(&profile, "sync: awaited once").waited;
    println!("waited {waited:?}, accounted {accounted:?}");
    assert!(accounted < waited / 2, "{accounted:?} of {waited:?}");
}

#[test]
fn who_waits_for_a_condition_ends_its_critical_section() {
    static MUTEX: Mutex<bool> = named!("sync: condvar", Mutex::new(false));
    static CHANGED: Condvar = Condvar::new();
    #[inline(never)]
    fn waits_for_a_condition(inside: &dyn Fn()) {
        let guard = MUTEX.lock().unwrap();
        inside();
        *CHANGED.wait_while(guard, |done| !*done).unwrap() = false;
        black_box("waits_for_a_condition");
    }
    assert_blamed("sync: condvar", "waits_for_a_condition", || {
        hold_up(LENGTH, waits_for_a_condition, || {
            *MUTEX.lock().unwrap() = true;
            CHANGED.notify_all();
        });
    });
}

#[test]
fn waiting_for_a_condition_or_at_a_barrier_is_not_accounted() {
    static MUTEX: Mutex<bool> = named!("sync: condition", Mutex::new(false));
    static CHANGED: Condvar = Condvar::new();
    static BARRIER: Barrier = named!("sync: barrier", Barrier::new(2));
    let _alone = alone();
    let mut waited = Duration::ZERO;
    let profile = profile_of(|| {
        thread::scope(|scope| {
            let waiter = scope.spawn(|| {
                let start = Instant::now();
                drop(CHANGED.wait_while(MUTEX.lock().unwrap(), |done| !*done));
                let condition = start.elapsed();
                BARRIER.wait();
                condition.min(start.elapsed() - condition)
            });
            stay(LONG);
            *MUTEX.lock().unwrap() = true;
            CHANGED.notify_one();
            stay(LONG);
            BARRIER.wait();
            waited = waiter.join().unwrap();
        });
    });
    for lock in ["sync: condition", "sync: barrier"] {
        assert_conserved(&profile, lock);
        let accounted = totals(&profile, lock).waited;
        println!("waited {waited:?}, accounted {accounted:?}");
        assert!(accounted < waited / 2, "{lock}: {accounted:?} of {waited:?}");
    }
}

#[test]
fn threads_that_pass_a_barrier_wait_for_each_other() {
    let _alone = alone();
    let start = Instant::now();
    loop {
        let profile = profile_of(|| {
            let barrier = named!("sync: passing", Barrier::new(4));
            thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| (0..100).for_each(|_| _ = barrier.wait()));
                }
            });
        });
        assert_conserved(&profile, "sync: passing");
        if !totals(&profile, "sync: passing").waited.is_zero() {
            return;
        }
        assert!(start.elapsed() < Duration::from_secs(120));
    }
}

#[test]
#[cfg(target_pointer_width = "64")]
fn the_sizes_are_those_the_documentation_names() {
    assert_eq!(size_of::<Mutex<u8>>(), 24);
    assert_eq!(size_of::<RwLock<u8>>(), 32);
    assert_eq!(size_of::<Condvar>(), 8);
    assert_eq!(size_of::<Once>(), 24);
    assert_eq!(size_of::<OnceLock<String>>(), 24 + size_of::<Option<String>>());
    assert_eq!(size_of::<LazyLock<String>>(), 24 + size_of::<String>());
    assert_eq!(size_of::<Barrier>(), 56);
    if cfg!(target_os = "linux") {
        use std::sync;
        assert_eq!((size_of::<sync::Mutex<u8>>(), size_of::<sync::RwLock<u8>>()), (8, 12));
        assert_eq!((size_of::<sync::Once>(), size_of::<sync::Barrier>()), (4, 40));
    }
}

#[test]
fn waiting_for_an_rwlock_is_blamed_on_who_ends_the_read_or_the_write() {
    static LOCK: RwLock<u64> = named!("sync: rwlock", RwLock::new(0));
    #[inline(never)]
    fn ends_a_write(inside: &dyn Fn()) {
        let guard = LOCK.write().unwrap();
        inside();
        drop(guard);
        black_box("ends_a_write");
    }
    assert_blamed("sync: rwlock", "ends_a_write", || {
        hold_up(LENGTH, ends_a_write, || _ = *LOCK.read().unwrap());
    });
    #[inline(never)]
    fn ends_a_read(inside: &dyn Fn()) {
        let _guard = LOCK.read().unwrap();
        inside();
        black_box("ends_a_read");
    }
    assert_blamed("sync: rwlock", "ends_a_read", || {
        hold_up(LENGTH, ends_a_read, || *LOCK.write().unwrap() += 1);
    });
    #[inline(never)]
    fn downgrades(inside: &dyn Fn()) {
        let guard = LOCK.write().unwrap();
        inside();
        black_box(&RwLockWriteGuard::downgrade(guard));
    }
    assert_blamed("sync: rwlock", "downgrades", || {
        hold_up(LENGTH, downgrades, || _ = *LOCK.read().unwrap());
    });
}
