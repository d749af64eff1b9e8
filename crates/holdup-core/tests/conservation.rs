//! The conservation law: at any quiet moment the sum of blame and handoff of a
//! lock is the sum of its waits, to the tick.

use holdup_core::class::ClassId;
use holdup_core::raw::RawMutex;
use holdup_core::record::{Sums, for_each_class};
use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

struct Counter {
    lock: RawMutex,
    value: UnsafeCell<u64>,
}

// SAFETY: `value` is touched only under `lock`.
unsafe impl Sync for Counter {}

fn sums(class: ClassId) -> Sums {
    let mut found = Sums::default();
    for_each_class(|of, sums| {
        if of == class {
            found = sums;
        }
    });
    found
}

fn random(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

fn spin(turns: u64) {
    for _ in 0..turns {
        std::hint::spin_loop();
    }
}

/// Runs `threads` threads of `rounds` random uses of one lock; returns the
/// lock's sums and how many critical sections there were.
fn load(name: &str, threads: u64, rounds: u64, longest: u64) -> (Sums, u64) {
    let class = ClassId::of(name);
    let counter = Counter { lock: RawMutex::with_class(class), value: UnsafeCell::new(0) };
    let entered = AtomicU64::new(0);
    let inside = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let (counter, entered, inside) = (&counter, &entered, &inside);
            scope.spawn(move || {
                let mut state = 0x9e37_79b9 ^ ((thread + 1) << 32);
                for _ in 0..rounds {
                    let dice = random(&mut state);
                    let locked = match dice % 8 {
                        0 => counter.lock.try_lock(),
                        1 => counter.lock.try_lock_for(Duration::from_nanos(dice >> 8 & 0xfff)),
                        2 => counter.lock.try_lock_for(Duration::from_nanos(dice >> 8 & 0xf_ffff)),
                        _ => {
                            counter.lock.lock();
                            true
                        }
                    };
                    if !locked {
                        continue;
                    }
                    assert!(!inside.swap(true, Ordering::Relaxed), "two in one critical section");
                    // SAFETY: under the lock.
                    unsafe { *counter.value.get() += 1 };
                    entered.fetch_add(1, Ordering::Relaxed);
                    if dice >> 40 & 3 == 0 {
                        spin((dice >> 44) % longest);
                    }
                    if dice >> 42 & 63 == 0 {
                        std::thread::yield_now();
                    }
                    inside.store(false, Ordering::Relaxed);
                    // SAFETY: locked above.
                    unsafe {
                        match dice >> 60 & 7 {
                            0 => {
                                counter.lock.unlock_fair();
                            }
                            1 => {
                                counter.lock.bump();
                                counter.lock.unlock();
                            }
                            _ => counter.lock.unlock(),
                        }
                    }
                    if dice >> 50 & 1 == 0 {
                        spin((dice >> 52) % longest);
                    }
                }
            });
        }
    });
    assert!(!counter.lock.is_locked());
    assert_eq!(counter.lock.waiters(), 0);
    let value = counter.value.into_inner();
    assert_eq!(value, entered.load(Ordering::Relaxed));
    (sums(class), value)
}

#[test]
fn blame_and_handoff_are_the_waits_to_the_tick() {
    for threads in [2, 3, 4, 8, 16, 64] {
        for longest in [1, 100, 2_000] {
            let name = format!("conservation {threads} {longest}");
            let (sums, sections) = load(&name, threads, 60_000 / threads, longest);
            println!("{threads} threads, {longest}: {sections} sections, {sums:?}");
            assert_eq!(sums.blamed + sums.handoff, sums.waited, "{name}: {sums:?}");
        }
    }
}
