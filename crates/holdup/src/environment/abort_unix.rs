//! Writes the profile when a panic aborts the program.
//!
//! Panics abort for many reasons: the program is built with `panic = "abort"`,
//! a second panic comes while the first one unwinds, one would leave a
//! function that may not unwind. All end in `abort`, that is in SIGABRT, sent
//! by the thread to itself. So that signal is caught.
//!
//! A panic hook would be the other way. But the program may replace the hook,
//! or print its own message without calling the one before, and a hook cannot
//! tell whether its panic will abort. The signal comes after the hook, which
//! has printed what it prints: the program's output stays as it was.
//!
//! What runs in a signal handler must take care what it interrupts. This one
//! writes only if the thread is panicking. Then the signal comes from a call
//! of `abort` in the panic's own code, at a point as good as any other, and
//! not from the midst of the allocator (which aborts when it finds its memory
//! damaged) nor from another process. Still the program may have panicked
//! with a lock held that writing needs, that of its allocator for example:
//! hence an alarm, by which the abort goes on after [`PATIENCE`] seconds.
//!
//! Whatever the outcome, the signal is raised again under the action that was
//! there before, so that the program ends as it would have.

use std::mem::MaybeUninit;
use std::ptr;
use std::sync::OnceLock;

/// How many seconds writing may take.
const PATIENCE: libc::c_uint = 30;

/// What was to happen at SIGABRT before.
static PREVIOUS: OnceLock<libc::sigaction> = OnceLock::new();

/// Installs the handler.
pub(super) fn arrange() {
    let previous = set_action(libc::SIGABRT, on_abort);
    let _ = PREVIOUS.set(previous);
}

extern "C" fn on_abort(signal: libc::c_int) {
    // First of all: should anything go wrong below, that abort is the last.
    if let Some(previous) = PREVIOUS.get() {
        // SAFETY: `previous` was filled in by `sigaction`.
        unsafe { libc::sigaction(signal, previous, ptr::null_mut()) };
    }
    if std::thread::panicking() {
        set_action(libc::SIGALRM, on_alarm);
        unblock(libc::SIGALRM);
        // SAFETY: no preconditions.
        unsafe { libc::alarm(PATIENCE) };
        super::write_once();
        // SAFETY: no preconditions.
        unsafe { libc::alarm(0) };
    }
    // Blocked while this handler runs, so it comes when this returns.
    // SAFETY: no preconditions.
    unsafe { libc::raise(signal) };
}

extern "C" fn on_alarm(_: libc::c_int) {
    const LINE: &[u8] = b"holdup: gave up writing the profile\n";
    unblock(libc::SIGABRT);
    // SAFETY: the pointer and the length are those of `LINE`. Both calls are
    // allowed in signal handlers.
    unsafe {
        libc::write(libc::STDERR_FILENO, LINE.as_ptr().cast(), LINE.len());
        libc::abort()
    }
}

/// Sets the action for `signal`, with all others let through meanwhile, and
/// returns the one before.
fn set_action(signal: libc::c_int, handler: extern "C" fn(libc::c_int)) -> libc::sigaction {
    // SAFETY: all zero is a valid `sigaction`: the default action, no flags.
    // `sigemptyset` and `sigaction` get pointers to locals.
    unsafe {
        let mut action: libc::sigaction = MaybeUninit::zeroed().assume_init();
        action.sa_sigaction = handler as *const () as libc::sighandler_t;
        libc::sigemptyset(&mut action.sa_mask);
        let mut previous: libc::sigaction = MaybeUninit::zeroed().assume_init();
        libc::sigaction(signal, &action, &mut previous);
        previous
    }
}

fn unblock(signal: libc::c_int) {
    // SAFETY: the set is a local, initialized by `sigemptyset`.
    unsafe {
        let mut set: libc::sigset_t = MaybeUninit::zeroed().assume_init();
        libc::sigemptyset(&mut set);
        libc::sigaddset(&mut set, signal);
        libc::pthread_sigmask(libc::SIG_UNBLOCK, &set, ptr::null_mut());
    }
}
