//! A process that is stopped (SIGSTOP) while its threads hold locks and wait, and
//! goes on: nothing hangs, and the books balance.
#![cfg(target_os = "linux")]

mod fault_support;

use fault_support::{assert_conserved, fork, mix, with};
use holdup_core::class::ClassId;
use holdup_core::raw::{RawMutex, RawRwLock};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// What parent and child share.
struct Shared {
    stop: AtomicBool,
    rounds: AtomicU64,
}

fn shared() -> &'static Shared {
    // SAFETY: a fresh mapping, all zero, which is a valid `Shared`; never unmapped.
    unsafe {
        let (flags, access) =
            (libc::MAP_SHARED | libc::MAP_ANON, libc::PROT_READ | libc::PROT_WRITE);
        let page = libc::mmap(core::ptr::null_mut(), size_of::<Shared>(), access, flags, -1, 0);
        assert_ne!(page, libc::MAP_FAILED);
        &*page.cast()
    }
}

#[test]
fn holders_and_waiters_that_are_stopped_go_on_and_the_books_balance() {
    let shared = shared();
    let child = fork(|| {
        let classes = ["stopped: mutex", "stopped: rwlock"].map(ClassId::of);
        let lock = RawMutex::with_class(classes[0]);
        let reading = RawRwLock::with_class(classes[1]);
        let inside = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for seed in 1..=6 {
                let (lock, reading, inside) = (&lock, &reading, &inside);
                scope.spawn(move || {
                    for round in 0.. {
                        if shared.stop.load(Ordering::Relaxed) {
                            break;
                        }
                        mix(lock, inside, seed + 8 * round, 20);
                        // SAFETY: each unlock follows a lock of its kind.
                        unsafe {
                            reading.lock_shared();
                            std::thread::yield_now();
                            reading.unlock_shared();
                            reading.lock_exclusive();
                            (0..1_000).for_each(|_| std::hint::spin_loop());
                            reading.unlock_exclusive();
                            if reading.try_lock_exclusive_for(Duration::from_micros(50)) {
                                reading.unlock_exclusive();
                            }
                        }
                        shared.rounds.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
        });
        assert_eq!((lock.is_locked(), reading.is_locked()), (false, false));
        for class in classes {
            assert!(assert_conserved(class).waits > 0);
        }
        with(&lock, || ());
    });
    for stop in 0..60 {
        // Some work between two stops.
        let before = shared.rounds.load(Ordering::Relaxed);
        while shared.rounds.load(Ordering::Relaxed) < before + 5 {
            // SAFETY: the status is not asked for; the child is ours.
            let ended = unsafe { libc::waitpid(child.0, core::ptr::null_mut(), libc::WNOHANG) };
            assert_eq!(ended, 0, "the child ended early");
            std::thread::sleep(Duration::from_micros(50));
        }
        child.signal(libc::SIGSTOP);
        assert!(libc::WIFSTOPPED(child.status(libc::WUNTRACED)));
        // Longer than any spin, time-out and patience of the locks.
        std::thread::sleep(Duration::from_millis(stop % 4 * 3));
        child.signal(libc::SIGCONT);
    }
    shared.stop.store(true, Ordering::Relaxed);
    child.ends_well();
}
