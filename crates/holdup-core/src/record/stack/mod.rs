//! The call stack of the calling thread, as return addresses.
//!
//! [`capture`] runs after a contended unlock, wherever that is: in a global
//! allocator, in a signal handler, on a fiber, at thread exit. It allocates
//! nothing, takes no lock, calls no unwinder, does not touch `errno`, and
//! whatever the registers and the stack hold, it ends and does not fault.
//!
//! There are two ways up a stack:
//!
//! - `frame_pointer`, about 1 ns a frame, where the code keeps them;
//! - `rules`, some 5 ns a frame: the compiler's own description in
//!   `.eh_frame`, cached by address. It crosses libraries without frame pointers,
//!   signal handlers and alternate stacks, and falls back on the frame pointer for
//!   single frames without a description.
//!
//! The rules are right for all code, so they decide: `choice` uses frame
//! pointers only while they prove to give the same stacks, and keeps comparing. Every
//! read of the stack, by either, is checked against the readable `bounds`.
//!
//! What is supported where:
//!
//! | | frame pointers | unwind rules |
//! |---|---|---|
//! | Linux, x86-64 | yes | yes |
//! | Linux, AArch64 | yes (kept by default) | no |
//! | macOS | yes (required by its ABI) | no |
//! | others, Miri | no: stacks are empty | no |
//!
//! Known limits, on Linux:
//! - After `dlclose`, unless [`forget_rules`] is called, other code at the same addresses may meet old rules and give
//!   a short or odd stack.
//! - In a library opened with `dlopen`, the first access of a thread to its
//!   thread-local variables may make the C library allocate them.
//! - A frame that is met for the first time takes 2 KiB of stack to look up (12 in
//!   builds without optimization). Where there is not that much left, the stack
//!   ends there, for this time.
//! - A capture on a stack that is not the thread's own (a fiber, `sigaltstack`)
//!   makes one system call for each page of it that it touches.

// Walking at all: two registers, and the limits of the stack.
#[cfg(all(
    any(target_os = "linux", target_vendor = "apple"),
    any(target_arch = "x86_64", target_arch = "aarch64"),
    target_pointer_width = "64",
    not(miri)
))]
mod arch;
#[cfg(all(
    any(target_os = "linux", target_vendor = "apple"),
    any(target_arch = "x86_64", target_arch = "aarch64"),
    target_pointer_width = "64",
    not(miri)
))]
mod bounds;
#[cfg(all(
    any(target_os = "linux", target_vendor = "apple"),
    any(target_arch = "x86_64", target_arch = "aarch64"),
    target_pointer_width = "64",
    not(miri)
))]
mod frame_pointer;

// Unwind rules, as they are on Linux on x86-64.
#[cfg(all(target_os = "linux", target_arch = "x86_64", target_pointer_width = "64", not(miri)))]
mod rules;

/// The readers of outside data, for `fuzz/`.
#[cfg(all(fuzzing, target_os = "linux", target_arch = "x86_64"))]
pub mod fuzzing {
    pub use super::rules::fuzzing::{eh_frame, maps};
}

// Which way: a choice of two, one, or none.
#[cfg(all(target_os = "linux", target_arch = "x86_64", target_pointer_width = "64", not(miri)))]
mod choice;
#[cfg(all(
    any(target_vendor = "apple", all(target_os = "linux", target_arch = "aarch64")),
    any(target_arch = "x86_64", target_arch = "aarch64"),
    target_pointer_width = "64",
    not(miri)
))]
#[path = "choice_frame_pointers.rs"]
mod choice;
#[cfg(not(all(
    any(target_os = "linux", target_vendor = "apple"),
    any(target_arch = "x86_64", target_arch = "aarch64"),
    target_pointer_width = "64",
    not(miri)
)))]
#[path = "choice_nothing.rs"]
mod choice;

/// A way to walk a stack.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Method {
    /// Along frame pointers alone.
    FramePointers,
    /// By the compiler's unwind rules.
    UnwindRules,
    /// Not at all: this platform is not supported, stacks are empty.
    None,
}

/// Fills `pcs` with the return addresses on the calling thread's stack,
/// innermost first, and returns how many there are. The first is in the caller of
/// this function. If there are more than `pcs` holds, the outermost are left
/// out.
///
/// Subtract one from an address to be inside the call it returns to. (Where a
/// signal handler interrupted code, the address is one more than that of the
/// interrupted instruction, so that this holds there too.)
///
/// Costs some 40 to 100 ns for 22 frames, 1 to 2 us for each frame met for the
/// first time, and the very first capture some 100 us for the self-test.
/// Allocates nothing, takes no lock, keeps `errno`; may be called from signal
/// handlers and from within an allocator. Never panics.
///
/// ```
/// use holdup_core::record::stack;
///
/// let mut pcs = [0; 64];
/// let depth = stack::capture(&mut pcs);
/// for pc in &pcs[..depth] {
///     println!("{:#x}", pc - 1);
/// }
/// ```
#[inline(never)]
pub fn capture(pcs: &mut [usize]) -> usize {
    choice::capture(pcs)
}

/// [`capture`] in the way that `method` says, whether or not it is any good here.
///
/// For tests and comparisons. A way that the platform does not support finds
/// nothing.
#[doc(hidden)]
#[inline(never)]
pub fn capture_by(method: Method, pcs: &mut [usize]) -> usize {
    choice::capture_by(method, pcs)
}

/// Forgets all unwind rules that were looked up, so that code which is loaded at
/// the addresses of code that is gone is not walked by the rules of that: to be
/// called after `dlclose`. Rules are looked up again as they are met. Some
/// microseconds; may be called at any time.
pub fn forget_rules() {
    #[cfg(all(
        target_os = "linux",
        target_arch = "x86_64",
        target_pointer_width = "64",
        not(miri)
    ))]
    rules::forget();
}

/// The way in which [`capture`] walks stacks at present, for reports.
///
/// It may change from frame pointers to unwind rules while the program runs, and
/// after the first captures from rules to frame pointers. Costs one load; the first
/// call may make the self-test.
#[must_use]
pub fn method() -> Method {
    choice::method()
}
