//! The checkers' atomics, each access of which asks whether they are alive.

use super::{must_live, trace};
#[cfg(loom)]
use loom::sync::atomic as checked;
#[cfg(shuttle)]
use shuttle::sync::atomic as checked;

pub(crate) use core::sync::atomic::Ordering;

macro_rules! atomic {
    ($name:ident $(<$parameter:ident>)?, $value:ty, [$($fetch:ident)*]) => {
        #[derive(Debug)]
        #[allow(dead_code, reason = "both checkers, all protocols")]
        pub(crate) struct $name $(<$parameter>)? (checked::$name $(<$parameter>)?);

        #[allow(dead_code, reason = "both checkers, all protocols")]
        impl $(<$parameter>)? $name $(<$parameter>)? {
            crate::sync::const_fn! {
                pub(crate) const fn new(value: $value) -> Self {
                    Self(checked::$name::new(value))
                }
            }

            #[track_caller]
            pub(crate) fn load(&self, order: Ordering) -> $value {
                must_live(self);
                let value = self.0.load(order);
                trace::step("load", self, &value);
                value
            }

            #[track_caller]
            pub(crate) fn store(&self, value: $value, order: Ordering) {
                must_live(self);
                self.0.store(value, order);
                trace::step("store", self, &value);
            }

            #[track_caller]
            pub(crate) fn swap(&self, value: $value, order: Ordering) -> $value {
                must_live(self);
                let before = self.0.swap(value, order);
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
                let result = self.0.compare_exchange(current, new, success, failure);
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
                let result = self.0.compare_exchange(current, new, success, failure);
                trace::step("cas", self, &(result, new));
                result
            }

            $(
                #[track_caller]
                pub(crate) fn $fetch(&self, value: $value, order: Ordering) -> $value {
                    must_live(self);
                    let before = self.0.$fetch(value, order);
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
