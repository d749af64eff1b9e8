//! `holdup::sync` does what `std::sync` does: every case in `sync_cases/` is
//! compiled twice, with one line different, and must hold for both; what the
//! types are and say is compared line by line.
#![allow(clippy::duplicate_mod, reason = "that is the test")]

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

#[path = "sync_cases"]
mod over_std {
    use std::sync;

    mod barrier;
    mod condvar;
    mod every_name;
    mod lazy_lock;
    mod mutex;
    mod once;
    mod once_lock;
    mod program;
    mod rwlock;
    pub mod texts;
    pub mod traits;
}

#[path = "sync_cases"]
mod over_holdup {
    use holdup::sync;

    mod barrier;
    mod condvar;
    mod every_name;
    mod lazy_lock;
    mod mutex;
    mod once;
    mod once_lock;
    mod program;
    mod rwlock;
    pub mod texts;
    pub mod traits;
}

/// What `section` panics with.
fn panic_of<T>(section: impl FnOnce() -> T) -> Option<Box<dyn Any + Send>> {
    catch_unwind(AssertUnwindSafe(section)).err()
}

fn panics<T>(section: impl FnOnce() -> T) -> bool {
    panic_of(section).is_some()
}

/// Runs `section` when it is dropped, while panicking or not.
struct AtEnd<F: FnMut()>(F);

impl<F: FnMut()> Drop for AtEnd<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

#[test]
fn every_type_has_the_traits_of_stds() {
    let (ours, stds) = (over_holdup::traits::table(), over_std::traits::table());
    assert_eq!(ours.len(), stds.len());
    for (ours, stds) in ours.iter().zip(&stds) {
        assert_eq!(ours, stds);
    }
    // The probe tells yes from no.
    let of = |row: &str| stds.iter().find(|(name, _)| name == row).expect(row).1;
    assert!(of("MutexGuard<'static,u8>:Sync") && !of("MutexGuard<'static,u8>:Send"));
    assert!(of("OnceLock<u8>:From<u8>") && !of("LazyLock<u8>:From<u8>"));
}

#[test]
fn debug_and_panics_read_as_stds() {
    let (ours, stds) = (over_holdup::texts::all(), over_std::texts::all());
    assert_eq!(ours.len(), stds.len());
    for (ours, stds) in ours.iter().zip(&stds) {
        assert_eq!(ours, stds);
    }
}
