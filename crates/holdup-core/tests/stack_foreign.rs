//! Stacks through signal handlers, on alternate stacks and on fibers.

#![cfg(all(target_os = "linux", target_arch = "x86_64", not(miri)))]

mod stack_support;

use core::cell::RefCell;
use core::ffi::c_void;
use core::hint::black_box;
use core::ptr;
use holdup_core::record::stack::{self, Method};
use stack_support::{FORCED, Way, assert_same_as_unwinder, captured, longest_run, recurse, ways};

const PAGE: usize = 4096;

/// Ways that cross what has no frame pointers.
fn exact_ways() -> impl Iterator<Item = Way> {
    ways().into_iter().filter(|way| way.0 == "by rules" || !stack_support::FRAME_POINTERS)
}

/// Memory for a stack, unmapped at the end.
struct Mapping {
    base: *mut u8,
    size: usize,
}

impl Mapping {
    fn new(size: usize) -> Mapping {
        Mapping::at(ptr::null_mut(), size)
    }

    /// At `address` in place of what the test has there, unless that is null.
    fn at(address: *mut u8, size: usize) -> Mapping {
        let fixed = if address.is_null() { 0 } else { libc::MAP_FIXED };
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | fixed;
        // SAFETY: a new mapping, or in place of one that is the test's own.
        let base = unsafe {
            libc::mmap(address.cast(), size, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0)
        };
        assert_ne!(base, libc::MAP_FAILED);
        Mapping { base: base.cast(), size }
    }

    fn top(&self) -> *mut u8 {
        // SAFETY: one past the end.
        unsafe { self.base.add(self.size) }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: nobody is left on it.
        unsafe { libc::munmap(self.base.cast(), self.size) };
    }
}

core::arch::global_asm!(
    // Calls rsi(rdx) on the stack that ends at rdi, described so that the
    // way back can be found.
    ".globl holdup_test_on_stack",
    "holdup_test_on_stack:",
    ".cfi_startproc",
    "push rbp",
    ".cfi_def_cfa rsp, 16",
    ".cfi_offset rbp, -16",
    "mov rbp, rsp",
    ".cfi_def_cfa_register rbp",
    "mov rsp, rdi",
    "mov rdi, rdx",
    "call rsi",
    "mov rsp, rbp",
    "pop rbp",
    ".cfi_def_cfa rsp, 8",
    "ret",
    ".cfi_endproc",
    // Raises SIGILL at a known instruction, which is one byte further on.
    ".globl holdup_test_trap",
    "holdup_test_trap:",
    ".cfi_startproc",
    "nop",
    "ud2",
    "ret",
    ".cfi_endproc",
    // The way back from a signal handler, not described.
    ".globl holdup_test_signal_return",
    "nop",
    "holdup_test_signal_return:",
    "mov rax, 15",
    "syscall",
);

unsafe extern "C" {
    fn holdup_test_on_stack(top: *mut u8, call: extern "C" fn(*mut c_void), data: *mut c_void);
    fn holdup_test_trap();
    fn holdup_test_signal_return();
}

/// Calls `work` on the stack that ends at `top`.
#[inline(never)]
fn on_stack(top: *mut u8, mut work: &mut dyn FnMut()) {
    extern "C" fn call(work: *mut c_void) {
        // SAFETY: the reference below, still borrowed.
        unsafe { (*work.cast::<&mut dyn FnMut()>())() };
    }
    // SAFETY: the stack is the test's own, and large enough for it; a panic on it
    // aborts.
    unsafe { holdup_test_on_stack(top, call, (&raw mut work).cast()) };
}

#[test]
fn a_stack_that_was_switched_to_is_captured_with_what_switched() {
    for way in exact_ways() {
        let other = Mapping::new(256 << 10);
        let mut pcs = Vec::new();
        recurse(4, &mut || {
            on_stack(other.top(), &mut || recurse(6, &mut || pcs = captured(way)));
        });
        let runs: Vec<usize> =
            pcs.chunk_by(|a, b| a == b).map(<[usize]>::len).filter(|run| *run > 2).collect();
        assert_eq!(runs, [6, 4], "{}: {pcs:x?}", way.0);
    }
}

#[test]
fn a_stack_that_was_unmapped_and_replaced_by_a_smaller_one_is_not_read_beyond() {
    const SIZE: usize = 32 * PAGE;
    for round in 0..100 {
        let large = core::mem::ManuallyDrop::new(Mapping::new(2 * SIZE));
        let mut deep = 0;
        on_stack(large.top(), &mut || recurse(10, &mut || deep = captured(ways()[0]).len()));
        assert!(deep > 10);
        // A smaller stack in place of its lower half; above it is nothing, in turns
        // not mapped and not readable.
        let small = Mapping::at(large.base, SIZE);
        let upper = small.top();
        // SAFETY: nobody is on it.
        let closed = unsafe {
            if round % 2 == 0 {
                libc::munmap(upper.cast(), SIZE)
            } else {
                libc::mprotect(upper.cast(), SIZE, libc::PROT_NONE)
            }
        };
        assert_eq!(closed, 0);
        on_stack(small.top(), &mut || {
            let mut pcs = [0; 64];
            for method in FORCED {
                for above in [0, 8, PAGE, 16 * PAGE, 31 * PAGE] {
                    let fp = upper.addr() + above;
                    // SAFETY: any frame pointer will do.
                    unsafe {
                        with_frame_pointer(fp, &mut || {
                            black_box(stack::capture_by(method, &mut pcs));
                        });
                    }
                }
            }
        });
        if round % 2 != 0 {
            drop(Mapping { base: upper, size: SIZE });
        }
    }
}

