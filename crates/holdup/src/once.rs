//! Something that is done once, by whoever comes first, while the others wait.
//!
//! Threads that come while an initializer runs wait for a mutex that it holds,
//! so what they wait is blame of that run, charged where it ends.
//!
//! [`Once::wait`] may also come before anybody has begun. That is waiting for an
//! event, not for a holder, and is not accounted: such threads sleep in a
//! [room](Room). Whoever begins wakes them, and they wait like all others.
//!
//! | state     | meaning                                           | changes to     |
//! |-----------|---------------------------------------------------|----------------|
//! | NEW       | nothing has run                                   | RUNNING        |
//! | POISONED  | the last initializer panicked                     | RUNNING        |
//! | RUNNING   | an initializer runs                               | DONE, POISONED |
//! | DONE      | one has run to its end                            |                |
//! | + AWAITED | with NEW or POISONED: somebody sleeps in the room | RUNNING        |
//!
//! Only who holds the mutex changes the state, but for AWAITED, which is set
//! without it.

mod room;

use core::fmt;
use core::sync::atomic::{AtomicU8, Ordering};
use holdup_core::class::ClassId;
use holdup_core::raw::RawMutex;
use room::Room;

const NEW: u8 = 0;
const RUNNING: u8 = 1;
const POISONED: u8 = 2;
const DONE: u8 = 3;
const AWAITED: u8 = 4;

/// How far a [`Once`] is. A snapshot, where others may change it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OnceState {
    /// Nothing has run yet.
    New,
    /// An initializer panicked, and none has run since.
    Poisoned,
    /// An initializer is running.
    InProgress,
    /// An initializer has run to its end.
    Done,
}

impl OnceState {
    /// Whether the last initializer panicked.
    #[inline]
    #[must_use]
    pub const fn is_poisoned(self) -> bool {
        matches!(self, OnceState::Poisoned)
    }

    /// [`is_poisoned`](Self::is_poisoned) by its name in parking_lot 0.12.
    #[inline]
    #[must_use]
    pub const fn poisoned(self) -> bool {
        self.is_poisoned()
    }

    /// Whether an initializer has run to its end.
    #[inline]
    #[must_use]
    pub const fn is_completed(self) -> bool {
        matches!(self, OnceState::Done)
    }

    /// [`is_completed`](Self::is_completed) by its name in parking_lot 0.12.
    #[inline]
    #[must_use]
    pub const fn done(self) -> bool {
        self.is_completed()
    }
}

/// Runs an initializer once, for all threads.
///
/// Threads that come while it runs wait for it; what they wait is charged to
/// it, at the stack of the call that ran it. Afterwards a call costs one load.
/// Takes 24 bytes. Give it a name with [`named_once!`](crate::named_once).
///
/// An initializer that calls its own `Once` waits for itself, for ever.
///
/// ```
/// use holdup::{Once, OnceState};
///
/// static START: Once = Once::new();
///
/// for _ in 0..3 {
///     START.call_once(|| println!("printed once"));
/// }
/// assert_eq!(START.state(), OnceState::Done);
/// ```
pub struct Once {
    /// Held while an initializer runs.
    running: RawMutex,
    /// See the header.
    state: AtomicU8,
}

/// Gives `running` back, a panic or not; and what the state is then, if an
/// initializer ran.
struct End<'a> {
    once: &'a Once,
    state: Option<u8>,
}

impl Drop for End<'_> {
    fn drop(&mut self) {
        if let Some(state) = self.state {
            // Release: who sees `DONE` without the lock sees what was done.
            self.once.state.store(state, Ordering::Release);
        }
        // SAFETY: an `End` is made by who locked it.
        unsafe { self.once.running.unlock() };
    }
}

impl Once {
    /// A `Once` that nothing has run for yet.
    #[inline]
    #[must_use]
    pub const fn new() -> Once {
        Once::with_class(ClassId::UNNAMED)
    }

    /// The same, of the lock class `class`. The macro names it with this.
    #[doc(hidden)]
    #[inline]
    #[must_use]
    pub const fn with_class(class: ClassId) -> Once {
        Once { running: RawMutex::with_class(class), state: AtomicU8::new(NEW) }
    }

    /// How far it is. One load. What the initializer wrote is visible to who
    /// sees `Done` here.
    #[inline]
    #[must_use]
    pub fn state(&self) -> OnceState {
        // Acquire: pairs with `End`.
        match self.state.load(Ordering::Acquire) & !AWAITED {
            NEW => OnceState::New,
            RUNNING => OnceState::InProgress,
            POISONED => OnceState::Poisoned,
            _ => OnceState::Done,
        }
    }

