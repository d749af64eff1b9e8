//! How a thread of a model sleeps: the contract of `crate::park`, made of the
//! checker's own parking. That the real parkers keep the contract is checked
//! on its own.

use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::model::{Instant, by_chance, yield_now};
use core::cell::Cell;
#[cfg(loom)]
use loom::thread;
#[cfg(shuttle)]
use shuttle::thread;

/// A thread's place to sleep.
pub(crate) struct Parker {
    token: AtomicBool,
    /// Whether the owner sleeps or is about to: else waking it would leave a
    /// token of the checker's that somebody else takes.
    sleeps: Cell<bool>,
    owner: thread::Thread,
}

impl Parker {
    /// The parker of this thread.
    pub(crate) fn new() -> Parker {
        Parker { token: AtomicBool::new(false), sleeps: Cell::new(false), owner: thread::current() }
    }

    fn take(&self) -> bool {
        // Acquire: sees what was written before the token was left.
        self.token.swap(false, Ordering::Acquire)
    }

    pub(crate) fn park(&self) {
        // No other thread runs between an access and what follows it.
        while !self.take() {
            self.sleeps.set(true);
            thread::park();
            self.sleeps.set(false);
        }
    }

    /// The deadline has passed whenever there is no token; at times the thread
    /// waits on for one.
    pub(crate) fn park_until(&self, deadline: Instant) -> bool {
        loop {
            if self.take() {
                return true;
            }
            if !by_chance(2) {
                deadline.pass();
                return false;
            }
            yield_now();
        }
    }

    pub(crate) fn unpark(&self) {
        // Release: see `take`.
        self.token.store(true, Ordering::Release);
        if self.sleeps.get() {
            self.owner.unpark();
        }
    }
}

// SAFETY: all threads of a model are coroutines of one thread.
unsafe impl Sync for Parker {}
