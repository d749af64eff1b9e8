//! The conservation law for the readers-writer lock, and that it is one.

use holdup_core::class::ClassId;
use holdup_core::raw::RawRwLock;
use holdup_core::record::{Sums, for_each_class};
use proptest::prelude::*;
use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

/// What the lock protects, and who is inside by our own count.
struct Shared {
    lock: RawRwLock,
    value: UnsafeCell<u64>,
    /// Readers inside, or a large negative number while a writer is.
    inside: AtomicI64,
    upgradable: AtomicI64,
    written: AtomicU64,
}

// SAFETY: `value` is touched only as the lock allows.
unsafe impl Sync for Shared {}

const WRITER: i64 = -1_000_000;

impl Shared {
    fn new(name: &str) -> Shared {
        Shared {
            lock: RawRwLock::with_class(ClassId::of(name)),
            value: UnsafeCell::new(0),
            inside: AtomicI64::new(0),
            upgradable: AtomicI64::new(0),
            written: AtomicU64::new(0),
        }
    }

    fn enter_read(&self) {
        assert!(self.inside.fetch_add(1, Ordering::Relaxed) >= 0, "a reader beside a writer");
        // SAFETY: under the lock, shared.
        std::hint::black_box(unsafe { *self.value.get() });
    }

    fn leave_read(&self) {
        self.inside.fetch_sub(1, Ordering::Relaxed);
    }

    fn enter_upgradable(&self) {
        self.enter_read();
        assert_eq!(self.upgradable.fetch_add(1, Ordering::Relaxed), 0, "two upgradable readers");
    }

    fn leave_upgradable(&self) {
        self.upgradable.fetch_sub(1, Ordering::Relaxed);
        self.leave_read();
    }

    fn enter_write(&self) {
        let before = self.inside.fetch_add(WRITER, Ordering::Relaxed);
        assert_eq!(before, 0, "a writer beside others");
        // SAFETY: under the lock, exclusive.
        unsafe { *self.value.get() += 1 };
        self.written.fetch_add(1, Ordering::Relaxed);
    }

    fn leave_write(&self) {
        self.inside.fetch_sub(WRITER, Ordering::Relaxed);
    }
}

struct Random(u64);

impl Random {
    fn next(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % below
    }

    fn work(&mut self, longest: u64) {
        for _ in 0..self.next(longest) {
            std::hint::spin_loop();
        }
        if self.next(64) == 0 {
            std::thread::yield_now();
        }
    }

    /// A time-out of any size from nothing to a millisecond.
    fn timeout(&mut self) -> Duration {
        let bits = self.next(21);
        Duration::from_nanos(self.next(1 << bits))
    }
}

/// One random use of the lock, which ends with the lock not held.
fn use_once(shared: &Shared, random: &mut Random, writes: u64, longest: u64) {
    let lock = &shared.lock;
    if random.next(100) < writes {
        let locked = match random.next(8) {
            0 => lock.try_lock_exclusive(),
            1 => lock.try_lock_exclusive_for(random.timeout()),
            _ => {
                lock.lock_exclusive();
                true
            }
        };
        if locked {
            shared.enter_write();
            random.work(longest);
            end_write(shared, random, longest);
        }
        return;
    }
    if random.next(4) == 0 {
        let locked = match random.next(6) {
            0 => lock.try_lock_upgradable(),
            1 => lock.try_lock_upgradable_for(random.timeout()),
            _ => {
                lock.lock_upgradable();
                true
            }
        };
        if locked {
            shared.enter_upgradable();
            random.work(longest);
            end_upgradable(shared, random, longest);
        }
        return;
    }
    let locked = match random.next(8) {
        0 => lock.try_lock_shared(),
        1 => lock.try_lock_shared_for(random.timeout()),
        2 => lock.try_lock_shared_recursive_for(random.timeout()),
        _ => {
            lock.lock_shared();
            true
        }
    };
    if locked {
        shared.enter_read();
        random.work(longest);
        if random.next(4) == 0 {
            // While it reads, whoever waits, it may read again.
            lock.lock_shared_recursive();
            shared.enter_read();
            random.work(longest);
            shared.leave_read();
            // SAFETY: held twice. (Not bumped: that would wait for a writer that
            // waits for this thread's other read.)
            unsafe { lock.unlock_shared() };
        }
        end_read(shared, random);
    }
}

fn end_read(shared: &Shared, random: &mut Random) {
    shared.leave_read();
    // SAFETY: held by a reader, this thread.
    unsafe {
        match random.next(8) {
            0 => shared.lock.unlock_shared_fair(),
            1 => {
                shared.lock.bump_shared();
                shared.lock.unlock_shared();
            }
            _ => shared.lock.unlock_shared(),
        }
    }
}

