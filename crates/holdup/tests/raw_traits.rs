//! The raw mutex behind the traits of `lock_api`, both versions.

use holdup::{Mutex, MutexGuard, RawMutex};
use std::time::{Duration, Instant};

/// Code of a crate that is generic over the traits of `lock_api` 0.4.
mod generic_04 {
    use lock_api_04::{Mutex, MutexGuard, RawMutex, RawMutexFair, RawMutexTimed};
    use std::time::{Duration, Instant};

    pub struct Counter<R>(pub Mutex<R, u64>);

    impl<R: RawMutexFair + RawMutexTimed<Duration = Duration, Instant = Instant>> Counter<R> {
        // As old code writes it, made for statics.
        #[allow(clippy::declare_interior_mutable_const)]
        pub const NEW: Counter<R> = Counter(Mutex::const_new(R::INIT, 0));

        pub fn add(&self) {
            let mut guard = self.0.lock();
            *guard += 1;
            MutexGuard::bump(&mut guard);
            *guard += 1;
            MutexGuard::unlock_fair(guard);
        }

        pub fn is_taken(&self) -> bool {
            self.0.is_locked()
                && self.0.try_lock().is_none()
                && self.0.try_lock_for(Duration::from_millis(1)).is_none()
                && self.0.try_lock_until(Instant::now()).is_none()
        }
    }

    pub fn assert_raw<R: RawMutex>() {}
}

/// Adds from several threads at once, so that mutual exclusion shows.
fn hammer(add: impl Fn() + Sync) {
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..1000).for_each(|_| add()));
        }
    });
}

#[test]
fn code_generic_over_lock_api_04_takes_the_raw_mutex() {
    generic_04::assert_raw::<RawMutex>();
    static COUNTER: generic_04::Counter<RawMutex> = generic_04::Counter::NEW;
    hammer(|| COUNTER.add());
    assert_eq!(*COUNTER.0.lock(), 8000);
    let guard = COUNTER.0.lock();
    assert!(std::thread::scope(|scope| scope.spawn(|| COUNTER.is_taken()).join().unwrap()));
    drop(guard);
    assert!(!COUNTER.is_taken());
}

#[test]
fn fair_unlock_and_bump_exclude_each_other_too() {
    static COUNTER: Mutex<u64> = Mutex::new(0);
    hammer(|| {
        let mut guard = COUNTER.lock();
        *guard += 1;
        MutexGuard::bump(&mut guard);
        *guard += 1;
        MutexGuard::unlock_fair(guard);
    });
    assert_eq!(*COUNTER.lock(), 8000);
}

#[test]
fn a_lock_that_is_held_times_out_and_one_that_is_free_does_not() {
    let mutex = Mutex::new(1);
    let guard = mutex.lock();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            assert!(mutex.is_locked());
            assert!(mutex.try_lock().is_none());
            assert!(mutex.try_lock_for(Duration::from_millis(2)).is_none());
            assert!(mutex.try_lock_until(Instant::now()).is_none());
        });
    });
    drop(guard);
    assert!(mutex.try_lock_for(Duration::ZERO).is_some());
    assert!(mutex.try_lock_until(Instant::now()).is_some());
    assert!(!mutex.is_locked());
}

#[test]
fn a_panic_inside_the_lock_releases_it() {
    let mutex = Mutex::new(1);
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let mut guard = mutex.lock();
        *guard = 2;
        std::panic::resume_unwind(Box::new("inside the lock"));
    }));
    assert!(result.is_err());
    assert_eq!(*mutex.try_lock().expect("released by unwinding"), 2);
}

#[test]
fn a_part_of_the_data_can_be_guarded() {
    let mutex = Mutex::new((1, 2));
    let part: holdup::MappedMutexGuard<'_, i32> = MutexGuard::map(mutex.lock(), |pair| &mut pair.1);
    assert_eq!(*part, 2);
    assert!(mutex.is_locked());
    drop(part);
    assert!(!mutex.is_locked());
}

#[cfg(feature = "arc_lock")]
#[test]
fn an_arc_guard_keeps_the_lock_alive() {
    let mutex = std::sync::Arc::new(Mutex::new(1));
    let guard: holdup::ArcMutexGuard<i32> = mutex.lock_arc();
    drop(mutex);
    assert_eq!(*guard, 1);
}

#[cfg(feature = "send_guard")]
#[test]
fn a_guard_may_be_dropped_by_another_thread() {
    let mutex = Mutex::new(1);
    let guard = mutex.lock();
    std::thread::scope(|scope| {
        scope.spawn(move || drop(guard));
    });
    assert!(!mutex.is_locked());
}

#[cfg(feature = "serde")]
#[test]
fn a_mutex_is_serialized_as_its_data() {
    let text = serde_json::to_string(&Mutex::new([1, 2])).unwrap();
    assert_eq!(text, "[1,2]");
    let mutex: Mutex<[i32; 2]> = serde_json::from_str(&text).unwrap();
    assert_eq!(mutex.into_inner(), [1, 2]);
}
