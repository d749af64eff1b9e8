//! The memory shared with `holdup run`, as a process comes to have it.
//!
//! | when | what happens |
//! |---|---|
//! | loaded, before `main` | [`start`]: the environment names the memory; it is opened, mapped, and the descriptor closed |
//! | the first contention | [`process`]: a place is claimed; what is mapped where is noted |
//! | `fork` | [`forked`]: the child has the mapping, but no place, until it contends itself |
//! | `exec` | the next program starts from the top |
//! | `dlclose`, exit | what is mapped where is noted again |
//!
//! Without the variable, or if anything fails, the process goes on as if this library
//! were not there: hooks ask [`process`], and it has none.
//!
//! All by plain system calls: `open` and the like of the C library are cancellation
//! points, which the functions replaced here are not.

use crate::{local, names, side};
use core::ffi::{CStr, c_char, c_int};
use core::sync::atomic::{AtomicPtr, AtomicU32, Ordering};
use holdup_core::class::ClassId;
use holdup_core::record::{self, Sums};
use holdup_shared::{MAGIC, Process, Shared, VARIABLE};

static SHARED: AtomicPtr<Shared> = AtomicPtr::new(core::ptr::null_mut());
static PROCESS: AtomicPtr<Process> = AtomicPtr::new(core::ptr::null_mut());

static STATE: AtomicU32 = AtomicU32::new(PASSIVE);
/// There is no shared memory, or no place in it.
const PASSIVE: u32 = 0;
/// There is; no place was claimed yet.
const MAPPED: u32 = 1;
/// Some thread claims one.
const CLAIMING: u32 = 2;
/// There is a place.
const CLAIMED: u32 = 3;

/// The dynamic linker calls these before `main` and at exit.
#[used]
#[cfg_attr(not(test), unsafe(link_section = ".init_array"))]
static START: extern "C" fn(c_int, *mut *mut c_char, *mut *mut c_char) = start;
#[used]
#[cfg_attr(not(test), unsafe(link_section = ".fini_array"))]
static END: extern "C" fn() = end;

/// Where this process keeps its books, if it does and contention is to be recorded.
#[inline]
pub(crate) fn process() -> Option<&'static Process> {
    // SAFETY: points into the mapping, which stays.
    let process = unsafe { PROCESS.load(Ordering::Acquire).as_ref() };
    let process = if process.is_some() { process } else { claim() };
    process.filter(|_| is_recording())
}

/// The shared memory.
fn shared() -> Option<&'static Shared> {
    // SAFETY: a mapping of that size, which stays; all values of it are valid.
    unsafe { SHARED.load(Ordering::Acquire).as_ref() }
}

fn is_recording() -> bool {
    shared().is_some_and(|shared| shared.header.recording.load(Ordering::Relaxed) != 0)
}

extern "C" fn start(_: c_int, _: *mut *mut c_char, environment: *mut *mut c_char) {
    // SAFETY: the C library passes the environment, which ends in null.
    let Some(path) = (unsafe { variable(environment, VARIABLE) }) else { return };
    let errno = errno();
    let mapped = map(path);
    set_errno(errno);
    let Some(shared) = mapped else { return };
    shared.header.programs.fetch_add(1, Ordering::Relaxed);
    if shared.header.follow.load(Ordering::Relaxed) == 0 {
        // SAFETY: as above. No other thread reads the environment yet.
        unsafe { leave(environment) };
    }
    SHARED.store(core::ptr::from_ref(shared).cast_mut(), Ordering::Release);
    // SAFETY: the handler has the right type, and does only what a child of a fork may.
    unsafe { libc::pthread_atfork(None, None, Some(forked)) };
    // What belongs to a thread that records is made now: a key of the C library with a
    // low number, which costs no memory.
    record::book(ClassId::UNNAMED, &Sums::default());
    STATE.store(MAPPED, Ordering::Release);
}

