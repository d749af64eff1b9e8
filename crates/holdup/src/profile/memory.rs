//! Memory that names took is given back to the system.

/// What this process has of memory, in pages; zero where that is not known.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn resident_pages() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split(' ').nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0)
}

/// Notes how much memory the process has, and gives back what it has more when this
/// is dropped: the debug information of a large program takes tens of megabytes,
/// which glibc would keep for the next time.
pub(crate) struct GiveBack {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    before: u64,
}

impl GiveBack {
    pub(crate) fn later() -> GiveBack {
        GiveBack {
            #[cfg(all(target_os = "linux", target_env = "gnu"))]
            before: resident_pages(),
        }
    }
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
impl Drop for GiveBack {
    fn drop(&mut self) {
        /// Less is not worth it: others that allocate may have to wait meanwhile.
        const WORTH_IT: u64 = 2048;
        if resident_pages() >= self.before + WORTH_IT {
            // SAFETY: no preconditions. Where the program has another allocator,
            // glibc's has nothing to give back.
            unsafe { libc::malloc_trim(0) };
        }
    }
}
