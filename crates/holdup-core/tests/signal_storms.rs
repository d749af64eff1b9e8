//! Threads that are interrupted by signals all the time, without `SA_RESTART`:
//! waits neither end early nor miscount, and the recorder may be interrupted by
//! a handler that itself waits and is recorded.
#![cfg(target_os = "linux")]

mod fault_support;

use fault_support::{Thread, alone, assert_conserved, handle, rows, wait_until, with};
use holdup_core::class::ClassId;
use holdup_core::raw::{RawCondvar, RawMutex, RawRwLock};
use holdup_core::record::{Kind, set_period};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

static HANDLED: AtomicU64 = AtomicU64::new(0);

extern "C" fn count(_: libc::c_int) {
    HANDLED.fetch_add(1, Ordering::Relaxed);
}

/// How many signals interrupt each wait.
const STORM: u64 = 500;

/// Interrupts `thread` again and again, one signal at a time.
fn storm(thread: &Thread, signals: u64) {
    for _ in 0..signals {
        let before = HANDLED.load(Ordering::Relaxed);
        thread.signal(libc::SIGUSR1);
        wait_until(|| HANDLED.load(Ordering::Relaxed) > before);
    }
}

/// Has a thread wait by `wait` through a storm until `end` is called, which lets
/// it have what it waits for. Whether it waited until then.
fn waits_through(wait: impl Fn() + Sync, queued: impl Fn() -> bool, end: impl FnOnce()) {
    let (thread, over) = (Thread::new(), AtomicBool::new(false));
    let (done, ended) = (AtomicBool::new(false), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            thread.is_this();
            wait();
            assert!(ended.load(Ordering::SeqCst), "a signal ended the wait");
            done.store(true, Ordering::SeqCst);
            wait_until(|| over.load(Ordering::Relaxed));
        });
        wait_until(&queued);
        storm(&thread, STORM);
        assert!(queued() && !done.load(Ordering::SeqCst));
        ended.store(true, Ordering::SeqCst);
        end();
        storm(&thread, STORM / 10);
        over.store(true, Ordering::Relaxed);
    });
}

#[test]
fn a_wait_goes_on_through_a_storm_of_signals() {
    let _alone = alone();
    handle(libc::SIGUSR1, count);
    let class = ClassId::of("storm: mutex");
    let lock = RawMutex::with_class(class);
    lock.lock();
    // SAFETY: locked above.
    waits_through(|| with(&lock, || ()), || lock.waiters() == 1, || unsafe { lock.unlock() });
    let sums = assert_conserved(class);
    assert_eq!((sums.waits, sums.contentions), (1, 1), "{sums:?}");

    let class = ClassId::of("storm: rwlock");
    let lock = RawRwLock::with_class(class);
    for writes in [false, true] {
        lock.lock_exclusive();
        waits_through(
            // SAFETY: each unlock follows a lock of its kind.
            || unsafe {
                if writes {
                    lock.lock_exclusive();
                    lock.unlock_exclusive();
                } else {
                    lock.lock_shared();
                    lock.unlock_shared();
                }
            },
            || lock.waiters() == 1,
            // SAFETY: locked above.
            || unsafe { lock.unlock_exclusive() },
        );
    }
    assert_eq!(assert_conserved(class).waits, 2);

    let class = ClassId::of("storm: condvar");
    let (lock, condvar) = (RawMutex::with_class(class), RawCondvar::new());
    waits_through(
        // SAFETY: locked by `with`. Not in a loop: there are no spurious wake-ups.
        || with(&lock, || unsafe { condvar.wait(&lock) }),
        || condvar.waiters() == 1,
        || assert!(condvar.notify_one()),
    );
    assert_conserved(class);
}

