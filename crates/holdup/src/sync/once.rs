//! One-time execution: a raw mutex, held while the initializer runs, and a
//! state.
//!
//! Threads that come while an initializer runs wait for the mutex, so what
//! they wait is blame of that run, charged where it ends.
//!
//! [`Once::wait`] may also come before anybody started to initialize. That is
//! waiting for an event, not for a holder, and is not accounted: such threads
//! sleep in a [room](Room) of their own. Whoever starts to initialize wakes
//! them, and then they wait for the mutex like all others.
//!
//! # States
//!
//! | state    | meaning                                   | changes to                |
//! |----------|-------------------------------------------|---------------------------|
//! | NEW      | nobody has begun                          | RUNNING                   |
//! | POISONED | the last initializer panicked             | RUNNING                   |
//! | RUNNING  | an initializer runs, the mutex is held    | COMPLETE, POISONED        |
//! | COMPLETE | done for good                             |                           |
//! | + AWAITED | with NEW or POISONED: somebody sleeps in the room | RUNNING           |
//!
//! Only who holds the mutex leaves NEW, POISONED and RUNNING; AWAITED is set
//! without it.
//!
//! # Orderings
//!
//! COMPLETE is stored with Release after the initializer and read with
//! Acquire: who sees it sees all that the initializer did. The other changes
//! are ordered by the mutex.

use core::cell::Cell;
use core::fmt;
use core::marker::PhantomData;
use core::sync::atomic::{AtomicU32, Ordering};
use holdup_core::class::ClassId;
use holdup_core::raw::RawMutex;
use std::panic::{RefUnwindSafe, UnwindSafe};

const NEW: u32 = 0;
const POISONED: u32 = 1;
const RUNNING: u32 = 2;
const COMPLETE: u32 = 3;
const AWAITED: u32 = 4;

/// Runs an initializer at most once, with the interface of
/// [`std::sync::Once`]; threads that wait for a running initializer are held
/// up by it, and that is accounted for.
///
/// 24 bytes, where std's takes 4. One load once it is completed.
///
/// ```
/// use holdup::sync::Once;
///
/// static START: Once = Once::new();
/// START.call_once(|| println!("the first thread only"));
/// START.call_once(|| unreachable!());
/// assert!(START.is_completed());
/// ```
pub struct Once {
    raw: RawMutex,
    state: AtomicU32,
}

impl UnwindSafe for Once {}
impl RefUnwindSafe for Once {}

/// What [`Once::call_once_force`] tells the initializer.
pub struct OnceState {
    poisoned: bool,
    /// As std's, not to be shared between threads.
    not_sync: PhantomData<Cell<()>>,
}

/// The initial value of a [`Once`].
#[deprecated(note = "use `Once::new()`")]
#[expect(clippy::declare_interior_mutable_const, reason = "std has it")]
pub const ONCE_INIT: Once = Once::new();

#[expect(clippy::new_without_default, reason = "std's has no default")]
impl Once {
    /// Nothing was run yet. Name it with [`named!`](crate::named).
    #[inline]
    #[must_use]
    pub const fn new() -> Once {
        Once { raw: RawMutex::INIT, state: AtomicU32::new(NEW) }
    }

    /// For `named!`.
    #[doc(hidden)]
    #[must_use]
    pub const fn __in_class(mut self, class: ClassId) -> Once {
        self.raw = RawMutex::with_class(class);
        self
    }

    /// Runs `init`, unless an initializer was run before; waits for one that
    /// is running. Afterwards one has run to its end, and what it did is
    /// visible. Must not be called again by the initializer itself: that waits
    /// forever. One load once it is completed.
    ///
    /// # Panics
    /// If an initializer panicked before: the `Once` is poisoned.
    #[inline]
    #[track_caller]
    pub fn call_once<F: FnOnce()>(&self, init: F) {
        if !self.is_completed() {
            let mut init = Some(init);
            self.run(false, &mut |_| init.take().expect("runs once")());
        }
    }

    /// The same, even if an initializer panicked before.
    #[inline]
    pub fn call_once_force<F: FnOnce(&OnceState)>(&self, init: F) {
        if !self.is_completed() {
            let mut init = Some(init);
            self.run(true, &mut |state| init.take().expect("runs once")(state));
        }
    }

    /// Whether an initializer has run to its end. One load.
    #[inline]
    pub fn is_completed(&self) -> bool {
        // Acquire: see the header.
        self.state.load(Ordering::Acquire) == COMPLETE
    }

    /// Waits until an initializer has run to its end, whoever runs it. Time
    /// during which none runs is not accounted.
    ///
    /// # Panics
    /// If an initializer panicked.
    #[inline]
    #[track_caller]
    pub fn wait(&self) {
        if !self.is_completed() {
            self.wait_slow(false);
        }
    }

