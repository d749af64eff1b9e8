//! A place in static memory where a thread notes its stack for another that asked.
//!
//! | state              | meaning                                                     |
//! |--------------------|-------------------------------------------------------------|
//! | `FREE`             | nobody was asked                                            |
//! | ticket, `ASKED`    | the thread with this ticket may answer                      |
//! | ticket, `WRITING`  | it does                                                     |
//! | ticket, `ANSWERED` | its stack is complete                                       |
//!
//! Who asks gives out tickets, none twice in a long time, and takes back those that were
//! not answered: `ASKED` becomes `FREE` by a compare-exchange, and who writes is waited
//! for. So an answer that comes too late touches nothing.

use crate::record::{self, DEPTH};
use core::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

const FREE: u32 = 0;
const ASKED: u32 = 1;
const WRITING: u32 = 2;
const ANSWERED: u32 = 3;
const STEPS: u32 = 4;

/// Tickets are below this.
pub(super) const TICKETS: u32 = 1 << 24;

pub(super) struct Place {
    state: AtomicU32,
    depth: AtomicU32,
    stack: [AtomicUsize; DEPTH],
}

impl Place {
    pub(super) const fn new() -> Place {
        Place {
            state: AtomicU32::new(FREE),
            depth: AtomicU32::new(0),
            stack: [const { AtomicUsize::new(0) }; DEPTH],
        }
    }

    /// Asks for an answer by this ticket.
    pub(super) fn ask(&self, ticket: u32) {
        debug_assert!(ticket < TICKETS);
        self.state.store(ticket * STEPS + ASKED, Ordering::Release);
    }

    /// Notes the caller's stack, if the ticket is still good. Async-signal-safe.
    pub(super) fn answer(&self, ticket: u32) {
        let state = |step| ticket * STEPS + step;
        // Acquire: it was asked.
        if self
            .state
            .compare_exchange(state(ASKED), state(WRITING), Ordering::Acquire, Ordering::Relaxed)
            .is_err()
        {
            return;
        }
        let mut stack = [0; DEPTH];
        let depth = record::stack::capture(&mut stack);
        for (to, from) in self.stack.iter().zip(&stack[..depth]) {
            to.store(*from, Ordering::Relaxed);
        }
        self.depth.store(depth as u32, Ordering::Relaxed);
        // Release: the stack, and what the caller did before.
        self.state.store(state(ANSWERED), Ordering::Release);
    }

    pub(super) fn is_answered(&self) -> bool {
        // Acquire: see `answer`.
        self.state.load(Ordering::Acquire) % STEPS == ANSWERED
    }

    /// The stack, if there is one: how many return addresses, innermost first.
    pub(super) fn read(&self, stack: &mut [usize; DEPTH]) -> usize {
        if !self.is_answered() {
            return 0;
        }
        for (to, from) in stack.iter_mut().zip(&self.stack) {
            *to = from.load(Ordering::Relaxed);
        }
        self.depth.load(Ordering::Relaxed) as usize
    }

    /// Takes back what was asked. By who asked.
    pub(super) fn take_back(&self) {
        loop {
            let state = self.state.load(Ordering::Relaxed);
            // Who writes needs a moment.
            if state % STEPS == WRITING {
                crate::sync::yield_now();
            } else if self
                .state
                .compare_exchange(state, FREE, Ordering::Acquire, Ordering::Relaxed)
                .is_ok()
            {
                return;
            }
        }
    }

    /// As it was at first. Nobody else uses it.
    pub(super) fn reset(&self) {
        self.state.store(FREE, Ordering::Relaxed);
    }
}
