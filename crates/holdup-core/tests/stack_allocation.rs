//! A capture allocates nothing, so it may run inside an allocator.

#![cfg(all(unix, not(miri)))]

use core::alloc::{GlobalAlloc, Layout};
use core::cell::Cell;
use core::hint::black_box;
use holdup_core::record::stack::{self, Method};
use std::alloc::System;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
    static CAPTURED: Cell<u64> = const { Cell::new(0) };
    static CAPTURING: Cell<bool> = const { Cell::new(false) };
}

/// Counts, and captures the stack of each allocation while that is wanted.
struct Counting;

// SAFETY: the system's allocator, and what does not touch its memory.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        if CAPTURING.get() {
            let mut pcs = [0; 64];
            let count = stack::capture(&mut pcs);
            CAPTURED.set(CAPTURED.get() + u64::from(count > 3));
        }
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How much this thread allocates while `work` runs.
fn allocations(work: impl FnOnce()) -> u64 {
    let before = ALLOCATIONS.get();
    work();
    ALLOCATIONS.get() - before
}

fn capture_in_all_ways() {
    let mut pcs = [0; 64];
    // The first captures of a process do most: the self-test, the cache.
    for _ in 0..200 {
        black_box(stack::capture(&mut pcs));
        black_box(stack::method());
        for method in [Method::FramePointers, Method::UnwindRules] {
            black_box(stack::capture_by(method, &mut pcs));
        }
    }
}

#[test]
fn no_capture_allocates_not_even_the_first() {
    assert_eq!(allocations(capture_in_all_ways), 0);
    let other = std::thread::spawn(|| allocations(capture_in_all_ways));
    assert_eq!(other.join().expect("join"), 0);
    assert_eq!(allocations(|| drop(black_box(vec![1]))), 1, "the count works");
}

#[test]
fn an_allocator_may_capture_the_stacks_of_its_callers() {
    std::thread::spawn(|| {
        CAPTURING.set(true);
        for size in 1..1000 {
            black_box(vec![0_u8; size]);
        }
        CAPTURING.set(false);
        assert!(CAPTURED.get() >= 999, "{}", CAPTURED.get());
    })
    .join()
    .expect("join");
}
