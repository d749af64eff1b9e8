//! Plain memory that threads share under a protocol's own rules. Loom knows
//! for each access whether it is ordered with the others, shuttle does not;
//! that it is still alive is asked under both.

use super::must_live;

/// As `core::cell::Cell`.
pub(crate) struct Cell<T> {
    #[cfg(loom)]
    value: loom::cell::UnsafeCell<T>,
    #[cfg(shuttle)]
    value: core::cell::Cell<T>,
}

#[allow(dead_code, reason = "both checkers, all protocols")]
impl<T> Cell<T> {
    pub(crate) fn new(value: T) -> Cell<T> {
        #[cfg(loom)]
        return Cell { value: loom::cell::UnsafeCell::new(value) };
        #[cfg(shuttle)]
        return Cell { value: core::cell::Cell::new(value) };
    }

    /// The value, to be changed in place. To the checker this is one change,
    /// made now.
    #[track_caller]
    pub(crate) fn as_ptr(&self) -> *mut T {
        must_live(self);
        #[cfg(loom)]
        return self.value.with_mut(|value| value);
        #[cfg(shuttle)]
        return self.value.as_ptr();
    }

    #[track_caller]
    pub(crate) fn replace(&self, value: T) -> T {
        // SAFETY: the checker has just seen that nobody else uses it, and
        // threads of a model change places nowhere between here and the end.
        unsafe { self.as_ptr().replace(value) }
    }

    #[track_caller]
    pub(crate) fn set(&self, value: T) {
        drop(self.replace(value));
    }

    #[track_caller]
    pub(crate) fn get(&self) -> T
    where
        T: Copy,
    {
        must_live(self);
        #[cfg(loom)]
        // SAFETY: the checker has just seen that nobody changes it.
        return self.value.with(|value| unsafe { *value });
        #[cfg(shuttle)]
        return self.value.get();
    }
}
