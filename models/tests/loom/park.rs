//! The real parkers keep the contract that the models of the locks build on:
//! a token that was left wakes its owner, and what was written before it was
//! left is seen by who takes it.

use crate::explore;
use holdup_core::model::{Clock, FutexParker, Instant, Run, SemaphoreParker};
use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use loom::thread;

/// A parker with memory that its tokens order.
struct Parked<P> {
    parker: P,
    value: UnsafeCell<u32>,
    left: AtomicUsize,
}

// SAFETY: `value` is written before a token is left, and read after it was
// taken, which is what the models check.
unsafe impl<P> Sync for Parked<P> {}
// SAFETY: as above.
unsafe impl<P> Send for Parked<P> {}

macro_rules! contract {
    ($module:ident, $parker:ident) => {
        mod $module {
            use super::*;

            fn parked() -> Arc<Parked<$parker>> {
                let parker = $parker::new();
                Arc::new(Parked { parker, value: UnsafeCell::new(0), left: AtomicUsize::new(0) })
            }

            #[test]
            fn a_token_wakes_its_owner_and_brings_what_was_written_before() {
                explore(4, || {
                    let _run = Run::begin(Clock::Slow);
                    let parked = parked();
                    let other = parked.clone();
                    let waker = thread::spawn(move || {
                        // SAFETY: the owner does not look before it has the token.
                        other.value.with_mut(|value| unsafe { *value = 1 });
                        other.parker.unpark();
                    });
                    parked.parker.park();
                    // SAFETY: the waker is done with it.
                    assert_eq!(parked.value.with(|value| unsafe { *value }), 1);
                    waker.join().unwrap();
                });
            }

            #[test]
            fn tokens_of_two_may_become_one_but_none_is_lost() {
                explore(3, || {
                    let _run = Run::begin(Clock::Slow);
                    let parked = parked();
                    let wakers = [parked.clone(), parked.clone()].map(|other| {
                        thread::spawn(move || {
                            other.left.fetch_add(1, Relaxed);
                            other.parker.unpark();
                        })
                    });
                    while parked.left.load(Relaxed) < 2 {
                        parked.parker.park();
                    }
                    for waker in wakers {
                        waker.join().unwrap();
                    }
                });
            }

            #[test]
            fn a_deadline_takes_no_token_with_it() {
                explore(4, || {
                    let _run = Run::begin(Clock::Slow);
                    let parked = parked();
                    let other = parked.clone();
                    let waker = thread::spawn(move || other.parker.unpark());
                    if !parked.parker.park_until(Instant::now()) {
                        parked.parker.park();
                    }
                    waker.join().unwrap();
                });
            }
        }
    };
}

contract!(futex, FutexParker);
contract!(semaphore, SemaphoreParker);
