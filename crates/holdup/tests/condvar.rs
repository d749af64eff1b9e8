//! The condition variable as programs use it.

use holdup::profile::{self, Kind, Totals};
use holdup::{Condvar, Mutex, MutexGuard, named_mutex};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Returns when `what` holds.
fn until(mut what: impl FnMut() -> bool) {
    while !what() {
        std::thread::sleep(Duration::from_micros(50));
    }
}

#[test]
fn a_wait_while_ends_when_its_condition_does_and_not_before() {
    let (number, changed) = (Mutex::new(0), Condvar::new());
    let looks = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| {
            let mut number = number.lock();
            changed.wait_while(&mut number, |number| {
                looks.fetch_add(1, Ordering::Relaxed);
                *number < 3
            });
            *number
        });
        for turn in 1..=3 {
            until(|| looks.load(Ordering::Relaxed) == turn);
            // It waits once the mutex is free.
            *number.lock() += 1;
            assert!(changed.notify_one());
        }
        assert_eq!(waiter.join().unwrap(), 3);
    });
    // Once at first, and once for each notification: none was made up.
    assert_eq!(looks.into_inner(), 4);
}

#[test]
fn a_wait_with_a_time_limit_says_whether_that_ended_it() {
    let (ready, changed) = (Mutex::new(false), Condvar::new());
    let brief = Duration::from_millis(1);
    let mut guard = ready.lock();
    let begin = Instant::now();
    assert!(changed.wait_for(&mut guard, brief).timed_out());
    assert!(changed.wait_until(&mut guard, Instant::now() + brief).timed_out());
    assert!(changed.wait_until(&mut guard, begin).timed_out());
    assert!(changed.wait_while_for(&mut guard, |ready| !*ready, brief).timed_out());
    assert!(changed.wait_while_until(&mut guard, |ready| !*ready, begin).timed_out());
    assert!(begin.elapsed() >= 3 * brief);
    // The condition holds: no wait at all.
    *guard = true;
    assert!(!changed.wait_while_for(&mut guard, |ready| !*ready, Duration::ZERO).timed_out());
    *guard = false;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            *ready.lock() = true;
            assert_eq!(changed.notify_all(), 1);
        });
        let long = Duration::MAX;
        assert!(!changed.wait_while_for(&mut guard, |ready| !*ready, long).timed_out());
    });
    assert!(*guard && ready.is_locked());
}

#[test]
fn one_condvar_goes_with_several_mutexes_at_a_time() {
    let (one, other, changed) = (Mutex::new(1), Mutex::new(2), Condvar::new());
    let waiting = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for mutex in [&one, &other, &one, &other] {
            let (waiting, changed) = (&waiting, &changed);
            scope.spawn(move || {
                let mut guard = mutex.lock();
                waiting.fetch_add(1, Ordering::Relaxed);
                changed.wait(&mut guard);
                *guard *= 10;
            });
        }
        until(|| waiting.load(Ordering::Relaxed) == 4);
        // Under both mutexes: all four have gone on to wait.
        let (first, second) = (one.lock(), other.lock());
        assert_eq!(changed.notify_all(), 4);
        drop((first, second));
    });
    assert_eq!((one.into_inner(), other.into_inner()), (100, 200));
}

#[test]
fn a_panic_of_the_condition_leaves_the_mutex_to_its_guard() {
    let (mutex, changed) = (Mutex::new(0), Condvar::new());
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let mut guard = mutex.lock();
        changed.wait_while(&mut guard, |_| std::panic::resume_unwind(Box::new(1)));
    }));
    assert!(result.is_err() && !mutex.is_locked());
    assert!(!changed.notify_one());
}

#[test]
fn a_condvar_is_small_const_and_says_what_it_is() {
    static ONE: Condvar = Condvar::new();
    assert_eq!(size_of::<Condvar>(), size_of::<usize>());
    assert_eq!(format!("{ONE:?} {:?}", ONE.raw()), "Condvar { .. } RawCondvar { .. }");
    assert_eq!((Condvar::default().notify_all(), ONE.notify_one()), (0, false));
    fn assert_auto<T: Send + Sync + Unpin + std::panic::UnwindSafe + std::panic::RefUnwindSafe>() {}
    assert_auto::<Condvar>();
}

