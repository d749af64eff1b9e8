//! Naming threads.

use core::fmt;
use core::num::NonZeroU32;

/// A thread, by its names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Thread {
    /// holdup's own number, as [`RawMutex::holder`](crate::RawMutex::holder) has it.
    /// Given again after the thread's end.
    pub number: NonZeroU32,
    /// The system's number, as debuggers and `ps -L` show it; zero where that is not
    /// known.
    pub os_id: u32,
    /// Its name to the system, of which Linux keeps 15 bytes. `None` where that is not
    /// known, or the thread has ended.
    pub name: Option<String>,
}

impl Thread {
    pub(crate) fn of(number: NonZeroU32, os_id: u32) -> Thread {
        Thread { number, os_id, name: name(os_id) }
    }
}

/// A thread's name to the system.
fn name(os_id: u32) -> Option<String> {
    if os_id == 0 || !cfg!(target_os = "linux") {
        return None;
    }
    let name = std::fs::read(format!("/proc/self/task/{os_id}/comm")).ok()?;
    Some(String::from_utf8_lossy(name.strip_suffix(b"\n").unwrap_or(&name)).into_owned())
}

impl fmt::Display for Thread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "`{name}` (thread {})", self.os_id),
            None if self.os_id != 0 => write!(f, "thread {}", self.os_id),
            None => write!(f, "thread #{}", self.number),
        }
    }
}

#[cfg(target_os = "linux")]
mod stack {
    use super::Thread;
    use crate::profile::{Frame, Symbolizer};
    use holdup_core::live::stack_now;
    use std::io;
    use std::time::Duration;

    /// How long a thread has to answer.
    const PATIENCE: Duration = Duration::from_millis(100);

    impl Thread {
        /// Where the thread is now: the calls, innermost first, those of signal handlers
        /// left out. None unless a signal was given away for this
        /// ([`use_signal_for_stacks`]), or if the thread does not answer within 100 ms
        /// (it has ended, or blocks the signal), or another one is being asked.
        ///
        /// The thread is interrupted for some microseconds. Looking up the names may take
        /// up to seconds, and allocates. Linux only.
        #[must_use]
        pub fn stack_now(&self) -> Option<Vec<Frame>> {
            let addresses = stack_now::of(self.os_id, PATIENCE)?;
            let mut stack = Symbolizer::new().stack(&addresses);
            // What is above is the handler.
            let handler = stack.iter().take(16).position(|frame| {
                let name: &str = &frame.function;
                name.contains("restore_rt") || name.contains("rt_sigreturn")
            });
            if let Some(handler) = handler {
                stack.drain(..=handler);
            }
            Some(stack)
        }
    }

    /// Gives a real-time signal away, by which threads are asked where they are:
    /// [`Thread::stack_now`]. Without this no thread is ever interrupted.
    ///
    /// Choose a signal between `SIGRTMIN` and `SIGRTMAX` that the program, and what it is
    /// linked with, does not use. Its handler is safe wherever it interrupts a thread:
    /// it allocates nothing and takes no lock. System calls are restarted, but those
    /// that never are after a signal (`poll`, `nanosleep`, ..) may return `EINTR`.
    /// Linux only.
    ///
    /// # Errors
    ///
    /// It is no real-time signal, it has a handler already, or another one was given away
    /// before.
    ///
    /// ```
    /// # let SIGRTMIN = 34;
    /// holdup::live::use_signal_for_stacks(SIGRTMIN + 7)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn use_signal_for_stacks(signal: i32) -> io::Result<()> {
        stack_now::arrange(signal)
    }
}

#[cfg(target_os = "linux")]
pub use stack::use_signal_for_stacks;
