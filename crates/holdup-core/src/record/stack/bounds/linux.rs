//! The readable stack on Linux, without a lock, an allocation or `errno`.

use super::super::arch;
use super::PAGE;
use core::cell::Cell;
use core::sync::atomic::{AtomicU8, Ordering, compiler_fence};

/// Pages that a walk may try upwards on a stack that is not the thread's own
/// (4 MiB), so that it ends soon whatever it finds: after 0.2 ms at most.
pub(super) const TRIES: u32 = 1024;

/// Pages that one capture may try on the thread's own stack (64 MiB): 3 ms at
/// most, once for each depth.
const OWN_TRIES: u32 = 16 * 1024;

/// A stack is taken to be no larger than this, if its limit is not known.
const LARGEST_STACK: usize = 1 << 30;

/// What is known of the calling thread's own stack: [low, high) is readable as
/// long as the thread lives.
///
/// `low` only falls and `high` is always set to the same value, so a signal
/// handler that captures in the middle of an update does no harm: at worst the
/// interrupted update forgets pages that the handler had tried.
struct OwnStack {
    low: Cell<usize>,
    /// The anchor; zero until it was looked for, [`NO_ANCHOR`] if there is none.
    high: Cell<usize>,
    /// The stack does not reach below this address, so that captures on other
    /// stacks need not try.
    floor: Cell<usize>,
}

/// Not zero, and below every stack pointer.
const NO_ANCHOR: usize = 1;

thread_local! {
    // Const-initialized and without a destructor: the first access neither
    // allocates nor registers anything, and the last may be at thread exit.
    static OWN_STACK: OwnStack =
        const { OwnStack { low: Cell::new(0), high: Cell::new(0), floor: Cell::new(0) } };
}

/// The readable part [low, high) of the thread's own stack, if `sp` is on it.
#[inline]
pub(super) fn own_stack(sp: usize) -> Option<(usize, usize)> {
    OWN_STACK.with(|own| {
        let (low, high) = (own.low.get(), own.high.get());
        if low <= sp && sp < high { Some((low, high)) } else { lower(own, sp) }
    })
}

/// Tries the pages between what is known and `sp`. If they are more than
/// [`OWN_TRIES`] they are learned over several captures.
#[cold]
fn lower(own: &OwnStack, sp: usize) -> Option<(usize, usize)> {
    if own.high.get() == 0 {
        find_anchor(own);
    }
    let high = own.high.get();
    if sp >= high || sp < own.floor.get() {
        return None;
    }
    let mut low = own.low.get();
    let mut tries = OWN_TRIES;
    while sp < low && tries > 0 && readable(low - PAGE) {
        low -= PAGE;
        tries -= 1;
    }
    own.low.set(low);
    if sp < low && tries > 0 && high == arch::thread_pointer() {
        // The end of a thread's stack, which does not grow. (The main thread's
        // does.)
        own.floor.set(low);
    }
    (low <= sp).then_some((low, high))
}

/// Finds an address in the mapping of the thread's own stack, above all its
/// frames, and how far below it the stack may reach.
fn find_anchor(own: &OwnStack) {
    // SAFETY: neither call has arguments or effects.
    let is_main = unsafe {
        arch::syscall(libc::SYS_getpid, [0; 4]) == arch::syscall(libc::SYS_gettid, [0; 4])
    };
    let (address, size) = if is_main {
        // SAFETY: reads the auxiliary vector, which never changes, with no lock.
        (unsafe { libc::getauxval(libc::AT_RANDOM) as usize }, main_stack_limit())
    } else {
        (arch::thread_pointer(), LARGEST_STACK)
    };
    let aligned = address & !(super::WORD - 1);
    // An address near either end of the address space is no stack's.
    let is_sane = (PAGE..usize::MAX - PAGE).contains(&aligned);
    let high = if is_sane { aligned } else { NO_ANCHOR };
    own.floor.set(high.saturating_sub(size));
    // Nothing is known to be readable yet, not even the anchor's page.
    own.low.set((high & !(PAGE - 1)) + PAGE);
    // Last: it says that the others are set.
    compiler_fence(Ordering::Release);
    own.high.set(high);
}

/// How large the main thread's stack may grow.
fn main_stack_limit() -> usize {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    let into = (&raw mut limit).expose_provenance();
    // SAFETY: fills `limit`, with this process's own limit.
    let result =
        unsafe { arch::syscall(libc::SYS_prlimit64, [0, libc::RLIMIT_STACK as usize, 0, into]) };
    if result == 0 { LARGEST_STACK.min(limit.rlim_cur as usize) } else { LARGEST_STACK }
}

