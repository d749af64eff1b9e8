//! What the tests of stack capture share.

#![allow(dead_code, reason = "each test program uses its part")]

use core::ffi::c_void;
use core::hint::black_box;
use holdup_core::record::stack::{self, Method};

/// Whether this build keeps frame pointers in all Rust code.
pub const FRAME_POINTERS: bool = match option_env!("RUSTFLAGS") {
    Some(flags) => contains(flags.as_bytes(), b"force-frame-pointers"),
    None => cfg!(target_arch = "aarch64"),
};

/// Whether there are unwind rules on this platform.
pub const UNWIND_RULES: bool = cfg!(all(target_os = "linux", target_arch = "x86_64"));

const fn contains(text: &[u8], part: &[u8]) -> bool {
    let mut start = 0;
    while start + part.len() <= text.len() {
        let mut same = 0;
        while same < part.len() && text[start + same] == part[same] {
            same += 1;
        }
        if same == part.len() {
            return true;
        }
        start += 1;
    }
    false
}

/// A way to capture, and its name.
pub type Way = (&'static str, fn(&mut [usize]) -> usize);

/// The ways that must be right in Rust code of this build.
pub fn ways() -> Vec<Way> {
    let mut ways: Vec<Way> = vec![("as chosen", stack::capture)];
    if UNWIND_RULES {
        ways.push(("by rules", |pcs| black_box(stack::capture_by(Method::UnwindRules, pcs))));
    }
    if FRAME_POINTERS {
        ways.push(("by frame pointers", |pcs| {
            black_box(stack::capture_by(Method::FramePointers, pcs))
        }));
    }
    ways
}

/// Both forced ways, right or not; neither may ever fault.
pub const FORCED: [Method; 2] = [Method::FramePointers, Method::UnwindRules];

/// The stack as `way` captures it; the first address is in this function or
/// above.
#[inline(never)]
pub fn captured(way: Way) -> Vec<usize> {
    let mut pcs = [0; 512];
    let count = (way.1)(&mut pcs);
    black_box(pcs[..count].to_vec())
}

/// Calls itself `depth` times, then `last`. The return address in its own code
/// is on the stack `depth` times then.
#[inline(never)]
pub fn recurse(depth: usize, last: &mut dyn FnMut()) {
    if black_box(depth) == 0 {
        last();
    } else {
        recurse(depth - 1, last);
    }
    // Not the last thing it does, so that it has a frame.
    black_box(depth);
}

/// The longest run of equal addresses.
pub fn longest_run(pcs: &[usize]) -> usize {
    pcs.chunk_by(|a, b| a == b).map(<[usize]>::len).max().unwrap_or(0)
}

/// The stack as the unwinder of the language sees it, with the frame of its
/// caller first. Interrupted instructions count like return addresses to them,
/// as in [`stack::capture`].
#[inline(never)]
pub fn unwound() -> Vec<usize> {
    unsafe extern "C" {
        fn _Unwind_Backtrace(
            visit: extern "C" fn(*mut c_void, *mut c_void) -> i32,
            argument: *mut c_void,
        ) -> i32;
        fn _Unwind_GetIPInfo(context: *mut c_void, before: *mut i32) -> usize;
    }
    extern "C" fn visit(context: *mut c_void, pcs: *mut c_void) -> i32 {
        let mut before = 0;
        // SAFETY: called by the unwinder with its context and our vector.
        unsafe {
            let pc = _Unwind_GetIPInfo(context, &raw mut before);
            if pc != 0 {
                (*pcs.cast::<Vec<usize>>()).push(pc + before as usize);
            }
        }
        0
    }
    let mut pcs: Vec<usize> = Vec::with_capacity(512);
    // SAFETY: the callback gets the vector that it expects.
    unsafe { _Unwind_Backtrace(visit, (&raw mut pcs).cast()) };
    // The first is in this function.
    pcs.remove(0);
    black_box(pcs)
}

/// Asserts that `way` sees the same callers of this function's caller as the
/// unwinder, to the outermost. The outermost one or two may be missing where the
/// stack is walked along frame pointers and the C library has none.
#[inline(never)]
#[track_caller]
pub fn assert_same_as_unwinder(way: Way) {
    let ours = captured(way);
    let theirs = unwound();
    // Ours begins somewhere in `captured`, theirs here; the call of this function
    // is where they meet.
    let outer = &theirs[1..];
    let start = ours.iter().position(|pc| *pc == outer[0]);
    let ours = &ours[start.unwrap_or_else(|| panic!("{}: {ours:x?} {theirs:x?}", way.0))..];
    let along_frames = FRAME_POINTERS && way.0 != "by rules";
    let missing = if along_frames { 2 } else { 0 };
    // musl is not described, and the unwinder does not name the frame at which it
    // gives up.
    let more = if cfg!(target_env = "musl") { 1 } else { 0 };
    let common = ours.len().min(outer.len());
    assert!(
        ours[..common] == outer[..common]
            && ours.len() + missing >= outer.len()
            && ours.len() <= outer.len() + more,
        "{}:\n{ours:x?}\n{outer:x?}",
        way.0
    );
}
