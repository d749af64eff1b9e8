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
