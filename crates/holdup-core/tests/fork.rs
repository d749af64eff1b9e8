//! Forks while locks are contended: parent and child go on. See `src/fork.rs`.
#![cfg(target_os = "linux")]

mod fault_support;

use fault_support::{Thread, alone, assert_conserved, fork, handle, mix, sums, wait_until, with};
use holdup_core::class::ClassId;
use holdup_core::raw::RawMutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// Threads of the child that contend: they get the stacks of those that are
/// gone, and whatever these left on a list would be overwritten.
fn contend(lock: &RawMutex) {
    let inside = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for seed in 1..=3 {
            let inside = &inside;
            scope.spawn(move || mix(lock, inside, seed, 300));
        }
    });
    assert_eq!((lock.is_locked(), lock.waiters()), (false, 0));
}

#[test]
fn a_lock_of_the_forking_thread_goes_on_in_child_and_parent() {
    let _alone = alone();
    let class = ClassId::of("fork: held by the forking thread");
    let lock = RawMutex::with_class(class);
    for waiters in [1, 2, 7] {
        lock.lock();
        std::thread::scope(|scope| {
            for waiter in 0..waiters {
                scope.spawn(|| with(&lock, || ()));
                wait_until(|| lock.waiters() == waiter + 1);
            }
            let before = sums(class);
            let child = fork(|| {
                assert!(lock.is_locked() && !lock.try_lock());
                assert_eq!(lock.waiters(), 0, "they do not exist here");
                assert_eq!(sums(class).waits, before.waits + waiters as u64);
                // SAFETY: locked above by the thread that forked.
                unsafe { lock.unlock() };
                // What they waited until the fork is this section's blame.
                assert_eq!(assert_conserved(class).contentions, before.contentions + 1);
                contend(&lock);
                assert_conserved(class);
            });
            let waiting = lock.waiters();
            // SAFETY: locked above.
            unsafe { lock.unlock() };
            assert_eq!(waiting, waiters, "the parent has all its waiters");
            child.ends_well();
        });
        assert_conserved(class);
    }
}

#[test]
fn a_lock_of_another_thread_stays_held_in_the_child() {
    let _alone = alone();
    let class = ClassId::of("fork: held by another thread");
    let lock = RawMutex::with_class(class);
    let release = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| with(&lock, || wait_until(|| release.load(Ordering::Relaxed))));
        wait_until(|| lock.is_locked());
        scope.spawn(|| with(&lock, || ()));
        wait_until(|| lock.waiters() == 1);
        let child = fork(|| {
            assert!(!lock.try_lock());
            for _ in 0..3 {
                assert!(!lock.try_lock_for(Duration::from_millis(5)));
            }
            assert_eq!(lock.waiters(), 0);
        });
        release.store(true, Ordering::Relaxed);
        child.ends_well();
    });
    assert_conserved(class);
}

static STOPPED: AtomicBool = AtomicBool::new(false);
static GO_ON: AtomicBool = AtomicBool::new(false);

/// Keeps a thread from running on, wherever it is.
extern "C" fn stay_here(_: libc::c_int) {
    STOPPED.store(true, Ordering::SeqCst);
    while !GO_ON.load(Ordering::SeqCst) {
        std::hint::spin_loop();
    }
}

#[test]
fn a_lock_on_its_way_to_a_waiter_is_free_in_the_child() {
    let _alone = alone();
    handle(libc::SIGUSR1, stay_here);
    let class = ClassId::of("fork: on its way");
    // Whether the lock was handed over or the waiter just woken: an unlock that
    // is not fair does this or that, as long as the waiter has waited.
    let mut seen = [false; 2];
    for round in 0.. {
        let lock = RawMutex::with_class(class);
        STOPPED.store(false, Ordering::SeqCst);
        GO_ON.store(false, Ordering::SeqCst);
        lock.lock();
        let waiter = Thread::new();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                waiter.is_this();
                with(&lock, || ());
            });
            wait_until(|| lock.waiters() == 1);
            // Not where it has what an unlock needs to wake it.
            waiter.sleeps();
            waiter.signal(libc::SIGUSR1);
            wait_until(|| STOPPED.load(Ordering::SeqCst));
            // SAFETY: locked above.
            unsafe { if round == 0 { lock.unlock_fair() } else { lock.unlock() } };
            seen[usize::from(lock.is_locked())] = true;
            let child = fork(|| {
                assert!(!lock.is_locked(), "nobody is in a critical section");
                assert_conserved(class);
                contend(&lock);
                assert_conserved(class);
            });
            GO_ON.store(true, Ordering::SeqCst);
            child.ends_well();
        });
        assert_conserved(class);
        if seen == [true; 2] {
            break;
        }
    }
}

