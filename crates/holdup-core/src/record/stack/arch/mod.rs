//! What stack capture needs of the processor: the caller's registers and,
//! on Linux, a system call that leaves `errno` alone and the address of the
//! thread's own control block.

#[cfg(target_arch = "aarch64")]
mod aarch64;
#[cfg(target_arch = "x86_64")]
mod x86_64;

#[cfg(target_arch = "aarch64")]
use aarch64 as chosen;
#[cfg(target_arch = "x86_64")]
use x86_64 as chosen;

pub(super) use chosen::{ADDRESS_BITS, strip_signature};
#[cfg(target_os = "linux")]
pub(super) use chosen::{syscall, thread_pointer};

/// The registers a walk starts from, as they are just after the call that
/// asked for them returned.
///
/// They describe the frame of the function that called [`Registers::of_caller`],
/// so they are worth something only while that function has not returned.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub(super) struct Registers {
    /// A return address inside the caller.
    pub(super) pc: usize,
    /// The caller's stack pointer.
    pub(super) sp: usize,
    /// The caller's frame pointer, or whatever else it keeps in that register.
    pub(super) fp: usize,
}

impl Registers {
    /// The registers of the function that calls this.
    ///
    /// Must be inlined so that "the function that calls this" is the one that
    /// wrote the call; where it is not, the walk starts in a frame that is gone
    /// and gives a short or odd stack, nothing worse.
    #[inline(always)]
    pub(super) fn of_caller() -> Registers {
        let mut registers = Registers::default();
        // SAFETY: the function writes the three words of `registers` and
        // nothing else.
        unsafe { chosen::store_registers(&raw mut registers) };
        registers
    }
}

/// Whether a program can have code at `address`. Null and its neighbourhood, and
/// what only the kernel can have, are no return addresses.
#[inline(always)]
pub(super) fn is_code_address(address: usize) -> bool {
    const LOWEST: usize = 4096;
    address.wrapping_sub(LOWEST) < (1 << ADDRESS_BITS) - LOWEST
}
