//! Memory that does not come from the program's allocator, which may itself
//! be a user of our locks.

use core::ptr::NonNull;

/// Fresh zeroed memory, aligned to a page at least. None if there is none.
/// Pages cost nothing until they are touched.
#[cfg(unix)]
pub(crate) fn map(size: usize) -> Option<NonNull<u8>> {
    // SAFETY: an anonymous mapping at an address of the kernel's choice
    // touches no existing memory.
    let memory = unsafe {
        libc::mmap(
            core::ptr::null_mut(),
            size,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANON | libc::MAP_NORESERVE,
            -1,
            0,
        )
    };
    if memory == libc::MAP_FAILED { None } else { NonNull::new(memory.cast()) }
}

/// Gives memory back.
///
/// # Safety
/// `memory` came from [`map`] with this `size`, and nobody uses it any more.
#[cfg(unix)]
pub(crate) unsafe fn unmap(memory: NonNull<u8>, size: usize) {
    // SAFETY: the caller's promise.
    unsafe { libc::munmap(memory.as_ptr().cast(), size) };
}

#[cfg(not(unix))]
fn layout(size: usize) -> Option<std::alloc::Layout> {
    std::alloc::Layout::from_size_align(size, 4096).ok()
}

/// Fresh zeroed memory, aligned to a page at least. None if there is none.
#[cfg(not(unix))]
pub(crate) fn map(size: usize) -> Option<NonNull<u8>> {
    use std::alloc::{GlobalAlloc, System};
    // SAFETY: callers never ask for no memory at all.
    NonNull::new(unsafe { System.alloc_zeroed(layout(size)?) })
}

/// Gives memory back.
///
/// # Safety
/// `memory` came from [`map`] with this `size`, and nobody uses it any more.
#[cfg(not(unix))]
pub(crate) unsafe fn unmap(memory: NonNull<u8>, size: usize) {
    use std::alloc::{GlobalAlloc, System};
    if let Some(layout) = layout(size) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(memory.as_ptr(), layout) }
    }
}
