//! Stacks of known depth are captured exactly.

#![cfg(all(unix, not(miri)))]

mod stack_support;

use core::cell::RefCell;
use core::hint::black_box;
use holdup_core::record::stack::{self, Method};
use stack_support::{
    UNWIND_RULES, Way, assert_same_as_unwinder, captured, longest_run, recurse, ways,
};

/// Checks that `way` finds a recursion of `depth` and all around it.
fn check(way: Way, depth: usize) {
    let mut pcs = Vec::new();
    recurse(depth, &mut || {
        pcs = captured(way);
        assert_same_as_unwinder(way);
    });
    assert_eq!(longest_run(&pcs), depth, "{}: {pcs:x?}", way.0);
}

#[test]
fn a_known_recursion_depth_is_captured_exactly() {
    for way in ways() {
        for depth in [2, 3, 22, 100, 300] {
            check(way, depth);
        }
    }
}

#[test]
fn a_way_is_chosen_that_this_build_supports() {
    let mut pcs = [0; 64];
    for _ in 0..100 {
        assert!(stack::capture(&mut pcs) > 0);
    }
    assert!(matches!(stack::method(), Method::FramePointers | Method::UnwindRules));
    if UNWIND_RULES && !stack_support::FRAME_POINTERS && !cfg!(debug_assertions) {
        assert_eq!(stack::method(), Method::UnwindRules);
    }
}

#[test]
fn a_stack_beyond_the_room_keeps_its_innermost_part() {
    for way in ways() {
        recurse(50, &mut || {
            let mut all = [0; 256];
            let mut some = [0; 256];
            let mut counts = [0; 3];
            for (count, room) in counts.iter_mut().zip([256, 10, 0]) {
                let pcs = if room == 256 { &mut all } else { &mut some };
                *count = black_box((way.1)(&mut pcs[..room]));
            }
            assert!(counts[0] > 50);
            assert_eq!(counts[1..], [10, 0]);
            // The calls are in different places here and in the closure, but in the
            // same above.
            assert_eq!(some[2..10], all[2..10]);
            assert_eq!(some[10..], [0; 246], "nothing is written beyond the room");
        });
    }
}

// musl comes without frame pointers and without unwind rules.
#[cfg(not(target_env = "musl"))]
mod through_libc {
    use super::*;
    use core::ffi::c_void;

    thread_local! {
        static RESULT: RefCell<Option<(Way, Vec<usize>)>> = const { RefCell::new(None) };
    }

    /// Sorts two numbers by libc's `qsort` with a callback that captures by `way`.
    #[inline(never)]
    fn through_libc(way: Way) -> Vec<usize> {
        extern "C" fn compare(_: *const c_void, _: *const c_void) -> i32 {
            RESULT.with_borrow_mut(|result| {
                let (way, pcs) = result.as_mut().expect("a way");
                recurse(5, &mut || {
                    *pcs = captured(*way);
                    assert_same_as_unwinder(*way);
                });
            });
            0
        }
        RESULT.set(Some((way, Vec::new())));
        let mut numbers = [2, 1];
        // SAFETY: two numbers of four bytes.
        unsafe { libc::qsort(numbers.as_mut_ptr().cast(), 2, 4, Some(compare)) };
        RESULT.take().expect("a result").1
    }

    #[test]
    fn a_callback_from_libc_is_captured_with_its_caller() {
        if !UNWIND_RULES {
            return;
        }
        for way in ways().into_iter().filter(|way| way.0 != "by frame pointers") {
            let mut pcs = Vec::new();
            recurse(7, &mut || pcs = through_libc(way));
            let runs: Vec<usize> =
                pcs.chunk_by(|a, b| a == b).map(<[usize]>::len).filter(|run| *run > 2).collect();
            assert_eq!(runs, [5, 7], "{}: {pcs:x?}", way.0);
            let within = |pc: &usize| pc.wrapping_sub(through_libc as *const () as usize) < 4096;
            assert!(pcs.iter().any(within), "the function that called libc is there");
        }
    }
}

#[test]
fn a_thread_with_a_small_stack_is_captured_to_its_start() {
    // The least in which a rule can still be looked up below the test's own frames.
    let smallest = if cfg!(debug_assertions) { 64 << 10 } else { 32 << 10 };
    for size in [smallest, 128 << 10, 1 << 20] {
        std::thread::Builder::new()
            .stack_size(size)
            .spawn(|| ways().into_iter().for_each(|way| check(way, 20)))
            .expect("spawn")
            .join()
            .expect("join");
    }
}

#[test]
fn a_stack_of_many_megabytes_is_captured_at_once_and_a_larger_one_soon() {
    let deep = |megabytes: usize| {
        // The last is a forced one: the choice may change during the test.
        let way = ways()[ways().len() - 1];
        let mut counts = [0; 20];
        with_megabytes(megabytes, &mut || {
            for count in &mut counts {
                let mut pcs = [0; 512];
                *count = (way.1)(black_box(&mut pcs));
            }
        });
        counts
    };
    std::thread::Builder::new()
        .stack_size(512 << 20)
        .spawn(move || {
            let counts = deep(30);
            assert!(counts[0] > 30 && counts.iter().all(|count| *count == counts[0]), "{counts:?}");
            let counts = deep(300);
            assert!(counts.is_sorted() && counts[19] > 300, "{counts:?}");
        })
        .expect("spawn")
        .join()
        .expect("join");
}

/// Calls `last` with so many megabytes more on the stack.
#[inline(never)]
fn with_megabytes(count: usize, last: &mut dyn FnMut()) {
    // Not written to, so that it takes no memory.
    let mut space = [const { core::mem::MaybeUninit::<u8>::uninit() }; 1 << 20];
    black_box(space.as_mut_ptr());
    if black_box(count) == 0 {
        last();
    } else {
        with_megabytes(count - 1, last);
    }
    black_box(space.as_ptr());
}

#[test]
fn threads_that_capture_at_once_see_each_its_own_stack() {
    let start = std::sync::Barrier::new(8);
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let start = &start;
            scope.spawn(move || {
                start.wait();
                for round in 0..200 {
                    for way in ways() {
                        let depth = 2 + (thread * 13 + round) % 60;
                        let mut pcs = Vec::new();
                        recurse(depth, &mut || pcs = captured(way));
                        assert_eq!(longest_run(&pcs), depth, "{}", way.0);
                    }
                }
            });
        }
    });
}

#[test]
fn a_stack_is_captured_while_its_thread_exits() {
    use std::sync::mpsc::{Sender, channel};

    struct AtExit(Sender<Vec<usize>>);
    impl Drop for AtExit {
        fn drop(&mut self) {
            for way in ways() {
                let mut pcs = Vec::new();
                recurse(9, &mut || pcs = captured(way));
                // Nobody listens if the test has failed already.
                let _ = self.0.send(pcs);
            }
        }
    }
    thread_local! {
        static AT_EXIT: RefCell<Option<AtExit>> = const { RefCell::new(None) };
    }

    let (sender, stacks) = channel();
    let thread = std::thread::spawn(move || {
        AT_EXIT.set(Some(AtExit(sender)));
        // One before the exit too, so that what a thread keeps is in use.
        black_box(captured(ways()[0]));
    });
    thread.join().expect("join");
    let stacks: Vec<_> = stacks.iter().collect();
    assert_eq!(stacks.len(), ways().len());
    for pcs in stacks {
        assert_eq!(longest_run(&pcs), 9, "{pcs:x?}");
    }
}
