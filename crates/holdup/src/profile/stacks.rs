//! What a profile says of call stacks: samples, pairs, the longest waits.

#[cfg(doc)]
use super::Profile;
use super::{Kind, Name};
use std::time::{Duration, SystemTime};

/// A call stack and what was charged to it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sample {
    /// The calls, innermost first. The first is the function that ended the
    /// critical section or, among [`Profile::victims`], the one that waited.
    /// Empty for [`Kind::Handoff`] and [`Kind::Lost`], and where it is unknown.
    pub stack: Vec<Frame>,
    /// The class of the lock.
    pub lock: String,
    /// What the delay was.
    pub kind: Kind,
    /// Contended critical sections, estimated without bias. Exact for
    /// [`Kind::Handoff`].
    pub count: u64,
    /// The time waiters waited, estimated without bias. Exact for
    /// [`Kind::Handoff`].
    pub delay: Duration,
}

/// One call of a call stack. Cheap to clone: calls share their names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Frame {
    /// The function with its full path, demangled, without hash. Where the
    /// program has no names, `module+0xoffset`.
    pub function: Name,
    /// The source file, where the program has debug information.
    pub file: Option<Name>,
    /// The line in it.
    pub line: Option<u32>,
    /// The address of the call instruction (one byte into it, at least).
    /// Frames that were inlined share it with the frame they are inlined in.
    pub address: u64,
    /// Whether this call was inlined into the next frame of the stack.
    pub inlined: bool,
}

/// Who held up whom: a culprit's stack, a victim's, and what passed between
/// them. Returned by [`Profile::pairs`].
///
/// All pairs of a culprit add up to its [`Sample`], to the nanosecond.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair<'a> {
    /// The calls that ended the critical section, innermost first. Empty for
    /// [`Kind::Handoff`] and [`Kind::Lost`].
    pub culprit: &'a [Frame],
    /// The calls that waited for it, innermost first. Empty where that is
    /// unknown: the waiter did not sleep, or had no room.
    pub victim: &'a [Frame],
    /// The class of the lock.
    pub lock: &'a str,
    /// What the delay was.
    pub kind: Kind,
    /// Contended critical sections, as in [`Sample::count`].
    pub count: u64,
    /// The time waiters waited, as in [`Sample::delay`].
    pub delay: Duration,
}

/// One of the longest waits. Returned by [`Profile::longest_waits`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LongWait {
    /// The class of the lock.
    pub lock: String,
    /// How long it was.
    pub wait: Duration,
    /// When it ended.
    pub time: SystemTime,
    /// The calls that ended the longest critical section during the wait,
    /// innermost first. Empty where they are unknown.
    pub culprit: Vec<Frame>,
    /// The calls that waited, innermost first. Empty where they are unknown.
    pub victim: Vec<Frame>,
    /// The name of the thread that held the lock, as the system knows it (on
    /// Linux 15 bytes of it). Empty if it has none, or it is unknown.
    pub culprit_thread: String,
    /// The name of the thread that waited.
    pub victim_thread: String,
}
