//! Locks that end, and threads that end, at the earliest moment they may.
#![cfg(unix)]

mod fault_support;

use fault_support::{alone, assert_conserved, random, wait_until, with};
use holdup_core::class::ClassId;
use holdup_core::raw::{RawCondvar, RawMutex, RawRwLock};
use std::cell::RefCell;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, Ordering};
use std::time::Duration;

/// A value in a page of its own. When it is dropped the page goes away: whoever
/// touches it then ends the program.
struct Page<T>(*mut T);

impl<T> Page<T> {
    fn new(value: T) -> Page<T> {
        assert!(size_of::<T>() <= 4096);
        // SAFETY: a mapping at an address of the kernel's choice, written before use.
        unsafe {
            let flags = libc::MAP_PRIVATE | libc::MAP_ANON;
            let access = libc::PROT_READ | libc::PROT_WRITE;
            let page = libc::mmap(core::ptr::null_mut(), 4096, access, flags, -1, 0);
            assert_ne!(page, libc::MAP_FAILED);
            page.cast::<T>().write(value);
            Page(page.cast())
        }
    }
}

impl<T> Drop for Page<T> {
    fn drop(&mut self) {
        // SAFETY: mapped by `new`. A later mapping of this process may get the
        // address, so that it is kept, without access.
        unsafe {
            core::ptr::drop_in_place(self.0);
            assert_eq!(libc::mprotect(self.0.cast(), 4096, libc::PROT_NONE), 0);
        }
    }
}

/// Two threads, one after the other in the lock; the second, or whoever is last by
/// the program's own count, ends the lock as soon as its own call returned, while the
/// other's may still run. `hold` and `last` lock, count, and unlock.
fn ends_with_its_last_user<T: Sync>(make: impl Fn() -> T, uses: [&(dyn Fn(&T) + Sync); 2]) {
    const ROUNDS: usize = 3_000;
    let current = AtomicPtr::new(core::ptr::null_mut::<T>());
    let (turn, done) = (AtomicU64::new(0), AtomicU64::new(0));
    std::thread::scope(|scope| {
        let (current, turn, done) = (&current, &turn, &done);
        let helper = uses[0];
        scope.spawn(move || {
            for round in 1..=ROUNDS as u64 {
                while turn.load(Ordering::Acquire) < round {
                    std::hint::spin_loop();
                    std::thread::yield_now();
                }
                // SAFETY: the other thread ends it after this one gave it the lock.
                helper(unsafe { &*current.load(Ordering::Relaxed) });
                done.store(round, Ordering::Release);
            }
        });
        for round in 1..=ROUNDS as u64 {
            let page = Page::new(make());
            current.store(page.0, Ordering::Relaxed);
            turn.store(round, Ordering::Release);
            // SAFETY: the page is ours.
            uses[1](unsafe { &*page.0 });
            drop(page);
            wait_until(|| done.load(Ordering::Acquire) == round);
        }
    });
}

/// A lock, and whether the first of its two users is done with what it guards.
struct Guarded<L> {
    lock: L,
    entered: AtomicBool,
    done: AtomicBool,
}

impl<L> Guarded<L> {
    fn new(lock: L) -> Guarded<L> {
        Guarded { lock, entered: AtomicBool::new(false), done: AtomicBool::new(false) }
    }
}

/// Mostly until the other is queued.
fn until_queued(waiters: impl Fn() -> usize) {
    for _ in 0..100 {
        if waiters() > 0 {
            break;
        }
        std::thread::yield_now();
    }
}

#[test]
fn a_mutex_may_end_as_soon_as_its_last_user_has_it() {
    let _alone = alone();
    let class = ClassId::of("lifetimes: mutex");
    for fair in [false, true] {
        for timed in [false, true] {
            let first = |guarded: &Guarded<RawMutex>| {
                guarded.lock.lock();
                guarded.entered.store(true, Ordering::Relaxed);
                until_queued(|| guarded.lock.waiters());
                guarded.done.store(true, Ordering::Relaxed);
                // SAFETY: locked above.
                unsafe { if fair { guarded.lock.unlock_fair() } else { guarded.lock.unlock() } }
            };
            let last = |guarded: &Guarded<RawMutex>| {
                wait_until(|| guarded.entered.load(Ordering::Relaxed));
                loop {
                    if !timed {
                        guarded.lock.lock();
                    } else if !guarded.lock.try_lock_for(Duration::from_micros(3)) {
                        continue;
                    }
                    let done = guarded.done.load(Ordering::Relaxed);
                    // SAFETY: locked just now.
                    unsafe { guarded.lock.unlock() };
                    if done {
                        return;
                    }
                }
            };
            let make = || Guarded::new(RawMutex::with_class(class));
            ends_with_its_last_user(make, [&first, &last]);
        }
    }
    assert!(assert_conserved(class).waits > 0);
}

