//! Code that was generated at run time has no unwind rules; its frame pointers
//! lead through it.

#![cfg(all(target_os = "linux", target_arch = "x86_64", not(miri)))]

mod stack_support;

use core::ffi::c_void;
use core::{mem, ptr};
use stack_support::{captured, recurse, ways};

/// `push rbp; mov rbp, rsp; mov rax, rdi; mov rdi, rsi; call rax; pop rbp; ret`
const CODE: [u8; 14] =
    [0x55, 0x48, 0x89, 0xe5, 0x48, 0x89, 0xf8, 0x48, 0x89, 0xf7, 0xff, 0xd0, 0x5d, 0xc3];

/// Where the call in [`CODE`] returns to.
const RETURN: usize = 12;

type Call = extern "C" fn(*mut c_void);
type Generated = unsafe extern "C" fn(Call, *mut c_void);

extern "C" fn call(work: *mut c_void) {
    // SAFETY: the reference that the test passes, still borrowed.
    unsafe { (*work.cast::<&mut dyn FnMut()>())() };
}

#[test]
fn generated_code_with_frame_pointers_is_crossed() {
    // SAFETY: a mapping of our own that is written before it is run, and kept.
    let (generated, address) = unsafe {
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        let memory = libc::mmap(ptr::null_mut(), 4096, protection, flags, -1, 0);
        assert_ne!(memory, libc::MAP_FAILED);
        memory.cast::<[u8; 14]>().write(CODE);
        assert_eq!(libc::mprotect(memory, 4096, libc::PROT_READ | libc::PROT_EXEC), 0);
        (mem::transmute::<*mut c_void, Generated>(memory), memory.addr())
    };
    for way in ways() {
        let mut pcs = Vec::new();
        recurse(5, &mut || {
            let mut work: &mut dyn FnMut() = &mut || recurse(3, &mut || pcs = captured(way));
            // SAFETY: the code does what it says above.
            unsafe { generated(call, (&raw mut work).cast()) };
        });
        let at = pcs.iter().position(|pc| *pc == address + RETURN);
        let at = at.unwrap_or_else(|| panic!("{}: no generated code in {pcs:x?}", way.0));
        let runs: Vec<usize> =
            pcs.chunk_by(|a, b| a == b).map(<[usize]>::len).filter(|run| *run > 2).collect();
        assert_eq!(runs, [3, 5], "{}: {pcs:x?}", way.0);
        assert!(at > 3 && at < pcs.len() - 5);
    }
}
