//! What `holdup run` asks of the kernel: memory to share, signals, and the end of a process
//! like that of another.

use std::ffi::CString;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use procfs::process::Process;

/// An anonymous file of `size` zeroes, of which only written pages cost memory.
pub fn anonymous_file(size: u64) -> io::Result<File> {
    // SAFETY: a name that ends in zero; the descriptor is new and has one owner.
    let file = unsafe {
        let descriptor = libc::memfd_create(c"holdup".as_ptr(), libc::MFD_CLOEXEC);
        if descriptor < 0 {
            return Err(io::Error::last_os_error());
        }
        File::from(OwnedFd::from_raw_fd(descriptor))
    };
    file.set_len(size)?;
    Ok(file)
}

/// Maps a file of `size_of::<T>()` bytes for reading and writing, for good.
///
/// # Safety
/// All bytes, whatever they are, are a valid `T`, also while others write them.
pub unsafe fn map<T>(file: &File) -> io::Result<&'static T> {
    assert!(align_of::<T>() <= 4096, "mappings begin at pages");
    assert_eq!(file.metadata()?.len(), size_of::<T>() as u64, "all of it is there");
    // SAFETY: a new mapping of a file that is as long; never unmapped; of a type that
    // is valid whatever is in it.
    unsafe {
        let memory = libc::mmap(
            std::ptr::null_mut(),
            size_of::<T>(),
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_SHARED | libc::MAP_NORESERVE,
            file.as_raw_fd(),
            0,
        );
        if memory == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        Ok(&*memory.cast::<T>())
    }
}

/// Makes `length` bytes from `offset` on zero, and gives their memory back.
pub fn clear(file: &File, offset: usize, length: usize) -> io::Result<()> {
    let mode = libc::FALLOC_FL_PUNCH_HOLE | libc::FALLOC_FL_KEEP_SIZE;
    // SAFETY: a live descriptor, and plain numbers.
    let result = unsafe {
        libc::fallocate(file.as_raw_fd(), mode, offset as libc::off_t, length as libc::off_t)
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Whether the file system of `place` is mounted to hold no code.
pub fn is_noexec(place: &Path) -> bool {
    let Ok(path) = CString::new(place.as_os_str().as_bytes()) else { return true };
    // SAFETY: a path that ends in zero, a structure of plain numbers to be filled.
    unsafe {
        let mut status: libc::statvfs = std::mem::zeroed();
        libc::statvfs(path.as_ptr(), &raw mut status) != 0 || status.f_flag & libc::ST_NOEXEC != 0
    }
}

/// Whether a process of that number runs: one that has ended, and that its parent has not
/// asked for yet, does not.
pub fn exists(process: u32) -> bool {
    let known = i32::try_from(process).ok().and_then(|number| Process::new(number).ok());
    if let Some(stat) = known.and_then(|known| known.stat().ok()) {
        return !matches!(stat.state, 'Z' | 'X');
    }
    // SAFETY: signal 0 is none: it only asks.
    let result = unsafe { libc::kill(process as libc::pid_t, 0) };
    result == 0 || io::Error::last_os_error().raw_os_error() != Some(libc::ESRCH)
}

/// Sends a signal.
pub fn send(process: u32, signal: i32) {
    // SAFETY: plain numbers. A process that has just ended gets none.
    unsafe { libc::kill(process as libc::pid_t, signal) };
}

/// Signals that are taken one by one instead of being acted upon.
pub struct Signals {
    taken: libc::sigset_t,
    /// Those that were blocked before.
    before: libc::sigset_t,
}

/// A signal that came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signal {
    pub number: i32,
    /// By a process, not by the terminal (which sends it to the program as well).
    pub by_process: bool,
}

impl Signals {
    /// From now on these are taken. To be called before there are other threads.
    pub fn take(numbers: &[i32]) -> Signals {
        // SAFETY: a set of signals, filled here; the mask is this thread's own.
        unsafe {
            let mut taken: libc::sigset_t = std::mem::zeroed();
            let mut before: libc::sigset_t = std::mem::zeroed();
            libc::sigemptyset(&raw mut taken);
            for number in numbers {
                libc::sigaddset(&raw mut taken, *number);
            }
            libc::pthread_sigmask(libc::SIG_BLOCK, &raw const taken, &raw mut before);
            Signals { taken, before }
        }
    }

    /// Lets `command` have the signals that this process had before.
    pub fn give_back_in(&self, command: &mut Command) {
        let before = self.before;
        // SAFETY: one call that may be made between fork and exec; it cannot fail.
        unsafe {
            command.pre_exec(move || {
                libc::pthread_sigmask(libc::SIG_SETMASK, &raw const before, std::ptr::null_mut());
                Ok(())
            });
        }
    }

    /// The next one that comes within `time`.
    pub fn next(&self, time: Duration) -> Option<Signal> {
        let time = libc::timespec {
            tv_sec: time.as_secs() as libc::time_t,
            tv_nsec: time.subsec_nanos().into(),
        };
        // SAFETY: the set and the time are live, the structure is plain numbers.
        unsafe {
            let mut about: libc::siginfo_t = std::mem::zeroed();
            let number = libc::sigtimedwait(&raw const self.taken, &raw mut about, &raw const time);
            (number > 0).then_some(Signal { number, by_process: about.si_code <= 0 })
        }
    }
}

/// Ends this process by a signal, as the program did that it ran. Returns if the signal
/// does not end processes.
pub fn end_by(signal: i32) {
    // SAFETY: plain numbers, and a set of signals filled here. No core is dumped: the
    // program has dumped its own.
    unsafe {
        let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        libc::setrlimit(libc::RLIMIT_CORE, &raw const none);
        libc::signal(signal, libc::SIG_DFL);
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        libc::sigaddset(&raw mut set, signal);
        libc::raise(signal);
        libc::pthread_sigmask(libc::SIG_UNBLOCK, &raw const set, std::ptr::null_mut());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_ended_and_was_not_asked_for_is_no_more() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        assert!(exists(child.id()));
        child.kill().unwrap();
        let begin = std::time::Instant::now();
        while exists(child.id()) {
            assert!(begin.elapsed() < Duration::from_secs(30), "it is a zombie by now");
            std::thread::yield_now();
        }
        child.wait().unwrap();
        assert!(!exists(child.id()));
    }
}