#[test]
fn a_readers_writer_lock_may_end_as_soon_as_its_last_user_has_it() {
    let _alone = alone();
    let class = ClassId::of("lifetimes: rwlock");
    for (reads, then_reads) in [(false, false), (true, false), (false, true)] {
        let first = |guarded: &Guarded<RawRwLock>| {
            // SAFETY: each unlock follows a lock of its kind.
            unsafe {
                if reads {
                    guarded.lock.lock_shared()
                } else {
                    guarded.lock.lock_exclusive()
                }
                guarded.entered.store(true, Ordering::Relaxed);
                until_queued(|| guarded.lock.waiters());
                guarded.done.store(true, Ordering::Relaxed);
                if reads { guarded.lock.unlock_shared() } else { guarded.lock.unlock_exclusive() }
            }
        };
        let last = |guarded: &Guarded<RawRwLock>| {
            wait_until(|| guarded.entered.load(Ordering::Relaxed));
            // SAFETY: as above.
            unsafe {
                if then_reads {
                    guarded.lock.lock_shared();
                    assert!(guarded.done.load(Ordering::Relaxed));
                    guarded.lock.unlock_shared();
                } else {
                    guarded.lock.lock_exclusive();
                    assert!(guarded.done.load(Ordering::Relaxed));
                    guarded.lock.unlock_exclusive();
                }
            }
        };
        let make = || Guarded::new(RawRwLock::with_class(class));
        ends_with_its_last_user(make, [&first, &last]);
    }
    assert!(assert_conserved(class).waits > 0);
}

#[test]
fn a_condvar_may_end_as_soon_as_its_last_waiter_was_notified() {
    let _alone = alone();
    for all in [false, true] {
        let notify = |shared: &Guarded<(RawMutex, RawCondvar)>| {
            let (lock, condvar) = &shared.lock;
            wait_until(|| shared.entered.load(Ordering::Relaxed));
            lock.lock();
            shared.done.store(true, Ordering::Relaxed);
            if all {
                condvar.notify_all();
            } else {
                condvar.notify_one();
            }
            // SAFETY: locked above. The waiter cannot go on before.
            unsafe { lock.unlock() };
        };
        let wait = |shared: &Guarded<(RawMutex, RawCondvar)>| {
            let (lock, condvar) = &shared.lock;
            with(lock, || {
                shared.entered.store(true, Ordering::Relaxed);
                while !shared.done.load(Ordering::Relaxed) {
                    // SAFETY: locked by `with`.
                    unsafe { condvar.wait(lock) };
                }
            });
        };
        let make = || Guarded::new((RawMutex::INIT, RawCondvar::INIT));
        ends_with_its_last_user(make, [&notify, &wait]);
    }
}

#[test]
fn threads_that_end_after_a_time_out_leave_those_after_them_in_peace() {
    let _alone = alone();
    // A thread that is just being woken gives up, ends, and a new thread gets its
    // record and waits elsewhere: a token that comes late must not end that wait.
    let class = ClassId::of("lifetimes: threads");
    let [here, there] = [const { RawMutex::with_class(ClassId::of("lifetimes: threads")) }; 2];
    let (inside, stop) = (AtomicBool::new(false), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut state = 7;
            while !stop.load(Ordering::Relaxed) {
                with(&here, || {
                    (0..random(&mut state) % 3_000).for_each(|_| std::hint::spin_loop())
                });
            }
        });
        let makers = [1_u64, 2, 3].map(|seed| {
            let (here, there, inside) = (&here, &there, &inside);
            scope.spawn(move || {
                let mut state = seed << 32 | 5;
                for _ in 0..400 {
                    let patience = Duration::from_nanos(random(&mut state) % 100_000);
                    std::thread::scope(|scope| {
                        scope.spawn(move || {
                            if here.try_lock_for(patience) {
                                // SAFETY: locked just now.
                                unsafe { here.unlock() };
                            }
                        });
                        scope.spawn(move || {
                            with(there, || {
                                assert!(
                                    !inside.swap(true, Ordering::Relaxed),
                                    "two in one section"
                                );
                                std::thread::yield_now();
                                inside.store(false, Ordering::Relaxed);
                            });
                        });
                    });
                }
            })
        });
        makers.into_iter().for_each(|maker| maker.join().unwrap());
        stop.store(true, Ordering::Relaxed);
    });
    assert_eq!((here.waiters(), there.waiters()), (0, 0));
    assert_conserved(class);
}

static LATE: RawMutex = RawMutex::with_class(ClassId::of("lifetimes: late"));
static ENDED: Mutex<u64> = Mutex::new(0);

/// Takes a lock when it is dropped.
struct Late;

impl Drop for Late {
    fn drop(&mut self) {
        with(&LATE, || ());
        *ENDED.lock().unwrap() += 1;
    }
}

thread_local! {
    static AT_EXIT: RefCell<Option<Late>> = const { RefCell::new(None) };
}

#[test]
fn a_thread_may_queue_while_its_locals_are_destroyed() {
    let _alone = alone();
    const THREADS: usize = 20;
    LATE.lock();
    let threads: Vec<_> = (0..THREADS)
        .map(|number| {
            std::thread::spawn(move || {
                // With and without a number before its last moments.
                if number % 2 == 0 {
                    let own = RawMutex::INIT;
                    with(&own, || ());
                }
                AT_EXIT.with(|local| *local.borrow_mut() = Some(Late));
            })
        })
        .collect();
    wait_until(|| LATE.waiters() == THREADS);
    // SAFETY: locked above.
    unsafe { LATE.unlock() };
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    assert_eq!(*ENDED.lock().unwrap(), THREADS as u64);
    assert_conserved(ClassId::of("lifetimes: late"));
}
