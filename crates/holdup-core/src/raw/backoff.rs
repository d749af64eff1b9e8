//! Waiting for somebody who needs only a moment.

use crate::sync::{nap, pause, yield_now};

/// Waiting for the LIST bit: it is held for some 50 ns, unless its holder was
/// preempted. Then spinning would keep that thread from running on.
pub(super) struct Backoff(u32);

impl Backoff {
    pub(super) fn new() -> Backoff {
        Backoff(0)
    }

    pub(super) fn wait(&mut self) {
        self.0 += 1;
        match self.0 {
            0..64 => pause(1),
            64..128 => yield_now(),
            // A thread of lower priority never runs for a yield.
            _ => nap(),
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn waiting_for_the_list_is_no_cancellation_point() {
        extern "C" fn wait(done: *mut core::ffi::c_void) -> *mut core::ffi::c_void {
            // SAFETY: the thread cancels itself.
            unsafe { libc::pthread_cancel(libc::pthread_self()) };
            let mut backoff = Backoff::new();
            for _ in 0..200 {
                backoff.wait();
            }
            done
        }
        let (mut thread, mut result, mut done) = (0, core::ptr::null_mut(), 0_u8);
        let done = core::ptr::from_mut(&mut done).cast();
        // SAFETY: all pointers are live, and the thread is joined.
        unsafe {
            assert_eq!(libc::pthread_create(&mut thread, core::ptr::null(), wait, done), 0);
            assert_eq!(libc::pthread_join(thread, &mut result), 0);
        }
        assert_eq!(result, done);
    }
}
