//! What `fork` leaves of the locks in the child.
//!
//! The child has one thread, the one that forked. The nodes of all others are
//! still on the wait lists, but nobody will ever take them out, and the next
//! thread that starts may get their stacks: so their waits end at the fork, as
//! if they had timed out then. A handler does that once, in the child, before
//! `fork` returns there. It finds the lists by the waits of the threads, so
//! that a lock nobody waits for costs nothing, and no lock has to know how
//! often its process was forked.
//!
//! | at the moment of the fork the lock is  | in the child                      |
//! |----------------------------------------|-----------------------------------|
//! | held by the thread that forks          | held by it; nobody waits any more |
//! | held by another thread                 | held for ever, as any lock is     |
//! | free, or handed to a waiter that was still queued | free                   |
//! | being taken or released in the slow way by another thread | held for ever  |
//!
//! A condvar has no waiters. What the lost waiters of a lock waited is booked, and
//! is the holder's blame; so the books balance in the child, too. Where another
//! thread was changing the list at that very moment (it had the LIST bit), the
//! list is dropped with what its books held; and of a readers-writer lock is not
//! known then who reads, so that it stays held by readers. If nobody waited for that
//! one (it owed a debt, or was being upgraded), it is not found, and keeps LIST: in
//! the child whatever needs the list waits for ever, the forking reader's unlock, too.
//!
//! What runs no handlers (`_Fork`, `clone`) goes unnoticed. So does a fork by a
//! signal handler that interrupted a wait, whose node stays on its list.
//!
//! # Why the child finds lists in order
//!
//! `fork` copies memory while the other threads run on. A thread that writes to a
//! page that was copied already stops until all is copied; so the child never
//! sees the later of two writes, ordered by a release and an acquire, without the
//! earlier one. It sees no pushed node without the wait it belongs to, and no
//! list whose LIST bit is clear in the middle of a change.

use core::cell::Cell;
use core::sync::atomic::{AtomicBool, Ordering};

/// Whether the handler is in place.
static WATCHED: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// Whether this thread is about to put it there.
    static ARRANGING: Cell<bool> = const { Cell::new(false) };
}

/// Makes sure that forks are noticed. Called before each wait; without one
/// there is nothing to put in order. One load after the first time.
#[inline]
pub(crate) fn watch() {
    if !WATCHED.load(Ordering::Relaxed) {
        arrange();
    }
}

#[cold]
fn arrange() {
    // Should the C library allocate, by an allocator that waits for a lock.
    if ARRANGING.replace(true) {
        return;
    }
    // Two threads may both do it, and neither waits before it is done: the handler
    // finds nothing to do the second time.
    // SAFETY: the handler has the right type, and does only what a process
    // with one thread may do after a fork. If there is no memory for it, forks
    // go unnoticed.
    unsafe { libc::pthread_atfork(None, None, Some(forked)) };
    WATCHED.store(true, Ordering::Relaxed);
    ARRANGING.set(false);
}

unsafe extern "C" fn forked() {
    // SAFETY: the C library calls this in the child, whose only thread this is.
    unsafe { crate::thread::forget_others() }
}