#[inline(never)]
fn ends_its_section_by_waiting(guard: &mut MutexGuard<'_, u32>, changed: &Condvar) {
    changed.wait(guard);
    std::hint::black_box("no tail call");
}

#[inline(never)]
fn notifies_and_goes_on_holding(mutex: &Mutex<u32>, changed: &Condvar) {
    let guard = mutex.lock();
    assert!(changed.notify_one());
    std::thread::sleep(Duration::from_millis(5));
    drop(guard);
    std::hint::black_box("no tail call, and not the same code");
}

/// The functions that `class` has blame samples of, and its sums.
fn culprits(class: &str, since: &profile::Profile) -> (Vec<String>, Totals) {
    let profile = profile::snapshot().since(since);
    let functions = profile
        .samples()
        .iter()
        .filter(|sample| sample.lock == class && sample.kind == Kind::Blame)
        .filter_map(|sample| sample.stack.first())
        .map(|frame| frame.function.to_string())
        .collect();
    (functions, profile.totals_of(class).unwrap_or_default())
}

#[test]
fn the_section_that_ends_with_a_wait_is_charged_at_that_wait() {
    static LOCK: Mutex<u32> = named_mutex!("condvar: ended by a wait", 0);
    static CHANGED: Condvar = Condvar::new();
    profile::set_period(Duration::from_nanos(1));
    let before = profile::snapshot();
    std::thread::scope(|scope| {
        let (holds, comes) = (AtomicBool::new(false), AtomicBool::new(false));
        let (holds, comes) = (Arc::new(holds), Arc::new(comes));
        let flags = (holds.clone(), comes.clone());
        scope.spawn(move || {
            let mut guard = LOCK.lock();
            flags.0.store(true, Ordering::Release);
            until(|| flags.1.load(Ordering::Acquire));
            // Until it is queued, however long that takes.
            until(|| waiters(&LOCK) == 1);
            ends_its_section_by_waiting(&mut guard, &CHANGED);
        });
        until(|| holds.load(Ordering::Acquire));
        comes.store(true, Ordering::Release);
        let guard = LOCK.lock();
        assert!(CHANGED.notify_one());
        drop(guard);
    });
    let (functions, totals) = culprits("condvar: ended by a wait", &before);
    assert!(
        functions.iter().any(|name| name.ends_with("::ends_its_section_by_waiting")),
        "{functions:?}"
    );
    assert_eq!(totals.waited, totals.blamed + totals.handoff);
}

#[test]
fn a_notifier_that_goes_on_holding_the_mutex_is_charged_at_its_unlock() {
    static LOCK: Mutex<u32> = named_mutex!("condvar: goes on holding", 0);
    static CHANGED: Condvar = Condvar::new();
    profile::set_period(Duration::from_nanos(1));
    let before = profile::snapshot();
    std::thread::scope(|scope| {
        let waits = AtomicBool::new(false);
        let waits = Arc::new(waits);
        let flag = waits.clone();
        scope.spawn(move || {
            let mut guard = LOCK.lock();
            flag.store(true, Ordering::Release);
            CHANGED.wait(&mut guard);
        });
        until(|| waits.load(Ordering::Acquire));
        notifies_and_goes_on_holding(&LOCK, &CHANGED);
    });
    let (functions, totals) = culprits("condvar: goes on holding", &before);
    assert!(
        functions.iter().any(|name| name.ends_with("::notifies_and_goes_on_holding")),
        "{functions:?}"
    );
    assert!(totals.blamed >= Duration::from_millis(5), "{totals:?}");
    assert_eq!(totals.waited, totals.blamed + totals.handoff);
}

/// How many threads are queued for `mutex`. The core knows; the public face does
/// not tell.
fn waiters<T>(mutex: &Mutex<T>) -> usize {
    // SAFETY: the raw lock is only looked at.
    let raw: *const holdup::RawMutex = unsafe { mutex.raw() };
    // SAFETY: `holdup::RawMutex` is a `repr(transparent)` wrapper of the core's, which
    // lives as long as `mutex` does.
    unsafe { &*raw.cast::<holdup_core::raw::RawMutex>() }.waiters()
}
