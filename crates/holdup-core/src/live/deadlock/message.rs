//! The report on standard error, without an allocation: the program's allocator may
//! be behind one of the locks.

use super::super::Access;
use super::room::{Member, Report};
use crate::{class, clock};
use core::fmt::{self, Write};

/// Standard error, by plain writes.
struct Errors {
    line: [u8; 256],
    length: usize,
}

impl Errors {
    fn flush(&mut self) {
        let mut rest = &self.line[..self.length];
        while !rest.is_empty() {
            #[cfg(unix)]
            // SAFETY: `rest` is valid for reads of its length.
            let written = unsafe { libc::write(2, rest.as_ptr().cast(), rest.len()) };
            #[cfg(not(unix))]
            let written = std::io::Write::write(&mut std::io::stderr(), rest).unwrap_or(0);
            match usize::try_from(written) {
                Ok(written) if written > 0 => rest = &rest[written.min(rest.len())..],
                // Nobody can be told.
                _ => break,
            }
        }
        self.length = 0;
    }
}

impl Write for Errors {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for &byte in text.as_bytes() {
            if self.length == self.line.len() {
                self.flush();
            }
            self.line[self.length] = byte;
            self.length += 1;
        }
        Ok(())
    }
}

impl Report<'_> {
    /// Writes the report to standard error: who waits for what, and who holds that.
    /// Allocates nothing.
    pub fn write(&self) {
        let mut out = Errors { line: [0; 256], length: 0 };
        // Writing there does not fail.
        let _ = self.describe(&mut out);
        out.flush();
    }

    fn describe(&self, out: &mut impl Write) -> fmt::Result {
        let now = clock::now();
        match self.members() {
            [one] => {
                writeln!(out, "holdup: DEADLOCK: a thread waits for a lock that it holds itself.")?;
                write!(out, "  {}", Who(one))?;
                writeln!(out, " has waited {} for {}", For(one, now), What(one))
            }
            all => {
                let count = all.len();
                writeln!(
                    out,
                    "holdup: DEADLOCK: {count} threads wait for each other, and none will ever go on."
                )?;
                for (index, member) in all.iter().enumerate() {
                    let next = &all[(index + 1) % count];
                    write!(out, "  {} has waited {}", Who(member), For(member, now))?;
                    writeln!(out, " for {}, which {} holds", What(member), Who(next))?;
                }
                Ok(())
            }
        }
    }
}

/// A thread by its name.
struct Who<'a>(&'a Member);

impl fmt::Display for Who<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut name = [0; 32];
        match (thread_name(self.0.os_id, &mut name), self.0.os_id) {
            (Some(name), id) => write!(f, "`{name}` (thread {id})"),
            (None, 0) => write!(f, "thread #{}", self.0.thread),
            (None, id) => write!(f, "thread {id}"),
        }
    }
}

/// How long a member has waited.
struct For<'a>(&'a Member, u64);

impl fmt::Display for For<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ms", self.1.saturating_sub(self.0.start) / 1_000_000)
    }
}

/// The lock a member waits for.
struct What<'a>(&'a Member);

impl fmt::Display for What<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let member = self.0;
        f.write_str(match member.access {
            Access::Mutex => "the mutex",
            Access::Write => "writing to the lock",
            Access::Read => "reading the lock",
            Access::Upgradable => "reading, upgradably, the lock",
            Access::Upgrade => "upgrading the lock",
        })?;
        let mut named = false;
        let mut result = Ok(());
        class::for_each(|class, name| {
            if class == member.class && !named {
                named = true;
                result = write!(f, " `{name}`");
            }
        });
        result?;
        write!(f, " at {:#x}", member.lock)
    }
}

/// The system's name of a thread.
#[cfg(all(target_os = "linux", not(miri)))]
fn thread_name(os_id: u32, name: &mut [u8; 32]) -> Option<&str> {
    struct Path([u8; 48], usize);
    impl Write for Path {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            let to = self.0.get_mut(self.1..self.1 + text.len()).ok_or(fmt::Error)?;
            to.copy_from_slice(text.as_bytes());
            self.1 += text.len();
            Ok(())
        }
    }
    let mut path = Path([0; 48], 0);
    write!(path, "/proc/self/task/{os_id}/comm\0").ok()?;
    // SAFETY: `path` ends with NUL, `name` is valid for writes of its length, and the
    // descriptor is closed once. By plain system calls, which are no cancellation points.
    let length = unsafe {
        let flags = libc::O_RDONLY | libc::O_CLOEXEC;
        let file = libc::syscall(libc::SYS_openat, libc::AT_FDCWD, path.0.as_ptr(), flags);
        if file < 0 {
            return None;
        }
        let length = libc::syscall(libc::SYS_read, file, name.as_mut_ptr(), name.len());
        libc::syscall(libc::SYS_close, file);
        usize::try_from(length).ok()?
    };
    core::str::from_utf8(name[..length].trim_ascii_end()).ok()
}

#[cfg(not(all(target_os = "linux", not(miri))))]
fn thread_name(_: u32, _: &mut [u8; 32]) -> Option<&str> {
    None
}
