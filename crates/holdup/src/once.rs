//! Something that is done once, by whoever comes first, while the others wait.

use core::fmt;
use core::sync::atomic::{AtomicU8, Ordering};
use holdup_core::class::ClassId;
use holdup_core::raw::RawMutex;

const NEW: u8 = 0;
const RUNNING: u8 = 1;
const POISONED: u8 = 2;
const DONE: u8 = 3;

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
    pub fn poisoned(self) -> bool {
        self == OnceState::Poisoned
    }

    /// Whether an initializer has run to its end.
    #[inline]
    #[must_use]
    pub fn done(self) -> bool {
        self == OnceState::Done
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
    /// Changes only under `running`.
    state: AtomicU8,
}

/// Ends a run: what the state is then, a panic or not.
struct End<'a> {
    once: &'a Once,
    state: u8,
}

impl Drop for End<'_> {
    fn drop(&mut self) {
        // Release: who sees `DONE` without the lock sees what was done.
        self.once.state.store(self.state, Ordering::Release);
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
        match self.state.load(Ordering::Acquire) {
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
        if !self.state().done() {
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
        if !self.state().done() {
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
        // Until an initializer runs the state stays as it is.
        let mut end = End { once: self, state: self.state.load(Ordering::Relaxed) };
        let before = match end.state {
            DONE => return,
            POISONED if !force => {
                drop(end);
                panic!("this Once is poisoned: its initializer panicked")
            }
            POISONED => OnceState::Poisoned,
            _ => OnceState::New,
        };
        self.state.store(RUNNING, Ordering::Relaxed);
        end.state = POISONED;
        initialize(before);
        end.state = DONE;
    }
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
