//! Sleeping on a futex: the kernel compares the word and sleeps in one step.
//!
//! | state       | meaning                                   |
//! |-------------|-------------------------------------------|
//! | `EMPTY`     | no token, nobody sleeps                   |
//! | `TOKEN`     | a token waits to be taken                 |
//! | `SLEEPING`  | the thread sleeps, or is about to         |
//!
//! The word holds `SLEEPING` during the whole sleep, and the futex call names
//! exactly that value: a sleeper never spins on a stale one.

use crate::sync::atomic::{AtomicU32, Ordering};
#[cfg(any(loom, shuttle))]
use crate::sync::model::{futex_wait as wait, futex_wake as wake};
use crate::sync::{Instant, const_fn};

const EMPTY: u32 = 0;
const TOKEN: u32 = 1;
const SLEEPING: u32 = u32::MAX;

/// A thread's place to sleep.
pub(crate) struct Parker(AtomicU32);

impl Parker {
    const_fn! {
        pub(crate) const fn new() -> Parker {
            Parker(AtomicU32::new(EMPTY))
        }
    }

    /// Sleeps until there is a token, and takes it. Only the owner calls this.
    pub(crate) fn park(&self) {
        if self.begin() {
            return;
        }
        loop {
            wait(&self.0, SLEEPING, None);
            if self.take() {
                return;
            }
        }
    }

    /// The same until `deadline` at the latest. Returns whether there was a
    /// token.
    pub(crate) fn park_until(&self, deadline: Instant) -> bool {
        if self.begin() {
            return true;
        }
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                // A token that came meanwhile is taken all the same.
                return self.0.swap(EMPTY, Ordering::Acquire) == TOKEN;
            }
            wait(&self.0, SLEEPING, Some(left));
            if self.take() {
                return true;
            }
        }
    }

    /// Takes the token if there is one, else announces a sleep. The word is
    /// `SLEEPING` already where a signal handler sleeps inside a sleep.
    fn begin(&self) -> bool {
        // Acquire: sees what was written before the token was left.
        self.0.compare_exchange(EMPTY, SLEEPING, Ordering::Acquire, Ordering::Acquire) == Err(TOKEN)
            && self.take()
    }

    fn take(&self) -> bool {
        self.0.compare_exchange(TOKEN, EMPTY, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    /// Makes it as new: no token, nobody sleeps.
    ///
    /// # Safety
    /// Nobody else uses it: whoever did does not exist in this process.
    #[cfg(all(unix, not(any(loom, shuttle))))]
    pub(crate) unsafe fn reset(&self) {
        self.0.store(EMPTY, Ordering::Relaxed);
    }

    /// Leaves a token. Called after the lock was released: does not touch
    /// anything but this parker, which is never freed.
    pub(crate) fn unpark(&self) {
        // Release: see `begin`.
        if self.0.swap(TOKEN, Ordering::Release) == SLEEPING {
            wake(&self.0);
        }
    }
}

/// Wakes who sleeps on the word, if somebody does.
#[cfg(not(any(loom, shuttle)))]
fn wake(word: &AtomicU32) {
    // SAFETY: a futex call on a live word.
    unsafe {
        libc::syscall(
            libc::SYS_futex,
            word.as_ptr(),
            libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG,
            1,
        );
    }
}

/// Sleeps while the word is `value`, for `left` at most. May return early.
#[cfg(not(any(loom, shuttle)))]
fn wait(word: &AtomicU32, value: u32, left: Option<std::time::Duration>) {
    // A timeout longer than the kernel's type holds is no timeout.
    let time = left.and_then(|left| {
        Some(libc::timespec {
            tv_sec: left.as_secs().try_into().ok()?,
            tv_nsec: left.subsec_nanos().into(),
        })
    });
    let time = time.as_ref().map_or(core::ptr::null(), core::ptr::from_ref);
    // SAFETY: a futex call on a live word; `time` is null or points to a live
    // timespec. Errors (a changed value, a signal, the timeout) all mean that
    // the caller looks again.
    unsafe {
        libc::syscall(
            libc::SYS_futex,
            word.as_ptr(),
            libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG,
            value,
            time,
        );
    }
}
