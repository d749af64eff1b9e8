//! A value that is made when it is first needed.

use super::Once;
use core::cell::UnsafeCell;
use core::fmt;
use core::mem;
use core::ops::{Deref, DerefMut};
use holdup_core::class::ClassId;
use std::panic::{RefUnwindSafe, UnwindSafe};

/// A value made by its initializer at the first access, with the interface of
/// [`std::sync::LazyLock`]; threads that wait for the running initializer are
/// held up by it, and that is accounted for.
///
/// 24 bytes, and what the value or its initializer take. One load at each
/// access once the value is made.
///
/// ```
/// use holdup::sync::LazyLock;
///
/// static SQUARES: LazyLock<Vec<u64>> = LazyLock::new(|| (0..9).map(|n| n * n).collect());
/// assert_eq!(SQUARES[8], 64);
/// ```
pub struct LazyLock<T, F = fn() -> T> {
    once: Once,
    /// Changed by the initializer that `once` runs; `Made`, and not changed
    /// again, from when `once` is completed.
    content: UnsafeCell<Content<T, F>>,
}

enum Content<T, F> {
    Initializer(F),
    Made(T),
    /// The initializer runs, or it panicked.
    Gone,
}

// SAFETY: as for `OnceLock`. The initializer is used by one thread, once, and
// never shared.
unsafe impl<T: Sync + Send, F: Send> Sync for LazyLock<T, F> {}
impl<T: RefUnwindSafe + UnwindSafe, F: UnwindSafe> RefUnwindSafe for LazyLock<T, F> {}
impl<T: UnwindSafe, F: UnwindSafe> UnwindSafe for LazyLock<T, F> {}

impl<T, F> Content<T, F> {
    /// The value.
    ///
    /// # Safety
    /// It was made.
    #[inline]
    unsafe fn made(&self) -> &T {
        match self {
            Content::Made(value) => value,
            // SAFETY: the caller's promise.
            _ => unsafe { core::hint::unreachable_unchecked() },
        }
    }

    /// Replaces the initializer by what it makes.
    fn make(&mut self)
    where
        F: FnOnce() -> T,
    {
        match mem::replace(self, Content::Gone) {
            Content::Initializer(init) => *self = Content::Made(init()),
            Content::Made(_) => unreachable!("made once"),
            Content::Gone => panic!("LazyLock instance has previously been poisoned"),
        }
    }
}

impl<T, F: FnOnce() -> T> LazyLock<T, F> {
    /// A value that `init` will make. Name it with [`named!`](crate::named).
    #[inline]
    pub const fn new(init: F) -> LazyLock<T, F> {
        LazyLock::__named(ClassId::UNNAMED, init)
    }

    /// For `named!`.
    #[doc(hidden)]
    #[inline]
    #[must_use]
    pub const fn __named(class: ClassId, init: F) -> LazyLock<T, F> {
        let content = UnsafeCell::new(Content::Initializer(init));
        LazyLock { once: Once::__named(class), content }
    }

    /// The value, made now if it was not yet; waits for the initializer if it
    /// is running. The same as dereferencing. One load once it is made.
    ///
    /// # Panics
    /// If the initializer does, or did before.
    #[inline]
    pub fn force(this: &LazyLock<T, F>) -> &T {
        if !this.once.is_completed() {
            this.initialize();
        }
        // SAFETY: completed, so nobody changes the content any more.
        unsafe { (*this.content.get()).made() }
    }

    /// The same, to change the value: nobody else has it.
    ///
    /// # Panics
    /// If the initializer does, or did before.
    #[inline]
    pub fn force_mut(this: &mut LazyLock<T, F>) -> &mut T {
        if !this.once.is_completed() {
            let content = this.content.get_mut();
            this.once.run_exclusively(|| content.make());
        }
        LazyLock::get_mut(this).expect("completed with a value")
    }

    #[cold]
    fn initialize(&self) {
        // SAFETY: `once` runs one at a time, and nobody reads the content
        // before it is completed.
        self.once.call_once_force(|_| unsafe { &mut *self.content.get() }.make());
    }
}

impl<T, F> LazyLock<T, F> {
    /// The value, if it was made. Does not wait. One load.
    #[inline]
    pub fn get(this: &LazyLock<T, F>) -> Option<&T> {
        // SAFETY: completed, so nobody changes the content any more.
        this.once.is_completed().then(|| unsafe { (*this.content.get()).made() })
    }

    /// The value, if it was made, to change it: nobody else has it.
    #[inline]
    pub fn get_mut(this: &mut LazyLock<T, F>) -> Option<&mut T> {
        match this.content.get_mut() {
            Content::Made(value) => Some(value),
            _ => None,
        }
    }
}

impl<T, F: FnOnce() -> T> Deref for LazyLock<T, F> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        LazyLock::force(self)
    }
}

impl<T, F: FnOnce() -> T> DerefMut for LazyLock<T, F> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        LazyLock::force_mut(self)
    }
}

impl<T: Default> Default for LazyLock<T> {
    /// Made by `T::default`.
    fn default() -> LazyLock<T> {
        LazyLock::new(T::default)
    }
}

impl<T: fmt::Debug, F> fmt::Debug for LazyLock<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        super::debug_cell(f, "LazyLock", LazyLock::get(self))
    }
}
