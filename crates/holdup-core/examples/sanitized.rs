//! All locks under load, with plain data inside: a program for ThreadSanitizer,
//! AddressSanitizer and valgrind (`scripts/test/proofs.sh`).
//!
//! Threads are made and joined by the C library, and nothing of std synchronizes
//! here: std itself is not instrumented, so that a sanitizer would not know what
//! it orders. The locks live on the heap and are freed by their last user.
//!
//! `--plant race` and `--plant use-after-free` do what the sanitizers must find.
#![cfg(unix)]

use core::ffi::c_void;
use holdup_core::raw::{RawCondvar, RawMutex, RawRwLock};
use holdup_core::record::{for_each_row, set_period};
use std::cell::UnsafeCell;
use std::time::Duration;

#[derive(Clone, Copy, PartialEq)]
enum Fault {
    None,
    Race,
    UseAfterFree,
}

/// What all threads of a round share.
struct Shared {
    mutex: RawMutex,
    rwlock: RawRwLock,
    condvar: RawCondvar,
    /// Under `mutex`: how often it was entered, and how many threads have left.
    counts: UnsafeCell<[u64; 2]>,
    /// Under `rwlock`; both are equal.
    pair: UnsafeCell<[u64; 2]>,
    threads: u64,
    rounds: u64,
    fault: Fault,
}

struct Start {
    shared: *mut Shared,
    seed: u64,
}

fn random(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

extern "C" fn run(start: *mut c_void) -> *mut c_void {
    // SAFETY: `main` hands each thread a box of its own. `Shared` is freed by the
    // thread that leaves last. Each unlock follows a lock of its kind, and what the
    // locks guard is touched under them (but for the planted race).
    unsafe {
        let Start { shared, seed } = *Box::from_raw(start.cast::<Start>());
        let all = &*shared;
        let mut state = seed << 32 | 0x5eed;
        for round in 0..all.rounds {
            let dice = random(&mut state);
            let patience = Duration::from_nanos(dice >> 8 & 0x1_ffff);
            let locked = match dice % 4 {
                0 => all.mutex.try_lock_for(patience),
                1 => all.mutex.try_lock(),
                _ => {
                    all.mutex.lock();
                    true
                }
            };
            if locked || all.fault == Fault::Race {
                (*all.counts.get())[0] += 1;
            }
            if locked {
                if dice >> 40 & 7 == 0 {
                    all.condvar.wait_for(&all.mutex, patience);
                    (*all.counts.get())[0] += 1;
                }
                if dice >> 44 & 1 == 0 {
                    all.condvar.notify_one();
                }
                if dice >> 45 & 7 == 0 { all.mutex.unlock_fair() } else { all.mutex.unlock() }
            }
            if dice >> 50 & 31 == 0 {
                all.condvar.notify_all();
            }
            let write = || {
                let pair = all.pair.get();
                (*pair)[0] += 1;
                (*pair)[1] += 1;
            };
            let read = || assert_eq!((*all.pair.get())[0], (*all.pair.get())[1]);
            match dice >> 53 & 7 {
                0 => {
                    all.rwlock.lock_exclusive();
                    write();
                    all.rwlock.downgrade();
                    read();
                    all.rwlock.unlock_shared();
                }
                1 => {
                    if all.rwlock.try_lock_exclusive_for(patience) {
                        write();
                        all.rwlock.unlock_exclusive();
                    }
                }
                2 => {
                    all.rwlock.lock_upgradable();
                    read();
                    all.rwlock.upgrade();
                    write();
                    all.rwlock.unlock_exclusive();
                }
                _ => {
                    all.rwlock.lock_shared();
                    read();
                    all.rwlock.unlock_shared();
                }
            }
            if round % 64 == 0 {
                // The table of stacks is read while it grows.
                let mut rows = 0;
                for_each_row(|row| rows += row.count + row.stack.len() as u64);
                core::hint::black_box(rows);
            }
        }
        all.mutex.lock();
        let left = &mut (*all.counts.get())[1];
        *left += 1;
        let (last, fault) = (*left == all.threads, all.fault);
        all.mutex.unlock();
        if last {
            drop(Box::from_raw(shared));
            if fault == Fault::UseAfterFree {
                core::ptr::read_volatile(&raw const (*shared).threads);
            }
        }
        core::ptr::null_mut()
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (fault, repeats) = match arguments[..] {
        [] => (Fault::None, 20),
        ["--repeats", number] => (Fault::None, number.parse().expect("a number")),
        ["--plant", "race"] => (Fault::Race, 1),
        ["--plant", "use-after-free"] => (Fault::UseAfterFree, 1),
        _ => panic!("usage: sanitized [--repeats N | --plant race | --plant use-after-free]"),
    };
    // Every claim goes through the recorder.
    set_period(1);
    for repeat in 0..repeats {
        let threads = 2 + repeat % 5;
        let shared = Box::into_raw(Box::new(Shared {
            mutex: RawMutex::INIT,
            rwlock: RawRwLock::INIT,
            condvar: RawCondvar::INIT,
            counts: UnsafeCell::new([0; 2]),
            pair: UnsafeCell::new([0; 2]),
            threads,
            rounds: 400,
            fault,
        }));
        let made: Vec<libc::pthread_t> = (1..=threads)
            .map(|number| {
                let start = Box::into_raw(Box::new(Start { shared, seed: repeat * 8 + number }));
                let mut thread = 0;
                // SAFETY: `run` has the right type and takes the box.
                let result = unsafe {
                    libc::pthread_create(&mut thread, core::ptr::null(), run, start.cast())
                };
                assert_eq!(result, 0);
                thread
            })
            .collect();
        for thread in made {
            // SAFETY: made above, joined once.
            assert_eq!(unsafe { libc::pthread_join(thread, core::ptr::null_mut()) }, 0);
        }
    }
    println!("{repeats} rounds done");
}
