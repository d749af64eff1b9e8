//! What the tests of faults share.
#![allow(dead_code, reason = "each test uses a part of this")]

use holdup_core::class::ClassId;
use holdup_core::raw::RawMutex;
use holdup_core::record::{Kind, Sums, for_each_class, for_each_row};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Tests of one file that must not meet: they change what is the process's.
pub fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The exact sums of a class so far.
pub fn sums(class: ClassId) -> Sums {
    let mut found = Sums::default();
    for_each_class(|of, sums| {
        if of == class {
            found = sums;
        }
    });
    found
}

/// Asserts the conservation law of a class at a quiet moment. Its sums.
#[track_caller]
pub fn assert_conserved(class: ClassId) -> Sums {
    let sums = sums(class);
    assert_eq!(sums.blamed + sums.handoff, sums.waited, "{sums:?}");
    sums
}

/// Count and delay of the rows of one class and kind.
pub fn rows(class: ClassId, kind: Kind) -> (u64, u64) {
    let mut sum = (0, 0);
    for_each_row(|row| {
        if (row.class, row.kind) == (class, kind) {
            sum = (sum.0 + row.count, sum.1 + row.delay);
        }
    });
    sum
}

/// Returns when `condition` holds; how fast it is seen changes nothing.
pub fn wait_until(mut condition: impl FnMut() -> bool) {
    for turn in 0_u32.. {
        if condition() {
            return;
        }
        if turn < 64 {
            std::thread::yield_now();
        } else {
            std::thread::sleep(Duration::from_micros(100));
        }
    }
}

/// Locks, runs `section`, unlocks.
pub fn with<R>(lock: &RawMutex, section: impl FnOnce() -> R) -> R {
    lock.lock();
    let result = section();
    // SAFETY: locked above.
    unsafe { lock.unlock() };
    result
}

/// The next number of a xorshift64 generator (Marsaglia 2003).
pub fn random(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

/// Uses `lock` in all ways, `rounds` times; how often it was acquired. `inside`
/// is false whenever nobody is in the critical section.
pub fn mix(lock: &RawMutex, inside: &AtomicBool, seed: u64, rounds: u64) -> u64 {
    let mut state = 0x9e37_79b9 ^ (seed << 32);
    let mut sections = 0;
    for _ in 0..rounds {
        let dice = random(&mut state);
        let locked = match dice % 8 {
            0 => lock.try_lock(),
            1 => lock.try_lock_for(Duration::from_nanos(dice >> 8 & 0xfff)),
            2 => lock.try_lock_for(Duration::from_nanos(dice >> 8 & 0xf_ffff)),
            _ => {
                lock.lock();
                true
            }
        };
        if !locked {
            continue;
        }
        assert!(!inside.swap(true, Ordering::Relaxed), "two in one critical section");
        sections += 1;
        if dice >> 40 & 7 == 0 {
            std::thread::yield_now();
        }
        for _ in 0..dice >> 44 & 0x3ff {
            std::hint::spin_loop();
        }
        inside.store(false, Ordering::Relaxed);
        // SAFETY: locked above.
        unsafe { if dice >> 60 & 7 == 0 { lock.unlock_fair() } else { lock.unlock() } }
    }
    sections
}

/// Installs a handler. It interrupts system calls: they are not begun again.
#[cfg(unix)]
pub fn handle(signal: libc::c_int, handler: extern "C" fn(libc::c_int)) {
    // SAFETY: the handler has the right type; all else, the flags too, is zero.
    unsafe {
        let mut action: libc::sigaction = core::mem::zeroed();
        action.sa_sigaction = handler as usize;
        assert_eq!(libc::sigaction(signal, &action, core::ptr::null_mut()), 0);
    }
}

/// A running thread that others send signals.
#[cfg(target_os = "linux")]
pub struct Thread(std::sync::OnceLock<(libc::pthread_t, libc::pid_t)>);

#[cfg(target_os = "linux")]
impl Thread {
    pub const fn new() -> Thread {
        Thread(std::sync::OnceLock::new())
    }

    /// Called by the thread itself, which outlives all other calls.
    pub fn is_this(&self) {
        // SAFETY: neither has preconditions.
        let this = unsafe { (libc::pthread_self(), libc::gettid()) };
        self.0.set(this).expect("it is another thread already");
    }

    pub fn signal(&self, signal: libc::c_int) {
        // SAFETY: the thread runs, as `is_this` asks.
        assert_eq!(unsafe { libc::pthread_kill(self.0.wait().0, signal) }, 0);
    }

    /// Returns when the thread sleeps in the kernel.
    pub fn sleeps(&self) {
        let path = format!("/proc/self/task/{}/stat", self.0.wait().1);
        wait_until(|| {
            let stat = std::fs::read_to_string(&path).unwrap();
            // The state follows the name, which is in brackets.
            stat.rsplit_once(") ").unwrap().1.starts_with('S')
        });
    }
}

/// A child process.
#[cfg(unix)]
pub struct Child(pub libc::pid_t);

/// Forks; the child runs `work` and ends well if that returns. It is killed if it
/// takes longer than a minute.
#[cfg(unix)]
pub fn fork(work: impl FnOnce()) -> Child {
    // SAFETY: the child does not return from here, and what it uses of the C
    // library is in order there after a fork.
    match unsafe { libc::fork() } {
        -1 => panic!("{}", std::io::Error::last_os_error()),
        0 => {
            // SAFETY: the default of SIGALRM ends the child.
            unsafe { libc::alarm(60) };
            // The test harness would keep what it prints, and it ends here.
            std::panic::set_hook(Box::new(|panic| {
                let text = format!("in the child: {panic}\n");
                // SAFETY: writes what lives.
                unsafe { libc::write(2, text.as_ptr().cast(), text.len()) };
            }));
            let failed = catch_unwind(AssertUnwindSafe(work)).is_err();
            // SAFETY: ends the child without the parent's hooks.
            unsafe { libc::_exit(i32::from(failed)) }
        }
        child => Child(child),
    }
}

#[cfg(unix)]
impl Child {
    /// Sends a signal.
    pub fn signal(&self, signal: libc::c_int) {
        // SAFETY: the child was not waited for yet.
        assert_eq!(unsafe { libc::kill(self.0, signal) }, 0);
    }

    /// Waits for a change of the child; its status.
    pub fn status(&self, options: libc::c_int) -> libc::c_int {
        let mut status = 0;
        // SAFETY: `status` is valid for writes.
        while unsafe { libc::waitpid(self.0, &mut status, options) } != self.0 {
            assert_eq!(std::io::Error::last_os_error().kind(), std::io::ErrorKind::Interrupted);
        }
        status
    }

    /// Waits for the child's end, which must be a good one.
    #[track_caller]
    pub fn ends_well(self) {
        let status = self.status(0);
        assert_eq!(status, 0, "the child failed: status {status:#x}");
    }
}
