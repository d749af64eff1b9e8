//! The stack of another thread, now: that thread is sent a signal and notes its stack.
//!
//! Only where the program gave a real-time signal away for this ([`arrange`]). The handler
//! is async-signal-safe: it captures the stack, which allocates nothing and takes no lock,
//! into static memory (`place.rs`), and keeps `errno`. Whoever asked waits for the
//! answer no longer than it says. A thread that blocks the signal does not answer.
//!
//! The signal carries a ticket; one that somebody else sends, or that comes too late,
//! does nothing. System calls of the thread that are restarted after a signal are; those
//! that never are (`sleep`, `poll`, ..) may end early with `EINTR`, as with any signal.

use super::place::{Place, TICKETS};
use crate::record::DEPTH;
use crate::sync::nap;
use core::ffi::{c_int, c_void};
use core::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, Ordering};
use std::io;
use std::time::{Duration, Instant};

/// The signal, once there is one; zero before.
static SIGNAL: AtomicI32 = AtomicI32::new(0);
/// Whether somebody has the place.
static TAKEN: AtomicBool = AtomicBool::new(false);
/// The last ticket given out. By who has the place.
static TICKET: AtomicU32 = AtomicU32::new(0);
static PLACE: Place = Place::new();

/// What `rt_tgsigqueueinfo` sends, as the kernel lays it out.
#[repr(C)]
struct Info {
    signo: c_int,
    errno: c_int,
    code: c_int,
    #[cfg(target_pointer_width = "64")]
    padding: c_int,
    pid: libc::pid_t,
    uid: libc::uid_t,
    value: *mut c_void,
    rest: [u64; 12],
}

/// Uses `signal` for this from now on.
///
/// # Errors
/// It is no real-time signal, it has a handler already, or another one was given before.
pub fn arrange(signal: c_int) -> io::Result<()> {
    if !(libc::SIGRTMIN()..=libc::SIGRTMAX()).contains(&signal) {
        let text = "not a real-time signal (SIGRTMIN to SIGRTMAX)";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    }
    let taken = |text| io::Error::new(io::ErrorKind::AddrInUse, text);
    match SIGNAL.compare_exchange(0, signal, Ordering::Relaxed, Ordering::Relaxed) {
        Ok(_) => {}
        Err(same) if same == signal => return Ok(()),
        Err(_) => return Err(taken("another signal is used for this already")),
    }
    // SAFETY: all zero is a valid sigaction, whose fields are set below; `before` is
    // valid for writes. The handler has the type that SA_SIGINFO asks for.
    let result = unsafe {
        let mut before: libc::sigaction = core::mem::zeroed();
        libc::sigaction(signal, core::ptr::null(), &mut before);
        if before.sa_sigaction == libc::SIG_DFL {
            let mut action: libc::sigaction = core::mem::zeroed();
            action.sa_sigaction = answer as *const () as usize;
            // Not SA_ONSTACK: the alternate stacks that std makes are too small to look up
            // frames that are met for the first time.
            action.sa_flags = libc::SA_SIGINFO | libc::SA_RESTART;
            libc::sigemptyset(&mut action.sa_mask);
            match libc::sigaction(signal, &action, core::ptr::null_mut()) {
                0 => Ok(()),
                _ => Err(io::Error::last_os_error()),
            }
        } else {
            Err(taken("the signal has a handler"))
        }
    };
    if result.is_err() {
        SIGNAL.store(0, Ordering::Relaxed);
    }
    result
}

/// The return addresses on the stack of the thread with the system's number `os_id`, of
/// this process, innermost first; the first ones are of the handler. None if no signal was
/// given for this, if another thread asks just now, or if there is no answer in time.
/// Takes some microseconds where the thread runs or sleeps, `patience` at most.
#[must_use]
pub fn of(os_id: u32, patience: Duration) -> Option<Vec<usize>> {
    let signal = SIGNAL.load(Ordering::Relaxed);
    // Acquire: what the last user did.
    if signal == 0 || os_id == 0 || TAKEN.swap(true, Ordering::Acquire) {
        return None;
    }
    let ticket = (TICKET.load(Ordering::Relaxed) + 1) % TICKETS;
    TICKET.store(ticket, Ordering::Relaxed);
    PLACE.ask(ticket);
    let mut found = None;
    if send(signal, os_id, ticket) {
        let begin = Instant::now();
        while !PLACE.is_answered() && begin.elapsed() < patience {
            nap();
        }
        let mut stack = [0; DEPTH];
        let depth = PLACE.read(&mut stack);
        found = (depth > 0).then(|| stack[..depth].to_vec());
    }
    PLACE.take_back();
    // Release: to the next.
    TAKEN.store(false, Ordering::Release);
    found
}

/// Sends the signal with the ticket. Whether there is such a thread.
fn send(signal: c_int, os_id: u32, ticket: u32) -> bool {
    // SAFETY: two system calls without arguments, and one whose info is live and as
    // the kernel wants it; a thread may send such a signal to its own process.
    unsafe {
        let pid = libc::getpid();
        let info = Info {
            signo: signal,
            errno: 0,
            code: libc::SI_QUEUE,
            #[cfg(target_pointer_width = "64")]
            padding: 0,
            pid,
            uid: libc::getuid(),
            value: core::ptr::without_provenance_mut(ticket as usize),
            rest: [0; 12],
        };
        libc::syscall(libc::SYS_rt_tgsigqueueinfo, pid, os_id, signal, &info) == 0
    }
}

extern "C" fn answer(_: c_int, info: *mut libc::siginfo_t, _: *mut c_void) {
    // SAFETY: errno is the thread's own; with SA_SIGINFO the kernel gives a valid info,
    // which has sender and value where it was queued.
    unsafe {
        let errno = libc::__errno_location();
        let kept = *errno;
        let info = &*info;
        if info.si_code == libc::SI_QUEUE && info.si_pid() == libc::getpid() {
            PLACE.answer(info.si_value().sival_ptr.addr() as u32);
        }
        *errno = kept;
    }
}

/// In the child of a fork: nobody asks.
pub(crate) fn reset() {
    PLACE.reset();
    TAKEN.store(false, Ordering::Relaxed);
}
