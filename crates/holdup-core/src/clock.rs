//! The clock: nanoseconds of one monotonic clock, cheap enough to be read
//! twice in each contended critical section.
//!
//! On x86-64 Linux whose kernel itself keeps time by the time-stamp counter,
//! that counter is read directly and scaled. The scale is measured against
//! `CLOCK_MONOTONIC` over the first 50 ms of use, and until then that clock
//! is read; the scaled counter continues its time line, so both kinds of
//! reading can be compared. Everywhere else it is `CLOCK_MONOTONIC`, or what
//! `std::time::Instant` reads.
//!
//! Readings of two processors may be out of order by some nanoseconds; the
//! [ledger](crate::ledger) does not mind. If the counter was set back (a
//! machine that slept), the clock falls back to `CLOCK_MONOTONIC` for good.

/// Now, in nanoseconds since an arbitrary moment. 10 to 30 ns; allocates
/// nothing; async-signal-safe.
#[inline]
#[must_use]
pub fn now() -> u64 {
    #[cfg(all(target_arch = "x86_64", target_os = "linux", not(miri)))]
    {
        tsc::now()
    }
    #[cfg(not(all(target_arch = "x86_64", target_os = "linux", not(miri))))]
    {
        monotonic()
    }
}

/// The system's monotonic clock in nanoseconds.
#[cfg(unix)]
fn monotonic() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is valid for writes; CLOCK_MONOTONIC always exists.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut time) };
    (time.tv_sec as u64).wrapping_mul(1_000_000_000).wrapping_add(time.tv_nsec as u64)
}

/// The system's monotonic clock in nanoseconds since it was first read.
#[cfg(not(unix))]
fn monotonic() -> u64 {
    static FIRST: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
    FIRST.get_or_init(std::time::Instant::now).elapsed().as_nanos() as u64
}

#[cfg(all(target_arch = "x86_64", target_os = "linux", not(miri)))]
mod tsc {
    use super::monotonic;
    use core::arch::x86_64::{__cpuid, _rdtsc};
    use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

    /// How far the two calibration points lie apart, in nanoseconds. Each is
    /// known to some tens of nanoseconds: the scale is good to 1 in 10^6.
    const CALIBRATION: u64 = 50_000_000;

    /// Nanoseconds per count, times 2^32; zero until it is known.
    static SCALE: AtomicU64 = AtomicU64::new(0);
    /// The point from which on the counter is used: count and nanoseconds.
    /// Written once, before `SCALE`.
    static ORIGIN_COUNT: AtomicU64 = AtomicU64::new(0);
    static ORIGIN_NANOS: AtomicU64 = AtomicU64::new(0);

    /// The first calibration point.
    static FIRST_COUNT: AtomicU64 = AtomicU64::new(0);
    static FIRST_NANOS: AtomicU64 = AtomicU64::new(0);

    static STATE: AtomicU32 = AtomicU32::new(UNKNOWN);
    const UNKNOWN: u32 = 0;
    /// Somebody writes the first or the second point.
    const BUSY: u32 = 1;
    const FIRST_POINT: u32 = 2;
    /// The counter is used, or it must not be: nothing changes any more.
    const SETTLED: u32 = 3;

    #[inline]
    pub(super) fn now() -> u64 {
        // Acquire: the origin was written before the scale.
        let scale = SCALE.load(Ordering::Acquire);
        if scale == 0 {
            return settle();
        }
        // SAFETY: rdtsc exists on every x86-64 processor.
        let count = unsafe { _rdtsc() };
        let since = count.wrapping_sub(ORIGIN_COUNT.load(Ordering::Relaxed));
        if since > i64::MAX as u64 {
            return set_back(since);
        }
        let nanos = (u128::from(since) * u128::from(scale)) >> 32;
        (nanos as u64).wrapping_add(ORIGIN_NANOS.load(Ordering::Relaxed))
    }

    /// The counter reads less than at the origin: by a little on a processor
    /// that lags behind, by much when it was set back.
    #[cold]
    fn set_back(since: u64) -> u64 {
        if since.wrapping_neg() < 1_000_000 {
            return ORIGIN_NANOS.load(Ordering::Relaxed);
        }
        SCALE.store(0, Ordering::Relaxed);
        monotonic()
    }

    /// Sets the counter back, as seen from here, by `counts`.
    #[cfg(test)]
    pub(super) fn set_counter_back(counts: u64) {
        ORIGIN_COUNT.fetch_add(counts, Ordering::Relaxed);
    }

    /// Whether the counter is read at present.
    #[cfg(test)]
    pub(super) fn reads_the_counter() -> bool {
        SCALE.load(Ordering::Relaxed) != 0
    }

