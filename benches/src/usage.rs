//! What the process has used so far, from the kernel.

/// Processor time and context switches of all threads, those that ended
/// included.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    /// Nanoseconds of processor time, in user and kernel mode.
    pub cpu: u64,
    /// How often a thread gave up its processor to wait.
    pub voluntary: u64,
}

impl Usage {
    /// The usage up to now.
    pub fn now() -> Usage {
        // SAFETY: all-zero is a valid rusage, and it is valid for writes.
        let usage = unsafe {
            let mut usage: libc::rusage = std::mem::zeroed();
            libc::getrusage(libc::RUSAGE_SELF, &mut usage);
            usage
        };
        let nanoseconds =
            |time: libc::timeval| time.tv_sec as u64 * 1_000_000_000 + time.tv_usec as u64 * 1_000;
        Usage {
            cpu: nanoseconds(usage.ru_utime) + nanoseconds(usage.ru_stime),
            voluntary: usage.ru_nvcsw as u64,
        }
    }

    /// What was used since `earlier`.
    pub fn since(self, earlier: Usage) -> Usage {
        Usage { cpu: self.cpu - earlier.cpu, voluntary: self.voluntary - earlier.voluntary }
    }
}
