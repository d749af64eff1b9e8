//! The rows of a report.

use clap::ValueEnum;
use holdup::profile::Profile;

use super::{Cost, Entry, FrameKey, LockEntry, by_frame, by_lock, function_key, line_key};

/// What a row stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum By {
    /// The function that ended the critical section
    Function,
    /// The line of source code at which it ended
    Line,
    /// The lock, by its name; exact
    Lock,
}

impl By {
    /// As it is said on the command line.
    pub fn name(self) -> &'static str {
        match self {
            By::Function => "function",
            By::Line => "line",
            By::Lock => "lock",
        }
    }
}

/// The sums of a profile by what a row stands for, the largest first.
pub enum Rows {
    /// By function, or by line.
    Frames(Vec<(FrameKey, Entry)>),
    /// By lock.
    Locks(Vec<(String, LockEntry)>),
}

impl Rows {
    /// Those of `profile`.
    pub fn of(profile: &Profile, by: By) -> Rows {
        match by {
            By::Function => Rows::Frames(by_frame(profile.samples(), function_key)),
            By::Line => Rows::Frames(by_frame(profile.samples(), line_key)),
            By::Lock => Rows::Locks(by_lock(profile)),
        }
    }

    /// What each row is charged with; a lock with all that was waited for it.
    pub fn costs(self) -> Vec<(FrameKey, Cost)> {
        match self {
            Rows::Frames(rows) => rows.into_iter().map(|(key, entry)| (key, entry.flat)).collect(),
            Rows::Locks(rows) => {
                let cost =
                    |entry: LockEntry| Cost { delay: entry.waited, count: entry.blamed.count };
                rows.into_iter().map(|(lock, entry)| (lock.as_str().into(), cost(entry))).collect()
            }
        }
    }
}
