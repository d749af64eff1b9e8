//! The kernel's part of a futex, for models of the parker that uses it; and
//! the real parkers, for the tests of both.

use super::{STATE, by_chance, yield_now};
use crate::park;
use crate::sync::Instant;
use crate::sync::atomic::{AtomicU32, Ordering};
use core::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

#[cfg(loom)]
use loom::thread;
#[cfg(shuttle)]
use shuttle::thread;

/// A thread that sleeps on a word.
pub(super) struct Sleeper {
    word: usize,
    woken: Rc<Cell<bool>>,
    thread: thread::Thread,
}

fn address(word: &AtomicU32) -> usize {
    core::ptr::from_ref(word).addr()
}

/// FUTEX_WAIT: compares and falls asleep in one step. With a time, that may be
/// up at once; and a signal may end it.
pub(crate) fn futex_wait(word: &AtomicU32, value: u32, left: Option<Duration>) {
    // The kernel's comparison is no plain load: it sees the last value.
    if word.fetch_or(0, Ordering::SeqCst) != value || by_chance(8) {
        return;
    }
    if let Some(left) = left {
        yield_now();
        if let Some(end) = Instant::now().checked_add(left) {
            end.pass();
        }
        return;
    }
    let woken = Rc::new(Cell::new(false));
    let sleeper = Sleeper { word: address(word), woken: woken.clone(), thread: thread::current() };
    STATE.with(|state| state.borrow_mut().sleepers.push(sleeper));
    while !woken.get() {
        thread::park();
    }
}

/// FUTEX_WAKE of one thread.
pub(crate) fn futex_wake(word: &AtomicU32) {
    let sleeper = STATE.with(|state| {
        let sleepers = &mut state.borrow_mut().sleepers;
        let at = sleepers.iter().position(|sleeper| sleeper.word == address(word))?;
        Some(sleepers.remove(at))
    });
    if let Some(sleeper) = sleeper {
        sleeper.woken.set(true);
        sleeper.thread.unpark();
    }
}

macro_rules! parker {
    ($(#[$attribute:meta])* $name:ident, $module:ident) => {
        $(#[$attribute])*
        pub struct $name(park::$module::Parker);

        impl $name {
            /// A parker without a token.
            #[must_use]
            #[expect(clippy::new_without_default, reason = "as the real one")]
            pub fn new() -> $name {
                $name(park::$module::Parker::new())
            }

            /// Sleeps until there is a token, and takes it.
            pub fn park(&self) {
                self.0.park();
            }

            /// The same until `deadline`. Whether there was a token.
            pub fn park_until(&self, deadline: Instant) -> bool {
                self.0.park_until(deadline)
            }

            /// Leaves a token.
            pub fn unpark(&self) {
                self.0.unpark();
            }
        }
    };
}

parker! {
    /// The real parker of Linux, on the kernel of the models.
    FutexParker, futex
}
parker! {
    /// The real parker of everywhere else.
    SemaphoreParker, semaphore
}
