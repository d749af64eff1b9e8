//! The memory that `holdup run` shares with the programs it runs.
//!
//! The command makes it, an anonymous file (`memfd`) that costs only the pages
//! that are written; the interposer in each process maps it whole. A process
//! that meets its first contention claims one of the [`Process`] places and keeps
//! its books there. So the command sees everything at any time and out of the
//! process: nothing has to be flushed, `_exit` and `kill -9` lose nothing that was
//! booked, no disk can be full, and names are looked up elsewhere.
//!
//! ```text
//! Shared
//!   Header        the period, whether to record, what was counted
//!   Process 0     whose, names of its locks, what was mapped where, its Books
//!   Process 1     ...
//! ```
//!
//! All of it is atomic numbers, of which every value is valid: a program that
//! writes into it by mistake spoils figures, and never the command. The layout is
//! that of one build of both; [`MAGIC`] tells whether they fit.

use core::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use holdup_core::record::Books;

/// The environment variable that says where the shared memory can be opened.
pub const VARIABLE: &str = "HOLDUP_RUN";

/// Processes whose books are kept at a time. The command empties the places of those
/// that ended.
pub const PROCESSES: usize = 32;

/// Locks of a process that have a name of their own; a power of two.
pub const LOCKS: usize = 1024;

/// Return addresses that name a lock without a symbol.
pub const LOCK_STACK: usize = 12;

/// Bytes for what was mapped where.
pub const MAPS: usize = 256 << 10;

/// Tells whether two builds agree on the layout.
pub const MAGIC: u64 = 0x686f_6c64_7570_0001 ^ ((size_of::<Shared>() as u64) << 20);

/// Everything.
#[repr(C)]
#[derive(Debug)]
pub struct Shared {
    /// What all processes have in common.
    pub header: Header,
    /// The places.
    pub processes: [Process; PROCESSES],
}

/// What all processes have in common.
#[repr(C, align(4096))]
#[derive(Debug)]
pub struct Header {
    /// [`MAGIC`].
    pub magic: AtomicU64,
    /// The sampling period in nanoseconds of delay.
    pub period: AtomicU64,
    /// Not zero while contention is to be recorded.
    pub recording: AtomicU32,
    /// Not zero if programs that the program executes are to be recorded, too.
    pub follow: AtomicU32,
    /// Programs that were started with the interposer, forked children not counted.
    pub programs: AtomicU32,
    /// Processes that found no free place, or no memory.
    pub left_out: AtomicU32,
    /// Counts the places claimed, to tell older from newer ones.
    pub claims: AtomicU32,
}

/// The place of one process.
#[repr(C, align(4096))]
#[derive(Debug)]
pub struct Process {
    /// Zero while the place is free, else the number of the process.
    pub owner: AtomicU32,
    /// The how manieth claim of a place this was.
    pub claim: AtomicU32,
    /// Waits that are in no books: the side table had no room for their locks.
    pub missed: AtomicU64,
    /// Parts of the side table that were given up, because a thread never left them.
    pub given_up: AtomicU32,
    /// How much of `maps` is filled. Changes when it is written anew.
    pub maps_length: AtomicU32,
    /// The names of locks, by class.
    pub locks: [Lock; LOCKS],
    /// Lines as in `/proc/self/maps`, of mapped files alone.
    pub maps: [AtomicU8; MAPS],
    /// What was recorded.
    pub books: Books,
}

/// What is known of a lock, or of some that share a name.
#[repr(C)]
#[derive(Debug)]
pub struct Lock {
    /// Zero while free, else the class; complete if `kind` is not zero.
    pub class: AtomicU32,
    /// One of [`Kind`], plus one.
    pub kind: AtomicU32,
    /// The lock's address, if it is a variable of the program or of a library.
    pub address: AtomicUsize,
    /// How many of `stack` are filled.
    pub depth: AtomicUsize,
    /// The stack that contended first, innermost first, if the lock is no variable.
    pub stack: [AtomicUsize; LOCK_STACK],
}

/// What kind of lock.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub enum Kind {
    /// `pthread_mutex_t`.
    Mutex = 0,
    /// `pthread_rwlock_t`.
    RwLock = 1,
    /// `pthread_spinlock_t`.
    Spin = 2,
}

impl Lock {
    /// The kind, once the entry is complete.
    #[must_use]
    pub fn kind(&self) -> Option<Kind> {
        // Acquire: the rest was written before.
        match self.kind.load(Ordering::Acquire) {
            1 => Some(Kind::Mutex),
            2 => Some(Kind::RwLock),
            3 => Some(Kind::Spin),
            _ => None,
        }
    }
}
