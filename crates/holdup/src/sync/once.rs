//! One-time execution with std's interface.

use core::cell::Cell;
use core::fmt;
use core::marker::PhantomData;
use holdup_core::class::ClassId;
use std::panic::{RefUnwindSafe, UnwindSafe};

/// Runs an initializer once, with the interface of [`std::sync::Once`]. Threads
/// that wait for a running initializer are held up by it, and that is
/// accounted for.
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
pub struct Once(crate::Once);

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
        Once::__named(ClassId::UNNAMED)
    }

    /// For `named!`.
    #[doc(hidden)]
    #[inline]
    #[must_use]
    pub const fn __named(class: ClassId) -> Once {
        Once(crate::Once::with_class(class))
    }

    /// Runs `init`, unless an initializer was run before; waits for one that
    /// is running. Afterwards one has run to its end, and what it did is
    /// visible. Must not be called again by the initializer itself: that waits
    /// forever. One load once it is completed.
    ///
    /// # Panics
    /// If `init` does, or an initializer did before: the `Once` is poisoned.
    #[inline]
    #[track_caller]
    pub fn call_once<F: FnOnce()>(&self, init: F) {
        self.0.call_once(init);
    }

    /// The same, even if an initializer panicked before.
    ///
    /// # Panics
    /// If `init` does.
    #[inline]
    #[track_caller]
    pub fn call_once_force<F: FnOnce(&OnceState)>(&self, init: F) {
        self.0.call_once_force(|state| {
            init(&OnceState { poisoned: state.poisoned(), not_sync: PhantomData });
        });
    }

    /// Whether an initializer has run to its end. One load.
    #[inline]
    pub fn is_completed(&self) -> bool {
        self.0.is_completed()
    }

    /// Waits until an initializer has run to its end, whoever runs it. Time
    /// during which none runs is not accounted.
    ///
    /// # Panics
    /// If an initializer panicked.
    #[inline]
    #[track_caller]
    pub fn wait(&self) {
        self.0.wait();
    }

    /// The same, even if an initializer panics: waits for one that does not.
    #[inline]
    pub fn wait_force(&self) {
        self.0.wait_force();
    }

    /// One that is completed.
    pub(super) const fn completed() -> Once {
        Once(crate::Once::new_completed())
    }

    /// Nobody else has it: sets it back to the beginning, in its class.
    pub(super) fn reset(&mut self) {
        self.0.reset();
    }

    /// Nobody else has it: runs `init` as [`Once::call_once_force`] does.
    pub(super) fn run_exclusively<T>(&mut self, init: impl FnOnce() -> T) -> T {
        self.0.run_exclusively(init)
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
