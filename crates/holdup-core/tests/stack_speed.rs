//! What a capture costs, printed:
//! `cargo test --release -p holdup-core --test stack_speed -- --ignored --nocapture`

#![cfg(all(unix, not(miri)))]

mod stack_support;

use core::hint::black_box;
use holdup_core::record::stack::{self, Method};
use stack_support::{recurse, unwound};
use std::time::Instant;

/// Frames of the measured stack: a usual depth.
const FRAMES: usize = 22;

/// The least of many rounds, in nanoseconds for each call.
fn nanoseconds(calls: u32, mut call: impl FnMut()) -> f64 {
    let round = |call: &mut dyn FnMut()| {
        let start = Instant::now();
        for _ in 0..calls {
            call();
        }
        start.elapsed().as_secs_f64() * 1e9 / f64::from(calls)
    };
    (0..30).map(|_| round(&mut call)).fold(f64::INFINITY, f64::min)
}

fn print(place: &str) {
    let mut all = [0; 256];
    let base = stack::capture_by(Method::UnwindRules, &mut all);
    // `recurse(n)` adds n + 1 frames, the closure and its shims a few.
    for extra in [0, FRAMES - 1] {
        let mut report = || {
            let mut pcs = [0; FRAMES];
            let mut whole = [0; 256];
            let depth = stack::capture(&mut whole);
            // Past the trial of frame pointers.
            for _ in 0..100 {
                stack::capture(&mut pcs);
            }
            print!("{place}, {depth:3} frames, at most {FRAMES}:");
            let chosen = nanoseconds(10_000, || {
                black_box(stack::capture(black_box(&mut pcs)));
            });
            print!(" {:?}, as chosen {chosen:.0} ns", stack::method());
            for method in [Method::FramePointers, Method::UnwindRules] {
                let count = stack::capture_by(method, &mut pcs);
                let each = nanoseconds(10_000, || {
                    black_box(stack::capture_by(method, black_box(&mut pcs)));
                });
                print!(", {method:?} {each:.0} ns for {count}");
            }
            let theirs = nanoseconds(200, || {
                black_box(unwound());
            });
            println!(", _Unwind_Backtrace {theirs:.0} ns");
        };
        recurse(extra, &mut report);
    }
    println!("{place} starts at {base} frames");
}

#[test]
#[ignore = "prints times"]
fn print_what_a_capture_costs() {
    let mut pcs = [0; 64];
    for capture in ["first capture of the process, with the self-test", "second"] {
        let start = Instant::now();
        let count = stack::capture(&mut pcs);
        println!("{capture}: {} us for {count} frames", start.elapsed().as_micros());
    }
    print("thread");
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    fiber(&|| print("fiber"));
}

/// Runs `body` on an alternate stack.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn fiber(body: &dyn Fn()) {
    extern "C" fn start(low: u32, high: u32) {
        let body = (high as usize) << 32 | low as usize;
        let body = core::ptr::with_exposed_provenance::<&dyn Fn()>(body);
        // SAFETY: the reference is on the stack of who switched here and waits.
        unsafe { (*body)() };
    }
    let mut stack = vec![0_u8; 256 << 10];
    let argument = (&raw const body).expose_provenance();
    // SAFETY: plain structures; the context runs on a stack of its own, which
    // outlives it, and comes back to `back` when `start` returns.
    unsafe {
        let mut back: libc::ucontext_t = core::mem::zeroed();
        let mut context: libc::ucontext_t = core::mem::zeroed();
        assert_eq!(libc::getcontext(&raw mut context), 0);
        context.uc_stack.ss_sp = stack.as_mut_ptr().cast();
        context.uc_stack.ss_size = stack.len();
        context.uc_link = &raw mut back;
        let entry = core::mem::transmute::<*const (), extern "C" fn()>(start as *const ());
        libc::makecontext(&raw mut context, entry, 2, argument as u32, (argument >> 32) as u32);
        assert_eq!(libc::swapcontext(&raw mut back, &raw const context), 0);
    }
}
