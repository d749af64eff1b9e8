//! The checkers' atomics, each access of which asks whether they are alive.

use super::{must_have_lived, must_live, trace};
#[cfg(loom)]
use loom::sync::atomic as checked;
#[cfg(shuttle)]
use shuttle::sync::atomic as checked;

pub(crate) use checked::fence;
pub(crate) use core::sync::atomic::Ordering;

macro_rules! after {
    (fetch_add, $before:expr, $value:expr) => {
        $before.wrapping_add($value)
    };
    (fetch_sub, $before:expr, $value:expr) => {
        $before.wrapping_sub($value)
    };
    (fetch_and, $before:expr, $value:expr) => {
        $before & $value
    };
    (fetch_or, $before:expr, $value:expr) => {
        $before | $value
    };
    (fetch_xor, $before:expr, $value:expr) => {
        $before ^ $value
    };
    (fetch_max, $before:expr, $value:expr) => {
        $before.max($value)
    };
}

macro_rules! atomic {
    ($name:ident $(<$parameter:ident>)?, $value:ty, [$($fetch:ident)*]) => {
        #[derive(Debug)]
        #[allow(dead_code, reason = "both checkers, all protocols")]
        pub(crate) struct $name $(<$parameter>)? {
            checked: checked::$name $(<$parameter>)?,
            last: core::cell::Cell<$value>,
        }

        // SAFETY: all threads of a model are coroutines of one thread.
        unsafe impl $(<$parameter>)? Sync for $name $(<$parameter>)? {}

        #[allow(dead_code, reason = "both checkers, all protocols")]
        impl $(<$parameter>)? $name $(<$parameter>)? {
            crate::sync::const_fn! {
                pub(crate) const fn new(value: $value) -> Self {
                    Self {
                        checked: checked::$name::new(value),
                        last: core::cell::Cell::new(value),
                    }
                }
            }

            /// The value last written, which is no step of the model.
            pub(crate) fn peek(&self) -> $value {
                must_live(self);
                self.last.get()
            }

            #[track_caller]
            pub(crate) fn load(&self, order: Ordering) -> $value {
                must_live(self);
                let value = self.checked.load(order);
                must_have_lived(self);
                trace::step("load", self, &value);
                value
            }

            #[track_caller]
            pub(crate) fn store(&self, value: $value, order: Ordering) {
                must_live(self);
                // Loom lets a compare-exchange that runs later read what stood
                // here before, and then forgets that the store came after that:
                // an order that C11 forbids. Swaps it keeps in order.
                #[cfg(loom)]
                let _ = self.checked.swap(value, order);
                #[cfg(shuttle)]
                self.checked.store(value, order);
                self.last.set(value);
                must_have_lived(self);
                trace::step("store", self, &value);
            }

            #[track_caller]
            pub(crate) fn swap(&self, value: $value, order: Ordering) -> $value {
                must_live(self);
                let before = self.checked.swap(value, order);
                self.last.set(value);
                must_have_lived(self);
                trace::step("swap", self, &(before, value));
                before
            }

            #[track_caller]
            pub(crate) fn compare_exchange(
                &self,
                current: $value,
                new: $value,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$value, $value> {
                must_live(self);
                let result = self.checked.compare_exchange(current, new, success, failure);
                if result.is_ok() {
                    self.last.set(new);
                }
                must_have_lived(self);
                trace::step("cas", self, &(result, new));
                result
            }

            /// Fails by chance, where the checker allows it.
            #[track_caller]
            pub(crate) fn compare_exchange_weak(
                &self,
                current: $value,
                new: $value,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$value, $value> {
                must_live(self);
                if super::by_chance(16) {
                    return Err(self.load(failure));
                }
                let result = self.checked.compare_exchange(current, new, success, failure);
                if result.is_ok() {
                    self.last.set(new);
                }
                must_have_lived(self);
                trace::step("cas", self, &(result, new));
                result
            }

            $(
                #[track_caller]
                pub(crate) fn $fetch(&self, value: $value, order: Ordering) -> $value {
                    must_live(self);
                    let before = self.checked.$fetch(value, order);
                    self.last.set(after!($fetch, before, value));
                    must_have_lived(self);
                    trace::step(stringify!($fetch), self, &(before, value));
                    before
                }
            )*
        }
    };
}

atomic!(AtomicUsize, usize, [fetch_add fetch_sub fetch_and fetch_or fetch_xor fetch_max]);
atomic!(AtomicU64, u64, [fetch_add fetch_sub fetch_and fetch_or fetch_xor fetch_max]);
atomic!(AtomicU32, u32, [fetch_add fetch_sub fetch_and fetch_or fetch_xor fetch_max]);
atomic!(AtomicBool, bool, [fetch_and fetch_or fetch_xor]);
atomic!(AtomicPtr<T>, *mut T, []);