/// Opens and maps the shared memory.
fn map(path: &CStr) -> Option<&'static Shared> {
    // Of a command that is gone the path may lead to anything, a terminal or a pipe.
    let flags = libc::O_RDWR | libc::O_CLOEXEC | libc::O_NOCTTY | libc::O_NONBLOCK;
    // SAFETY: a path that ends in zero; the mapping is new, of the size of the file;
    // and all its bytes are atomic numbers.
    unsafe {
        let file = libc::syscall(libc::SYS_openat, libc::AT_FDCWD, path.as_ptr(), flags);
        if file < 0 {
            return None;
        }
        let size = size_of::<Shared>();
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let sharing = libc::MAP_SHARED | libc::MAP_NORESERVE;
        // A file of another size is another build's: its end would not be there.
        let end = libc::syscall(libc::SYS_lseek, file, 0, libc::SEEK_END);
        let fits = usize::try_from(end).is_ok_and(|end| end == size);
        let memory = if fits {
            libc::mmap(core::ptr::null_mut(), size, protection, sharing, file as c_int, 0)
        } else {
            libc::MAP_FAILED
        };
        libc::syscall(libc::SYS_close, file);
        if memory == libc::MAP_FAILED {
            return None;
        }
        // No part of the program's core dumps.
        libc::madvise(memory, size, libc::MADV_DONTDUMP);
        let shared = &*memory.cast::<Shared>();
        if shared.header.magic.load(Ordering::Relaxed) != MAGIC {
            libc::munmap(memory, size);
            return None;
        }
        Some(shared)
    }
}

/// Claims a place. One thread does; others that contend meanwhile wait until it has.
#[cold]
#[inline(never)]
fn claim() -> Option<&'static Process> {
    // Acquire: the mapping is there.
    match STATE.compare_exchange(MAPPED, CLAIMING, Ordering::Acquire, Ordering::Relaxed) {
        Ok(_) => {}
        Err(PASSIVE) => return None,
        Err(_) => return claimed_by_another(),
    }
    let shared = shared()?;
    let errno = errno();
    let number = own_number();
    set_errno(errno);
    let order = shared.header.claims.fetch_add(1, Ordering::Relaxed);
    let place = shared.processes.iter().find(|process| {
        // Acquire: the command has emptied it.
        process.owner.compare_exchange(0, number, Ordering::Acquire, Ordering::Relaxed).is_ok()
    });
    let Some(process) = place else {
        shared.header.left_out.fetch_add(1, Ordering::Relaxed);
        STATE.store(PASSIVE, Ordering::Relaxed);
        return None;
    };
    process.claim.store(order, Ordering::Relaxed);
    record::set_period(shared.header.period.load(Ordering::Relaxed));
    process.books.keep_here();
    // Release: whoever finds the place finds the books in it.
    PROCESS.store(core::ptr::from_ref(process).cast_mut(), Ordering::Release);
    STATE.store(CLAIMED, Ordering::Release);
    note_maps(process);
    Some(process)
}

/// The place that another thread is claiming. Not for ever: a signal handler may have
/// interrupted that very thread.
fn claimed_by_another() -> Option<&'static Process> {
    /// Naps of 50 us, some 100 ms.
    const PATIENCE: u32 = 1000;
    for _ in 0..PATIENCE {
        // SAFETY: points into the mapping, which stays.
        let process = unsafe { PROCESS.load(Ordering::Acquire).as_ref() };
        if process.is_some() || STATE.load(Ordering::Relaxed) != CLAIMING {
            return process;
        }
        side::nap();
    }
    None
}

/// The number of this process, as the command sees it: which is not what the process
/// sees, if that has numbers of its own.
fn own_number() -> u32 {
    let mut link = [0_u8; 16];
    let path = c"/proc/self";
    // SAFETY: a path that ends in zero, and a buffer that is writable for its length.
    let length = unsafe {
        libc::syscall(
            libc::SYS_readlinkat,
            libc::AT_FDCWD,
            path.as_ptr(),
            link.as_mut_ptr(),
            link.len(),
        )
    };
    let digits = usize::try_from(length).ok().and_then(|length| link.get(..length));
    let number = digits.and_then(|digits| core::str::from_utf8(digits).ok()?.parse().ok());
    // SAFETY: no arguments, no effects.
    number.unwrap_or_else(|| unsafe { libc::syscall(libc::SYS_getpid) } as u32)
}

/// In the child of a fork: its only thread has no place yet, and nobody waits.
// (What `keep_here` was told stays the parent's until then, and nothing is recorded.)
extern "C" fn forked() {
    local::forget_thread();
    side::forget();
    if STATE.load(Ordering::Relaxed) != PASSIVE {
        if !PROCESS.load(Ordering::Relaxed).is_null() {
            names::forget_all();
        }
        PROCESS.store(core::ptr::null_mut(), Ordering::Relaxed);
        STATE.store(MAPPED, Ordering::Relaxed);
    }
}

/// The end of the process: `_exit` and signals leave this out, and lose what the side
/// table has not booked for some microseconds, no more.
extern "C" fn end() {
    // SAFETY: points into the mapping, which stays.
    let Some(process) = (unsafe { PROCESS.load(Ordering::Acquire).as_ref() }) else { return };
    side::drain(|class, sums| record::book(class, &sums));
    process.given_up.store(side::given_up(), Ordering::Relaxed);
    note_maps(process);
}