    /// Runs `initialize`, if none has run yet. If one is running, waits for it.
    /// When this returns, one has run to its end, and what it wrote is visible.
    /// One load if that was so before.
    ///
    /// # Panics
    ///
    /// If an initializer panicked before: the `Once` is *poisoned* then. A
    /// panic of `initialize` poisons it, and goes on.
    ///
    /// ```
    /// use holdup::Once;
    /// static ONCE: Once = Once::new();
    /// let mut runs = 0;
    /// ONCE.call_once(|| runs += 1);
    /// ONCE.call_once(|| runs += 1);
    /// assert_eq!(runs, 1);
    /// ```
    #[inline]
    #[track_caller]
    pub fn call_once<F: FnOnce()>(&self, initialize: F) {
        if !self.is_completed() {
            let mut initialize = Some(initialize);
            self.run(false, &mut |_| {
                if let Some(initialize) = initialize.take() {
                    initialize();
                }
            });
        }
    }

    /// The same, even if initializers panicked before. `initialize` is told:
    /// the state it gets is `New` or `Poisoned`.
    ///
    /// # Panics
    ///
    /// If `initialize` does; that poisons the `Once`.
    ///
    /// ```
    /// use holdup::Once;
    /// static ONCE: Once = Once::new();
    /// let failed = std::panic::catch_unwind(|| ONCE.call_once(|| panic!("not today")));
    /// assert!(failed.is_err() && ONCE.state().poisoned());
    /// ONCE.call_once_force(|state| assert!(state.poisoned()));
    /// assert!(ONCE.state().done());
    /// ```
    #[inline]
    #[track_caller]
    pub fn call_once_force<F: FnOnce(OnceState)>(&self, initialize: F) {
        if !self.is_completed() {
            let mut initialize = Some(initialize);
            self.run(true, &mut |state| {
                if let Some(initialize) = initialize.take() {
                    initialize(state);
                }
            });
        }
    }

    #[cold]
    #[track_caller]
    fn run(&self, force: bool, initialize: &mut dyn FnMut(OnceState)) {
        self.running.lock();
        // Relaxed, here and below: ordered by the mutex.
        let state = self.state.load(Ordering::Relaxed);
        let mut end = End { once: self, state: None };
        let before = match state & !AWAITED {
            DONE => return,
            POISONED if !force => {
                drop(end);
                poisoned();
            }
            POISONED => OnceState::Poisoned,
            _ => OnceState::New,
        };
        end.state = Some(POISONED);
        if self.state.swap(RUNNING, Ordering::Relaxed) & AWAITED != 0 {
            Room::of(self).wake();
        }
        initialize(before);
        end.state = Some(DONE);
    }

    /// Whether an initializer has run to its end; then what it wrote is visible.
    /// One load.
    #[inline]
    #[must_use]
    pub fn is_completed(&self) -> bool {
        // Acquire: pairs with `End`. Not by way of `state`: one comparison.
        self.state.load(Ordering::Acquire) == DONE
    }

    /// Waits until an initializer has run to its end, whoever runs it. What one
    /// that runs is waited for is charged to it; time during which none runs is
    /// not accounted. One load if it was done before.
    ///
    /// # Panics
    ///
    /// If an initializer panicked, or does meanwhile.
    ///
    /// ```
    /// static READY: holdup::Once = holdup::Once::new();
    /// std::thread::scope(|scope| {
    ///     scope.spawn(|| READY.call_once(|| ()));
    ///     READY.wait();
    /// });
    /// assert!(READY.is_completed());
    /// ```
    #[inline]
    #[track_caller]
    pub fn wait(&self) {
        if !self.is_completed() {
            self.wait_slow(false);
        }
    }

    /// The same, however many initializers panic before one does not.
    #[inline]
    pub fn wait_force(&self) {
        if !self.is_completed() {
            self.wait_slow(true);
        }
    }

    #[cold]
    #[track_caller]
    fn wait_slow(&self, force: bool) {
        loop {
            // Acquire: pairs with `End`.
            match self.state.load(Ordering::Acquire) & !AWAITED {
                DONE => return,
                POISONED if !force => poisoned(),
                RUNNING => {
                    self.running.lock();
                    // SAFETY: locked above.
                    unsafe { self.running.unlock() };
                }
                state => Room::of(self).sleep(&self.state, state, state | AWAITED),
            }
        }
    }

    /// One for which an initializer has run already: no call runs another.
    ///
    /// ```
    /// static DONE: holdup::Once = holdup::Once::new_completed();
    /// DONE.call_once(|| unreachable!());
    /// ```
    #[inline]
    #[must_use]
    pub const fn new_completed() -> Once {
        Once { running: RawMutex::INIT, state: AtomicU8::new(DONE) }
    }

    /// Nobody else has it: as new, in its class.
    pub(crate) fn reset(&mut self) {
        *self.state.get_mut() = NEW;
    }

    /// Nobody else has it: runs `initialize`, as a forced call does.
    pub(crate) fn run_exclusively<T>(&mut self, initialize: impl FnOnce() -> T) -> T {
        // In this order: a panic leaves it poisoned.
        *self.state.get_mut() = POISONED;
        let value = initialize();
        *self.state.get_mut() = DONE;
        value
    }
}

#[cold]
#[track_caller]
fn poisoned() -> ! {
    panic!("Once instance has previously been poisoned")
}

impl Default for Once {
    fn default() -> Once {
        Once::new()
    }
}

impl fmt::Debug for Once {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Once").field("state", &self.state()).finish()
    }
}