/// Calls `work` while the frame pointer register holds `fp`.
unsafe fn with_frame_pointer(fp: usize, mut work: &mut dyn FnMut()) {
    extern "C" fn call(work: *mut c_void) {
        // SAFETY: the reference below, still borrowed.
        unsafe { (*work.cast::<&mut dyn FnMut()>())() };
    }
    // SAFETY: the register is saved and restored around the call.
    unsafe {
        core::arch::asm!(
            "push rbp",
            "push rbp",
            "mov rbp, {fp}",
            "call {call}",
            "pop rbp",
            "pop rbp",
            fp = in(reg) fp,
            call = sym call,
            in("rdi") (&raw mut work),
            clobber_abi("C"),
        );
    }
}

#[cfg(target_env = "gnu")]
#[test]
fn a_fiber_is_captured_to_its_start() {
    thread_local! {
        static RESULT: RefCell<Option<(Way, Vec<usize>)>> = const { RefCell::new(None) };
    }
    extern "C" fn start() {
        RESULT.with_borrow_mut(|result| {
            let (way, pcs) = result.as_mut().expect("a way");
            recurse(12, &mut || {
                *pcs = captured(*way);
                assert_same_as_unwinder(*way);
            });
        });
    }
    for way in exact_ways() {
        let memory = Mapping::new(256 << 10);
        RESULT.set(Some((way, Vec::new())));
        // SAFETY: plain structures; the context runs on its own memory and comes
        // back to `back`.
        unsafe {
            let mut back: libc::ucontext_t = core::mem::zeroed();
            let mut context: libc::ucontext_t = core::mem::zeroed();
            assert_eq!(libc::getcontext(&raw mut context), 0);
            context.uc_stack.ss_sp = memory.base.cast();
            context.uc_stack.ss_size = memory.size;
            context.uc_link = &raw mut back;
            libc::makecontext(&raw mut context, start, 0);
            assert_eq!(libc::swapcontext(&raw mut back, &raw const context), 0);
        }
        let (_, pcs) = RESULT.take().expect("a result");
        assert_eq!(longest_run(&pcs), 12, "{}: {pcs:x?}", way.0);
        let started = |pc: &usize| pc.wrapping_sub(start as *const () as usize) < 4096;
        let outermost: Vec<&usize> = pcs.iter().rev().take(2).collect();
        assert!(outermost.iter().any(|pc| started(pc)), "nothing but libc follows: {pcs:x?}");
    }
}

/// What the signal handlers capture, and where.
struct Handled {
    way: Way,
    compare: bool,
    pcs: Vec<usize>,
    on: usize,
}

thread_local! {
    static HANDLED: RefCell<Option<Handled>> = const { RefCell::new(None) };
}

extern "C" fn handler(_: i32, _: *mut libc::siginfo_t, context: *mut c_void) {
    HANDLED.with_borrow_mut(|handled| {
        let handled = handled.as_mut().expect("a way");
        let local = 0_u8;
        handled.on = (&raw const local).addr();
        recurse(3, &mut || {
            handled.pcs = captured(handled.way);
            if handled.compare {
                assert_same_as_unwinder(handled.way);
            }
        });
    });
    // SAFETY: the kernel's description of what was interrupted: `ud2`, two bytes.
    unsafe { (*context.cast::<libc::ucontext_t>()).uc_mcontext.gregs[libc::REG_RIP as usize] += 2 };
}

/// The kernel's `struct sigaction`.
#[repr(C)]
struct KernelAction {
    handler: usize,
    flags: u64,
    restorer: usize,
    mask: u64,
}

/// Captures by `way` in a handler that interrupts `holdup_test_trap`, with
/// `flags`, and with a way back of our own if `described` is false.
fn interrupted(way: Way, flags: i32, described: bool) -> Handled {
    // One action for the process: one test at a time.
    static ONE: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let _one = ONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    HANDLED.set(Some(Handled { way, compare: described, pcs: Vec::new(), on: 0 }));
    // SAFETY: installs a handler for SIGILL, which only the next call raises.
    unsafe {
        let mut action: libc::sigaction = core::mem::zeroed();
        action.sa_sigaction = handler as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO | flags;
        assert_eq!(libc::sigaction(libc::SIGILL, &raw const action, ptr::null_mut()), 0);
        if !described {
            const SA_RESTORER: u64 = 0x0400_0000;
            let action = KernelAction {
                handler: handler as *const () as usize,
                flags: (libc::SA_SIGINFO | flags) as u64 | SA_RESTORER,
                restorer: holdup_test_signal_return as *const () as usize,
                mask: 0,
            };
            let set = libc::syscall(
                libc::SYS_rt_sigaction,
                libc::SIGILL,
                &raw const action,
                ptr::null_mut::<c_void>(),
                8_usize,
            );
            assert_eq!(set, 0);
        }
        recurse(5, &mut || {
            holdup_test_trap();
            black_box(());
        });
    }
    HANDLED.take().expect("a result")
}

