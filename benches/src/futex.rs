//! How many futex calls this process and its children make, counted by the
//! kernel.

use std::fs;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

/// Where the kernel tells the number of the event, if its file system for
/// tracing is mounted.
const EVENTS: [&str; 2] = [
    "/sys/kernel/tracing/events/syscalls/sys_enter_futex/id",
    "/sys/kernel/debug/tracing/events/syscalls/sys_enter_futex/id",
];

/// A count of the futex calls of this thread and of all threads and processes
/// that it starts from now on. It costs each of their system calls some time.
pub struct Counter(OwnedFd);

// What `perf_event_open(2)` needs of its attributes; the kernel takes any
// length that it has ever had. Names as there.
#[repr(C)]
#[derive(Default)]
struct Attributes {
    kind: u32,
    size: u32,
    config: u64,
    sample_period: u64,
    sample_type: u64,
    read_format: u64,
    flags: u64,
    wakeup_events: u32,
    bp_type: u32,
    bp_addr: u64,
}

const TRACEPOINT: u32 = 2;
const INHERIT: u64 = 1 << 1;
const CLOSE_ON_EXEC: libc::c_ulong = 1 << 3;

impl Counter {
    /// Begins to count. An error where the kernel does not let us, or has no
    /// such event.
    pub fn open() -> io::Result<Counter> {
        let id = EVENTS.iter().find_map(|path| fs::read_to_string(path).ok());
        let id = id.ok_or_else(|| io::Error::other("the kernel's events cannot be read"))?;
        let attributes = Attributes {
            kind: TRACEPOINT,
            size: size_of::<Attributes>() as u32,
            config: id.trim().parse().map_err(io::Error::other)?,
            flags: INHERIT,
            ..Attributes::default()
        };
        // SAFETY: the attributes are valid for reads of the size they tell;
        // 0 and -1 stand for this thread, on any processor.
        let fd = unsafe {
            libc::syscall(
                libc::SYS_perf_event_open,
                &raw const attributes,
                0,
                -1,
                -1,
                CLOSE_ON_EXEC,
            )
        };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the kernel has just made it, and nobody else knows it.
        Ok(Counter(unsafe { OwnedFd::from_raw_fd(fd as i32) }))
    }

    /// The calls so far.
    pub fn read(&self) -> u64 {
        let mut count = 0_u64;
        // SAFETY: `count` is valid for writes of its size.
        let read =
            unsafe { libc::read(self.0.as_raw_fd(), (&raw mut count).cast(), size_of::<u64>()) };
        assert_eq!(read, 8, "a counter that was opened can be read");
        count
    }
}

#[cfg(test)]
mod tests {
    use super::Counter;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[test]
    fn calls_of_threads_that_are_started_later_are_counted() {
        // Not everywhere permitted.
        let Ok(counter) = Counter::open() else { return };
        let before = counter.read();
        let thread = std::thread::spawn(|| {
            let word = AtomicU32::new(0);
            for _ in 0..100 {
                // SAFETY: nobody waits at this word, which lives long enough.
                unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAKE, 1) };
            }
            word.load(Ordering::Relaxed)
        });
        thread.join().unwrap();
        let counted = counter.read() - before;
        assert!((100..120).contains(&counted), "{counted}");
    }
}