/// Notes again what is mapped where, before something is unmapped.
pub(crate) fn note_maps_again() {
    // SAFETY: as above.
    if let Some(process) = unsafe { PROCESS.load(Ordering::Acquire).as_ref() } {
        note_maps(process);
    }
}

/// Copies the lines of `/proc/self/maps` that have a path. The command reads the same
/// while the process lives; this is for what it never sees.
fn note_maps(process: &Process) {
    let errno = errno();
    let path = c"/proc/self/maps";
    let flags = libc::O_RDONLY | libc::O_CLOEXEC;
    // SAFETY: a path that ends in zero.
    let file = unsafe { libc::syscall(libc::SYS_openat, libc::AT_FDCWD, path.as_ptr(), flags) };
    if file >= 0 {
        let (mut length, mut line, mut has_path) = (0, 0, false);
        let mut buffer = [0_u8; 2048];
        loop {
            // SAFETY: the buffer is writable for its length.
            let read =
                unsafe { libc::syscall(libc::SYS_read, file, buffer.as_mut_ptr(), buffer.len()) };
            let Some(piece) = usize::try_from(read).ok().and_then(|read| buffer.get(..read)) else {
                break;
            };
            if piece.is_empty() {
                break;
            }
            for byte in piece {
                let Some(to) = process.maps.get(line) else { break };
                to.store(*byte, Ordering::Relaxed);
                line += 1;
                has_path |= *byte == b'/';
                if *byte == b'\n' {
                    // The line stays, or the next one is written over it.
                    length = if has_path { line } else { length };
                    (line, has_path) = (length, false);
                }
            }
        }
        // SAFETY: opened above, used no more.
        unsafe { libc::syscall(libc::SYS_close, file) };
        // Release: the lines were written before.
        process.maps_length.store(length as u32, Ordering::Release);
    }
    set_errno(errno);
}

/// Whether `pc` is in this library.
pub(crate) fn is_own_code(pc: usize) -> bool {
    unsafe extern "C" {
        // Both by the linker: where the library's file begins in memory, and where its
        // code ends.
        static __ehdr_start: u8;
        static etext: u8;
    }
    let (start, end) = ((&raw const __ehdr_start).addr(), (&raw const etext).addr());
    (start..=end).contains(&pc)
}

/// The value of a variable of the environment.
///
/// # Safety
/// `environment` is one.
unsafe fn variable<'a>(mut environment: *mut *mut c_char, name: &str) -> Option<&'a CStr> {
    if environment.is_null() {
        return None;
    }
    // SAFETY: an array of strings that ends in null, as the caller promises.
    unsafe {
        while !(*environment).is_null() {
            let entry = CStr::from_ptr(*environment);
            let bytes = entry.to_bytes();
            if bytes.starts_with(name.as_bytes()) && bytes.get(name.len()) == Some(&b'=') {
                return Some(CStr::from_ptr((*environment).add(name.len() + 1)));
            }
            environment = environment.add(1);
        }
    }
    None
}

/// Takes what loads this library out of the environment, so that programs which are
/// executed do not: the variable, and the first path in `LD_PRELOAD`, where the command
/// put it.
///
/// # Safety
/// `environment` is one, and nobody else uses it.
unsafe fn leave(environment: *mut *mut c_char) {
    let mut to = environment;
    let mut from = environment;
    // SAFETY: as above; strings are only moved towards their beginnings.
    unsafe {
        while !(*from).is_null() {
            let bytes = CStr::from_ptr(*from).to_bytes();
            let drop = if bytes.starts_with(b"HOLDUP_RUN=") {
                true
            } else if let Some(paths) = bytes.strip_prefix(b"LD_PRELOAD=") {
                match paths.iter().position(|byte| *byte == b':') {
                    Some(colon) => {
                        let value = (*from).add(b"LD_PRELOAD=".len());
                        let rest = paths.len() - colon - 1;
                        core::ptr::copy(value.add(colon + 1), value, rest + 1);
                        false
                    }
                    None => true,
                }
            } else {
                false
            };
            if !drop {
                *to = *from;
                to = to.add(1);
            }
            from = from.add(1);
        }
        *to = core::ptr::null_mut();
    }
}

fn errno() -> c_int {
    // SAFETY: this thread's own.
    unsafe { *libc::__errno_location() }
}

fn set_errno(value: c_int) {
    // SAFETY: this thread's own.
    unsafe { *libc::__errno_location() = value }
}
