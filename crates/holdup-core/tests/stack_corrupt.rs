//! Whatever the frame pointer register holds, unwind rules give the right stack,
//! frame pointers alone no fault, and the choice falls on the rules.

#![cfg(all(target_os = "linux", target_arch = "x86_64", not(miri)))]

mod stack_support;

use core::ffi::c_void;
use core::ptr;
use holdup_core::record::stack::{self, Method};
use stack_support::{Way, assert_same_as_unwinder, captured, recurse};

const PAGE: usize = 4096;

core::arch::global_asm!(
    // Calls rsi(rdx) with rdi in the frame pointer register.
    ".globl holdup_test_with_frame_pointer",
    "holdup_test_with_frame_pointer:",
    ".cfi_startproc",
    "push rbp",
    ".cfi_def_cfa_offset 16",
    ".cfi_offset rbp, -16",
    "mov rbp, rdi",
    "mov rdi, rdx",
    "call rsi",
    "pop rbp",
    ".cfi_def_cfa_offset 8",
    ".cfi_restore rbp",
    "ret",
    ".cfi_endproc",
);

unsafe extern "C" {
    fn holdup_test_with_frame_pointer(
        fp: usize,
        call: extern "C" fn(*mut c_void),
        data: *mut c_void,
    );
}

/// Calls `work` with `fp` in the frame pointer register.
#[inline(never)]
fn with_frame_pointer(fp: usize, mut work: &mut dyn FnMut()) {
    extern "C" fn call(work: *mut c_void) {
        // SAFETY: the reference below, still borrowed.
        unsafe { (*work.cast::<&mut dyn FnMut()>())() };
    }
    // SAFETY: the register is saved and put back.
    unsafe { holdup_test_with_frame_pointer(fp, call, (&raw mut work).cast()) };
}

/// Frame pointers that are none. The last two are in `cycle`, which must be on
/// the stack.
fn garbage(cycle: &mut [usize; 4]) -> Vec<(&'static str, usize)> {
    // SAFETY: a mapping of our own, kept, of which one page is closed and one
    // unmapped.
    let base = unsafe {
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        let base = libc::mmap(ptr::null_mut(), 4 * PAGE, protection, flags, -1, 0);
        assert_ne!(base, libc::MAP_FAILED);
        assert_eq!(libc::mprotect(base.byte_add(PAGE), PAGE, libc::PROT_NONE), 0);
        assert_eq!(libc::munmap(base.byte_add(2 * PAGE), PAGE), 0);
        base.addr()
    };
    let code = garbage as *const () as usize;
    let at = cycle.as_ptr().addr();
    *cycle = [at, code, at, code];
    vec![
        ("readable, but no stack", base),
        ("the last word before a page that is not", base + PAGE - 8),
        ("PROT_NONE", base + PAGE),
        ("not mapped", base + 2 * PAGE),
        ("not canonical", 0x8000_0000_0000_0000),
        ("just not canonical", 0x0000_8000_0000_0000),
        ("the kernel's", 0xffff_ffff_8100_0000),
        ("the last address", usize::MAX),
        ("the last word", usize::MAX - 7),
        ("null", 0),
        ("small", 8),
        ("the first page that could be", PAGE),
        ("not aligned", at + 1),
        ("the stack, far below", at - (1 << 20)),
        ("the stack, far above", at + (1 << 20)),
        ("a cycle of one", at),
        ("a cycle of two", at + 16),
    ]
}

#[test]
fn garbage_in_the_frame_pointer_register_is_survived_and_seen_through() {
    let rules: Way = ("by rules", |pcs| stack::capture_by(Method::UnwindRules, pcs));
    let frames: Way = ("by frame pointers", |pcs| stack::capture_by(Method::FramePointers, pcs));
    let chosen: Way = ("as chosen", stack::capture);
    let run = || {
        let mut cycle = [0; 4];
        for (what, fp) in garbage(&mut cycle) {
            for way in [rules, chosen, frames] {
                let mut pcs = Vec::new();
                recurse(6, &mut || {
                    with_frame_pointer(fp, &mut || {
                        recurse(4, &mut || {
                            pcs = captured(way);
                            if way.0 == "by rules" {
                                assert_same_as_unwinder(way);
                            }
                        });
                    });
                });
                if way.0 == "by frame pointers" {
                    continue;
                }
                let runs: Vec<usize> = pcs
                    .chunk_by(|a, b| a == b)
                    .map(<[usize]>::len)
                    .filter(|run| *run > 2)
                    .collect();
                assert_eq!(runs, [4, 6], "{what}, {}: {pcs:x?}", way.0);
            }
        }
    };
    run();
    std::thread::scope(|scope| scope.spawn(run).join()).expect("join");
    assert_eq!(stack::method(), Method::UnwindRules);
}
