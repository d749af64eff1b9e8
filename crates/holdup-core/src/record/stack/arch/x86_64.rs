//! x86-64.

use super::Registers;

/// Bits of an address that a program can have (larger ones
/// are given only to who asks for them).
pub(in super::super) const ADDRESS_BITS: u32 = 47;

/// Stores the registers of its caller, as they are after the call.
///
/// A naked function, so that what it sees cannot depend on how it was compiled:
/// on entry the return address is at the top of the stack, and the frame
/// pointer is the caller's.
///
/// # Safety
/// `into` must be valid for writing.
#[unsafe(naked)]
pub(super) unsafe extern "sysv64" fn store_registers(into: *mut Registers) {
    core::arch::naked_asm!(
        "mov rax, [rsp]",
        "lea rcx, [rsp + 8]",
        "mov [rdi], rax",
        "mov [rdi + 8], rcx",
        "mov [rdi + 16], rbp",
        "ret",
    )
}

/// Return addresses carry no signature here.
#[inline(always)]
pub(in super::super) fn strip_signature(address: usize) -> usize {
    address
}

/// The address of the calling thread's control block. Both glibc and musl put
/// it at the high end of the mapping that holds the thread's stack (except for
/// the main thread) and store its own address in its first word.
#[cfg(target_os = "linux")]
#[inline]
pub(in super::super) fn thread_pointer() -> usize {
    let address;
    // SAFETY: the ABI for thread-local storage on x86-64 defines the word at
    // fs:0; it is only read.
    unsafe {
        core::arch::asm!(
            "mov {}, fs:[0]",
            out(reg) address,
            options(nostack, preserves_flags, readonly),
        );
    }
    address
}

/// A Linux system call. Returns the negated error number on failure and does
/// not touch `errno`, which belongs to the code that the capture interrupted.
///
/// # Safety
/// As the call itself.
#[cfg(target_os = "linux")]
#[inline]
pub(in super::super) unsafe fn syscall(number: libc::c_long, arguments: [usize; 4]) -> isize {
    let result: isize;
    // SAFETY: the kernel's calling convention; it keeps all registers but rax,
    // rcx and r11. The effects are the caller's business.
    unsafe {
        core::arch::asm!(
            "syscall",
            inlateout("rax") number as isize => result,
            in("rdi") arguments[0],
            in("rsi") arguments[1],
            in("rdx") arguments[2],
            in("r10") arguments[3],
            lateout("rcx") _,
            lateout("r11") _,
            options(nostack),
        );
    }
    result
}
