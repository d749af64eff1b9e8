//! Everything at once, for as long as `HOLDUP_STRESS_SECONDS` says (2 by
//! default): threads that come and go, random sections, time-outs, tries, fair
//! unlocks, bumps and panics, on a few locks that are all under load. At the
//! end the books of each lock balance to the nanosecond, and what each guards
//! is whole. A lost wake-up hangs it, which the time limit of `./test` ends.
//!
//! With `--cfg holdup_verify` every use of a wait list checks all its
//! invariants.

mod stress_support;

use holdup_core::class::ClassId;
use holdup_core::raw::{RawCondvar, RawMutex};
use std::cell::UnsafeCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use stress_support::{end, next, spin, sums, work};

const LOCKS: usize = 3;
const THREADS: u64 = 8;

struct Lock {
    name: String,
    lock: RawMutex,
    inside: AtomicBool,
    value: UnsafeCell<u64>,
    entered: AtomicU64,
    given: RawCondvar,
    notified: AtomicU64,
    returned: AtomicU64,
}

// SAFETY: `value` is touched only under `lock`.
unsafe impl Sync for Lock {}

/// Ends the section even if it panics.
struct Unlock<'a>(&'a Lock, u64);

impl Drop for Unlock<'_> {
    fn drop(&mut self) {
        self.0.leave();
        // SAFETY: whoever makes one has locked.
        unsafe {
            match self.1 % 8 {
                0 => self.0.lock.unlock_fair(),
                1 => {
                    self.0.lock.bump();
                    self.0.enter();
                    self.0.leave();
                    self.0.lock.unlock();
                }
                _ => self.0.lock.unlock(),
            }
        }
    }
}

impl Lock {
    fn new(number: usize) -> Lock {
        let name = format!("stress {number}");
        Lock {
            lock: RawMutex::with_class(ClassId::of(&name)),
            name,
            inside: AtomicBool::new(false),
            value: UnsafeCell::new(0),
            entered: AtomicU64::new(0),
            given: RawCondvar::INIT,
            notified: AtomicU64::new(0),
            returned: AtomicU64::new(0),
        }
    }

    fn enter(&self) {
        assert!(!self.inside.swap(true, Ordering::Relaxed), "two hold the lock");
        // SAFETY: under the lock.
        unsafe { *self.value.get() += 1 };
        self.entered.fetch_add(1, Ordering::Relaxed);
    }

    fn leave(&self) {
        assert!(self.inside.swap(false, Ordering::Relaxed), "two hold the lock");
    }

    /// Waits for a signal, or gives one: some by the way of the condvar.
    fn signal(&self, dice: u64) {
        match dice >> 20 & 7 {
            0 => {
                let notified = if dice >> 23 & 1 == 0 {
                    u64::from(self.given.notify_one())
                } else {
                    self.given.notify_all() as u64
                };
                self.notified.fetch_add(notified, Ordering::Relaxed);
            }
            1 => {
                self.leave();
                let timeout = Duration::from_nanos(dice >> 24 & 0x3_ffff);
                // SAFETY: under the lock.
                let notified = unsafe { self.given.wait_for(&self.lock, timeout) };
                self.enter();
                self.returned.fetch_add(u64::from(notified), Ordering::Relaxed);
            }
            _ => {}
        }
    }

    /// One random use.
    fn use_once(&self, random: &mut u64) {
        let dice = next(random);
        let locked = match dice % 10 {
            0 => self.lock.try_lock(),
            1 => self.lock.try_lock_for(Duration::from_nanos(dice >> 8 & 0xfff)),
            2 => self.lock.try_lock_for(Duration::from_nanos(dice >> 8 & 0xf_ffff)),
            3 => self.lock.waiters() > 1_000,
            _ => {
                self.lock.lock();
                true
            }
        };
        if locked {
            self.enter();
            let unlock = Unlock(self, dice >> 60);
            let result = catch_unwind(AssertUnwindSafe(|| {
                let _unlock = unlock;
                self.signal(dice);
                work(dice);
            }));
            if let Err(what) = result {
                assert!(what.is::<&str>() && what.downcast_ref() == Some(&"on purpose"));
            }
        }
        if dice >> 50 & 1 == 0 {
            spin((dice >> 52) % 2_000);
        }
    }
}

#[test]
fn under_any_load_nothing_is_lost_and_the_books_balance() {
    let end = end();
    let locks: Vec<Lock> = (0..LOCKS).map(Lock::new).collect();
    let seed = AtomicU64::new(0x9e37_79b9_7f4a_7c15);
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                // Threads come and go: each of these starts another, again
                // and again.
                while Instant::now() < end {
                    std::thread::scope(|inner| {
                        inner.spawn(|| {
                            let mut random = seed.fetch_add(0x2545_f491, Ordering::Relaxed);
                            let until = end.min(Instant::now() + Duration::from_millis(200));
                            while Instant::now() < until {
                                for _ in 0..20 {
                                    let lock = next(&mut random) as usize % LOCKS;
                                    locks[lock].use_once(&mut random);
                                }
                            }
                        });
                    });
                }
            });
        }
    });
    for lock in locks {
        let sums = sums(lock.lock.class());
        println!("{}: {} sections, {sums:?}", lock.name, lock.entered.load(Ordering::Relaxed));
        assert!(!lock.lock.is_locked());
        assert_eq!((lock.lock.waiters(), lock.given.waiters()), (0, 0));
        assert_eq!(lock.notified.into_inner(), lock.returned.into_inner(), "notified, returned");
        assert_eq!(lock.value.into_inner(), lock.entered.into_inner(), "what it guards");
        assert_eq!(sums.waited, sums.blamed + sums.handoff, "the books balance: {sums:?}");
        assert!(sums.waits > 0, "there was no load");
    }
}
