//! Thread-locals that allocate nothing.
//!
//! A library's thread-local variables are reached through `__tls_get_addr`, which
//! may, at a thread's first access after a `dlopen`, allocate: with the program's
//! allocator, which may be why we are here. This library is there from the start,
//! so its variables lie at a distance from the thread pointer that is the same in
//! all threads. The compiler has no stable way to be told so; but what it calls is
//! `__tls_get_addr`, and this library has its own, which adds up that distance and
//! the offset it is asked for. All thread-locals in here go that way, those of the
//! core and of std included; nobody else's do, since the symbol is hidden.
//!
//! On AArch64 the compiler uses descriptors, by which the dynamic linker does the
//! same for libraries that are loaded at start.

use core::cell::Cell;

// `holdup_anchor@gottpoff` is how far the anchor is from the thread pointer,
// `holdup_anchor@dtpoff` how far it is from the beginning of this library's
// variables; the caller asks by the latter kind of distance.
#[cfg(target_arch = "x86_64")]
core::arch::global_asm!(
    ".pushsection .tbss.holdup_anchor, \"awT\", @nobits",
    ".balign 8",
    ".globl holdup_anchor",
    ".hidden holdup_anchor",
    ".type holdup_anchor, @object",
    ".size holdup_anchor, 8",
    "holdup_anchor:",
    ".zero 8",
    ".popsection",
    ".pushsection .text.holdup_tls, \"ax\", @progbits",
    ".balign 16",
    ".globl __tls_get_addr",
    ".hidden __tls_get_addr",
    ".type __tls_get_addr, @function",
    "__tls_get_addr:",
    ".cfi_startproc",
    "mov rax, qword ptr [rdi + 8]",
    "add rax, qword ptr [rip + holdup_anchor@GOTTPOFF]",
    "sub rax, offset holdup_anchor@DTPOFF",
    "add rax, qword ptr fs:[0]",
    "ret",
    ".cfi_endproc",
    ".size __tls_get_addr, . - __tls_get_addr",
    ".popsection",
);

thread_local! {
    /// Whether this thread is in a part of the side table that it has locked.
    static INSIDE: Cell<bool> = const { Cell::new(false) };
    /// The number of this thread, as the kernel and glibc's locks have it.
    static THREAD: Cell<i32> = const { Cell::new(0) };
}

/// Runs `work`, unless a signal handler asks whose thread is running some already.
#[inline]
pub(crate) fn once_inside<R>(work: impl FnOnce() -> R) -> Option<R> {
    if INSIDE.replace(true) {
        return None;
    }
    let result = work();
    INSIDE.set(false);
    Some(result)
}

/// The number of this thread, as glibc's locks note it.
pub(crate) fn thread_number() -> i32 {
    let mut number = THREAD.get();
    if number == 0 {
        // SAFETY: no arguments, no effects.
        number = unsafe { libc::syscall(libc::SYS_gettid) } as i32;
        THREAD.set(number);
    }
    number
}

/// In the child of a fork: what is known of this thread was the parent's.
pub(crate) fn forget_thread() {
    THREAD.set(0);
    INSIDE.set(false);
}
