//! The fair mutex: what sets it apart from the plain one.

use holdup::{
    FairMutex, FairMutexGuard, MappedFairMutexGuard, RawFairMutex, named_fair_mutex, profile,
};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Code that is generic over the traits of `lock_api` 0.4.
fn add_generically<R>(lock: &lock_api_04::Mutex<R, u32>)
where
    R: lock_api_04::RawMutexFair
        + lock_api_04::RawMutexTimed<Duration = Duration, Instant = Instant>,
{
    *lock.lock() += 1;
    *lock.try_lock().unwrap() += 1;
    *lock.try_lock_for(Duration::ZERO).unwrap() += 1;
    let mut guard = lock.try_lock_until(Instant::now()).unwrap();
    lock_api_04::MutexGuard::bump(&mut guard);
    lock_api_04::MutexGuard::unlock_fair(guard);
    assert!(!lock.is_locked());
}

#[test]
fn the_raw_fair_mutex_has_the_traits_of_both_versions() {
    let lock = lock_api_04::Mutex::<RawFairMutex, u32>::new(0);
    add_generically(&lock);
    assert_eq!(lock.into_inner(), 3);
    let lock = FairMutex::new(0);
    *lock.lock() += 1;
    *lock.try_lock().unwrap() += 1;
    *lock.try_lock_for(Duration::ZERO).unwrap() += 1;
    let mut guard = lock.try_lock_until(Instant::now()).unwrap();
    FairMutexGuard::bump(&mut guard);
    assert!(lock.is_locked() && lock.try_lock().is_none());
    let part: MappedFairMutexGuard<'_, u32> = FairMutexGuard::map(guard, |all| all);
    assert_eq!(*part, 3);
    drop(part);
    assert!(!lock.is_locked());
}

#[test]
fn who_unlocks_does_not_get_the_lock_again_before_those_who_are_queued() {
    for _ in 0..50 {
        let (lock, queued) = (FairMutex::new(Vec::new()), AtomicBool::new(false));
        std::thread::scope(|scope| {
            let mut guard = lock.lock();
            scope.spawn(|| {
                queued.store(true, Ordering::Release);
                lock.lock().push("the other");
            });
            while !queued.load(Ordering::Acquire) || waiters(&lock) == 0 {
                std::thread::yield_now();
            }
            guard.push("the first");
            drop(guard);
            // A plain mutex would most likely be taken here, before the other has run.
            lock.lock().push("the first again");
        });
        assert_eq!(lock.into_inner(), ["the first", "the other", "the first again"]);
    }
}

#[test]
fn its_books_balance() {
    static LOCK: FairMutex<u64> = named_fair_mutex!("fair: books", 0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..2_000).for_each(|_| *LOCK.lock() += 1));
        }
    });
    assert_eq!(*LOCK.lock(), 8_000);
    let totals = profile::snapshot().totals_of("fair: books").unwrap_or_default();
    assert_eq!(totals.waited, totals.blamed + totals.handoff);
}

#[test]
fn it_takes_what_a_mutex_takes_and_knows_its_holder() {
    assert_eq!(size_of::<RawFairMutex>(), size_of::<holdup::RawMutex>());
    let lock = FairMutex::new(1);
    // SAFETY: it is only looked at.
    let raw = unsafe { lock.raw() };
    assert!(raw.holder().is_none());
    let _guard = lock.lock();
    assert!(raw.holder().is_some());
    assert!(format!("{raw:?}").starts_with("RawFairMutex(RawMutex"));
}

#[cfg(feature = "arc_lock")]
#[test]
fn an_arc_guard_keeps_the_lock_alive() {
    let lock = std::sync::Arc::new(FairMutex::new(1));
    let guard: holdup::ArcFairMutexGuard<i32> = lock.lock_arc();
    drop(lock);
    assert_eq!(*guard, 1);
}

fn waiters<T>(mutex: &FairMutex<T>) -> usize {
    // SAFETY: the raw lock is only looked at.
    let raw: *const RawFairMutex = unsafe { mutex.raw() };
    // SAFETY: both wrappers are `repr(transparent)`, and live as long as `mutex`.
    unsafe { &*raw.cast::<holdup_core::raw::RawMutex>() }.waiters()
}
