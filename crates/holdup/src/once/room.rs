//! Where threads sleep that wait for something nobody has begun.

use core::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};

/// Shared by all whose addresses have the same remainder, so that none needs
/// space for it; who was woken looks again.
pub(super) struct Room {
    mutex: Mutex<()>,
    changed: Condvar,
}

impl Room {
    /// The room of what is at `place`.
    pub(super) fn of<T>(place: &T) -> &'static Room {
        static ROOMS: [Room; 16] =
            [const { Room { mutex: Mutex::new(()), changed: Condvar::new() } }; 16];
        let address = core::ptr::from_ref(place).addr();
        &ROOMS[(address / align_of::<T>()) % ROOMS.len()]
    }

    /// Changes `state` from `expected` to `awaited`, and returns when it is
    /// neither, perhaps.
    pub(super) fn sleep(&self, state: &AtomicU8, expected: u8, awaited: u8) {
        let mut inside = self.mutex.lock().unwrap_or_else(PoisonError::into_inner);
        // Relaxed, here and below: the caller looks again. No wake-up is lost:
        // who changes `awaited` enters the room after that, and so finds us
        // asleep, or we find the change.
        let now = state.compare_exchange(expected, awaited, Ordering::Relaxed, Ordering::Relaxed);
        if now.is_ok() || now == Err(awaited) {
            while state.load(Ordering::Relaxed) == awaited {
                inside = self.changed.wait(inside).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }

    /// Wakes all inside. The states they wait for were changed before.
    pub(super) fn wake(&self) {
        drop(self.mutex.lock());
        self.changed.notify_all();
    }
}