#[test]
fn threads_of_the_child_get_the_numbers_of_those_that_are_gone() {
    let _alone = alone();
    let lock = RawMutex::INIT;
    lock.lock();
    std::thread::scope(|scope| {
        for waiter in 0..100 {
            scope.spawn(|| with(&lock, || ()));
            wait_until(|| lock.waiters() == waiter + 1);
        }
        let child = fork(|| {
            // SAFETY: locked above by the thread that forked.
            unsafe { lock.unlock() };
            let highest = AtomicU64::new(0);
            let all = std::sync::Barrier::new(50);
            std::thread::scope(|scope| {
                for _ in 0..50 {
                    scope.spawn(|| {
                        let number = with(&lock, || lock.holder().unwrap().get());
                        highest.fetch_max(number.into(), Ordering::Relaxed);
                        all.wait();
                    });
                }
            });
            assert!(highest.into_inner() <= 60, "others than those of the dead");
        });
        // SAFETY: locked above.
        unsafe { lock.unlock() };
        child.ends_well();
    });
}

#[test]
fn forks_at_any_moment_leave_usable_locks() {
    let _alone = alone();
    const NAMES: [&str; 3] = ["fork: any 1", "fork: any 2", "fork: any 3"];
    let locks = NAMES.map(|name| RawMutex::with_class(ClassId::of(name)));
    let inside = [const { AtomicBool::new(false) }; 3];
    let stop = AtomicBool::new(false);
    let (mut free, mut held) = (0, 0);
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let (locks, inside, stop) = (&locks, &inside, &stop);
            scope.spawn(move || {
                for round in 0_usize.. {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    let which = (round + thread) % 3;
                    mix(&locks[which], &inside[which], (round * 8 + thread) as u64, 20);
                }
            });
        }
        for round in 0..40 {
            // Held by the thread that forks, with time-outs going on.
            let own = &locks[round % 3];
            own.lock();
            std::thread::sleep(Duration::from_micros(round as u64 * 7 % 300));
            let report = Pipe::new();
            let child = fork(|| {
                // SAFETY: locked above by the thread that forked.
                unsafe { own.unlock() };
                contend(own);
                for lock in &locks {
                    let usable = !lock.is_locked();
                    if usable {
                        contend(lock);
                    } else {
                        // By a thread that does not exist.
                        assert!(!lock.try_lock_for(Duration::from_micros(10)));
                        assert_eq!(lock.waiters(), 0);
                    }
                    report.write(usable);
                }
            });
            // SAFETY: locked above.
            unsafe { own.unlock() };
            let good = child.status(0) == 0;
            if !good {
                stop.store(true, Ordering::Relaxed);
            }
            assert!(good, "the child failed in round {round}");
            for _ in &locks {
                *(if report.read() { &mut free } else { &mut held }) += 1;
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
    println!("in the children {free} locks were usable, {held} held by threads that are gone");
    for name in NAMES {
        assert_conserved(ClassId::of(name));
    }
}

/// A pipe for flags.
struct Pipe([libc::c_int; 2]);

impl Pipe {
    fn new() -> Pipe {
        let mut ends = [0; 2];
        // SAFETY: `ends` is valid for two descriptors.
        assert_eq!(unsafe { libc::pipe(ends.as_mut_ptr()) }, 0);
        Pipe(ends)
    }

    fn write(&self, flag: bool) {
        // SAFETY: writes one byte that lives.
        assert_eq!(unsafe { libc::write(self.0[1], (&raw const flag).cast(), 1) }, 1);
    }

    fn read(&self) -> bool {
        let mut flag = 0_u8;
        // SAFETY: reads one byte to where one has room.
        assert_eq!(unsafe { libc::read(self.0[0], (&raw mut flag).cast(), 1) }, 1);
        flag != 0
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        // SAFETY: both are ours, closed once.
        let _ = self.0.map(|end| unsafe { libc::close(end) });
    }
}