fn end_write(shared: &Shared, random: &mut Random, longest: u64) {
    shared.leave_write();
    // SAFETY: held by this thread as a writer.
    unsafe {
        match random.next(8) {
            0 => shared.lock.unlock_exclusive_fair(),
            1 => {
                shared.lock.bump_exclusive();
                shared.enter_write();
                shared.leave_write();
                shared.lock.unlock_exclusive();
            }
            2 => {
                shared.lock.downgrade();
                shared.enter_read();
                random.work(longest);
                end_read(shared, random);
            }
            3 => {
                shared.lock.downgrade_to_upgradable();
                shared.enter_upgradable();
                random.work(longest);
                end_upgradable(shared, random, longest);
            }
            _ => shared.lock.unlock_exclusive(),
        }
    }
}

fn end_upgradable(shared: &Shared, random: &mut Random, longest: u64) {
    // SAFETY: held by this thread as the upgradable reader.
    unsafe {
        let upgraded = match random.next(6) {
            0 => shared.lock.try_upgrade(),
            1 => {
                shared.leave_upgradable();
                shared.lock.upgrade();
                shared.enter_write();
                return end_write(shared, random, longest);
            }
            2 => {
                shared.leave_upgradable();
                let upgraded = shared.lock.try_upgrade_for(random.timeout());
                shared.enter_after(upgraded);
                upgraded
            }
            _ => false,
        };
        if upgraded {
            if shared.upgradable.load(Ordering::Relaxed) != 0 {
                shared.leave_upgradable();
                shared.enter_write();
            }
            return end_write(shared, random, longest);
        }
        match random.next(6) {
            0 => {
                shared.upgradable.fetch_sub(1, Ordering::Relaxed);
                shared.lock.downgrade_upgradable();
                return end_read(shared, random);
            }
            1 => {
                shared.leave_upgradable();
                shared.lock.bump_upgradable();
                shared.enter_upgradable();
            }
            _ => {}
        }
        shared.leave_upgradable();
        match random.next(4) {
            0 => shared.lock.unlock_upgradable_fair(),
            _ => shared.lock.unlock_upgradable(),
        }
    }
}

impl Shared {
    fn enter_after(&self, upgraded: bool) {
        if upgraded {
            self.enter_write();
        } else {
            self.enter_upgradable();
        }
    }
}

fn sums(name: &str) -> Sums {
    let mut found = Sums::default();
    for_each_class(|class, sums| {
        if class == ClassId::of(name) {
            found = sums;
        }
    });
    found
}

/// Runs `threads` threads of `rounds` random uses and checks all there is to check.
fn load(name: &str, threads: u64, rounds: u64, writes: u64, longest: u64, seed: u64) -> Sums {
    let before = sums(name);
    let shared = Shared::new(name);
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let shared = &shared;
            scope.spawn(move || {
                let mut random = Random((seed ^ ((thread + 1) << 32)) | 1);
                for _ in 0..rounds {
                    use_once(shared, &mut random, writes, longest);
                    if random.next(2) == 0 {
                        random.work(longest);
                    }
                }
            });
        }
    });
    assert!(!shared.lock.is_locked() && !shared.lock.is_locked_exclusive());
    assert_eq!(shared.inside.load(Ordering::Relaxed), 0);
    assert_eq!(shared.value.into_inner(), shared.written.load(Ordering::Relaxed));
    let after = sums(name);
    let waited = after.waited - before.waited;
    let (blamed, handoff) = (after.blamed - before.blamed, after.handoff - before.handoff);
    assert_eq!(blamed + handoff, waited, "{name}: {after:?}");
    after
}

#[test]
fn blame_and_handoff_are_the_waits_to_the_tick() {
    let mut contentions = 0;
    for threads in [2, 3, 8, 32] {
        for writes in [2, 30, 100] {
            for longest in [1, 200, 3_000] {
                let name = format!("rwlock conservation {threads} {writes} {longest}");
                let sums = load(&name, threads, 8_000 / threads, writes, longest, 0x9e37_79b9);
                println!("{name}: {sums:?}");
                contentions += sums.contentions;
            }
        }
    }
    assert!(contentions > 1_000, "the lock was not contended: {contentions}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_mix_of_uses_balances(
        threads in 2_u64..12,
        writes in 0_u64..101,
        longest in 1_u64..2_000,
        seed in any::<u64>(),
    ) {
        load("rwlock any mix", threads, 600, writes, longest, seed);
    }
}
