//! Writes the profile at intervals: `HOLDUP_PROFILE_EVERY`.
//!
//! By a thread that does nothing else. Each time the file holds the whole profile
//! since the program started, and it is replaced as a whole, so that whoever looks
//! finds a complete one, also after the program was killed.
//!
//! The thread and the end of the program must not write at the same time, or the
//! last profile could be replaced by one from before. Neither can hold a lock over
//! its writing: a child of `fork` would find it held by a thread that it does not
//! have, and the end may be a signal handler. So each says what it does, and looks
//! at what the other says: [`WRITING`], [`ENDED`].

use super::complain;
use super::file::Target;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// The number of the process whose thread is writing; zero if none is. A child that
/// was forked meanwhile has another number, and waits for nobody.
static WRITING: AtomicU32 = AtomicU32::new(0);

/// The last profile is being written.
static ENDED: AtomicBool = AtomicBool::new(false);

/// How long the end of the program waits for a profile that is being written.
const PATIENCE: Duration = Duration::from_secs(10);

/// Starts the thread.
pub(super) fn arrange(target: &'static Target, every: Duration) {
    let write_again_and_again = move || {
        let mut next = Instant::now() + every;
        let mut complained = false;
        loop {
            std::thread::sleep(next.saturating_duration_since(Instant::now()));
            // What was missed while writing took longer is left out.
            next = (next + every).max(Instant::now());
            // SeqCst, as in `end`: of two that say first and look then, at least one
            // sees the other.
            WRITING.store(std::process::id(), Ordering::SeqCst);
            let ended = ENDED.load(Ordering::SeqCst);
            let written = if ended { Ok(()) } else { target.write(&crate::profile::snapshot()) };
            WRITING.store(0, Ordering::SeqCst);
            if ended {
                return;
            }
            // Once is enough: it would be the same the next time.
            if let Err((path, error)) = written
                && !std::mem::replace(&mut complained, true)
            {
                let path = path.display();
                complain(format_args!("cannot write the profile to {path}: {error}"));
            }
        }
    };
    // Before `main`, nobody has blocked a signal yet. Those for the process must not
    // come to this thread later, past a program that waits for them in its own.
    let spawn = || {
        let thread = std::thread::Builder::new().name("holdup-profile".to_owned());
        thread.spawn(write_again_and_again)
    };
    if let Err(error) = without_signals(spawn) {
        complain(format_args!("HOLDUP_PROFILE_EVERY: no thread could be started: {error}"));
    }
}

/// Ends the writing at intervals. When this returns no profile from before will
/// replace one that is written from now on.
pub(super) fn end() {
    ENDED.store(true, Ordering::SeqCst);
    let begin = Instant::now();
    // Sleeping is all that may be done in a signal handler, too.
    while WRITING.load(Ordering::SeqCst) == std::process::id() && begin.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Runs `spawn` with all signals blocked, which a new thread inherits.
#[cfg(unix)]
fn without_signals<T>(spawn: impl FnOnce() -> T) -> T {
    // SAFETY: all zero is a valid set; all pointers are to locals, or null.
    unsafe {
        let mut all: libc::sigset_t = std::mem::zeroed();
        let mut before: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&mut all);
        libc::pthread_sigmask(libc::SIG_SETMASK, &all, &mut before);
        let spawned = spawn();
        libc::pthread_sigmask(libc::SIG_SETMASK, &before, std::ptr::null_mut());
        spawned
    }
}

#[cfg(not(unix))]
fn without_signals<T>(spawn: impl FnOnce() -> T) -> T {
    spawn()
}