#[test]
fn a_time_out_comes_neither_early_nor_never_in_a_storm() {
    let _alone = alone();
    handle(libc::SIGUSR1, count);
    let class = ClassId::of("storm: time-outs");
    let (lock, shared) = (RawMutex::with_class(class), RawRwLock::with_class(class));
    let condvar = RawCondvar::new();
    let (thread, over, ended) = (Thread::new(), AtomicBool::new(false), AtomicBool::new(false));
    lock.lock();
    shared.lock_exclusive();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            thread.is_this();
            let own = RawMutex::INIT;
            for _ in 0..10 {
                let patience = Duration::from_millis(10);
                let begin = Instant::now();
                assert!(!lock.try_lock_for(patience));
                assert!(begin.elapsed() >= patience);
                let begin = Instant::now();
                assert!(!shared.try_lock_shared_for(patience));
                assert!(begin.elapsed() >= patience);
                let begin = Instant::now();
                // SAFETY: locked by `with`.
                let notified = with(&own, || unsafe { condvar.wait_for(&own, patience) });
                assert!(!notified && begin.elapsed() >= patience);
            }
            over.store(true, Ordering::Relaxed);
            wait_until(|| ended.load(Ordering::Relaxed));
        });
        while !over.load(Ordering::Relaxed) {
            storm(&thread, 10);
        }
        ended.store(true, Ordering::Relaxed);
    });
    // SAFETY: both locked above.
    unsafe {
        lock.unlock();
        shared.unlock_exclusive();
    }
    let sums = assert_conserved(class);
    assert_eq!((sums.waits, sums.handoff), (20, 0), "{sums:?}");
}

static RECORDED: RawMutex = RawMutex::with_class(ClassId::of("storm: recorder"));

extern "C" fn use_the_recorder(_: libc::c_int) {
    with(&RECORDED, || (0..50).for_each(|_| std::hint::spin_loop()));
    HANDLED.fetch_add(1, Ordering::Relaxed);
}

#[test]
// To see it hang, now and then: cargo test -p holdup-core --test signal_storms -- --ignored
#[cfg_attr(
    holdup_park = "semaphore",
    ignore = "a handler may have interrupted the parker's own mutex: see park/semaphore.rs"
)]
fn a_handler_that_is_recorded_itself_may_interrupt_the_recorder() {
    let _alone = alone();
    // Threads that wait are interrupted by a handler that waits, contends and
    // unlocks, so that each step of either may be interrupted by the other's.
    handle(libc::SIGUSR1, use_the_recorder);
    set_period(1);
    let classes = ["storm: outer", "storm: recorder"].map(ClassId::of);
    let outer = RawMutex::with_class(classes[0]);
    let threads = [const { Thread::new() }; 3];
    let (over, ended) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for thread in &threads {
            scope.spawn(|| {
                thread.is_this();
                while !over.load(Ordering::Relaxed) {
                    with(&outer, || (0..100).for_each(|_| std::hint::spin_loop()));
                }
                ended.fetch_add(1, Ordering::Relaxed);
                // Signals may still be on their way.
                wait_until(|| ended.load(Ordering::Relaxed) > 3);
            });
        }
        // So long that handlers queue for it.
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                with(&RECORDED, || (0..5_000).for_each(|_| std::hint::spin_loop()));
            }
        });
        for _ in 0..500 {
            let before = HANDLED.load(Ordering::Relaxed);
            threads.iter().for_each(|thread| thread.signal(libc::SIGUSR1));
            wait_until(|| HANDLED.load(Ordering::Relaxed) >= before + 3);
        }
        over.store(true, Ordering::Relaxed);
        ended.fetch_add(1, Ordering::Relaxed);
    });
    for class in classes {
        let sums = assert_conserved(class);
        let (kept, lost) = (rows(class, Kind::Blame), rows(class, Kind::Lost));
        println!("{sums:?}: kept {kept:?}, lost {lost:?}");
        assert!(sums.contentions > 0);
        assert_eq!((kept.0 + lost.0, kept.1 + lost.1), (sums.contentions, sums.blamed));
    }
}