    /// The same, even if an initializer panics: waits for one that does not.
    #[inline]
    pub fn wait_force(&self) {
        if !self.is_completed() {
            self.wait_slow(true);
        }
    }

    #[cold]
    #[track_caller]
    fn run(&self, even_if_poisoned: bool, init: &mut dyn FnMut(&OnceState)) {
        self.raw.lock();
        let mut turn = Turn { once: self, end: None };
        // Relaxed: ordered by the mutex.
        let state = self.state.load(Ordering::Relaxed) & !AWAITED;
        match state {
            COMPLETE => return,
            POISONED if !even_if_poisoned => {
                drop(turn);
                poisoned();
            }
            _ => {}
        }
        turn.end = Some(POISONED);
        if self.state.swap(RUNNING, Ordering::Relaxed) & AWAITED != 0 {
            Room::of(self).wake();
        }
        init(&OnceState { poisoned: state == POISONED, not_sync: PhantomData });
        turn.end = Some(COMPLETE);
    }

    #[cold]
    #[track_caller]
    fn wait_slow(&self, even_if_poisoned: bool) {
        loop {
            // Acquire: see the header.
            match self.state.load(Ordering::Acquire) & !AWAITED {
                COMPLETE => return,
                POISONED if !even_if_poisoned => poisoned(),
                RUNNING => {
                    self.raw.lock();
                    // SAFETY: locked above.
                    unsafe { self.raw.unlock() };
                }
                state => Room::of(self).sleep(&self.state, state),
            }
        }
    }

    /// One that is completed.
    pub(super) const fn completed() -> Once {
        Once { raw: RawMutex::INIT, state: AtomicU32::new(COMPLETE) }
    }

    /// Nobody else has it: sets it back to the beginning, in its class.
    pub(super) fn reset(&mut self) {
        *self.state.get_mut() = NEW;
    }

    /// Nobody else has it: runs `init` as [`Once::call_once_force`] does.
    pub(super) fn run_exclusively<T>(&mut self, init: impl FnOnce() -> T) -> T {
        // In this order: a panic leaves it poisoned.
        *self.state.get_mut() = POISONED;
        let value = init();
        *self.state.get_mut() = COMPLETE;
        value
    }
}

/// The mutex is held: releases it, and leaves the state `end` if there is one.
struct Turn<'a> {
    once: &'a Once,
    end: Option<u32>,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if let Some(end) = self.end {
            // Release: see the header.
            self.once.state.store(end, Ordering::Release);
        }
        // SAFETY: the turn holds it.
        unsafe { self.once.raw.unlock() }
    }
}

#[cold]
#[track_caller]
fn poisoned() -> ! {
    panic!("Once instance has previously been poisoned")
}

/// Where threads sleep that wait for something nobody has begun. Shared by all
/// `Once` whose addresses have the same hash; who was woken looks again.
struct Room {
    mutex: std::sync::Mutex<()>,
    changed: std::sync::Condvar,
}

impl Room {
    fn of(once: &Once) -> &'static Room {
        static ROOMS: [Room; 16] = [const {
            Room { mutex: std::sync::Mutex::new(()), changed: std::sync::Condvar::new() }
        }; 16];
        let address = core::ptr::from_ref(once).addr();
        &ROOMS[(address / align_of::<Once>()) % ROOMS.len()]
    }

    /// Returns when `state` may be another than `expected`.
    fn sleep(&self, state: &AtomicU32, expected: u32) {
        let mut inside = self.mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        // Relaxed, here and below: the caller looks again. No wake-up is lost:
        // who clears AWAITED enters the room after, and finds us asleep.
        let awaited = expected | AWAITED;
        let now = state.compare_exchange(expected, awaited, Ordering::Relaxed, Ordering::Relaxed);
        if now.is_ok() || now == Err(awaited) {
            while state.load(Ordering::Relaxed) == awaited {
                inside =
                    self.changed.wait(inside).unwrap_or_else(std::sync::PoisonError::into_inner);
            }
        }
    }

    /// Wakes all inside; AWAITED was cleared before.
    fn wake(&self) {
        drop(self.mutex.lock());
        self.changed.notify_all();
    }
}

impl OnceState {
    /// Whether an initializer panicked before.
    #[inline]
    pub fn is_poisoned(&self) -> bool {
        self.poisoned
    }
}

impl fmt::Debug for Once {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Once").finish_non_exhaustive()
    }
}

impl fmt::Debug for OnceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnceState").field("poisoned", &self.is_poisoned()).finish()
    }
}