/// Whether the eight bytes at `address` may be read, as the kernel sees it.
///
/// `rt_sigprocmask` copies the new mask in before it looks at what to do with
/// it, so with an invalid `how` it changes nothing and fails with `EFAULT` where
/// the mask cannot be read (not mapped, `PROT_NONE`, not canonical) and with
/// `EINVAL` where it can. About 0.2 us, 1 us where it faults.
pub(in super::super) fn readable(address: usize) -> bool {
    /// Whether the kernel (or what stands in for it) behaves so: untried, yes, no.
    static BEHAVES: AtomicU8 = AtomicU8::new(0);
    // Relaxed: who does not see the answer finds the same one.
    let behaves = match BEHAVES.load(Ordering::Relaxed) {
        0 => {
            let word = 0_u64;
            let behaves = attempt((&raw const word).addr()) == -(libc::EINVAL as isize)
                && attempt(usize::MAX & !(PAGE - 1)) == -(libc::EFAULT as isize);
            BEHAVES.store(if behaves { 1 } else { 2 }, Ordering::Relaxed);
            behaves
        }
        answer => answer == 1,
    };
    behaves && attempt(address) == -(libc::EINVAL as isize)
}

/// What the kernel says to a signal mask at `address` and an invalid `how`.
fn attempt(address: usize) -> isize {
    const INVALID_HOW: usize = 0x7fff;
    const MASK_BYTES: usize = 8;
    // SAFETY: with an invalid `how` the call only reads, and an unreadable
    // address is an error, not a fault.
    unsafe { arch::syscall(libc::SYS_rt_sigprocmask, [INVALID_HOW, address, 0, MASK_BYTES]) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::ptr;

    /// Four pages: readable, PROT_NONE, not mapped, readable.
    fn pages() -> usize {
        // SAFETY: a new mapping of our own, of which parts are then closed.
        unsafe {
            let base = libc::mmap(
                ptr::null_mut(),
                4 * PAGE,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                -1,
                0,
            );
            assert_ne!(base, libc::MAP_FAILED);
            assert_eq!(libc::mprotect(base.byte_add(PAGE), PAGE, libc::PROT_NONE), 0);
            assert_eq!(libc::munmap(base.byte_add(2 * PAGE), PAGE), 0);
            base.addr()
        }
    }

    #[test]
    fn a_page_is_readable_only_if_reading_it_does_not_fault() {
        let base = pages();
        assert!(readable(base));
        assert!(readable(base + PAGE - 8));
        assert!(!readable(base + PAGE - 4), "reaches into the next page");
        assert!(!readable(base + PAGE), "PROT_NONE");
        assert!(!readable(base + 2 * PAGE), "not mapped");
        assert!(readable(base + 3 * PAGE));
        assert!(!readable(0));
        assert!(!readable(8));
        assert!(!readable(1 << 63), "not canonical");
        assert!(!readable(usize::MAX - 7), "the kernel's");
    }

    #[test]
    fn trying_a_page_changes_no_signal_mask_and_no_errno() {
        // SAFETY: asks for the thread's signal mask; reads and writes its errno.
        let state = || unsafe {
            let mut mask: libc::sigset_t = core::mem::zeroed();
            assert_eq!(libc::pthread_sigmask(libc::SIG_SETMASK, ptr::null(), &raw mut mask), 0);
            let members: Vec<bool> =
                (1..=64).map(|signal| libc::sigismember(&raw const mask, signal) == 1).collect();
            (members, *libc::__errno_location())
        };
        // SAFETY: errno of this thread.
        unsafe { *libc::__errno_location() = 77 };
        let before = state();
        let all = [u64::MAX; 1];
        assert!(readable(all.as_ptr().addr()));
        assert!(!readable(0));
        assert_eq!(before, state());
        assert_eq!(before.1, 77);
    }

    #[test]
    fn own_stack_reaches_from_the_stack_pointer_to_the_anchor() {
        std::thread::Builder::new()
            .stack_size(64 << 10)
            .spawn(|| {
                let local = 0_u64;
                let sp = (&raw const local).addr();
                let (low, high) = own_stack(sp).expect("a thread's own stack");
                assert!(low <= sp && sp < high);
                assert_eq!(high, arch::thread_pointer());
                assert!((low..high).step_by(PAGE).all(readable));
                assert_eq!(own_stack(sp), Some((low, high)), "warm");
            })
            .expect("spawn")
            .join()
            .expect("join");
    }

    #[test]
    fn other_memory_is_not_own_stack() {
        let base = pages();
        let heap = Box::new(0_u64);
        for address in [base, (&raw const *heap).addr(), 0, 8, 1 << 63, usize::MAX - 7] {
            assert_eq!(own_stack(address), None, "{address:#x}");
        }
    }
}
