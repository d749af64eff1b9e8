//! What the tests of the condition variable share.
#![allow(dead_code, reason = "each test uses a part")]

use holdup_core::class::ClassId;
use holdup_core::raw::RawMutex;
use holdup_core::record::{Sums, for_each_class};
use std::cell::UnsafeCell;
use std::time::Duration;

/// Data under a lock, for locks without guards.
pub struct Guarded<T> {
    pub lock: RawMutex,
    value: UnsafeCell<T>,
}

// SAFETY: `value` is touched only under `lock`.
unsafe impl<T: Send> Sync for Guarded<T> {}

/// The data, for who holds the lock.
pub struct Inside<'a, T>(&'a UnsafeCell<T>);

impl<T> Inside<'_, T> {
    /// The data; not to be kept over a wait.
    #[expect(clippy::mut_from_ref, reason = "the lock makes it unique")]
    pub fn get(&self) -> &mut T {
        // SAFETY: made under the lock, for one use at a time.
        unsafe { &mut *self.0.get() }
    }
}

impl<T> Guarded<T> {
    pub const fn new(value: T) -> Guarded<T> {
        Guarded::named(ClassId::UNNAMED, value)
    }

    pub const fn named(class: ClassId, value: T) -> Guarded<T> {
        Guarded { lock: RawMutex::with_class(class), value: UnsafeCell::new(value) }
    }

    /// Runs `section` under the lock, which it may wait with.
    pub fn with<R>(&self, section: impl FnOnce(&Inside<'_, T>, &RawMutex) -> R) -> R {
        self.lock.lock();
        let result = section(&Inside(&self.value), &self.lock);
        // SAFETY: locked above.
        unsafe { self.lock.unlock() };
        result
    }

    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }
}

/// The sums of all locks of `class`.
pub fn sums(class: ClassId) -> Sums {
    let mut found = Sums::default();
    for_each_class(|of, sums| {
        if of == class {
            found = sums;
        }
    });
    found
}

/// Waits until `what` holds, as long as that takes.
pub fn until(what: impl Fn() -> bool) {
    while !what() {
        std::thread::sleep(Duration::from_micros(50));
    }
}

pub fn random(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}
