//! What one thread waits for, readable by all others at any time.
//!
//! A seqlock with one writer, the thread itself: `version` is odd while the cell
//! is being written. A reader takes the version, the fields, and the version
//! again; if both are equal and even, all fields are of that version.
//!
//! # Orderings
//!
//! *Writer*: the odd version, a Release fence, the fields (Relaxed), the even version
//! (Release). *Reader*: the version (Acquire), the fields (Relaxed), an Acquire fence,
//! the version (Relaxed). If a reader sees a field of a later writing, the fences
//! synchronize, and its second look sees that writing's odd version or a later one. If
//! the first look sees an even version, the fields are at least that new. Modelled in
//! `models/tests/loom/live.rs`.
//!
//! # Signal handlers
//!
//! A handler that waits for a lock may have interrupted its thread at any point of
//! the writing. `turn` is odd from before the first write of a wait until after the
//! last: who finds it odd leaves the cell alone. So the writer is never interrupted
//! by another.

use super::{Access, Holder, Wait};
use crate::class::ClassId;
use crate::record::RowId;
use crate::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering, fence};
use crate::sync::{MODELLED, const_fn};

/// The bit of `how` that says that the wait ends by itself.
const TIMED: u32 = 1 << 31;

/// The bit of `how` that says that the thread waits for a condition first.
const CONDITION: u32 = 1 << 30;

/// How often a reader tries before it gives up on a cell that keeps changing.
const TRIES: u32 = if MODELLED { 1 } else { 8 };

/// See the module.
pub struct WaitCell {
    version: AtomicU64,
    /// The lock's address; zero while the thread does not wait.
    lock: AtomicUsize,
    start: AtomicU64,
    looked_at: AtomicU64,
    queued_at: AtomicU64,
    /// How long the thread has waited for locks in all, but for the wait that is shown.
    waited: AtomicU64,
    class: AtomicU32,
    how: AtomicU32,
    holder: AtomicU32,
    /// The stack it waits with, as a row of the table of victims; zero if unknown.
    stack: AtomicU32,
    /// Counts begins and ends: odd while a wait is shown, and another for each.
    turn: AtomicU32,
}

/// What a reader sees.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shown {
    /// The wait.
    pub wait: Wait,
    /// What tells it from the thread's others.
    pub turn: u32,
    /// Whether the thread waits for a condition before it waits for the lock.
    pub condition: bool,
}

impl WaitCell {
    const_fn! {
        /// The cell of a thread that does not wait.
        #[must_use]
        pub const fn new() -> WaitCell {
            WaitCell {
                version: AtomicU64::new(0),
                lock: AtomicUsize::new(0),
                start: AtomicU64::new(0),
                looked_at: AtomicU64::new(0),
                queued_at: AtomicU64::new(0),
                waited: AtomicU64::new(0),
                stack: AtomicU32::new(0),
                class: AtomicU32::new(0),
                how: AtomicU32::new(0),
                holder: AtomicU32::new(0),
                turn: AtomicU32::new(0),
            }
        }
    }

    /// Shows `wait`. False if the cell shows another one: then this is a signal
    /// handler, and neither [`look`](WaitCell::look) nor [`end`](WaitCell::end) may
    /// follow. To be called by the thread itself. Before the lock it waits for a
    /// `condition`, if so.
    pub fn begin(&self, wait: &Wait, condition: bool) -> bool {
        // Relaxed, here and below: only this thread and its signal handlers write.
        let turn = self.turn.load(Ordering::Relaxed);
        if turn & 1 == 1 {
            return false;
        }
        self.turn.store(turn.wrapping_add(1), Ordering::Relaxed);
        let timed = if wait.timed { TIMED } else { 0 };
        let condition = if condition { CONDITION } else { 0 };
        self.write(|| {
            self.start.store(wait.start, Ordering::Relaxed);
            self.queued_at.store(wait.queued_at, Ordering::Relaxed);
            self.stack.store(wait.stack, Ordering::Relaxed);
            self.class.store(wait.class.0, Ordering::Relaxed);
            self.how.store(wait.access as u32 | timed | condition, Ordering::Relaxed);
            self.holder.store(wait.holder.to_bits(), Ordering::Relaxed);
            self.looked_at.store(wait.looked_at, Ordering::Relaxed);
            self.lock.store(wait.lock, Ordering::Relaxed);
        });
        true
    }

    /// Shows that the thread waits for the lock now, since `start`, for as long as it
    /// takes; it was queued at `queued_at`.
    pub(crate) fn queued(&self, start: u64, queued_at: u64) {
        let how = self.how.load(Ordering::Relaxed);
        self.write(|| {
            self.start.store(start, Ordering::Relaxed);
            self.queued_at.store(queued_at, Ordering::Relaxed);
            self.how.store(how & !(CONDITION | TIMED), Ordering::Relaxed);
        });
    }