    /// Reads `CLOCK_MONOTONIC`, and brings the calibration forward.
    #[cold]
    fn settle() -> u64 {
        let state = STATE.load(Ordering::Acquire);
        let nanos = monotonic();
        if state == SETTLED || state == BUSY {
            return nanos;
        }
        if state == FIRST_POINT
            && nanos.wrapping_sub(FIRST_NANOS.load(Ordering::Relaxed)) < CALIBRATION
        {
            return nanos;
        }
        // Who loses this race goes on with the system's clock for now.
        if STATE.compare_exchange(state, BUSY, Ordering::Acquire, Ordering::Relaxed).is_err() {
            return nanos;
        }
        let next = if state == FIRST_POINT {
            second_point();
            SETTLED
        } else if kernel_trusts_the_counter() {
            let (count, nanos) = point();
            FIRST_COUNT.store(count, Ordering::Relaxed);
            FIRST_NANOS.store(nanos, Ordering::Relaxed);
            FIRST_POINT
        } else {
            SETTLED
        };
        STATE.store(next, Ordering::Release);
        // The steps above took a while.
        monotonic()
    }

    fn second_point() {
        let (count, nanos) = point();
        let counts = count.wrapping_sub(FIRST_COUNT.load(Ordering::Relaxed));
        let passed = nanos.wrapping_sub(FIRST_NANOS.load(Ordering::Relaxed));
        if counts == 0 || counts > i64::MAX as u64 {
            return;
        }
        let scale = (u128::from(passed) << 32) / u128::from(counts);
        ORIGIN_COUNT.store(count, Ordering::Relaxed);
        ORIGIN_NANOS.store(nanos, Ordering::Relaxed);
        SCALE.store(u64::try_from(scale).unwrap_or(0), Ordering::Release);
    }

    /// The counter and the clock at one moment: the tightest of some readings
    /// of the counter, the clock, and the counter again.
    fn point() -> (u64, u64) {
        let mut best = (0, 0);
        let mut narrowest = u64::MAX;
        for _ in 0..8 {
            // SAFETY: rdtsc exists on every x86-64 processor.
            let before = unsafe { _rdtsc() };
            let nanos = monotonic();
            // SAFETY: as above.
            let after = unsafe { _rdtsc() };
            let width = after.wrapping_sub(before);
            if width < narrowest {
                narrowest = width;
                best = (before.wrapping_add(width / 2), nanos);
            }
        }
        best
    }

    /// Whether the counter runs at one rate in all states of all processors,
    /// and the kernel found no fault in it: then it keeps its own time by it.
    fn kernel_trusts_the_counter() -> bool {
        // CPUID 0x80000007, EDX bit 8: "invariant TSC" (AMD APM vol. 3, E.4.7).
        let invariant =
            __cpuid(0x8000_0000).eax >= 0x8000_0007 && __cpuid(0x8000_0007).edx & (1 << 8) != 0;
        if !invariant {
            return false;
        }
        let mut name = [0_u8; 32];
        let length = read_clocksource(&mut name);
        let name = name[..length].trim_ascii_end();
        matches!(name, b"tsc" | b"kvm-clock" | b"hyperv_clocksource_tsc_page")
    }

    /// The name of the kernel's clock source. By plain system calls: this runs
    /// where allocating is not allowed, and where a thread must not be
    /// cancelled, as it may be in the C library's functions of these names.
    fn read_clocksource(name: &mut [u8; 32]) -> usize {
        let path = c"/sys/devices/system/clocksource/clocksource0/current_clocksource";
        // SAFETY: `path` ends with NUL, `name` is valid for writes of its
        // length, and the descriptor is closed once.
        unsafe {
            let flags = libc::O_RDONLY | libc::O_CLOEXEC;
            let file = libc::syscall(libc::SYS_openat, libc::AT_FDCWD, path.as_ptr(), flags);
            if file < 0 {
                return 0;
            }
            let length = libc::syscall(libc::SYS_read, file, name.as_mut_ptr(), name.len());
            libc::syscall(libc::SYS_close, file);
            usize::try_from(length).unwrap_or(0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    #[test]
    fn the_clock_keeps_step_with_the_systems() {
        // Also across the change from one way to read it to the other.
        let (first, began) = (now(), Instant::now());
        let mut last = first;
        while began.elapsed() < Duration::from_millis(200) {
            let next = now();
            // Some nanoseconds of disorder are allowed at the change.
            assert!(next + 1_000 > last, "{last} then {next}");
            last = next;
        }
        // Between two pairs of readings the clocks may differ by what passed
        // between the readings of a pair, and by 1 in 10^4.
        let before = began.elapsed().as_nanos() as u64;
        let ours = now() - first;
        let after = began.elapsed().as_nanos() as u64;
        let slack = 2_000 + after / 10_000;
        assert!(ours + slack >= before && ours <= after + slack, "{before} {ours} {after}");
    }

    #[test]
    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    fn a_counter_that_was_set_back_is_not_read_any_more() {
        let begin = Instant::now();
        while !tsc::reads_the_counter() {
            let _ = now();
            if begin.elapsed() > Duration::from_secs(1) {
                println!("the kernel does not keep time by the counter here");
                return;
            }
        }
        let before = now();
        // So far that no processor can lag behind: some years at any rate.
        tsc::set_counter_back(1 << 60);
        let after = now();
        assert!(!tsc::reads_the_counter(), "for good");
        let passed = after.wrapping_sub(before);
        assert!(passed < 3_600_000_000_000, "{before} then {after}");
        assert!(now() >= after);
    }
}
