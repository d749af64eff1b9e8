//! holdup's locks and its recorder work inside a global allocator: every call
//! of this program's allocator takes one, and every contended section is
//! recorded with its stack.
//!
//! Interposers that allocate while they record have deadlocked here (brpc,
//! Doris).

mod common;

use common::random;
use common::reading::{assert_conserved, sampled, totals};
use holdup::profile::{self, Kind};
use holdup::{Mutex, named_mutex};
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

static HEAP: Mutex<()> = named_mutex!("heap", ());
static CALLS: AtomicU64 = AtomicU64::new(0);

struct Guarded;

#[global_allocator]
static GUARDED: Guarded = Guarded;

// SAFETY: each method does what the system's does, under a lock, and does not
// unwind.
unsafe impl GlobalAlloc for Guarded {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _guard = enter();
        // SAFETY: the caller's promises are those that `System` asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let _guard = enter();
        // SAFETY: as for `alloc`; all blocks come from `System`.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        let _guard = enter();
        // SAFETY: as for `alloc`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let _guard = enter();
        // SAFETY: as for `dealloc`.
        unsafe { System.realloc(block, layout, size) }
    }
}

fn enter() -> holdup::MutexGuard<'static, ()> {
    let calls = CALLS.fetch_add(1, Ordering::Relaxed);
    let guard = HEAP.lock();
    if calls.is_multiple_of(64) {
        // Like an allocator that asks the system for more. Whoever gets the
        // processor meanwhile will want memory, and must queue.
        std::thread::yield_now();
    }
    guard
}

/// Ends the program if it is still there after so many seconds. A test that
/// deadlocks in the allocator cannot be stopped by anything that allocates.
fn end_after(seconds: u32) {
    // SAFETY: no handler is installed; the signal's default is to end us.
    unsafe { libc::alarm(seconds) };
}

/// Allocates, grows and frees blocks of all sizes, and lets a thread begin
/// and end now and then, which allocates in the thread's first and last
/// moments.
fn churn(seed: u64, rounds: u64) -> u64 {
    let mut dice = seed << 32 | 0x5eed;
    let mut kept: Vec<Vec<u8>> = Vec::new();
    let mut bytes = 0;
    for round in 0..rounds {
        let size = 1 << (random(&mut dice) % 14);
        let mut block = vec![round as u8; size];
        block.extend_from_slice(&[1; 100]);
        bytes += block.len() as u64;
        kept.push(block);
        if kept.len() > 32 {
            kept.swap_remove(random(&mut dice) as usize % 32);
        }
        if round % 256 == 0 {
            let child = std::thread::spawn(move || format!("{round}").len() as u64);
            bytes += child.join().expect("the child panicked");
        }
    }
    bytes
}

#[test]
fn a_lock_inside_the_allocator_neither_deadlocks_nor_loses_time() {
    end_after(300);
    profile::set_period(Duration::from_nanos(1));
    let before = profile::snapshot();
    let calls = CALLS.load(Ordering::Relaxed);
    let stop = AtomicBool::new(false);
    let (threads, rounds) = (16, 4_000);
    std::thread::scope(|scope| {
        let churning: Vec<_> =
            (1..=threads).map(|seed| scope.spawn(move || churn(seed, rounds))).collect();
        let watching = scope.spawn(|| {
            let mut taken = 0;
            while !stop.load(Ordering::Relaxed) {
                let since = profile::snapshot().since(&before);
                let mut bytes = Vec::new();
                since.write_pprof(&mut bytes).expect("a Vec takes all");
                taken += 1;
            }
            taken
        });
        for thread in churning {
            assert!(thread.join().unwrap() > rounds * 100);
        }
        stop.store(true, Ordering::Relaxed);
        assert!(watching.join().unwrap() > 0);
    });
    let calls = CALLS.load(Ordering::Relaxed) - calls;
    let profile = profile::snapshot().since(&before);
    let totals = totals(&profile, "heap");
    println!("{calls} calls, {totals:?}");
    assert!(calls > threads * rounds * 2);
    assert!(totals.contentions > 0 && totals.waits > 0, "the lock was not contended: {totals:?}");
    assert_conserved(&profile, "heap");
    // At 1 ns all is kept, or known to be lost.
    let (kept, lost) =
        (sampled(&profile, "heap", Kind::Blame), sampled(&profile, "heap", Kind::Lost));
    assert_eq!(kept.1 + lost.1, totals.blamed);
    assert_eq!(kept.0 + lost.0, totals.contentions);
    end_after(0);
}
