//! The mutex that its holder may lock again.

use crate::RawMutex;
use core::num::NonZeroUsize;

/// A mutex that the thread that holds it may lock again; it is free when all of
/// that thread's guards are gone.
///
/// The methods are those of [`lock_api::ReentrantMutex`]. A guard gives shared
/// access alone, because there may be several of them: to change the data put it
/// in a `Cell` or a `RefCell`. Guards stay on their thread, whatever features
/// are set.
///
/// Others who wait are charged to the release of the outermost guard, which ends
/// the critical section. To lock again what one holds costs a load and an
/// addition.
///
/// ```
/// use holdup::ReentrantMutex;
/// use std::cell::RefCell;
///
/// static LOG: ReentrantMutex<RefCell<Vec<&str>>> =
///     ReentrantMutex::new(RefCell::new(Vec::new()));
///
/// fn write(line: &'static str) {
///     LOG.lock().borrow_mut().push(line);
/// }
///
/// let together = LOG.lock();
/// write("two lines");
/// write("that nobody comes between");
/// assert_eq!(together.borrow().len(), 2);
/// ```
pub type ReentrantMutex<T> = lock_api::ReentrantMutex<RawMutex, RawThreadId, T>;

/// Proof that the current thread holds a [`ReentrantMutex`].
pub type ReentrantMutexGuard<'a, T> = lock_api::ReentrantMutexGuard<'a, RawMutex, RawThreadId, T>;

/// A [`ReentrantMutexGuard`] for a part of the data, made by
/// `ReentrantMutexGuard::map`.
pub type MappedReentrantMutexGuard<'a, T> =
    lock_api::MappedReentrantMutexGuard<'a, RawMutex, RawThreadId, T>;

/// A guard that keeps the lock alive by an `Arc` instead of a borrow.
#[cfg(feature = "arc_lock")]
pub type ArcReentrantMutexGuard<T> = lock_api::ArcReentrantMutexGuard<RawMutex, RawThreadId, T>;

/// Tells the threads of a [`ReentrantMutex`] apart. Implements `GetThreadId` of
/// `lock_api` 0.5 and 0.4.
///
/// It is the address of something each thread has, not the number that
/// [`RawMutex::holder`] reports: a thread gives that back before its very end,
/// while other code of it may still hold a lock.
///
/// ```
/// use lock_api::GetThreadId;
/// let here = holdup::RawThreadId.nonzero_thread_id();
/// assert_eq!(here, holdup::RawThreadId.nonzero_thread_id());
/// let there = std::thread::scope(|scope| {
///     scope.spawn(|| holdup::RawThreadId.nonzero_thread_id()).join().unwrap()
/// });
/// assert_ne!(here, there);
/// ```
#[derive(Debug)]
pub struct RawThreadId;

impl RawThreadId {
    #[inline]
    fn of_this_thread() -> NonZeroUsize {
        thread_local! {
            // Never destroyed, since it needs no drop; and as it takes room, no
            // two living threads have it at one address.
            static PLACE: u8 = const { 0 };
        }
        PLACE.with(|place| core::ptr::NonNull::from(place).addr())
    }
}

// SAFETY: see `of_this_thread`.
unsafe impl lock_api::GetThreadId for RawThreadId {
    const INIT: RawThreadId = RawThreadId;

    #[inline]
    fn nonzero_thread_id(&self) -> NonZeroUsize {
        RawThreadId::of_this_thread()
    }
}

// SAFETY: see `of_this_thread`.
unsafe impl lock_api_04::GetThreadId for RawThreadId {
    const INIT: RawThreadId = RawThreadId;

    #[inline]
    fn nonzero_thread_id(&self) -> NonZeroUsize {
        RawThreadId::of_this_thread()
    }
}