    /// Shows whom the thread saw hold the lock, when, and where it waits.
    pub fn look(&self, holder: Holder, at: u64, stack: RowId) {
        self.write(|| {
            self.stack.store(stack, Ordering::Relaxed);
            self.holder.store(holder.to_bits(), Ordering::Relaxed);
            self.looked_at.store(at, Ordering::Relaxed);
        });
    }

    /// Shows that the thread does not wait any more, since `now`.
    pub fn end(&self, now: u64) {
        let condition = self.how.load(Ordering::Relaxed) & CONDITION != 0;
        let queued_at = self.queued_at.load(Ordering::Relaxed);
        let waited = if condition { 0 } else { now.saturating_sub(queued_at) };
        self.write(|| {
            let before = self.waited.load(Ordering::Relaxed);
            self.waited.store(before + waited, Ordering::Relaxed);
            self.lock.store(0, Ordering::Relaxed);
        });
        let turn = self.turn.load(Ordering::Relaxed);
        self.turn.store(turn.wrapping_add(1), Ordering::Relaxed);
    }

    /// How long the thread, which calls this and does not wait, has waited for locks in
    /// all, from when it was queued.
    #[inline]
    pub(crate) fn waited(&self) -> u64 {
        self.waited.load(Ordering::Relaxed)
    }

    /// The same at the instant `at`, of any thread; not before its last wait began. None
    /// where the cell is being written.
    #[inline]
    pub fn waited_by(&self, at: u64) -> Option<u64> {
        // Orderings as in `read`.
        let version = self.version.load(Ordering::Acquire);
        let lock = self.lock.load(Ordering::Relaxed);
        let condition = self.how.load(Ordering::Relaxed) & CONDITION != 0;
        let queued_at = self.queued_at.load(Ordering::Relaxed);
        let mut waited = self.waited.load(Ordering::Relaxed);
        fence(Ordering::Acquire);
        if version & 1 == 1 || self.version.load(Ordering::Relaxed) != version {
            return None;
        }
        if lock != 0 && !condition {
            waited += at.saturating_sub(queued_at);
        }
        Some(waited)
    }

    /// As [`end`](WaitCell::end), for a thread that does not exist (any more).
    pub(crate) fn reset(&self) {
        self.lock.store(0, Ordering::Relaxed);
        let turn = self.turn.load(Ordering::Relaxed);
        self.turn.store(turn.wrapping_add(turn & 1), Ordering::Relaxed);
        // A writing that did not end.
        let version = self.version.load(Ordering::Relaxed);
        self.version.store(version + (version & 1), Ordering::Release);
    }

    fn write(&self, fields: impl FnOnce()) {
        let version = self.version.load(Ordering::Relaxed);
        self.version.store(version + 1, Ordering::Relaxed);
        // Release: the odd version goes before the fields.
        fence(Ordering::Release);
        fields();
        // Release: the fields go before the even version.
        self.version.store(version + 2, Ordering::Release);
    }

    /// What the thread waits for, if it does. None, too, where the cell changes all the
    /// time: then the thread runs.
    pub fn read(&self) -> Option<Shown> {
        for _ in 0..TRIES {
            // Acquire: the fields are at least as new.
            let version = self.version.load(Ordering::Acquire);
            let lock = self.lock.load(Ordering::Relaxed);
            let how = self.how.load(Ordering::Relaxed);
            let turn = self.turn.load(Ordering::Relaxed);
            let wait = Wait {
                lock,
                class: ClassId(self.class.load(Ordering::Relaxed)),
                access: Access::from_bits(how & !(TIMED | CONDITION)),
                timed: how & TIMED != 0,
                start: self.start.load(Ordering::Relaxed),
                holder: Holder::from_bits(self.holder.load(Ordering::Relaxed)),
                looked_at: self.looked_at.load(Ordering::Relaxed),
                queued_at: self.queued_at.load(Ordering::Relaxed),
                stack: self.stack.load(Ordering::Relaxed),
            };
            // Acquire: the fields were read before the version is again.
            fence(Ordering::Acquire);
            if version & 1 == 0 && self.version.load(Ordering::Relaxed) == version {
                return (lock != 0).then_some(Shown {
                    wait,
                    turn,
                    condition: how & CONDITION != 0,
                });
            }
            crate::sync::pause(1);
        }
        None
    }
}

impl Default for WaitCell {
    fn default() -> WaitCell {
        WaitCell::new()
    }
}
