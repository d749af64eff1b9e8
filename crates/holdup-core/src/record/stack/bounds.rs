//! Which addresses of the stack may be read.
//!
//! A walk follows numbers it found on the stack, so any of them may be wrong.
//! Every read goes through [`Bounds`], which answers only for addresses known to
//! be readable. The limits of a thread's stack cannot be asked for
//! (`pthread_getattr_np` allocates, and knows nothing of fibers), so pages are
//! tried with a system call that reports an unreadable address instead of
//! faulting ([`linux::readable`]).
//!
//! What was found out is kept for the thread so that a warm capture makes no
//! system call, but only about memory that cannot go away while the thread
//! lives: its own stack. On Linux that is recognized by an *anchor* which lies
//! in the same mapping above all frames:
//!
//! - in threads, the thread control block, which libc puts at the high end of
//!   the stack's mapping;
//! - in the main thread, the 16 random bytes that the kernel puts above the
//!   first frame (`AT_RANDOM`).
//!
//! Pages are tried downwards from the anchor until the stack pointer is
//! reached without a gap. A stack pointer that cannot be reached so is on some
//! other stack (a fiber, `sigaltstack`), which may be unmapped and replaced
//! between two captures; its pages are tried again in each capture, as many as
//! the walk touches. The stack that the thread is running on is not unmapped
//! during the capture.

use core::ptr;

#[cfg(target_vendor = "apple")]
mod apple;
#[cfg(target_os = "linux")]
mod linux;

#[cfg(target_vendor = "apple")]
use apple as system;
#[cfg(target_os = "linux")]
use linux as system;

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
pub(super) use linux::readable;

const WORD: usize = size_of::<usize>();

/// Pages are tried in this size: every page size of Linux and macOS is a
/// multiple of it.
const PAGE: usize = 4096;

/// The addresses that one walk may read.
#[derive(Debug)]
pub(super) struct Bounds {
    /// The lowest readable address.
    low: usize,
    /// One past the highest.
    high: usize,
    /// How many more pages may be tried above `high`.
    tries: u32,
}

impl Bounds {
    /// The bounds around `sp`, the stack pointer the thread is running on.
    #[inline]
    pub(super) fn around_running(sp: usize) -> Bounds {
        match system::own_stack(sp) {
            Some((low, high)) => Bounds { low, high, tries: 0 },
            // The page of the running stack pointer is in use.
            None => rest_of_page(sp, system::TRIES),
        }
    }

    /// The bounds of the thread's own stack, if `sp` is on it.
    #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
    pub(super) fn own(sp: usize) -> Option<Bounds> {
        system::own_stack(sp).map(|(low, high)| Bounds { low, high, tries: 0 })
    }

    /// The bounds around `sp`, a stack pointer that was found in a signal
    /// frame; none if it points to nothing readable.
    #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
    #[cold]
    pub(super) fn around(sp: usize) -> Option<Bounds> {
        Bounds::own(sp)
            .or_else(|| readable(sp & !(PAGE - 1)).then(|| rest_of_page(sp, system::TRIES)))
    }

    /// Whether `sp` is on this stack as far as it is known.
    #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
    pub(super) fn contain(&self, sp: usize) -> bool {
        self.low <= sp && sp < self.high
    }

    /// The word at `address`, if that is aligned and readable stack.
    #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
    #[inline(always)]
    pub(super) fn read(&mut self, address: usize) -> Option<usize> {
        self.read_words(address).map(|[word]| word)
    }

    /// The two words at `address`, if they are aligned and readable stack.
    #[inline(always)]
    pub(super) fn read_pair(&mut self, address: usize) -> Option<[usize; 2]> {
        self.read_words(address)
    }

    #[inline(always)]
    fn read_words<const N: usize>(&mut self, address: usize) -> Option<[usize; N]> {
        let bytes = N * WORD;
        // One comparison checks both ends of the words.
        let size = self.high - self.low;
        let known = size >= bytes && address.wrapping_sub(self.low) <= size - bytes;
        if !address.is_multiple_of(WORD) || !(known || self.extend_to(address, bytes)) {
            return None;
        }
        // SAFETY: the words are aligned and lie within [low, high), which is
        // readable: either the thread's own stack, or pages that were tried
        // just now on the stack that the thread is running on. Volatile, as
        // other frames' memory is outside the compiler's knowledge.
        Some(unsafe { ptr::with_exposed_provenance::<[usize; N]>(address).read_volatile() })
    }

    /// Tries the pages from `high` up to those of the `bytes` at `address`.
    #[cold]
    fn extend_to(&mut self, address: usize, bytes: usize) -> bool {
        if address < self.low || address > usize::MAX - PAGE {
            return false;
        }
        while self.high < address + bytes {
            if self.tries == 0 || !system::readable(self.high) {
                self.tries = 0;
                return false;
            }
            self.tries -= 1;
            self.high += PAGE;
        }
        true
    }
}

/// The readable rest of the page of `sp`: at least one word, because a stack
/// pointer in use (or one whose page was tried) is not at the end of the address
/// space.
fn rest_of_page(sp: usize, tries: u32) -> Bounds {
    let low = sp & !(WORD - 1);
    Bounds { low, high: (low | (PAGE - 1)) + 1, tries }
}
