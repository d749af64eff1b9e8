//! Parts of the books that are mapped at their first use.

use core::sync::atomic::{AtomicPtr, Ordering};

/// What all-zero memory is a valid and empty one of, aligned to a page at most.
///
/// # Safety
/// That is so, and all access to it is atomic.
pub(super) unsafe trait Zeroed: 'static {}

/// A part of the books: there once somebody needs it, and for good.
pub(super) struct Lazy<T>(AtomicPtr<T>);

impl<T: Zeroed> Lazy<T> {
    pub(super) const fn new() -> Lazy<T> {
        Lazy(AtomicPtr::new(core::ptr::null_mut()))
    }

    /// The part, mapped at the first call; none where there is no memory.
    #[inline]
    pub(super) fn get(&self) -> Option<&'static T> {
        self.current().or_else(|| self.map())
    }

    /// The part if there is one yet.
    #[inline]
    pub(super) fn current(&self) -> Option<&'static T> {
        // Acquire: who sees the place sees that it is zeroed.
        // SAFETY: only a mapped one, or what `keep_in` was given, is ever stored,
        // and neither is unmapped.
        unsafe { self.0.load(Ordering::Acquire).as_ref() }
    }

    /// Keeps it there from now on.
    pub(super) fn keep_in(&self, part: &'static T) {
        self.0.store(core::ptr::from_ref(part).cast_mut(), Ordering::Release);
    }

    #[cold]
    fn map(&self) -> Option<&'static T> {
        let memory = crate::memory::map(size_of::<T>())?;
        let (null, fresh) = (core::ptr::null_mut(), memory.cast().as_ptr());
        if self.0.compare_exchange(null, fresh, Ordering::AcqRel, Ordering::Acquire).is_err() {
            // SAFETY: mapped above with this size, seen by nobody.
            unsafe { crate::memory::unmap(memory, size_of::<T>()) };
        }
        self.current()
    }
}
