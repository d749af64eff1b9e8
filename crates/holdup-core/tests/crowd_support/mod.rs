//! More threads than processors, on any machine.

/// Keeps this thread, and those it starts, on two of its processors.
pub fn on_two_processors() {
    // SAFETY: an all-zero set is an empty one; both are valid for the calls.
    unsafe {
        let mut all: libc::cpu_set_t = core::mem::zeroed();
        let mut two: libc::cpu_set_t = core::mem::zeroed();
        assert_eq!(libc::sched_getaffinity(0, size_of_val(&all), &mut all), 0);
        (0..libc::CPU_SETSIZE as usize)
            .filter(|processor| libc::CPU_ISSET(*processor, &all))
            .take(2)
            .for_each(|processor| libc::CPU_SET(processor, &mut two));
        assert_eq!(libc::sched_setaffinity(0, size_of_val(&two), &two), 0);
    }
}
