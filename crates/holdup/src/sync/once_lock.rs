//! A value that is written once.

use super::Once;
use core::cell::UnsafeCell;
use core::fmt;
use holdup_core::class::ClassId;
use std::panic::{RefUnwindSafe, UnwindSafe};

/// A cell that is written once and then read by all, with the interface of
/// [`std::sync::OnceLock`]; threads that wait for a running initializer are
/// held up by it, and that is accounted for.
///
/// 24 bytes, and the size of an `Option<T>`. One load once it has a value.
///
/// ```
/// use holdup::sync::OnceLock;
///
/// static ARGUMENTS: OnceLock<Vec<String>> = OnceLock::new();
/// let arguments = ARGUMENTS.get_or_init(|| std::env::args().collect());
/// assert_eq!(ARGUMENTS.get(), Some(arguments));
/// assert!(ARGUMENTS.set(Vec::new()).is_err());
/// ```
pub struct OnceLock<T> {
    once: Once,
    /// Written by the initializer that `once` runs; `Some`, and not written
    /// again, from when `once` is completed.
    value: UnsafeCell<Option<T>>,
}

// SAFETY: after `once` is completed the value is only read; before, only the
// running initializer writes it. `Send`, because one thread may write it and
// another drop it. An owned cell is `Send` with its value without a word here.
unsafe impl<T: Sync + Send> Sync for OnceLock<T> {}
impl<T: RefUnwindSafe + UnwindSafe> RefUnwindSafe for OnceLock<T> {}
impl<T: UnwindSafe> UnwindSafe for OnceLock<T> {}

impl<T> OnceLock<T> {
    /// Without a value. Name it with [`named!`](crate::named).
    #[inline]
    #[must_use]
    pub const fn new() -> OnceLock<T> {
        OnceLock::__named(ClassId::UNNAMED)
    }

    /// For `named!`.
    #[doc(hidden)]
    #[inline]
    #[must_use]
    pub const fn __named(class: ClassId) -> OnceLock<T> {
        OnceLock { once: Once::__named(class), value: UnsafeCell::new(None) }
    }

    /// The value, if there is one. Does not wait. One load.
    #[inline]
    pub fn get(&self) -> Option<&T> {
        self.once.is_completed().then(|| self.present())
    }

    /// The value, if there is one, to change it: nobody else has the cell.
    #[inline]
    pub fn get_mut(&mut self) -> Option<&mut T> {
        self.value.get_mut().as_mut()
    }

    /// Waits until there is a value. Time during which nobody is making one is
    /// not accounted.
    #[inline]
    pub fn wait(&self) -> &T {
        self.once.wait_force();
        self.present()
    }

    /// Makes `value` the value, unless there is one; waits for an initializer
    /// that is running.
    ///
    /// # Errors
    /// Gives `value` back if there was one already.
    #[inline]
    pub fn set(&self, value: T) -> Result<(), T> {
        let mut value = Some(value);
        self.get_or_init(|| value.take().expect("called once"));
        match value {
            None => Ok(()),
            Some(value) => Err(value),
        }
    }

    /// The value; makes it by `init` if there is none, waits for an
    /// initializer that is running. `init` must not come back to this cell:
    /// that waits forever. One load once there is a value.
    ///
    /// # Panics
    /// If `init` does. The cell is left without a value, and not poisoned.
    #[inline]
    pub fn get_or_init<F: FnOnce() -> T>(&self, init: F) -> &T {
        if !self.once.is_completed() {
            self.initialize(init);
        }
        self.present()
    }

    #[cold]
    fn initialize<F: FnOnce() -> T>(&self, init: F) {
        self.once.call_once_force(|_| {
            let value = init();
            // SAFETY: `once` runs one initializer at a time, and none reads
            // the value before it is completed.
            unsafe { *self.value.get() = Some(value) };
        });
    }

    /// The value; `once` is completed.
    #[inline]
    fn present(&self) -> &T {
        debug_assert!(self.once.is_completed());
        // SAFETY: completed, so it is `Some`, and nobody writes it any more.
        unsafe { (*self.value.get()).as_ref().unwrap_unchecked() }
    }

    /// The value, if there is one.
    #[inline]
    pub fn into_inner(self) -> Option<T> {
        self.value.into_inner()
    }

    /// Takes the value out, if there is one; the cell is as new.
    #[inline]
    pub fn take(&mut self) -> Option<T> {
        self.once.reset();
        self.value.get_mut().take()
    }
}

impl<T> Default for OnceLock<T> {
    fn default() -> OnceLock<T> {
        OnceLock::new()
    }
}

impl<T: fmt::Debug> fmt::Debug for OnceLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        super::debug_cell(f, "OnceLock", self.get())
    }
}

impl<T: Clone> Clone for OnceLock<T> {
    fn clone(&self) -> OnceLock<T> {
        self.get().cloned().map_or_else(OnceLock::new, OnceLock::from)
    }
}

impl<T> From<T> for OnceLock<T> {
    /// With a value from the beginning.
    fn from(value: T) -> OnceLock<T> {
        OnceLock { once: Once::completed(), value: UnsafeCell::new(Some(value)) }
    }
}

impl<T: PartialEq> PartialEq for OnceLock<T> {
    /// Equal values, or both without one.
    fn eq(&self, other: &OnceLock<T>) -> bool {
        self.get() == other.get()
    }
}

impl<T: Eq> Eq for OnceLock<T> {}
