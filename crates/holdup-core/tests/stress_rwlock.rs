//! As `stress.rs`, for the readers-writer lock: readers, writers, upgrades and
//! downgrades, time-outs, fair ends, bumps and panics at once, for as long as
//! `HOLDUP_STRESS_SECONDS` says (2 by default). At the end the books of each lock
//! balance to the nanosecond, and what each guards is whole.

mod stress_support;

use holdup_core::class::ClassId;
use holdup_core::raw::RawRwLock;
use std::cell::UnsafeCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use stress_support::{end, next, spin, sums, work};

const LOCKS: usize = 2;
const THREADS: u64 = 8;

struct Lock {
    name: String,
    lock: RawRwLock,
    /// Readers inside; -1 while a writer is.
    inside: AtomicI64,
    value: UnsafeCell<u64>,
    written: AtomicU64,
}

// SAFETY: `value` is written only by a writer, and read only under the lock.
unsafe impl Sync for Lock {}

/// How a thread holds the lock.
#[derive(Clone, Copy, PartialEq)]
enum Held {
    Shared,
    Upgradable,
    Exclusive,
}

/// A hold that ends even if its section panics.
struct Hold<'a> {
    of: &'a Lock,
    held: Held,
    fair: bool,
}

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        let lock = &self.of.lock;
        self.of.leave(self.held);
        // SAFETY: held so, by this thread.
        unsafe {
            match (self.held, self.fair) {
                (Held::Shared, false) => lock.unlock_shared(),
                (Held::Shared, true) => lock.unlock_shared_fair(),
                (Held::Upgradable, false) => lock.unlock_upgradable(),
                (Held::Upgradable, true) => lock.unlock_upgradable_fair(),
                (Held::Exclusive, false) => lock.unlock_exclusive(),
                (Held::Exclusive, true) => lock.unlock_exclusive_fair(),
            }
        }
    }
}

impl Lock {
    fn new(number: usize) -> Lock {
        let name = format!("stress rwlock {number}");
        Lock {
            lock: RawRwLock::with_class(ClassId::of(&name)),
            name,
            inside: AtomicI64::new(0),
            value: UnsafeCell::new(0),
            written: AtomicU64::new(0),
        }
    }

    fn enter(&self, held: Held) {
        if held == Held::Exclusive {
            assert_eq!(self.inside.swap(-1, Ordering::Relaxed), 0, "a writer is alone");
            // SAFETY: a writer's.
            unsafe { *self.value.get() += 1 };
            self.written.fetch_add(1, Ordering::Relaxed);
        } else {
            assert!(self.inside.fetch_add(1, Ordering::Relaxed) >= 0, "no reader beside a writer");
        }
    }

    fn leave(&self, held: Held) {
        if held == Held::Exclusive {
            assert_eq!(self.inside.swap(0, Ordering::Relaxed), -1, "a writer was alone");
        } else {
            assert!(self.inside.fetch_sub(1, Ordering::Relaxed) > 0, "no writer beside a reader");
        }
    }

    /// Acquires the lock in some way; none where that did not succeed.
    fn acquire(&self, dice: u64) -> Option<Hold<'_>> {
        let timeout =
            Duration::from_nanos(dice >> 8 & if dice >> 7 & 1 == 0 { 0xfff } else { 0xf_ffff });
        let lock = &self.lock;
        let (held, got) = match dice % 16 {
            0..5 => (Held::Shared, {
                lock.lock_shared();
                true
            }),
            5 => (Held::Shared, lock.try_lock_shared_for(timeout)),
            6 => (Held::Shared, lock.try_lock_shared()),
            7..10 => (Held::Exclusive, {
                lock.lock_exclusive();
                true
            }),
            10 => (Held::Exclusive, lock.try_lock_exclusive_for(timeout)),
            11 => (Held::Exclusive, lock.try_lock_exclusive()),
            12 | 13 => (Held::Upgradable, {
                lock.lock_upgradable();
                true
            }),
            14 => (Held::Upgradable, lock.try_lock_upgradable_for(timeout)),
            _ => (Held::Upgradable, lock.waiters() > 1_000),
        };
        got.then(|| {
            self.enter(held);
            Hold { of: self, held, fair: dice >> 60 == 0 }
        })
    }

    /// Changes how the lock is held, perhaps.
    fn convert(&self, hold: &mut Hold<'_>, dice: u64) {
        let timeout = Duration::from_nanos(dice >> 24 & 0xffff);
        self.leave(hold.held);
        // SAFETY: held so, by this thread; nobody else is told otherwise.
        unsafe {
            match (hold.held, dice >> 20 & 7) {
                (Held::Upgradable, 0 | 1) => {
                    self.lock.upgrade();
                    hold.held = Held::Exclusive;
                }
                (Held::Upgradable, 2) if self.lock.try_upgrade_for(timeout) => {
                    hold.held = Held::Exclusive;
                }
                (Held::Upgradable, 3) if self.lock.try_upgrade() => hold.held = Held::Exclusive,
                (Held::Upgradable, 4) => {
                    self.lock.downgrade_upgradable();
                    hold.held = Held::Shared;
                }
                (Held::Exclusive, 0) => {
                    self.lock.downgrade();
                    hold.held = Held::Shared;
                }
                (Held::Exclusive, 1) => {
                    self.lock.downgrade_to_upgradable();
                    hold.held = Held::Upgradable;
                }
                (Held::Exclusive, 2) => self.lock.bump_exclusive(),
                (Held::Shared, 0) => self.lock.bump_shared(),
                (Held::Shared, 1) => {
                    self.lock.lock_shared_recursive();
                    self.lock.unlock_shared();
                }
                _ => {}
            }
        }
        self.enter(hold.held);
    }

    fn use_once(&self, random: &mut u64) {
        let dice = next(random);
        if let Some(mut hold) = self.acquire(dice) {
            let result = catch_unwind(AssertUnwindSafe(|| {
                self.convert(&mut hold, dice);
                let _hold = hold;
                work(dice);
            }));
            if let Err(what) = result {
                assert!(what.downcast_ref() == Some(&"on purpose"));
            }
        }
        if dice >> 50 & 1 == 0 {
            spin((dice >> 52) % 2_000);
        }
    }
}

#[test]
fn under_any_load_of_readers_and_writers_nothing_is_lost_and_the_books_balance() {
    let end = end();
    let locks: Vec<Lock> = (0..LOCKS).map(Lock::new).collect();
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let locks = &locks;
            scope.spawn(move || {
                let mut random = 0x9e37_79b9_7f4a_7c15 ^ ((thread + 1) << 40);
                while Instant::now() < end {
                    for _ in 0..20 {
                        let lock = next(&mut random) as usize % LOCKS;
                        locks[lock].use_once(&mut random);
                    }
                }
            });
        }
    });
    for lock in locks {
        let sums = sums(lock.lock.class());
        println!("{}: {} writes, {sums:?}", lock.name, lock.written.load(Ordering::Relaxed));
        assert!(!lock.lock.is_locked());
        assert_eq!((lock.lock.waiters(), lock.inside.into_inner()), (0, 0));
        assert_eq!(lock.value.into_inner(), lock.written.into_inner(), "what it guards");
        assert_eq!(sums.waited, sums.blamed + sums.handoff, "the books balance: {sums:?}");
        assert!(sums.waits > 0, "there was no load");
    }
}
