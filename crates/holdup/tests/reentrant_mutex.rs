//! The reentrant mutex.

use holdup::profile::{self, Kind};
use holdup::{
    MappedReentrantMutexGuard, RawThreadId, ReentrantMutex, ReentrantMutexGuard,
    named_reentrant_mutex,
};
use std::cell::Cell;
use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::time::Duration;

#[test]
fn its_holder_locks_again_and_others_wait_for_the_last_guard() {
    let lock = ReentrantMutex::new(Cell::new(0));
    let outer = lock.lock();
    let inner = lock.try_lock().unwrap();
    let timed = lock.try_lock_for(Duration::ZERO).unwrap();
    let taken =
        || std::thread::scope(|scope| scope.spawn(|| lock.try_lock().is_none()).join().unwrap());
    timed.set(timed.get() + 1);
    drop(outer);
    assert!(taken() && lock.is_owned_by_current_thread());
    drop(timed);
    assert!(taken());
    drop(inner);
    assert!(!taken() && !lock.is_owned_by_current_thread());
    assert_eq!(lock.into_inner().get(), 1);
}

#[test]
fn no_two_living_threads_have_one_id() {
    let (ids, barrier) = (Mutex::new(HashSet::new()), Barrier::new(100));
    std::thread::scope(|scope| {
        for _ in 0..100 {
            scope.spawn(|| {
                let id = lock_api::GetThreadId::nonzero_thread_id(&RawThreadId);
                assert_eq!(id, lock_api_04::GetThreadId::nonzero_thread_id(&RawThreadId));
                ids.lock().unwrap().insert(id);
                barrier.wait();
            });
        }
    });
    assert_eq!(ids.into_inner().unwrap().len(), 100);
}

#[test]
fn it_excludes_other_threads_however_deep_each_locks() {
    static LOCK: ReentrantMutex<Cell<u64>> =
        named_reentrant_mutex!("reentrant: books", Cell::new(0));
    fn add(depth: u64) {
        let guard = LOCK.lock();
        guard.set(guard.get() + 1);
        if depth > 0 {
            add(depth - 1);
        }
    }
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..2_000).for_each(|turn| add(turn % 4)));
        }
    });
    assert_eq!(LOCK.lock().get(), 4 * 2_000 * 10 / 4);
    let totals = profile::snapshot().totals_of("reentrant: books").unwrap_or_default();
    assert_eq!(totals.waited, totals.blamed + totals.handoff);
}

#[inline(never)]
fn drops_the_last_guard(guard: ReentrantMutexGuard<'_, ()>) {
    drop(guard);
    std::hint::black_box("no tail call");
}

#[test]
fn who_drops_the_last_guard_is_charged() {
    static LOCK: ReentrantMutex<()> = named_reentrant_mutex!("reentrant: last guard", ());
    profile::set_period(Duration::from_nanos(1));
    let before = profile::snapshot();
    loop {
        let coming = AtomicBool::new(false);
        let (outer, inner) = (LOCK.lock(), LOCK.lock());
        std::thread::scope(|scope| {
            scope.spawn(|| {
                coming.store(true, Ordering::Release);
                drop(LOCK.lock());
            });
            while !coming.load(Ordering::Acquire) {
                std::thread::yield_now();
            }
            std::thread::sleep(Duration::from_millis(2));
            drop(outer);
            drops_the_last_guard(inner);
        });
        let profile = profile::snapshot().since(&before);
        let blamed: Vec<_> = profile
            .samples()
            .iter()
            .filter(|one| one.lock == "reentrant: last guard" && one.kind == Kind::Blame)
            .map(|one| one.stack[0].function.as_str())
            .collect();
        if !blamed.is_empty() {
            // Two tries may both be in it; the other thread ends none that is waited for.
            let expected = "reentrant_mutex::drops_the_last_guard";
            assert!(blamed.iter().all(|name| *name == expected), "{blamed:?}");
            break;
        }
    }
}

#[test]
fn a_part_can_be_guarded_and_a_fair_unlock_and_a_bump_work() {
    let lock = ReentrantMutex::new((1, 2));
    let part: MappedReentrantMutexGuard<'_, i32> =
        ReentrantMutexGuard::map(lock.lock(), |both| &both.1);
    assert_eq!(*part, 2);
    drop(part);
    let mut guard = lock.lock();
    ReentrantMutexGuard::bump(&mut guard);
    ReentrantMutexGuard::unlock_fair(guard);
    assert!(!lock.is_locked());
    assert_eq!(format!("{:?}", Arc::new(lock)), "ReentrantMutex { data: (1, 2) }");
}

#[cfg(feature = "arc_lock")]
#[test]
fn an_arc_guard_keeps_the_lock_alive() {
    let lock = Arc::new(ReentrantMutex::new(1));
    let guard: holdup::ArcReentrantMutexGuard<i32> = lock.lock_arc();
    drop(lock);
    assert_eq!(*guard, 1);
}
