//! The rows of a report.

use clap::ValueEnum;
use holdup::profile::{Contents, Frame, Profile};

use super::{Cost, Entry, LockEntry, RowKey, by_frame, by_lock, by_pair, function_key, line_key};
use crate::stacks;

/// What a row stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum By {
    /// The function that ended the critical section
    Function,
    /// The line of source code at which it ended
    Line,
    /// The lock, by its name; exact, with percentiles
    Lock,
    /// Who held up whom: the function that ended the critical section, and the one that waited
    Pair,
}

impl By {
    /// As it is said on the command line.
    pub fn name(self) -> &'static str {
        match self {
            By::Function => "function",
            By::Line => "line",
            By::Lock => "lock",
            By::Pair => "pair",
        }
    }
}

/// The sums of a profile by what a row stands for, the largest first.
pub enum Rows {
    /// By function, or by line.
    Frames(Vec<(RowKey, Entry)>),
    /// By lock.
    Locks(Vec<(String, LockEntry)>),
    /// By pair.
    Pairs(Vec<(RowKey, Cost)>),
}

impl Rows {
    /// Those of `profile`; of functions and lines, those of the stacks that
    /// `contents` says.
    pub fn of(profile: &Profile, by: By, contents: Contents) -> Rows {
        let frames = |key: fn(&Frame) -> RowKey| {
            Rows::Frames(by_frame(&stacks::pairs(profile, contents), contents, key))
        };
        match by {
            By::Function => frames(function_key),
            By::Line => frames(line_key),
            By::Lock => Rows::Locks(by_lock(profile)),
            By::Pair => Rows::Pairs(by_pair(&stacks::pairs(profile, Contents::Pairs))),
        }
    }

    /// What each row is charged with; a lock with all that was waited for it.
    pub fn costs(self) -> Vec<(RowKey, Cost)> {
        match self {
            Rows::Frames(rows) => rows.into_iter().map(|(key, entry)| (key, entry.flat)).collect(),
            Rows::Pairs(rows) => rows,
            Rows::Locks(rows) => {
                let cost =
                    |entry: LockEntry| Cost { delay: entry.waited, count: entry.blamed.count };
                rows.into_iter().map(|(lock, entry)| (lock.as_str().into(), cost(entry))).collect()
            }
        }
    }
}