/// Checks that the handler, the interrupted instruction and its callers are
/// there, in this order.
fn check(handled: &Handled) {
    let pcs = &handled.pcs;
    let name = handled.way.0;
    // One more than the address of the instruction.
    let trap = holdup_test_trap as *const () as usize + 1 + 1;
    let at = pcs.iter().position(|pc| *pc == trap);
    let at = at.unwrap_or_else(|| panic!("{name}: no {trap:x} in {pcs:x?}"));
    assert_eq!(longest_run(&pcs[..at]), 3, "{name}: {pcs:x?}");
    assert_eq!(longest_run(&pcs[at..]), 5, "{name}: {pcs:x?}");
}

#[test]
fn what_a_signal_handler_interrupted_is_captured() {
    for way in exact_ways() {
        check(&interrupted(way, 0, cfg!(target_env = "gnu")));
    }
}

#[test]
fn a_way_back_from_a_handler_is_recognized_without_a_description() {
    for way in exact_ways() {
        check(&interrupted(way, 0, false));
    }
}

/// Calls `work` with a signal stack that is large enough for the test's own
/// frames.
fn with_signal_stack(work: impl FnOnce(&Mapping)) {
    let memory = Mapping::new(128 << 10);
    let mut stack = libc::stack_t { ss_sp: memory.base.cast(), ss_flags: 0, ss_size: memory.size };
    let mut before = stack;
    // SAFETY: this thread's own signal stack, put back before the memory goes.
    unsafe { assert_eq!(libc::sigaltstack(&raw const stack, &raw mut before), 0) };
    work(&memory);
    stack = before;
    // SAFETY: as before.
    unsafe { libc::sigaltstack(&raw const stack, ptr::null_mut()) };
}

#[test]
fn a_handler_on_an_alternate_stack_is_captured_with_what_it_interrupted() {
    let run = || {
        let other = Mapping::new(128 << 10);
        for way in exact_ways() {
            with_signal_stack(|memory| {
                let handled = interrupted(way, libc::SA_ONSTACK, cfg!(target_env = "gnu"));
                assert!((memory.base.addr()..memory.top().addr()).contains(&handled.on));
                check(&handled);
                // And if what it interrupted is on another stack too.
                on_stack(other.top(), &mut || {
                    check(&interrupted(way, libc::SA_ONSTACK, false));
                });
            });
        }
    };
    run();
    std::thread::scope(|scope| scope.spawn(run).join()).expect("join");
}

#[test]
fn frame_pointers_alone_never_fault_in_handlers_or_on_other_stacks() {
    let way: Way = ("by frame pointers alone", |pcs| stack::capture_by(Method::FramePointers, pcs));
    let other = Mapping::new(128 << 10);
    with_signal_stack(|_| {
        for flags in [0, libc::SA_ONSTACK] {
            interrupted(way, flags, false);
            on_stack(other.top(), &mut || {
                interrupted(way, flags, false);
            });
        }
    });
}

#[test]
fn a_first_capture_needs_little_stack() {
    // They are usually 8 KiB (SIGSTKSZ), and the frames of the kernel and of the
    // handler are on them too.
    const MOST: usize = if cfg!(debug_assertions) { 18 << 10 } else { 4 << 10 };
    const PAINT: u8 = 0xa5;
    let memory = Mapping::new(128 << 10);
    // SAFETY: nobody is on it yet.
    unsafe { memory.base.write_bytes(PAINT, memory.size) };
    let mut begin = 0;
    on_stack(memory.top(), &mut || {
        let mut pcs = [0; 64];
        begin = pcs.as_ptr().addr();
        // The first capture of a process makes the self-test, and no rule is cached.
        black_box(stack::capture(&mut pcs));
        black_box(stack::capture_by(Method::UnwindRules, &mut pcs));
    });
    // SAFETY: nobody is on it any more.
    let painted = unsafe { core::slice::from_raw_parts(memory.base, memory.size) };
    let low = painted.iter().position(|byte| *byte != PAINT).expect("it was used");
    let used = begin - memory.base.addr() - low;
    println!("{used} bytes of stack");
    assert!(used < MOST, "{used} bytes of stack");
}

#[test]
fn near_the_end_of_the_stack_a_capture_is_short_rather_than_too_deep() {
    // What Rust gives its threads, and the least that there is: with a guard
    // below. Without room to look rules up, what is not cached is left out.
    for size in [2 * PAGE, 8 * PAGE] {
        let memory = Mapping::new(size + PAGE);
        // SAFETY: the lowest page, which nobody is on.
        unsafe { libc::mprotect(memory.base.cast(), PAGE, libc::PROT_NONE) };
        on_stack(memory.top(), &mut || {
            let mut pcs = [0; 64];
            black_box(stack::capture_by(Method::UnwindRules, &mut pcs));
        });
    }
}
