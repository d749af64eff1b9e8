//! AArch64.

use super::Registers;

/// Bits of an address that a program can have (larger ones
/// are given only to who asks for them).
pub(in super::super) const ADDRESS_BITS: u32 = 48;

/// Stores the registers of its caller, as they are after the call.
///
/// A naked function, so that what it sees cannot depend on how it was compiled:
/// on entry the return address is in the link register, and the frame pointer
/// is the caller's.
///
/// # Safety
/// `into` must be valid for writing.
#[unsafe(naked)]
pub(super) unsafe extern "C" fn store_registers(into: *mut Registers) {
    core::arch::naked_asm!("mov x9, sp", "stp x30, x9, [x0]", "str x29, [x0, #16]", "ret")
}

/// Removes the pointer authentication code from a return address that was
/// read from the stack. `hint #7` is `xpaclri`, which processors without
/// pointer authentication ignore.
#[inline(always)]
pub(in super::super) fn strip_signature(address: usize) -> usize {
    let stripped;
    // SAFETY: changes the link register alone, which is declared.
    unsafe {
        core::arch::asm!(
            "hint #7",
            inlateout("x30") address => stripped,
            options(nomem, nostack, preserves_flags),
        );
    }
    stripped
}

/// The address of the calling thread's control block, which glibc and musl put
/// at the high end of the mapping that holds the thread's stack (except for the
/// main thread).
#[cfg(target_os = "linux")]
#[inline]
pub(in super::super) fn thread_pointer() -> usize {
    let address;
    // SAFETY: reads a register.
    unsafe {
        core::arch::asm!(
            "mrs {}, tpidr_el0",
            out(reg) address,
            options(nomem, nostack, preserves_flags),
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
    // SAFETY: the kernel's calling convention; it keeps all registers but x0.
    // The effects are the caller's business.
    unsafe {
        core::arch::asm!(
            "svc #0",
            in("x8") number,
            inlateout("x0") arguments[0] as isize => result,
            in("x1") arguments[1],
            in("x2") arguments[2],
            in("x3") arguments[3],
            options(nostack),
        );
    }
    result
}
