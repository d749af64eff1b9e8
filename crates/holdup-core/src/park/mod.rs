//! How a thread sleeps. Two ways stand behind one interface, [`Parker`]:
//!
//! - `futex`: Linux, where the kernel keeps the sleepers;
//! - `semaphore`: one binary semaphore per thread, wherever std runs.
//!   Chosen on Linux by `--cfg holdup_park="semaphore"`.
//!
//! A parker holds at most one token. `unpark` leaves it, `park` waits for it
//! and takes it. Tokens are hints: a waiter looks at its own state after each
//! `park`, because a token may come late, from a wait that has ended.

// In a model, another that keeps the contract with fewer steps; both of these
// are checked on their own.
#[cfg(any(loom, shuttle))]
#[path = "../sync/model/park.rs"]
mod modelled;
#[cfg(any(loom, shuttle))]
pub(crate) use modelled::Parker;

#[cfg(any(all(target_os = "linux", not(holdup_park = "semaphore")), loom, shuttle))]
pub(crate) mod futex;
#[cfg(all(target_os = "linux", not(holdup_park = "semaphore"), not(any(loom, shuttle))))]
pub(crate) use futex::Parker;

#[cfg(any(not(target_os = "linux"), holdup_park = "semaphore", loom, shuttle))]
pub(crate) mod semaphore;
#[cfg(all(any(not(target_os = "linux"), holdup_park = "semaphore"), not(any(loom, shuttle))))]
pub(crate) use semaphore::Parker;

#[cfg(test)]
mod tests {
    use super::Parker;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::{Duration, Instant};

    #[test]
    fn a_token_left_before_parking_is_taken_at_once() {
        let parker = Parker::new();
        parker.unpark();
        parker.unpark();
        parker.park();
        assert!(!parker.park_until(Instant::now() + Duration::from_millis(1)));
    }

    #[test]
    fn each_token_reaches_the_sleeper() {
        static PING: Parker = Parker::new();
        static PONG: Parker = Parker::new();
        static ROUNDS: AtomicU32 = AtomicU32::new(0);
        let echo = std::thread::spawn(|| {
            for _ in 0..10_000 {
                PING.park();
                ROUNDS.fetch_add(1, Ordering::Relaxed);
                PONG.unpark();
            }
        });
        for round in 0..10_000 {
            PING.unpark();
            PONG.park();
            assert_eq!(ROUNDS.load(Ordering::Relaxed), round + 1);
        }
        echo.join().unwrap();
    }

    #[test]
    fn a_deadline_that_has_passed_does_not_sleep() {
        let parker = Parker::new();
        assert!(!parker.park_until(Instant::now()));
        parker.unpark();
        assert!(parker.park_until(Instant::now()));
    }
}
