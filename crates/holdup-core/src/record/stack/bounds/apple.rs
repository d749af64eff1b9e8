//! The readable stack on macOS: the thread's own, which the C library knows
//! without a lock or an allocation. Other stacks are not walked beyond the page
//! of the stack pointer.

/// Pages above the stack pointer of a foreign stack are not tried.
pub(super) const TRIES: u32 = 0;

/// The thread's own stack from `sp` up, if `sp` is on it.
#[inline]
pub(super) fn own_stack(sp: usize) -> Option<(usize, usize)> {
    // SAFETY: asks for fields of the calling thread's own descriptor.
    let (high, size) = unsafe {
        let this = libc::pthread_self();
        (libc::pthread_get_stackaddr_np(this).addr(), libc::pthread_get_stacksize_np(this))
    };
    let (low, high) = (sp & !(super::WORD - 1), high & !(super::WORD - 1));
    (low < high && high - low <= size).then_some((low, high))
}

/// No cheap way to tell.
pub(super) fn readable(_address: usize) -> bool {
    false
}
